"""Turn a molecule and see what each model answers: one experiment over all of O(3), recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor

from equivar._shapes import Float, Int
from equivar.rotations import rotation_3d
from equivar.widgets.molecule_svg import element, still_rows
from equivar.widgets.recorded import (
    Recorded,
    format_error,
    format_fixed,
    module,
    pack_signed_squares,
    stylesheet,
    unpack_signed_squares,
)
from equivar.widgets.recording import (
    EnergyModel,
    ask,
    check_experiment,
    choose_mark,
    trace_axes,
)

__all__ = ["RotationOrbit", "grid_rotations", "shown"]


def grid_rotations(step_degrees: int = 15) -> Float[Tensor, "yaw tilt roll 3 3"]:
    r"""Rotations on a grid of three angles, which together cover SO(3).

    $R = R_z(\text{roll})\,R_x(\text{tilt})\,R_y(\text{yaw})$: the molecule is turned about its own
    vertical, tilted towards the reader, then turned in the plane of the page. A turntable has an
    index for each slider, which evenly spread rotations (`rotation_grid`) would not have.

    Args:
        step_degrees: spacing; a divisor of 90, so that the identity and all turns by 90 and 180
            degrees about the axes are on the grid.

    Returns:
        (360/step, 180/step + 1, 360/step, 3, 3) in float64: yaw and roll from 0, tilt from -90.

    Raises:
        ValueError: if the step does not divide 90.

    Example:
        >>> grid_rotations(90)[0, 1, 0].tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if step_degrees < 1 or 90 % step_degrees:
        raise ValueError(
            f"step_degrees is {step_degrees}, expected a divisor of 90 such as 15: the grid must "
            "meet the identity and the half turns"
        )
    full = torch.deg2rad(torch.arange(0, 360, step_degrees, dtype=torch.float64))
    half = torch.deg2rad(torch.arange(-90, 91, step_degrees, dtype=torch.float64))
    x, y, z = torch.eye(3, dtype=torch.float64)
    yaw, tilt, roll = rotation_3d(y, full), rotation_3d(x, half), rotation_3d(z, full)
    return torch.einsum("kab,jbc,icd->ijkad", roll, tilt, yaw)


def shown(state: dict[str, Any], at: Sequence[int]) -> dict[str, str]:
    """What the page must show at one recorded rotation, as text, from the state alone.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: indices of yaw, tilt and roll, and 1 for the mirrored molecule, else 0.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`).
    """
    i, j, k, mirror = at
    step = state["step_degrees"]
    angles = {"yaw": i * step, "tilt": j * step - 90, "roll": k * step}
    signed = {name: a - 360 if a > 180 else a for name, a in angles.items()}
    texts = {name: f"{format_fixed(float(a), 0)}°" for name, a in signed.items()}
    sign = -1.0 if mirror else 1.0
    rotation = grid_rotations(step)[i, j, k].numpy()
    mark = state["mark"][0]
    moved = sign * (rotation @ state["positions"][mark]) + state["center"]
    texts |= {name: format_fixed(c, 2) for name, c in zip("xyz", moved, strict=True)}
    for m, model in enumerate(state["models"]):
        off = _deviations(state, m)[mirror, i, j, k]
        texts[f"energy-{m}"] = format_fixed(model["identity"] + off, state["decimals"])
        texts[f"error-{m}"] = format_error(abs(off) / state["scale"])
    return texts


