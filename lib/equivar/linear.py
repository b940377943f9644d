r"""The equivariant linear map: it mixes copies of an irrep, and nothing else.

By Schur's lemma the only maps that commute with an irrep of O(3) are multiples of the identity, and
there is none between two different irreps. So a linear map from 8 vectors to 4 vectors has 8 * 4
weights, not 24 * 12, and one from vectors to scalars has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from equivar._shapes import Float
from equivar.features import check_features
from equivar.irreps import Irrep, Irreps

__all__ = ["IrrepLinear"]

CHUNK = 2**18
"""Numbers that are worked on at a time: a megabyte, which a cache holds."""


class _Side(NamedTuple):
    """Where each irrep's copies lie among the columns of the inputs, or of the outputs."""

    width: int
    columns: list[Tensor]  # for each irrep (components * copies,), components first
    starts: list[int | None]  # the first of those that are one block of scalars
    whole: bool  # whether they are all columns
    back: Tensor  # (width,): from those side by side, and a zero, to the columns

    def to(self, device: torch.device) -> _Side:
        columns = [c.to(device) for c in self.columns]
        return self._replace(columns=columns, back=self.back.to(device))


class _Layout(NamedTuple):
    dims: list[int]
    inputs: _Side
    outputs: _Side
    biased: Tensor  # the columns that a bias is added to


def _side(irreps: Irreps, names: list[Irrep]) -> _Side:
    columns = []
    for irrep in names:
        slices = zip(irreps, irreps.slices, strict=True)
        own = [
            torch.arange(where.start, where.stop) for (_, other), where in slices if other == irrep
        ]
        columns.append(torch.cat(own).view(-1, irrep.dim).T.flatten())
    order = torch.cat([torch.empty(0, dtype=torch.int64), *columns])
    back = torch.full((irreps.dim,), len(order))
    back[order] = torch.arange(len(order))
    starts = [
        int(c[0]) if irrep.dim == 1 and bool((c.diff() == 1).all()) else None
        for c, irrep in zip(columns, names, strict=True)
    ]
    return _Side(irreps.dim, columns, starts, len(order) == irreps.dim, back)


