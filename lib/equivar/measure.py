r"""How far a function is from commuting with a group.

A function $f$ is equivariant when $f(g \cdot x) = g \cdot f(x)$ for each element $g$ and input $x$:
acting before is acting after. It is invariant when $f(g \cdot x) = f(x)$, the case where $g$ acts
on outputs by doing nothing. What follows measures by how much the two sides differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
from torch import Tensor

from equivar._checks import check_axes, check_count, check_rotations
from equivar._shapes import Float, Shaped

Element = TypeVar("Element")


def equivariance_error(
    f: Callable[[Tensor], Tensor],
    x: Shaped[Tensor, "..."],
    act_in: Callable[[Tensor], Tensor],
    act_out: Callable[[Tensor], Tensor] | None = None,
) -> Float[Tensor, ""]:
    r"""Relative distance between acting before a function and acting after it.

    $$\frac{\lVert f(g \cdot x) - g \cdot f(x) \rVert}{\lVert f(x) \rVert}$$

    The error is relative because an absolute one is passed by every small enough function: halve
    the weights and it halves. For the same reason a function that returns zero is not called
    equivariant: it gives nan, and no comparison with nan holds. Rounding alone gives about 1e-16 in
    float64 and 1e-7 in float32, times the condition of `f`; a function that ignores the symmetry
    gives about 1. The norm runs over the whole output, so a small part can hide behind a large
    one: measure parts of different size or unit apart.

    Args:
        f: the function. It is called twice.
        x: one input, or a batch of inputs; any shape.
        act_in: the group element's action on inputs, `x -> g x`.
        act_out: its action on outputs; must keep the shape. None means that the element does
            nothing to outputs, so that the error measures invariance.

    Returns:
        A 0-dim tensor, dimensionless, differentiable in whatever `f` is differentiable in.
        nan where `f(x)` and `f(g x)` are both zero, inf where only `f(x)` is: both fail any bound.

    Raises:
        ValueError: the two sides have different shapes, so that broadcasting would invent a number.

    The norm of a vector is invariant under each orthogonal matrix, here a swap of x and y. Its
    first component is not: (3, 4) becomes (4, 3).

    >>> x = torch.tensor([3.0, 4.0], dtype=torch.float64)
    >>> swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    >>> equivariance_error(lambda x: x.norm(), x, lambda x: swap @ x).item()
    0.0
    >>> round(equivariance_error(lambda x: x[0], x, lambda x: swap @ x).item(), 6)  # |4 - 3| / 3
    0.333333

    The identity map is equivariant, and a shift is not:

    >>> equivariance_error(lambda x: x, x, lambda x: swap @ x, lambda y: swap @ y).item()
    0.0
    >>> shift = torch.tensor([1.0, 0.0], dtype=torch.float64)
    >>> error = equivariance_error(lambda x: x + shift, x, lambda x: swap @ x, lambda y: swap @ y)
    >>> round(error.item(), 6)  # |shift - swap shift| / |x + shift| = sqrt(2) / sqrt(32)
    0.25
    """
    before, output = f(act_in(x)), f(x)
    after = output if act_out is None else act_out(output)
    if before.shape != after.shape:
        raise ValueError(
            f"f(act_in(x)) has shape {tuple(before.shape)}, and "
            f"{'f(x)' if act_out is None else 'act_out(f(x))'} has shape {tuple(after.shape)}; "
            "they must be equal. Does act_in change the number of points, or act_out the shape?"
        )
    if not (output.is_floating_point() or output.is_complex()):  # classes, counts, masks
        before, after, output = (y.to(torch.float64) for y in (before, after, output))
    return torch.linalg.vector_norm(before - after) / torch.linalg.vector_norm(output)


def orbit(
    x: Shaped[Tensor, "..."],
    elements: Iterable[Element],
    act: Callable[[Element, Tensor], Tensor],
) -> Shaped[Tensor, "n_elements ..."]:
    r"""Everything that group elements make of one input: $(g \cdot x)_g$, in the order given.

    As a set, the orbit is all that an invariant function cannot tell from `x`. As a list, an image
    appears once for each element that makes it: $|G| / |\text{orbit}|$ times, which is the order of
    the stabilizer of `x`.

    Args:
        x: one input, any shape.
        elements: group elements, of any type: a tensor of matrices (n, 3, 3), a `range`, a list.
        act: the left action, called as `act(g, x)`; must keep the shape of `x`.

    Returns:
        Tensor (n_elements, *x.shape); (0, *x.shape) for no elements.

    Raises:
        ValueError: an element's action changed the shape.

    Shift a signal of four numbers cyclically. The signal has period 2, so its orbit has
    4 / 2 = 2 members, each seen twice:

    >>> x = torch.tensor([1, 5, 1, 5])
    >>> images = orbit(x, range(4), lambda g, x: x.roll(g))
    >>> images.tolist()
    [[1, 5, 1, 5], [5, 1, 5, 1], [1, 5, 1, 5], [5, 1, 5, 1]]
    >>> len(images.unique(dim=0))
    2
    """
    images = [act(g, x) for g in elements]
    for i, image in enumerate(images):
        if image.shape != x.shape:
            raise ValueError(
                f"act(g, x) has shape {tuple(image.shape)} for element number {i}, and x has shape "
                f"{tuple(x.shape)}; an action keeps the shape. Is it act(g, x), in this order?"
            )
    return torch.stack(images) if images else x.new_empty((0, *x.shape))


def worst_rotation(
    score: Callable[[Tensor], Tensor],
    start: Float[Tensor, "n 3 3"],
    steps: int = 40,
    angle: float = 0.3,
) -> tuple[Float[Tensor, "n 3 3"], Float[Tensor, " n"]]:
    r"""Look for the rotation at which something is worst, by climbing from several starts.

    An error averaged over random rotations says little about the worst one. The climb turns by
    small rotations from the left, $R \mapsto \exp([\omega]_\times)\,R$, along the gradient in
    $\omega$ at $\omega = 0$: three numbers, and the result is a rotation at each step. A step that
    does not rise is taken back and tried at a third of its angle; one that does is lengthened by a
    half. So the score never falls. What is found is a local maximum, a lower bound of the worst:
    take several starts.

    Args:
        score: from rotations (n, 3, 3) to n numbers, each of its own rotation alone, and
            differentiable in it. It is called `steps` + 1 times.
        start: where to begin; a proper rotation each.
        steps: how many steps to try; 0 gives the scores of the starts.
        angle: of the first step, in radians.

    Returns:
        The rotations found, and their scores.

    Raises:
        ValueError: for starts that are no rotations, or a score of another shape.

    How far a rotation moves the vector (0, 0, 1): at most to its opposite, at distance 2.

    >>> from equivar.rotations import rotation_3d
    >>> z = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    >>> start = rotation_3d(torch.tensor([[1.0, 0, 0], [0, 1, 0]], dtype=torch.float64), 0.4)
    >>> R, found = worst_rotation(lambda R: (R @ z - z).norm(dim=-1), start)
    >>> found.round(decimals=6).tolist()
    [2.0, 2.0]
    >>> (R @ z).round(decimals=3)[:, 2].tolist()
    [-1.0, -1.0]
    """
    check_axes("start", start, "n", 3, 3)
    check_rotations(start, "start")
    check_count("steps", steps)

    def look(R: Tensor) -> tuple[Tensor, Tensor]:
        """Scores, and the directions in which they rise."""
        with torch.enable_grad():
            turn = R.new_zeros(len(R), 3, requires_grad=True)
            found = score(R + _cross_matrix(turn) @ R)
            if found.shape != (len(R),):
                raise ValueError(
                    f"the score of {len(R)} rotations has shape {tuple(found.shape)}; expected "
                    f"({len(R)},), a number for each"
                )
            (slope,) = torch.autograd.grad(found.sum(), turn)
        tiny = torch.finfo(slope.dtype).tiny
        return found.detach(), slope / torch.linalg.vector_norm(slope, dim=-1).clamp(min=tiny)[
            :, None
        ]

    R = start.detach()
    best, way = look(R)
    size = torch.full_like(best, angle)
    for _ in range(steps):
        trial = torch.linalg.matrix_exp(_cross_matrix(size[:, None] * way)) @ R
        found, new_way = look(trial)
        up = found > best
        R = torch.where(up[:, None, None], trial, R)
        best, way = torch.where(up, found, best), torch.where(up[:, None], new_way, way)
        size = torch.where(up, 1.5 * size, size / 3)
    return R, best


def _cross_matrix(v: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
    """The matrices of r -> v x r."""
    x, y, z = v.unbind(dim=-1)
    o = torch.zeros_like(x)
    return torch.stack([o, -z, y, z, o, -x, -y, x, o], dim=-1).unflatten(-1, (3, 3))
