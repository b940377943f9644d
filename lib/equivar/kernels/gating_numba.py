"""Irreps times gates on a CPU, one row after the other. `nonlinear` imports it where Numba is."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from equivar.kernels.convolution_lanes import load, load_some, mul, peek, store, store_some
from equivar.kernels.convolution_loops import compiled
from equivar.kernels.mixing_numba import fetch_ahead

__all__ = ["gate_rows", "gate_rows_back"]

AHEAD = 16
"""Rows that are asked for before they are needed."""

WIDTH = 16
"""Numbers in one vector."""


@compiled
def repeat(gates, factor, gate_of, factors):
    """Each gate as often as what it multiplies has components."""
    for c in range(gate_of.shape[0]):
        factors[c] = peek(gates, gate_of[c]) * factor


@compiled
def multiply(a, start_a, b, start_b, out, start_out, count):
    """Write products of so many numbers."""
    whole = count // WIDTH * WIDTH
    for c in range(0, whole, WIDTH):
        store(out, start_out + c, mul(load(a, start_a + c, WIDTH), load(b, start_b + c, WIDTH)))
    left = count - whole
    if left:
        some_a = load_some(a, start_a + whole, left, WIDTH)
        some_b = load_some(b, start_b + whole, left, WIDTH)
        store_some(out, start_out + whole, left, mul(some_a, some_b))


@compiled
def gate_rows(scalars, gates, x, width, gate_of, factor, y):
    """Write scalars to y, then each component of x times its gate and the factor.

    Args:
        scalars: (n, scalars), contiguous, as all arrays.
        gates: (n, gates).
        x: from the first component of the first row to the last of the last, one-dimensional.
        width: from a row of x to the next.
        gate_of: the gate of each component.
        factor: a number.
        y: (n, scalars + components).
    """
    n_scalars, width_y, count = scalars.shape[1], y.shape[1], gate_of.shape[0]
    factors = np.empty(count, dtype=y.dtype)
    y = y.reshape(-1)
    for e in range(scalars.shape[0]):
        fetch_ahead(x[: (e + AHEAD) * width], 0, 1, width)
        fetch_ahead(y[: (e + AHEAD) * width_y], 0, 1, width_y)
        for s in range(n_scalars):
            y[e * width_y + s] = scalars[e, s]
        repeat(gates[e], y.dtype.type(factor), gate_of, factors)
        multiply(x, e * width, factors, 0, y, e * width_y + n_scalars, count)


@compiled
def gate_rows_back(g, gates, x, width, gate_of, dims, factor, grad_gates, grad_x):
    """Write the gradients by gates and by x, as above; g is that by y, dims are those of irreps."""
    width_g, count = g.shape[1], gate_of.shape[0]
    n_scalars = width_g - count
    factors, products = np.empty(count, dtype=g.dtype), np.empty(count, dtype=g.dtype)
    factor = g.dtype.type(factor)
    g, grad_x = g.reshape(-1), grad_x.reshape(-1)
    for e in range(gates.shape[0]):
        fetch_ahead(x[: (e + AHEAD) * width], 0, 1, width)
        fetch_ahead(g[: (e + AHEAD) * width_g], 0, 1, width_g)
        fetch_ahead(grad_x[: (e + AHEAD) * count], 0, 1, count)
        repeat(gates[e], factor, gate_of, factors)
        multiply(g, e * width_g + n_scalars, factors, 0, grad_x, e * count, count)
        multiply(g, e * width_g + n_scalars, x, e * width, products, 0, count)
        at = 0
        for u in range(dims.shape[0]):
            total = products[at]
            if dims[u] == 3:  # a loop of unknown length takes three times as long
                total += products[at + 1] + products[at + 2]
            elif dims[u] == 5:
                total += products[at + 1] + products[at + 2] + products[at + 3] + products[at + 4]
            else:
                for i in range(1, dims[u]):
                    total += products[at + i]
            grad_gates[e, u] = total * factor
            at += dims[u]
