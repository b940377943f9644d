"""On the system below: calls that would open the sandbox, or lead around it."""

from __future__ import annotations

from .attack import Attack, all_refused, code

CALLS = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    def one():
        ctypes.set_errno(0)
        answer = getattr(libc, name)(*arguments)
        if answer < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return answer
    return one
"""


ATTACKS: list[Attack] = [
    code(
        "traces",
        "reads and leads the first process of its world",
        CALLS
        + """
tell(refused({
    "attach": call("ptrace", 16, 1, 0, 0),
    "seize": call("ptrace", 0x4206, 1, 0, 0),
    "read": call("process_vm_readv", 1, None, 0, None, 0, 0),
    "write": call("process_vm_writev", 1, None, 0, None, 0, 0),
    "its files": call("syscall", 438, 3, 0, 0),
    "memory": lambda: open("/proc/1/mem"),
}))
""",
        proof=all_refused,
    ),
    code(
        "new-namespaces",
        "makes a user namespace, where it would be root",
        CALLS
        + """
import subprocess
tell(refused({
    "user": call("unshare", 0x10000000),
    "mounts": call("unshare", 0x00020000),
    "network": call("unshare", 0x40000000),
    "clone": call("syscall", 56, 0x10000011, 0, 0, 0, 0),
    "clone3": call("syscall", 435, 0, 0),
    "enter": call("setns", 3, 0),
    "bubblewrap": lambda: subprocess.run(
        ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"],
        check=True, capture_output=True, timeout=5),
}))
""",
        proof=all_refused,
    ),
    code(
        "mounts",
        "mounts, unmounts and uncovers",
        CALLS
        + """
tell(refused({
    "proc": call("umount2", b"/proc", 2),
    "kernels": call("umount2", b"/run/kernels", 2),
    "writable": call("mount", None, b"/run/kernel", None, 4096 | 32, None),
    "root": call("mount", None, b"/", None, 32, None),
    "new": call("mount", b"tmpfs", b"/tmp", b"tmpfs", 0, None),
    "pivot": call("syscall", 155, b"/tmp", b"/tmp"),
    "chroot": call("chroot", b"/tmp"),
    "device": lambda: os.mknod("/tmp/disk", 0o60600, os.makedev(254, 0)),
}))
""",
        proof=all_refused,
    ),
    code(
        "raises-limits",
        "sets its limits up again, and becomes root",
        CALLS
        + """
import resource
kinds = {n: getattr(resource, n) for n in ("RLIMIT_AS", "RLIMIT_NOFILE", "RLIMIT_FSIZE",
                                          "RLIMIT_CPU", "RLIMIT_NPROC")}
tries = {name: lambda kind=kind: resource.setrlimit(kind, (resource.RLIM_INFINITY,) * 2)
         for name, kind in kinds.items()}
tries |= {"root": lambda: os.setuid(0), "group": lambda: os.setgroups([0]),
          "capability": call("capset", (ctypes.c_uint32 * 2)(0x20080522, 0),
                             (ctypes.c_uint32 * 6)(1 << 21, 1 << 21, 0)),
          "nice": lambda: os.nice(-5),
          "realtime": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
          "parent": lambda: resource.prlimit(1, resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)}
tell(refused(tries))
""",
        proof=all_refused,
    ),
    code(
        "strange-calls",
        "asks the system for what no answer needs",
        CALLS
        + """
import socket
tell(refused({
    "keys": call("syscall", 248, b"user", b"escaped", b"x", 1, -4),
    "session keys": call("syscall", 250, 1, None),
    "bpf": call("syscall", 321, 0, None, 0),
    "perf": call("syscall", 298, None, 0, -1, -1, 0),
    "io_uring": call("syscall", 425, 1, None),
    "userfaultfd": call("syscall", 323, 0),
    "nameless file": call("memfd_create", b"escaped", 0),
    "shared segment": call("shmget", 0, 1 << 20, 0o1600),
    "queue": call("msgget", 0, 0o1600),
    "virtual machine's host": lambda: socket.socket(40, socket.SOCK_STREAM),
    "packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "crypto": lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET),
    "raw": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
    "old numbers": call("syscall", 0x40000000 | 39),
}))
""",
        proof=all_refused,
    ),
]
