from __future__ import annotations

import pytest
import torch

from equivar.data import digits


def test_counts_are_those_of_the_archive() -> None:
    data = digits("all")
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # UCI, the file of tests
    assert data.labels.bincount().tolist() == counts
    assert data.images.shape == (1797, 1, 8, 8)
    assert data.images.dtype == torch.float32
    assert data.labels.dtype == torch.int64


def test_values_are_sixteenths_that_use_the_whole_range() -> None:
    steps = digits("all").images * 16
    assert torch.equal(steps, steps.round())
    assert (steps.min(), steps.max()) == (0, 16)


def test_the_split_is_fixed_and_shares_nothing() -> None:
    train, test, both = (digits(split) for split in ("train", "test", "all"))
    assert (len(train.images), len(test.images)) == (1297, 500)
    assert torch.equal(torch.cat([train.images, test.images]), both.images)
    assert torch.equal(torch.cat([train.labels, test.labels]), both.labels)
    assert len(both.images.flatten(1).unique(dim=0)) == 1797
    assert test.labels.bincount().min() > 40


def test_images_are_upright() -> None:
    """The mean seven has its bar on top, and the mean six its bowl at the bottom."""
    data = digits("all")
    seven, six = (data.images[data.labels == k].mean((0, 1, 3)) for k in (7, 6))
    assert seven[:2].sum() > 1.2 * seven[-2:].sum()
    assert six[4:].sum() > 1.2 * six[:4].sum()


def test_what_is_given_out_can_be_changed() -> None:
    digits().images.zero_()
    assert digits().images.any()


def test_nearest_neighbors_learn_them() -> None:
    train, test = digits("train"), digits("test")
    nearest = torch.cdist(test.images.flatten(1), train.images.flatten(1)).argmin(1)
    assert (train.labels[nearest] == test.labels).float().mean() > 0.93


def test_another_split_is_refused() -> None:
    with pytest.raises(ValueError, match="split='valid'"):
        digits("valid")
