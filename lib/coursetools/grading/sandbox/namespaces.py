"""Linux's namespaces, mounts and capabilities from Python: the few calls that a nursery needs."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND = 1, 2, 4, 32, 4096
MS_REC, MS_PRIVATE = 0x4000, 0x4_0000
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
PR_SET_DUMPABLE = 4
CAPABILITY_VERSION_3 = 0x2008_0522
INODES = 20_000  # files that a folder in memory may hold: an empty one needs memory, too


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments[:3]}: {os.strerror(number)}")


def unshare() -> None:
    """Leave the mounts, processes, network and queues that this process shares with others.

    The next process that it forks is number 1 of a new world, which ends when that process does.
    """
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS
    _call("unshare", flags)
    _call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)


def mount_empty(path: str, size: int, read_only: bool = False) -> None:
    """Put an empty folder in memory, of so many bytes at most, in the place of `path`."""
    flags = MS_NOSUID | MS_NODEV | (MS_RDONLY if read_only else 0)
    options = f"size={size},nr_inodes={INODES},mode=0755"
    _call("mount", b"tmpfs", path.encode(), b"tmpfs", flags, options.encode())


def bind(source: str, path: str) -> None:
    """Show the folder `source` at `path`, too."""
    _call("mount", source.encode(), path.encode(), None, MS_BIND, None)


def make_read_only(path: str) -> None:
    """Make what is bound at `path` read-only, here and for every process that shares the mount."""
    flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV
    _call("mount", None, path.encode(), None, flags, None)


def drop_capabilities() -> None:
    """Give up every privilege of this process, for good."""
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for number in range(64):
        _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # refused for numbers that do not exist
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())


def die_with_parent(number: int) -> None:
    """Let the kernel send this signal to this process when its parent has ended."""
    _call("prctl", PR_SET_PDEATHSIG, number, 0, 0, 0)


def hide_memory() -> None:
    """Let no other process read this one's memory, or lead it."""
    _call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)


def be_first_to_go() -> None:
    """Where memory runs out, the system shall end this process, and not the one that grades."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")
