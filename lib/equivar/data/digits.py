"""Handwritten digits of 8 x 8 pixels: 1797 of them, real, small, and committed.

They are the writer-independent test set of the UCI archive's "Optical Recognition of Handwritten
Digits" by E. Alpaydin and C. Kaynak (1998), doi:10.24432/C50P49, licensed CC BY 4.0, as
scikit-learn ships it; `make_digits` repacked it, and changed no value. Forms filled in by 13 people
were scanned at 32 x 32 black or white pixels; a number here counts the black ones in a block of 4 x
4, 0 to 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from equivar._shapes import Float, Int

__all__ = ["Digits", "digits"]

FILE = Path(__file__).parent / "digits.npz"
N_TRAIN = 1297


@dataclass(frozen=True, eq=False)
class Digits:
    """Images and what they show.

    Attributes:
        images: `(n, 1, 8, 8)` float32, black on white as 1 on 0, in steps of 1/16; row 0 is on top.
        labels: `(n,)` int64, 0 to 9.
    """

    images: Float[Tensor, "n 1 8 8"]
    labels: Int[Tensor, " n"]


def digits(split: str = "train") -> Digits:
    """Handwritten digits, upright; turn them yourself.

    Always the same split: the first 1297 are for training, the last 500 for testing. It is not
    shuffled, as the file runs through one writer after the other: most of those who wrote the test
    digits wrote none of the others. A six turned by 180 degrees is a nine, so no invariant network
    can tell those two apart but by habits of the pen.

    Args:
        split: "train", "test", or "all" for both, in the order of the file.

    Returns:
        New tensors, yours to change.

    Raises:
        ValueError: for another split.

    Example:
        >>> data = digits("test")
        >>> data.images.shape, data.labels[:5].tolist()
        (torch.Size([500, 1, 8, 8]), [0, 1, 2, 3, 4])
    """
    where = {"train": slice(N_TRAIN), "test": slice(N_TRAIN, None), "all": slice(None)}
    if split not in where:
        raise ValueError(f'digits was given split={split!r}; expected "train", "test" or "all"')
    images, labels = _load()
    x, y = (torch.as_tensor(t[where[split]]) for t in (images, labels))
    return Digits(x.clone(), y.clone())


@cache
def _load() -> tuple[Tensor, Tensor]:
    with np.load(FILE) as arrays:
        images = torch.from_numpy(arrays["images"]).float().unsqueeze(1) / 16
        return images, torch.from_numpy(arrays["labels"]).long()