def _deviations(state: dict[str, Any], m: int) -> Float[np.ndarray, "2 yaw tilt roll"]:
    model, around = state["models"][m], 360 // state["step_degrees"]
    flat = unpack_signed_squares(model["readings"], model["step"])
    return flat.reshape(2, around, around // 2 + 1, around)


class RotationOrbit(Recorded):
    r"""A molecule to turn, and beside it what two models answer and by how much that is wrong.

    What is recorded for each model is its deviation $f(R\,x) - f(x)$ at every rotation of a grid,
    with and without inversion, so both the answer and its relative error
    $|f(R\,x) - f(x)| / \sigma$ follow from one number. Between recorded rotations, while a hand
    moves the molecule, the page blends; at rest it shows a recorded value. Make one with `record`.
    """

    _esm = module("rotation_orbit")
    _css = stylesheet("rotation_orbit")

    title = traitlets.Unicode().tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    reference = traitlets.Float().tag(sync=True)
    """The true energy, the same at each rotation."""
    reference_name = traitlets.Unicode().tag(sync=True)
    scale = traitlets.Float().tag(sync=True)
    """Spread of energies that errors are relative to."""
    decimals = traitlets.Int().tag(sync=True)
    step_degrees = traitlets.Int().tag(sync=True)
    models: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: name, answer at the identity, packed deviations and their step."""
    symbols: traitlets.List[Any] = traitlets.List().tag(sync=True)
    radii: traitlets.List[Any] = traitlets.List().tag(sync=True)
    positions: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """In angstrom, from the center."""
    center: traitlets.List[Any] = traitlets.List().tag(sync=True)
    bonds: traitlets.List[Any] = traitlets.List().tag(sync=True)
    mark: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Two atoms: one whose coordinates are shown, and another that it has a distance to."""
    distance = traitlets.Unicode().tag(sync=True)
    axes = traitlets.Dict().tag(sync=True)
    """Range and ticks of both traces, the same at each rotation, so that nothing jumps."""
    at = traitlets.List(traitlets.Int()).tag(sync=True)
    """Where the molecule rests: indices of yaw, tilt, roll, and 1 if mirrored."""

    @classmethod
    def record(
        cls,
        positions: Float[Tensor, "n 3"],
        numbers: Int[Tensor, " n"],
        bonds: Int[Tensor, "m 2"],
        models: dict[str, EnergyModel],
        *,
        reference: float | int,
        scale: float | int,
        unit: str = "eV",
        title: str = "The same molecule, turned",
        reference_name: str = "quantum chemistry",
        step_degrees: int = 15,
        decimals: int = 3,
    ) -> RotationOrbit:
        """Ask each model about the molecule at every rotation of the grid, and its inversions.

        The molecule is turned about its centroid, in float64, and then cast to the type of
        `positions`. A float32 model should predict energies relative to a mean: added to a total
        energy of some hundred eV, its rounding alone would look like a broken symmetry.

        Args:
            positions: (n, 3), in angstrom, in the type that the models expect.
            numbers: (n,), atomic numbers.
            bonds: (m, 2), pairs of atoms to draw a stick between; m may be 0.
            models: one or two of them by name, the unconstrained one first; each takes positions
                (b, n, 3) and returns energies (b,).
            reference: the true energy of the molecule, in `unit`.
            scale: what errors are relative to: the spread of true energies in the data, in `unit`.
            unit: of energies.
            title: one line above the molecule.
            reference_name: where the true energy comes from.
            step_degrees: spacing of the grid, a divisor of 90; 15 makes 14,976 elements.
            decimals: digits of a shown energy.

        Returns:
            The widget, at rest at the identity.

        Raises:
            ValueError: for shapes that do not fit together, an answer of another shape or that is
                not finite, a scale that is not positive, or another number of models.
        """
        check_experiment(positions, numbers, bonds, models, scale)
        center = positions.to(torch.float64).mean(dim=0)
        from_center = positions.to(torch.float64) - center
        grid = grid_rotations(step_degrees)
        turned = from_center @ torch.stack([grid, -grid]).reshape(-1, 3, 3).mT + center
        batch = turned.to(positions.dtype)
        packed, answers = [], {}
        for name, model in models.items():
            energies = ask(name, model, batch).reshape(2, *grid.shape[:3])
            identity = float(energies[0, 0, 90 // step_degrees, 0])
            readings, step = pack_signed_squares(energies - identity)
            packed.append({"name": name, "identity": identity, "step": step, "readings": readings})
            answers[name] = energies
        drawn = [element(int(z)) for z in numbers]
        mark = choose_mark(from_center, numbers, bonds)
        length = float((from_center[mark[0]] - from_center[mark[-1]]).norm())
        return cls(
            title=title,
            unit=unit,
            reference=float(reference),
            reference_name=reference_name,
            scale=float(scale),
            decimals=decimals,
            step_degrees=step_degrees,
            models=packed,
            symbols=[symbol for symbol, _ in drawn],
            radii=[radius for _, radius in drawn],
            positions=np.round(from_center.numpy(), 4).tolist(),
            center=np.round(center.numpy(), 4).tolist(),
            bonds=bonds.tolist(),
            mark=mark,
            distance=format_fixed(length, 2),
            axes=trace_axes(list(answers.values()), float(reference), float(scale)),
            at=[0, 90 // step_degrees, 0, 0],
        )

    def shown(self, at: Sequence[int]) -> dict[str, str]:
        """What the page must show at one recorded rotation.

        Args:
            at: indices of yaw, tilt and roll, and 1 for the mirrored molecule, else 0.

        Returns:
            Text by place: `energy-0`, `error-0`, ..., `yaw`, `tilt`, `roll`, `x`, `y`, `z`.
        """
        return shown(self.static_state(), at)

    def deviations(self, name: str) -> Float[np.ndarray, "2 yaw tilt roll"]:
        """A model's recorded deviation f(Rx) - f(x) at every rotation, as the page decodes it.

        Args:
            name: of the model.

        Returns:
            (2, yaw, tilt, roll) in `unit`; index 1 of the first axis is the mirrored molecule.
        """
        return _deviations(self.static_state(), [m["name"] for m in self.models].index(name))

    def alt(self) -> str:
        """What there is to see, with its numbers: from where to where each model's answers go."""
        atoms = len(self.symbols)
        count = self.deviations(self.models[0]["name"]).size
        said = [f"A molecule of {atoms} atoms at {count:,} rotations and inversions."]
        for model in self.models:
            off = self.deviations(model["name"])
            low, high = (
                format_fixed(model["identity"] + float(v), self.decimals)
                for v in (off.min(), off.max())
            )
            reach = f"always {low}" if low == high else f"from {low} to {high}"
            worst = format_error(float(np.abs(off).max()) / self.scale)
            said.append(
                f"Energy from {model['name']}: {reach} {self.unit}, relative error up to {worst}."
            )
        true = format_fixed(self.reference, self.decimals)
        return " ".join([*said, f"From {self.reference_name}: {true} {self.unit} at each of them."])

    def fallback(self) -> str:
        """The molecule as it was given, at its worst rotation, and at its worst inversion."""
        worst = np.abs(self.deviations(self.models[0]["name"]))
        poses = [(0, 0, 90 // self.step_degrees, 0)]
        poses += [(m, *np.unravel_index(worst[m].argmax(), worst[m].shape)) for m in (0, 1)]
        rows = []
        for name, (mirror, *at) in zip(
            ("as given", "turned", "turned and mirrored"), poses, strict=True
        ):
            index = [int(i) for i in (*at, mirror)]
            rotation = grid_rotations(self.step_degrees)[tuple(index[:3])].numpy()
            x = (-1 if mirror else 1) * np.asarray(self.positions) @ rotation.T
            texts = self.shown(index)
            said = [
                (model["name"], f"{texts[f'energy-{m}']} {self.unit}", texts[f"error-{m}"])
                for m, model in enumerate(self.models)
            ]
            rows.append((name, x, said))
        true = format_fixed(self.reference, self.decimals)
        footer = f"{self.reference_name}, at every rotation: {true} {self.unit}"
        return still_rows(rows, self.symbols, self.radii, self.bonds, footer, self.alt())
