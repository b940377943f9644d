"""Build the site: Jupyter Book with our flags, and only where something changed.

``-W -n --keep-going``: every warning, a dead reference too, fails the build, after all of them
were shown.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from coursetools.site.digest import source_digest

FLAGS = ("-W", "-n", "--keep-going")
# ipykernel warns of unencrypted sockets at each start; they are this machine's own, 127.0.0.1.
NOISE = "Kernel is running over TCP without encryption"


class SiteError(RuntimeError):
    """The site does not build; the message is what the build said."""


def html_folder(root: Path, output: Path | None = None) -> Path:
    """Folder of the built site.

    Args:
        root: folder that holds ``_config.yml`` and ``_toc.yml``.
        output: folder that holds ``_build``; None takes ``root``.
    """
    return (output or root) / "_build" / "html"


def command(root: Path, output: Path | None = None, *more: str) -> list[str]:
    """The command line that builds a book.

    Args:
        root: folder that holds ``_config.yml`` and ``_toc.yml``.
        output: folder to make ``_build`` in; None takes ``root``.
        more: further arguments of ``jupyter-book build``.
    """
    book = Path(sys.executable).with_name("jupyter-book")
    return [str(book), "build", str(root), *FLAGS, "--path-output", str(output or root), *more]


def is_fresh(root: Path, output: Path | None = None) -> bool:
    """Whether the built site was made from the files as they are now.

    Args:
        root: folder that holds ``_config.yml`` and ``_toc.yml``.
        output: folder that holds ``_build``; None takes ``root``.
    """
    html = html_folder(root, output)
    stamp = html.parent / "site.digest"
    return (
        (html / "index.html").is_file()
        and stamp.is_file()
        and stamp.read_text() == source_digest(root)
    )


def ensure(root: Path, output: Path | None = None) -> Path:
    """Build the site unless it is fresh; says nothing where all is well.

    Args:
        root: folder that holds ``_config.yml`` and ``_toc.yml``.
        output: folder to make ``_build`` in; None takes ``root``.

    Returns:
        Folder of the built site.

    Raises:
        SiteError: the build failed; the message is the end of what it said.
    """
    if not is_fresh(root, output):
        done = subprocess.run(
            command(root, output, "-q"), capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = "\n".join(
                line for line in (done.stdout + done.stderr).splitlines() if NOISE not in line
            )
            raise SiteError(f"The site does not build; `make site` shows why:\n{said[-4000:]}")
    return html_folder(root, output)


def main(argv: list[str] | None = None) -> int:
    """``coursetools site [DIR]``: execute the lectures and build the site in DIR/_build/html.

    Args:
        argv: arguments after the subcommand; None takes those of the process.

    Returns:
        Exit status of the build.
    """
    parser = argparse.ArgumentParser(prog="coursetools site", description=main.__doc__)
    parser.add_argument("dir", nargs="?", type=Path, default=Path("."), help="the book's root")
    options = parser.parse_args(argv)
    build = subprocess.Popen(
        command(options.dir), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert build.stdout is not None
    for line in build.stdout:
        if NOISE not in line:
            print(line, end="", flush=True)
    return build.wait()


if __name__ == "__main__":
    raise SystemExit(main())
