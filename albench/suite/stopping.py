"""Which stopping rules a suite is judged by, and what a mistake costs in it."""

from collections.abc import Mapping, Sequence

from albench.core import registry
from albench.core.errors import UnknownName
from albench.core.spec import Ref
from albench.suite import Suite

ALSO = ({"use": "held_out", "rows": 60},)
"""Rules besides each with its defaults, where a suite names none."""


def rules_of(suite: Suite, only: Sequence[str] = ()) -> dict[str, Ref]:
    """Label -> rule: those of the suite's key `stopping`; without it all that are known.

    only: labels of these, or names of others that are known. Raises UnknownName for another.
    """
    found = {entry.label: entry.ref for entry in suite.stopping} or everyone()
    if not only:
        return found
    named = {name: registry.resolve("stopping", name) for name in registry.names("stopping")}
    known: Mapping[str, Ref] = everyone() | named | found
    for name in only:
        if name not in known:
            raise UnknownName(f"no stopping rule {name!r}{registry.did_you_mean(name, known)}")
    return {name: known[name] for name in dict.fromkeys(only)}


def everyone() -> dict[str, Ref]:
    """Every rule of the registry with its defaults, and the larger held-out sample."""
    needs = [n for n in registry.names("stopping") if not needed(n)]
    refs = [registry.resolve("stopping", name) for name in needs]
    refs += [registry.resolve("stopping", table) for table in ALSO]
    return {ref.label: ref for ref in refs}


def needed(name: str) -> list[str]:
    """The parameters of a rule that have no default."""
    parameters = registry.entry("stopping", name).parameters
    return [key for key, p in parameters.items() if p.default is p.empty]
