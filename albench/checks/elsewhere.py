"""The same runs in another process, with another hash seed: they must give the same picks."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from albench import registry
from albench.checks.experiments import moved, usual
from albench.checks.scenes import SCENES, Batches, Play, Scene, pins
from albench.checks.watch import Watch
from albench.errors import Skip
from albench.ref import Ref

PATIENCE = 120


def elsewhere(strategy: Ref, scenes: Sequence[Scene], seed: int) -> str | None:
    """Where a new process picks other rows, or what the plugin reads when it is imported.

    Raises Skip for a strategy that is known in this process only.
    """
    plugin = registry.entry("strategy", strategy.name).plugin
    if plugin is not None and not Path(plugin).is_file():
        raise Skip("defined in this process only")
    scenes = [scene for scene in scenes if works(strategy, scene, seed)]
    order = {
        "strategy": strategy.table(), "plugin": plugin, "seed": seed, "pins": pins,
        "scenes": [SCENES.index(scene) for scene in scenes],
    }  # fmt: skip
    given = answered(order)
    if isinstance(given, str):
        return given
    if given["seen"]:
        return "its file, when imported, " + " and ".join(given["seen"])
    for scene, after in zip(scenes, given["picks"], strict=True):
        if after is None:
            continue
        said = moved(usual(strategy, scene, seed), after, "in another process")
        if said:
            return f"{scene.name}: {said}"
    if not scenes:
        raise Skip("it runs on none of these scenes")
    return None


def works(strategy: Ref, scene: Scene, seed: int) -> bool:
    """Whether the strategy answers on a scene here; where it fails, another check says so."""
    try:
        usual(strategy, scene, seed)
    except Exception:
        return False
    return True


def answered(order: dict[str, Any]) -> Any:
    """What the other process answers; a text where it fails."""
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONHASHSEED": "4242", "PYTHONPATH": os.pathsep.join(paths)}
    try:
        done = subprocess.run(
            [sys.executable, "-c", "from albench.checks.elsewhere import main; main()"],
            input=json.dumps(order), capture_output=True, text=True, timeout=PATIENCE,
            env=environment, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"no answer from another process after {PATIENCE} s"
    last = done.stdout.strip().splitlines()[-1:]
    if done.returncode or not last:
        return "fails in another process: " + " ".join(done.stderr.strip().splitlines()[-1:])
    return json.loads(last[0])


def main() -> None:
    """The other process: read the order, load the plugin under watch, run, answer."""
    order, watch = json.load(sys.stdin), Watch()
    registry.load()
    if order["plugin"]:
        with watch():
            registry.load_plugin(order["plugin"])
    strategy = Ref.from_table(order["strategy"])
    pins.extend(order["pins"])
    picks: list[Batches | None] = []
    for index in order["scenes"]:
        try:
            picks.append(Play(strategy, SCENES[index], order["seed"]).picks())
        except Skip:
            picks.append(None)
    own = [f"opens the file {order['plugin']}"]
    seen = [sentence for sentence in watch.seen if sentence not in own]
    sys.stdout.write("\n" + json.dumps({"picks": picks, "seen": seen}) + "\n")
