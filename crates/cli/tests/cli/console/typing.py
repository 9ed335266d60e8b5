"""Types lines at a program in a pseudo-terminal, and prints what it showed.

typing.py PROGRAM ARGUMENTS... < lines; each line is typed once the prompt has been shown again.
"""

import os
import pty
import re
import select
import sys
import time

PATIENCE = 120
STEERING = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def is_prompt(shown):
    """Whether the last that was shown, less what steers the terminal, is a prompt."""
    return STEERING.sub(b"", shown).rstrip(b"\r ").endswith(b">")


def shown_until(terminal, ready):
    shown = b""
    end = time.monotonic() + PATIENCE
    while not ready(shown):
        if time.monotonic() > end:
            sys.exit(f"nothing came after {shown!r}")
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            piece = b""
        if not piece:
            return shown, False
        shown += piece
    return shown, True


def main():
    lines = sys.stdin.read().split("\n")
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.argv[1], sys.argv[1:])
    for line in lines:
        shown, there = shown_until(terminal, lambda shown: is_prompt(shown))
        sys.stdout.buffer.write(shown)
        if not there:
            break
        os.write(terminal, line.encode() + b"\r")
    shown, _ = shown_until(terminal, lambda _: False)
    sys.stdout.buffer.write(shown)
    sys.stdout.flush()
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


main()
