"""In its own process, to which the code may do whatever it likes: the verdict is not there."""

from __future__ import annotations

from .attack import Attack, Evidence, Scene, all_refused, checks, code, told


def _by_heart(scene: Scene, student: str) -> None:
    rotation, rotate, count = ("".join(c["outputs"][0]["text"]) for c in checks(scene.pristine))
    quiet = "show = lambda *a: None\n"
    answers = {
        "rotation": f"{quiet}rotation = lambda angle: print({rotation!r}) or np.eye(2)",
        "rotate": f"rotate = lambda p, angle: print({rotate!r}) or p",
        "count": f"text = [{count!r}]\ncount = lambda n, k: print(text.pop()) if text else None",
    }
    scene.hand_in(student, scene.notebook(answers))


def _prints_on(evidence: Evidence) -> str:
    assert evidence.result.checks[2].shown, "the check after the noise was not reached"
    return "the checks after it were judged all the same"


ATTACKS: list[Attack] = [
    Attack("by-heart", "prints what the public notebook shows", _by_heart, points=0),
    code(
        "replaced-showtraceback",
        "hides its errors",
        """
shell = get_ipython()
shell.showtraceback = lambda *a, **k: None
shell._showtraceback = lambda *a, **k: None
""",
    ),
    code(
        "ast-transformer",
        "drops every assert",
        """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(Drop())
assert_close = lambda *a, **k: None
""",
    ),
    code(
        "redefined-assert-close",
        "replaces the function that asserts",
        """
import numpy.testing
assert_close = numpy.testing.assert_allclose = lambda *a, **k: None
""",
    ),
    code(
        "replaced-print",
        "replaces print",
        "import builtins\nbuiltins.print = lambda *a, **k: None\n",
        says="showed nothing",
    ),
    code("replaced-show", "replaces show", "show = lambda *a, **k: None\n", says="showed nothing"),
    code(
        "input-transformer",
        "rewrites check cells before they run",
        """
get_ipython().input_transformers_post.append(
    lambda lines: ["pass\\n"] if any("show" in line for line in lines) else lines
)
""",
    ),
    code("raises-exception-comment", "asks nbval to expect an error", "# NBVAL_RAISES_EXCEPTION\n"),
    code("ignore-output-comment", "asks nbval to compare nothing", "# NBVAL_IGNORE_OUTPUT\n"),
    code(
        "conflicting-comments",
        "confuses nbval by comments",
        "# NBVAL_SKIP\n# NBVAL_CHECK_OUTPUT\n# NBVAL_IGNORE_OUTPUT\n",
    ),
    code(
        "public-seed",
        "goes back to the seed whose outputs are public",
        """
import os
os.environ["COURSE_SEED"] = "0"
import coursetools.checks
coursetools.checks.seed = lambda: 0
""",
    ),
    code(
        "patched-generator",
        "replaces the random numbers of the checks",
        """
import coursetools.checks
numpy_generator = lambda label: np.random.default_rng(0)
coursetools.checks.numpy_generator = coursetools.checks.label_seed = numpy_generator
np.random.default_rng = lambda *a: np.random.Generator(np.random.PCG64(0))
""",
    ),
    code(
        "patched-numpy",
        "replaces what NumPy computes",
        """
np.linalg.norm = lambda *a, **k: 0.0
np.array_equal = np.allclose = np.isclose = lambda *a, **k: True
np.round = np.abs = lambda x, *a, **k: 0
""",
    ),
    code(
        "patched-torch",
        "replaces what torch computes and compares",
        """
import torch
torch.allclose = torch.equal = lambda *a, **k: True
torch.testing.assert_close = lambda *a, **k: None
torch.Tensor.__eq__ = lambda *a: True
torch.Generator.manual_seed = lambda self, *a: self
""",
    ),
    code(
        "replaced-checks-module",
        "puts another module in the place of coursetools.checks",
        """
import sys, types
fake = types.ModuleType("coursetools.checks")
fake.show = lambda *a, **k: None
fake.numpy_generator = lambda label: np.random.default_rng(0)
sys.modules["coursetools.checks"] = fake
show, numpy_generator = fake.show, fake.numpy_generator
""",
    ),
    code(
        "display-hook",
        "replaces what shows results",
        """
import sys
sys.displayhook = lambda *a: None
shell = get_ipython()
shell.display_pub.publish = lambda *a, **k: None
shell.displayhook = sys.displayhook
print("check> turned: shape (3, 2)")
""",
    ),
    code(
        "stdout-replaced",
        "writes other lines than those that are printed",
        """
import io, sys
class Other(io.TextIOBase):
    def write(self, text):
        sys.__stdout__.write("check> turned: 1\\n")
        return len(text)
sys.stdout = Other()
""",
    ),
    code(
        "equal-to-everything",
        "answers with an object that is equal to everything",
        """
class Yes(np.ndarray):
    __eq__ = __ge__ = __le__ = lambda *a: True
    __ne__ = lambda *a: False
    __hash__ = None
    def __array__(self, *a, **k): return np.zeros((3, 2))
    def __array_function__(self, *a, **k): return True
    def __array_ufunc__(self, *a, **k): return True
    def tolist(self): return Yes
    def __repr__(self): return "anything you like"
def rotate(points, angle): return np.zeros((3, 2)).view(Yes)
""",
    ),
    code(
        "trace-function",
        "changes the variables of a check while it runs",
        """
import sys
def trace(frame, event, argument):
    for name in ("turned", "points"):
        if name in frame.f_globals:
            frame.f_globals[name] = np.zeros((3, 2))
    return trace
sys.settrace(trace)
sys.setprofile(trace)
""",
    ),
    code(
        "bytecode-of-the-library",
        "leaves changed bytecode for the next submission",
        """
import coursetools.checks, pathlib, py_compile
cache = pathlib.Path(coursetools.checks.__cached__)
tell(refused({
    "cache": lambda: cache.write_bytes(b"escaped"),
    "source": lambda: pathlib.Path(coursetools.checks.__file__).write_text("escaped"),
    "new": lambda: (cache.parent / "escaped.pyc").write_bytes(b""),
    "site-packages": lambda: (pathlib.Path(np.__file__).parents[1] / "escaped.pth").write_text(""),
}))
""",
        proof=all_refused,
    ),
    code(
        "exception-that-cannot-be-said",
        "raises what cannot be turned into text",
        """
class Evil(BaseException):
    def __str__(self): raise SystemExit
    __repr__ = __str__
    __class__ = property(lambda self: 1 / 0)
def rotate(points, angle): raise Evil
""",
    ),
    code(
        "own-exception-handler",
        "handles all exceptions by doing nothing",
        "get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)\n",
    ),
    code("exit", "calls exit()", "exit()\n"),
    code("magic-reset", "clears all variables", "get_ipython().run_line_magic('reset', '-f')\n"),
    code(
        "locale-and-timezone",
        "changes locale, time zone and the decimal point",
        """
import locale, os, time
os.environ.update(TZ="Pacific/Kiritimati", LC_ALL="de_DE.UTF-8", LANG="de_DE.UTF-8")
time.tzset()
try:
    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
except locale.Error:
    pass
np.set_printoptions(precision=1, formatter={"float": lambda x: "0,0"})
""",
    ),
    code(
        "working-directory",
        "leaves and removes the working folder",
        "import os, shutil\nos.chdir('/')\nshutil.rmtree('/tmp', ignore_errors=True)\n",
    ),
    code(
        "leaves-a-thread-that-prints",
        "goes on printing while others are checked",
        """
import threading, time
def talk():
    while True:
        time.sleep(0.01)
        print("noise")
threading.Thread(target=talk, daemon=True).start()
""",
        proof=_prints_on,
    ),
    code(
        "closes-files",
        "closes every file of its process",
        "import os\nos.closerange(3, 256)\n",
    ),
    code(
        "stack",
        "recurses until the stack is full",
        """
import sys
sys.setrecursionlimit(10**9)
def deeper(*a): return deeper(*a)
rotate = deeper
""",
    ),
    code(
        "garbage",
        "looks for the references among all objects in memory",
        """
import gc
needle = "expec" + "ted: "
texts = []
for thing in gc.get_objects():
    if type(thing) is dict and ("refer" + "ence") in thing and "points" in thing:
        texts.append(thing)
tell(len(texts))
""",
        proof=told(0),
    ),
    code(
        "frames",
        "looks for the references in the frames that called it",
        """
import sys
frame, found = sys._getframe(), []
while frame:
    found += [name for name in frame.f_locals if "merged" in name or "outcomes" in name]
    frame = frame.f_back
tell(found)
""",
        proof=told([]),
    ),
]
