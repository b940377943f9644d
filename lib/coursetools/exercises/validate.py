"""Say everything that is wrong with an exercise set, at once and in words."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from coursetools.errors import CourseError
from coursetools.exercises.source import ROLES, Cell, ExerciseSet
from coursetools.exercises.stub import has_solution_line, stub

NAME = re.compile(r"[a-z][a-z0-9-]{0,59}")


def validate(exercise_set: ExerciseSet) -> None:
    """Refuse an exercise set that could not be derived or graded fairly.

    Raises:
        CourseError: With one line for each fault: file, cell, what was found, what was expected.
    """
    faults = list(_faults(exercise_set))
    if faults:
        raise CourseError("\n".join(faults))


def _faults(exercise_set: ExerciseSet) -> Iterator[str]:
    cells = exercise_set.cells
    if not re.fullmatch(r"\d\d_[a-z0-9_]+", exercise_set.stem):
        yield (
            f"{exercise_set.path}: the name should be NN_topic.py with two digits and lower case "
            "letters, such as 01_same_molecule_two_answers.py"
        )
    for cell in cells:
        yield from _cell_faults(cell)
    for name, count in Counter(cell.name for cell in cells if cell.name).items():
        if count > 1:
            yield (
                f"{exercise_set.path}: {count} cells are named {name!r}; names must be unique, "
                "because answers are found by name"
            )
    answers = {cell.name for cell in exercise_set.of_role("answer")}
    checks = {cell.name for cell in exercise_set.of_role("check")}
    if not checks:
        yield f"{exercise_set.path}: no check cell; expected at least one, or nothing can be graded"
    caught: set[str] = set()
    for cell in exercise_set.of_role("decoy"):
        if cell.replaces not in answers:
            yield (
                f"{cell.where}: the decoy replaces {cell.replaces!r}; "
                f"expected an answer cell: {_listed(answers)}"
            )
        if not isinstance(cell.fails, list) or not cell.fails:
            yield f'{cell.where}: the decoy has fails={cell.fails!r}; expected fails=["check-..."]'
            continue
        caught.update(str(name) for name in cell.fails)
        for name in cell.fails:
            if name not in checks:
                yield (
                    f"{cell.where}: the decoy should fail {name!r}; "
                    f"expected a check cell: {_listed(checks)}"
                )
    for cell in exercise_set.of_role("check"):
        if cell.name and cell.name not in caught:
            yield (
                f"{cell.where}: no decoy fails this check, so nobody has seen it fail; write a "
                f'plausible wrong answer: # %% name="..." role="decoy" replaces="..." '
                f'fails=["{cell.name}"]'
            )


def _cell_faults(cell: Cell) -> Iterator[str]:
    if cell.role not in ROLES:
        yield f"{cell.where}: role={cell.role!r}; expected one of {', '.join(ROLES)}"
        return
    if cell.kind not in ("code", "markdown"):
        yield f"{cell.where}: a {cell.kind} cell; expected code or [markdown]"
        return
    if cell.role in ("answer", "check", "decoy"):
        if cell.kind != "code":
            yield f"{cell.where}: a {cell.role} in a {cell.kind} cell; expected a code cell"
            return
        if cell.name is None:
            yield f'{cell.where}: the {cell.role} has no name; expected name="..." in the header'
    if cell.name is not None and not (isinstance(cell.name, str) and NAME.fullmatch(cell.name)):
        yield (
            f"{cell.where}: name={cell.name!r}; expected lower case letters, digits and hyphens, "
            "at most 60, such as check-rotate"
        )
    for key, role in (("points", "check"), ("replaces", "decoy"), ("fails", "decoy")):
        if getattr(cell, key) is not None and cell.role != role:
            yield f"{cell.where}: {key}= on a {cell.role} cell; expected it on a {role} cell only"
    positive = isinstance(cell.points, int) and cell.points is not True and cell.points > 0
    if cell.role == "check" and not positive:
        yield f"{cell.where}: the check has points={cell.points!r}; expected points=1 or more"
    if cell.role == "answer":
        yield from _answer_faults(cell)
    elif cell.kind == "code" and not cell.source.lstrip().startswith(("%", "!")):
        yield from _syntax_faults(cell, cell.source, "")


def _answer_faults(cell: Cell) -> Iterator[str]:
    if not has_solution_line(cell.source):
        yield (
            f"{cell.where}: the answer has no line `# solution`; expected one above the lines that "
            "the student writes"
        )
        return
    before = list(_syntax_faults(cell, cell.source, ""))
    yield from before
    if not before:
        yield from _syntax_faults(cell, stub(cell.source), " once stubbed")


def _syntax_faults(cell: Cell, source: str, when: str) -> Iterator[str]:
    try:
        ast.parse(source)
    except SyntaxError as error:
        yield f"{cell.where}: no Python{when}: line {error.lineno}: {error.msg}"


def _listed(names: set[str | None]) -> str:
    return ", ".join(sorted(str(name) for name in names)) or "(there is none)"
