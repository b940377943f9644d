"""Feeds malformed values to everything public in equivar: a script, for test_bad_input.py.

The valid calls come from the examples in the docstrings: each public function and each layer is
recorded while its doctests run. Then one argument at a time is replaced by something broken: nan
in a tensor, a column too few, an index out of range, a negative count, text that means nothing.
What may follow is a result, or a ValueError or TypeError with a sentence in it. An IndexError, or
an error from the depths of torch, is a fault: it says nothing about what the caller did.

It runs in a process of its own, without the shape checks of the test run, as users do.
"""

from __future__ import annotations

import contextlib
import copy
import doctest
import functools
import importlib
import inspect
import io
import json
import pkgutil
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

SECONDS = 10  # a call that takes longer hangs
SKIPPED = {"plots", "widgets", "data.make_molecules", "data.xtb", "data.dynamics"}
NO_EXAMPLE = {"check_features", "check_degree", "check_orthogonal"}
Call = tuple[str, Callable, tuple, dict]


def modules() -> Iterator[str]:
    """Names of all modules of the library, below equivar.

    In `kernels`, a name of two words is a part of an algorithm: `harmonics` checks what it is given
    before `harmonics_numba` sees it.
    """
    import equivar

    for info in pkgutil.walk_packages(equivar.__path__, "equivar."):
        short = info.name.removeprefix("equivar.")
        private = any(part.startswith("_") for part in short.split("."))
        private |= short.startswith("kernels.") and "_" in short
        if not private and not any(
            short == skip or short.startswith(skip + ".") for skip in SKIPPED
        ):
            yield info.name


def record_examples(name: str) -> tuple[list[Call], set[str]]:
    """The calls that a module's doctests make to its own public names, and those names."""
    module = importlib.import_module(name)
    calls: list[Call] = []
    package = sys.modules[name.rpartition(".")[0]]
    # In a folder, what is public is what the folder exports; kernels exports nothing on purpose.
    exported = getattr(package, "__all__", None) if package.__name__ != "equivar" else None
    public = {
        key: thing
        for key, thing in vars(module).items()
        if not key.startswith("_")
        and (exported is None or key in exported)
        and getattr(thing, "__module__", None) == name
        and (inspect.isfunction(thing) or inspect.isclass(thing))
    }
    undo: list[tuple[Any, str, Any]] = []

    def record(owner: Any, attribute: str, label: str, method: bool) -> None:
        original = getattr(owner, attribute)

        @functools.wraps(original)
        def recorder(*args: Any, **kwargs: Any) -> Any:
            with contextlib.suppress(Exception):
                # A constructor is called anew on the class; a method on a copy of its owner.
                kept = args[1:] if attribute == "__init__" else args
                what = owner if attribute == "__init__" else original
                calls.append((label, what, copy.deepcopy(kept), copy.deepcopy(kwargs)))
            return original(*args, **kwargs)

        undo.append((owner, attribute, original))
        setattr(owner, attribute, recorder)

    for key, thing in public.items():
        if inspect.isfunction(thing):
            record(module, key, key, method=False)
        elif "__init__" in vars(thing) and not issubclass(thing, Exception):
            record(thing, "__init__", key, method=True)
        if inspect.isclass(thing) and issubclass(thing, nn.Module) and "forward" in vars(thing):
            record(thing, "forward", f"{key}.forward", method=True)
    with contextlib.redirect_stdout(io.StringIO()):
        runner = doctest.DocTestRunner(verbose=False)
        for test in doctest.DocTestFinder().find(module, name):
            runner.run(test, clear_globs=False)  # lambdas of the examples are called again
    for owner, attribute, original in undo:
        setattr(owner, attribute, original)
    wanted = {
        key for key, thing in public.items() if inspect.isfunction(thing) and key not in NO_EXAMPLE
    }
    return calls, wanted


def broken(value: Any) -> Iterator[tuple[str, Any]]:
    """Malformed values of the same kind, each with a name."""
    if isinstance(value, Tensor):
        if value.is_floating_point() and value.numel():
            yield "nan", torch.full_like(value.detach(), torch.nan)
        elif value.dtype == torch.int64 and value.numel():
            yield "out of range", value + 10_000
            yield "negative", value - 10_000
        if value.ndim:
            yield "a column too few", value.detach()[..., :-1]
            yield "empty", value.detach()[:0]
        yield "one number", torch.ones((), dtype=value.dtype)
        yield "an axis too many", value.detach().unsqueeze(-1)
    elif isinstance(value, bool):
        return
    elif isinstance(value, int):
        yield from (("negative", -1), ("zero", 0), ("large", 99))
    elif isinstance(value, float):
        yield from (("nan", float("nan")), ("negative", -1.0), ("zero", 0.0))
    elif isinstance(value, str):
        yield from (("empty", ""), ("half a term", "2x"), ("nonsense", "3q + !"))
    elif type(value) in (list, tuple):  # not a named tuple, which cannot be empty
        yield "empty", type(value)()


def too_long(signum: int, frame: object) -> None:
    """Raise, as the alarm's handler."""
    raise TimeoutError(f"took longer than {SECONDS} s")


def faults_of(label: str, call: Callable, args: tuple, kwargs: dict) -> Iterator[str]:
    """What goes wrong when one argument is broken."""
    first = 1 if label.endswith(".forward") else 0
    slots: list[tuple[Any, Any]] = [(i, args[i]) for i in range(first, len(args))]
    slots += list(kwargs.items())
    for key, value in slots:
        for kind, bad in broken(value):
            try:
                new_args, new_kwargs = list(copy.deepcopy(args)), copy.deepcopy(kwargs)
            except Exception:
                return
            if isinstance(key, int):
                new_args[key] = bad
            else:
                new_kwargs[key] = bad
            try:
                signal.alarm(SECONDS)
                fault = _fault(call, new_args, new_kwargs)
                signal.alarm(0)
            except TimeoutError as error:
                fault = str(error)
            if fault:
                yield f"{label}({key}: {kind}): {fault}"


def _fault(call: Callable, args: list, kwargs: dict) -> str | None:
    try:
        call(*args, **kwargs)
    except TimeoutError:
        raise
    except (ValueError, TypeError) as error:
        return f"says only {error!r}" if len(str(error)) < 20 else None
    except FloatingPointError:
        return None  # training says so when the loss is no longer finite
    except Exception as error:
        if any("<doctest" in frame.filename for frame in traceback.extract_tb(error.__traceback__)):
            return None  # it comes from a function that the caller gave
        told = str(error).splitlines()[0][:90] if str(error) else ""
        return f"{type(error).__name__}: {told}"
    return None


def main(names: list[str]) -> None:
    """Print, as JSON, all faults and the public functions that no example calls."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, too_long)
    report: dict[str, list[str]] = {"faults": [], "silent": [], "called": []}
    for name in names or list(modules()):
        calls, wanted = record_examples(name)
        called = {label for label, *_ in calls}
        report["silent"] += sorted(f"{name}.{key}" for key in wanted - called)
        report["called"] += sorted(f"{name}.{key}" for key in called)
        seen: dict[str, int] = {}
        for label, call, args, kwargs in calls:
            seen[label] = seen.get(label, 0) + 1
            if seen[label] <= 2:  # two examples of each are enough
                found = faults_of(label, call, args, kwargs)
                report["faults"] += [f"{name}.{fault}" for fault in found]
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
