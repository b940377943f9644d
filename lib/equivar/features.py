r"""Acting on a feature array laid out by `Irreps`.

Features are plain tensors (..., irreps.dim). What their columns mean is said by an `Irreps` that
the layer or the data set holds.
"""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.irreps import Irreps
from equivar.so3 import wigner_d

__all__ = ["check_features", "invariant_norms", "join", "representation", "split", "transform"]


def check_features(x: Float[Tensor, "... d"], irreps: Irreps, name: str = "features") -> None:
    """Raise a ValueError unless the last axis has the width that the irreps say."""
    width = x.shape[-1] if x.ndim else 0
    if width != irreps.dim or x.ndim == 0:
        raise ValueError(
            f"{name} have shape {tuple(x.shape)}, so {width} components; expected {irreps.dim} "
            f"on the last axis, for {irreps}"
        )


def split(irreps: Irreps | str, x: Float[Tensor, "... d"]) -> list[Float[Tensor, "... _ _"]]:
    """One tensor for each block of irreps, with an axis for the copies and one for components.

    Args:
        irreps: the layout.
        x: features.

    Returns:
        Views of shape (..., multiplicity, 2l+1), in the order of the blocks.

    Raises:
        ValueError: the features have another width.

    >>> scalars, vectors = split("4x0e + 2x1o", torch.arange(10.0))
    >>> vectors.tolist()
    [[4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
    """
    irreps = irreps if isinstance(irreps, Irreps) else Irreps(irreps)
    check_features(x, irreps)
    if not len(irreps):
        return []
    pieces = x.split([mul * irrep.dim for mul, irrep in irreps], dim=-1)
    shapes = [(mul, irrep.dim) for mul, irrep in irreps]
    return [piece.unflatten(-1, shape) for piece, shape in zip(pieces, shapes, strict=True)]


def join(blocks: list[Float[Tensor, "... _ _"]]) -> Float[Tensor, "... d"]:
    """Undo `split`: blocks side by side again.

    >>> x = torch.arange(10.0)
    >>> torch.equal(join(split("4x0e + 2x1o", x)), x)
    True
    """
    return torch.cat([block.flatten(start_dim=-2) for block in blocks], dim=-1)


def transform(
    irreps: Irreps | str, R: Float[Tensor, "3 3"], x: Float[Tensor, "... d"]
) -> Float[Tensor, "... d"]:
    """Rotate, reflect or invert features: each copy of each irrep by its own matrix.

    Args:
        irreps: the layout.
        R: one orthogonal matrix.
        x: features.

    Returns:
        Tensor of the shape of x.

    Raises:
        ValueError: R is not orthogonal, or the features have another width.

    Inversion turns a vector around and leaves a pseudovector as it is:

    >>> x = torch.tensor([1.0, 2.0, 3.0, 1.0, 2.0, 3.0])
    >>> transform("1o + 1e", -torch.eye(3), x).tolist()
    [-1.0, -2.0, -3.0, 1.0, 2.0, 3.0]
    """
    irreps = Irreps(irreps)
    matrices = {irrep: wigner_d(irrep, R.to(x)) for _, irrep in irreps}
    blocks = split(irreps, x)
    if not blocks:
        return x
    return join([b @ matrices[irrep].mT for b, (_, irrep) in zip(blocks, irreps, strict=True)])


def representation(irreps: Irreps | str, R: Float[Tensor, "*batch 3 3"]) -> Tensor:
    """The whole block-diagonal matrix by which an orthogonal transformation acts on features.

    Args:
        irreps: the layout.
        R: orthogonal matrices, any batch.

    Returns:
        Tensor (..., irreps.dim, irreps.dim). `transform` does the same without forming it.

    Raises:
        ValueError: R is not orthogonal.

    >>> representation("2x0o + 1o", -torch.eye(3)).diag().tolist()
    [-1.0, -1.0, -1.0, -1.0, -1.0]
    """
    irreps = Irreps(irreps)
    D = R.new_zeros((*R.shape[:-2], irreps.dim, irreps.dim))
    for (mul, irrep), where in zip(irreps, irreps.slices, strict=True):
        block = wigner_d(irrep, R)
        for i in range(mul):
            start = where.start + i * irrep.dim
            D[..., start : start + irrep.dim, start : start + irrep.dim] = block
    return D


def invariant_norms(irreps: Irreps | str, x: Float[Tensor, "... d"]) -> Float[Tensor, "... n"]:
    """The squared length of each irrep: what is left when directions are forgotten.

    Squared, so that it is smooth at zero. For a scalar it forgets the sign, which an even scalar
    could have kept.

    Args:
        irreps: the layout.
        x: features.

    Returns:
        Tensor (..., irreps.num_irreps), even scalars.

    Raises:
        ValueError: the features have another width.

    >>> invariant_norms("0e + 1o", torch.tensor([-2.0, 1.0, 2.0, 2.0])).tolist()
    [4.0, 9.0]
    """
    blocks = split(irreps, x)
    if not blocks:
        return x[..., :0]
    return torch.cat([block.square().sum(dim=-1) for block in blocks], dim=-1)
