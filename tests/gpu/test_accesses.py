"""The record of loads and stores: complete, by name, and it sees what leaves an array."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from coursetools.accesses import record

triton = pytest.importorskip("triton")
tl = pytest.importorskip("triton.language")


@pytest.fixture(autouse=True)
def _interpreter(device: torch.device) -> None:
    if device.type != "cpu":
        pytest.skip("loads and stores are seen in the interpreter alone")


@triton.jit
def shift(x, y, n, by, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    values = tl.load(x + at, mask=at < n, other=7.0)
    tl.store(y + at + by, values, mask=at < n)


@triton.jit
def sum_all(x, y, n, BLOCK: tl.constexpr, ATOMIC: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.sum(tl.load(x + at, mask=at < n, other=0.0), axis=0)
    if ATOMIC:
        tl.atomic_add(y, total)
    else:
        tl.store(y, tl.load(y) + total)


@triton.jit
def unmasked(x, y, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + at, tl.load(x + at))


def test_who_reads_and_writes_what():
    x, y = torch.arange(5.0), torch.zeros(6)
    with record() as log:
        shift[(2,)](x, y, 5, 1, BLOCK=4)
    assert y.tolist() == [0.0, 0.0, 1.0, 2.0, 3.0, 4.0]
    seen = [(a.program[0], a.kind, a.array, a.elements.tolist()) for a in log.accesses]
    assert seen == [
        (0, "load", "x", [0, 1, 2, 3]),
        (0, "store", "y", [1, 2, 3, 4]),
        (1, "load", "x", [4]),
        (1, "store", "y", [5]),
    ]
    first = log.accesses[2]
    assert first.mask.tolist() == [True, False, False, False]
    assert first.offsets.tolist() == [4, 5, 6, 7]
    with open(__file__, encoding="utf-8") as file:
        assert "values = tl.load" in file.read().splitlines()[first.line - 1]
    assert log.counts()["x"] == {"load": 5, "store": 0, "atomic": 0}
    assert log.traffic() == {"x": 20, "y": 20}
    assert log.touched("y", "store").tolist() == [1, 2, 3, 4, 5]
    assert log.faults() == log.races() == []


@pytest.mark.parametrize(("by", "element", "inside"), [(3, 6, [5]), (-1, -1, [0, 1, 2, 3])])
def test_what_is_outside_is_named_and_not_touched(by: int, element: int, inside: list):
    whole = torch.zeros(30)
    y = whole[10:16]  # neighbors on both sides
    with record() as log:
        shift[(2,)](torch.ones(5), y, 5, by, BLOCK=4)
    faults = log.faults()
    assert f"store of y at element {element}, and it has 6 (0 to 5)" in faults[0]
    assert set(inside) <= set(log.touched("y", "store").tolist())
    assert whole[:10].sum() == whole[16:].sum() == 0


def test_a_read_beyond_the_end_that_hits_another_array_is_seen():
    both = torch.arange(16.0)
    with record() as log:
        unmasked[(2,)](both[:5], both[8:], BLOCK=4)
    (fault,) = log.faults()
    assert "unmasked, program 1" in fault
    assert "load of x at element 5, and it has 5 (0 to 4); 3 of 4 lanes are outside" in fault
    assert both[13:].tolist() == [0.0, 0.0, 0.0]


def test_far_away_is_outside_too():
    with record() as log:
        shift[(1,)](torch.ones(4), torch.zeros(4), 4, 2**30, BLOCK=4)
    assert f"at element {2**30}" in log.faults()[0]


def test_strict_stops_at_the_first():
    with pytest.raises(Exception, match="Is a mask missing"), record(strict=True):
        unmasked[(2,)](torch.ones(5), torch.zeros(8), BLOCK=4)


def test_two_programs_that_store_one_element_are_named():
    x = torch.ones(8)
    for atomic in (False, True):
        y = torch.zeros(1)
        with record() as log:
            sum_all[(2,)](x, y, 8, BLOCK=4, ATOMIC=atomic)
        assert y.item() == 8.0  # the interpreter runs one program after the other
        found = log.races()
        assert len(found) == (0 if atomic else 1)
        assert atomic or "both store element 0 of y" in found[0]


def test_nothing_stays_changed():
    from triton.runtime import interpreter

    before = interpreter._interpreter, interpreter._implicit_cvt
    x, y = torch.ones(4), torch.zeros(4)
    with pytest.raises(KeyError), record():
        raise KeyError
    assert before == (interpreter._interpreter, interpreter._implicit_cvt)
    with record() as log:
        pass
    shift[(1,)](x, y, 4, 0, BLOCK=4)
    assert log.accesses == []
    assert torch.equal(x, y)


def test_strides_tuples_and_other_dtypes():
    x = torch.arange(12, dtype=torch.float64).reshape(3, 4).T[1]  # elements 1, 5, 9
    y = torch.zeros(9, dtype=torch.float64)
    with record() as log:
        shift[(1,)](x, y, 9, 0, BLOCK=16)
    assert y.tolist() == list(map(float, range(1, 10)))
    assert log.faults() == []  # it has 9 elements, with those between
    assert log.traffic() == {"x": 72, "y": 72}
    assert np.concatenate([a.elements for a in log.accesses]).max() == 8


def test_where_kernels_are_compiled_it_says_so():
    code = "from coursetools.accesses import record\nwith record(): pass"
    environment = os.environ | {"TRITON_INTERPRET": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300
    )
    assert "set TRITON_INTERPRET=1 before it is imported" in done.stderr
