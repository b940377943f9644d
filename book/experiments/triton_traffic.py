"""What the Triton kernels read and write: python book/experiments/triton_traffic.py.

Rows of `book/results/triton_traffic.json`: for each kernel the bytes that its programs asked for in
Triton's interpreter, seen one by one; the bytes that `equivar.kernels.traffic` counts; the least
bytes; the error in float32 against the definition in float64; and the symmetry error. No GPU is
needed, and none was there: nothing here is a time. Five minutes on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from coursetools.device import choose_device

choose_device()  # before Triton is imported

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from coursetools.accesses import AccessLog, record  # noqa: E402
from coursetools.results import Row, run_experiment  # noqa: E402
from equivar.features import transform  # noqa: E402
from equivar.irreps import Irreps  # noqa: E402
from equivar.kernels.convolution import convolution  # noqa: E402
from equivar.kernels.harmonics import harmonics  # noqa: E402
from equivar.kernels.paths import depthwise_paths  # noqa: E402
from equivar.kernels.products import product  # noqa: E402
from equivar.kernels.rotate import rotate  # noqa: E402
from equivar.kernels.segments import gather_sum  # noqa: E402
from equivar.kernels.traffic import (  # noqa: E402
    Traffic,
    gather_sum_traffic,
    harmonics_traffic,
    product_traffic,
    rotate_traffic,
)
from equivar.kernels.traffic_convolution import convolution_traffic  # noqa: E402
from equivar.points import neighbours  # noqa: E402
from equivar.rotations import random_rotations  # noqa: E402
from equivar.so3 import wigner_d  # noqa: E402

RESULTS = Path(__file__).parent.parent / "results" / "triton_traffic.json"
IRREPS, FILTER = "8x0e + 8x1o + 8x2e", "0e + 1o + 2e"
KERNELS = (
    "rotate",
    "sum by target",
    "sum by atomics",
    "harmonics",
    "product",
    "convolution",
    "convolution, by x",
    "convolution, by Y",
    "convolution, by w",
)
QUICK = ("rotate", "sum by target", "sum by atomics", "product")


def relative(found: Tensor, wanted: Tensor) -> float:
    """The largest difference, relative to the largest entry."""
    return float((found.double() - wanted).abs().max() / wanted.abs().max())


def graph() -> tuple[Tensor, Tensor, Tensor, int]:
    """Thirty points in a box: directions, sources and targets, sorted by target."""
    points = 4 * torch.rand(30, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    edges = neighbours(points, 1.8)
    order = torch.argsort(edges.target, stable=True)
    return edges.vectors[order], edges.source[order], edges.target[order], len(points)


class Case:
    """One kernel on some input: a function of what turns, and how it and the result turn."""

    def __init__(
        self,
        call: Callable[..., Tensor],
        inputs: tuple[Tensor, ...],
        turned: tuple[Tensor, ...],
        turn: Callable[[Tensor], Tensor],
        counted: Traffic,
        kernel: str = "",
        form: str = "triton",
    ) -> None:
        self.call, self.inputs, self.turned, self.turn = call, inputs, turned, turn
        self.counted, self.kernel, self.form = counted, kernel, form

    def single(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """In float32, by the kernel."""
        return self.call(*(t.float() for t in inputs), form=self.form)


def small(name: str, R: Tensor, draw: torch.Generator) -> Case:
    """The kernels but the convolution."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    if name == "rotate":
        turns, x = random_rotations(2, generator=draw).double(), normal(2, 500, 3)
        return Case(rotate, (turns, x), (R @ turns, x), lambda y: y @ R.mT, rotate_traffic(2, 500))
    if name.startswith("sum"):
        _, source, target, n = graph()
        form = "triton" if name == "sum by target" else "triton-atomic"

        def call(x: Tensor, form: str) -> Tensor:
            return gather_sum(x, source, target, n, form)

        x = normal(n, 3 * 32)

        def turn(y: Tensor) -> Tensor:
            return (y.unflatten(1, (32, 3)) @ R.mT).flatten(1)

        counted = gather_sum_traffic(source, target, n, x.shape[1], form=form)
        return Case(call, (x,), (turn(x),), turn, counted, form=form)
    if name == "harmonics":
        v = normal(200, 3)
        irreps = Irreps.spherical_harmonics(4)

        def spherical(v: Tensor, form: str) -> Tensor:
            return harmonics(4, v, form=form)

        counted = harmonics_traffic(200, 4)
        return Case(spherical, (v,), (v @ R.mT,), lambda Y: transform(irreps, R, Y), counted)
    D, x, y = wigner_d("2e", R), normal(300, 5), normal(300, 5)

    def multiply(x: Tensor, y: Tensor, form: str) -> Tensor:
        return product(x, y, 2, form=form)

    counted = product_traffic(300, (2, 2, 2))
    return Case(multiply, (x, y), (x @ D.mT, y @ D.mT), lambda z: z @ D.mT, counted)


