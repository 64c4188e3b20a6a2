"""What every test begins with: the entries of albench, and none that another test has brought;
no width of a terminal, which the runner of tests may hand on and at which sentences are wrapped."""

import os
from collections.abc import Iterator

import pytest

from albench.core import registry

registry.load()
os.environ.pop("COLUMNS", None)


@pytest.fixture(autouse=True)
def entries_of_albench() -> Iterator[None]:
    """Take back what plugins of a test have entered."""
    entries = {kind: dict(held) for kind, held in registry.ENTRIES.items()}
    loaded = dict(registry.LOADED)
    yield
    registry.ENTRIES.update(entries)
    registry.LOADED.clear()
    registry.LOADED.update(loaded)
