"""Text from elsewhere made fit for a terminal, a page and a table."""

import re

MOST_REASON = 4000
ABSOLUTE = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:[\\/]|/)(?:[^\s\"'<>|:;,()\\/]+[\\/])+")
"""The folders of an absolute path."""


def printable(text: str) -> str:
    """The text with control characters and direction marks written out, lines kept."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else escaped(c) for c in text)


def escaped(character: str) -> str:
    """A character as its code."""
    return (
        character.encode("ascii", "backslashreplace").decode()
        if ord(character) > 127
        else (f"\\x{ord(character):02x}")
    )


def cut(text: str) -> str:
    """The text, its middle left out where it is longer than `MOST_REASON` characters."""
    if len(text) <= MOST_REASON:
        return text
    half = MOST_REASON // 2 - 40
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"


def without_folders(text: str) -> str:
    """The text with absolute paths cut to the names of their files."""
    return ABSOLUTE.sub("", text)


def reason(text: str) -> str:
    """Why a run did not end well, as results hold it."""
    return printable(cut(without_folders(cut(text))))
