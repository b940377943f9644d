"""What the exercises on kernels stand on: a kernel that is watched, in any order, and drawn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from coursetools import puzzles
from coursetools.drawing_accesses import draw
from coursetools.exercises.source import read_source
from coursetools.puzzles import picture, play, ready

triton = pytest.importorskip("triton")
tl = pytest.importorskip("triton.language")

SOURCE = Path(__file__).parents[2] / "solutions" / "13_kernels_for_a_gpu.py"


@triton.jit
def shift(x, y, n, by, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + at + by, tl.load(x + at, mask=at < n, other=0.0), mask=at < n)


@triton.jit
def write_your_number(y):
    tl.store(y, tl.program_id(0))


@triton.jit
def unwritten(x, y):
    raise NotImplementedError("Your turn: write `unwritten`")


@triton.jit
def wrong(x, y):
    tl.store(y, tl.load(z))  # noqa: F821


def arrays(device: torch.device, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.arange(1.0, n + 1, device=device), torch.zeros(n, device=device)


def test_a_right_kernel_has_no_faults(device: torch.device):
    x, y = arrays(device, 5)
    played = play(shift, 2, x, y, 5, 0, BLOCK=4)
    assert torch.equal(x, y)
    assert played.faults == played.races == []


def test_no_programs_do_nothing(device: torch.device):
    x, y = arrays(device, 0)
    assert play(shift, 0, x, y, 0, 0, BLOCK=4).faults == []
    assert play(shift, (2, 0), x, y, 0, 0, BLOCK=4).faults == []


@pytest.mark.parametrize("by", [-1, 3])
def test_what_is_stored_outside_is_noticed(by: int, device: torch.device):
    x, y = arrays(device, 5)
    fault = play(shift, 2, x, y, 5, by, BLOCK=4).faults[0]
    assert "mask missing" in fault
    assert "of y at element" in fault or "y." in fault


@pytest.mark.parametrize(("by", "side"), [(-1, "before"), (3, "behind")])
def test_guards_notice_it_too(by: int, side: str, device: torch.device):
    """The way of a GPU, also where there is none."""
    x, y = arrays(device, 5)
    played = puzzles._play_on_gpu(shift, (2,), (x, y, 5, by), {"BLOCK": 4})
    assert played.faults == [f"shift stores {side} y. Is a mask missing?"]
    inside = [0.0] * 3 + [1.0, 2.0] if by > 0 else [2.0, 3.0, 4.0, 5.0, 0.0]
    assert y.tolist() == inside
    assert puzzles._play_on_gpu(shift, (2,), (x, y, 5, 0), {"BLOCK": 4}).faults == []
    assert torch.equal(x, y)


def test_programs_run_in_the_order_that_was_asked_for(device: torch.device):
    if device.type != "cpu":
        pytest.skip("a GPU has an order of its own")
    y = torch.zeros(1)
    for order in ([0, 1, 2], [2, 1, 0], [0, 2, 1]):
        played = play(write_your_number, 3, y, order=order)
        assert y.item() == order[-1]
        assert [a.program[0] for a in played.log.accesses] == order
        assert "both store element 0 of y" in played.races[0]


def test_an_unwritten_kernel_says_so(device: torch.device, capsys: pytest.CaptureFixture):
    with pytest.raises(NotImplementedError, match="Your turn: write `unwritten`"):
        play(unwritten, 1, *arrays(device, 2))
    picture(lambda: play(unwritten, 1, *arrays(device, 2)))
    assert "Nothing to see yet" in capsys.readouterr().out


def test_an_error_is_the_kernels_own(device: torch.device):
    if device.type != "cpu":
        pytest.skip("a compiler has errors of its own")
    with pytest.raises(NameError, match="'z' is not defined"):
        play(wrong, 1, *arrays(device, 2))


def test_the_picture(device: torch.device):
    if device.type != "cpu":
        pytest.skip("nobody looks on")
    x, y = arrays(device, 5)
    svg, words = draw(play(shift, 2, x, y, 5, 0, BLOCK=4).log)
    assert words == "x, read: 5 of 5 elements\ny, written: 5 of 5 elements"
    assert svg.count('fill="#0072b2"') == 2 * 4 + 1  # program 0, and its key
    assert svg.count('fill="#e69f00"') == 2 * 1 + 1
    assert "<title>" not in svg
    svg, words = draw(play(shift, 2, x, y, 5, 3, BLOCK=4).log)
    assert "y, written: 2 of 5 elements, and 3 places outside" in words
    assert [f"<title>element {n}</title>" in svg for n in (5, 6, 7, 8)] == [True] * 3 + [False]
    assert draw(play(shift, 2, x, y, 5, 3, BLOCK=4).log) == (svg, words)


def test_without_triton_it_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install triton"):
        ready()


COMPILE = """
import json, sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
import answers
INDICES = {"targets", "starts", "sources", "factors"}
for kernel in vars(answers).values():
    if not isinstance(kernel, triton.JITFunction):
        continue
    constants = {p.name: 4 for p in kernel.params if p.is_constexpr}
    whole = {"n", "n_edges", "width", "channels", "d1", "d2", "d3"}
    signature = {}
    for name in kernel.arg_names:
        kind = "*i64" if name in INDICES else "*fp64"
        kind = "i32" if name in whole else kind
        kind = "fp32" if (kernel.__name__, name) == ("add", "a") else kind
        signature[name] = "constexpr" if name in constants else kind
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32))
    print(json.dumps([kernel.__name__, len(made.asm["cubin"])]))
"""


def test_the_answers_compile_for_a_gpu(tmp_path: Path):
    answers = [cell.source for cell in read_source(SOURCE).of_role("answer")]
    text = "import triton\nimport triton.language as tl\n\n\n" + "\n\n\n".join(answers)
    (tmp_path / "answers.py").write_text(text, encoding="utf-8")
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    rows = dict(map(json.loads, done.stdout.splitlines()))
    assert len(rows) == len(answers) == 9
    assert min(rows.values()) > 1000
