"""What a check cell needs: the grading seed, random numbers of its own, and `show`.

A check is decided by the text that it shows, compared with the text that the solution shows for the
same seed. So a correct answer that is written differently must show the same text. `show` sees to
this for what an answer cannot help:

* the order of a sum: values are rounded, and ties are pushed away from zero, so 1/128 = 0.0078125
  shows the same digits whether rounding made it a little more or less;
* the sign of zero: -0.0 shows as 0;
* the container: a tensor, an array and a nested list of equal numbers show the same text, and so do
  a list and a tuple, 3 and 3.0, a set in any order.

The rest is the author's:

* use float64 in check cells: `show` marks every other float type. Grading lets single precision and
  another order of summation pass (see `coursetools.grading.compare`), but errors grow on the way;
* draw inputs from `generator(label)`, never from the global generator: an answer that draws random
  numbers of its own would shift all that follow;
* show what is unique. Not an eigenvector (its sign is free) but its projector; not a basis but the
  projector on its span; not a set of edges in the order found but sorted; not the result of a long
  optimization but whether it is below a bound;
* keep rounding errors out: a difference that should be zero shows as 0 at six digits, so show a
  *result*, not only an error, or an answer of zeros passes;
* show something that depends on the seed: what is the same for each seed can be typed in by hand.
  `coursetools derive` refuses a check that shows the same text for two seeds.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping, Set
from numbers import Number
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch

MARK = "check> "
MOST_NUMBERS = 1000


def seed() -> int:
    """The seed of this run: 0 in the committed notebooks, fresh at each grading.

    It is read from the environment variable `COURSE_SEED`.

    Returns:
        The seed, a nonnegative integer.

    Raises:
        ValueError: If the variable holds something else than an integer.

    >>> seed() >= 0
    True
    """
    text = os.environ.get("COURSE_SEED", "0")
    if not text.isdecimal():
        raise ValueError(f"COURSE_SEED is {text!r}; expected a nonnegative integer such as 0")
    return int(text)


def label_seed(label: str) -> int:
    """A seed for one purpose: the run's seed and a label, mixed.

    Checks with different labels draw independent numbers; neither depends on what ran before.

    >>> label_seed("rotate") == label_seed("rotate"), label_seed("rotate") == label_seed("shift")
    (True, False)
    """
    digest = hashlib.sha256(f"{seed()}:{label}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def generator(label: str) -> torch.Generator:
    """A torch generator of this check's own, seeded from the run's seed and `label`.

    It is not the global one, so an answer that draws random numbers does not shift the check's.

    >>> import torch
    >>> a = torch.rand(3, generator=generator("rotate"), dtype=torch.float64)
    >>> b = torch.rand(3, generator=generator("rotate"), dtype=torch.float64)
    >>> torch.testing.assert_close(a, b)
    """
    import torch

    return torch.Generator().manual_seed(label_seed(label))


def numpy_generator(label: str) -> np.random.Generator:
    """The same as `generator`, for NumPy.

    >>> bool(numpy_generator("a").random() == numpy_generator("a").random())
    True
    """
    import numpy as np

    return np.random.default_rng(label_seed(label))


def show(name: str, value: Any, digits: int = 6) -> None:
    """Print a result so that every correct answer prints the same text.

    Each line starts with `check> `; grading compares these lines and ignores all others, so a
    `print` that was left in an answer does no harm.

    Args:
        name: What the value is, in the words of the exercise.
        value: A number, string, bool, None, tensor, array, or lists, tuples, sets and dicts of
            these. At most 1000 numbers; more show as a shape alone.
        digits: Decimal places for values up to 1; larger values keep the same number of
            significant digits.

    >>> show("angle", -0.0)
    check> angle: 0
    >>> show("turned", [[0.5, -1.0], [3 ** 0.5 / 2, float("nan")]])
    check> turned: shape (2, 2)
    check>   0.5  -1
    check>   0.866025  nan
    >>> show("forgotten", None)
    check> forgotten: None (nothing came back: is there a `return`?)
    """
    for line in lines(name, value, digits):
        print(MARK + line)


def lines(name: str, value: Any, digits: int = 6) -> list[str]:
    """What `show` prints, without the mark.

    >>> lines("group", {"order": 8, "abelian": False})
    ['group:', '  abelian: False', '  order: 8']
    """
    if value is None:
        return [f"{name}: None (nothing came back: is there a `return`?)"]
    if isinstance(value, (str, bytes)):
        return [f"{name}: {value!r}"]
    array = as_array(value)
    if array is not None:
        return array_lines(name, array, digits)
    if isinstance(value, Mapping):
        parts = [lines(str(key), item, digits) for key, item in value.items()]
        return [f"{name}:", *("  " + line for part in sorted(parts) for line in part)]
    if isinstance(value, Set):
        parts = sorted(lines("-", item, digits) for item in value)
        return [f"{name}: {len(parts)} elements", *("  " + line for part in parts for line in part)]
    if isinstance(value, (list, tuple)):
        parts = [lines(f"[{k}]", item, digits) for k, item in enumerate(value)]
        return [f"{name}: {len(parts)} items", *("  " + line for part in parts for line in part)]
    # Never the object's own repr: it may hold an address, which is another one in each run.
    return [f"{name}: an object of type {type(value).__name__} (expected numbers)"]


def as_array(value: Any) -> np.ndarray | None:
    """The value as an array of bools, integers, floats or complex numbers, or None if it is none.

    >>> as_array([[1, 2], [3, 4]]).shape
    (2, 2)
    >>> as_array([[1, 2], [3]]) is None
    True
    """
    import numpy as np

    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.to_dense() if value.layout is not _strided() else value
        value = value.resolve_conj().resolve_neg()
        if str(value.dtype) == "torch.bfloat16":  # which NumPy does not have
            value = value.float()
        value = value.numpy()
    elif isinstance(value, (list, tuple)) and value:
        parts = [as_array(item) for item in value]
        arrays = [part for part in parts if part is not None]
        if len(arrays) < len(parts) or len({(a.shape, a.dtype.kind == "b") for a in arrays}) != 1:
            return None
        value = np.array(arrays)
    elif not isinstance(value, (Number, np.ndarray, np.generic)):
        return None
    array = np.asarray(value)
    return array if array.dtype.kind in "biufc" else None


def _strided() -> object:
    import torch

    return torch.strided


def array_lines(name: str, array: np.ndarray, digits: int) -> list[str]:
    """The lines for an array: a scalar or a vector on one line, else a line for each row.

    >>> import numpy as np
    >>> array_lines("v", np.array([1.0, 2.5]), 6)
    ['v: shape (2,): 1  2.5']
    """
    kind = array.dtype.kind
    exact = kind not in "fc" or array.dtype.name in ("float64", "complex128")
    note = "" if exact else f" {array.dtype.name} (expected float64)"
    shape = "(" + ", ".join(map(str, array.shape)) + ("," if array.ndim == 1 else "") + ")"
    if array.size > MOST_NUMBERS:
        return [f"{name}: shape {shape}{note}: too many numbers to show"]
    decimals = decimal_places(array, digits) if kind in "fc" else 0
    texts = [number_text(item, decimals) for item in array.ravel().tolist()]
    if array.ndim == 0:
        return [f"{name}{note}: {texts[0]}"]
    if array.ndim == 1 or array.size == 0:
        return [f"{name}: shape {shape}{note}: " + ("  ".join(texts) or "empty")]
    width = array.shape[-1]
    rows = ["  " + "  ".join(texts[k : k + width]) for k in range(0, len(texts), width)]
    return [f"{name}: shape {shape}{note}", *rows]


def decimal_places(array: np.ndarray, digits: int) -> int:
    """How many decimals to keep: fewer for large values, where rounding errors are large too.

    >>> import numpy as np
    >>> decimal_places(np.array([0.001, 0.5]), 6), decimal_places(np.array([-2500.0]), 6)
    (6, 3)
    """
    import numpy as np

    sizes = np.abs(array[np.isfinite(array)])
    largest = float(sizes.max()) if sizes.size else 0.0
    # A little more than the value itself: 9.999999999999998 and 10.0 must land on the same side.
    exponent = math.floor(math.log10(largest * (1 + 1e-9))) if largest > 0 else 0
    return digits - max(0, exponent)


def number_text(value: complex, decimals: int) -> str:
    """One number, rounded.

    >>> number_text(1 / 128, 6), number_text(-1 / 128, 6), number_text(2.0, 6), number_text(True, 6)
    ('0.007813', '-0.007813', '2', 'True')
    >>> number_text(123456.7, -2), number_text(0.5 - 2j, 3), number_text(float("-inf"), 3)
    ('123500', '0.5-2j', '-inf')
    """
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, complex):
        imaginary = number_text(value.imag, decimals)
        sign = "" if imaginary.startswith("-") else "+"
        return f"{number_text(value.real, decimals)}{sign}{imaginary}j"
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    away_from_tie = math.copysign(10.0**-decimals / 1000, value)
    text = f"{round(value + away_from_tie, decimals):.{max(0, decimals)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
