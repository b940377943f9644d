"""Calls of the system that no answer needs, forbidden to a kernel for good.

A sandbox hides files, processes and networks. It does not hide other ways into the system: sockets
of a virtual machine's host (no network namespace holds them), key rings (one user's, whoever runs
in between), memory that belongs to no process and so is counted for none, and whatever a new user
namespace would open again. The list follows those of Docker and Flatpak.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

# number on x86_64, number on aarch64
FORBIDDEN = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
}
# Libraries have another way where these do not exist.
MISSING = {"memfd_create": (319, 279), "memfd_secret": (447, 447), "clone3": (435, 435)}
CLONE = (56, 220)
NEW_NAMESPACES = 0x7E02_0080  # time, mounts, cgroups, hosts, queues, users, processes, network
SOCKET = (41, 198)
FAMILIES = (1, 2, 10, 16)  # local, internet, internet 6, and netlink, which lists interfaces
MACHINES = {"x86_64": (0, 0xC000_003E), "aarch64": (1, 0xC000_00B7)}
X32 = 0x4000_0000

LOAD, JUMP_IF, JUMP_IF_SET, JUMP_FROM, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
ALLOW, REFUSE = 0x7FFF_0000, 0x0005_0000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # where a filter finds them
PR_SET_SECCOMP, MODE_FILTER = 22, 2


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def program(machine: str) -> bytes | None:
    """The filter for a machine, as the system reads it; None for one that is not listed.

    >>> len(program("x86_64")) % 8, program("pdp11")
    (0, None)
    """
    if machine not in MACHINES:
        return None
    column, architecture = MACHINES[machine]
    refuse = REFUSE | errno.EPERM
    steps = [(LOAD, 0, 0, ARCHITECTURE), (JUMP_IF, 1, 0, architecture), (RETURN, 0, 0, refuse)]
    steps += [(LOAD, 0, 0, NUMBER)]
    if machine == "x86_64":  # the same calls by other numbers
        steps += [(JUMP_FROM, 0, 1, X32), (RETURN, 0, 0, refuse)]
    for calls, answer in ((FORBIDDEN, errno.EPERM), (MISSING, errno.ENOSYS)):
        for numbers in calls.values():
            steps += [(JUMP_IF, 0, 1, numbers[column]), (RETURN, 0, 0, REFUSE | answer)]
    steps += [(JUMP_IF, 0, 4, CLONE[column]), (LOAD, 0, 0, FIRST_ARGUMENT)]
    steps += [(JUMP_IF_SET, 0, 1, NEW_NAMESPACES), (RETURN, 0, 0, refuse), (RETURN, 0, 0, ALLOW)]
    steps += [(JUMP_IF, 0, 3 + len(FAMILIES), SOCKET[column]), (LOAD, 0, 0, FIRST_ARGUMENT)]
    left = len(FAMILIES)
    for family in FAMILIES:
        steps += [(JUMP_IF, left, 0, family)]
        left -= 1
    steps += [(RETURN, 0, 0, REFUSE | errno.EAFNOSUPPORT), (RETURN, 0, 0, ALLOW)]
    steps += [(RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def forbid() -> bool:
    """Forbid these calls to this process and all that it starts; False where it is not possible.

    Wants a process that has given up new privileges.
    """
    code = program(platform.machine())
    if code is None:
        return False
    filtering = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    done: int = libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(filtering), 0, 0)
    return done == 0
