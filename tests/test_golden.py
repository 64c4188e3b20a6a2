"""Stored picks and accuracies of a small grid, and pinned sources of all entries.

Both files beside this one are written by `python tests/test_golden.py`. Rewrite
golden.json only if numbers were meant to move, and entries.json after raising the
`version` of every entry whose change can move a number. An entry whose change moves none
(a parameter came, its default changes nothing) names its earlier source in `formerly`.
`python tests/test_golden.py new` pins the entries that are not pinned yet, and moves nothing.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from albench.core import registry
from albench.core.spec import Protocol, Ref, RunSpec, canonical
from albench.runner.worker import Options, run_one

HERE = Path(__file__).parent
GRID = [
    RunSpec(Ref(dataset), Ref(strategy), model, model, Protocol(budget=60), trial)
    for dataset in ("iris", "wdbc")
    for model in (registry.resolve("model", name) for name in ("logreg", "svc-rbf", "gnb"))
    for strategy in ("random", "margin", "kcenter")
    for trial in (0, 1)
]


def outcome(spec: RunSpec) -> dict[str, Any]:
    """What is kept of a run: a digest of its picks, and its last accuracy."""
    finished = run_one(spec, Options(("accuracy",), engine="plain"))
    assert finished.run["status"] == "done", finished.run["reason"]
    picks = canonical([row["picks"] for row in finished.rounds])
    return {
        "picks": hashlib.sha256(picks.encode()).hexdigest()[:16],
        "accuracy": finished.rounds[-1]["accuracy"],
    }


def pinned() -> dict[str, dict[str, str]]:
    """Version and source digest of albench's own entries."""
    registry.load()
    return {
        f"{kind}:{name}": {"version": entry.version, "source": entry.digest[:16]}
        for kind in registry.KINDS
        for name, entry in sorted(registry.ENTRIES[kind].items())
        if entry.plugin is None
    }


def formerly(name: str) -> set[str]:
    """The earlier sources that give the same numbers, by their entry."""
    kind, _, entry = name.partition(":")
    return {digest[:16] for digest in registry.ENTRIES[kind][entry].traits.formerly}


@pytest.mark.parametrize(
    "spec", GRID, ids=lambda s: f"{s.dataset.name}-{s.model.name}-{s.strategy.name}-{s.trial}"
)
def test_numbers_stay(spec: RunSpec) -> None:
    golden = json.loads((HERE / "golden.json").read_text())
    assert outcome(spec) == golden[spec.id]


def test_an_entry_whose_source_moved_has_a_new_version() -> None:
    known, now = json.loads((HERE / "entries.json").read_text()), pinned()
    python = known.pop("python")
    if python != f"{sys.version_info[0]}.{sys.version_info[1]}":
        pytest.skip(f"sources were digested under Python {python}, which prints them its own way")
    moved = [
        name
        for name, entry in known.items()
        if name in now
        and entry["source"] != now[name]["source"]
        and entry["source"] not in formerly(name)
        and entry["version"] == now[name]["version"]
    ]
    assert not moved, f"source moved, version did not: {', '.join(moved)}; see this file's head"


def test_every_entry_is_pinned() -> None:
    known = json.loads((HERE / "entries.json").read_text())
    new = [name for name in pinned() if name not in known]
    assert not new, f"not pinned: {', '.join(new)}; python tests/test_golden.py new"


def pin(entries: dict[str, Any]) -> None:
    """Write the pinned sources."""
    (HERE / "entries.json").write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n")


def main() -> None:
    """Write both files, or pin what is new."""
    if sys.argv[1:] == ["new"]:
        pin(pinned() | json.loads((HERE / "entries.json").read_text()))
        return
    golden = {spec.id: outcome(spec) for spec in GRID}
    (HERE / "golden.json").write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")
    entries: dict[str, Any] = pinned()
    entries["python"] = f"{sys.version_info[0]}.{sys.version_info[1]}"
    pin(entries)
    sys.stdout.write(f"{len(golden)} runs, {len(pinned())} entries\n")


if __name__ == "__main__":
    main()
