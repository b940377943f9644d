"""On whoever grades: by signals, by messages that no kernel sends, and through the system."""

from __future__ import annotations

from .attack import Attack, Evidence, all_refused, code

# A message as ipykernel would send it, with whatever content.
SEND = """
import json, zmq
kernel = get_ipython().kernel
def send(kind, content, parent=None, socket=None):
    kernel.session.send(socket or kernel.iopub_socket, kind, content,
                        parent=parent or kernel.get_parent("shell"), ident=kind.encode())
"""
RAW = """
thread = kernel.iopub_thread
def raw(*parts):
    thread.schedule(lambda: thread.socket.send_multipart([b"stream", *parts]))
"""


def _goes_on(evidence: Evidence) -> str:
    assert len(evidence.result.checks) == 3
    assert evidence.result.checks[2].shown, evidence.words
    return "the check after it was judged all the same"


def _still_there(evidence: Evidence) -> str:
    all_refused(evidence)
    return "there is no such process in its world"


ATTACKS: list[Attack] = [
    code(
        "tells-the-runner-to-stop",
        "sends SIGTERM to its parent",
        "import os, signal\nos.kill(os.getppid(), signal.SIGTERM)\n",
    ),
    code(
        "kills-the-runner",
        "sends SIGKILL to its parent",
        "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n",
    ),
    code(
        "kills-the-grader",
        "sends signals to the grader by its number",
        """
import os
tell(refused({str(n): lambda n=n: os.kill(@GRADER@, n) for n in (0, 2, 9, 15, 19)}))
""",
        proof=_still_there,
    ),
    code(
        "kills-everybody",
        "sends SIGKILL to all that it may, and to its group",
        "import os\ntry: os.kill(-1, 9)\nfinally: os.killpg(0, 9)\n",
        says="Python process ended",
    ),
    code(
        "interrupts",
        "sends SIGINT in a loop",
        """
import os, signal, threading, time
def again():
    while True:
        time.sleep(0.001)
        for number in (os.getpid(), 1, 0):
            try: os.kill(number, signal.SIGINT)
            except OSError: pass
threading.Thread(target=again, daemon=True).start()
""",
    ),
    code(
        "forged-reply",
        "says that the cell has ended well, and shows what it likes, before it runs",
        SEND
        + """
send("stream", {"name": "stdout", "text": "check> turned: 1\\n"})
send("status", {"execution_state": "idle"})
send("execute_reply", {"status": "ok", "execution_count": 1}, socket=kernel.shell_streams[0]
     if getattr(kernel, "shell_streams", None) else kernel.shell_stream)
""",
    ),
    code(
        "forged-for-the-next-cell",
        "answers in the name of checks that have not run",
        SEND
        + """
for n in range(200):
    parent = {"msg_id": f"{kernel.session.session}_{n}", "header": {}}
    parent = {"header": {"msg_id": kernel.get_parent("shell")["header"]["msg_id"][:-1] + str(n)}}
    send("stream", {"name": "stdout", "text": "check> counts: 1\\n"}, parent)
    send("status", {"execution_state": "idle"}, parent)
""",
    ),
    code(
        "forged-types",
        "sends messages whose parts have other types",
        SEND
        + """
for content in ({"name": 1, "text": None}, {"name": "stdout", "text": 7}, {}, {"text": ["a"]}):
    send("stream", content)
send("error", {"ename": [], "evalue": {}, "traceback": [1, None]})
send("display_data", {"data": "x", "metadata": None})
send("status", {})
""",
        says="none of Jupyter's",
    ),
    code(
        "forged-bytes",
        "sends bytes that are no message",
        SEND
        + RAW
        + """
raw(b"")
raw(b"<IDS|MSG>", b"not a signature", b"{}", b"{}", b"{}", b"{}")
raw(b"<IDS|MSG>", b"", b"\\xff\\xfe", b"\\xff", b"\\xff", b"\\xff")
raw(*[b""] * 1000)
""",
        says="none of Jupyter's",
    ),
    code(
        "forged-depth",
        "sends signed JSON that is nested a hundred thousand times",
        SEND
        + RAW
        + """
parts = [b"{}", b"{}", b"{}", b"[" * 100_000 + b"]" * 100_000]
raw(b"<IDS|MSG>", kernel.session.sign(parts), *parts)
""",
        says="none of Jupyter's",
    ),
    code(
        "endless-message",
        "sends a message of parts without end, which nobody may read before its end",
        SEND
        + """
def more():
    for n in range(100_000):
        kernel.iopub_thread.socket.send(b"x" * 5_000_000, zmq.SNDMORE)
kernel.iopub_thread.schedule(more)
import time
time.sleep(1000)
""",
    ),
    code(
        "unread-channel",
        "fills a channel that nobody reads",
        SEND
        + """
name = kernel.get_parent("shell")["header"]["session"].encode()
for n in range(1000):
    kernel.stdin_socket.send_multipart([name, b"x" * 8_000_000])
""",
    ),
    code(
        "slow-comparison",
        "shows a line on which a pattern might try all day",
        "def rotate(points, angle):\n"
        "    print('check> turned: ' + '1' * 4_000_000 + 'x')\n"
        "    return points\n",
        says="its result is not the right one",
        proof=_goes_on,
    ),
    code(
        "slow-lines",
        "shows a million lines",
        "def rotate(points, angle):\n"
        "    print('check> 1.5e5 nan\\n' * 500_000)\n"
        "    return points\n",
        says="its result is not the right one",
        proof=_goes_on,
    ),
    code(
        "control-characters",
        "prints what terminals obey, and half characters",
        """
print("\\x1b]0;escaped\\x07\\x1b[2J\\x00\\x08 \\u202e\\ufeff" * 100)
raise ValueError("\\x1b[31m\\x00\\ud800 \\x9b2J" * 100)
""",
    ),
    code(
        "talks-to-its-own-sockets",
        "connects to the kernel's sockets as a client, and gives orders",
        """
import os, zmq
context = zmq.Context()
for number in (1, 2, 3, 4, 5):
    for kind in (zmq.DEALER, zmq.SUB):
        client = context.socket(kind)
        client.linger = 0
        client.connect(f"ipc:///run/kernel/s-{number}")
        if kind == zmq.DEALER:
            client.send_multipart([b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"])
tell(refused({
    "other kernels": lambda: [1 / bool(os.listdir("/run/kernels"))],
    "a file": lambda: open("/run/kernel/escaped", "w"),
    "a link": lambda: os.symlink("/etc", "/run/kernel/escaped"),
    "a pipe": lambda: os.mkfifo("/run/kernel/escaped"),
    "remove": lambda: os.unlink("/run/kernel/s-1"),
    "move": lambda: os.rename("/run/kernel/s-1", "/run/kernel/s-9"),
    "mode": lambda: os.chmod("/run/kernel", 0o777),
}))
""",
        proof=all_refused,
    ),
]
