"""Analyses: from the stored tables (or anybody's frames) to frames of numbers."""
