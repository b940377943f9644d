"""What an attack is, and how one is handed in."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coursetools.grading.results import Result

Notebook = dict[str, Any]

WRONG_ROTATE = "def rotate(points, angle):\n    return points @ rotation(angle)\n"
WRONG_COUNT = "def count(n, k):\n    return 1\n"

# In front of each attack's code: how it says what it found, as the message of an error.
TELL = """
def tell(found):
    import json
    raise RuntimeError("FOUND" + json.dumps(found, default=str) + "THAT-IS-ALL")


def refused(tries):
    said = {}
    for name, one in tries.items():
        try:
            said[name] = f"possible: {one()}"
        except BaseException as error:
            said[name] = f"{type(error).__name__}: {error}"
    return said


"""


@dataclass(frozen=True)
class Scene:
    """A class that is about to be graded, and what stands around it to be attacked."""

    root: Path  # of all that follows
    course: Path
    submissions: Path
    out: Path
    home: Path  # has a file that nobody may read or write
    pristine: Notebook
    answers: dict[str, str]
    stem: str
    port: int = 0
    path: Path = Path()  # of a socket
    grader: int = 0  # the number of its process

    def notebook(self, code: dict[str, str]) -> Notebook:
        """The exercise notebook with code in its answer cells."""
        made = copy.deepcopy(self.pristine)
        for cell in made["cells"]:
            if cell["metadata"].get("name") in code:
                cell["source"] = code[cell["metadata"]["name"]].splitlines(keepends=True)
        return made

    def two_points(self, rotate: str = "") -> Notebook:
        """`rotation` is right, and the other two are wrong; some code comes after the second."""
        answers = {"rotation": self.answers["rotation"], "count": WRONG_COUNT}
        return self.notebook(answers | {"rotate": f"{WRONG_ROTATE}\n{rotate}"})

    def fill(self, code: str) -> str:
        """Code with the scene's places in it: an attack may know all of them."""
        for name in ("course", "submissions", "out", "home", "stem", "port", "path", "grader"):
            code = code.replace(f"@{name.upper()}@", str(getattr(self, name)))
        return code

    def hand_in(self, student: str, content: Notebook | str | bytes) -> Path:
        """Write one file."""
        path = self.submissions / student / f"{self.stem}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            content = json.dumps(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


@dataclass(frozen=True)
class Evidence:
    """What was left when all had been graded."""

    scene: Scene
    attack: Attack
    rows: tuple[Result, ...]

    @property
    def result(self) -> Result:
        """The row that was graded, or the first one."""
        return max(self.rows, key=lambda row: len(row.checks))

    @property
    def words(self) -> str:
        """All that the rows say."""
        said = [problem for row in self.rows for problem in row.problems]
        messages = [check.message for check in self.result.checks]
        return "\n".join([*messages, *self.result.answers.values(), *said])

    @property
    def found(self) -> Any:
        """What the code told, if it came so far."""
        match = re.search(r"FOUND(.*?)THAT-IS-ALL", self.words, re.DOTALL)
        assert match, f"the attack did not come to its end: {self.words[:1500]}"
        return json.loads(match[1])

    @property
    def feedback(self) -> str:
        """The student's page."""
        name = self.result.student
        path = self.scene.out / "feedback" / name / f"{self.scene.stem}.html"
        return path.read_text(encoding="utf-8")


Proof = Callable[[Evidence], str]


def nothing_more(evidence: Evidence) -> str:
    """What holds for each attack; the tests of the whole batch show it."""
    return "its points and no more"


@dataclass(frozen=True)
class Attack:
    """One submission that should not be able to do what it tries."""

    name: str
    tries: str  # in one line
    make: Callable[[Scene, str], object] = field(repr=False)  # hands in for the student so named
    points: int | None = 2  # None: no check can be reached, so there are no points to speak of
    says: str = ""  # a pattern that is in a message of its row
    proof: Proof = nothing_more
    student: str = ""  # if the student's name is the attack

    @property
    def who(self) -> str:
        """The name in the list of the class."""
        return self.student or self.name


def code(name: str, tries: str, source: str, **more: Any) -> Attack:
    """An attack that runs in the cell of the answer `rotate`."""

    def make(scene: Scene, student: str) -> None:
        scene.hand_in(student, scene.two_points(TELL + scene.fill(source)))

    return Attack(name, tries, make, **more)


def file(
    name: str, tries: str, content: Callable[[Scene], Notebook | bytes], **more: Any
) -> Attack:
    """An attack that is a strange file."""
    return Attack(name, tries, lambda scene, who: scene.hand_in(who, content(scene)), **more)


def edit(name: str, tries: str, change: Callable[[Notebook], object], **more: Any) -> Attack:
    """An attack that edits a notebook of two points."""

    def content(scene: Scene) -> Notebook:
        made = scene.two_points()
        change(made)
        return made

    return file(name, tries, content, **more)


def checks(notebook: Notebook) -> list[dict[str, Any]]:
    """The check cells."""
    return [cell for cell in notebook["cells"] if cell["metadata"].get("role") == "check"]


def all_refused(evidence: Evidence) -> str:
    """The code told for each of its tries why it was not possible."""
    said: dict[str, str] = evidence.found
    assert said
    got_through = {name: words for name, words in said.items() if words.startswith("possible")}
    assert not got_through, got_through
    assert "Interrupt" not in str(said), "a try took too long, which shows nothing"
    kinds = sorted(
        {words.split(":", 1)[1].strip().split("'")[0].strip(" :") for words in said.values()}
    )
    return f"{len(said)} tries refused: {'; '.join(kinds)}"[:200]


def told(expected: Any, words: str = "it found nothing") -> Proof:
    """The code found just this."""

    def proof(evidence: Evidence) -> str:
        assert evidence.found == expected, evidence.found
        return words

    return proof
