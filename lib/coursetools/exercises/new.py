"""`coursetools new NN_topic`: start an exercise set from a template that passes its own tests."""

# ruff: noqa: E501  (the template is prose in comments, as in solutions/)

from __future__ import annotations

import re
from pathlib import Path

from coursetools.errors import CourseError

STEM = re.compile(r"\d\d_[a-z0-9]+(?:_[a-z0-9]+)*")

TEMPLATE = '''\
# %% [markdown]
# # Exercises NN: TOPIC
#
# You write ... yourself. (One sentence: what the reader will be able to do.)
#
# | exercise | points | time |
# |---|---|---|
# | 1. Turn a point | 3 | 10 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs.
#
# Conventions of the course: points are rows, angles in radians and counter-clockwise. Checks run in float64.

# %%
import torch

from coursetools.checks import generator, show

torch.set_default_dtype(torch.float64)

# %% [markdown]
# ## 1. Turn a point
#
# Write `turn(points, angle)`: each row of `points`, shape `(n, 2)`, turned counter-clockwise about the origin.
#
# Guess first: where does a quarter turn take $(1, 0)$?
#
# <details><summary>Hint 1</summary>A gentle hint: what to think of. A rotation keeps lengths; which two numbers describe where the x-axis goes?</details>
#
# <details><summary>Hint 2</summary>A plainer one: column k of the matrix is where axis k goes.</details>
#
# <details><summary>Hint 3</summary>Nearly the answer: rows of points are turned by <code>points @ R.mT</code>.</details>


# %% name="turn" role="answer"
def turn(points, angle):
    """Points (n, 2), turned counter-clockwise by an angle (a number, radians)."""
    # solution: column k of R is where axis k goes, and rows go to points @ R.mT
    c, s = torch.cos(angle), torch.sin(angle)
    R = torch.stack([torch.stack([c, -s]), torch.stack([s, c])])
    return points @ R.mT


# %% [markdown]
# A check is asserts that teach, then `show`, which decides. Draw its inputs from `generator`, so that they differ with the seed. Say in each assert's message which law failed, and for which element of the group.

# %% name="check-turn" role="check" points=2
draw = generator("turn")
quarter = turn(torch.tensor([[1.0, 0.0]]), torch.tensor(torch.pi / 2))
assert quarter[0, 1] > 0.5, f"A quarter turn takes (1, 0) to (0, 1); yours to {quarter[0].tolist()}"
points = torch.randn(4, 2, generator=draw)
angle = torch.rand((), generator=draw) + 0.5
show("turned", turn(points, angle))

# %% name="check-turn-twice" role="check" points=1
draw = generator("turn-twice")
points = torch.randn(3, 2, generator=draw)
first, second = torch.rand(2, generator=draw) + 0.5
twice = turn(turn(points, first), second)
torch.testing.assert_close(
    twice,
    turn(points, first + second),
    msg=lambda m: f"Two turns, by {first:.2f} and {second:.2f}, must add up to one.\\n{m}",
)
show("turned twice", twice)


# %% name="turn-clockwise" role="decoy" replaces="turn" fails=["check-turn", "check-turn-twice"]
def turn(points, angle):
    c, s = torch.cos(angle), torch.sin(angle)
    R = torch.stack([torch.stack([c, -s]), torch.stack([s, c])])
    return points @ R  # the transpose is the inverse


# %% name="turn-without-cosine" role="decoy" replaces="turn" fails=["check-turn", "check-turn-twice"]
def turn(points, angle):  # right for small angles only
    one = torch.ones(())
    R = torch.stack([torch.stack([one, -angle]), torch.stack([angle, one])])
    return points @ R.mT


# %% [markdown] role="discussion"
# What the decoys get wrong, and why it is plausible. The summary of a class shows this text beside the wrong answers that resemble a decoy.
#
# Rows and columns: `points @ R` multiplies by the transpose, which for a rotation is the inverse. Two wrong turns still add up, so the law of the group alone does not notice.
'''


def new_set(root: Path, stem: str) -> Path:
    """Write `solutions/<stem>.py` from the template and return its path.

    Args:
        root: The course's folder.
        stem: `NN_topic`.

    Raises:
        CourseError: If the name is none of this form, or the set is there.
    """
    if not STEM.fullmatch(stem):
        raise CourseError(
            f"{stem}: expected NN_topic, two digits and lower case words, such as 15_crystals"
        )
    number, _, topic = stem.partition("_")
    taken = sorted((root / "solutions").glob(f"{number}_*.py"))
    path = root / "solutions" / f"{stem}.py"
    if path.exists() or taken:
        raise CourseError(f"{(taken or [path])[0]}: is there already; choose another number")
    path.parent.mkdir(exist_ok=True)
    text = TEMPLATE.replace("Exercises NN: TOPIC", f"Exercises {number}: {topic.replace('_', ' ')}")
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path


def next_steps(stem: str) -> str:
    """What to do with a new set, one step a line."""
    lecture = stem.replace("_", "-")
    return "\n".join(
        [
            f"1. Write your questions in solutions/{stem}.py; the template explains each kind of cell.",
            f"2. coursetools derive {stem}   makes both notebooks, and says what is wrong.",
            f"3. pytest tests/coursetools/test_real_sets.py -k {stem}   grades each decoy.",
            f"4. A lecture book/{lecture}.md, with a line in _toc.yml: a test asks for one.",
            '   Then an answer can name its section: role="answer" section="Words of the heading".',
            f"5. git add solutions/{stem}.* exercises/{stem}.ipynb",
        ]
    )
