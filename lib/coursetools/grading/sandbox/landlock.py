"""A second wall: a kernel writes below its folders in memory, whatever else is mounted writable.

Where a box holds one kernel, the folder of its sockets lies on the disk outside and cannot be made
read-only from within once they are there. Linux's Landlock can forbid it all the same.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # on every architecture
ASK_VERSION = 1
BELOW = 1  # the kind of rule: a folder and what is below it
WRITE_FILE = 1 << 1
CHANGE_FOLDERS = sum(1 << bit for bit in range(4, 13))  # remove and make files, of every kind
MOVE, TRUNCATE = 1 << 13, 1 << 14  # of versions 2 and 3


def write_only_below(folders: Iterable[str], devices: str = "/dev") -> bool:
    """Let this process, and all that it starts, write below these folders and to devices alone.

    Wants a process that has given up new privileges. False where the system has no Landlock.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION)
    if version < 1:
        return False
    rights = WRITE_FILE | CHANGE_FOLDERS
    rights |= (MOVE if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    rules = libc.syscall(CREATE_RULESET, struct.pack("=Q", rights), ctypes.c_size_t(8), 0)
    if rules < 0:
        return False
    writing = rights & (WRITE_FILE | TRUNCATE)
    for folder, allowed in [*((folder, rights) for folder in folders), (devices, writing)]:
        handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        libc.syscall(ADD_RULE, rules, BELOW, struct.pack("=Qi", allowed, handle), 0)
        os.close(handle)
    done: int = libc.syscall(RESTRICT_SELF, rules, 0)
    os.close(rules)
    return done == 0
