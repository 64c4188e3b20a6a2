"""What a fenced process may read and write: code, and what describes the machine.

Linux keeps the fence (Landlock, since 5.13; the network since 6.7, signals and other
processes since 6.12). It holds for compiled code as well, for threads begun later, and for
all that the process starts; nothing takes it away again. Where the kernel has no such thing
there is no fence.
"""

import contextlib
import os
import struct
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

CREATE, ADD, RESTRICT = 444, 445, 446  # system calls, alike on all machines
VERSION, BENEATH, NO_NEW_PRIVILEGES = 1, 1, 38
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
EVERYTHING = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE
TCP, SCOPES = 3, 3
SYSTEM: tuple[str, ...] = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sys", "/proc/sys", "/etc")
SYSTEM += ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@cache
def level() -> int:
    """The version of Landlock that the kernel has; 0: none."""
    if sys.platform != "linux":
        return 0
    return max(0, call(CREATE, None, 0, VERSION))


def call(number: int, *given: object) -> int:
    """A system call; negative where it fails."""
    import ctypes

    system = ctypes.CDLL(None, use_errno=True)
    return int(system.syscall(number, *given))


def code() -> list[Path]:
    """Where code lies that a strategy may import: Python, installed packages, albench."""
    paths = sysconfig.get_paths()
    found = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {sys.prefix, sys.base_prefix, str(Path(__file__).parents[1])}
    return sorted({Path(path).resolve() for path in found} - {Path("/")})


@cache
def tables() -> tuple[Path, ...]:
    """Published data that lie among the code."""
    import sklearn

    home = Path(str(sklearn.__file__)).parent / "datasets"
    return tuple(path.resolve() for path in (home / "data", home / "tests" / "data"))


def spread(path: Path) -> Iterator[Path]:
    """The path, or what is in it without the tables."""
    if not any(path in table.parents for table in tables()):
        if path not in tables():
            yield path
        return
    with contextlib.suppress(OSError):
        for below in path.iterdir():
            if not below.is_symlink():  # it would lead around the tables
                yield from spread(below)


def build() -> int | None:
    """The fence, as a file that is used once in each process; None where there is none."""
    if not level():
        return None
    handled = EVERYTHING[max(known for known in EVERYTHING if known <= level())]
    head = struct.pack("<QQQ", handled, TCP if level() > 3 else 0, SCOPES if level() > 5 else 0)
    fence = call(CREATE, head, (8, 8, 8, 8, 16, 16, 24)[min(level(), 6)], 0)
    if fence < 0:
        return None
    for path in code():
        allow(fence, path, READ_DIR | EXECUTE)
        for part in spread(path):
            allow(fence, part, READ_DIR | READ_FILE | EXECUTE)
    for name in SYSTEM:
        allow(fence, Path(name), READ_DIR | READ_FILE | EXECUTE)
    for name in DEVICES:
        allow(fence, Path(name), READ_FILE | WRITE_FILE)
    return fence


def allow(fence: int, path: Path, rights: int) -> None:
    """Let what is at a path, and below it, be used; a path that is not there is no matter."""
    import ctypes

    with contextlib.suppress(OSError):
        place = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
        try:
            rights = rights if path.is_dir() else rights & OF_A_FILE
            call(ADD, fence, BENEATH, ctypes.c_char_p(struct.pack("<Qi", rights, place)), 0)
        finally:
            os.close(place)


def enter(fence: int) -> bool:
    """Keep this process behind the fence from now on; whether it is."""
    import ctypes

    allow(fence, Path("/proc/self"), READ_DIR | READ_FILE)
    ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return call(RESTRICT, fence, 0) == 0