def fused(name: str, R: Tensor, draw: torch.Generator) -> Case:
    """The convolution, or one of its gradients."""
    vectors, source, target, n = graph()
    paths, irreps_out = depthwise_paths(IRREPS, FILTER, keep=["0e", "1o", "2e"])
    widths = {"x": Irreps(IRREPS).dim, "Y": 9, "w": sum(path.mul for path in paths)}
    rows = {"x": n, "Y": len(source), "w": len(source)}
    x, w = (
        torch.randn(rows[k], widths[k], generator=draw, dtype=torch.float64) for k in ("x", "w")
    )
    Y = harmonics(2, vectors)
    g = torch.randn(n, irreps_out.dim, generator=draw, dtype=torch.float64)
    by = name.partition(", by ")[2]
    kernels = {"": "", "x": "sum_edges", "Y": "differentiate_filter", "w": "differentiate_weights"}

    def values(x: Tensor, Y: Tensor, w: Tensor, g: Tensor, form: str) -> Tensor:
        if not by:
            return convolution(x, Y, w, source, target, n, paths, form=form)
        named = {"x": x, "Y": Y, "w": w}
        leaf = named[by].requires_grad_()
        y = convolution(x, Y, w, source, target, n, paths, form=form)
        return torch.autograd.grad(y, leaf, g)[0]

    def turned(irreps: Irreps | str) -> Callable[[Tensor], Tensor]:
        return lambda t: transform(irreps, R, t)

    how: dict[str, Irreps | str] = {"": irreps_out, "x": IRREPS, "Y": FILTER}
    both = turned(IRREPS)(x), turned(FILTER)(Y), w, turned(irreps_out)(g)
    counted = convolution_traffic(paths, source, target, n, n)[f"by {by}" if by else "values"]
    turn = turned(how[by]) if by in how else lambda t: t
    return Case(values, (x, Y, w, g), both, turn, counted, kernels[by])


def measure(job: Row) -> Row:
    """Run one kernel in the interpreter."""
    torch.manual_seed(0)
    draw = torch.Generator().manual_seed(1)
    R = random_rotations(1, generator=draw)[0].double()
    name = str(job["kernel"])
    case = (fused if name.startswith("convolution") else small)(name, R, draw)
    exact = case.call(*(t.clone() for t in case.inputs), form="torch").detach()
    with record() as log:
        found = case.single(case.inputs).detach()
    last = max(a.launch for a in log.accesses)  # gradients come after the values
    kept = [a for a in log.accesses if a.launch == last or not case.kernel]
    assert case.kernel in ("", kept[0].kernel)
    seen = AccessLog(kept, log.sizes, log.item_sizes)
    moved = case.single(case.turned).detach()
    counted: dict[str, Any] = {k: v for k, v in case.counted.asked.items() if v}
    return {
        "programs": len({(a.launch, a.program) for a in kept}),
        "seen": seen.traffic(),
        "seen_bytes": sum(seen.traffic().values()),
        "counted_bytes": sum(counted.values()),
        "least_bytes": case.counted.least_total,
        "operations": case.counted.operations,
        "least_operations": case.counted.least_operations,
        "outside": len(seen.faults()),
        "races": len(seen.races()),
        "error": float(f"{relative(found, exact):.2g}"),
        "symmetry_error": float(f"{relative(moved, case.turn(exact)):.2g}"),
    }


def jobs(kernels: tuple[str, ...] = KERNELS) -> list[Row]:
    """All kernels."""
    return [{"kernel": name} for name in kernels]


def main() -> None:
    """Do what is missing."""
    about: Row = {"device": "Triton's interpreter, on the CPU", "torch": torch.__version__}
    quick = jobs(QUICK)
    run_experiment(__doc__, RESULTS, about, jobs(), measure, quick)


if __name__ == "__main__":
    main()
