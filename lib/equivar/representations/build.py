"""Representations made from a group, from permutations, and from each other."""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._shapes import Float, Shaped
from equivar.groups import Group


def trivial(group: Group, dim: int = 1) -> Float[Tensor, "order d d"]:
    """Nothing happens: the law of what is invariant.

    Args:
        group: any.
        dim: the number of components; 0 is fine.

    >>> from equivar.groups import cyclic
    >>> trivial(cyclic(3)).tolist()
    [[[1.0]], [[1.0]], [[1.0]]]
    """
    return torch.eye(dim, dtype=torch.float64).repeat(group.order, 1, 1)


def permutation_representation(images: Shaped[Tensor, "..."]) -> Float[Tensor, "order n n"]:
    r"""Zeros and ones that move components as the elements move n things.

    $\rho(g) e_i = e_{g(i)}$, so component i of x is found at g(i) of $\rho(g) x$.

    Args:
        images: (order, n) whole numbers, `images[g, i]` is where element g takes thing i; such as
            `groups.permutations(n)`, or the permutations of a `Stabilizer`.

    Returns:
        (order, n, n), float64, on the device of the images.

    Raises:
        ValueError: a row is not a permutation of 0 to n-1.

    >>> swap_of_three = torch.tensor([[0, 1, 2], [1, 0, 2]])
    >>> rho = permutation_representation(swap_of_three)
    >>> (rho[1] @ torch.tensor([5.0, 6.0, 7.0], dtype=torch.float64)).tolist()
    [6.0, 5.0, 7.0]
    """
    if images.ndim != 2 or images.is_floating_point():
        raise ValueError(
            f"images have shape {tuple(images.shape)} and dtype {images.dtype}; expected whole "
            "numbers (order, n): a row for each element"
        )
    n = images.shape[1]
    wrong = (images.sort(dim=1).values != torch.arange(n).to(images)).any(dim=1)
    for g in wrong.nonzero().flatten().tolist():
        raise ValueError(
            f"row {g} is {images[g].tolist()}; expected each of 0 to {n - 1} once, in any order"
        )
    return torch.eye(n, dtype=torch.float64, device=images.device)[images.long()].mT.contiguous()


