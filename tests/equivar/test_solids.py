"""Platonic solids: on the sphere, with Euler's count of edges, and as symmetric as they must be."""

from __future__ import annotations

import pytest
import torch

from equivar.data import SOLIDS, platonic_solid
from equivar.so3 import spherical_harmonics
from equivar.stabilizer import stabilizer

FACES = {"tetrahedron": 4, "cube": 6, "octahedron": 8, "icosahedron": 20, "dodecahedron": 12}
ORDERS = {"tetrahedron": 24, "cube": 48, "octahedron": 48, "icosahedron": 120, "dodecahedron": 120}
FIRST_DEGREE = {"tetrahedron": 3, "cube": 4, "octahedron": 4, "icosahedron": 6, "dodecahedron": 6}


@pytest.mark.parametrize("name", SOLIDS)
def test_corners_edges_and_faces_obey_euler(name: str) -> None:
    corners, edges = platonic_solid(name)
    torch.testing.assert_close(corners.norm(dim=-1), torch.ones(len(corners)).double())
    torch.testing.assert_close(corners.mean(dim=0), torch.zeros(3).double())
    lengths = (corners[edges[:, 0]] - corners[edges[:, 1]]).norm(dim=-1)
    torch.testing.assert_close(lengths, lengths[:1].expand_as(lengths))
    assert len(corners) - len(edges) + FACES[name] == 2
    assert len(torch.bincount(edges.flatten()).unique()) == 1


@pytest.mark.parametrize("name", SOLIDS)
def test_the_symmetry_is_the_whole_group(name: str) -> None:
    corners, _ = platonic_solid(name)
    assert len(stabilizer(corners).matrices) == ORDERS[name]


@pytest.mark.parametrize("name", SOLIDS)
def test_the_first_degree_that_sees_it(name: str) -> None:
    corners, _ = platonic_solid(name)
    total = spherical_harmonics(8, corners).mean(dim=0)
    power = torch.stack([total[l**2 : (l + 1) ** 2].square().sum() for l in range(9)])
    assert power[1 : FIRST_DEGREE[name]].max() < 1e-28
    assert power[FIRST_DEGREE[name]] > 0.1


def test_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no solid 'sphere'; expected one of tetrahedron, cube"):
        platonic_solid("sphere")
