"""Identity and random streams of a run."""

import json
import pickle
from dataclasses import MISSING, fields, replace
from typing import Any

import numpy as np
import pytest

from albench.core import spec
from albench.core.errors import BadResults, BadValue
from albench.core.spec import Protocol, Ref, RunSpec, canonical, plain

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
    made = replace(SPEC, strategy=NESTED, protocol=Protocol(test=0.25, budget="pool"), trial=3)
    assert made.json == canonical(made.table())
    again = RunSpec.from_json(made.json)
    assert again == made
    assert again.id == made.id
    assert pickle.loads(pickle.dumps(made)) == made


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
        ("start", -1),
        ("start", 0.0),
        ("start", False),
        ("cold", Ref("margin")),
        ("tolerance", -1.0),
        ("tolerance", True),
        ("tolerance", float("nan")),
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


DEFAULTS = {
    "split": "random",
    "test": 0.4,
    "starts_per_split": 1,
    "start": 20,
    "start_rule": "random",
    "missing": "allow",
    "batch": 10,
    "budget": 200,
    "scale": "train",
    "ties": "pool-order",
    "oracle": Ref("exact"),
    "labels": "hidden",
    "audit": 0,
    "cost": None,
    "cost_budget": None,
    "delay": 0,
    "session": None,
    "groups": "many",
    "stop": None,
    "cold": Ref("random"),
    "tolerance": None,
}
"""A default never stands in the JSON, so each is part of every id: never edit one. A new field
gets a line whose value is what albench did before there was the field."""


def test_every_default_is_pinned() -> None:
    assert {f.name: f.default for f in fields(Protocol)} == DEFAULTS
    assert all(f.default_factory is MISSING for f in fields(Protocol))


@pytest.mark.parametrize("field", DEFAULTS)
def test_a_default_never_stands_in_the_json(field: str) -> None:
    default: Any = DEFAULTS[field]
    assert Protocol(**{field: default}).json == "{}"
    assert replace(SPEC, protocol=Protocol(**{field: default})).id == SPEC.id
    assert Protocol.from_table({field: plain(default)}).json == "{}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("split", "stratified"),
        ("test", 0.25),
        ("starts_per_split", 2),
        ("start", 10),
        ("start_rule", "cover"),
        ("missing", "skip"),
        ("batch", 1),
        ("budget", "pool"),
        ("scale", "none"),
        ("ties", "row"),
        ("oracle", Ref("uniform")),
        ("labels", "visible"),
        ("audit", 60),
        ("cost", Ref("lognormal")),
        ("cost_budget", 50.0),
        ("delay", 3),
        ("session", 25.0),
        ("start", 0),
        ("tolerance", 0.0),
    ],
)
def test_all_else_stands_in_the_json_and_comes_back(field: str, value: Any) -> None:
    protocol = Protocol(**{field: value})
    assert json.loads(protocol.json) == {field: plain(value)}
    assert Protocol.from_table(json.loads(protocol.json)) == protocol
    assert replace(SPEC, protocol=protocol).id != SPEC.id


def test_who_chooses_at_a_start_from_nothing_is_in_the_id_and_moves_no_split() -> None:
    bare = replace(SPEC, protocol=Protocol(start=0))
    ruled = replace(SPEC, protocol=Protocol(start=0, cold=Ref("typiclust")))
    assert json.loads(ruled.protocol.json)["cold"] == Ref("typiclust").table()
    assert Protocol.from_table(json.loads(ruled.protocol.json)) == ruled.protocol
    assert ruled.id != bare.id
    for stream in ("split", "start", "oracle", "strategy"):
        assert ruled.seed(stream) == bare.seed(stream)
    assert bare.seed("cold") == replace(bare, strategy=Ref("entropy")).seed("cold")
    assert bare.seed("cold") != ruled.seed("cold")


@pytest.mark.parametrize(
    "fields", [{"start_rule": "cover"}, {"start_rule": "per_class"}, {"missing": "redraw"}]
)
def test_without_first_labels_there_is_no_rule_for_them(fields: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match=r"start = 0 with .*nothing to rule"):
        Protocol(start=0, **fields)


def test_a_field_of_a_later_albench_is_refused_by_name() -> None:
    text = SPEC.json.replace('"protocol":{}', '"protocol":{"group":"patient"}')
    with pytest.raises(BadResults, match="the field 'group', which this albench does not know"):
        RunSpec.from_json(text)


def test_an_id_says_by_which_rule_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SPEC.identity == spec.IDENTITY == 1
    assert "identity" not in SPEC.json
    later = replace(SPEC, identity=2)
    assert later.id != SPEC.id
    assert later.json == canonical(later.table())
    assert json.loads(later.json)["identity"] == 2
    with pytest.raises(BadResults, match=r"version 2 of the rule, .* up to version 1"):
        RunSpec.from_json(later.json)
    monkeypatch.setattr(spec, "IDENTITY", 2)
    assert RunSpec.from_json(later.json) == later
    assert RunSpec.from_json(SPEC.json).id == SPEC.id


@pytest.mark.parametrize("version", ["2", 0, -1, True, None, 1.0])
def test_what_is_no_version_of_the_rule_is_refused(version: object) -> None:
    text = canonical(SPEC.table() | {"identity": version})
    with pytest.raises(BadResults, match="version"):
        RunSpec.from_json(text)
