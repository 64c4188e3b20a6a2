"""From which digit on a number is float noise: one rule for terminal, page and print."""

NOISE = 12
"""Digits after the point from which on a number is float noise and shown as zero."""


def without_noise(value: float) -> float:
    """The number as it is shown; a zero has no sign."""
    return round(float(value), NOISE) + 0.0
