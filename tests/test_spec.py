"""Identity and random streams of a run."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from albench.core.errors import BadValue
from albench.core.spec import Protocol, Ref, RunSpec, canonical

SPEC = RunSpec(Ref("iris"), Ref("margin"), Ref("logreg"), Ref("logreg"))
STREAMS = {
    "split": 128668300,
    "start": 33666092,
    "strategy": 655477946,
    "oracle": 719550940,
    "model": 951712576,
}
NESTED = Ref("softmax", "1", (("base", Ref("margin")), ("temperature", 0.5)))


def test_ids_are_pinned() -> None:
    """A change here makes every stored result foreign: never edit these literals."""
    assert SPEC.id == "077e976cac4fdd311082"
    assert replace(SPEC, trial=7).id == "8040c27ba5ee47279be0"
    assert replace(SPEC, strategy=NESTED).id == "d85db784368d7458c94b"
    assert replace(SPEC, protocol=Protocol(batch=1, budget="pool")).id == "a190af5b119995e961c0"


def test_streams_are_pinned() -> None:
    draws = {s: int(SPEC.rng(s).integers(10**9)) for s in ("split", "start", "strategy", "oracle")}
    draws["model"] = int(SPEC.rng("model", 20).integers(10**9))
    assert draws == STREAMS


def test_json_round_trip() -> None:
    spec = replace(SPEC, strategy=NESTED, protocol=Protocol(test=0.25, budget="pool"), trial=3)
    assert spec.json == canonical(spec.table())
    again = RunSpec.from_json(spec.json)
    assert again == spec
    assert again.id == spec.id
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_what_moves_no_pick_is_not_in_the_id() -> None:
    elsewhere = Ref("iris", source="/somewhere/else.csv")
    assert replace(SPEC, dataset=elsewhere).id == SPEC.id
    assert replace(SPEC, dataset=elsewhere) == SPEC


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": Ref("wine")},
        {"dataset": Ref("iris", "2")},
        {"strategy": Ref("entropy")},
        {"model": Ref("forest")},
        {"query_model": Ref("forest")},
        {"protocol": Protocol(batch=5)},
        {"trial": 1},
    ],
)
def test_what_can_move_a_pick_is_in_the_id(change: dict[str, object]) -> None:
    assert replace(SPEC, **change).id != SPEC.id  # type: ignore[arg-type]


def test_streams_depend_on_what_they_must() -> None:
    other = replace(SPEC, strategy=Ref("random"), model=Ref("forest"))
    longer = replace(SPEC, protocol=Protocol(budget=500))
    for stream in ("split", "start", "oracle"):
        assert SPEC.seed(stream) == other.seed(stream) == longer.seed(stream)
    assert SPEC.seed("model", 20) == replace(SPEC, strategy=Ref("random")).seed("model", 20)
    assert SPEC.seed("model", 20) != SPEC.seed("model", 30)
    assert SPEC.seed("strategy") == longer.seed("strategy")
    assert SPEC.seed("strategy") != replace(SPEC, strategy=Ref("random")).seed("strategy")
    assert SPEC.seed("model", 20) == SPEC.seed("query_model", 20)


def test_starts_share_a_split() -> None:
    protocol = Protocol(starts_per_split=3)
    specs = [replace(SPEC, protocol=protocol, trial=t) for t in range(6)]
    splits = [s.seed("split") for s in specs]
    assert splits[0] == splits[1] == splits[2] != splits[3]
    assert len({s.seed("start") for s in specs}) == 6


def test_streams_differ_from_each_other() -> None:
    seeds = {SPEC.seed(s) for s in ("split", "start", "audit", "oracle", "model", "strategy")}
    assert len(seeds) == 6
    assert not np.array_equal(SPEC.rng("split").random(4), SPEC.rng("start").random(4))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("test", 1.5),
        ("test", 0),
        ("test", "half"),
        ("batch", 0),
        ("batch", -1),
        ("batch", True),
        ("budget", 10),
        ("budget", "all"),
        ("start", 0),
        ("start_rule", "every"),
        ("missing", "ignore"),
        ("scale", "all"),
        ("ties", "first"),
        ("starts_per_split", 0),
        ("audit", -1),
    ],
)
def test_wrong_protocol_values_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(BadValue, match=field):
        Protocol(**{field: value})  # type: ignore[arg-type]
