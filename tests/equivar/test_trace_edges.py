"""Odd models, odd inputs: each ends in a report or a ValueError, and nothing is left changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from trace_net import FEATURES, LAWS, Convolve, Mix, Net, cloud, parts, whole

from equivar.rotations import random_rotations
from equivar.trace import Law, Motion, trace_equivariance


def double(model: nn.Module) -> nn.Module:
    return model.to(torch.float64)


def features(n: int = 6) -> Tensor:
    return torch.randn(n, FEATURES.dim, dtype=torch.float64)


class Shift(nn.Module):
    irreps_in = irreps_out = FEATURES

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.1


class Twice(nn.Module):
    """One module called twice; on the second call it is fed what the code between spoiled."""

    def __init__(self, spoil: bool) -> None:
        super().__init__()
        self.mix, self.spoil = Mix(), spoil

    def forward(self, x: Tensor) -> Tensor:
        x = self.mix(x)
        return self.mix(x + 0.1 if self.spoil else x)


def test_each_call_of_a_shared_module_is_a_row():
    trace = trace_equivariance(double(Twice(False)), features(), FEATURES)
    assert [(row.name, row.call) for row in trace.rows] == [("mix", 1), ("mix", 2), ("(model)", 1)]
    assert trace.ok
    spoiled = trace_equivariance(double(Twice(True)), features(), FEATURES)
    assert [row.status for row in spoiled.rows] == ["ok", "broken input", "inherits"]
    assert spoiled.culprit == "(model)"
    assert "mix (call 2)" in str(spoiled)


class Pair(NamedTuple):
    scalars: Tensor
    vectors: Tensor


@dataclass(frozen=True)
class Output:
    energy: Tensor
    forces: Tensor
    name: str = "methane"


class Returns(nn.Module):
    def __init__(self, form: str) -> None:
        super().__init__()
        self.form, self.mix = form, Mix()

    def forward(self, x: Tensor) -> object:
        scalars, vectors = parts(self.mix(x))
        energy, forces = scalars.sum(), vectors[:, 0] + torch.tensor([0.0, 0.1, 0.0])
        kinds = {
            "tuple": (energy, forces),
            "list": [energy, forces],
            "dict": {"energy": energy, "forces": forces},
            "named": Pair(energy, forces),
            "dataclass": Output(energy, forces),
        }
        return kinds[self.form]


@pytest.mark.parametrize(
    ("form", "law", "label"),
    [
        ("tuple", ("invariant", "1o"), "(model)[1]"),
        ("list", ["invariant", "1o"], "(model)[1]"),
        ("named", ("invariant", "1o"), "(model)[1]"),
        ("dict", {"energy": "invariant", "forces": "1o"}, "(model)['forces']"),
        ("dataclass", {"energy": "invariant", "forces": "1o"}, "(model)['forces']"),
    ],
)
def test_structures_are_compared_part_by_part(form: str, law: object, label: str):
    trace = trace_equivariance(double(Returns(form)), features(), FEATURES, law_out=law)
    assert trace.culprit == "(model)"
    assert [row.label for row in trace.rows if row.status == "breaks it"] == [label]


def test_one_law_for_two_arrays_is_refused():
    with pytest.raises(ValueError, match=r"'\(model\)' returns 2 arrays and got one law"):
        trace_equivariance(double(Returns("tuple")), features(), FEATURES, law_out="1o")


def test_healed_structures_go_on_with_their_other_parts():
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.mix = Returns("dataclass"), Mix()

        def forward(self, x: Tensor) -> Tensor:
            out = self.inner(x)
            assert out.name == "methane"
            scalars = out.energy.expand(len(x), 4)
            return self.mix(whole(scalars, out.forces[:, None].expand(-1, 4, -1)))

    laws = {"inner": {"energy": "invariant", "forces": "1o"}}
    trace = trace_equivariance(double(Outer()), features(), FEATURES, laws=laws)
    assert trace.culprit == "inner"
    assert [row.status for row in trace.rows if row.name == "mix"] == ["inherits"]


def test_modes_buffers_hooks_and_random_numbers_are_left_as_found():
    model = double(Net(nn.BatchNorm1d(FEATURES.dim)))
    model.gate.eval()
    modes = [module.training for module in model.modules()]
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    for training in (None, True, False):
        trace_equivariance(model, cloud(), LAWS, training=training)
    assert [module.training for module in model.modules()] == modes
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, buffers[name]), name
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


class Fails(nn.Module):
    irreps_out = FEATURES

    def __init__(self, when: str) -> None:
        super().__init__()
        self.when, self.first = when, None

    def forward(self, x: Tensor) -> Tensor:
        self.first = x.detach().clone() if self.first is None else self.first
        if self.when == "always" or (x - self.first).abs().max() > 1e-3:
            raise RuntimeError("out of luck")
        return x


@pytest.mark.parametrize(("when", "where"), [("always", "inputs with"), ("g", "by the rotation")])
def test_a_model_that_fails_is_named_and_left_clean(when: str, where: str):
    model = double(Net(nn.Sequential(nn.Identity(), Fails(when))))
    with pytest.raises(ValueError, match=rf"'spare.1' failed on the .*{where}.*out of luck"):
        trace_equivariance(model, cloud(), LAWS)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert model.training


def test_float32_passes_at_its_own_rounding_and_a_small_fault_does_not():
    class Tiny(nn.Module):
        irreps_in = irreps_out = FEATURES

        def forward(self, x: Tensor) -> Tensor:
            return x + 1e-3

    x, law = features().float(), FEATURES
    assert trace_equivariance(Mix(), x, law).ok
    assert trace_equivariance(nn.Sequential(Mix(), Tiny()), x, law).culprit == "1"
    assert trace_equivariance(nn.Sequential(Mix(), Tiny()), x, law, tolerance=0.1).ok


def test_a_small_irrep_does_not_hide_behind_a_large_one():
    class Hidden(nn.Module):
        irreps_out = FEATURES

        def forward(self, x: Tensor) -> Tensor:
            scalars, vectors = parts(x)
            return whole(1e6 * scalars, vectors + 1e-6)

    assert trace_equivariance(Hidden(), features(), FEATURES).culprit == "(model)"


def test_what_is_not_deterministic_is_not_compared():
    class Noisy(nn.Module):
        irreps_out = FEATURES

        def __init__(self) -> None:
            super().__init__()
            self.generator = torch.Generator().manual_seed(0)

        def forward(self, x: Tensor) -> Tensor:
            return x * torch.rand(1, generator=self.generator)

    trace = trace_equivariance(Noisy(), features(), FEATURES)
    assert [row.status for row in trace.rows] == ["not compared"]
    assert "two runs with the same seed differ" in str(trace)


def test_zero_outputs_and_outputs_that_vanish_by_symmetry_are_no_culprits():
    class Handedness(nn.Module):
        """A triple product: zero for a planar input, up to rounding."""

        irreps_out = "0o"

        def forward(self, x: Tensor) -> Tensor:
            return torch.linalg.det(x[:3]).reshape(1)

    flat = torch.randn(3, 3, dtype=torch.float64)
    flat[2] = flat[0] + 0.3 * flat[1]
    trace = trace_equivariance(Handedness(), flat, "1o", random_rotations(3))
    assert trace.ok
    assert "nothing to compare" in str(trace) or "rounding alone" in str(trace)

    class Zero(nn.Module):
        irreps_out = FEATURES

        def forward(self, x: Tensor) -> Tensor:
            return 0 * x

    assert "it is zero" in str(trace_equivariance(Zero(), features(), FEATURES))


def test_a_module_that_writes_in_place_and_an_input_that_is_written_into():
    class InPlace(nn.Module):
        irreps_out = FEATURES

        def forward(self, x: Tensor) -> Tensor:
            return x.mul_(2)

    x = features()
    before = x.clone()
    assert trace_equivariance(nn.Sequential(InPlace(), InPlace()), x, FEATURES).ok
    assert torch.equal(x, before)
    spoiled = nn.Sequential(double(Mix()), nn.ReLU(inplace=True), InPlace())
    assert trace_equivariance(spoiled, x, FEATURES).culprit == "1"


def test_forces_by_autograd_inside_the_model():
    class Forces(nn.Module):
        irreps_out = Law("1o", rows="nodes").irreps

        def __init__(self) -> None:
            super().__init__()
            self.convolve = Convolve()
            self.mix = Mix()

        def forward(self, positions: Tensor, source: Tensor, target: Tensor) -> Tensor:
            r = positions.detach().requires_grad_()
            x = self.mix(self.convolve(r[target] - r[source], target))
            return torch.autograd.grad(x.square().sum(), r, create_graph=True)[0]

    assert trace_equivariance(double(Forces()), cloud(), LAWS).ok


def test_dropout_is_not_compared_under_permutations_and_says_why():
    class Dropped(nn.Module):
        irreps_out = FEATURES

        def forward(self, x: Tensor) -> Tensor:
            return x * nn.functional.dropout(torch.ones(len(x), 1, dtype=x.dtype), 0.5)

    swap = Motion(nodes=torch.arange(6).flip(0))
    trace = trace_equivariance(Dropped(), features(), Law(FEATURES, "nodes"), swap)
    assert trace.ok
    assert "masks do not move with the nodes" in str(trace)
    assert trace_equivariance(Dropped(), features(), FEATURES).rows[0].status == "ok"
