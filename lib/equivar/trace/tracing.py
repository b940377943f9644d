"""Find the layer that breaks a symmetry."""

from __future__ import annotations

import difflib
import math
from typing import Any

import torch
from torch import Tensor, nn

from equivar.trace.compare import allowed, declared_inputs, distance, laws_of_outputs
from equivar.trace.containers import Path
from equivar.trace.experiment import Experiment, prepare
from equivar.trace.judge import Measurement, Watched, verdict
from equivar.trace.laws import default_motions, move, read_motions
from equivar.trace.record import Key, Recording, unchanged
from equivar.trace.report import Trace

__all__ = ["trace_equivariance"]

Exact = dict[tuple[Key, Path], Tensor]


def trace_equivariance(
    model: nn.Module,
    inputs: Any,
    law_in: Any,
    elements: Any = None,
    *,
    law_out: Any = None,
    laws: dict[str, Any] | None = None,
    laws_in: dict[str, Any] | None = None,
    tolerance: float | None = None,
    training: bool | None = None,
    seed: int = 0,
) -> Trace:
    r"""Run a model on x and on g x, and name the first module that breaks the symmetry.

    An equivariance test of a whole network says that something is wrong. This says where. Two
    errors are measured for each module. The *error* compares what it returns on $g \cdot x$ with
    $g$ acting on what it returned on $x$: an early fault makes all later ones large. For the *own
    error* the model runs on $g \cdot x$ once more, and each output is replaced by the exact
    $g \cdot f(x)$ once it has been compared. Each module then gets inputs without fault, so what
    is seen there is made there, or in the code between.

    Only arrays whose law is known are compared. A law is irreps ("8x0e + 2x1o"), a `Law`, a
    function `act(g, x)`, or one of "positions" (a row a node; they rotate, shift and permute),
    "labels" (one entry a node, no feature axis), "indices" (of nodes, one an edge) and
    "invariant". Modules with an attribute `irreps_out` declare themselves. Torch's activations,
    normalizations and dropouts return what they were given, so they keep its law. Everything else
    is listed as not declared, never guessed.

    Args:
        model: run in its own mode; weights, buffers, modes and random states are left as found.
        inputs: a tensor, a tuple of positional inputs, or a dict of inputs by name.
        law_in: their laws, in the same structure.
        elements: matrices (3, 3) or (k, 3, 3), a `Motion`, a list of them; with functions as laws
            anything that they take. None tries a rotation, a reflection and a half turn, and where
            there are positions a shift and a permutation of the nodes.
        law_out: the law of what the model returns: one law, or a tuple or dict as it is returned.
        laws: the same for modules by name, as in `model.named_modules()`.
        laws_in: what modules expect as positional inputs, by name. With it, or with `irreps_in`,
            a fault of a module is told from a fault of the code that feeds it.
        tolerance: the relative error that passes; None is 1e-10 in float64 and 1e-4 in float32, or
            a hundred times the rounding where the computation is badly conditioned.
        training: run in this mode, with dropout and batch statistics if True.
        seed: of every run, so that dropout draws the same masks. Masks do not move with the nodes,
            so what is random is not compared under permutations.

    Returns:
        A `Trace`: print it for a table, `plots.plot_trace` draws it, `.culprit` is the name.

    Raises:
        ValueError: the model fails, on x or only on g x (the message names the module); no law is
            known; a law does not fit its array; a name is not that of a module.

    A LayerNorm over the components of vectors is a common fault. Here it is the second module:

    >>> _ = torch.manual_seed(0)
    >>> class Mix(nn.Module):
    ...     irreps_out = "4x1o"
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.weight = nn.Parameter(torch.randn(4, 4, dtype=torch.float64))
    ...     def forward(self, x):
    ...         return (self.weight @ x.unflatten(-1, (4, 3))).flatten(-2)
    >>> model = nn.Sequential(Mix(), nn.LayerNorm(12, dtype=torch.float64), Mix())
    >>> x = torch.randn(5, 12, dtype=torch.float64)
    >>> trace = trace_equivariance(model, x, "4x1o")
    >>> trace.culprit, [row.status for row in trace.rows]
    ('1', ['ok', 'breaks it', 'inherits', 'inherits'])
    >>> trace_equivariance(nn.Sequential(Mix(), Mix()), x, "4x1o").ok
    True
    """
    if not isinstance(model, nn.Module):
        raise ValueError(
            f"expected an nn.Module, whose modules can be watched; got {type(model).__name__}"
        )
    args, named, laws_first = prepare(inputs, law_in)
    declared = _by_module(model, laws, "laws") | ({} if law_out is None else {"": law_out})
    expected = _by_module(model, laws_in, "laws_in")
    if elements is None:
        motions: list[Any] = default_motions(args, laws_first, seed)
    else:
        motions = read_motions(elements)
    with unchanged(model, training) as start:
        experiment = Experiment(model, args, named, laws_first, start)
        reference = experiment.run(seed)
        watched = _watch(experiment, reference, declared, tolerance, seed)
        random = _random(experiment, reference, motions, seed)
        for number, motion in enumerate(motions):
            frozen = random if getattr(motion, "permutes", False) else set()
            exact = _exact(watched, motion, frozen)
            plain = experiment.run(seed, motion)
            healed = experiment.run(seed, motion, _healer(exact))
            name = _element_name(motion, number)
            for w in watched:
                _measure(w, name, motion, exact, plain, healed, expected)
    names = [_element_name(motion, i) for i, motion in enumerate(motions)]
    called = {key[0] for key in reference.calls}
    uncalled = [name for name, _ in model.named_modules() if name not in called]
    return verdict(watched, names, uncalled)


