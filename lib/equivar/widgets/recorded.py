"""What every widget shares: an experiment that Python recorded, and two hosts that show it.

In JupyterLab a widget is an ordinary anywidget. In the built site there is no kernel, so the same
module, style and state also travel as one MIME bundle that a custom element on the page runs. Both
hosts see the same values, because arrays cross as base64 text in the state and as nothing else.
"""

from __future__ import annotations

import base64
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import anywidget
import numpy as np

from equivar.plots import PALETTE

__all__ = [
    "BUNDLE_MIME",
    "Recorded",
    "format_error",
    "format_fixed",
    "module",
    "pack_signed_squares",
    "palette_css",
    "stylesheet",
    "unpack_signed_squares",
]

BUNDLE_MIME = "application/vnd.equivar.widget+json"
"""MIME type of the bundle that the site turns into a custom element."""

_HERE = Path(__file__).parent
_LEVELS = 32767
_SMALLEST = 1e-8
_DARK = 'html[data-theme="dark"] {0}, body[data-jp-theme-light="false"] {0}'

# Elements keep the colors that chemists know; (on light paper, on dark paper).
_ATOMS = {
    "H": ("#e6ebf0", "#dfe6ec"),
    "C": ("#5d6772", "#8b949e"),
    "N": ("#2f6fd6", "#5a93f0"),
    "O": ("#cf2a34", "#e5534b"),
    "F": ("#2f8f5b", "#57ab7a"),
    "P": ("#c96a14", "#e08a3c"),
    "S": ("#b58900", "#d9b52b"),
    "Cl": ("#3a8f3a", "#6cbf5f"),
    "X": ("#8a5a9c", "#b58bc6"),
}


class Recorded(anywidget.AnyWidget):
    """A recorded experiment that a reader can turn, with a picture for where nothing runs.

    A subclass gives `_esm`, `_css`, its synchronized traits, and the two methods below that raise
    here. Everything that JavaScript shows must be in those traits.
    """

    def fallback(self) -> str:
        """The picture for a page without JavaScript: one `<svg>` element.

        Returns:
            SVG text that takes its colors from the variables of `palette_css`.
        """
        raise NotImplementedError(f"{type(self).__name__} draws no fallback picture yet")

    def alt(self) -> str:
        """What the picture says, for readers who do not see it, with its actual numbers.

        Returns:
            One to three sentences.
        """
        raise NotImplementedError(f"{type(self).__name__} has no alt text yet")

    def static_state(self) -> dict[str, Any]:
        """The traits that JavaScript reads: this widget's own, none of the host's.

        Returns:
            Trait name to JSON value.
        """
        own = set(self.traits(sync=True)) - set(anywidget.AnyWidget.class_trait_names())
        return dict(self.get_state(sorted(name for name in own if not name.startswith("_"))))

    def static_bundle(self) -> dict[str, Any]:
        """All that a page without a kernel needs to run this widget.

        Returns:
            `esm` and `css` as text, `state`, the `fallback` picture and its `alt` text.
        """
        return {
            "esm": str(self._esm),
            "css": str(self._css),
            "state": self.static_state(),
            "fallback": self.fallback(),
            "alt": self.alt(),
        }

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, "text/plain": self.alt(), BUNDLE_MIME: self.static_bundle()}, metadata


def module(*names: str) -> str:
    """A widget's JavaScript: the functions that all widgets share, then its own.

    Files joined, so that a page gets one module with no imports, and no bundler is needed.

    Args:
        names: stems of the widget's files, the one that exports last.

    Returns:
        Text of an ECMAScript module.
    """
    return "\n".join((_HERE / f"{name}.js").read_text("utf-8") for name in ("kit", *names))


def stylesheet(name: str) -> str:
    """A widget's CSS: the palette, what all widgets share, then its own.

    Args:
        name: stem of the widget's files.

    Returns:
        CSS text; every rule is confined to `.eq-widget`.
    """
    files = ((_HERE / file).read_text("utf-8") for file in ("kit.css", f"{name}.css"))
    return "\n".join([palette_css(".eq-widget"), *files])


