"""Find the Chromium that the browser tests drive, or install one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

INSTALL = "python -m coursetools.browser install"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

Runner = Callable[[Sequence[str]], int]


class NoBrowserError(RuntimeError):
    """No Chromium was found; the message names the command that installs one."""


def _playwright_own() -> Path | None:
    """The Chromium that Playwright downloaded, where it did."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.is_file() else None


def find() -> Path:
    """Path of a Chromium: the system's first, then the one that Playwright downloaded.

    Returns:
        Path of the executable.

    Raises:
        NoBrowserError: there is neither.
    """
    for name in NAMES:
        if path := shutil.which(name):
            return Path(path)
    if own := _playwright_own():
        return own
    raise NoBrowserError(f"No Chromium found for the browser tests: run `{INSTALL}`.")


def launch_arguments() -> list[str]:
    """Command-line switches for a Chromium that talks to nobody and runs in a container.

    Returns:
        The switches; ``--no-sandbox`` only for root, who cannot have Chromium's sandbox.
    """
    quiet = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--disable-quic",
        "--disable-gpu",
        "--disable-dev-shm-usage",
    ]
    return [*quiet, "--no-sandbox"] if _is_root() else quiet


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _run(command: Sequence[str]) -> int:
    print("+", " ".join(command), flush=True)
    try:
        return subprocess.run(command, check=False).returncode
    except FileNotFoundError:
        return 127


def ways(python: str = sys.executable) -> list[list[list[str]]]:
    """Ways to install a Chromium on this machine, best first; each is a list of commands.

    Debian's own package comes first where we may install it, because it brings the shared
    libraries that Playwright's download expects to be there.

    Args:
        python: the interpreter whose Playwright downloads.

    Returns:
        Lists of commands, each a list of words.
    """
    apt = [["apt-get", "update"], ["apt-get", "install", "-y", "chromium"]]
    own = [[python, "-m", "playwright", "install", "chromium"]]
    return [apt, own] if _is_root() and shutil.which("apt-get") else [own]


def install(run: Runner = _run) -> Path:
    """Install a Chromium unless there is one.

    Args:
        run: runs one command and returns its exit status; tests pass their own.

    Returns:
        Path of the Chromium.

    Raises:
        NoBrowserError: every way failed; the message lists the commands to try by hand.
    """
    try:
        return find()
    except NoBrowserError:
        pass
    tried = ways()
    for commands in tried:
        if all(run(command) == 0 for command in commands):
            try:
                return find()
            except NoBrowserError:
                continue
    lines = "\n".join("  " + " && ".join(" ".join(c) for c in commands) for commands in tried)
    raise NoBrowserError(
        "Chromium could not be installed. Each of these failed here; run one of them where it "
        f"can work (network, rights), then `make test` again:\n{lines}"
    )


def main(argv: list[str] | None = None) -> int:
    """``python -m coursetools.browser [install]``: print the path of a Chromium.

    Args:
        argv: ``["install"]`` to install one where there is none; None takes the process's.

    Returns:
        Exit status: 0 with a Chromium, 1 without.
    """
    arguments = sys.argv[1:] if argv is None else argv
    try:
        print(install() if arguments == ["install"] else find())
    except NoBrowserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
