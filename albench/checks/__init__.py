"""`albench check`: whether a strategy keeps the contract, and whether it peeks."""

from albench.checks.audit import Finding, check_strategy

__all__ = ["Finding", "check_strategy"]
