"""The version of albench: here only; `pyproject.toml` and what results say are read from it."""

VERSION = "0.2.0"