def palette_css(root: str) -> str:
    """The course's colors as CSS variables on `root`, light, and dark where the host is dark.

    Args:
        root: a CSS selector, such as `.eq-orbit`.

    Returns:
        Rules that define `--eq-ink` and so on, and `--atom-O` and so on for the elements; an
        element without a color of its own is to use `--atom-X`.

    Example:
        >>> palette_css(".w").startswith(".w {--eq-paper: #fffffe;")
        True
    """
    names = {f"--eq-{k}": v for k, v in PALETTE.items()} | {
        f"--atom-{k}": v for k, v in _ATOMS.items()
    }
    light, dark = (" ".join(f"{k}: {v[i]};" for k, v in names.items()) for i in (0, 1))
    return f"{root} {{{light}}}\n{_DARK.format(root)} {{{dark}}}\n"


def pack_signed_squares(values: np.ndarray) -> tuple[str, float]:
    """Numbers of very different size in 16 bits each, for a page to decode in one line.

    An integer q stands for sign(q) q^2 step. Squares, because both ends matter here: beside the
    largest value m the spacing is 6.1e-5 m, and a value of 1e-6 m still has its first digit right
    (a linear scale would have rounded it to zero).

    Args:
        values: any shape, finite.

    Returns:
        The integers (int16, little-endian, C order) as base64 text, and `step`. All-zero values
        have step 0.

    Raises:
        ValueError: for values that are not finite.

    Example:
        >>> text, step = pack_signed_squares(np.array([-2.0, 0.0, 2e-6]))
        >>> [f"{v:.1g}" for v in unpack_signed_squares(text, step)]
        ['-2', '0', '2e-06']
    """
    values = np.asarray(values, dtype=np.float64)
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise ValueError(f"{bad} of {values.size} values are not finite; nan and inf have no place")
    step = float(np.abs(values).max(initial=0.0)) / _LEVELS**2
    roots = np.sqrt(np.abs(values) / step) if step else np.zeros_like(values)
    integers = (np.sign(values) * np.rint(roots)).astype("<i2")
    return base64.b64encode(integers.tobytes()).decode("ascii"), step


def unpack_signed_squares(text: str, step: float) -> np.ndarray:
    """Decode what `pack_signed_squares` packed, with the very operations that JavaScript uses.

    Args:
        text: base64 text of little-endian int16.
        step: as packed.

    Returns:
        Flat float64 array, equal to JavaScript's numbers to the last bit.

    Example:
        >>> unpack_signed_squares(*pack_signed_squares(np.zeros((2, 2)))).tolist()
        [0.0, 0.0, 0.0, 0.0]
    """
    q = np.frombuffer(base64.b64decode(text), dtype="<i2").astype(np.float64)
    return np.asarray(np.sign(q) * (q * q * step))


def format_fixed(value: float, decimals: int) -> str:
    """The number as the page writes it: JavaScript's `toFixed`, a real minus sign, no minus zero.

    Args:
        value: finite.
        decimals: digits after the point.

    Returns:
        The text.

    Example:
        >>> format_fixed(-0.125, 2), format_fixed(-0.001, 2)
        ('−0.13', '0.00')
    """
    # toFixed rounds the exact binary value, halves away from zero; Python's own format() does not.
    digits = str(abs(Decimal(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))
    return f"−{digits}" if value < 0 and digits.strip("0.") else digits


def format_error(value: float) -> str:
    """A relative error in the few digits that matter.

    Args:
        value: 0 or more.

    Returns:
        Two or three digits from 0.001 up, one digit and a power of ten below, `< 1e-8` below that,
        and `0` for exactly zero.

    Example:
        >>> [format_error(v) for v in (0.8349, 0.0123, 2.1e-7, 3e-12, 0.0)]
        ['0.83', '0.012', '2e-7', '< 1e-8', '0']
    """
    if value == 0:
        return "0"
    if value < _SMALLEST:
        return "< 1e-8"
    if value >= 1e-3:
        return format_fixed(value, 2 if value >= 0.1 else 3 if value >= 0.01 else 4)
    exact = Decimal(value)
    power = exact.adjusted()
    digit = int(exact.scaleb(-power).quantize(Decimal(1), ROUND_HALF_UP))
    return f"1e{power + 1}" if digit == 10 else f"{digit}e{power}"
