"""Choose two elements of a group: their product, what it does to a picture, and the orbit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets
from torch import Tensor

from equivar._shapes import Float
from equivar.group_conv import polygon_matrices
from equivar.group_conv.actions import polygon
from equivar.groups import Group
from equivar.widgets.orbit_svg import orbit_rows
from equivar.widgets.recorded import Recorded, format_error, module, stylesheet

__all__ = ["CayleyTable", "shown"]

_SAME = 1e-6  # points nearer than this are one: the pictures are about 1 in size
_MOST = 16  # elements of a group: more make a table that a telephone cannot show


def shown(state: dict[str, Any], at: Sequence[int]) -> dict[str, str]:
    """What the page must show for two chosen elements, as text, from the state alone.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: indices of the group, the picture, the element that acts first, and the one after it.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`).
    """
    scene = state["scenes"][at[0]]
    picture, (h, g) = scene["pictures"][at[1]], at[2:]
    labels, order = scene["labels"], len(scene["labels"])
    gh, hg = scene["table"][g][h], scene["table"][h][g]
    size, fixing = len(set(picture["member"])), picture["stabilizer"]
    return {
        "first": labels[h],
        "then": labels[g],
        "product": labels[gh],
        "reverse": labels[hg],
        "orbit": str(size),
        "fixing": str(len(fixing)),
        "order": str(order),
        "stabilizer": " ".join(labels[k] for k in fixing),
        "coset": " ".join(
            labels[k] for k in range(order) if picture["member"][k] == picture["member"][gh]
        ),
        "error-0": picture["wrong"]["errors"][g][h],
        "error-1": picture["right"]["errors"][g][h],
    }


class CayleyTable(Recorded):
    r"""A multiplication table to step through, beside the picture that its elements move.

    For each group, each picture and each pair of elements it is recorded where two steps lead and
    where one step by the product leads, by the rule $(g \cdot f)(x) = f(g^{-1} x)$ and, as the
    control, by the rule that forgets the inverse. The page looks up; it multiplies nothing. Make
    one with `record`.
    """

    _esm = module("cayley_table")
    _css = stylesheet("cayley_table")

    title = traitlets.Unicode().tag(sync=True)
    scenes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each group: its name, labels and table, the mark that points are drawn with, and its
    pictures: the points' positions under each element, which different picture that is, the
    stabilizer, and for both rules where one and two steps lead."""
    at = traitlets.List(traitlets.Int()).tag(sync=True)
    """Indices of the group, the picture, the first element and the one after it."""

    @classmethod
    def record(
        cls,
        scenes: Mapping[str, tuple[Group, Mapping[str, Float[Tensor, "..."]]]],
        *,
        at: tuple[str, str, str, str] | None = None,
        title: str = "Two elements, their product, and an orbit",
    ) -> CayleyTable:
        """Act with every element on every picture, in two steps and in one, by both rules.

        Args:
            scenes: by the name to show, a group (`cyclic(n)` or `dihedral(n)`, at most 16 elements)
                and its pictures by name, each a set of points (n, 2) about the origin, n at least
                1. For squares they are the centers of unit squares, otherwise of discs.
            at: where to start: names of the group and the picture, labels of the first element and
                of the one after it. None starts with the first of each.
            title: one line above the picture.

        Returns:
            The widget.

        Raises:
            ValueError: there is nothing to show, a group of another kind or too large, a picture
                of another shape, or a start that is not among what is given.

        Example:
            >>> from equivar.data import tetromino
            >>> from equivar.groups import dihedral
            >>> pieces = {"T": tetromino("T")}
            >>> widget = CayleyTable.record({"D4": (dihedral(4), pieces)}, at=("D4", "T", "r", "s"))
            >>> widget.shown(widget.at)["product"], widget.shown(widget.at)["stabilizer"]
            ('r3s', 'e r2s')
        """
        recorded = []
        for name, (group, pictures) in scenes.items():
            if group.order > _MOST:
                raise ValueError(
                    f"{name!r} has {group.order} elements; expected at most {_MOST}, "
                    "since a larger table cannot be read"
                )
            matrices = polygon_matrices(group)
            square = polygon(group)[0] == 4
            recorded.append(
                {
                    "name": name,
                    "labels": list(group.labels),
                    "table": group.table.tolist(),
                    "mark": "square" if square else "disc",
                    "pictures": [
                        _record_picture(label, group, matrices, points)
                        for label, points in pictures.items()
                    ],
                }
            )
        if not recorded or not all(scene["pictures"] for scene in recorded):
            raise ValueError(
                f"got groups {list(scenes)}, expected at least one, with at least one picture each"
            )
        return cls(title=title, scenes=recorded, at=_find(recorded, at))

    def shown(self, at: Sequence[int]) -> dict[str, str]:
        """What the page must show for two chosen elements.

        Args:
            at: indices of the group, the picture, the first element and the one after it.

        Returns:
            Text by place: `product`, `orbit`, `stabilizer`, `error-0`, ...
        """
        return shown(self.static_state(), at)

    def alt(self) -> str:
        """What there is to see, with its numbers: the product and the orbit at the start."""
        scene, texts = self.scenes[self.at[0]], self.shown(self.at)
        name = scene["pictures"][self.at[1]]["name"]
        return (
            f"The group {scene['name']} with {texts['order']} elements acts on the picture {name}. "
            f"First {texts['first']}, then {texts['then']} is {texts['product']}; in the other "
            f"order it is {texts['reverse']}. The orbit has {texts['orbit']} pictures, the "
            f"stabilizer {texts['fixing']} elements ({texts['stabilizer']}): {texts['orbit']} "
            f"times {texts['fixing']} is {texts['order']}."
        )

    def fallback(self) -> str:
        """The orbits of all pictures of the first chosen group, and the elements that fix each."""
        return orbit_rows(self.scenes[self.at[0]], self.alt())


def _record_picture(
    name: str, group: Group, matrices: Tensor, points: Float[Tensor, "..."]
) -> dict[str, Any]:
    """One picture under every element, and where both rules lead in two steps and in one."""
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(
            f"picture {name!r} has shape {tuple(points.shape)}, expected (n, 2): a set of n points "
            "of the plane, at least one"
        )
    images = points.to(matrices) @ matrices.mT  # (order, n, 2)
    keys = [frozenset(_key(p) for p in image.tolist()) for image in images]
    different = list(dict.fromkeys(keys))
    member = [different.index(key) for key in keys]
    n, inverse = range(group.order), group.inverses.tolist()
    # Acting on where points are: g after h. This is f(g^-1 x) for the picture f.
    right_two = [[images[h] @ matrices[g].mT for h in n] for g in n]
    # f(g x) moves a picture by the inverse: two steps by h^-1, then g^-1; one by (gh)^-1.
    wrong_two = [[images[inverse[h]] @ matrices[g] for h in n] for g in n]
    one = [[group.multiply(g, h) for h in n] for g in n]

    def rule(two: list[list[Tensor]], single: list[list[int]]) -> dict[str, Any]:
        steps = [
            [different.index(frozenset(_key(p) for p in two[g][h].tolist())) for h in n] for g in n
        ]
        errors = [
            [format_error(_difference(different[steps[g][h]], keys[single[g][h]])) for h in n]
            for g in n
        ]
        return {
            "two": steps,
            "one": [[member[single[g][h]] for h in n] for g in n],
            "errors": errors,
        }

    return {
        "name": name,
        "positions": [[[round(x, 4) + 0.0 for x in p] for p in image] for image in images.tolist()],
        "member": member,
        "stabilizer": [g for g in n if keys[g] == keys[group.identity]],
        "right": rule(right_two, one),
        "wrong": rule(wrong_two, [[inverse[k] for k in row] for row in one]),
    }


def _key(point: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(x / _SAME) for x in point)


def _difference(a: frozenset[tuple[int, ...]], b: frozenset[tuple[int, ...]]) -> float:
    """Relative distance of two pictures, as functions that are 1 on their points, 0 elsewhere."""
    return (len(a ^ b) / len(b)) ** 0.5


def _find(scenes: list[dict[str, Any]], at: tuple[str, str, str, str] | None) -> list[int]:
    """Indices of a start that is given by names."""
    if at is None:
        return [0, 0, 0, 0]
    found: list[int] = []
    among = [scene["name"] for scene in scenes]
    for name in at:
        if name not in among:
            raise ValueError(f"cannot start at {at}: {name!r} is not among {', '.join(among)}")
        found.append(among.index(name))
        scene = scenes[found[0]]
        among = [p["name"] for p in scene["pictures"]] if len(found) == 1 else scene["labels"]
    return found
