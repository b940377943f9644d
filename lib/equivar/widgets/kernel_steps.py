"""Play a kernel step by step: who reads and writes what, and how much memory that moves."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import traitlets

from equivar.widgets.molecule_svg import STILL, still_css
from equivar.widgets.recorded import Recorded, module, stylesheet

__all__ = ["SECTOR", "KernelSteps", "shown"]

SECTOR = 32
"""Bytes that come and go together: what NVIDIA's GPUs fetch at least."""

RECORDING = Path(__file__).with_suffix(".json")
KINDS = {"load": "loads", "store": "stores", "atomic": "adds to"}


def shown(state: dict[str, Any], at: Sequence[int]) -> dict[str, str]:
    """What the page must show at one step, as text, from the state alone.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: indices of the kernel, of the way to do it, and of the step.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`).
    """
    kernel, way, step = at
    ways = state["stories"][kernel]["ways"]
    this = ways[way]
    now = this["steps"][step]
    single = len(now["single"])
    texts = {
        "step": f"{step + 1} of {len(this['steps'])}",
        "does": f"Program {now['program']} {KINDS[now['kind']]} {_count(len(now['at']), 'number')} "
        f"of {now['array']}" + (f", after {_count(single, 'single load')}" if single else ""),
        "now": f"{_count(now['sectors'], 'sector')}, {now['fewest']} would do",
        "far": f"{_count(now['total'], 'sector')}, {now['moved']:,} bytes",
    }
    for place, one in (("way", this), ("other", ways[1 - way])):
        end = one["steps"][-1]
        texts[f"{place}-sectors"] = f"{end['total']:,}"
        texts[f"{place}-bytes"] = f"{end['moved']:,}"
        texts[f"{place}-asked"] = f"{end['asked']:,}"
        texts[f"{place}-least"] = f"{one['least']:,}"
        texts[f"{place}-shared"] = f"{one['shared']:,}"
    return texts


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + "s" * (number != 1)


