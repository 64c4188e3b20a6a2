"""Entries that come with a library which is no part of the core."""

from typing import NamedTuple


class Extra(NamedTuple):
    """A library that some entries need: its name, its module, and the extra that brings it."""

    library: str
    module: str
    extra: str


EXTRAS = {
    "ska": Extra("scikit-activeml", "skactiveml", "skactiveml"),
    "lightgbm": Extra("LightGBM", "lightgbm", "boost"),
    "xgboost": Extra("XGBoost", "xgboost", "boost"),
    "catboost": Extra("CatBoost", "catboost", "boost"),
}
"""Name of an entry, up to a colon -> what it needs; without it the entry is not there."""
