"""A class of attackers and honest students, graded in one batch, and watched from outside."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

import coursetools
from coursetools.exercises import derive
from coursetools.exercises.source import read_source
from coursetools.grading.batch import Summary, grade
from coursetools.grading.results import Result

from .attack import TELL, Attack, Evidence, Notebook, Scene
from .on_secrets import REACH, USE

FIXTURE = Path(__file__).parents[1] / "fixtures" / "90_turn.py"
CELL_TIMEOUT = 6.0
SEED = 4711
MARK = "escaped"  # what attacks write is called so, wherever they write it
MARKED_PROCESS = "424242"
# Spread over the alphabet, since a class is graded in its order: before, between and after attacks.
HONEST = ("a", "b", "c", "d", "e", "f", "g", "i", "k", "l", "m", "n", "o", "s", "t", "u", "x", "~")


@dataclass
class Report:
    """What came of it, and what was found around it."""

    scene: Scene
    summary: Summary
    rows: dict[str, tuple[Result, ...]]
    changed: list[str]
    left: list[str]
    heard: list[str]
    processes: list[str]
    seconds: float

    def evidence(self, attack: Attack) -> Evidence:
        """All that there is on one attack."""
        return Evidence(self.scene, attack, self.rows[attack.who])

    def got(self, student: str) -> int:
        """A student's points."""
        return sum(row.points for row in self.rows[student])


@dataclass
class Ears:
    """Sockets outside of the sandbox that must not hear anything."""

    port: int
    path: Path
    heard: list[str] = field(default_factory=list)


@contextmanager
def listening(folder: Path) -> Iterator[Ears]:
    """Listen on this machine's network, on a local socket and on an abstract one."""
    with ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        ears = Ears(tcp.getsockname()[1], folder / "ear")
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", ears.port))
        lines = {"network": tcp, "datagram": udp}
        addresses = {"local": str(ears.path), "abstract": f"\0course-attacks-{ears.port}"}
        for name, address in addresses.items():
            lines[name] = stack.enter_context(socket.socket(socket.AF_UNIX))
            lines[name].bind(address)
            lines[name].listen()
        end = threading.Event()

        def listen(name: str, line: socket.socket) -> None:
            line.settimeout(0.2)
            while not end.is_set():
                try:
                    if line.type == socket.SOCK_DGRAM:
                        line.recv(100)
                    else:
                        line.accept()[0].close()
                    ears.heard.append(name)
                except TimeoutError:
                    pass

        threads = [threading.Thread(target=listen, args=item) for item in lines.items()]
        for thread in threads:
            thread.start()
        try:
            yield ears
        finally:
            end.set()
            for thread in threads:
                thread.join()


@contextmanager
def arena() -> Iterator[Scene]:
    """A course of one small set, and empty folders."""
    with tempfile.TemporaryDirectory(prefix="arena-", dir="/tmp") as root:
        yield build(Path(root))


def build(root: Path) -> Scene:
    """The folders of a scene."""
    for part in ("course/solutions", "in", "tmp", "home"):
        (root / part).mkdir(parents=True)
    (root / "home" / "secret").write_text("a key")
    shutil.copy(FIXTURE, root / "course" / "solutions")
    derive.write(root / "course")
    stem = FIXTURE.stem
    pristine: Notebook = json.loads((root / "course/exercises" / f"{stem}.ipynb").read_text())
    answers = {str(c.name): c.source for c in read_source(FIXTURE).of_role("answer")}
    places = (root / "course", root / "in", root / "out", root / "home")
    return Scene(root, *places, pristine, answers, stem, grader=os.getpid())


@contextmanager
def _temporary(folder: Path) -> Iterator[None]:
    before, told = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        del os.environ["TMPDIR"]
        if told is not None:
            os.environ["TMPDIR"] = told


def hold(scene: Scene, attacks: Iterable[Attack], *, sandbox: bool = True) -> Report:
    """Hand in all attacks and honest work between them, grade, and look around."""
    with listening(scene.root) as ears:
        scene = replace(scene, port=ears.port, path=ears.path)
        for attack in attacks:
            attack.make(scene, attack.who)
        for student, answers in honest(scene.answers).items():
            scene.hand_in(student, scene.notebook(answers))
        for kind in (".pdf", ".py", ".html", ""):  # what somebody may hand in beside the notebook
            (scene.submissions / "honest-noise" / f"{scene.stem}{kind}").write_text("printed")
        kept = [scene.course, scene.submissions, scene.home]
        before, family = _digests(kept), _family()
        start = time.monotonic()
        with _temporary(scene.root / "tmp"):  # a folder of its own, to see what is left there
            folders = scene.course, scene.submissions, scene.out
            summary = grade(*folders, SEED, CELL_TIMEOUT, sandbox=sandbox)
        seconds = time.monotonic() - start
        rows: dict[str, tuple[Result, ...]] = {}
        for row in summary.results:
            rows[row.student] = (*rows.get(row.student, ()), row)
        after = _digests(kept)
        changed = [path for path in before | after if before.get(path) != after.get(path)]
        left = [str(path) for path in (scene.root / "tmp").rglob("*")] + _marked(scene)
        processes = [f"{pid} {name}" for pid, name in _family().items() if pid not in family]
    return Report(scene, summary, rows, changed, left, ears.heard, processes, seconds)


