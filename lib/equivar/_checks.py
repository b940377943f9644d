"""Says what is wrong with an argument, before torch says something about its own insides."""

from __future__ import annotations

from torch import Tensor

from equivar._shapes import Shaped

__all__ = ["check_axes", "check_count", "check_indices"]


def check_axes(name: str, x: Shaped[Tensor, "..."], *sizes: int | str | None) -> None:
    """Raise a ValueError unless the last axes of x have these sizes.

    Args:
        name: what the caller calls it.
        x: a tensor.
        sizes: one for each of the last axes: a number; None or a letter for any size.

    Raises:
        ValueError: there are fewer axes, or one of another size.

    >>> import torch
    >>> check_axes("positions", torch.zeros(5, 2), "n", 3)
    Traceback (most recent call last):
    ...
    ValueError: positions have shape (5, 2); expected (..., n, 3)
    """
    shape = tuple(x.shape)
    last = shape[len(shape) - len(sizes) :] if len(shape) >= len(sizes) else None
    if last is None or any(isinstance(s, int) and s != n for s, n in zip(sizes, last, strict=True)):
        wanted = ", ".join("any" if size is None else str(size) for size in sizes)
        verb = "have" if name.endswith("s") else "has"
        raise ValueError(f"{name} {verb} shape {shape}; expected (..., {wanted})")


def check_count(name: str, n: int, least: int = 0) -> None:
    """Raise a ValueError unless n is a whole number that is large enough.

    Args:
        name: what the caller calls it.
        n: the number.
        least: the smallest that makes sense.

    Raises:
        ValueError: it is smaller, or no whole number.

    >>> check_count("n", 0)
    >>> check_count("width", 0, least=1)
    Traceback (most recent call last):
    ...
    ValueError: got width = 0; expected a whole number, 1 or more
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < least:
        raise ValueError(f"got {name} = {n!r}; expected a whole number, {least} or more")


def check_indices(name: str, index: Shaped[Tensor, "..."], size: int) -> None:
    """Raise a ValueError unless each index is one of 0 to size - 1.

    Args:
        name: what the caller calls it.
        index: whole numbers, any shape.
        size: how many things they count.

    Raises:
        ValueError: it is not of whole numbers, or one is out of range; the message has the first.

    >>> import torch
    >>> check_indices("target", torch.tensor([0, 7]), 5)
    Traceback (most recent call last):
    ...
    ValueError: target holds 7 at place 1; expected 0 to 4, as there are 5. Counted from 1 instead?
    """
    if index.is_floating_point() or index.is_complex():
        raise ValueError(f"{name} has dtype {index.dtype}; expected whole numbers, such as int64")
    if not index.numel() or (index.min() >= 0 and index.max() < size):
        return
    flat = index.flatten()
    place = int(((flat < 0) | (flat >= size)).int().argmax())
    range_ = f"0 to {size - 1}" if size else "none"
    hint = " Counted from 1 instead?" if int(flat[place]) > 0 else ""
    raise ValueError(
        f"{name} holds {int(flat[place])} at place {place}; expected {range_}, as there are {size}."
        + hint
    )
