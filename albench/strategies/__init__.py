"""Query strategies, one module per family; every module here is scanned."""
