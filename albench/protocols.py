"""Named protocols. A protocol is a value: add one here and it has its name."""

from albench.errors import UnknownName
from albench.published_protocols import PUBLISHED
from albench.registry import did_you_mean
from albench.spec import Protocol

PROTOCOLS: dict[str, tuple[Protocol, str]] = {
    "standard": (
        Protocol(),
        "40 % test, 20 random first labels, batches of 10 up to 200 labels",
    ),
    "small-batch": (
        Protocol(start=10, batch=1, budget=100),
        "40 % test, 10 random first labels, one label at a time up to 100",
    ),
    "large-batch": (
        Protocol(start=50, batch=50, budget=500),
        "40 % test, 50 random first labels, batches of 50 up to 500 labels",
    ),
    **PUBLISHED,
}


def protocol(name: str) -> Protocol:
    """The protocol of that name; raises UnknownName with a suggestion."""
    if name not in PROTOCOLS:
        raise UnknownName(f"unknown protocol {name!r}{did_you_mean(name, PROTOCOLS)}")
    return PROTOCOLS[name][0]


def protocol_name(value: Protocol, base: str | None = None) -> str:
    """The name of a protocol, or what differs from a named one: `standard (batch 1)`.

    base  the named one; default: that with the fewest other fields, `standard` among equals
    """
    for name, (known, _) in PROTOCOLS.items():
        if known == value:
            return name
    nearest = base or min(PROTOCOLS, key=lambda name: len(differing(value, name)))
    told = ", ".join(f"{key} {shown}" for key, shown in differing(value, nearest).items())
    return f"{nearest} ({told})"


def differing(value: Protocol, name: str) -> dict[str, str]:
    """The fields in which a protocol differs from a named one, as text."""
    known = PROTOCOLS[name][0]
    return {
        key: text
        for key, text in value.shown().items()
        if getattr(value, key) != getattr(known, key)
    }
