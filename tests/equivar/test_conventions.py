"""The dictionary of book/conventions.md, cell by cell, against the installed libraries."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import pytest
import torch
from page_cells import run_cells
from scipy.special import sph_harm_y
from strategies import SPECIAL_ORTHOGONALS
from torch import Tensor

from equivar.rotations import random_rotations

LMAX = 8


def close(actual: Tensor, expected: Tensor, atol: float = 1e-12) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def rotations() -> Tensor:
    """Special ones, identity and half turns among them, and anywhere."""
    special = torch.stack(list(SPECIAL_ORTHOGONALS.values()))
    anywhere = random_rotations(10, torch.Generator().manual_seed(0)).double()
    return torch.cat([special * torch.linalg.det(special)[:, None, None], anywhere])


@pytest.fixture(scope="module")
def words() -> Iterator[dict[str, Callable[..., Tensor]]]:
    """What the page defines: its cells are run as they stand there."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # e3nn's tables are made in it
    try:
        yield run_cells("conventions.md")[0]
    finally:
        torch.set_default_dtype(before)


@pytest.fixture
def r() -> Tensor:
    """Unit vectors: octants, axes, poles, diagonals, anywhere."""
    grid = list(itertools.product([-1.0, 0.0, 1.0], repeat=3))
    v = torch.tensor([g for g in grid if any(g)], dtype=torch.float64)
    v = torch.cat([v, torch.randn(60, 3, dtype=torch.float64)])
    return v / v.norm(dim=-1, keepdim=True)


@pytest.mark.filterwarnings("ignore")
def test_e3nn(words, r: Tensor) -> None:
    from e3nn import o3

    expected = o3.spherical_harmonics(list(range(LMAX + 1)), r, normalize=True)
    close(words["e3nn_harmonics"](LMAX, r), expected)


def test_sphericart(words, r: Tensor) -> None:
    sphericart = pytest.importorskip("sphericart.torch")
    expected = sphericart.SphericalHarmonics(LMAX)(r)
    close(words["sphericart_harmonics"](LMAX, r), expected)


def test_scipy(words, r: Tensor) -> None:
    x, y, z = r.unbind(-1)
    polar, azimuth = torch.atan2(torch.hypot(x, y), z), torch.atan2(y, x)
    for l in range(LMAX + 1):
        for m in range(-l, l + 1):
            expected = torch.from_numpy(sph_harm_y(l, m, polar.numpy(), azimuth.numpy()))
            close(words["scipy_harmonics"](l, m, r), expected)


def test_e3x(words, r: Tensor) -> None:
    jax = pytest.importorskip("jax")
    e3x = pytest.importorskip("e3x")
    jax.config.update("jax_enable_x64", True)
    expected = torch.tensor(e3x.so3.spherical_harmonics(r.numpy(), LMAX).tolist())
    close(words["e3x_harmonics"](LMAX, r), expected.double())
    for R in rotations():
        D = torch.tensor(e3x.so3.wigner_d(R.numpy(), LMAX).tolist()).double()
        close(words["e3x_wigner_d"](LMAX, R), D, 1e-10)


def test_the_page_says_what_e3x_says_of_itself(words, r: Tensor) -> None:
    """`Y(r) @ D == Y(r @ R)`, which needs no e3x."""
    for R in rotations():
        turned = words["e3x_harmonics"](4, r @ R)
        close(words["e3x_harmonics"](4, r) @ words["e3x_wigner_d"](4, R), turned)


def test_a_wrong_dictionary_is_noticed(words, r: Tensor) -> None:
    """Each pair of libraries differs somewhere: no translation is another one's."""
    found = [words[f"{name}_harmonics"](2, r) for name in ("e3nn", "sphericart", "e3x")]
    for i, one in enumerate(found):
        for other in found[:i]:
            assert (one - other).abs().max() > 0.1 / math.sqrt(4 * math.pi)
