"""Several ranks on one machine: forked, so that none of them imports torch again."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def fork(size: int, work: Callable[[int], None], said: Path) -> list[int]:
    """Starts ``work(rank)`` on so many ranks, as torchrun would; their process ids. stderr goes to said/RANK.txt."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = []
    for rank in range(size):
        child = os.fork()
        if not child:
            _work(rank, size, port, work, said)
        children.append(child)
    return children


def _work(rank: int, size: int, port: int, work: Callable[[int], None], said: Path) -> None:
    """The child: never returns."""
    code = 1
    values = (rank, rank, size, "127.0.0.1", port)
    os.environ.update({name: str(value) for name, value in zip(NAMES, values, strict=True)})
    try:
        sys.stdout = sys.stderr = (said / f"{rank}.txt").open("w", buffering=1)
        work(rank)
        code = 0
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc(file=sys.stderr)
    finally:
        with contextlib.suppress(Exception):  # whatever happens, the child goes no further
            sys.stderr.flush()
        os._exit(code)


def wait(children: list[int], seconds: float = 300) -> list[int]:
    """Exit codes; negative for a signal. Kills those that are still there after so many seconds."""
    codes = []
    deadline = time.monotonic() + seconds
    for child in children:
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                break
            if time.monotonic() > deadline:
                os.kill(child, 9)
            time.sleep(0.02)
        codes.append(os.waitstatus_to_exitcode(status))
    return codes
