"""Message passing: numbering and the order of edges do not matter; graphs stay apart."""

from __future__ import annotations

import jaxtyping
import pytest
import torch
from hypothesis import given
from strategies import permutations
from torch import Tensor

from equivar.graphs import MessagePassing
from equivar.measure import equivariance_error

# Node 4 is alone, node 5 only speaks, edge (0, 1) is there twice, node 3 talks to itself.
SOURCE = torch.tensor([0, 0, 1, 2, 3, 5, 5])
TARGET = torch.tensor([1, 1, 0, 0, 3, 2, 0])
N, N_EDGES = 6, len(SOURCE)


def layer(dtype: torch.dtype = torch.float64, n_edge: int = 2) -> MessagePassing:
    torch.manual_seed(0)
    return MessagePassing(3, n_edge, width=8).to(dtype).requires_grad_(False)


def features(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x, edges = (torch.randn(n, generator=generator) for n in ((N, 3), (N_EDGES, 2)))
    return x.to(dtype), edges.to(dtype)


@given(permutations(N), permutations(N_EDGES))
def test_it_commutes_with_renumbering_nodes_and_reordering_edges(nodes: Tensor, edges: Tensor):
    x, e = features()
    place = nodes.argsort()
    y = layer()(x[nodes], place[SOURCE[edges]], place[TARGET[edges]], e[edges])
    torch.testing.assert_close(y, layer()(x, SOURCE, TARGET, e)[nodes], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [1, 0, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]])
def test_float32_and_edges_left_behind_as_the_control(order: list[int]):
    (x, e), net, nodes = features(torch.float32), layer(torch.float32), torch.tensor(order)
    place = nodes.argsort()

    def heard(source: Tensor, target: Tensor, x: Tensor) -> Tensor:
        return 10 * (net(x, source, target, e) - x)  # the part that edges have a say in

    def error(source: Tensor, target: Tensor) -> Tensor:
        before, after = heard(source, target, x[nodes]), heard(SOURCE, TARGET, x)[nodes]
        return (before - after).norm() / (after - after.mean(0)).norm()

    assert error(place[SOURCE], place[TARGET]) < 1e-4
    control = error(SOURCE, TARGET)
    assert control == 0 if order == sorted(order) else control > 0.1


def test_a_batch_is_its_graphs():
    x, e = features()
    twice = layer()(
        torch.cat([x, 2 * x]),
        torch.cat([SOURCE, SOURCE + N]),
        torch.cat([TARGET, TARGET + N]),
        torch.cat([e, -e]),
    )
    alone = [layer()(x, SOURCE, TARGET, e), layer()(2 * x, SOURCE, TARGET, -e)]
    torch.testing.assert_close(twice, torch.cat(alone))


def test_who_hears_whom():
    x, e = features()
    before = layer()(x, SOURCE, TARGET, e)
    for speaker in range(N):
        louder = x.clone()
        louder[speaker] += 1
        changed = (layer()(louder, SOURCE, TARGET, e) - before).abs().amax(1) > 1e-12
        listeners = {speaker, *TARGET[speaker == SOURCE].tolist()}
        assert set(changed.nonzero().flatten().tolist()) == listeners


def test_edges_matter_and_twice_is_not_once():
    x, e = features()
    y = layer()(x, SOURCE, TARGET, e)
    assert (layer()(x, SOURCE, TARGET, -e) - y).abs().max() > 1e-3
    assert (layer()(x, SOURCE[1:], TARGET[1:], e[1:]) - y).abs().max() > 1e-3


@pytest.mark.parametrize("n", [0, 4])
def test_no_edges_and_no_nodes(n: int):
    none = torch.zeros(0, dtype=torch.int64)
    x = torch.randn(n, 3, dtype=torch.float64, requires_grad=True)
    y = layer()(x, none, none, torch.zeros(0, 2, dtype=torch.float64))
    assert y.shape == (n, 3)
    assert torch.autograd.grad(y.sum(), x)[0].isfinite().all()


def test_second_derivatives():
    x, e = (t.requires_grad_() for t in features())
    assert torch.autograd.gradcheck(lambda x, e: layer()(x, SOURCE, TARGET, e), (x, e))
    assert torch.autograd.gradgradcheck(lambda x, e: layer()(x, SOURCE, TARGET, e), (x, e))


def test_compiles_as_one_graph(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    torch._dynamo.reset()
    net, (x, e) = layer(), features()
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, SOURCE, TARGET, e), net(x, SOURCE, TARGET, e))


def test_without_edge_features():
    x, net = features()[0], layer(n_edge=0)
    error = equivariance_error(lambda x: net(x, SOURCE, TARGET), x, lambda x: x[[0, 1, 2, 3, 5, 4]])
    assert net(x, SOURCE, TARGET).shape == x.shape
    assert error > 0.1  # nodes 4 and 5 have other edges


def test_bad_input_is_refused_with_the_reason():
    x, e = features()
    with pytest.raises(ValueError, match=r"source\[3\] = 6, but there are 6 nodes"):
        layer()(x, torch.where(SOURCE == 2, 6, SOURCE), TARGET, e)
    with pytest.raises(ValueError, match=r"target\[0\] = -1"):
        layer()(x, SOURCE, TARGET - 2, e)
    with pytest.raises(ValueError, match=r"expected \(nodes, 3\)"):
        layer()(x[:, :2], SOURCE, TARGET, e)
    with pytest.raises(ValueError, match="one of each for each edge"):
        layer()(x, SOURCE[:3], TARGET, e)
    with pytest.raises(ValueError, match=r"shape \(6, 2\); expected \(7, 2\)"):
        layer()(x, SOURCE, TARGET, e[:6])
    with pytest.raises(ValueError, match=r"shape None; expected \(7, 2\)"):
        layer()(x, SOURCE, TARGET)
    with pytest.raises(ValueError, match=r"shape \(7, 2\); expected None"):
        layer(n_edge=0)(x, SOURCE, TARGET, e)


@pytest.mark.parametrize("sizes", [{"n_node": -1}, {"n_edge": -1}, {"width": True}])
def test_sizes_that_make_no_layer_are_refused(sizes: dict):
    with pytest.raises(ValueError, match=f"got {next(iter(sizes))} = "):
        MessagePassing(**{"n_node": 3} | sizes)
