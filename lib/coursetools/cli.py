"""The command `coursetools`: a table of subcommands, each one call of a function elsewhere."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import coursetools._quick  # noqa: F401
from coursetools.errors import CourseError

# Imports are inside the functions: `coursetools serve` needs no nbval, and `--help` needs nothing.


def _derive(options: argparse.Namespace) -> int:
    from coursetools.exercises import derive

    root = derive.course_root(options.course)
    if options.check:
        derive.check(root, options.stems)
        print("derived notebooks: up to date")
        return 0
    changed = derive.write(root, options.stems)
    for path in changed:
        print(f"wrote {path.relative_to(root)}")
    if not changed:
        print("derived notebooks: nothing changed")
    return 0


def _derive_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stems", nargs="*", metavar="STEM", help="NN_topic; all sets by default")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a notebook is out of date"
    )


def _grade(options: argparse.Namespace) -> int:
    from coursetools.exercises.derive import course_root
    from coursetools.grading.batch import grade

    out: Path = options.out
    if options.unsandboxed:
        print(
            "coursetools: no sandbox: submitted code runs as you, and can read, write and send "
            "whatever you can",
            file=sys.stderr,
        )
    summary = grade(
        course_root(options.course),
        options.submissions,
        out,
        options.seed,
        options.cell_timeout,
        sandbox=not options.unsandboxed,
        workers=options.workers,
        scheduler=options.scheduler,
        site=options.site,
        decoys=True,
    )
    print(
        f"{summary.files} files, {summary.reused} of them graded in an earlier run, "
        f"{summary.troubled} with problems: see {out / 'summary.html'}, {out / 'grades.csv'} and "
        f"{out / 'feedback'}"
    )
    for fault in summary.course_faults:
        print(f"coursetools: not graded: {fault}", file=sys.stderr)
    return 1 if summary.course_faults else 0


def _grade_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("submissions", type=Path, help="holds <student>/<NN_topic>.ipynb")
    parser.add_argument("--out", type=Path, required=True, help="where reports go; keeps the seed")
    parser.add_argument("--seed", type=_nonnegative, help="fresh by default, kept in --out")
    parser.add_argument(
        "--cell-timeout", type=_positive, default=60.0, metavar="S", help="seconds (default 60)"
    )
    parser.add_argument(
        "--workers",
        type=_nonnegative,
        default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2,
        metavar="N",
        help="notebooks judged at once (default: as many as there are cores)",
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="a Dask scheduler's, such as tcp://host:8786"
    )
    parser.add_argument("--site", metavar="URL", help="where the course's site is, for links")
    parser.add_argument(
        "--unsandboxed", action="store_true", help="run submitted code as you, with all your files"
    )


def _check(options: argparse.Namespace) -> int:
    from coursetools.exercises.derive import course_root
    from coursetools.grading.selfcheck import check_notebook

    root = course_root(options.course)
    return 0 if check_notebook(root, options.notebook, sandbox=options.sandbox) else 1


def _check_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notebook", type=Path, help="yours: NN_topic.ipynb")
    parser.add_argument(
        "--sandbox", action="store_true", help="run it as submissions are run in grading"
    )


def _new(options: argparse.Namespace) -> int:
    from coursetools.exercises import new
    from coursetools.exercises.derive import course_root

    root = course_root(options.course)
    print(f"wrote {new.new_set(root, options.stem).relative_to(root)}\n")
    print(new.next_steps(options.stem))
    return 0


def _new_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stem", metavar="NN_topic", help="the new set's name, such as 15_crystals")


def _site(options: argparse.Namespace) -> int:
    from coursetools.site import build

    return build.main([str(options.course)])


def _serve(options: argparse.Namespace) -> int:
    from coursetools import serve

    return serve.main([str(options.course / serve.SITE), "--port", str(options.port)])


def _serve_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=_nonnegative, default=8000, help="if it is taken, another one is found"
    )


def _none(parser: argparse.ArgumentParser) -> None:
    pass


Command = tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]
COMMANDS: dict[str, Command] = {
    "derive": ("make both notebooks from solutions/NN_topic.py", _derive_options, _derive),
    "new": ("start an exercise set from a template", _new_options, _new),
    "check": ("score your own notebook, with words", _check_options, _check),
    "grade": ("grade a folder of submissions", _grade_options, _grade),
    "site": ("execute the lectures and build the site in _build/html", _none, _site),
    "serve": ("serve the built site on 127.0.0.1 and print its address", _serve_options, _serve),
}


def _nonnegative(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected an integer, 0 or more")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; expected seconds, such as 60")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit code is 0, 1 (a check failed), 2 (usage) or 130 (Ctrl-C)."""
    parser = argparse.ArgumentParser(prog="coursetools", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (text, add_options, _) in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument(
            "--course",
            type=Path,
            default=Path(),
            help="the course's folder (default: from here up)",
        )
        add_options(sub)
    options = parser.parse_args(arguments)
    try:
        return COMMANDS[options.command][2](options)
    except CourseError as error:
        print(f"coursetools: {error}", file=sys.stderr)
        return 2 if options.command == "grade" else 1
    except OSError as error:  # a full disk, a folder without permission, --out that is a file
        print(f"coursetools: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("coursetools: stopped; the same command goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
