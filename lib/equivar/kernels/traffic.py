r"""What the Triton kernels read, write and compute, counted and not measured.

A kernel takes at least as long as its memory needs for what it must read and write, and as its
arithmetic needs for its operations. Both can be counted before anything runs. Three numbers:

* what the programs *ask* for: each load and store of each program, repeats included. The caches
  serve most repeats. The tests count them in Triton's interpreter, and hold these formulas to it;
* the *least*: each number that is needed, read once; each result, written once. No kernel that
  starts and ends in memory does with less;
* the *operations*: multiplications, additions, divisions and roots, as the kernel's lines say.

The definitions in PyTorch are counted as well, where they write to memory what the kernels keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from equivar._shapes import Int
from equivar.kernels.couplings import coupling
from equivar.kernels.launch_triton import COLUMNS, POINTS, ROWS, blocks, tile

__all__ = [
    "Traffic",
    "gather_sum_traffic",
    "harmonics_traffic",
    "product_traffic",
    "rotate_traffic",
]

INDEX = 8  # bytes of an int64
ENTRY = 4  # bytes of an int32, in tables


@dataclass(frozen=True)
class Traffic:
    """What one kernel does to memory, and how much it computes.

    Attributes:
        asked: bytes of all loads and stores, by the kernel's name for the array.
        least: bytes of what is needed, each once.
        operations: what the kernel computes.
        least_operations: the same sums with nothing computed twice, and no zeros.
    """

    asked: dict[str, int]
    least: dict[str, int]
    operations: int
    least_operations: int

    @property
    def total(self) -> int:
        """Bytes that are asked for."""
        return sum(self.asked.values())

    @property
    def least_total(self) -> int:
        """Bytes that are needed."""
        return sum(self.least.values())

    @property
    def intensity(self) -> float:
        """Operations for each byte that is needed: where a roofline is read.

        >>> round(rotate_traffic(1, 1000).intensity, 2)
        0.62
        """
        return self.operations / max(self.least_total, 1)


def rotate_traffic(batch: int, n: int, item: int = 4) -> Traffic:
    """Of `rotate`: three columns of points in and out, and nine numbers for each program.

    Args:
        batch: the number of clouds.
        n: the points of each.
        item: the bytes of a number: 4 for float32, 8 for float64.

    >>> found = rotate_traffic(1, 1000)
    >>> found.least, found.total - found.least_total
    ({'R': 36, 'x': 12000, 'y': 12000}, 252)
    """
    programs = batch * blocks(n, tile(n, POINTS))
    cloud = batch * n * 3 * item
    operations = 15 * batch * n
    return Traffic(
        {"R": programs * 9 * item, "x": cloud, "y": cloud},
        {"R": batch * 9 * item if n else 0, "x": cloud, "y": cloud},
        operations,
        operations,
    )


def gather_sum_traffic(
    source: Int[Tensor, " n_edges"],
    target: Int[Tensor, " n_edges"],
    size: int,
    width: int,
    item: int = 4,
    form: str = "triton",
) -> Traffic:
    """Of `gather_sum`, on a graph whose edges are sorted by target.

    Args:
        source: the row of x of each edge.
        target: the row of the result.
        size: the number of rows of the result.
        width: the numbers of each row.
        item: the bytes of a number.
        form: "triton", "triton-atomic", or "torch": the definition, which writes a row for each
            edge to memory and reads it back.

    Raises:
        ValueError: another form.

    Ten edges from one node to another: its row is asked for ten times, and needed once.

    >>> import torch
    >>> zeros = torch.zeros(10, dtype=torch.int64)
    >>> found = gather_sum_traffic(zeros, zeros, 1, width=4)
    >>> found.asked["x"], found.least["x"]
    (160, 16)
    """
    n_edges, row = len(source), width * item
    n_blocks = blocks(width, tile(width, COLUMNS))
    least = {
        "starts": INDEX * (size + 1) if width else 0,
        "source": INDEX * n_edges if width else 0,
        "x": len(source.unique()) * row,
        "out": size * row,
    }
    messages, index = n_edges * row, n_edges * INDEX
    if form == "triton":
        asked = {
            "starts": 2 * INDEX * size * n_blocks,
            "source": index * n_blocks,
            "x": messages,
            "out": size * row,
        }
    elif form == "triton-atomic":  # an atomic addition reads and writes
        pair = dict.fromkeys(("source", "target"), index * n_blocks)
        asked = {**pair, "x": messages, "out": 2 * messages}
    elif form == "torch":
        out = size * row + 2 * messages
        asked = {"source": index, "target": index, "x": messages, "messages": 2 * messages}
        asked["out"] = out
    else:
        raise ValueError(f"form is {form!r}; expected 'triton', 'triton-atomic' or 'torch'")
    least_operations = max(n_edges - len(target.unique()), 0) * width
    return Traffic(asked, least, n_edges * width, least_operations)


def harmonics_traffic(n: int, lmax: int, item: int = 4, backward: bool = False) -> Traffic:
    """Of `harmonics` with directions of any length: a point in, (lmax + 1)^2 numbers out.

    Args:
        n: the number of points.
        lmax: the largest degree.
        item: the bytes of a number.
        backward: whether of the gradient: as many numbers and a point in, a point out.

    The table of coefficients is asked for by each program and stays in the cache. At degree 4 the
    results are eight times the inputs: writing them is what takes the time.

    >>> found = harmonics_traffic(128, 4)
    >>> found.least["v"], found.least["Y"]
    (1536, 12800)
    """
    programs, d = blocks(n, POINTS), (lmax + 1) ** 2
    pairs = [(l, m) for m in range(lmax + 1) for l in range(m, lmax + 1)]
    point, results = 3 * n * item, d * n * item
    if not backward:
        made = pairs
        asked = {"v": point, "Y": results}
    else:
        made = [(l, m) for l, m in pairs if m]
        made += [(l - 1, m) for l, m in pairs if l > m] + [(l - 1, m + 1) for l, m in _inner(pairs)]
        asked = {"v": point, "g": results, "out": point}
        asked["s"] = programs * item * sum(l > m for l, m in pairs)
        asked["t"] = programs * item * len(_inner(pairs))
    least = {name: size for name, size in asked.items() if name not in ("s", "t")}
    steps = sum(l - m for l, m in made)
    asked["a"] = programs * item * (len(made) + steps)
    asked["b"] = programs * item * steps
    # Of the tables, each entry that some recursion passes.
    passed = {(l, k) for l, m in made for k in range(m, l + 1)}
    once_each = {"a": len(passed), "b": sum(k < l for l, k in passed)}
    if backward:
        once_each |= {"s": sum(l > m for l, m in pairs), "t": len(_inner(pairs))}
    least |= {name: number * item * bool(n) for name, number in once_each.items()}
    # Of the length 7, of the directions 3, of the distance from the axis 3, of each power 6, and
    # of each step of a recursion 5.
    some, inner = sum(l > m for l, m in pairs), len(_inner(pairs))
    each = 13 + 6 * (lmax + 1)
    if not backward:
        each += len(pairs) + some  # the products with real and imaginary parts
    else:
        each += len(pairs) + 9 * some + 3 * inner + 10 * (lmax + 1) + 18
    once = 5 * sum(k < l for l, k in passed)
    return Traffic(
        {name: size for name, size in asked.items() if size},
        {name: size for name, size in least.items() if size},
        n * (each + 5 * steps),
        n * (each + once),
    )


def _inner(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Degrees and orders whose factor depends on the distance from the axis."""
    return [(l, m) for l, m in pairs if l > m + 1]


def product_traffic(n: int, degrees: tuple[int, int, int], item: int = 4) -> Traffic:
    """Of `product`: two factors for each entry of the table that is not zero.

    Args:
        n: the number of rows.
        degrees: l1, l2 and l3.
        item: the bytes of a number.

    Of the 125 coefficients of 2 x 2 -> 2, 25 are not zero:

    >>> product_traffic(1, (2, 2, 2)).operations // 3
    25
    """
    d1, d2, d3 = (2 * l + 1 for l in degrees)
    number = int((coupling(*degrees) != 0).sum())
    programs = blocks(n, ROWS)
    tables = {
        "starts": ENTRY * 2 * d3,
        "factors": ENTRY * 2 * number,
        "coefficients": item * number,
    }
    asked = {name: programs * size for name, size in tables.items()}
    asked |= {"a": n * number * item, "b": n * number * item, "out": n * d3 * item}
    least = {name: size if n else 0 for name, size in tables.items()}
    least["starts"] = ENTRY * (d3 + 1) if n else 0
    least |= {"a": n * d1 * item, "b": n * d2 * item, "out": n * d3 * item}
    return Traffic(asked, least, 3 * number * n, 3 * number * n)
