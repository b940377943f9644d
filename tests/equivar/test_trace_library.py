"""The library's own networks: no culprit as they are, the right one once a fault is planted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equivar.models.forces import ForceField
from equivar.models.points import EuclideanNet
from equivar.trace import Law, Trace, trace_equivariance


def positions() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(7, 3, generator=generator, dtype=torch.float64)


def traced(model: nn.Module) -> Trace:
    x = torch.ones(7, 1, dtype=torch.float64)
    laws = (Law("0e", rows="nodes"), "positions")
    return trace_equivariance(model, (x, positions()), laws)


def network() -> EuclideanNet:
    torch.manual_seed(0)
    hidden = "4x0e + 4x1o + 2x2e"
    return EuclideanNet("0e", "0e + 1o", hidden, layers=2, lmax=2, cutoff=3.0).double()


def test_the_point_network_has_no_culprit():
    trace = traced(network())
    assert trace.ok, str(trace)
    assert sum(row.status == "ok" for row in trace.rows) >= 6


def test_a_fault_planted_between_its_layers_is_named():
    class Spoiled(nn.Module):
        def __init__(self, layer: nn.Module) -> None:
            super().__init__()
            self.layer, self.irreps_out = layer, layer.irreps_out

        def forward(self, *args: Tensor) -> Tensor:
            return torch.relu(self.layer(*args))

    model = network()
    model.layers[0] = Spoiled(model.layers[0])
    trace = traced(model)
    assert trace.culprit == "layers.0", str(trace)
    assert all(row.status != "breaks it" for row in trace.rows if row.name != "layers.0")


def test_the_force_field_has_no_culprit():
    torch.manual_seed(0)
    model = ForceField((1, 6), "4x0e + 4x1o + 2x2e", cutoff=3.0).double()
    numbers = torch.tensor([6, 6, 1, 1, 1, 1, 1])
    trace = trace_equivariance(
        model, (numbers, positions()), ("labels", "positions"), law_out=Law("0e")
    )
    assert trace.ok, str(trace)
    assert any(row.law.startswith("4x0e + 4x1o") and row.status == "ok" for row in trace.rows)