class KernelSteps(Recorded):
    r"""Kernels that were recorded while Triton's interpreter ran them, to play and to step through.

    Memory is drawn as it lies: a square is a number, a row of squares is a sector of 32 bytes. Each
    step is a load, a store or an atomic addition of one program, with the line of the kernel that
    does it. Each kernel comes in two ways, and the numbers of both are always shown. Make one from
    the course's recording with `recorded`, or from one's own with `record`.
    """

    _esm = module("kernel_steps")
    _css = stylesheet("kernel_steps")

    title = traitlets.Unicode().tag(sync=True)
    stories: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each kernel its name and two ways: name, source, arrays in columns, steps, numbers."""
    at = traitlets.List(traitlets.Int()).tag(sync=True)
    """What is shown: kernel, way and step."""

    @classmethod
    def recorded(cls) -> KernelSteps:
        """The course's recording of the library's kernels; it needs no Triton.

        >>> [story["name"] for story in KernelSteps.recorded().stories]
        ['turn points', 'add up edges', 'multiply 1 × 1 → 1']
        """
        return cls.record(json.loads(RECORDING.read_text("utf-8")))

    @classmethod
    def record(
        cls, stories: Sequence[dict[str, Any]], title: str = "Who reads and writes what"
    ) -> KernelSteps:
        """Count sectors and bytes of recorded kernels.

        Args:
            stories: for each kernel `name` and two `ways`, each with `name`, `kernel`, `source`
                (its lines), `columns` of arrays (`name`, `size`, `item`: the bytes of a number),
                and `steps` (`program`, `line`, `kind`, `array`, `at`: the elements, and `single`:
                pairs of array and element that were read one by one before). Arrays begin at a
                sector.
            title: one line above the picture.

        Returns:
            The widget, at rest at the first step of the first kernel.

        Raises:
            ValueError: no kernels, or one without two ways, or without steps; a kind that is none
                of load, store and atomic; an array that is not among the columns, or an element
                that it does not have.
        """
        if not stories or any(len(story["ways"]) != 2 for story in stories):
            raise ValueError("expected at least one kernel, and two ways of each to compare")
        counted = [
            {"name": story["name"], "ways": [_count_way(way) for way in story["ways"]]}
            for story in stories
        ]
        return cls(title=title, stories=counted, at=[0, 0, 0])

    def shown(self, at: Sequence[int]) -> dict[str, str]:
        """What the page must show at one step.

        Args:
            at: indices of the kernel, of the way to do it, and of the step.

        Returns:
            Text by place: `step`, `does`, `now`, `far`, and for `way` and `other` their `-sectors`,
            `-bytes`, `-asked`, `-least` and `-shared`.
        """
        return shown(self.static_state(), at)

    def alt(self) -> str:
        """What there is to see, with its numbers: the sectors of both ways of each kernel."""
        said = []
        for story in self.stories:
            ways = [f"{way['name']} {way['steps'][-1]['total']:,}" for way in story["ways"]]
            said.append(f"{story['name']}: {', '.join(ways)}")
        return (
            f"{len(self.stories)} kernels step by step, each in two ways. Sectors of {SECTOR} "
            f"bytes that come and go: {'; '.join(said)}."
        )

    def fallback(self) -> str:
        """A table of the sectors of each way, and of the least, as a picture."""
        heads = ((230, "sectors"), (300, "least"), (370, "bytes"))
        parts = [
            f'<text x="{x}" y="20" text-anchor="end" class="muted">{text}</text>'
            for x, text in heads
        ]
        y = 46
        for story in self.stories:
            parts.append(f'<text x="8" y="{y}" class="strong">{escape(story["name"])}</text>')
            for way in story["ways"]:
                y += 22
                end = way["steps"][-1]
                numbers = (end["total"], way["least"], end["moved"])
                parts.append(f'<text x="8" y="{y}">{escape(way["name"])}</text>')
                parts += [
                    f'<text x="{x}" y="{y}" text-anchor="end">{number:,}</text>'
                    for (x, _), number in zip(heads, numbers, strict=True)
                ]
            y += 32
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" viewBox="0 0 390 {y - 12}" '
            f'width="390" height="{y - 12}" role="img" aria-label={quoteattr(self.alt())}>'
            f"<style>{still_css()}</style>{''.join(parts)}</svg>"
        )


def _count_way(way: dict[str, Any]) -> dict[str, Any]:
    """A way with its numbers, step by step and in the end."""
    arrays = {array["name"]: array for column in way["columns"] for array in column}
    if not way["steps"]:
        raise ValueError(f"{way['name']!r} has no steps; did its kernel run inside `record`?")
    total = asked = 0
    touched: dict[str, set[int]] = {name: set() for name in arrays}
    added: dict[tuple[str, int], set[int]] = {}
    steps = []
    for step in way["steps"]:
        if step["kind"] not in KINDS:
            raise ValueError(f"a step is a {step['kind']!r}; expected one of {list(KINDS)}")
        sectors = fewest = 0
        alone = [(name, [element], "load") for name, element in step["single"]]
        for name, elements, kind in [*alone, (step["array"], step["at"], step["kind"])]:
            array = _find(arrays, name, elements)
            each = SECTOR // array["item"]
            times = 2 if kind == "atomic" else 1  # it reads and writes
            sectors += times * len({element // each for element in elements})
            fewest += times * math.ceil(len(set(elements)) / each)
            asked += times * len(elements) * array["item"]
            touched[name] |= set(elements)
            if kind == "atomic":
                for element in elements:
                    added.setdefault((name, element), set()).add(step["program"])
        total += sectors
        numbers = {"sectors": sectors, "fewest": fewest, "total": total}
        steps.append({**step, **numbers, "moved": total * SECTOR, "asked": asked})
    least = sum(
        math.ceil(len(elements) * arrays[name]["item"] / SECTOR)
        for name, elements in touched.items()
    )
    shared = sum(len(programs) > 1 for programs in added.values())
    return {**way, "steps": steps, "least": least, "shared": shared}


def _find(arrays: dict[str, Any], name: str, elements: list[int]) -> dict[str, Any]:
    if name not in arrays:
        raise ValueError(f"a step touches {name!r}; expected one of {list(arrays)}")
    size = arrays[name]["size"]
    if not all(0 <= element < size for element in elements):
        raise ValueError(
            f"a step touches elements {min(elements)} to {max(elements)} of {name}; it has {size}"
        )
    array: dict[str, Any] = arrays[name]
    return array