def _by_module(model: nn.Module, laws: dict[str, Any] | None, what: str) -> dict[str, Any]:
    known = [name for name, _ in model.named_modules()]
    renamed = {("" if name == "(model)" else name): law for name, law in (laws or {}).items()}
    for name in renamed:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise ValueError(
                f"{what} names {name!r}, and the model has no module of that name; the closest is "
                f"{close[0] or '(model)'!r}. A shared module goes by its first name only"
            )
    return renamed


def _element_name(motion: Any, number: int) -> str:
    return getattr(motion, "name", "") or f"element {number}"


def _array(recording: Recording, key: Key, path: Path) -> Tensor | None:
    call = recording.calls.get(key)
    return None if call is None else dict(call.outputs).get(path)


def _watch(
    experiment: Experiment,
    reference: Recording,
    declared: dict[str, Any],
    tolerance: float | None,
    seed: int,
) -> list[Watched]:
    """Every returned array with its law, and how far rounding alone moves it."""
    found, notes = laws_of_outputs(reference, list(experiment.laws.values()), declared)
    if all(law is None for law in found.values()):
        raise ValueError(
            "no module's law is known, so there is nothing to compare; give law_out='...' for "
            "the model's output, laws={'name': '...'}, or modules an attribute irreps_out"
        )
    again, nudged = experiment.run(seed), experiment.nudged(seed)
    watched = []
    for (key, path), law in found.items():
        call = reference.calls[key]
        x = dict(call.outputs)[path]
        w = Watched(call, path, law, notes.get((key, path), ""), allowed(x, tolerance))
        if law is not None:
            other, near = _array(again, key, path), _array(nudged, key, path)
            w.repeat = math.inf if other is None else distance(law, x, other)
            w.rounding = 0.0 if near is None or near.shape != x.shape else distance(law, x, near)
        watched.append(w)
    return watched


def _random(
    experiment: Experiment, reference: Recording, motions: list[Any], seed: int
) -> set[tuple[Key, Path]]:
    """The arrays that change with the seed; only permutations need to know."""
    if not any(getattr(motion, "permutes", False) for motion in motions):
        return set()
    other = experiment.run(seed + 1)
    return {
        (key, path)
        for key, call in reference.calls.items()
        for path, x in call.outputs
        if (y := _array(other, key, path)) is None or not torch.equal(x, y)
    }


def _exact(watched: list[Watched], motion: Any, frozen: set[tuple[Key, Path]]) -> Exact:
    """What an equivariant model would return on g x: g f(x), where the law says what that is."""
    exact: Exact = {}
    for w in watched:
        if w.law is None or w.blurred:
            continue
        if (w.call.key, w.path) in frozen:
            w.unknown = "it is random, and masks do not move with the nodes"
            continue
        try:
            moved = move(w.law, motion, dict(w.call.outputs)[w.path])
        except ValueError as error:
            raise ValueError(f"module {w.call.key[0] or '(model)'!r}: {error}") from error
        if moved is None:
            w.unknown = "its rows are not the permuted nodes; declare Law(..., rows=...)"
        else:
            exact[w.call.key, w.path] = moved
    return exact


def _healer(exact: Exact) -> Any:
    def heal(key: Key, outputs: list[tuple[Path, Tensor]]) -> dict[Path, Tensor]:
        known = {path: exact[key, path] for path, _ in outputs if (key, path) in exact}
        return {p: y for p, y in known.items() if y.shape == dict(outputs)[p].shape}

    return heal


def _measure(
    w: Watched,
    element: str,
    motion: Any,
    exact: Exact,
    plain: Recording,
    healed: Recording,
    expected: dict[str, Any],
) -> None:
    target = exact.get((w.call.key, w.path))
    if target is None:
        return
    results = [_array(recording, w.call.key, w.path) for recording in (plain, healed)]
    if results[0] is None or results[1] is None:
        note = "it was called on x and not on g x"
        w.results.append(Measurement(element, math.inf, math.inf, note=note))
        return
    error, own = (distance(w.law, target, result) for result in results if result is not None)
    note = ""
    if math.isinf(own):
        shapes = tuple(results[1].shape), tuple(target.shape)
        note = f"it has shape {shapes[0]} on g x, expected {shapes[1]}"
        note = note if shapes[0] != shapes[1] else "it is zero on x and not on g x, or not finite"
    fed = None
    if own > w.bound:
        given = dict(healed.calls[w.call.key].inputs)
        for path, law in declared_inputs(w.call, expected).items():
            wanted = move(law, motion, dict(w.call.inputs)[path])
            if wanted is not None and path in given:
                fed = max(fed or 0.0, distance(law, wanted, given[path]))
    w.results.append(Measurement(element, error, own, fed, note))
