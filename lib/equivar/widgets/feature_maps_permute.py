"""Turn a digit: maps of a group convolution turn and change places, those of a plain one do not."""

from __future__ import annotations

import base64
import itertools
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import torch
import traitlets
from torch import Tensor

from equivar._checks import check_axes, check_finite
from equivar._shapes import Float, Int
from equivar.group_conv import turn_images
from equivar.widgets.molecule_svg import STILL, still_css
from equivar.widgets.recorded import Recorded, format_error, module, stylesheet

__all__ = ["FeatureMapsPermute", "best_order", "shown"]

MapsModel = Callable[[Tensor], Tensor]
"""Images (b, 1, n, n) to maps (b, k, n, n), not negative."""

_MOST_MAPS = 8
_SHADES = 6


def best_order(
    now: Float[Tensor, "k h w"], turned: Float[Tensor, "k h w"]
) -> tuple[Int[np.ndarray, " k"], float]:
    """Which order of some maps comes closest to other maps, and what is left.

    Every order is tried, so a layer that permutes its maps is found out whatever its permutation,
    and one that does not gets the benefit of the best.

    Args:
        now: maps of the turned image.
        turned: maps of the upright image, turned.

    Returns:
        The index in `turned` of the partner of each map, and the norm of the difference.

    >>> maps = torch.arange(3.0)[:, None, None]
    >>> order, left = best_order(maps[[2, 0, 1]], maps)
    >>> order.tolist(), left
    ([2, 0, 1], 0.0)
    """
    away = (now[:, None] - turned[None]).double().square().sum(dim=(-2, -1)).numpy()  # (k, k)
    orders = _orders(len(now))
    total = away[np.arange(len(now)), orders].sum(axis=1)
    first = int(total.argmin())
    return orders[first], float(np.sqrt(total[first]))


@cache
def _orders(k: int) -> np.ndarray:
    return np.array(list(itertools.permutations(range(k))), dtype=np.int64).reshape(-1, k)


def shown(state: dict[str, Any], frame: int) -> dict[str, str]:
    """What the page must show at one recorded angle, as text, from the state alone.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        frame: index of the angle.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`).
    """
    texts = {"angle": f"{frame * state['step_degrees']}°"}
    for m, model in enumerate(state["models"]):
        texts[f"error-{m}"] = format_error(model["errors"][frame])
        for i, j in enumerate(model["order"][frame]):
            texts[f"from-{m}-{i}"] = f"was {model['labels'][j]}"
    return texts


class FeatureMapsPermute(Recorded):
    r"""A digit to turn, and the feature maps that layers make of it.

    Recorded are, at every angle, the turned image $x_\theta$ and each layer's maps $L(x_\theta)$,
    and what is left of the law "turn the maps of the upright image, and reorder them":
    $\min_P \lVert L(x_\theta) - P\,\theta L(x) \rVert / \lVert L(x) \rVert$ over all orders P.
    At quarter turns a convolution over that group leaves rounding. In between pixels are blended,
    and what is left says so. Make one with `record`.
    """

    _esm = module("feature_maps_permute")
    _css = stylesheet("feature_maps_permute")

    title = traitlets.Unicode().tag(sync=True)
    step_degrees = traitlets.Int().tag(sync=True)
    pixels = traitlets.Int().tag(sync=True)
    image = traitlets.Unicode().tag(sync=True)
    """Gray values at each angle, packed in bytes."""
    models: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: name, labels of its maps, packed maps, errors, and the order that fits best."""
    at = traitlets.Int().tag(sync=True)
    """Index of the angle that is shown."""

    @classmethod
    def record(
        cls,
        image: Float[Tensor, "1 1 n n"],
        models: dict[str, MapsModel],
        *,
        labels: Sequence[str] = ("e", "r", "r²", "r³"),
        title: str = "Turn the digit",
        step_degrees: int = 15,
    ) -> FeatureMapsPermute:
        """Turn the image to each angle, and ask the layers.

        Args:
            image: one image with values from 0 to 1, with some room around what it shows.
            models: one or two by name, the unconstrained one first; each gives up to eight maps
                (1, k, n, n) that are not negative.
            labels: of the maps of the last model; those of another are numbered.
            title: one line above the image.
            step_degrees: spacing of the angles, a divisor of 90.

        Returns:
            The widget, at rest at the upright image.

        Raises:
            ValueError: an image or maps of another shape, values that are not finite or negative,
                another number of models, or a step that does not divide 90.
        """
        check_axes("image", image, 1, 1, "n", "n")
        check_finite("image", image)
        if image.shape[-1] != image.shape[-2] or not 1 <= len(models) <= 2:
            raise ValueError(
                f"got an image of {image.shape[-2]} x {image.shape[-1]} pixels and {len(models)} "
                "models; expected a square image, and one or two models by name"
            )
        if step_degrees < 1 or 90 % step_degrees:
            raise ValueError(
                f"step_degrees is {step_degrees}, expected a divisor of 90 such as 15: the angles "
                "must meet the quarter turns"
            )
        angles = [math.radians(a) for a in range(0, 360, step_degrees)]
        turned = torch.cat([_turn(image, a) for a in angles])
        found = []
        for i, (name, model) in enumerate(models.items()):
            last = i == len(models) - 1
            found.append(_record(name, model, turned, angles, labels if last else None))
        return cls(
            title=title,
            step_degrees=step_degrees,
            pixels=image.shape[-1],
            image=_pack(turned / max(float(turned.max()), 1e-9)),
            models=found,
            at=0,
        )

    def shown(self, frame: int) -> dict[str, str]:
        """What the page must show at one recorded angle.

        Args:
            frame: index of the angle.

        Returns:
            Text by place: `angle`, `error-0`, `from-0-0`, ...
        """
        return shown(self.static_state(), frame)

    def alt(self) -> str:
        """What there is to see, with its numbers: the error at quarter turns, and at worst."""
        quarter = 90 // self.step_degrees
        said = []
        for model in self.models:
            at_quarters = format_error(max(model["errors"][quarter::quarter]))
            worst = format_error(max(model["errors"]))
            said.append(f"{model['name']}: {at_quarters} at quarter turns, up to {worst} between")
        return (
            f"A digit turned in steps of {self.step_degrees} degrees, and feature maps of it. What "
            f"is left after the upright maps were turned and put in the best order, relative to "
            f"their size. {'; '.join(said)}."
        )

    def fallback(self) -> str:
        """The digit upright, turned by 45 and by 90 degrees, with all maps and their errors."""
        quarter, n = 90 // self.step_degrees, self.pixels
        parts, y = [], 8
        images = _unpack(self.image).reshape(-1, n, n)
        for frame in sorted({0, quarter // 2, quarter}):
            texts = self.shown(frame)
            parts.append(f'<text x="14" y="{y + 16}" class="muted">{texts["angle"]}</text>')
            parts.append(_still_map(images[frame], 14, y + 28, 56, ""))
            for m, model in enumerate(self.models):
                top = y + 92 * m
                maps = _unpack(model["maps"]).reshape(-1, len(model["labels"]), n, n)[frame]
                said = f"{model['name']}: error {texts[f'error-{m}']}"
                parts.append(f'<text x="92" y="{top + 16}" class="m{m}">{escape(said)}</text>')
                size = min(62, 282 // len(maps) - 8)
                for i, one in enumerate(maps):
                    parts.append(_still_map(one, 92 + (size + 8) * i, top + 24, size, f"m{m}"))
            y += 92 * len(self.models) + 14
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" viewBox="0 0 390 {y}" '
            f'width="390" height="{y}" role="img" aria-label={quoteattr(self.alt())}>'
            f"<style>{still_css()}</style>{''.join(parts)}</svg>"
        )


def _turn(images: Tensor, angle: float) -> Tensor:
    """By pixels where that is possible, so that the error there is the layer's own."""
    quarters = round(angle / (math.pi / 2))
    if math.isclose(angle, quarters * math.pi / 2, abs_tol=1e-9):
        return images.rot90(quarters, (-2, -1))
    return turn_images(images, angle)