def honest(answers: dict[str, str]) -> dict[str, dict[str, str]]:
    """Right answers by student; some look suspicious, and must keep their points."""
    noisy = {
        name: f"import warnings\nwarnings.warn('careful')\nprint('loaded {name}')\n{code}"
        for name, code in answers.items()
    }
    noisy["rotate"] = (
        "import sys, warnings\n"
        "def rotate(points, angle):\n"
        "    print('debug', points, end='')\n"
        "    print('to stderr', file=sys.stderr)\n"
        "    warnings.warn('in a check')\n"
        "    return points @ rotation(angle).T\n"
        "rotate"
    )
    moved = (
        answers["rotation"]
        + "\n"
        + (
            "import os, time\nos.chdir('/')\nos.environ.update(TZ='Asia/Kathmandu', LC_ALL='C')\n"
            "time.tzset()\nnp.set_printoptions(precision=1)\nnp.random.seed(1)\nnp.random.rand(7)\n"
        )
    )
    working = (
        answers["rotation"]
        + "\n"
        + (
            "import subprocess, sys, tempfile\nfrom concurrent.futures import ThreadPoolExecutor\n"
            "assert list(ThreadPoolExecutor(8).map(abs, range(-3, 0))) == [3, 2, 1]\n"
            "assert subprocess.run([sys.executable, '-c', '1'], check=True)\n"
            "np.save(tempfile.mktemp(), np.ones((2000, 500)))\nprint('x' * 1_000_000)\n"
        )
    )
    return {f"{letter}-honest": answers for letter in HONEST} | {
        "honest-skip-comments": {n: f"# NBVAL_SKIP\n{code}" for n, code in answers.items()},
        "honest-noise": noisy,
        "honest-elsewhere": answers | {"rotation": moved},
        "honest-work": answers | {"rotation": working},
    }


def controls(scene: Scene) -> list[str]:
    """What attacks get without a sandbox: each of these must work, or the suite shows nothing."""
    tries = {
        "solution-by-path": USE + "use(open('@COURSE@/solutions/@STEM@.ipynb').read())\n",
        "another-submission": USE + "use(open('@SUBMISSIONS@/a-honest/@STEM@.ipynb').read())\n",
        "home": "import shutil\nshutil.copy('@HOME@/secret', '@HOME@/escaped')\n",
        "network": REACH.split('    "a name"')[0] + "})\ntell(said)\n",
        "daemon": "import os\nos.system('setsid sleep 424242 > /dev/null 2>&1 &')\n",
    }
    for name, source in tries.items():
        scene.hand_in(name, scene.two_points(TELL + scene.fill(source)))
    return list(tries)


def _digests(folders: Iterable[Path]) -> dict[str, str]:
    found = {}
    for folder in folders:
        for path in [folder, *folder.rglob("*")]:
            status = path.lstat()
            text = f"{status.st_mode} {status.st_size}"
            if path.is_file() and not path.is_symlink() and status.st_size < 10_000_000:
                text += hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path)] = text
    return found


def _family() -> dict[int, str]:
    """Processes that are ours, or that an attack has marked."""
    found = {process.pid: process.name() for process in psutil.Process().children(recursive=True)}
    for process in psutil.process_iter(["cmdline"]):
        if MARKED_PROCESS in (process.info["cmdline"] or []):
            found[process.pid] = str(process.info["cmdline"])
    return found


def _marked(scene: Scene) -> list[str]:
    """Files of the attacks' name, wherever they may have been able to write one."""
    library = Path(coursetools.__file__).parents[1]
    places = [Path(p) for p in ("/", "/etc", "/usr/bin", "/var/tmp", "/run", "/dev", "/dev/shm")]
    places += [Path("/tmp"), Path.home(), Path.cwd(), Path(os.__file__).parent, scene.root]
    found = [path for place in places for path in place.glob(f"{MARK}*")]
    found += library.rglob(f"{MARK}*")
    return [str(path) for path in found]
