"""On resources: processes, memory, disk, time and output, more than there is of them."""

from __future__ import annotations

from .attack import Attack, Evidence, code, told


def _small_memory(evidence: Evidence) -> str:
    assert "memory" in evidence.words or "MemoryError" in evidence.words, evidence.words
    return "refused, or ended by the guard"


def _few(evidence: Evidence) -> str:
    files = evidence.found
    assert files <= 20_000, files
    return f"no more than {files:,} files"


FILL = """
import os
written = {}
for folder in ("/tmp", "/dev/shm"):
    written[folder] = 0
    for number in range(20):
        try:
            with open(f"{folder}/fill-{number}", "wb") as file:
                for part in range(64):
                    written[folder] += file.write(b"x" * 2_000_000)
        except OSError as error:
            pass
    for number in range(20):
        try: os.unlink(f"{folder}/fill-{number}")
        except OSError: pass
tell([written["/tmp"] < 300_000_000, written["/dev/shm"] < 300_000_000])
"""

ATTACKS: list[Attack] = [
    code(
        "fork-bomb",
        "forks until nothing else runs",
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n",
        says="had more than 64 processes|needed more than 4 GB",
    ),
    code(
        "thread-bomb",
        "starts threads until nothing else runs",
        """
import threading, time
while True:
    try: threading.Thread(target=time.sleep, args=(1000,)).start()
    except RuntimeError: time.sleep(0.01)
""",
        says="more than 256 threads",
    ),
    code(
        "fifty-gigabytes",
        "allocates 50 GB at once",
        "np.ones(50_000_000_000 // 8)\n",
        says="MemoryError",
    ),
    code(
        "memory-in-children",
        "allocates in several processes, each below the limit",
        """
import os, time
for child in range(8):
    if os.fork() == 0:
        kept = b"x" * 1_000_000_000
        time.sleep(1000)
        os._exit(0)
time.sleep(1000)
""",
        says="needed more than 4 GB of memory",
    ),
    code(
        "memory-that-is-shared",
        "allocates memory that counts as shared",
        """
import mmap, os, time
for child in range(8):
    if os.fork() == 0:
        kept = mmap.mmap(-1, 1_000_000_000)
        for start in range(0, len(kept), 4096):
            kept[start] = 1
        time.sleep(1000)
        os._exit(0)
time.sleep(1000)
""",
        says="needed more than 4 GB of memory",
    ),
    code(
        "fills-the-disk",
        "fills each folder that it may write to",
        FILL,
        proof=told([True, True], "each folder held what it may, and no more"),
    ),
    code(
        "a-large-file",
        "writes one file of a gigabyte, with holes",
        """
import os
tell(refused({"size": lambda: os.truncate(open("/tmp/large", "wb").fileno(), 1_000_000_000),
              "place": lambda: os.posix_fallocate(open("/tmp/more", "wb").fileno(), 0, 10**9)}))
""",
    ),
    code(
        "many-files",
        "makes empty files without end",
        """
import os
made = 0
try:
    while made < 100_000:
        os.close(os.open(f"/tmp/work/{made}", os.O_CREAT | os.O_WRONLY))
        made += 1
except OSError:
    pass
tell(made)
""",
        proof=_few,
    ),
    code(
        "many-sockets",
        "fills sockets that nobody reads",
        """
import socket
kept, held = [], 0
try:
    while True:
        pair = socket.socketpair()
        kept.append(pair)
        for one in pair:
            one.setblocking(False)
            try:
                while True: held += one.send(b"x" * 65536)
            except BlockingIOError: pass
except OSError as error:
    kept.clear()
    tell(held < 100_000_000)
""",
        proof=told(True, "it could open only so many"),
    ),
    code(
        "a-million-outputs",
        "shows a million small outputs",
        """
from IPython.display import display
for n in range(1_000_000):
    display(n)
""",
        says="printed more than 10 MB|Took longer than",
    ),
    code(
        "a-gigabyte-of-output",
        "prints a gigabyte at once",
        "print('x' * 1_000_000_000)\n",
        says="printed more than 10 MB|Python process ended|Took longer",
    ),
    code(
        "a-gigabyte-as-a-picture",
        "shows a gigabyte in small pictures",
        """
from IPython.display import display, Image
while True:
    display({"image/png": "x" * 1_000_000}, raw=True)
""",
        says="printed more than 10 MB|Took longer than",
    ),
    code(
        "a-long-error",
        "raises an error whose message has 100 MB",
        "raise ValueError('x' * 100_000_000)\n",
        says="printed more than 10 MB",
    ),
    code(
        "endless-repr",
        "answers with an object that writes itself without end",
        """
class Endless:
    def __repr__(self):
        return "".join(str(n)[:0] for n in __import__("itertools").count())
Endless()
""",
        says="Took longer than",
    ),
    code(
        "deaf",
        "loops, and ignores being interrupted",
        """
import signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
while True:
    pass
""",
        says="Took longer than",
    ),
    code(
        "stops-itself",
        "sends SIGSTOP to itself",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n",
        says="Took longer than",
    ),
    code(
        "waits-for-ever",
        "waits for ever",
        "import asyncio\nawait asyncio.sleep(1e9)\n",
        says="Took longer than",
    ),
    code(
        "sleeps-at-its-end",
        "sleeps when its process should end",
        """
import atexit, signal, time, threading
atexit.register(time.sleep, 1000)
threading.Thread(target=time.sleep, args=(1000,)).start()
signal.signal(signal.SIGTERM, lambda *a: time.sleep(1000))
""",
    ),
    code(
        "daemon",
        "starts a process that outlives the kernel",
        """
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 256)
        os.execvp("sleep", ["sleep", "424242"])
    os._exit(0)
""",
    ),
    code("os-exit", "calls os._exit(0)", "import os\nos._exit(0)\n", says="Python process ended"),
    code(
        "kills-itself",
        "sends SIGKILL to itself",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
        says="Python process ended",
    ),
    code(
        "crashes",
        "reads address 0",
        "import ctypes\nctypes.string_at(0)\n",
        says="Python process ended",
    ),
]
