"""Workers end with the process that started them, however that one ends."""

import ctypes
import os
import signal
import sys
import threading
import time

SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>
EVERY = 1.0


def end_with(parent: int) -> None:
    """Let this process end within seconds of the death of `parent`, which started it.

    On Linux the kernel ends it, also in a loop that never returns to Python; elsewhere a
    thread looks every second, which needs the interpreter to come by. (On Windows a process
    keeps the number of a dead parent, so that nothing is noticed there.)
    """
    if os.getpid() == parent:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    threading.Thread(target=watch, args=(parent,), daemon=True).start()


def watch(parent: int) -> None:
    """End this process once its parent is another one."""
    while os.getppid() == parent:
        time.sleep(EVERY)
    os._exit(1)
