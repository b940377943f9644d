"""The library's floors, the size of its files, and what it needs in order to be imported."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "lib" / "equivar"

# A module may import from the floors below its own, and from its own folder. The README has the
# same table. A new module: choose the lowest floor that is above all it imports, and add it here.
FLOORS: list[set[str]] = [
    {"measure", "groups", "rotations", "intertwiners", "irreps", "data"},
    {"representations", "so3"},
    {"features", "points", "frames", "spectra", "stabilizer"},
    {"averaging", "kernels"},
    {"sets", "graphs", "group_conv", "linear", "tensor_product", "nonlinear", "normalization"},
    {"point_conv"},
    {"audit", "models", "trace"},
    {"train", "plots"},
    {"widgets"},
]
CELLAR = {"_shapes", "_axioms", "_checks", "_kept"}  # below all floors; nothing public
FLOOR = {name: n for n, floor in enumerate(FLOORS) for name in floor} | dict.fromkeys(CELLAR, -1)

NEED_MORE = {"plots", "widgets"}  # matplotlib and anywidget are what they are for


def sources(*folders: Path, suffixes: tuple[str, ...] = (".py",)) -> list[Path]:
    found = [p for folder in folders for p in folder.rglob("*") if p.suffix in suffixes]
    return sorted(p for p in found if "__pycache__" not in p.parts and ".egg-info" not in str(p))


def parts_of(path: Path) -> tuple[str, ...]:
    """lib/equivar/data/xtb.py is ("data", "xtb"); the __init__ of a folder is the folder."""
    parts = path.relative_to(LIBRARY).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported_modules(source: str, parts: tuple[str, ...], is_folder: bool) -> Iterator[str]:
    """The library's modules (top level) that a module imports, anywhere in it."""
    package = ("equivar", *parts) if is_folder else ("equivar", *parts[:-1])
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            targets = [[*base, alias.name] for alias in node.names]
        else:
            continue
        for target in targets:
            if target[0] == "equivar" and len(target) > 1 and not target[1].startswith("__"):
                yield target[1]
            elif target[0] == "coursetools":
                yield "coursetools"


def faults(source: str, parts: tuple[str, ...], is_folder: bool = False) -> list[str]:
    """What is wrong with a module's imports, in words."""
    if not parts:  # equivar/__init__.py stands above all floors
        return []
    own = parts[0]
    if own not in FLOOR:
        return [f"{own} has no floor: add it to FLOORS in tests/test_structure.py and the README"]
    wrong = []
    for other in imported_modules(source, parts, is_folder):
        if other == "coursetools":
            wrong.append(f"{own} imports coursetools: the library does not know of the course")
        elif other not in FLOOR:
            wrong.append(f"{own} imports {other}, which has no floor: add it to FLOORS")
        elif other != own and FLOOR[other] >= FLOOR[own] >= 0:
            wrong.append(f"{own} (floor {FLOOR[own]}) imports {other} (floor {FLOOR[other]})")
    return wrong


@pytest.mark.parametrize("path", sources(LIBRARY), ids=lambda p: str(p.relative_to(LIBRARY)))
def test_imports_only_go_down(path: Path):
    assert faults(path.read_text(), parts_of(path), path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("source", "parts", "fault"),
    [
        ("from equivar.models import EnergyNet", ("measure",), "measure (floor 0) imports models"),
        ("from equivar import train", ("models",), "models (floor 6) imports train (floor 7)"),
        ("import equivar.groups", ("rotations",), "rotations (floor 0) imports groups (floor 0)"),
        ("from . import plots", ("frames",), "frames (floor 2) imports plots"),
        ("from ..train import fit", ("data", "xtb"), "data (floor 0) imports train"),
        ("def f():\n    from .audit import g", ("points",), "points (floor 2) imports audit"),
        ("from coursetools.checks import show", ("models",), "models imports coursetools"),
        ("import equivar.nowhere", ("models",), "imports nowhere, which has no floor"),
        ("", ("nowhere",), "nowhere has no floor: add it to FLOORS in tests/test_structure.py"),
    ],
)
def test_the_reader_of_imports_finds_planted_faults(source: str, parts: tuple, fault: str):
    (found,) = faults(source, parts)
    assert fault in found


