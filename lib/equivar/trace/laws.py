r"""How features move under a group element: laws, and the motions that they answer to.

A trace can only compare $f(g \cdot x)$ with $g \cdot f(x)$ where someone said what $g$ does to the
output. A law says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from equivar._checks import check_orthogonal
from equivar.features import transform
from equivar.irreps import Irreps
from equivar.rotations import random_rotations
from equivar.trace.containers import Path, tensors_in

__all__ = ["Law", "LawLike", "Motion", "default_motions", "describe", "move", "read_motions"]

WORDS = ("positions", "invariant", "labels", "indices")


@dataclass(frozen=True, eq=False)
class Motion:
    r"""One group element: an orthogonal matrix, a shift, and new orders of nodes and of edges.

    Attributes:
        rotation: (3, 3), orthogonal, either sign of the determinant; None leaves directions.
        translation: (3,), added to positions after the rotation; None leaves the origin.
        nodes: (n,), a permutation: entry i of the moved array was entry `nodes[i]`.
        edges: (n_edges,), the same for edges.
        name: for reports; by default made of what it does.

    Raises:
        ValueError: a matrix that is not orthogonal, or an order that is no permutation.

    >>> Motion(rotation=-torch.eye(3), nodes=torch.tensor([1, 0])).name
    'reflection + permutation'
    """

    rotation: Tensor | None = None
    translation: Tensor | None = None
    nodes: Tensor | None = None
    edges: Tensor | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.rotation is not None:
            check_orthogonal(self.rotation)
            if self.rotation.ndim != 2:
                raise ValueError(
                    f"rotation has shape {tuple(self.rotation.shape)}; expected (3, 3): a motion "
                    "is one element. Pass several motions as a list"
                )
        for kind in ("nodes", "edges"):
            order = getattr(self, kind)
            if order is not None and not torch.equal(
                order.sort().values, torch.arange(len(order), device=order.device)
            ):
                raise ValueError(f"{kind} = {order.tolist()} is not an order of 0 to n - 1")
        if not self.name:
            proper = self.rotation is None or bool(torch.linalg.det(self.rotation) > 0)
            parts = {
                "rotation" if proper else "reflection": self.rotation,
                "translation": self.translation,
                "permutation": self.nodes,
                "edge permutation": self.edges,
            }
            name = " + ".join(part for part, value in parts.items() if value is not None)
            object.__setattr__(self, "name", name or "identity")

    @property
    def permutes(self) -> bool:
        """Whether rows change places, so that random masks, drawn by place, do not move along."""
        return self.nodes is not None or self.edges is not None


@dataclass(frozen=True)
class Law:
    """How one feature array (..., rows, irreps.dim) moves.

    Attributes:
        irreps: the layout of the last axis.
        rows: what the axis before the last counts: "nodes", "edges" or None (neither, a batch).
            "auto" takes the one whose number fits, and refuses to guess where both do.
        translates: positions do, differences and features do not.

    Raises:
        ValueError: irreps that do not parse, rows of another name, a layout that cannot translate.

    >>> str(Law("8x0e + 2x1o", rows="nodes"))
    '8x0e + 2x1o (nodes)'
    """

    irreps: Irreps | str
    rows: str | None = None
    translates: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "irreps", Irreps(self.irreps))
        if self.rows not in (None, "nodes", "edges", "auto"):
            raise ValueError(
                f"rows = {self.rows!r}; expected 'nodes', 'edges', 'auto' or None, what the axis "
                "before the last counts"
            )
        if self.translates and Irreps(self.irreps) != Irreps("1o"):
            raise ValueError(f"only one vector, 1o, can translate as a position; got {self.irreps}")

    def __str__(self) -> str:
        if self.translates:
            return "positions"
        return f"{self.irreps}{f' ({self.rows})' if self.rows in ('nodes', 'edges') else ''}"


LawLike = Law | Irreps | str | Callable[[Any, Tensor], Tensor]
"""A law, irreps, one of `WORDS`, or a function `act(g, x)`."""


def read_law(law: Any) -> Any:
    """Words and irreps become `Law`s; "invariant", "labels", "indices" and functions stay."""
    if isinstance(law, Law) or callable(law):
        return law
    if isinstance(law, Irreps):
        return Law(law, rows="auto")
    if isinstance(law, str):
        if law == "positions":
            return Law("1o", rows="nodes", translates=True)
        if law in WORDS:
            return law
        try:
            return Law(law, rows="auto")
        except ValueError as error:
            raise ValueError(
                f"{law!r} is no law; expected irreps such as '8x0e + 2x1o', one of "
                f"{', '.join(WORDS)}, a Law, or a function act(g, x)"
            ) from error
    raise ValueError(f"{law!r} is no law; expected a string, Irreps, Law or a function act(g, x)")


def describe(law: Any) -> str:
    """The law in a word or two, for a table.

    >>> describe(read_law("4x0e")), describe(None), describe(lambda g, x: x)
    ('4x0e', 'not declared', 'function')
    """
    if law is None:
        return "not declared"
    if callable(law) and not isinstance(law, Law):
        name = getattr(law, "__name__", "function")
        return "function" if name == "<lambda>" else name
    return str(law)


def move(law: Any, motion: Any, x: Tensor) -> Tensor | None:
    """What the motion makes of x, or None where the law does not say.

    It does not say for "auto" rows whose number is neither that of nodes nor of edges: the rows may
    be edges of an order that the model chose itself.

    Raises:
        ValueError: the law does not fit the array or the motion.

    >>> quarter = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    >>> move(read_law("positions"), Motion(quarter), torch.tensor([[1.0, 0.0, 2.0]])).tolist()
    [[0.0, 1.0, 2.0]]
    """
    law = read_law(law)
    if law == "invariant":
        return x
    if callable(law) and not isinstance(law, Law):
        return law(motion, x)
    if not isinstance(motion, Motion):
        raise ValueError(
            f"the law {describe(law)!r} needs a Motion or a 3x3 matrix, and got an element of type "
            f"{type(motion).__name__}; give a function act(g, x) as the law instead"
        )
    if law == "labels":
        return x if motion.nodes is None else _reorder(x, motion.nodes, -1, "nodes")
    if law == "indices":
        if motion.nodes is not None:
            x = motion.nodes.to(x.device).argsort()[x]  # old node j now stands at this place
        return x if motion.edges is None else _reorder(x, motion.edges, -1, "edges")
    return _move_features(law, motion, x)


def _move_features(law: Law, motion: Motion, x: Tensor) -> Tensor | None:
    irreps = Irreps(law.irreps)
    if x.ndim == 0 or x.shape[-1] != irreps.dim:
        raise ValueError(
            f"an array of shape {tuple(x.shape)} was declared to be {irreps}, which has "
            f"{irreps.dim} components on the last axis"
        )
    rows = law.rows
    if rows == "auto":
        if not motion.permutes or x.ndim == 1:
            rows = None
        else:
            orders = {"nodes": motion.nodes, "edges": motion.edges}
            fits = [k for k, v in orders.items() if v is not None and len(v) == x.shape[-2]]
            if len(fits) == 2:
                raise ValueError(
                    f"{x.shape[-2]} rows may be the nodes or the edges, there are as many of "
                    f"both; declare Law({str(irreps)!r}, rows='nodes') or rows='edges'"
                )
            if not fits:
                return None
            rows = fits[0]
    if motion.rotation is not None:
        x = transform(irreps, motion.rotation.to(x), x)
    if law.translates and motion.translation is not None:
        x = x + motion.translation.to(x)
    if rows is not None and getattr(motion, rows) is not None:
        x = _reorder(x, getattr(motion, rows), -2, rows)
    return x


def _reorder(x: Tensor, order: Tensor, axis: int, rows: str) -> Tensor:
    if x.ndim < -axis or x.shape[axis] != len(order):
        raise ValueError(
            f"an array of shape {tuple(x.shape)} was declared to have a row for each of "
            f"{len(order)} {rows}, on axis {axis}"
        )
    return x.index_select(x.ndim + axis, order.to(x.device))


def read_motions(elements: Any) -> list[Any]:
    """Whatever names the group elements, as a list: matrices (3, 3) or (k, 3, 3), motions, others.

    Raises:
        ValueError: there is none.
    """
    if isinstance(elements, Tensor):
        elements = list(elements) if elements.ndim == 3 else [elements]
    elif isinstance(elements, Motion) or not isinstance(elements, Iterable):
        elements = [elements]
    motions = [Motion(rotation=g) if isinstance(g, Tensor) else g for g in elements]
    if not motions:
        raise ValueError("got no group elements; at least one is needed to see a symmetry break")
    counts: dict[str, int] = {}
    named = []
    for motion in motions:
        if isinstance(motion, Motion):
            counts[motion.name] = counts.get(motion.name, 0) + 1
            if counts[motion.name] > 1:
                name = f"{motion.name} {counts[motion.name]}"
                motion = Motion(
                    motion.rotation, motion.translation, motion.nodes, motion.edges, name
                )
        named.append(motion)
    return named


def default_motions(args: Any, laws: dict[Path, Any], seed: int = 0) -> list[Motion]:
    """A rotation, a reflection, a half turn; a shift and a permutation where there are positions.

    Raises:
        ValueError: a law is a function, so that only the caller knows its group.
    """
    if any(callable(law) and not isinstance(law, Law) for law in laws.values()):
        raise ValueError(
            "a law is a function, so its group is not known here; pass elements=[g, ...]"
        )
    generator = torch.Generator().manual_seed(seed)
    turns = random_rotations(2, generator=generator, dtype=torch.float64)
    half = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    motions = [Motion(turns[0]), Motion(-turns[1]), Motion(half, name="half turn")]
    for path, x in tensors_in(args):
        if isinstance(laws[path], Law) and laws[path].translates:
            motions.append(Motion(translation=torch.tensor([1.4, -1.0, 0.6], dtype=torch.float64)))
            motions.append(Motion(nodes=torch.randperm(x.shape[-2], generator=generator)))
            break
    return motions
