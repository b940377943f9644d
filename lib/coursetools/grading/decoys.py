"""Let every decoy of a set be graded: each must lose the checks that it names, and no others."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from coursetools.exercises.source import read_source
from coursetools.grading.judge import Exercise, judge
from coursetools.grading.transplant import merge

# What an answer cell could do as well: make every assert pass.
DROP_ASSERTS = """\
import ast
class DropAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(DropAsserts())
"""


def lost_checks(
    root: Path, stem: str, seed: int, *, without_asserts: bool = False, cell_timeout: float = 60
) -> dict[str, set[str]]:
    """Which checks each decoy loses, and which the solution loses (none, one hopes).

    All decoys run in one kernel, one whole notebook after the other with all names deleted in
    between, since starting a kernel takes longer than most sets.

    Args:
        root: The course's folder.
        stem: The set, `root/solutions/stem.py`, and both notebooks derived from it.
        seed: The grading seed.
        without_asserts: Grade as if each answer had also switched off all asserts: what is lost
            then is lost because of what the check shows, as it must be.
        cell_timeout: Seconds a cell may take.

    Returns:
        The names of the lost checks by name of decoy; "solution" is the solution itself.
    """
    exercise_set = read_source(root / "solutions" / f"{stem}.py")
    exercise = Exercise.load(root, stem, seed, cell_timeout)
    reference = exercise.reference()
    answers = {str(cell.name): cell.source for cell in exercise_set.of_role("answer")}
    trials = {"solution": answers}
    for decoy in exercise_set.of_role("decoy"):
        trials[str(decoy.name)] = answers | {str(decoy.replaces): decoy.source}
    cells = [_given(DROP_ASSERTS)] if without_asserts else []
    for trial, code in trials.items():
        cells.append(_given("%reset -f"))
        for cell in copy.deepcopy(merge(exercise.pristine, code, reference)["cells"]):
            cell["metadata"]["name"] = f"{trial}/{cell['metadata'].get('name', '')}"
            cells.append(cell)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    outcomes = judge(dict(exercise.pristine, cells=cells), seed, cell_timeout)
    return {
        trial: {name for name in reference if not outcomes[f"{trial}/{name}"]["passed"]}
        for trial in trials
    }


def _given(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"role": "given"},
        "outputs": [],
        "source": source,
    }
