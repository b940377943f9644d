"""A sphere made of triangles, and bytes small enough to send functions on it to a page."""

from __future__ import annotations

import base64

import numpy as np

from equivar.data import platonic_solid

__all__ = ["pack_bytes", "sphere_mesh"]


def sphere_mesh(halvings: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Nearly even points on the unit sphere and the triangles between them.

    The faces of an icosahedron, each cut into four as often as asked, with the new corners pushed
    out to the sphere.

    Args:
        halvings: how often to halve the edges; 3 makes 642 points, about 8 degrees apart.

    Returns:
        Points (n, 3) and triangles (m, 3) of point indices, counter-clockwise seen from outside.

    >>> points, triangles = sphere_mesh(1)
    >>> points.shape, triangles.shape
    ((42, 3), (80, 3))
    """
    corners, edges = platonic_solid("icosahedron")
    points = [tuple(p) for p in corners.tolist()]
    near = {tuple(sorted(e)) for e in edges.tolist()}
    n = len(points)
    faces = [
        (i, j, k)
        for i in range(n)
        for j in range(i + 1, n)
        for k in range(j + 1, n)
        if {(i, j), (i, k), (j, k)} <= near
    ]
    for _ in range(halvings):
        middle: dict[tuple[int, int], int] = {}
        finer = []
        for face in faces:
            halves = []
            for a, b in zip(face, face[1:] + face[:1], strict=True):
                key = (min(a, b), max(a, b))
                if key not in middle:
                    middle[key] = len(points)
                    p = np.add(points[a], points[b])
                    points.append(tuple(p / np.linalg.norm(p)))
                halves.append(middle[key])
            (a, b, c), (ab, bc, ca) = face, halves
            finer += [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
        faces = finer
    x, f = np.array(points), np.array(faces)
    outward = np.linalg.det(x[f]) > 0
    return x, np.where(outward[:, None], f, f[:, ::-1])


def pack_bytes(values: np.ndarray) -> tuple[str, float]:
    """Numbers of about equal size in 8 bits each: an integer q stands for q step.

    For what is drawn and not read: the spacing is 1/127 of the largest value.

    Args:
        values: any shape, finite.

    Returns:
        The integers (int8, C order) as base64 text, and the step.

    >>> pack_bytes(np.array([1.0, -1.0, 0.0]))
    ('f4EA', 0.007874015748031496)
    """
    step = float(np.abs(values).max(initial=0.0)) / 127
    integers = np.rint(values / step if step else values).astype(np.int8)
    return base64.b64encode(integers.tobytes()).decode("ascii"), step
