"""The bubblewrap command: what a sandboxed process can see. Everything else is not there.

The system's programs and libraries, Python and its packages, and the course's library, all
read-only; an empty home and temporary folder in memory; processes, network and queues of its own.
Not the course's folder with its solutions, not the submissions, not what the grader writes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import coursetools
from coursetools.errors import CourseError
from coursetools.grading.sandbox.limits import Limits

SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"),
    *("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts"),
)
KERNELS = "/run/kernels"  # where the box shows the folder of sockets
KERNEL = "/run/kernel"  # where a kernel sees its own


def require() -> str:
    """Where bubblewrap is.

    Raises:
        CourseError: If it is missing or cannot work here, with what to do.
    """
    program = shutil.which("bwrap")
    otherwise = (
        "Or grade without a sandbox, with --unsandboxed: submitted code then runs as you, with all "
        "your files."
    )
    if program is None:
        raise CourseError(
            "no sandbox: the program bwrap is missing. Install the package bubblewrap (Debian and "
            f"Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap). {otherwise}"
        )
    why = _why_not(program)
    if why:
        raise CourseError(
            f"no sandbox: {program} cannot make one here: {why}. Does this system or container "
            f"forbid user namespaces? {otherwise}"
        )
    return program


@cache
def _why_not(program: str) -> str:
    tried = subprocess.run(
        [
            program,
            "--unshare-all",
            "--unshare-user",
            "--ro-bind",
            "/",
            "/",
            "--proc",
            "/proc",
            "true",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stderr.strip() or f"exit {tried.returncode}" if tried.returncode else ""


def visible() -> list[Path]:
    """The folders and files outside the system's own that Python and the course need."""
    python = Path(sys.executable)
    library = Path(coursetools.__file__).parents[1]
    wanted = [Path(sys.prefix), Path(sys.base_prefix), library, python.resolve().parents[1]]
    return list(dict.fromkeys(p for path in wanted if (p := path.absolute()) != Path("/")))


def require_hidden(*paths: Path) -> None:
    """Refuse to go on where a kernel could read what it must not.

    An environment that was made in the course's own folder shows that folder with all solutions.

    Args:
        paths: Folders that no submitted code may see.

    Raises:
        CourseError: If one of them lies in a folder that the sandbox shows.
    """
    shown = [place.resolve() for place in (*map(Path, SYSTEM), *visible())]
    for path in paths:
        for place in shown:
            if path.resolve().is_relative_to(place):
                raise CourseError(
                    f"{path} lies in {place}, which the sandbox shows to submitted code, as it "
                    "holds programs or packages. Keep the two apart"
                )


def command(
    program: str, sockets: Path, limits: Limits, environment: dict[str, str], *, nested: bool
) -> list[str]:
    """The start of a command line that runs what follows in a sandbox.

    Args:
        program: bubblewrap's path.
        sockets: The one folder outside that the sandbox may write to, for the kernels' sockets.
        limits: How large the folders in memory may be.
        environment: All variables that the process gets.
        nested: Whether the process is a nursery, which makes a world for each kernel; it keeps the
            one capability for this, inside its own user namespace.
    """
    parts = [program, "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]
    parts += ["--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--cap-drop", "ALL"]
    if nested:
        parts += ["--cap-add", "CAP_SYS_ADMIN"]
    for path in SYSTEM:
        parts += ["--ro-bind-try", path, path]
    for place in visible():
        parts += ["--ro-bind", str(place), str(place)]
    parts += ["--dev", "/dev", "--proc", "/proc"]
    parts += ["--size", str(limits.scratch), "--tmpfs", "/tmp", "--dir", KERNEL]
    parts += ["--bind", str(sockets), KERNELS, "--remount-ro", "/dev", "--remount-ro", "/"]
    parts += ["--size", str(limits.scratch), "--tmpfs", "/dev/shm"]
    parts += ["--chdir", "/tmp", "--clearenv"]
    for name, value in environment.items():
        parts += ["--setenv", name, value]
    return [*parts, "--"]


def main(arguments: list[str] | None = None) -> int:
    """``python -m coursetools.grading.sandbox.box [install]``: say whether there is a sandbox.

    With `install`, bubblewrap is installed where we may; where not, it is said how.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["install"] and shutil.which("bwrap") is None and shutil.which("apt-get"):
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "bubblewrap"]):
            print("+", " ".join(command), flush=True)
            subprocess.run(command, check=False)
    try:
        print(require())
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
