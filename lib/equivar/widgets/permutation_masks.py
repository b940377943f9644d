"""Renumber a graph: its table moves, the fifteen masks stay, and a dense layer falls apart."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from equivar._shapes import Float, Int
from equivar.groups import permutations
from equivar.measure import equivariance_error
from equivar.widgets.masks_svg import still_masks
from equivar.widgets.recorded import (
    Recorded,
    format_error,
    format_fixed,
    module,
    pack_signed_squares,
    stylesheet,
    unpack_signed_squares,
)

__all__ = ["PermutationMasks", "equality_patterns", "shown"]

MOST_NODES = 5


def equality_patterns(n: int, k: int = 4) -> Int[Tensor, "..."]:
    """Which pattern of equality each tuple of k indices has, when each runs over n nodes.

    A linear layer commutes with every renumbering just when its weights depend on the pattern
    alone, so the patterns are the masks of its free weights.

    Args:
        n: the number of nodes.
        k: how many indices; 4 for layers from tables to tables.

    Returns:
        (n, ..., n) int64 with k axes: the number of the pattern, in lexicographic order of the
        places where values occur first, so all indices equal is 0.

    Raises:
        ValueError: n or k is less than 1.

    Example:
        >>> equality_patterns(3, 2).tolist()
        [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
        >>> [int(equality_patterns(n).max()) + 1 for n in (1, 2, 3, 4, 5)]
        [1, 8, 14, 15, 15]

    Source:
        Maron, Ben-Hamu, Shamir and Lipman, Invariant and Equivariant Graph Networks, ICLR 2019,
        arXiv:1812.09902.
    """
    if n < 1 or k < 1:
        raise ValueError(f"got n = {n} nodes and k = {k} indices; expected at least 1 of each")
    first = [tuple(t.index(v) for v in t) for t in itertools.product(range(n), repeat=k)]
    number = {pattern: i for i, pattern in enumerate(sorted(set(first)))}
    return torch.tensor([number[pattern] for pattern in first]).reshape([n] * k)


def shown(state: dict[str, Any], at: int) -> dict[str, str]:
    """What the page must show for one order of the nodes, as text, from the state alone.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: the number of the order.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`).
    """
    order = state["orders"][at]
    texts = {"order": " ".join(state["names"][i] for i in order)}
    n = len(order)
    for m, layer in enumerate(state["layers"]):
        for (i, j), value in np.ndenumerate(_answers(state, m)[at]):
            texts[f"answer-{m}-{i}-{j}"] = format_fixed(float(value), 1)
        texts[f"error-{m}"] = format_error(layer["errors"][at])
        texts[f"worst-{m}"] = format_error(max(layer["errors"]))
        texts[f"moved-{m}"] = f"{layer['moved'][at]} of {n**4}"
    return texts


def _answers(state: dict[str, Any], m: int) -> Float[np.ndarray, "orders n n"]:
    layer, n = state["layers"][m], len(state["names"])
    return unpack_signed_squares(layer["answers"], layer["answer_step"]).reshape(-1, n, n)


class PermutationMasks(Recorded):
    r"""Change the order in which a graph's nodes are stored, and see what a layer makes of it.

    For each of the n! orders two layers answer to the renumbered table: one made of the fifteen
    equivariant maps, and a dense one. Each answer is read back in the first order, where it should
    not have changed. And for each layer it is counted how many of the entries of its own weight
    matrix change when rows and columns of it are renumbered: none, or nearly all. Make one with
    `record`.
    """

    _esm = module("permutation_masks")
    _css = stylesheet("permutation_masks")

    title = traitlets.Unicode().tag(sync=True)
    names: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Of the nodes."""
    table: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """(n, n), in the first order."""
    orders: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """All n! of them: place i of the file holds node orders[at][i]."""
    patterns: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """(n^4,), the mask that each weight belongs to: rows are written entries, columns read ones."""
    letters: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Of each mask: iikk means that i = j and k = l."""
    layers: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: name, number of weights, packed weights and answers, errors, entries moved."""
    at = traitlets.Int().tag(sync=True)
    """The number of the order in which the nodes are stored now."""

    @classmethod
    def record(
        cls,
        table: Float[Tensor, "n n"],
        *,
        names: str = "ABCDE",
        seed: int = 0,
        title: str = "One graph, stored in any order",
    ) -> PermutationMasks:
        """Ask a layer of the fifteen maps and a dense one about the graph in all its orders.

        Args:
            table: whole numbers from 0 to 9 for each ordered pair of 2 to 5 nodes, float32 or
                float64; the layers compute in its type. Fifteen masks need 4 nodes.
            names: a letter for each node; more than needed may be given.
            seed: of the random weights of both layers.
            title: one line above.

        Returns:
            The widget, at rest in the order given.

        Raises:
            ValueError: for a table that is not square, has another size, holds other numbers or
                only zeros, or for too few names.
        """
        _check(table, names)
        n = len(table)
        orders = permutations(n)
        patterns = equality_patterns(n).reshape(n * n, n * n)
        count = int(patterns.max()) + 1
        draw = torch.Generator().manual_seed(seed)
        tied = torch.randn(count, generator=draw, dtype=torch.float64)[patterns]
        free = torch.randn(n * n, n * n, generator=draw, dtype=torch.float64)
        recorded = []
        for name, weights, weight in (("dense", n**4, free), (f"{count} maps", count, tied)):
            weight = (weight / weight.norm(dim=1, keepdim=True).mean()).to(table.dtype)
            recorded.append({"name": name, "count": weights} | _ask(weight, table, orders))
        return cls(
            title=title,
            names=list(names[:n]),
            table=table.tolist(),
            orders=orders.tolist(),
            patterns=patterns.flatten().tolist(),
            letters=_letters(n),
            layers=recorded,
            at=0,
        )

    def shown(self, at: int) -> dict[str, str]:
        """What the page must show for one order of the nodes.

        Args:
            at: the number of the order.

        Returns:
            Text by place: `order`, `entry-0-0`, ..., and `error-0`, `worst-0`, `moved-0`, ...
        """
        return shown(self.static_state(), at)

    def answers(self, m: int) -> Float[np.ndarray, "orders n n"]:
        """What a layer answers to the table in each order, read back in the first order.

        Args:
            m: 0 for the dense layer, 1 for the equivariant one.

        Returns:
            (n!, n, n), as the page decodes it.
        """
        return _answers(self.static_state(), m)

    def alt(self) -> str:
        """What there is to see, with its numbers."""
        n, worst = len(self.names), [format_error(max(layer["errors"])) for layer in self.layers]
        dense, maps = self.layers
        return (
            f"A table over {n} nodes in all {len(self.orders)} orders of its rows and columns. "
            f"The layer of {maps['name']} has a relative error of at most {worst[1]}, and its "
            f"{len(self.letters)} masks look the same in each order. The {dense['name']} layer has "
            f"an error of up to {worst[0]}, and up to {max(dense['moved'])} of its {n**4} weights "
            "change."
        )

    def fallback(self) -> str:
        """Both weight matrices, in the first order and in the one that is worst for the dense."""
        errors = self.layers[0]["errors"]
        worst = errors.index(max(errors))
        rows = [(at, self.shown(at)) for at in (0, worst)]
        return still_masks(self.static_state(), rows, self.alt())


def _check(table: Tensor, names: str) -> None:
    n = len(table) if table.ndim else 0
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not 2 <= n <= MOST_NODES:
        raise ValueError(
            f"the table has shape {tuple(table.shape)}; expected (n, n) with n from 2 to "
            f"{MOST_NODES}: all n! orders are recorded"
        )
    digits = bool(((table >= 0) & (table <= 9) & (table == table.round())).all())
    if not digits or not bool(table.any()):
        raise ValueError(
            "the table must hold whole numbers from 0 to 9, which fit into its cells, and not "
            f"only zeros; got {table.tolist()}"
        )
    if len(set(names[:n])) < n:
        raise ValueError(f"names are {names!r}; expected {n} different letters, one for each node")


def _ask(
    weight: Float[Tensor, "nn nn"], table: Float[Tensor, "n n"], orders: Int[Tensor, "count n"]
) -> dict[str, Any]:
    """One layer's answers in all orders, its errors, and what becomes of its weights."""
    n = len(table)
    linear = nn.functional.linear

    def layer(x: Tensor) -> Tensor:
        return linear(x.flatten(), weight).reshape(n, n)

    def move(order: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda x: x[order][:, order]

    answers, errors, moved = [], [], []
    for order in orders:
        back = order.argsort()
        answers.append(layer(move(order)(table))[back][:, back])
        errors.append(float(equivariance_error(layer, table, move(order), move(order))))
        entry = (order[:, None] * n + order).flatten()  # where each entry of the table came from
        moved.append(int((weight[entry][:, entry] != weight).sum()))
    packed, step = pack_signed_squares(torch.stack(answers).numpy())
    weights, weight_step = pack_signed_squares(weight.numpy())
    return {
        "answers": packed,
        "answer_step": step,
        "weights": weights,
        "weight_step": weight_step,
        "errors": errors,
        "moved": moved,
    }


def _letters(n: int) -> list[str]:
    seen = {tuple(t.index(v) for v in t) for t in itertools.product(range(n), repeat=4)}
    return ["".join("ijkl"[k] for k in pattern) for pattern in sorted(seen)]
