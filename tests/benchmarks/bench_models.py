"""A whole two-layer interatomic model against the same one written with e3nn's parts.

Fcc copper, every atom moved a little, neighbors within 5 angstrom, found once and given to both.
Ours is `ForceField`. The peer is made of e3nn's harmonics, linear layers, "uvu" products, radial
networks and gates, joined as e3nn's own examples join them, and takes our weights: so both give the
same energies, forces and gradients, which is what the columns of errors show.

A training step is: energy, forces as its gradient, a loss on both, and the loss's gradient by all
weights, which is a second derivative.
"""

from __future__ import annotations

import copy
import functools
import math
import sys
from collections.abc import Callable, Iterator

import torch
from bench_scaling import copper
from harness import Case
from torch import Tensor, nn

from equivar.irreps import Irrep
from equivar.kernels.couplings import coupling
from equivar.models import ForceField
from equivar.models.interaction import Interaction
from equivar.nonlinear import Gate
from equivar.point_conv import PointConv
from equivar.points import Neighbours, displacements, neighbours

CELLS = (2, 3, 4)  # 32, 108 and 256 atoms
HIDDEN = "32x0e + 32x1o + 32x2e"
CUTOFF, N_RADIAL = 5.0, 8
BAR = 4.0

Energy = Callable[[Tensor], Tensor]


def _linear(layer: nn.Module) -> nn.Module:
    """e3nn's layer with the weights of ours."""
    from e3nn import o3

    irreps = str(layer.irreps_in), str(layer.irreps_out)
    made = o3.Linear(*irreps, biases=layer.bias is not None)
    rows: dict[int, tuple[int, int]] = {}
    columns: dict[int, tuple[int, int]] = {}
    for places, blocks in ((rows, layer.irreps_in), (columns, layer.irreps_out)):
        seen: dict[str, int] = {}
        for number, (mul, irrep) in enumerate(blocks):
            start = seen.get(str(irrep), 0)
            places[number] = start, start + mul
            seen[str(irrep)] = start + mul
    with torch.no_grad():
        for number, instruction in enumerate(made.instructions):
            if instruction.i_in >= 0:  # else it is a bias
                irrep = str(layer.irreps_in.blocks[instruction.i_in][1])
                (a, b), (c, d) = rows[instruction.i_in], columns[instruction.i_out]
                view = made.weight_view_for_instruction(number)
                view.copy_(layer.weights[irrep][a:b, c:d])
        if layer.bias is not None:
            made.bias.copy_(layer.bias)
    return made


def _product(conv: PointConv) -> nn.Module:
    from e3nn import o3

    starts = [block.start for block in conv.irreps_in.slices]
    instructions = [
        (starts.index(p.start_in), p.l2, k, "uvu", True) for k, p in enumerate(conv.paths)
    ]
    return o3.TensorProduct(
        str(conv.irreps_in),
        str(conv.irreps_filter),
        str(conv.after.irreps_in),
        instructions,
        shared_weights=False,
        internal_weights=False,
    )


class _Block(nn.Module):
    """Of `Interaction`."""

    def __init__(self, ours: Interaction) -> None:
        from e3nn import nn as parts

        super().__init__()
        conv = ours.conv
        self.before, self.after, self.own = map(_linear, (conv.before, conv.after, ours.own))
        self.product = _product(conv)
        sizes = [len(conv.radial[0]), *(weight.shape[1] for weight in conv.radial)]
        self.radial = parts.FullyConnectedNet(sizes, nn.functional.silu)
        with torch.no_grad():
            for i, weight in enumerate(conv.radial):
                getattr(self.radial, f"layer{i}").weight.copy_(weight)
        gate = ours.gate
        self.gate = parts.Gate(
            str(gate.irreps_scalars),
            [nn.functional.silu],
            f"{gate.irreps_gated.num_irreps}x0e" if gate.irreps_gated.dim else "",
            [torch.sigmoid] if gate.irreps_gated.dim else [],
            str(gate.irreps_gated) if gate.irreps_gated.dim else "",
        )
        self.n_neighbours = conv.n_neighbours

    def forward(
        self, x: Tensor, Y: Tensor, radial: Tensor, source: Tensor, target: Tensor
    ) -> Tensor:
        messages = self.product(self.before(x)[source], Y, self.radial(radial))
        total = messages.new_zeros(x.shape[0], messages.shape[1]).index_add(0, target, messages)
        mixed = self.after(total / math.sqrt(self.n_neighbours)) + self.own(x)
        return self.gate(mixed / math.sqrt(2.0))


