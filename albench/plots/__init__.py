"""Figures: from analysis frames to matplotlib axes."""
