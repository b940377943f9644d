r"""Layers on sets: what they compute does not depend on the order of the elements.

A set of n elements with c features each is a tensor (n, c) whose rows are in an order that means
nothing. Sets of different size share one tensor by padding to the longest, with a mask that is True
where there is an element (`torch.nn.utils.rnn.pad_sequence` pads). What stands in the padding, nan
included, has no influence on anything.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equivar._checks import check_count
from equivar._shapes import Float, Int, Shaped

__all__ = ["SetAttention", "SetLinear", "SetPool"]


class SetLinear(nn.Module):
    r"""The equivariant linear map of sets: two numbers for each pair of channels.

    $$y_i = A x_i + B \frac{1}{n} \sum_j x_j + b$$

    No other linear map commutes with every permutation of the n elements: a matrix does just when
    its diagonal entries are all equal and its other entries are all equal. Dividing the sum by n
    keeps the same maps, and lets one layer serve sets of every size.

    Args:
        n_in: features of an element, before.
        n_out: features of an element, after.
        bias: whether to add a learned vector, the same to each element.

    Attributes:
        weight: (2, n_out, n_in), the matrices A and B; drawn so that outputs have the variance of
            the inputs if that of the mean is the same.
        bias: (n_out,), zero at first, or None.

    Raises:
        ValueError: inputs have another number of features, or the mask another shape.

    Example:
        >>> layer = SetLinear(3, 5)
        >>> x, order = torch.randn(4, 3), torch.tensor([2, 0, 3, 1])
        >>> torch.testing.assert_close(layer(x[order]), layer(x)[order])

    Source:
        Zaheer et al., Deep Sets, NeurIPS 2017, arXiv:1703.06114, Lemma 3.
    """

    def __init__(self, n_in: int, n_out: int, bias: bool = True) -> None:
        super().__init__()
        check_count("n_in", n_in)
        check_count("n_out", n_out)
        self.n_in, self.n_out = n_in, n_out
        self.weight = nn.Parameter(torch.randn(2, n_out, n_in) / max(2 * n_in, 1) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None

    def forward(
        self, x: Float[Tensor, "..."], mask: Shaped[Tensor, "..."] | None = None
    ) -> Float[Tensor, "..."]:
        """Apply the map.

        Args:
            x: (..., n, n_in); n may be 0.
            mask: (..., n), True where there is an element; None for everywhere.

        Returns:
            Tensor (..., n, n_out); zero where the mask is False.
        """
        x = _masked(x, mask, self.n_in, "SetLinear")
        own, shared = self.weight
        offset = _mean(x, mask) @ shared.mT
        if self.bias is not None:
            offset = offset + self.bias
        y = x @ own.mT + offset.unsqueeze(-2)
        return y if mask is None else torch.where(mask.unsqueeze(-1), y, 0.0)


class SetPool(nn.Module):
    """Forget the elements of a set and keep a summary, the same in whatever order they come.

    The sum knows how many elements there are, the mean does not, and the maximum does not even know
    how often each occurs. Summing floats in another order moves the last digit; the maximum is
    exact. Where elements tie for the maximum they share its gradient, so gradients are equivariant.

    Args:
        kind: "sum", "mean" or "max".

    Raises:
        ValueError: for another kind; for a mask of another shape; for a mask and a batch index at
            the same time.

    Example:
        >>> x = torch.tensor([[1.0, 5.0], [3.0, -1.0]])
        >>> [SetPool(kind)(x).tolist() for kind in ("sum", "mean", "max")]
        [[4.0, 4.0], [2.0, 2.0], [3.0, 5.0]]

    Sets of different size, one after the other, with the set of each element:

        >>> x, batch = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([0, 2, 2])
        >>> SetPool("sum")(x, batch=batch, size=3).tolist()
        [[1.0], [0.0], [6.0]]
    """

    def __init__(self, kind: str = "sum") -> None:
        super().__init__()
        if kind not in ("sum", "mean", "max"):
            raise ValueError(f'SetPool was given kind={kind!r}; expected "sum", "mean" or "max"')
        self.kind = kind

    def extra_repr(self) -> str:
        """Say the kind when printed."""
        return self.kind

    def forward(
        self,
        x: Float[Tensor, "..."],
        mask: Shaped[Tensor, "..."] | None = None,
        batch: Int[Tensor, "..."] | None = None,
        size: int | None = None,
    ) -> Float[Tensor, "..."]:
        """Summarize each set.

        Args:
            x: (..., n, c), or (n, c) with a batch index.
            mask: (..., n), True where there is an element; None for everywhere.
            batch: (n,) int64, the number of the set that each row belongs to, in any order.
            size: the number of sets, for the batch index; by default the largest index plus one.

        Returns:
            Tensor (..., c), or (size, c) with a batch index. An empty set gives 0, whatever the
            kind.
        """
        if batch is not None:
            if mask is not None:
                raise ValueError("SetPool was given a mask and a batch index; expected one of them")
            return _pool_indexed(x, batch, size, self.kind)
        x = _masked(x, mask, None, "SetPool")
        if self.kind == "sum":
            return x.sum(dim=-2)
        if self.kind == "mean":
            return _mean(x, mask)
        if x.shape[-2] == 0:
            return x.sum(dim=-2)
        if mask is None:
            return x.amax(dim=-2)
        largest = torch.where(mask.unsqueeze(-1), x, -torch.inf).amax(dim=-2)
        return torch.where(mask.any(dim=-1, keepdim=True), largest, 0.0)


class SetAttention(nn.Module):
    r"""Each element looks at all others and takes from those that match: self-attention.

    $$y_i = O \sum_j \operatorname{softmax}_j\!\big(q_i \cdot k_j / \sqrt d\big)\, v_j$$

    in each of several heads, with queries, keys and values linear in the elements. Nothing says
    where an element stands, so it is permutation equivariant. A transformer that reads text adds a
    code of the position to each element first, and is equivariant no more.

    Args:
        width: features of an element, before and after.
        n_heads: how many heads share the width.

    Raises:
        ValueError: the heads do not divide the width, inputs have another width, or the mask
            another shape.

    Example:
        >>> layer = SetAttention(8, n_heads=2)
        >>> x, order = torch.randn(4, 8), torch.tensor([2, 0, 3, 1])
        >>> torch.testing.assert_close(layer(x[order]), layer(x)[order])

    Source:
        Vaswani et al., NeurIPS 2017, arXiv:1706.03762; Lee et al., Set Transformer, ICML 2019,
        arXiv:1810.00825, Property 1.
    """

    def __init__(self, width: int, n_heads: int = 4) -> None:
        super().__init__()
        if n_heads < 1 or width % n_heads:
            raise ValueError(
                f"SetAttention was given width={width} and n_heads={n_heads}; the heads share the "
                "width in equal parts, so their number must divide it"
            )
        self.width, self.n_heads = width, n_heads
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "..."], mask: Shaped[Tensor, "..."] | None = None
    ) -> Float[Tensor, "..."]:
        """Let the elements of each set look at each other.

        Args:
            x: (..., n, width); n may be 0. Memory grows as n squared.
            mask: (..., n), True where there is an element; None for everywhere.

        Returns:
            Tensor (..., n, width); zero where the mask is False. No residual is added.
        """
        x = _masked(x, mask, self.width, "SetAttention")
        heads = self.project(x).unflatten(-1, (3, self.n_heads, -1)).movedim(-2, -4)
        query, key, value = heads.unbind(dim=-2)
        scores = query @ key.mT / (self.width // self.n_heads) ** 0.5
        if mask is not None:
            # The lowest finite number: in a set that is all padding, -inf would make nan.
            lowest = torch.finfo(scores.dtype).min
            scores = torch.where(mask[..., None, None, :], scores, lowest)
        y = scores.softmax(dim=-1) @ value
        y = self.out(y.movedim(-3, -2).flatten(start_dim=-2))
        return y if mask is None else torch.where(mask.unsqueeze(-1), y, 0.0)


def _masked(x: Tensor, mask: Tensor | None, width: int | None, who: str) -> Tensor:
    """The elements, with zeros in the padding, after a look at shapes."""
    if x.ndim < 2 or (width is not None and x.shape[-1] != width):
        expected = "(..., elements, features)" if width is None else f"(..., elements, {width})"
        raise ValueError(f"{who} was given a tensor of shape {tuple(x.shape)}; expected {expected}")
    if mask is None:
        return x
    if mask.dtype != torch.bool or mask.shape != x.shape[:-1]:
        raise ValueError(
            f"{who} was given a mask of {mask.dtype} and shape {tuple(mask.shape)}; expected "
            f"torch.bool and {tuple(x.shape[:-1])}, one entry for each element, True where there "
            "is one"
        )
    return torch.where(mask.unsqueeze(-1), x, 0.0)


def _mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """Over elements; 0 for an empty set."""
    if mask is None:
        return x.sum(dim=-2) / max(x.shape[-2], 1)
    return x.sum(dim=-2) / mask.sum(dim=-1, keepdim=True).clamp(min=1)


def _pool_indexed(x: Tensor, batch: Tensor, size: int | None, kind: str) -> Tensor:
    if x.ndim != 2 or batch.shape != x.shape[:1]:
        raise ValueError(
            f"SetPool was given elements of shape {tuple(x.shape)} and a batch index of shape "
            f"{tuple(batch.shape)}; expected (n, features) and (n,)"
        )
    if size is None:
        size = int(batch.max()) + 1 if len(batch) else 0
    # A compiler cannot look at values; it has the kernel's own check.
    compiling = torch.compiler.is_compiling()
    if not compiling and len(batch) and not bool(((batch >= 0) & (batch < size)).all()):
        raise ValueError(
            f"SetPool was given batch indices from {int(batch.min())} to {int(batch.max())}; "
            f"expected 0 to {size - 1}, as there are {size} sets"
        )
    zeros = x.new_zeros(size, x.shape[-1])
    if kind == "max":
        index = batch.unsqueeze(-1).expand_as(x)
        return zeros.scatter_reduce(0, index, x, "amax", include_self=False)
    total = zeros.index_add(0, batch, x)
    if kind == "sum":
        return total
    count = torch.bincount(batch, minlength=size).clamp(min=1)
    return total / count.unsqueeze(-1)