def regular(group: Group) -> Float[Tensor, "order order order"]:
    r"""The group acting on functions on itself: $\rho(g) e_h = e_{gh}$.

    It holds every irrep. A group convolution's channels transform by it.

    >>> from equivar.groups import cyclic
    >>> regular(cyclic(3))[1].tolist()  # a cyclic shift
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    return permutation_representation(torch.as_tensor(group.table))


def direct_sum(*representations: Float[Tensor, "..."]) -> Float[Tensor, "order d d"]:
    """Side by side, each on components of its own: blocks on the diagonal.

    Args:
        representations: at least one, all of one group.

    Raises:
        ValueError: there are none, or their numbers of elements differ.

    >>> from equivar.groups import cyclic
    >>> both = direct_sum(trivial(cyclic(3)), regular(cyclic(3)))
    >>> both.shape, character(both).tolist()
    (torch.Size([3, 4, 4]), [4.0, 1.0, 1.0])
    """
    if not representations:
        raise ValueError("a direct sum of nothing: give at least one representation")
    check_orders(*representations)
    dims = [rho.shape[-1] for rho in representations]
    total = representations[0].new_zeros(len(representations[0]), sum(dims), sum(dims))
    start = 0
    for rho, d in zip(representations, dims, strict=True):
        total[:, start : start + d, start : start + d] = rho
        start += d
    return total


def tensor_product(a: Float[Tensor, "..."], b: Float[Tensor, "..."]) -> Float[Tensor, "order d d"]:
    r"""The law of products $x_i y_j$, in the order of `torch.kron`: characters multiply.

    Args:
        a: (order, m, m).
        b: (order, n, n), of the same group.

    Returns:
        (order, m n, m n).

    Raises:
        ValueError: their numbers of elements differ.

    >>> from equivar.groups import cyclic
    >>> square = tensor_product(regular(cyclic(3)), regular(cyclic(3)))
    >>> character(square).tolist()  # three times that of the regular representation
    [9.0, 0.0, 0.0]
    """
    check_orders(a, b)
    return torch.einsum("gij,gkl->gikjl", a, b).flatten(3, 4).flatten(1, 2)


def dual(rho: Float[Tensor, "order d d"]) -> Float[Tensor, "order d d"]:
    r"""How the coefficients of linear functions transform: $\rho(g^{-1})^T$.

    For orthogonal matrices that is $\rho(g)$ again, which is why real networks need not tell
    vectors from gradients. In general only the pairing of the two is invariant.

    Args:
        rho: (order, d, d).

    Raises:
        ValueError: the matrices are not square, or one has no inverse.

    >>> slanted = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [0.0, -1.0]]])
    >>> x, w = torch.tensor([2.0, 3.0]), torch.tensor([5.0, 7.0])
    >>> (w @ x).item(), ((dual(slanted)[1] @ w) @ (slanted[1] @ x)).item()
    (31.0, 31.0)
    """
    check_orders(rho)
    inverse, singular = torch.linalg.inv_ex(rho)
    if bool(singular.any()):
        g = int(singular.nonzero()[0])
        raise ValueError(
            f"the matrix of element {g} is {rho[g].tolist()}, which has no inverse; a group "
            "element's always has one. Is rho a representation?"
        )
    return inverse.mT


def character(rho: Float[Tensor, "order d d"]) -> Float[Tensor, " order"]:
    """The traces: one number for each element, and they tell representations apart.

    A change of basis does not touch them, and over a finite group the converse holds: equal
    characters, equal up to a change of basis.

    Args:
        rho: (order, d, d).

    Raises:
        ValueError: the matrices are not square.

    >>> from equivar.groups import permutations
    >>> character(permutation_representation(permutations(3))).tolist()  # points left in place
    [3.0, 1.0, 1.0, 0.0, 0.0, 1.0]
    """
    check_orders(rho)
    return rho.diagonal(dim1=-2, dim2=-1).sum(-1)


def check_representation(rho: Float[Tensor, "..."], group: Group, tolerance: float = 1e-9) -> None:
    r"""Raise a ValueError that names two elements whose matrices do not multiply as they do.

    Args:
        rho: (order, d, d).
        group: what it should represent.
        tolerance: the largest error of an entry of $\rho(g)\rho(h)$; float32 needs about 1e-5.

    Raises:
        ValueError: a product or the identity is wrong, or the shape, or an entry is not finite.

    >>> from equivar.groups import cyclic
    >>> turns = torch.tensor([[[1.0]], [[-1.0]], [[1.0]]])
    >>> check_representation(turns, cyclic(3))
    Traceback (most recent call last):
    ValueError: rho('r') rho('r2') differs from rho('e') by 2; is the order of the elements C3's?
    """
    if rho.ndim != 3 or rho.shape[1] != rho.shape[2] or len(rho) != group.order:
        raise ValueError(
            f"rho has shape {tuple(rho.shape)}; expected ({group.order}, d, d), a square matrix "
            f"for each element of {group.name}"
        )
    if not bool(torch.isfinite(rho).all()):
        raise ValueError("rho holds nan or infinity; every entry must be a finite number")
    names = group.labels
    one = (rho[group.identity] - torch.eye(rho.shape[1]).to(rho)).abs()
    if one.numel() and bool(one.max() > tolerance):
        raise ValueError(
            f"rho({names[group.identity]!r}) differs from the identity matrix by "
            f"{float(one.max()):.2g}; the identity of {group.name} must do nothing"
        )
    for g in range(group.order if one.numel() else 0):
        errors = (rho[g] @ rho - rho[group.table[g].to(rho.device)]).abs().amax(dim=(1, 2))
        h = int(errors.argmax())
        if bool(errors[h] > tolerance):
            raise ValueError(
                f"rho({names[g]!r}) rho({names[h]!r}) differs from "
                f"rho({names[group.multiply(g, h)]!r}) by {float(errors[h]):.2g}; is the order of "
                f"the elements {group.name}'s?"
            )


def check_orders(*representations: Tensor) -> None:
    """Raise a ValueError unless these may be representations of one group."""
    for rho in representations:
        if rho.ndim != 3 or rho.shape[1] != rho.shape[2]:
            raise ValueError(
                f"got a representation of shape {tuple(rho.shape)}; expected (order, d, d)"
            )
    orders = [len(rho) for rho in representations]
    if len(set(orders)) > 1:
        raise ValueError(f"got matrices for {orders} elements; expected one group, so one number")
