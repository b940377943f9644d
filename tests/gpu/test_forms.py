"""Who chooses Triton, when it may run, and what is said where it cannot."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from coursetools.device import choose_device
from equivar.kernels.forms import choose_form
from equivar.kernels.harmonics import harmonics
from equivar.kernels.products import product
from equivar.kernels.rotate import rotate
from equivar.kernels.segments import gather_sum

KNOWN = ("torch", "numba", "triton")


def python(code: str, **variables: str) -> str:
    """What code prints in a process of its own, with these variables and without Triton's."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"} | variables
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def on_a_gpu(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A tensor that says that it is on a GPU, and has no numbers."""
    with FakeTensorMode():
        return torch.empty(2, dtype=dtype, device="cuda")


def test_auto_is_triton_on_a_gpu_and_numba_on_a_cpu(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    assert choose_form("auto", on_a_gpu(), known=KNOWN) == "triton"
    assert choose_form("auto", torch.zeros(2), known=KNOWN) == "numba"
    assert choose_form("auto", on_a_gpu()) == "torch"  # a kernel without that form
    assert choose_form("auto", on_a_gpu(torch.bfloat16), known=KNOWN, otherwise="bag") == "bag"
    assert choose_form("torch", on_a_gpu(), known=KNOWN) == "torch"


def test_auto_is_never_the_interpreter(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert choose_form("auto", on_a_gpu(), known=KNOWN) == "torch"
    assert choose_form("triton", on_a_gpu(), known=KNOWN) == "triton"


def test_without_triton_auto_goes_on_and_triton_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    monkeypatch.setattr("equivar.kernels.forms.has_triton", lambda: False)
    assert choose_form("auto", on_a_gpu(), known=KNOWN) == "torch"
    with pytest.raises(ValueError, match="pip install triton"):
        choose_form("triton", on_a_gpu(), known=KNOWN)


def test_what_triton_does_not_take():
    x = torch.zeros(2)
    for tensors, message in (
        ((x.half(),), r"torch\.float16; expected float32 or float64"),
        ((x, x.double()), "expected one dtype"),
        ((x.to("meta"),), "run on a GPU"),
        ((x, x.to("meta")), "expected one device"),
    ):
        with pytest.raises(ValueError, match=message):
            choose_form("triton", *tensors, known=KNOWN)
    with pytest.raises(ValueError, match="being traced"):
        torch.func.grad(lambda x: rotate(x, torch.zeros(2, 4, 3), form="triton").sum())(
            torch.zeros(2, 3, 3)
        )


def test_while_traced_auto_is_what_can_be_traced(device: torch.device):
    x, index = torch.randn(4, 3, device=device), torch.tensor([0, 1, 1, 3], device=device)
    R = torch.eye(3, device=device)[None]
    mapped = torch.func.vmap(lambda x: gather_sum(x, index, index, 4))(x[None])
    torch.testing.assert_close(mapped[0], gather_sum(x, index, index, 4, form="torch"))
    torch.testing.assert_close(torch.func.vmap(lambda x: rotate(R, x[None]))(x[None])[0, 0], x)
    torch.func.jacrev(lambda x: harmonics(2, x))(x)
    torch.func.jacrev(lambda x: product(x, x, 1))(x)


LATE = """
import os, torch, triton.language
from equivar.kernels.rotate import rotate
for value in ("0", "1"):
    os.environ["TRITON_INTERPRET"] = value
    try:
        rotate(torch.zeros(1, 3, 3), torch.zeros(1, 2, 3), form="triton")
    except ValueError as error:
        print(error)
"""


def test_on_a_cpu_the_message_names_the_variable_and_when_to_set_it():
    never, late = python(LATE).splitlines()
    assert "set the environment variable TRITON_INTERPRET=1 before Triton is imported" in never
    assert "Triton was imported before TRITON_INTERPRET=1 was set" in late


def test_the_device_is_chosen_before_triton_is_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("COURSE_DEVICE", raising=False)
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    assert (choose_device().type, os.environ["TRITON_INTERPRET"]) == ("cpu", "0")  # as it was
    monkeypatch.delenv("TRITON_INTERPRET")
    with pytest.raises(ValueError, match="restart the kernel"):
        choose_device()
    monkeypatch.delitem(sys.modules, "triton.language")
    assert (choose_device().type, os.environ["TRITON_INTERPRET"]) == ("cpu", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device().type == "cuda"
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    assert choose_device().type == "cpu"


@pytest.mark.parametrize(
    ("named", "message"),
    [("cuda", "PyTorch sees no GPU"), ("gpu", "expected 'cpu' or 'cuda'")],
)
def test_a_device_that_is_not_there(named: str, message: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("COURSE_DEVICE", named)
    with pytest.raises(ValueError, match=message):
        choose_device()


def test_nobody_who_does_not_ask_imports_triton():
    code = """
import sys, torch
from equivar.point_conv import PointConv, edge_features
layer = PointConv("0e", "1o", lmax=1, n_radial=4)
Y, radial = edge_features(torch.tensor([[0.0, 0, 1.0], [0.0, 0, -1.0]]), 1, 4, cutoff=3.0)
layer(torch.ones(2, 1), Y, radial, torch.tensor([0, 1]), torch.tensor([1, 0])).sum().backward()
ours = [name for name in sys.modules if name.startswith("equivar") and "_triton" in name]
print([name for name in sys.modules if name.startswith("triton")] + ours)
"""
    assert python(code).strip() == "[]"