def _record(
    name: str,
    model: MapsModel,
    turned: Tensor,
    angles: Sequence[float],
    labels: Sequence[str] | None,
) -> dict[str, Any]:
    """One model, at all angles."""
    with torch.no_grad():
        maps = torch.cat([model(one[None]) for one in turned]).cpu()  # (frames, k, n, n)
    shape, k = tuple(maps.shape), maps.shape[1] if maps.ndim > 1 else 0
    names = [str(i + 1) for i in range(k)] if labels is None else list(labels)
    wanted = (len(turned), k, *turned.shape[-2:])
    if shape != wanted or not 1 <= k <= _MOST_MAPS or len(names) != k:
        raise ValueError(
            f"model {name!r} gave maps of shape {shape} in all and has {len(names)} labels; "
            f"expected {wanted}: up to {_MOST_MAPS} maps of the image's size, each with a label"
        )
    if not bool(maps.isfinite().all()) or bool((maps < 0).any()) or not bool((maps > 0).any()):
        raise ValueError(
            f"model {name!r} gave values from {maps.min().item():.3g} to {maps.max().item():.3g}; "
            "expected finite ones, not negative and not all zero, as after a ReLU"
        )
    size = float(maps[0].double().norm())
    fits = [
        best_order(now, _turn(maps[0][None], a)[0]) for now, a in zip(maps, angles, strict=True)
    ]
    return {
        "name": name,
        "labels": names,
        "maps": _pack(maps / maps.max()),
        "errors": [left / size for _, left in fits],
        "order": [order.tolist() for order, _ in fits],
    }


def _pack(values: Tensor) -> str:
    """Gray values from 0 to 1 in a byte each."""
    levels = (255 * values.double().clamp(0, 1)).round().to(torch.uint8)
    return base64.b64encode(levels.numpy().tobytes()).decode("ascii")


def _unpack(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=np.uint8) / 255


def _still_map(values: np.ndarray, x: int, y: int, size: int, kind: str) -> str:
    """A frame, and pixels of equal shade as one path each."""
    n = len(values)
    shade = np.rint(_SHADES * values).astype(int)
    paths = []
    for level in range(1, _SHADES + 1):
        at = "".join(f"M{c} {r}h1v1h-1z" for r, c in np.argwhere(shade == level))
        if at:
            fill = f'class="{kind}"' if kind else 'style="fill: var(--eq-ink)"'
            paths.append(f'<path {fill} opacity="{level / _SHADES:.2f}" d="{at}"/>')
    frame = (
        f'<path d="M0 0h{n}v{n}h-{n}z" style="fill: none; stroke: var(--eq-muted)" '
        f'stroke-width="{n / size:.2f}"/>'
    )
    return (
        f'<g transform="translate({x:g} {y:g}) scale({size / n:.4f})">{"".join(paths)}{frame}</g>'
    )
