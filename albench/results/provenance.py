"""Where results come from: versions, machine, revision, sources of the entries used."""

import hashlib
import platform
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from albench.core import registry
from albench.core.source import SESSION
from albench.core.spec import Ref
from albench.core.version import VERSION
from albench.suite import Suite

FIXED = ("metric", "better", "summary", "baseline", "rope", "alpha")
LIBRARIES = ("numpy", "scipy", "scikit-learn")
OWN = "albench"


@cache
def versions() -> dict[str, str]:
    """Python, the libraries whose version can move a number, and albench itself.

    albench's is that of the code that runs, which in a folder or an editable installation need
    not be what was installed.
    """
    found = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **found, OWN: VERSION}


def environment(versions: Mapping[str, str]) -> dict[str, str]:
    """Of versions those around albench: where they agree, a difference is albench's own."""
    return {name: text for name, text in versions.items() if name != OWN}


def git(*words: str) -> str:
    """What git says in albench's own folder; empty where it is no checkout of albench."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@cache
def revision() -> str:
    """The git revision of albench, with `-dirty` if its code was changed; empty without git."""
    head = git("rev-parse", "HEAD")
    changed = git("status", "--porcelain", "--", "albench")
    return f"{head}-dirty" if head and changed else head


def machine() -> dict[str, Any]:
    """CPU model and number of cores."""
    import os

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text("utf-8", errors="replace").splitlines()
        names = [line for line in lines if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return {"cpu": model, "cores": os.cpu_count()}


def manifest(suite: Suite) -> dict[str, Any]:
    """What a manifest says of a suite and of what ran it."""
    return {
        "suite": suite.name,
        "suite_sha256": suite_digest(suite),
        "added": list(suite.added),
        "entries": entries(suite),
        "versions": versions(),
        "machine": machine(),
        "revision": revision(),
    }


def asked(suite: Suite) -> dict[str, Any]:
    """What of the suite's question must be fixed before the first run."""
    plain = suite.question().plain()
    return {key: plain[key] for key in FIXED}


def changed_since(suite: Suite, stored: Mapping[str, Any]) -> list[str] | None:
    """Which parts of the question differ from the one at the first run; None: not known.

    stored: the manifest. Where it is of a version that did not record the question, an
    unchanged suite file still tells that nothing was changed since the last run.
    """
    first = stored.get("question")
    if isinstance(first, Mapping):
        now = asked(suite)
        return [key for key in FIXED if first.get(key) != now[key]]
    return [] if stored.get("suite_sha256") == suite_digest(suite) else None


def suite_digest(suite: Suite) -> str:
    """The SHA-256 of the suite's file."""
    return hashlib.sha256(suite.text.encode()).hexdigest()


def entries(suite: Suite) -> dict[str, dict[str, str]]:
    """Version and source digest of every entry that the suite uses, and which no file holds."""
    refs: list[tuple[registry.Kind, Ref]] = [("dataset", d.ref) for d in suite.datasets]
    refs += [("strategy", s.ref) for s in suite.strategies]
    models = [m.ref for m in suite.models] + [m.query for m in suite.models if m.query]
    refs += [("model", m) for m in models + [s.query for s in suite.strategies if s.query]]
    refs += [("metric", registry.resolve("metric", m)) for m in suite.metrics]
    found = {}
    for kind, ref in refs:
        entry = registry.entry(kind, ref.name)
        told = {"version": entry.version, "source": entry.digest}
        # no file holds it, so nobody else can run it from these results
        told |= {"origin": "session"} if entry.plugin == SESSION else {}
        found[f"{kind}:{ref.name}"] = told
    return found


def in_process(manifests: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The strategies from outside that ran in the process that holds the data, and why."""
    found: dict[str, str] = {}
    for one in manifests:
        told = one.get("in_process")
        found |= told if isinstance(told, dict) else {}
    return found


def merged(manifests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The manifest of a union of stores: what differs between them is listed, not hidden."""
    out: dict[str, Any] = {}
    for one in manifests:
        for key, value in one.items():
            if key in ("sha256", "schema", "seal") or value is None:
                continue
            if key == "added":
                out[key] = sorted({*out.get(key, []), *value})
            elif key == "in_process":
                out[key] = in_process([one, out])
            elif key == "entries":
                out[key] = {**value, **out.get(key, {})}
            elif key not in out:
                out[key] = value
            elif out[key] != value:
                others = out.setdefault("also", {}).setdefault(key, [])
                if value not in others:
                    others.append(value)
    return out