@pytest.mark.parametrize(
    ("source", "parts", "is_folder"),
    [
        ("from equivar.rotations import rotation_3d\nimport torch", ("frames",), False),
        ("from equivar._shapes import Float", ("measure",), False),
        ("from .xtb import run\nfrom equivar.data import molecules", ("data",), True),
        ("from . import xtb\nfrom ..data.molecules import load", ("data", "make"), False),
        ("from equivar import __version__", ("models",), False),
    ],
)
def test_the_reader_of_imports_accepts_what_goes_down(source: str, parts: tuple, is_folder: bool):
    assert faults(source, parts, is_folder) == []


@pytest.mark.parametrize("path", sources(LIBRARY), ids=lambda p: str(p.relative_to(LIBRARY)))
def test_what_is_public_says_what_it_is(path: Path):
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    public = [node for node in tree.body if isinstance(node, kinds) and node.name[0] != "_"]
    for owner in [node for node in public if isinstance(node, ast.ClassDef)]:
        public += [node for node in owner.body if isinstance(node, kinds) and node.name[0] != "_"]
    silent = [node.name for node in public if not ast.get_docstring(node)]
    assert silent == []
    assert ast.get_docstring(tree), "the module has no docstring"


def test_no_file_is_too_long_to_read():
    files = sources(ROOT / "lib", ROOT / "tests", suffixes=(".py", ".js", ".css"))
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in files}
    assert {name: n for name, n in lengths.items() if n > 300} == {}
    assert len(lengths) > 10


def loose_comparisons(source: str) -> list[int]:
    """Lines that call an allclose: alone it checks nothing, in an assert it says too little."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    names = [(getattr(c.func, "attr", getattr(c.func, "id", "")), c.lineno) for c in calls]
    return [line for name, line in names if name == "allclose"]


@pytest.mark.parametrize("path", sources(ROOT / "tests"), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_test_compares_loosely(path: Path):
    assert loose_comparisons(path.read_text()) == []


def test_loose_comparisons_are_found():
    planted = (
        "torch.allclose(a, b)\nassert a.allclose(b)\nassert allclose(a, b)\nassert_close(a, b)"
    )
    assert loose_comparisons(planted) == [1, 2, 3]


# What `pip install torch numpy` gives, and no more: a finder that hides all other packages.
BARE = """
import importlib.metadata as metadata, json, re, sys

def normal(name):
    return re.sub("[-_.]+", "-", name).lower()

needed, todo = set(), ["torch", "numpy"]
while todo:
    name = normal(todo.pop())
    if name not in needed:
        needed.add(name)
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another platform
            continue
        todo += [re.match("[A-Za-z0-9._-]+", r)[0] for r in requires if "extra ==" not in r]
owners = metadata.packages_distributions()
allowed = {top for top, names in owners.items() if needed & set(map(normal, names))}
allowed |= set(sys.stdlib_module_names) | {"equivar"}

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(f"hidden: {name}", name=name)

sys.meta_path.insert(0, Hide())
"""


def in_bare_python(code: str) -> str:
    """What code prints in a Python that has torch and numpy alone."""
    done = subprocess.run(
        [sys.executable, "-c", BARE + code], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_library_needs_torch_and_numpy_alone():
    """Imported and, on the ground floor, run: each doctest passes with no other package."""
    exist = {parts_of(p)[0] for p in sources(LIBRARY) if parts_of(p)} - NEED_MORE
    code = f"""
import doctest, importlib
import equivar
result = {{}}
for name in {sorted(exist)}:
    try:
        module = importlib.import_module("equivar." + name)
        result[name] = doctest.testmod(module).failed if name in {sorted(FLOORS[0])} else 0
    except ImportError as error:
        result[name] = str(error)
print(json.dumps(result))
"""
    result = json.loads(in_bare_python(code).splitlines()[-1])
    assert result == dict.fromkeys(exist, 0)
    assert len(exist) >= 6


def test_the_bare_python_hides_what_is_installed_here():
    code = """
hidden = []
for name in ("jaxtyping", "scipy", "matplotlib", "pytest", "torch", "numpy", "sympy"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        hidden.append(name)
print(*hidden)
"""
    assert in_bare_python(code).split() == ["jaxtyping", "scipy", "matplotlib", "pytest"]
