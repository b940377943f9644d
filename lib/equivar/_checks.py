"""Says what is wrong with an argument, before torch says something about its own insides."""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._shapes import Float, Shaped

__all__ = [
    "check_axes",
    "check_count",
    "check_finite",
    "check_indices",
    "check_orthogonal",
    "check_rotations",
    "is_traced",
]


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


def check_finite(name: str, x: Shaped[Tensor, "..."]) -> None:
    """Raise a ValueError if a number is nan or infinite.

    Where values cannot be looked at, under a compiler or a transform of functions, it says nothing.

    Args:
        name: what the caller calls it.
        x: a tensor, any shape.

    Raises:
        ValueError: the message has the first bad row.

    >>> import torch
    >>> check_finite("positions", torch.tensor([[0.0, 0.0], [0.0, float("nan")]]))
    Traceback (most recent call last):
    ...
    ValueError: positions hold nan or infinity, first at index [1]: [0.0, nan]. Did a simulation \
or an optimizer diverge?
    """
    if is_traced():
        return
    bad = ~torch.isfinite(x)
    if not bool(bad.any()):
        return
    where = bad.nonzero()[0].tolist()[:-1]
    place = f", first at index {where}: {x[tuple(where)].tolist()}" if where else f": {x.tolist()}"
    verb = "hold" if name.endswith("s") else "holds"
    raise ValueError(
        f"{name} {verb} nan or infinity{place}. Did a simulation or an optimizer diverge?"
    )


def check_orthogonal(R: Float[Tensor, "..."], name: str = "R") -> None:
    """Raise a ValueError unless each matrix keeps lengths, to what its dtype can tell.

    Args:
        R: matrices, expected (..., 3, 3); any batch.
        name: what the caller calls them.

    Raises:
        ValueError: the shape is another, or R R^T is not the identity.

    >>> import torch
    >>> check_orthogonal(2 * torch.eye(3))
    Traceback (most recent call last):
    ...
    ValueError: R R^T differs from the identity by 3; expected an orthogonal matrix, to 1e-04 \
for torch.float32. Is it scaled, sheared, or stored in a smaller dtype than it is used in?
    """
    if R.shape[-2:] != (3, 3):
        verb = "have" if name.endswith("s") else "has"
        raise ValueError(f"{name} {verb} shape {tuple(R.shape)}; expected (..., 3, 3)")
    error = (R @ R.mT - torch.eye(3).to(R)).abs()
    bound = 1e3 * torch.finfo(R.dtype).eps
    if error.numel() and not bool((error <= bound).all()):
        found = "R R^T differs" if name == "R" else f"in {name}, R R^T differs"
        raise ValueError(
            f"{found} from the identity by {error.max().item():.2g}; expected an orthogonal "
            f"matrix, to {bound:.0e} for {R.dtype}. Is it scaled, sheared, or stored in a smaller "
            "dtype than it is used in?"
        )


def check_rotations(R: Float[Tensor, "..."], name: str = "R") -> None:
    """Raise a ValueError unless each matrix is a proper rotation: no reflection, no inversion.

    Args:
        R: matrices, expected (..., 3, 3); any batch.
        name: what the caller calls them.

    Raises:
        ValueError: one is not orthogonal, or its determinant is negative.

    >>> import torch
    >>> check_rotations(-torch.eye(3))
    Traceback (most recent call last):
    ...
    ValueError: R has a negative determinant; expected a rotation. A reflection or an \
inversion is none, but -R is one
    """
    check_orthogonal(R, name)
    improper = torch.linalg.det(R) < 0
    if bool(improper.any()):
        where = improper.nonzero()[0].tolist()
        raise ValueError(
            f"{name}{f' at index {where}' if where else ''} has a negative determinant; expected a "
            "rotation. A reflection or an inversion is none, but -R is one"
        )


def is_traced() -> bool:
    """Whether torch.compile or a transform of torch.func is looking at what happens.

    Then a function must do without what depends on values, and without loops that torch cannot see.

    >>> is_traced()
    False
    """
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()


def is_captured(x: Shaped[Tensor, "..."]) -> bool:
    """Whether a CUDA graph is being recorded on the tensor's device.

    Then no value can be looked at: a graph holds what a GPU does, and not what Python asks of it.

    >>> import torch
    >>> is_captured(torch.zeros(2))
    False
    """
    return x.is_cuda and torch.cuda.is_current_stream_capturing()
