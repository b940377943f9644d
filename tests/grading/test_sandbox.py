"""What a kernel sees in its sandbox, in both of its forms, and what happens without bubblewrap."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from coursetools.errors import CourseError
from coursetools.grading.kernel import KernelGoneError, WatchedKernel
from coursetools.grading.sandbox import box
from coursetools.grading.sandbox.client import Nursery
from coursetools.grading.sandbox.limits import MB, Limits

ROOT = Path(__file__).parents[2]
LIMITS = Limits(memory=1_000 * MB, cpu=77, file_size=7 * MB, open_files=128)

LOOK = """
import ctypes, json, os, resource, socket
libc = ctypes.CDLL(None)
def listing(path):
    try: return sorted(os.listdir(path))
    except OSError as error: return type(error).__name__
def write(path):
    try: return open(path, "w").close()
    except OSError as error: return type(error).__name__
effective = (ctypes.c_uint32 * 6)(*[9] * 6)
libc.capget((ctypes.c_uint32 * 2)(0x20080522, 0), effective)
kinds = ("AS", "NPROC", "NOFILE", "FSIZE", "CPU", "CORE")
print(json.dumps({
    "root": listing("/"), "uid": [os.getuid(), os.geteuid(), os.getgid()],
    "lists": {path: listing(path) for path in PATHS},
    "writes": {path: write(path + "/escaped") for path in WRITES},
    "interfaces": [name for _, name in socket.if_nameindex()],
    "environment": dict(os.environ), "capabilities": list(effective),
    "no new privileges": libc.prctl(39, 0, 0, 0, 0), "filter": libc.prctl(21, 0, 0, 0, 0),
    "limits": {k: resource.getrlimit(getattr(resource, "RLIMIT_" + k)) for k in kinds},
    "parent": os.getppid(), "host": os.uname().nodename, "folder": os.getcwd(),
    "signal": [os.access(f"/proc/{n}", 0) for n in (1, 2)],
}))
"""
PASSED = {
    *("PATH", "HOME", "LANG", "TZ", "USER", "PWD", "TERM", "MPLBACKEND", "TRITON_INTERPRET"),
    *("COURSE_SEED", "IPYTHONDIR", "MATPLOTLIBRC", "SOURCE_DATE_EPOCH", "CLICOLOR", "FORCE_COLOR"),
    *("CLICOLOR_FORCE", "PAGER", "GIT_PAGER"),
}


@pytest.fixture(scope="module", autouse=True)
def _bubblewrap() -> None:
    try:
        box.require()
    except CourseError as error:
        pytest.skip(str(error))


def run(kernel: WatchedKernel, code: str, timeout: float = 60) -> str:
    """What a cell prints."""
    sent = kernel.execute_cell_input(code, allow_stdin=False)
    kernel.await_reply(sent, timeout=timeout)
    text = ""
    while True:
        message = kernel.get_message("iopub", timeout=10)
        content = message["content"]
        if message["msg_type"] == "stream":
            text += content["text"]
        assert message["msg_type"] != "error", content
        if content.get("execution_state") == "idle" and (
            message["parent_header"].get("msg_id") == sent
        ):
            return text


@pytest.fixture(scope="module", params=[True, False], ids=["many", "single"])
def nursery(request: pytest.FixtureRequest) -> Iterator[Nursery]:
    one = Nursery(LIMITS, nested=request.param)
    assert one.single is not request.param
    one.load(["numpy"])
    yield one
    one.close()


@pytest.fixture(scope="module")
def kernel(nursery: Nursery) -> Iterator[WatchedKernel]:
    os.environ["A_TOKEN_OF_THE_CI_JOB"] = "secret"
    one = WatchedKernel("sandbox", seed=17, nursery=nursery, limits=LIMITS)
    yield one
    one.stop()
    del os.environ["A_TOKEN_OF_THE_CI_JOB"]


@pytest.fixture(scope="module")
def seen(kernel: WatchedKernel) -> dict[str, Any]:
    paths = ["/tmp", "/dev/shm", "/home", "/sys", "/var", "/etc", "/run", "/mnt", str(ROOT)]
    paths += [str(ROOT / part) for part in ("solutions", "exercises", ".git", "tests")]
    writes = [
        "/",
        "/usr",
        "/etc",
        "/dev",
        "/run",
        "/run/kernel",
        "/run/kernels",
        "/proc",
        str(ROOT),
        str(ROOT / "lib"),
        "/tmp",
    ]
    writes += [sys.prefix]
    code = f"PATHS, WRITES = {paths!r}, {writes!r}\n{LOOK}"
    found: dict[str, Any] = json.loads(run(kernel, code))
    return found


def test_it_sees_the_system_python_and_the_library_alone(seen: dict[str, Any]) -> None:
    parts = {path.parts[1] for path in box.visible()}
    system = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "etc", "dev", "proc", "run", "tmp"}
    assert set(seen["root"]) <= system | parts
    lists = seen["lists"]
    assert lists["/etc"] == ["alternatives", "fonts", "ld.so.cache"]
    assert lists["/run"] == ["kernel", "kernels"]
    assert lists["/dev/shm"] == []
    assert set(lists["/tmp"]) <= {"matplotlibrc", "ipython", "work", ".cache", ".config"}
    for hidden in ("/sys", "/var", "/mnt"):
        assert lists[hidden] == "FileNotFoundError"
    for hidden in ("solutions", "exercises", ".git", "tests"):
        assert lists[str(ROOT / hidden)] == "FileNotFoundError"
    assert set(lists[str(ROOT)]) <= {"lib", ".venv"}
    assert seen["folder"] == "/tmp/work"


def test_it_writes_to_its_own_folder_alone(seen: dict[str, Any]) -> None:
    assert seen["writes"].pop("/tmp") is None
    assert set(seen["writes"].values()) <= {"OSError", "PermissionError", "FileNotFoundError"}


def test_it_is_nobody_with_no_privileges(seen: dict[str, Any]) -> None:
    assert seen["uid"] == [1000, 1000, 1000]
    assert seen["capabilities"] == [0] * 6
    assert seen["no new privileges"] == 1
    assert seen["filter"] == 2
    assert seen["host"] == "sandbox"
    assert seen["parent"] == 1


def test_it_has_no_network_but_the_one_within(seen: dict[str, Any]) -> None:
    assert set(seen["interfaces"]) <= {"lo"}


def test_its_environment_is_what_is_listed(seen: dict[str, Any]) -> None:
    ours = {n for n in seen["environment"] if not n.startswith(("PYTHON", "PYDEVD"))}
    assert {n for n in ours if not n.endswith("_NUM_THREADS")} <= PASSED
    assert seen["environment"]["COURSE_SEED"] == "17"
    assert "secret" not in str(seen["environment"])


def test_its_limits_are_set_and_hard(seen: dict[str, Any]) -> None:
    wanted = {
        "AS": 2 * LIMITS.memory,
        "NPROC": LIMITS.threads,
        "NOFILE": LIMITS.open_files,
        "FSIZE": LIMITS.file_size,
        "CPU": LIMITS.cpu,
        "CORE": 0,
    }
    assert seen["limits"] == {name: [most, most] for name, most in wanted.items()}


def test_no_file_can_be_left_with_its_sockets(kernel: WatchedKernel, nursery: Nursery) -> None:
    """That folder is on the disk outside: nothing may grow there, or lead somewhere else."""
    folder = "/run/kernels/" + kernel._process.folder.name if nursery.single else "/run/kernel"
    code = (
        "import os\n"
        "made = []\n"
        f"tries = [lambda: open('{folder}/escaped', 'w'), lambda: os.mkdir('{folder}/escaped'),\n"
        f"         lambda: os.symlink('/', '{folder}/escaped'),\n"
        f"         lambda: os.mkfifo('{folder}/escaped'), lambda: os.unlink('{folder}/s-1'),\n"
        f"         lambda: os.rename('{folder}/s-1', '{folder}/escaped'),\n"
        f"         lambda: os.link('/tmp/matplotlibrc', '{folder}/escaped')]\n"
        "for number, one in enumerate(tries):\n"
        "    try: one(); made.append(number)\n"
        "    except OSError: pass\n"
        "os.rename('/tmp/matplotlibrc', '/tmp/work/rc'); os.truncate('/tmp/work/rc', 0)\n"
        "print(made, file=open('/dev/null', 'w')); print(made)\n"
    )
    assert run(kernel, code) == "[]\n"
    assert len(list(kernel._process.folder.iterdir())) == 5


def test_a_cell_may_be_silent_for_a_while(kernel: WatchedKernel) -> None:
    assert run(kernel, "import time\ntime.sleep(1.5)\nprint('still here')") == "still here\n"
    assert kernel.is_alive()


def test_it_is_a_world_without_others(kernel: WatchedKernel, nursery: Nursery) -> None:
    """From outside, its namespaces are its own."""
    process: Any = kernel._process
    for kind in ("pid", "net", "ipc", "mnt", "uts", "user"):
        ours, theirs = (os.readlink(f"/proc/{n}/ns/{kind}") for n in (os.getpid(), process.pid))
        assert ours != theirs, kind
    if not nursery.single:
        assert (
            json.loads(run(kernel, "import os, json\nprint(json.dumps(os.listdir('/proc')))")) == []
        )


def test_a_nursery_shares_no_memory_that_can_be_written() -> None:
    """Or one kernel could change what the next one finds."""
    nursery = Nursery(Limits())
    nursery.load(["numpy", "torch", "there.is.no.such.module"])
    try:
        inside = psutil.Process(nursery.process.pid).children(recursive=True)[-1]
        maps = Path(f"/proc/{inside.pid}/maps").read_text().splitlines()
        assert len(maps) > 100, "that is not the nursery"
        assert [line for line in maps if "rw-s" in line or "rwxs" in line] == []
    finally:
        nursery.close()


def test_two_kernels_of_one_nursery_find_nothing_of_each_other() -> None:
    nursery = Nursery(LIMITS)
    try:
        before = set(nursery.sockets.iterdir())
        for turn in range(2):
            kernel = WatchedKernel("sandbox", seed=turn, nursery=nursery, limits=LIMITS)
            found = run(
                kernel, "import os, glob\nprint(glob.glob('/tmp/left*'), os.environ['COURSE_SEED'])"
            )
            assert found.split() == ["[]", str(turn)]
            run(kernel, "open('/tmp/left', 'w').write('x')")
            kernel.stop()
        assert set(nursery.sockets.iterdir()) == before, "a folder of sockets was left"
    finally:
        nursery.close()
    assert not nursery.sockets.exists()


@pytest.mark.parametrize("nested", [True, False])
def test_orphans_count_and_end_with_their_kernel(nested: bool) -> None:
    """A process that has left its parents is still in the box, and the guard still sees it."""
    nursery = Nursery(LIMITS, nested=nested)
    kernel = WatchedKernel("sandbox", seed=1, nursery=nursery, limits=LIMITS)
    greedy = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0 or os.fork() == 0 or os.fork() == 0:\n"
        "        kept = b'x' * 500_000_000\n"
        "    time.sleep(1000)\n"
        "time.sleep(1000)\n"
    )
    try:
        family = psutil.Process(nursery.process.pid).children(recursive=True)
        with pytest.raises(KernelGoneError, match="more than 1 GB"):
            run(kernel, greedy)
        kernel.close()
    finally:
        nursery.close()
    psutil.wait_procs(family, timeout=10)
    assert not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
