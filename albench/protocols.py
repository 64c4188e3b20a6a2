"""Named protocols. A protocol is a value: add one here and it has its name."""

from albench.errors import UnknownName
from albench.published_protocols import PUBLISHED
from albench.registry import did_you_mean, entry
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
    found = {
        key: text
        for key, text in value.shown().items()
        if getattr(value, key) != getattr(known, key)
    }
    return found | ({"oracle": spelled(value)} if "oracle" in found else {})


def spelled(value: Protocol) -> str:
    """The oracle of a protocol with all its numbers, defaults too: `uniform(rate=0.1)`."""
    ref = value.oracle
    about = entry("oracle", ref.name).parameters
    numbers = {key: p.default for key, p in about.items() if isinstance(p.default, float)}
    told = (
        f"{key}={getattr(v, 'label', v)}" for key, v in sorted({**numbers, **ref.kwargs}.items())
    )
    shown = ", ".join(told)
    return f"{ref.name}({shown})" if shown else ref.name


def with_oracle(label: str, value: Protocol) -> str:
    """A suite's label of a protocol, with its oracle where that errs and is not told."""
    shown = spelled(value)
    told = value.oracle.name == "exact" or shown in label
    return label if told else f"{label} (oracle {shown})"