class E3nnForceField(nn.Module):
    """The architecture and the weights of ours; edges are given."""

    def __init__(self, ours: ForceField) -> None:
        from e3nn import o3

        super().__init__()
        self.cutoff, self.factor = CUTOFF, math.sqrt(2 / CUTOFF) * CUTOFF**1.5 / 2
        k = torch.arange(1, N_RADIAL + 1)
        self.register_buffer("frequencies", k * (math.pi / CUTOFF))
        self.harmonics = o3.SphericalHarmonics(list(range(ours.lmax + 1)), True, "component")
        self.embedding = _linear(ours.embedding)
        self.layers = nn.ModuleList(_Block(layer) for layer in ours.layers)
        self.head = nn.Sequential(*(_copy(part) for part in ours.head))

    def forward(self, vectors: Tensor, source: Tensor, target: Tensor, size: int) -> Tensor:
        distances = torch.linalg.vector_norm(vectors, dim=1)
        x = distances / self.cutoff
        envelope = 1 - 28 * x.pow(6) + 48 * x.pow(7) - 21 * x.pow(8)
        waves = torch.sin(self.frequencies * distances[:, None]) / distances[:, None]
        radial = waves * (self.factor * envelope)[:, None]
        Y = self.harmonics(vectors)
        features = self.embedding(vectors.new_ones(size, 1))
        for layer in self.layers:
            features = layer(features, Y, radial, source, target)
        return self.head(features).sum()


def _copy(part: nn.Module) -> nn.Module:
    if not isinstance(part, nn.Linear):
        return type(part)()
    made = nn.Linear(part.in_features, part.out_features)
    made.load_state_dict(part.state_dict())
    return made


def build(ours: ForceField, mode: str) -> nn.Module:
    """e3nn's model, "eager", or all of it compiled by TorchScript ("script")."""
    import e3nn
    from e3nn.util.jit import script

    before = e3nn.get_optimization_defaults()["jit_mode"]
    e3nn.set_optimization_defaults(jit_mode=mode)
    try:
        made = E3nnForceField(ours)
        for module in made.modules():  # theirs is a Monte Carlo estimate, good to three digits
            if type(module).__name__ == "normalize2mom":
                module.cst = _factor(module.f)
        return script(made) if mode == "script" else made
    finally:
        e3nn.set_optimization_defaults(jit_mode=before)


def _factor(f: Callable[[Tensor], Tensor]) -> float:
    gate = Gate("", "", even=f)
    return gate._even_factor


def _energy(energy: Energy, positions: Tensor) -> Callable[[], Tensor]:
    def work() -> Tensor:
        with torch.no_grad():
            return energy(positions)

    return work


def _step(
    energy: Energy, positions: Tensor, weights: list[nn.Parameter], shown: list[nn.Parameter]
) -> Callable[[], tuple[Tensor, ...]]:
    """A step without the optimizer; of the gradients, it answers those that lie alike in both."""
    places = [next(i for i, w in enumerate(weights) if w is one) for one in shown]

    def work() -> tuple[Tensor, ...]:
        p = positions.detach().requires_grad_()
        E = energy(p)
        (gradient,) = torch.autograd.grad(E, p, create_graph=True)
        loss = (E / len(p)).square() + gradient.square().mean()
        found = torch.autograd.grad(loss, weights)
        return E.detach(), -gradient.detach(), *(found[i] for i in places)

    return work


def _radial_weights(model: nn.Module) -> list[nn.Parameter]:
    named = dict(model.named_parameters())
    ours = [w for name, w in named.items() if ".conv.radial." in name]
    return ours or [w for name, w in named.items() if ".radial.layer" in name]


