from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from coursetools.checks import generator, label_seed, lines, number_text, seed, show


def text(value: Any, digits: int = 6) -> str:
    return "\n".join(lines("x", value, digits))


def test_the_container_of_equal_numbers_does_not_show() -> None:
    rows = [[0.5, -1.25], [2.0, 3.0]]
    expected = text(rows)
    tensor = torch.tensor(rows, dtype=torch.float64)
    for same in (
        tuple(map(tuple, rows)),
        np.array(rows),
        tensor,
        tensor.requires_grad_(),
        torch.tensor(rows, dtype=torch.float64).T.contiguous().T,
        [torch.tensor(row, dtype=torch.float64) for row in rows],
        torch.tensor(rows, dtype=torch.float64).to_sparse(),
    ):
        assert text(same) == expected
    assert text(torch.tensor([1, 2])) == text([1.0, 2.0])
    assert text(torch.tensor(3)) == text(3) == text(3.0) == text(np.float64(3))
    assert text([1.0, None]) == text((1.0, None))
    assert list({0, 8}) != list({8, 0}), "equal sets that are stored in another order"
    assert text({0, 8}) == text({8, 0})
    assert text({"b": 1, "a": 2}) == text({"a": 2, "b": 1})
    assert text(torch.tensor([1.0], dtype=torch.float64).to(torch.complex128).conj()) == text(
        [1 + 0j]
    )


def test_rounding_errors_do_not_show() -> None:
    draw = np.random.default_rng(0)
    values = np.concatenate(
        [draw.normal(size=300), draw.integers(-200, 200, 300) / 256, [0.0, 10.0]]
    )
    for scale in (1.0, 10.0, 1e4):
        wobble = values * scale * (1 + draw.choice([-1, 1], values.size) * 4e-16)
        assert text(wobble) == text(values * scale)
    assert text(-0.0) == text(0.0) == text(-1e-17) == "x: 0"
    assert text(np.array([10.0])) == text(np.array([9.999999999999998]))
    assert text(1 / 128) == text(math.nextafter(1 / 128, 0)) == text(math.nextafter(1 / 128, 1))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (torch.zeros(3, 1), torch.zeros(1, 3)),
        (torch.zeros(3), torch.zeros(1, 3)),
        (torch.tensor([float("nan"), 1.0]), torch.tensor([0.0, 1.0])),
        (torch.zeros(2, dtype=torch.float32), torch.zeros(2, dtype=torch.float64)),
        (None, 0.0),
        (True, 1),
        (0.500001, 0.5),
        ([], [0.0]),
        ("1", 1),
        ([1.0, None], [1.0, 0.0]),
        (object(), 1.0),
    ],
)
def test_what_is_different_shows_differently(wrong: Any, right: Any) -> None:
    assert text(wrong) != text(right)


def test_what_a_student_should_notice_is_said_in_words() -> None:
    assert "is there a `return`?" in text(None)
    assert "float32 (expected float64)" in text(torch.ones(2, dtype=torch.float32))
    assert "nan" in text(float("nan"))
    assert "shape (2, 0)" in text(torch.ones(2, 0, dtype=torch.float64))
    assert "too many numbers" in text(np.zeros(1001))
    assert " at 0x" not in text(object())


def test_every_line_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    show("nested", {"a": [1, [2, "b"]], "R": np.eye(2)})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) > 4
    assert all(line.startswith("check> ") for line in printed)


def test_large_numbers_keep_their_significant_digits() -> None:
    assert number_text(-123456789.0, -2) == "-123456800"
    assert text(-4154.123456789) == "x: -4154.123"


def test_the_seed_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_SEED", raising=False)
    assert seed() == 0
    before = label_seed("a")
    monkeypatch.setenv("COURSE_SEED", "17")
    assert seed() == 17
    assert label_seed("a") != before
    monkeypatch.setenv("COURSE_SEED", "-1")
    with pytest.raises(ValueError, match="'-1'; expected a nonnegative integer"):
        seed()


def test_a_students_random_numbers_do_not_shift_the_checks() -> None:
    first = torch.rand(3, generator=generator("a"))
    torch.rand(100)
    torch.testing.assert_close(torch.rand(3, generator=generator("a")), first, rtol=0, atol=0)
    assert (torch.rand(3, generator=generator("b")) - first).abs().max() > 0.01
