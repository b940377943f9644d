from __future__ import annotations

from pathlib import Path

import pytest

from coursetools.errors import CourseError
from coursetools.exercises.source import read_source
from coursetools.exercises.stub import stub
from coursetools.exercises.validate import validate

GOOD = """\
# %% name="f" role="answer"
def f(x):
    # solution
    return x

# %% name="check-f" role="check" points=1
print(f(1))

# %% name="f-zero" role="decoy" replaces="f" fails=["check-f"]
def f(x):
    return 0
"""


def judge(tmp_path: Path, text: str, name: str = "01_topic.py") -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    try:
        validate(read_source(path))
    except CourseError as error:
        return str(error)
    return ""


def test_a_good_source_passes(tmp_path: Path) -> None:
    assert judge(tmp_path, GOOD) == ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("points=1", "", "the check has points=None; expected points=1 or more"),
        ("points=1", "points=0", "points=0; expected points=1 or more"),
        ("points=1", "points=true", "points=True; expected points=1 or more"),
        ('name="check-f" role="check"', 'role="check"', "the check has no name"),
        ('name="check-f"', 'name="f"', "2 cells are named 'f'; names must be unique"),
        ('name="f" role', 'name="F x" role', "expected lower case letters"),
        ('role="answer"', 'role="anwser"', "role='anwser'; expected one of given, answer"),
        ("    # solution\n", "", "the answer has no line `# solution`"),
        ('replaces="f"', 'replaces="g"', "the decoy replaces 'g'; expected an answer cell: f"),
        ('replaces="f"', "", "the decoy replaces None"),
        (
            'fails=["check-f"]',
            'fails=["check-g"]',
            "fail 'check-g'; expected a check cell: check-f",
        ),
        ('fails=["check-f"]', 'fails="check-f"', 'expected fails=["check-..."]'),
        ('fails=["check-f"]', "fails=[]", "fails=[]"),
        ("print(f(1))", "print(f(1)", "no Python: line 1"),
        ("    return x", "    return (x", "no Python: line 3"),
        ('# %% name="f" role="answer"', '# %% [markdown] name="f" role="answer"', "a answer in a"),
        (
            '# %% name="f" role="answer"',
            '# %% name="f" role="answer" points=2',
            "points= on a answer",
        ),
        (GOOD[GOOD.index('# %% name="check-f"') :], "", "no check cell; expected at least one"),
        (GOOD[GOOD.index('# %% name="f-zero"') :], "", "no decoy fails this check"),
    ],
)
def test_a_faulty_source_is_refused_in_words(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    said = judge(tmp_path, GOOD.replace(old, new, 1))
    assert message in said
    assert "01_topic.py" in said


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    said = judge(tmp_path, GOOD.replace("points=1", "").replace("    # solution\n", ""))
    assert len(said.splitlines()) == 2


def test_a_file_is_named_by_number_and_topic(tmp_path: Path) -> None:
    assert "the name should be NN_topic.py" in judge(tmp_path, GOOD, "topic.py")


def test_an_unreadable_source_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="no such file"):
        read_source(tmp_path / "01_none.py")
    path = tmp_path / "01_latin.py"
    path.write_bytes("# %% [markdown]\n# é".encode("latin-1"))
    with pytest.raises(CourseError, match="cannot be read as UTF-8"):
        read_source(path)


def test_a_stub_keeps_what_is_given_and_nothing_of_the_answer() -> None:
    source = (
        "class Net:\n"
        "    def forward(self, x):\n"
        '        """Say what."""\n'
        "        y = x + 1\n"
        '        # solution: use "y"\n'
        "        secret = y\n"
        "\n"
        "        for _ in range(3):\n"
        "            secret += 1\n"
        "        return secret\n"
        "\n"
        "    def given(self):\n"
        "        return 1\n"
        "\n"
        "\n"
        "# solution\n"
        "limit = 3\n"
    )
    stubbed = stub(source)
    assert "secret" not in stubbed
    assert "limit" not in stubbed
    assert 'raise NotImplementedError("Your turn: write `forward`. Hint: use \\"y\\"")' in stubbed
    assert "def given(self):\n        return 1" in stubbed
    assert stubbed.endswith(
        '\n\nraise NotImplementedError("Your turn: replace this line by your answer.")'
    )
    compile(stubbed, "stub", "exec")
