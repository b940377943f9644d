"""Each planted fault is found, and by name; the healthy network has no culprit."""

from __future__ import annotations

import pytest
import torch
from strategies import SPECIAL_ORTHOGONALS
from torch import Tensor, nn
from trace_net import FEATURES, LAWS, MUL, Convolve, Edges, Net, cloud, parts, whole

from equivar.trace import trace_equivariance


class ReLUOnVectors(nn.Module):
    irreps_in = irreps_out = FEATURES

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x)


class BiasOnVectors(nn.Module):
    irreps_in = irreps_out = FEATURES

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.1


class DropoutOfComponents(nn.Module):
    irreps_in = irreps_out = FEATURES

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, 0.5, self.training)


class DropoutOfIrreps(nn.Module):
    """The healthy counterpart: a vector is dropped as a whole."""

    irreps_in = irreps_out = FEATURES

    def forward(self, x: Tensor) -> Tensor:
        scalars, vectors = parts(x)
        drop = nn.functional.dropout
        mask = drop(torch.ones_like(vectors[..., :1]), 0.5, self.training)
        return whole(drop(scalars, 0.5, self.training), mask * vectors)


class LocalFrames(nn.Module):
    """Into a frame made of the features, a map there, and back; transposed is the fault."""

    irreps_in = irreps_out = FEATURES

    def __init__(self, transposed: bool) -> None:
        super().__init__()
        self.transposed = transposed
        self.weight = nn.Parameter(torch.randn(3, 3))

    def forward(self, x: Tensor) -> Tensor:
        scalars, vectors = parts(x)
        first = nn.functional.normalize(vectors[..., 0, :], dim=-1)
        second = vectors[..., 1, :]
        second = nn.functional.normalize(
            second - (second * first).sum(-1, keepdim=True) * first, dim=-1
        )
        third = nn.functional.normalize(
            vectors[..., 2, :]
            - (vectors[..., 2, :] * first).sum(-1, keepdim=True) * first
            - (vectors[..., 2, :] * second).sum(-1, keepdim=True) * second,
            dim=-1,
        )
        D = torch.stack([first, second, third], dim=-2)  # rows: the axes
        back = D.mT if self.transposed else D
        return whole(scalars, vectors @ D.mT @ self.weight @ back)


class StoredEdges(nn.Module):
    """Edge vectors computed once, of the molecule as it lay then."""

    irreps_out = Edges.irreps_out

    def __init__(self) -> None:
        super().__init__()
        positions, source, target = cloud()
        self.register_buffer("vectors", positions[target] - positions[source])

    def forward(self, positions: Tensor, source: Tensor, target: Tensor) -> Tensor:
        return self.vectors


class AbsolutePosition(nn.Module):
    """A convolution whose scalars know where the origin is."""

    irreps_out = FEATURES

    def __init__(self) -> None:
        super().__init__()
        self.inner = Convolve()

    def forward(self, vectors: Tensor, target: Tensor) -> Tensor:
        x = self.inner(vectors, target)
        return x + self.positions.norm(dim=-1, keepdim=True) * (torch.arange(x.shape[-1]) < MUL)


