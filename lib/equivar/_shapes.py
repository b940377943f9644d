"""Shapes in annotations: `Float[Tensor, "n 3"]` is a float tensor of n rows of 3.

With jaxtyping installed these are jaxtyping's, and the test run checks every one of them. Without
it they stand for the tensor alone, so that `import equivar` needs torch and numpy and nothing else.

>>> from torch import Tensor
>>> annotation = Float[Tensor, "n 3"]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int, Shaped
else:
    try:
        from jaxtyping import Bool, Float, Int, Shaped
    except ModuleNotFoundError:

        class Shaped:
            """Stands in for jaxtyping: `Shaped[Tensor, "n 3"]` is `Tensor`."""

            def __class_getitem__(cls, item: tuple[type, str]) -> type:
                return item[0]

        Bool = Float = Int = Shaped

__all__ = ["Bool", "Float", "Int", "Shaped"]