class IrrepLinear(nn.Module):
    r"""All linear maps between two layouts that commute with rotations and with inversion.

    $y_{w,i} = \frac{1}{\sqrt{n}} \sum_u x_{u,i} W_{u,w}$ for each irrep, where u runs over its n
    copies in the input, w over its copies in the output, and i over its components. All blocks of
    an irrep are connected, wherever they stand. `intertwiner_basis` finds the same number of
    parameters by brute force.

    Weights begin as independent normal numbers of variance 1, and the division by $\sqrt n$ is done
    in the forward pass, as e3nn does: so each weight is of order one whatever the width, and
    inputs of unit variance give outputs of unit variance.

    Args:
        irreps_in: the layout of the inputs.
        irreps_out: the layout of the outputs. An irrep that is not in the input comes out as zero,
            since no equivariant linear map makes it.
        bias: whether even scalars get a constant added. Other irreps cannot have one: a constant
            vector would point somewhere, and inversion turns a constant pseudoscalar around.

    Attributes:
        irreps_in: the layout of the inputs.
        irreps_out: the layout of the outputs.
        weights: for each irrep by name, a matrix (copies in, copies out).
        bias: one number for each even scalar of the output, zero at first; or None.

    A vector cannot become a scalar, so this layer has 2 * 1 + 1 * 2 weights:

    >>> layer = IrrepLinear("2x0e + 1o", "0e + 2x1o", bias=False)
    >>> {irrep: tuple(weight.shape) for irrep, weight in layer.weights.items()}
    {'0e': (2, 1), '1o': (1, 2)}
    >>> layer(torch.randn(10, 5)).shape
    torch.Size([10, 7])

    Source:
        Schur's lemma; Geiger and Smidt, e3nn: Euclidean Neural Networks, arXiv:2207.09453.
    """

    def __init__(
        self, irreps_in: Irreps | str, irreps_out: Irreps | str, bias: bool = True
    ) -> None:
        super().__init__()
        self.irreps_in, self.irreps_out = Irreps(irreps_in), Irreps(irreps_out)
        self.weights = nn.ParameterDict()
        for irrep in sorted({irrep for _, irrep in self.irreps_out}):
            n_in, n_out = self.irreps_in.count(irrep), self.irreps_out.count(irrep)
            if n_in and n_out:
                self.weights[str(irrep)] = nn.Parameter(torch.randn(n_in, n_out))
        n_bias = self.irreps_out.count("0e") if bias else 0
        self.bias = nn.Parameter(torch.zeros(n_bias)) if n_bias else None
        self._layouts = {torch.device("cpu"): _make_layout(self)}

    def extra_repr(self) -> str:
        """Both layouts, for print(model)."""
        return f"{self.irreps_in} -> {self.irreps_out}, bias={self.bias is not None}"

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Apply the map.

        Args:
            x: features (..., irreps_in.dim).

        Returns:
            Tensor (..., irreps_out.dim).

        Raises:
            ValueError: the features have another width.
        """
        check_features(x, self.irreps_in, "the inputs of a linear layer")
        rows = x.reshape(x.shape[:-1].numel(), x.shape[-1])
        weights = cast("tuple[Tensor, ...]", tuple(self.weights._parameters.values()))
        traced = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
        f = _mix if traced else _Linear.apply
        y = f(rows, self.bias, self._layout(x.device), *weights)
        return y.reshape(*x.shape[:-1], y.shape[-1])

    def _layout(self, device: torch.device) -> _Layout:
        if device not in self._layouts:
            dims, inputs, outputs, biased = self._layouts[torch.device("cpu")]
            moved = inputs.to(device), outputs.to(device), biased.to(device)
            self._layouts[device] = _Layout(dims, *moved)
        return self._layouts[device]


def _make_layout(layer: IrrepLinear) -> _Layout:
    names = [Irrep.parse(name) for name in layer.weights]
    inputs, outputs = _side(layer.irreps_in, names), _side(layer.irreps_out, names)
    scalars = [Irrep(0, 1)] if layer.bias is not None else []
    biased = torch.cat(
        [torch.empty(0, dtype=torch.int64), *_side(layer.irreps_out, scalars).columns]
    )
    return _Layout([irrep.dim for irrep in names], inputs, outputs, biased)


def _mix(x: Tensor, bias: Tensor | None, layout: _Layout, *weights: Tensor) -> Tensor:
    """The form to read."""
    y = x.new_zeros(len(x), layout.outputs.width)
    sides = zip(layout.dims, layout.inputs.columns, layout.outputs.columns, strict=True)
    for (dim, read, written), weight in zip(sides, weights, strict=True):
        copies = x[:, read].unflatten(1, (dim, -1))
        mixed = copies @ (weight / weight.shape[0] ** 0.5)
        y = y.index_copy(1, written, mixed.flatten(1))
    return y if bias is None else y.index_add(1, layout.biased, bias.expand(len(x), -1))


def _chunks(*sides: Tensor) -> Iterator[slice]:
    """Pieces of the rows. A GPU has no such cache: it takes all at once."""
    n = len(sides[0])
    size = n if sides[0].device.type != "cpu" else CHUNK // max(1, *(x.shape[1] for x in sides))
    return (slice(start, start + size) for start in range(0, n, max(size, 1)))


def _take(x: Tensor, side: _Side, dims: list[int]) -> list[Tensor]:
    """For each irrep all its copies: (rows * components, copies)."""
    taken = []
    for columns, start, dim in zip(side.columns, side.starts, dims, strict=True):
        n = columns.shape[0] // dim
        if start is not None:
            taken.append(x.narrow(1, start, n))
        else:
            taken.append(x.index_select(1, columns).view(-1, n))
    return taken


def _put(parts: list[Tensor], side: _Side, out: Tensor) -> None:
    """Undo `_take`, into rows of features; zeros in the columns of other irreps."""
    n, width = out.shape
    if not width:
        return
    parts = [part.view(n, -1) for part in parts]
    if not side.whole:
        parts.append(out.new_zeros(n, 1))
    together = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
    torch.index_select(together, 1, side.back, out=out)


class _Linear(torch.autograd.Function):
    """The fast form: columns in the order of (irrep, component, copy), then one product for each.

    Rows and components of an irrep are then the rows of one matrix. The gradient is the same map
    with inputs and outputs exchanged. The second derivative is that of the form to read.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, bias: Tensor | None, layout: _Layout, *weights: Tensor
    ) -> Tensor:
        ctx.save_for_backward(x, bias, *weights)
        ctx.layout = layout
        scaled = [weight * weight.shape[0] ** -0.5 for weight in weights]
        y = x.new_empty(x.shape[0], layout.outputs.width)
        for rows in _chunks(x, y):
            copies = _take(x[rows], layout.inputs, layout.dims)
            _put([c @ w for c, w in zip(copies, scaled, strict=True)], layout.outputs, y[rows])
        return y if bias is None else y.index_add_(1, layout.biased, bias.expand(len(x), -1))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, bias, *weights = ctx.saved_tensors
        layout: _Layout = ctx.layout
        need_x, need_bias, _, *need = ctx.needs_input_grad
        if torch.is_grad_enabled():  # someone will differentiate again
            y = _mix(x, bias, layout, *weights)
            places = [need_x, need_bias, *need]
            wanted = [t for t, n in zip((x, bias, *weights), places, strict=True) if n]
            found = iter(torch.autograd.grad(y, wanted, grad, create_graph=True))
            first, second, *rest = [next(found) if n else None for n in places]
            return first, second, None, *rest
        scaled = [weight.T * weight.shape[0] ** -0.5 for weight in weights]
        grad_x = x.new_empty(x.shape) if need_x else None
        grad_bias = grad.index_select(1, layout.biased).sum(dim=0) if need_bias else None
        grads = [torch.zeros_like(w) if n else None for w, n in zip(weights, need, strict=True)]
        for rows in _chunks(x, grad):
            gs = _take(grad[rows], layout.outputs, layout.dims)
            if grad_x is not None:
                parts = [g @ w for g, w in zip(gs, scaled, strict=True)]
                _put(parts, layout.inputs, grad_x[rows])
            if any(need):
                copies = _take(x[rows], layout.inputs, layout.dims)
                for c, g, grad_w in zip(copies, gs, grads, strict=True):
                    if grad_w is not None:
                        grad_w.addmm_(c.T, g, alpha=grad_w.shape[0] ** -0.5)
        return grad_x, grad_bias, None, *grads