def _flops(model: ForceField, edges: Neighbours, size: int) -> float:
    """Of the energy: the radial network once for each pair, products and linear layers."""
    n_edges, n_pairs = len(edges.source), len(edges.pairs[1])
    total = 0.0
    for layer in model.layers:
        total += 2.0 * n_pairs * sum(weight.numel() for weight in layer.conv.radial)
        entries = sum(p.mul * (_entries(p.l1, p.l2, p.l3) + 2 * p.l3 + 1) for p in layer.conv.paths)
        total += 2.0 * n_edges * entries
        for linear in (layer.conv.before, layer.conv.after, layer.own):
            for name, weight in linear.weights.items():
                total += 2.0 * size * Irrep.parse(name).dim * weight.numel()
    return total


def _entries(l1: int, l2: int, l3: int) -> int:
    return int((coupling(l1, l2, l3) != 0).any(dim=1).sum())


def _compiled(energy: Energy, positions: Tensor) -> Energy | None:
    compiled = torch.compile(energy, dynamic=False)
    try:
        with torch.no_grad():
            compiled(positions)
    except Exception as error:  # inductor needs a C++ compiler, and Python's headers
        print(f"e3nn torch.compile is skipped: {str(error).splitlines()[0]}", file=sys.stderr)
        return None
    return compiled


def cases() -> Iterator[Case]:
    """Three sizes; energies, and training on forces."""
    for cells in CELLS:
        torch.manual_seed(0)
        positions, cell = copper(cells)
        size = len(positions)
        numbers = torch.full((size,), 29)
        edges = neighbours(positions, CUTOFF, cell)
        ours = ForceField((29,), HIDDEN, cutoff=CUTOFF, n_radial=N_RADIAL, n_neighbours=42.0)
        exact = copy.deepcopy(ours).double()

        def own(p: Tensor, model: nn.Module, about: tuple) -> Tensor:
            numbers, cell, edges = about
            return model(numbers, p, cell, edges=edges).sum()

        def theirs(p: Tensor, model: nn.Module, about: tuple) -> Tensor:
            _, cell, edges = about
            vectors = displacements(p, edges.source, edges.target, edges.shifts, cell)
            return model(vectors, edges.source, edges.target, p.shape[0])

        about = numbers, cell, edges
        models: dict[str, tuple[nn.Module, Energy]] = {}
        try:
            for name, mode in (("e3nn", "eager"), ("e3nn scripted", "script")):
                model = build(ours, mode)
                models[name] = model, functools.partial(theirs, model=model, about=about)
        except ModuleNotFoundError:
            print("e3nn is not installed: skipped", file=sys.stderr)
        energy = functools.partial(own, model=ours, about=about)
        reference = functools.partial(own, model=exact, about=about)
        peers = {name: _energy(f, positions) for name, (_, f) in models.items()}
        compiled = _compiled(models["e3nn"][1], positions) if models and cells == 3 else None
        if compiled is not None:
            peers["e3nn torch.compile"] = _energy(compiled, positions)
        for work in peers.values():
            work(), work()  # TorchScript looks at two calls before it compiles
        shapes = f"{size} atoms, {len(edges.source):,} edges"
        flops, bar = _flops(ours, edges, size), BAR if cells == 3 else None
        yield Case(
            "interatomic model, two layers, lmax 2",
            shapes,
            "energy",
            _energy(energy, positions),
            peers,
            (_energy(reference, positions.double())(),),
            flops=flops,
            bar=bar,
        )

        def step(model: nn.Module, f: Energy, p: Tensor) -> Callable[[], tuple[Tensor, ...]]:
            return _step(f, p, list(model.parameters()), _radial_weights(model))

        peers = {name: step(model, f, positions) for name, (model, f) in models.items()}
        for work in peers.values():
            work(), work()
        yield Case(
            "interatomic model, two layers, lmax 2",
            shapes,
            "training step on forces",
            step(ours, energy, positions),
            peers,
            step(exact, reference, positions.double())(),
            flops=6 * flops,  # each product: its value, two gradients, and twice that of the first
            bar=bar,
        )
