"""Forks processes that have everything imported already, so that a killed one is back in a moment.

Reads one JSON object a line: {"role": …, "place": {…}, "port": …, "log": file}; answers each with the child's pid.
Children end when this process does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback

import bed


def child(order: dict, life: int) -> None:
    """Become the wanted process."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    threading.Thread(target=lambda: (os.read(life, 1), os._exit(1)), daemon=True).start()
    try:
        bed.ROLES[order["role"]](bed.Place(**order["place"]), order["port"])
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> None:
    """Serve orders until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    life, mine = os.pipe()
    for line in iter(sys.stdin.readline, ""):
        order = json.loads(line)
        bed.web(bed.Place(**order["place"]))
        pid = os.fork()
        if pid == 0:
            os.close(mine)
            child(order, life)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
