"""Which law each recorded array follows, and how far two arrays are from each other."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from equivar.features import split
from equivar.irreps import Irreps
from equivar.trace.containers import Path, law_at
from equivar.trace.laws import Law, read_law
from equivar.trace.record import Call, Key, Recording

__all__ = ["allowed", "declared_inputs", "distance", "laws_of_outputs"]

# These return what they were given, entry by entry: the law that went in should come out.
KEEPING = (
    nn.Identity,
    nn.LayerNorm,
    nn.RMSNorm,
    nn.GroupNorm,
    nn.Dropout,
    nn.AlphaDropout,
    nn.modules.batchnorm._BatchNorm,
    nn.ReLU,
    nn.LeakyReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Tanh,
    nn.Sigmoid,
    nn.Softplus,
    nn.Hardtanh,
)


def laws_of_outputs(
    recording: Recording, first: list[Any], laws: dict[str, Any]
) -> tuple[dict[tuple[Key, Path], Any], dict[tuple[Key, Path], str]]:
    """The law of each array that was returned, None where nobody says it, and notes.

    What the caller says comes first, then a module's `irreps_out`. A module that hands on an array
    hands on its law, and so do torch's normalizations, activations and dropouts.
    """
    known = dict(zip(recording.first_ids, first, strict=True))
    found, notes = {}, {}
    for key, call in recording.calls.items():
        for (path, x), identity in zip(call.outputs, call.output_ids, strict=True):
            if key[0] in laws:
                law, where = laws[key[0]], len(call.outputs)
                law = law_at(law, path) if _is_structure(law) else _alone(law, call, where)
            else:
                law, note = _own_law(call, x)
                if note:
                    notes[key, path] = note
                if law is None and not note:
                    law = known.get(identity) or _kept(call, x, known)
            law = None if law is None else read_law(law)
            found[key, path] = law
            if law is not None:
                known[identity] = law
    return found, notes


def _is_structure(law: Any) -> bool:
    return isinstance(law, tuple | list | dict)


def _alone(law: Any, call: Call, n: int) -> Any:
    if n != 1 and law is not None:
        raise ValueError(
            f"module {call.key[0] or '(model)'!r} returns {n} arrays and got one law; give a "
            "tuple or dict of laws in the form of its output, None for what is not declared"
        )
    return law


def _irreps(value: Any) -> Irreps | None:
    try:
        return None if value is None else Irreps(str(value))  # e3nn's are written the same way
    except ValueError:
        return None


def _own_law(call: Call, x: Tensor) -> tuple[Any, str]:
    irreps = _irreps(getattr(call.module, "irreps_out", None))
    if irreps is None:
        return None, ""
    if len(call.outputs) != 1:
        return None, f"it returns {len(call.outputs)} arrays; declare them in laws={{...}}"
    if x.ndim == 0 or x.shape[-1] != irreps.dim:
        width = tuple(x.shape)
        return None, f"irreps_out is {irreps}, {irreps.dim} components; it returned shape {width}"
    return irreps, ""


def _kept(call: Call, x: Tensor, known: dict) -> Any:
    if isinstance(call.module, KEEPING) and len(call.inputs) == 1:
        (_, given), (identity,) = call.inputs[0], call.input_ids
        if given.shape == x.shape:
            return known.get(identity)
    return None


def declared_inputs(call: Call, laws_in: dict[str, Any]) -> dict[Path, Any]:
    """The laws that a module expects of its inputs: said by the caller, or its `irreps_in`."""
    module = call.module
    if call.key[0] in laws_in:
        wanted = laws_in[call.key[0]]
        wanted = wanted if isinstance(wanted, tuple | list) else (wanted,)
        laws = {path: law_at(tuple(wanted), path) for path, _ in call.inputs}
        return {path: read_law(law) for path, law in laws.items() if law is not None}
    names = [("irreps_in1", "irreps_in2"), ("irreps_in", "irreps_filter"), ("irreps_in",)]
    for attributes in names:
        irreps = [_irreps(getattr(module, name, None)) for name in attributes]
        if None not in irreps:
            shapes = dict(call.inputs)
            return {
                (i,): Law(each, rows="auto")
                for i, each in enumerate(irreps)
                if each is not None
                and (i,) in shapes
                and shapes[i,].ndim
                and shapes[i,].shape[-1] == each.dim
            }
    return {}


def allowed(x: Tensor, tolerance: float | None) -> float:
    """The relative error that rounding may cause in a well-conditioned layer of this dtype."""
    if tolerance is not None:
        return tolerance
    if not (x.is_floating_point() or x.is_complex()):
        return 1e-10
    eps = torch.finfo(x.dtype).eps
    return 1e-10 if eps < 1e-12 else 1e-4 if eps < 1e-5 else 30 * eps


def distance(law: Any, expected: Tensor, got: Tensor) -> float:
    """Relative distance; the worst of the irreps, as a small one hides behind a large one.

    Each irrep is measured against its own size, or a hundredth of the whole where it is smaller
    than that: what vanishes by symmetry is rounding alone, and has no size.

    >>> distance(Law("0e + 1o"), torch.tensor([9.0, 1, 0, 0]), torch.tensor([9.0, 0, 1, 0]))
    1.4142135623730951
    """
    if expected.shape != got.shape:
        return math.inf
    wide = torch.complex128 if expected.is_complex() else torch.float64
    expected, got = expected.to(wide), got.to(wide)
    if not expected.numel():
        return 0.0
    whole = torch.linalg.vector_norm(expected).item()
    pairs = [(expected, got)]
    if isinstance(law, Law) and not expected.is_complex():
        irreps = Irreps(law.irreps)
        kinds = [irrep for _, irrep in irreps]
        blocks = list(zip(split(irreps, expected), split(irreps, got), strict=True))
        pairs = [
            (torch.cat([a for a, _ in some], dim=-2), torch.cat([b for _, b in some], dim=-2))
            for kind in dict.fromkeys(kinds)
            for some in [[ab for ab, k in zip(blocks, kinds, strict=True) if k == kind]]
        ]
    worst = 0.0
    for a, b in pairs:
        difference = torch.linalg.vector_norm(a - b).item()
        if math.isnan(difference):
            return math.inf
        size = max(torch.linalg.vector_norm(a).item(), 1e-2 * whole)
        worst = max(worst, difference / size if size else math.inf if difference else 0.0)
    return worst
