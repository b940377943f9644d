"""Clouds for the tests of HarmonicsSpectrum: three solids, and one that is like no other."""

from __future__ import annotations

from typing import Any

import torch

from equivar.data import platonic_solid
from equivar.widgets import HarmonicsSpectrum

RANDOM = torch.randn(7, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
CLOUDS = {name: platonic_solid(name)[0] for name in ("tetrahedron", "cube", "icosahedron")}
CLOUDS["random <cloud>"] = RANDOM


def spectrum(**changes: Any) -> HarmonicsSpectrum:
    """Record them, with some arguments exchanged."""
    return HarmonicsSpectrum.record(**{"clouds": CLOUDS, **changes})


# Of the big canvas: pixels that are drawn, and how strongly the strongest differs from gray.
PIXELS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let [drawn, chroma] = [0, 0];
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 255) continue;
    drawn++;
    const rgb = [data[i], data[i + 1], data[i + 2]];
    chroma = Math.max(chroma, Math.max(...rgb) - Math.min(...rgb));
  }
  return [drawn, chroma];
}"""
