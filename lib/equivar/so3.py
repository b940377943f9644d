r"""Irreps of O(3) made concrete: generators, Clebsch-Gordan coefficients, D, harmonics.

This is the form to read; `equivar.kernels` has the forms that run fast, and tests hold them equal.

Components are in the order m = -l ... l with the polar axis along y, as in e3nn, so that degree 1
is (x, y, z) itself. Physics books put the polar axis along Z and start the azimuth at X; the two
frames are related by (X, Y, Z) = (z, x, y), a rotation, which changes no sign.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from equivar._checks import check_orthogonal
from equivar._kept import kept
from equivar._shapes import Float
from equivar.irreps import Irrep

__all__ = ["MAX_DEGREE", "clebsch_gordan", "generators", "spherical_harmonics", "wigner_d"]

MAX_DEGREE = 12
"""The largest degree for which all of this is tested to 1e-12."""


def check_degree(l: int, name: str = "l") -> None:
    """Raise a ValueError unless l is a degree that the tables are tested for."""
    if isinstance(l, bool) or not isinstance(l, int) or not 0 <= l <= MAX_DEGREE:
        raise ValueError(
            f"got {name} = {l!r}; expected a whole number from 0 to {MAX_DEGREE}, the largest "
            "degree that is tested"
        )


@kept
def _angular_momentum(l: int) -> tuple[Tensor, Tensor]:
    """J+ and J_Z of quantum mechanics on |l, m>, m = -l ... l, real float64."""
    m = torch.arange(-l, l + 1, dtype=torch.float64)
    raising = torch.diag((l * (l + 1) - m[:-1] * (m[:-1] + 1)).sqrt(), diagonal=-1)
    return raising, torch.diag(m)


@kept
def _real_basis(l: int) -> Tensor:
    """Columns: the real components written in |l, m>. sin(|m| azimuth), then 1, then cos."""
    real, imaginary = torch.zeros(2, 2 * l + 1, 2 * l + 1, dtype=torch.float64).unbind()
    real[l, l] = 1
    for m in range(1, l + 1):
        one, sign = 1 / math.sqrt(2), (-1) ** m / math.sqrt(2)
        real[l - m, l + m], real[l + m, l + m] = one, sign
        imaginary[l - m, l - m], imaginary[l + m, l - m] = one, -sign
    return torch.complex(real, imaginary)


@kept
def _generators(l: int) -> Tensor:
    raising, J_Z = _angular_momentum(l)
    J_X, J_Y = (raising + raising.mT) / 2, (raising - raising.mT) / 2j
    J = torch.stack([J_Y, J_Z.to(J_Y), J_X.to(J_Y)])  # (x, y, z) = (Y, Z, X)
    U = _real_basis(l)
    return (U.mH @ (-1j * J) @ U).real.contiguous()


def generators(l: int, dtype: torch.dtype = torch.float64) -> Float[Tensor, "3 d d"]:
    r"""What an infinitesimal rotation about x, y and z does to the components of degree l.

    $D^l(e^{\theta \cdot L}) = \exp(\theta_x X_x + \theta_y X_y + \theta_z X_z)$, and
    $[X_x, X_y] = X_z$ and so on around. Each is antisymmetric, as rotations keep lengths. They are
    the same for both parities: inversion is not near the identity.

    Args:
        l: the degree.
        dtype: of the result; it is computed in float64.

    Returns:
        Tensor (3, 2l+1, 2l+1).

    Raises:
        ValueError: l is not a degree from 0 to `MAX_DEGREE`.

    >>> X = generators(2)
    >>> torch.testing.assert_close(X[0] @ X[1] - X[1] @ X[0], X[2])
    >>> generators(1)[2].round().tolist()  # about z: x goes to y, y to -x
    [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]

    Source:
        Sakurai, Modern Quantum Mechanics, section 3.5, for the ladder operators.
    """
    check_degree(l)
    return torch.as_tensor(_generators(l)).to(dtype, copy=True)


@kept
def _clebsch_gordan(l1: int, l2: int, l3: int) -> Tensor:
    n1, n2, n3 = 2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1
    (up1, _), (up2, _) = _angular_momentum(l1), _angular_momentum(l2)
    # The highest state of degree l3 has m = l3, and J+ takes it to nothing. Both m1 + m2 = l3 and
    # J+ = 0 leave a recursion of two terms: c(m1, m2) J+ |m1> + c(m1 + 1, m2 - 1) J+ |m2 - 1> = 0.
    top = torch.zeros(n1, n2, dtype=torch.float64)
    m1 = range(min(l1, l3 + l2), max(-l1, l3 - l2) - 1, -1)
    top[m1[0] + l1, l3 - m1[0] + l2] = 1.0  # positive at the largest m1: Condon and Shortley
    for a in m1[1:]:
        b = l3 - a
        rise1, rise2 = up1[a + 1 + l1, a + l1], up2[b + l2, b - 1 + l2]
        top[a + l1, b + l2] = -top[a + 1 + l1, b - 1 + l2] * rise2 / rise1
    states = [top / torch.linalg.vector_norm(top)]
    for _ in range(l3):  # J- goes down one m at a time, to m = 0
        lower = up1.mT @ states[-1] + states[-1] @ up2
        states.append(lower / torch.linalg.vector_norm(lower))
    # A half turn swaps m and -m. Going down further would double the rounding.
    mirrored = [(-1) ** (l1 + l2 - l3) * state.flip(0, 1) for state in states[:-1]]
    coupled = torch.stack(mirrored + states[::-1], dim=-1).to(torch.complex128)
    C = torch.einsum(
        "abc,ai,bj,ck->ijk", coupled, _real_basis(l1), _real_basis(l2), _real_basis(l3).conj()
    )
    C = (C * 1j ** (l1 + l2 - l3)).real  # imaginary where l1 + l2 + l3 is odd
    C[C.abs() < 1e-14] = 0.0
    return C.reshape(n1, n2, n3) / math.sqrt(n3)


def clebsch_gordan(
    l1: int, l2: int, l3: int, dtype: torch.dtype = torch.float64
) -> Float[Tensor, "d1 d2 d3"]:
    r"""The one way to multiply irreps of degree l1 and l2 into one of degree l3.

    $(x \otimes y)_k = \sum_{ij} C_{ijk}\, x_i y_j$ commutes with rotations, and every bilinear map
    that does is a multiple of it: the space of intertwiners has dimension one. Most entries are
    zero. For l = 1, 1, 0 it is the dot product, for 1, 1, 1 the cross product, both up to a factor.

    Here they come from ladder operators: the highest state of degree l3 is what J+ annihilates,
    and J- makes the others from it. `intertwiner_basis` finds the same line by brute force.

    Args:
        l1: the degree of the first factor.
        l2: the degree of the second.
        l3: the degree of the product.
        dtype: of the result; it is computed in float64.

    Returns:
        Tensor (2 l1 + 1, 2 l2 + 1, 2 l3 + 1) of norm 1, so that
        $\sum_{ij} C_{ijk} C_{ijk'} = \delta_{kk'} / (2 l_3 + 1)$. (They equal
        e3nn's `wigner_3j`, signs included.) All zero unless $|l_1 - l_2| \le l_3 \le l_1 + l_2$.

    Raises:
        ValueError: one of them is not a degree from 0 to `MAX_DEGREE`.

    >>> x, y = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 1.0, -1.0])
    >>> C = clebsch_gordan(1, 1, 1, dtype=torch.float32) * 6 ** 0.5
    >>> torch.testing.assert_close(
    ...     torch.einsum("ijk,i,j->k", C, x, y), torch.linalg.cross(x, y), atol=1e-6, rtol=0
    ... )

    Source:
        Condon and Shortley, The Theory of Atomic Spectra (1935), for the signs.
    """
    for name, l in {"l1": l1, "l2": l2, "l3": l3}.items():
        check_degree(l, name)
    if not abs(l1 - l2) <= l3 <= l1 + l2:
        return torch.zeros(2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1, dtype=dtype)
    return torch.as_tensor(_clebsch_gordan(l1, l2, l3)).to(dtype, copy=True)


def wigner_d(irrep: Irrep | str, R: Float[Tensor, "..."]) -> Float[Tensor, "*batch d d"]:
    r"""The matrix of an orthogonal transformation on the components of an irrep.

    Degree 1 is R itself. Each next degree is the top part of a product with a vector,

    $$D^l = (2l + 1)\, C^T (D^{l-1} \otimes R)\, C,$$

    a polynomial of degree l in the entries of R. No angle and no logarithm occurs, so no rotation
    is special: not the identity, not a half turn.

    Args:
        irrep: such as "2e" or Irrep(2, 1). The parity decides what inversion does.
        R: rotations, reflections, inversions; any batch.

    Returns:
        Tensor (..., 2l+1, 2l+1), orthogonal, in the dtype and on the device of R; differentiable.
        A left action on column vectors: $D(R S) = D(R) D(S)$.

    Raises:
        ValueError: R is not orthogonal, or the degree is above `MAX_DEGREE`.

    >>> half_turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))  # about z
    >>> wigner_d("1o", half_turn).diag().tolist()
    [-1.0, -1.0, 1.0]
    >>> mirror = torch.diag(torch.tensor([1.0, 1.0, -1.0]))
    >>> wigner_d("1e", mirror).diag().tolist()  # a pseudovector, such as a torque
    [-1.0, -1.0, 1.0]

    Source:
        The recursion: Choi et al., J. Chem. Phys. 111, 8825 (1999), in another basis.
    """
    irrep = Irrep.parse(irrep) if isinstance(irrep, str) else irrep
    check_degree(irrep.l)
    check_orthogonal(R)
    D = R if irrep.l else torch.ones_like(R[..., :1, :1])
    for l in range(2, irrep.l + 1):
        C = clebsch_gordan(l - 1, 1, l).to(R)
        D = (2 * l + 1) * torch.einsum("aik,...ab,...ij,bjm->...km", C, D, R, C)
    if irrep.p == (-1) ** irrep.l:
        return D
    return D * torch.linalg.det(R).round()[..., None, None]


def spherical_harmonics(
    lmax: int, vectors: Float[Tensor, "..."], normalize: bool = True
) -> Float[Tensor, "*batch d"]:
    r"""The functions on the sphere that rotate as irreps do, up to degree lmax.

    $Y(R r) = D(R)\, Y(r)$. Each degree is the top part of the last one times the direction,

    $$Y^l = \sqrt{(2l+1)^2 / l}\; (Y^{l-1} \otimes \hat r)\, C.$$

    Args:
        lmax: the largest degree.
        vectors: (..., 3), of any length.
        normalize: whether to divide by the length first. Without, degree l is a polynomial of
            degree l in x, y and z, zero at the origin and smooth there.

    Returns:
        Tensor (..., (lmax+1)^2), degrees one after the other, laid out as
        `Irreps.spherical_harmonics(lmax)`. On the unit sphere each component has mean square 1:
        the squares of a degree add up to 2l+1 (e3nn's `component`). The zero vector has no
        direction; with `normalize` it gives 1 and then zeros, with zero gradients.

    Raises:
        ValueError: lmax is not a degree from 0 to `MAX_DEGREE`, or vectors are not (..., 3).

    >>> north = torch.tensor([0.0, 2.0, 0.0])  # the polar axis is y
    >>> Y = spherical_harmonics(2, north)
    >>> [round(v, 4) for v in Y.tolist()]
    [1.0, 0.0, 1.7321, 0.0, 0.0, 0.0, 2.2361, 0.0, 0.0]

    Source:
        Condon and Shortley's phases on real functions; Varshalovich, Quantum Theory of Angular
        Momentum, section 5.2.
    """
    check_degree(lmax, "lmax")
    if vectors.ndim < 1 or vectors.shape[-1] != 3:
        raise ValueError(f"vectors have shape {tuple(vectors.shape)}; expected (..., 3)")
    if normalize:
        squared = vectors.square().sum(dim=-1, keepdim=True)
        nonzero = squared > 0
        # Replaced before the root, whose derivative at zero is infinite.
        vectors = vectors * nonzero / torch.where(nonzero, squared, 1.0).sqrt()
    Y = [torch.ones_like(vectors[..., :1])]
    for l in range(1, lmax + 1):
        C = clebsch_gordan(l - 1, 1, l).to(vectors) * ((2 * l + 1) / math.sqrt(l))
        Y.append(torch.einsum("ijk,...i,...j->...k", C, Y[-1], vectors))
    return torch.cat(Y, dim=-1)