def double(model: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return model.to(torch.float64)


SPARE = {
    "LayerNorm over components": lambda: nn.LayerNorm(FEATURES.dim),
    "pointwise ReLU on vectors": ReLUOnVectors,
    "torch's ReLU on vectors": nn.ReLU,
    "bias on l = 1": BiasOnVectors,
    "batch statistics per component": lambda: nn.BatchNorm1d(FEATURES.dim),
    "dropout of components": DropoutOfComponents,
    "torch's dropout": nn.Dropout,
    "transposed rotation": lambda: LocalFrames(transposed=True),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("fault", SPARE.values(), ids=SPARE)
def test_the_planted_fault_is_named(fault, dtype):
    model = double(Net(fault())).to(dtype)
    trace = trace_equivariance(model, cloud(dtype), LAWS)
    assert trace.culprit == "spare", str(trace)
    status = {row.name: row.status for row in trace.rows}
    assert [status[name] for name in ("edges", "convolve", "mix")] == ["ok"] * 3
    assert status["gate"] == status["again"] == status["readout"] == "inherits"
    (row,) = [row for row in trace.rows if row.name == "spare"]
    assert row.own_error > 0.01


HEALTHY = {
    "plain": nn.Identity,
    "dropout of irreps": DropoutOfIrreps,
    "local frames": lambda: LocalFrames(transposed=False),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("spare", HEALTHY.values(), ids=HEALTHY)
def test_the_healthy_network_has_no_culprit(spare, dtype):
    trace = trace_equivariance(double(Net(spare())).to(dtype), cloud(dtype), LAWS)
    assert trace.ok
    assert trace.culprit is None, str(trace)
    assert all(row.status != "not declared" for row in trace.rows if row.name != "convolve.radial")


def test_the_healthy_network_passes_every_special_element():
    elements = torch.stack(list(SPECIAL_ORTHOGONALS.values()))
    trace = trace_equivariance(double(Net()), cloud(), LAWS, elements)
    assert trace.ok, str(trace)
    assert len(trace.elements) == len(set(trace.elements)) == len(elements)


def test_edge_vectors_that_do_not_rotate_are_found():
    model = double(Net())
    model.edges = StoredEdges()
    trace = trace_equivariance(model, cloud(), LAWS)
    assert trace.culprit == "edges"
    assert next(row for row in trace.rows if row.name == "convolve").own_error < 1e-10


def test_an_absolute_position_is_found_by_the_shift_alone():
    model = double(Net())
    model.convolve = double(AbsolutePosition())

    def remember(module: nn.Module, args: tuple) -> None:
        model.convolve.positions = args[0]

    model.register_forward_pre_hook(remember)
    trace = trace_equivariance(model, cloud(), LAWS)
    assert trace.culprit == "convolve"
    row = next(row for row in trace.rows if row.name == "convolve")
    assert row.element == "translation"
    inner = next(row for row in trace.rows if row.name == "convolve.inner")
    assert inner.status == "ok"
    turned = trace_equivariance(model, cloud(), LAWS, -torch.eye(3))
    assert turned.ok  # a length about the origin does turn along


def test_the_model_itself_is_named_when_its_own_code_leaks():
    class Leaky(Net):
        def forward(self, positions: Tensor, source: Tensor, target: Tensor) -> Tensor:
            x = self.convolve(self.edges(positions, source, target), target)
            return self.readout(self.again(self.mix(x) + positions[:, :1]))

    trace = trace_equivariance(double(Leaky()), cloud(), LAWS)
    assert trace.culprit == "(model)"
    assert "feeds to again" in trace.reason
    assert next(row for row in trace.rows if row.name == "again").status == "broken input"
    assert trace.uncalled == ("spare", "gate")


def test_a_fault_in_a_child_is_not_blamed_on_its_parents_or_on_later_faults():
    model = double(Net(nn.Sequential(nn.Identity(), ReLUOnVectors(), ReLUOnVectors())))
    trace = trace_equivariance(model, cloud(), LAWS)
    assert trace.culprit == "spare.1"
    status = {row.name: row.status for row in trace.rows}
    assert status["spare"] == "inherits"
    assert status["spare.0"] == "ok"


def test_the_errors_under_each_element_are_those_of_a_trace_with_it_alone():
    model = double(Net(ReLUOnVectors()))
    elements = list(SPECIAL_ORTHOGONALS.values())[:4]
    together = trace_equivariance(model, cloud(), LAWS, elements)
    for i, element in enumerate(elements):
        alone = trace_equivariance(model, cloud(), LAWS, element)
        for row, other in zip(together.rows, alone.rows, strict=True):
            if row.each:
                assert row.each[i][1:] == (other.error, other.own_error)
    for row in together.rows:
        if row.each:
            assert max(error for _, error, _ in row.each) == row.error
            assert [name for name, *_ in row.each] == list(together.elements)
