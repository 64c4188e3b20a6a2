"""Datasets, one module per source; every module here is scanned."""
