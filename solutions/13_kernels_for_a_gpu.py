# %% [markdown]
# # Exercises 13: kernels for a GPU
#
# Nine kernels as puzzles, from adding two vectors to a fused convolution and its gradient. Each has a specification in plain Python loops, the shapes, and an empty kernel. You fill it, look at a picture of what it reads and writes, and let the check compare.
#
# | exercise | points | time |
# |---|---|---|
# | 1. Add two vectors | 3 | 15 min |
# | 2. Rotate a batch of clouds | 6 | 20 min |
# | 3. A cross product for each row | 4 | 15 min |
# | 4. Harmonics to degree 2 | 5 | 25 min |
# | 5. The gradient of a direction | 5 | 25 min |
# | 6. Sum the rows of each target | 7 | 30 min |
# | 7. Products from a sparse table | 5 | 25 min |
# | 8. Gather, multiply, sum: one kernel | 8 | 35 min |
# | 9. Its gradient | 5 | 30 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the picture and the check below it. A check first explains what is wrong, then prints what your kernel answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# **What you need.** Triton, which there is for Linux: `.venv/bin/pip install -e '.[gpu]'` in the folder of the course, or `pip install triton`. Binder and Colab have it; on macOS and Windows use one of these. No GPU is needed: without one, kernels run in Triton's interpreter, program after program, slowly. With one, the same cells run there, and print which share of the memory's bandwidth you reach.
#
# **What a kernel may do.** It is one program of many, and it gets addresses: `x + 5` is the address of element 5, and `x + tl.arange(0, 4)` are four addresses at once. Each of the four is a *lane*. All arrays lie in memory row by row. You need little:
#
# | what | how |
# |---|---|
# | which program am I? | `tl.program_id(0)` |
# | lanes 0, 1, ... (as many as a power of two) | `tl.arange(0, BLOCK)` |
# | fetch, and 0 for lanes that take no part | `tl.load(addresses, mask=there, other=0.0)` |
# | one number for all lanes | `tl.load(x + 5)` |
# | write | `tl.store(addresses, values, mask=there)` |
# | zeros to begin a sum with | `tl.full((BLOCK,), 0.0, dtype=out.dtype.element_ty)` |
# | choose lane by lane | `tl.where(r > 0, r, 1.0)` |
# | add up the lanes | `tl.sum(values, axis=0)` |
# | the rest | arithmetic, comparisons, `tl.sqrt`, `for k in range(...)` |
#
# There is no `if` on a tile, since its lanes may disagree: mask instead. Write numbers such as $\sqrt 3$ out as 1.7320508075688772: a kernel sees no other variables of this notebook. `print(i)` inside a kernel shows a tile, program after program, as long as Triton interprets.
#
# The interpreter forgives three things that the compiler of a GPU refuses: a sum that begins with a plain `0.0` (begin with `tl.full`), an `if` on a tile, and a variable of the notebook. Your points do not depend on them; whether your kernel runs on a GPU does.
#
# | a message says | it means |
# |---|---|
# | `'int' object is not iterable` | `x` is an address, so there is no `x[i]`: `tl.load(x + i)` |
# | something about `pointer<...>` | a `tl.load` is missing: this is where a number stands, not the number |
# | something about `**`, `pow` or 0-dimensional arrays | take `tl.sqrt`, neither `** 0.5` nor `math` |
# | `other` cannot be provided without `mask` | both or neither |
# | Value argument cannot be block type | a whole tile goes to one address: add its lanes up first, with `tl.sum` |
#
# **The picture** below each kernel has a row of squares for each array, in the order of memory, and a color for each program. Empty squares were never touched; a red crossed one lies outside of the array.

# %%
from coursetools.puzzles import bandwidth, picture, play, ready

device = ready()  # before Triton is imported: without a GPU it is told to interpret

import torch
import triton
import triton.language as tl

from coursetools.checks import generator, show
from equivar.irreps import Irrep
from equivar.kernels.convolution import convolution
from equivar.kernels.couplings import coupling
from equivar.kernels.harmonics import harmonics
from equivar.kernels.paths import depthwise_paths
from equivar.kernels.products import product
from equivar.kernels.rotate import rotate
from equivar.rotations import random_rotations
from equivar.so3 import wigner_d

torch.set_default_dtype(torch.float64)


# %%
def numbers(draw, *shape):
    """Random numbers on the device."""
    return torch.randn(*shape, generator=draw).to(device)


def turns(draw, n):
    """Random rotations (n, 3, 3) on the device."""
    return random_rotations(n, generator=draw).double().contiguous().to(device)


def size(draw, least, most):
    """A random whole number from least to most."""
    return int(torch.randint(least, most + 1, (1,), generator=draw))


def unwritten(*shape):
    """An array for results: nan wherever nobody writes."""
    return torch.full(shape, torch.nan, device=device)


def large(*shape):
    """An array of ones in single precision, to measure a bandwidth with."""
    return torch.ones(*shape, dtype=torch.float32, device=device)


def blocks(n, size):
    """How many blocks of a size hold n elements."""
    return -(-n // size)


def equal(found, expected, law):
    """An assert that first says the law."""
    torch.testing.assert_close(found, expected, msg=lambda m: f"{law}\n{m}")


def inside(played):
    """An assert that no access was outside of its array, and no two programs wrote one element."""
    assert not played.faults, "A kernel touches its arrays alone. " + played.faults[0]
    assert not played.races, "Each element is stored by one program. " + played.races[0]


# %% [markdown]
# ## 1. Add two vectors
#
# $\text{out}_i = a\, x_i + y_i$, for vectors of any length. Program number $p$ has the `BLOCK` elements from `p * BLOCK` on, one in each lane. The last program may have more lanes than elements. On a GPU nobody stops these lanes: they read and write what lies behind, which is another array.
#
# Shapes: `x`, `y`, `out` are (n,); `a` and `n` are numbers.
#
# Guess first: for n = 5 and blocks of 4, how many programs are there, and how many lanes have nothing to do?
#
# <details><summary>Hint 1</summary>First find out which elements are yours: <code>tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)</code>.</details>
#
# <details><summary>Hint 2</summary>A lane takes part if its element is smaller than n. Give that as <code>mask=</code> to each load and to the store.</details>
#
# <details><summary>Hint 3</summary><code>i = ...; there = i &lt; n; x_i = tl.load(x + i, mask=there, other=0.0)</code>, the same for y, then <code>tl.store(out + i, a * x_i + y_i, mask=there)</code>.</details>


# %%
def add_loops(a, x, y):
    """The specification."""
    out = [0.0] * len(x)
    for i in range(len(x)):
        out[i] = a * x[i] + y[i]
    return out


# %% name="add" role="answer" section="As Triton, for a GPU"
@triton.jit
def add(x, y, out, a, n, BLOCK: tl.constexpr):
    """out[i] = a * x[i] + y[i] for the elements of one block."""
    # solution: which elements, which of them exist, load, compute, store
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = i < n
    x_i = tl.load(x + i, mask=there, other=0.0)
    y_i = tl.load(y + i, mask=there, other=0.0)
    tl.store(out + i, a * x_i + y_i, mask=there)


# %%
def run_add(a, x, y, BLOCK=4):
    """Start as many programs as it takes."""
    out = unwritten(len(x))
    return out, play(add, blocks(len(x), BLOCK), x, y, out, a, len(x), BLOCK=BLOCK)


x = torch.ones(10, device=device)
picture(lambda: run_add(2.0, x, x)[1])
if device.type == "cuda":
    x, y, out = large(3, 2**24)
    bandwidth(12 * len(x), add, 2**14, x, y, out, 2.0, len(x), BLOCK=1024)

# %% name="check-add" role="check" points=2
draw = generator("add")
for n in [0, 1, 5, size(draw, 9, 15)]:
    x, y = numbers(draw, n), numbers(draw, n)
    a = size(draw, 1, 31) / 16
    out, played = run_add(a, x, y)
    law = f"out[i] = a * x[i] + y[i] for each i from 0 to {n - 1}; nan is what nobody wrote."
    equal(out, torch.tensor(add_loops(a, x.tolist(), y.tolist()), device=device), law)
    show(f"a x + y, n = {n}", out)

# %% name="check-add-bounds" role="check" points=1
draw = generator("add-bounds")
for n in [4, size(draw, 5, 7), size(draw, 9, 11)]:
    out, played = run_add(2.0, numbers(draw, n), numbers(draw, n))
    inside(played)
    show(f"n = {n}: accesses outside, programs that meet", [len(played.faults), len(played.races)])


# %% name="add-no-mask" role="decoy" replaces="add" fails=["check-add-bounds"]
@triton.jit
def add(x, y, out, a, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + i, a * tl.load(x + i) + tl.load(y + i))


# %% name="add-mask-one-too-many" role="decoy" replaces="add" fails=["check-add-bounds"]
@triton.jit
def add(x, y, out, a, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = i <= n
    x_i = tl.load(x + i, mask=there, other=0.0)
    tl.store(out + i, a * x_i + tl.load(y + i, mask=there, other=0.0), mask=there)


# %% name="add-each-program-the-first-block" role="decoy" replaces="add" fails=["check-add", "check-add-bounds"]
@triton.jit
def add(x, y, out, a, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    there = i < n
    x_i = tl.load(x + i, mask=there, other=0.0)
    tl.store(out + i, a * x_i + tl.load(y + i, mask=there, other=0.0), mask=there)


# %% [markdown] role="discussion"
# Two programs for five elements, and three idle lanes. Without the mask all *results* are right, here as on a GPU: what goes wrong is somewhere else, in whatever lies behind `out`. Such errors show later and elsewhere, if at all. So the checks watch each access instead of the result.
#
# The kernel moves 24 bytes of float64 for one multiplication and one addition. No cleverness makes it faster than the memory: a fraction of the bandwidth near one is all that can be had.

# %% [markdown]
# ## 2. Rotate a batch of clouds
#
# $y_{b,p} = R_b\, x_{b,p}$: each cloud has a rotation of its own. The grid has two axes: `tl.program_id(0)` is the cloud, `tl.program_id(1)` the block of its points. One lane has one point, with its three numbers.
#
# Shapes: `R` (clouds, 3, 3), `x` and `y` (clouds, n, 3).
#
# Guess first: clouds lie in memory one behind the other. If you forget the mask, does the program leave the array?
#
# <details><summary>Hint 1</summary>Element (b, p, j) of an array (clouds, n, 3) is number <code>(b * n + p) * 3 + j</code>. Entry (i, j) of the matrix b is number <code>b * 9 + 3 * i + j</code>.</details>
#
# <details><summary>Hint 2</summary>Load three vectors of lanes: all x, all y, all z of the block. The nine numbers of the matrix are single numbers: <code>tl.load(R + b * 9 + 1)</code>.</details>
#
# <details><summary>Hint 3</summary>Loop over the rows: <code>for i in range(3)</code>: load the three entries of row i, and store <code>r0 * x0 + r1 * x1 + r2 * x2</code> at <code>y + at + i</code>, where <code>at = (b * n + point) * 3</code>.</details>


# %%
def turn_loops(R, x):
    """The specification: nested lists."""
    y = [[[0.0] * 3 for _ in cloud] for cloud in x]
    for b in range(len(x)):
        for p in range(len(x[b])):
            for i in range(3):
                for j in range(3):
                    y[b][p][i] += R[b][i][j] * x[b][p][j]
    return y


# %% name="turn" role="answer" section="As Triton, for a GPU"
@triton.jit
def turn(R, x, y, n, POINTS: tl.constexpr):
    """y[b, p] = R[b] @ x[b, p] for one cloud b and a block of its n points."""
    # solution: three vectors of lanes in, three vectors of lanes out
    b = tl.program_id(0)
    point = tl.program_id(1) * POINTS + tl.arange(0, POINTS)
    there = point < n
    at = (b * n + point) * 3
    x0 = tl.load(x + at, mask=there, other=0.0)
    x1 = tl.load(x + at + 1, mask=there, other=0.0)
    x2 = tl.load(x + at + 2, mask=there, other=0.0)
    for i in range(3):
        row = R + b * 9 + 3 * i
        turned = tl.load(row) * x0 + tl.load(row + 1) * x1 + tl.load(row + 2) * x2
        tl.store(y + at + i, turned, mask=there)


# %%
def run_turn(R, x, POINTS=4):
    """A program for each cloud and each block of its points."""
    y = unwritten(*x.shape)
    grid = len(x), blocks(x.shape[1], POINTS)
    return y, play(turn, grid, R, x, y, x.shape[1], POINTS=POINTS)


picture(lambda: run_turn(torch.eye(3, device=device).repeat(2, 1, 1), unwritten(2, 5, 3))[1])
if device.type == "cuda":
    R, x, y = large(64, 3, 3), large(64, 2**16, 3), large(64, 2**16, 3)
    bandwidth(2 * x.nbytes, turn, (64, 2**9), R, x, y, 2**16, POINTS=128)

# %% name="check-turn" role="check" points=2
draw = generator("turn")
for clouds, n in [(1, 1), (3, size(draw, 5, 7)), (2, 0), (0, 3)]:
    R, x = turns(draw, clouds), numbers(draw, clouds, n, 3)
    y, played = run_turn(R, x)
    loops = torch.tensor(turn_loops(R.tolist(), x.tolist()), device=device).reshape(x.shape)
    equal(loops, rotate(R, x, form="torch"), "The loops and the library's twin agree.")
    equal(
        y,
        loops,
        f"y = R x fails (is R transposed?) for clouds, points = {clouds}, {n}; first R: {R[:1]}",
    )
    show(f"{clouds} clouds of {n} points, turned", y)

# %% name="check-turn-group" role="check" points=2
draw = generator("turn-group")
x = numbers(draw, 2, size(draw, 3, 6), 3)
R, Q = turns(draw, 2), turns(draw, 2)
turned = run_turn(R, x)[0]
equal(turned.norm(dim=-1), x.norm(dim=-1), f"A rotation keeps each length; this one does not:\n{R}")
one = torch.eye(3, device=device).repeat(2, 1, 1)
equal(run_turn(one, x)[0], x, "The identity leaves each point where it is.")
equal(
    run_turn(Q, turned)[0],
    run_turn((Q @ R).contiguous(), x)[0],
    f"First R, then Q is the same as QR. Is one of them transposed? R and Q:\n{R}\n{Q}",
)
equal(run_turn(-one, x)[0], -x, "Inversion -1 maps each point to its opposite.")
show("turned twice", run_turn(Q, turned)[0])

# %% name="check-turn-bounds" role="check" points=2
draw = generator("turn-bounds")
for clouds, n in [(1, 4), (2, size(draw, 5, 7)), (size(draw, 3, 4), 1)]:
    y, played = run_turn(turns(draw, clouds), numbers(draw, clouds, n, 3))
    inside(played)
    found = [len(played.faults), len(played.races)]
    show(f"{clouds} clouds of {n}: accesses outside, programs that meet", found)


# %% name="turn-transposed" role="decoy" replaces="turn" fails=["check-turn", "check-turn-group"]
@triton.jit
def turn(R, x, y, n, POINTS: tl.constexpr):
    b = tl.program_id(0)
    point = tl.program_id(1) * POINTS + tl.arange(0, POINTS)
    there = point < n
    at = (b * n + point) * 3
    x0 = tl.load(x + at, mask=there, other=0.0)
    x1 = tl.load(x + at + 1, mask=there, other=0.0)
    x2 = tl.load(x + at + 2, mask=there, other=0.0)
    for i in range(3):
        column = R + b * 9 + i
        turned = tl.load(column) * x0 + tl.load(column + 3) * x1 + tl.load(column + 6) * x2
        tl.store(y + at + i, turned, mask=there)


# %% name="turn-wrong-stride" role="decoy" replaces="turn" fails=["check-turn", "check-turn-group"]
@triton.jit
def turn(R, x, y, n, POINTS: tl.constexpr):
    b = tl.program_id(0)
    point = tl.program_id(1) * POINTS + tl.arange(0, POINTS)
    there = point < n
    at = b * n * 3 + point  # as if all x came first, then all y, then all z
    x0 = tl.load(x + at, mask=there, other=0.0)
    x1 = tl.load(x + at + n, mask=there, other=0.0)
    x2 = tl.load(x + at + 2 * n, mask=there, other=0.0)
    for i in range(3):
        row = R + b * 9 + 3 * i
        turned = tl.load(row) * x0 + tl.load(row + 1) * x1 + tl.load(row + 2) * x2
        tl.store(y + at + i * n, turned, mask=there)


# %% name="turn-first-rotation" role="decoy" replaces="turn" fails=["check-turn", "check-turn-group"]
@triton.jit
def turn(R, x, y, n, POINTS: tl.constexpr):
    b = tl.program_id(0)
    point = tl.program_id(1) * POINTS + tl.arange(0, POINTS)
    there = point < n
    at = (b * n + point) * 3
    x0 = tl.load(x + at, mask=there, other=0.0)
    x1 = tl.load(x + at + 1, mask=there, other=0.0)
    x2 = tl.load(x + at + 2, mask=there, other=0.0)
    for i in range(3):
        row = R + 3 * i
        turned = tl.load(row) * x0 + tl.load(row + 1) * x1 + tl.load(row + 2) * x2
        tl.store(y + at + i, turned, mask=there)


# %% name="turn-no-mask" role="decoy" replaces="turn" fails=["check-turn-bounds"]
@triton.jit
def turn(R, x, y, n, POINTS: tl.constexpr):
    b = tl.program_id(0)
    at = (b * n + tl.program_id(1) * POINTS + tl.arange(0, POINTS)) * 3
    x0 = tl.load(x + at)
    x1 = tl.load(x + at + 1)
    x2 = tl.load(x + at + 2)
    for i in range(3):
        row = R + b * 9 + 3 * i
        turned = tl.load(row) * x0 + tl.load(row + 1) * x1 + tl.load(row + 2) * x2
        tl.store(y + at + i, turned)


# %% [markdown] role="discussion"
# Without the mask only the last cloud leaves the array. All others write into the *next cloud*, with the wrong rotation, and whether the right numbers survive depends on which program comes last. In the interpreter that is always the right one, so the result is right; on a GPU it is anyone's guess. This is what "programs that meet" counts.
#
# The transposed matrix is the inverse rotation. It keeps lengths and fixes the identity, and it turns everything the wrong way. What exposes it as a law, without any table of right answers: first R, then Q must be QR. The transposed kernel makes that RQ.

# %% [markdown]
# ## 3. A cross product for each row
#
# $\text{out}_p = a_p \times b_p$: the product of two vectors to a third one, 1 x 1 -> 1. One lane for each row.
#
# Shapes: `a`, `b`, `out` are (n, 3).
#
# Guess first: both factors change sign under inversion. What does the product do?
#
# <details><summary>Hint 1</summary>Component 0 is <code>a1 * b2 - a2 * b1</code>; the others follow by the cycle 0, 1, 2, 0.</details>
#
# <details><summary>Hint 2</summary>Load six vectors of lanes, at <code>3 * row</code>, <code>3 * row + 1</code>, <code>3 * row + 2</code>.</details>
#
# <details><summary>Hint 3</summary>Three stores, each with the mask <code>row &lt; n</code>: the second has <code>a2 * b0 - a0 * b2</code>, the third <code>a0 * b1 - a1 * b0</code>.</details>


# %%
def cross_loops(a, b):
    """The specification."""
    out = [[0.0] * 3 for _ in a]
    for p in range(len(a)):
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            out[p][i] = a[p][j] * b[p][k] - a[p][k] * b[p][j]
    return out


# %% name="cross" role="answer" section="What symmetry knows, 1: zeros"
@triton.jit
def cross(a, b, out, n, ROWS: tl.constexpr):
    """out[p] = a[p] x b[p] for one block of rows."""
    # solution: six loads, three stores
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = row < n
    a0 = tl.load(a + 3 * row, mask=there, other=0.0)
    a1 = tl.load(a + 3 * row + 1, mask=there, other=0.0)
    a2 = tl.load(a + 3 * row + 2, mask=there, other=0.0)
    b0 = tl.load(b + 3 * row, mask=there, other=0.0)
    b1 = tl.load(b + 3 * row + 1, mask=there, other=0.0)
    b2 = tl.load(b + 3 * row + 2, mask=there, other=0.0)
    tl.store(out + 3 * row, a1 * b2 - a2 * b1, mask=there)
    tl.store(out + 3 * row + 1, a2 * b0 - a0 * b2, mask=there)
    tl.store(out + 3 * row + 2, a0 * b1 - a1 * b0, mask=there)


# %%
def run_cross(a, b, ROWS=4):
    """A program for each block of rows."""
    out = unwritten(*a.shape)
    return out, play(cross, blocks(len(a), ROWS), a, b, out, len(a), ROWS=ROWS)


picture(lambda: run_cross(unwritten(7, 3), unwritten(7, 3))[1])
if device.type == "cuda":
    a, b, out = large(3, 2**22, 3)
    bandwidth(3 * a.nbytes, cross, 2**15, a, b, out, len(a), ROWS=128)

# %% name="check-cross" role="check" points=2
draw = generator("cross")
for n in [0, 1, size(draw, 5, 7)]:
    a, b = numbers(draw, n, 3), numbers(draw, n, 3)
    out, played = run_cross(a, b)
    inside(played)
    loops = torch.tensor(cross_loops(a.tolist(), b.tolist()), device=device).reshape(a.shape)
    equal(loops, 2**0.5 * product(a, b, 1, form="torch"), "The loops and the twin agree.")
    equal((out * a).sum(-1), torch.zeros(n, device=device), "a x b is at right angles to a.")
    equal(out, loops, f"a x b for {n} rows; e0 x e1 = e2 says the sign.")
    show(f"{n} cross products", out)
    show("accesses outside, programs that meet", [len(played.faults), len(played.races)])

# %% name="check-cross-turned" role="check" points=2
draw = generator("cross-turned")
a, b = numbers(draw, 2, 3), numbers(draw, 2, 3)
R = turns(draw, 1)[0]
for name, g in {"R": R, "-R": -R, "inversion": -torch.eye(3, device=device)}.items():
    det = torch.linalg.det(g)
    found = run_cross((a @ g.mT).contiguous(), (b @ g.mT).contiguous())[0]
    equal(
        found,
        det * run_cross(a, b)[0] @ g.mT,
        f"(g a) x (g b) = det(g) g (a x b) fails for g = {name}:\n{g}",
    )
    show(f"turned by {name}", found)


# %% name="cross-sign" role="decoy" replaces="cross" fails=["check-cross", "check-cross-turned"]
@triton.jit
def cross(a, b, out, n, ROWS: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = row < n
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        a_j = tl.load(a + 3 * row + j, mask=there, other=0.0)
        a_k = tl.load(a + 3 * row + k, mask=there, other=0.0)
        b_j = tl.load(b + 3 * row + j, mask=there, other=0.0)
        b_k = tl.load(b + 3 * row + k, mask=there, other=0.0)
        tl.store(out + 3 * row + i, a_k * b_j - a_j * b_k, mask=there)


# %% name="cross-not-in-a-cycle" role="decoy" replaces="cross" fails=["check-cross", "check-cross-turned"]
@triton.jit
def cross(a, b, out, n, ROWS: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = row < n
    a0 = tl.load(a + 3 * row, mask=there, other=0.0)
    a1 = tl.load(a + 3 * row + 1, mask=there, other=0.0)
    a2 = tl.load(a + 3 * row + 2, mask=there, other=0.0)
    b0 = tl.load(b + 3 * row, mask=there, other=0.0)
    b1 = tl.load(b + 3 * row + 1, mask=there, other=0.0)
    b2 = tl.load(b + 3 * row + 2, mask=there, other=0.0)
    tl.store(out + 3 * row, a1 * b2 - a2 * b1, mask=there)
    tl.store(out + 3 * row + 1, a0 * b2 - a2 * b0, mask=there)
    tl.store(out + 3 * row + 2, a0 * b1 - a1 * b0, mask=there)


# %% name="cross-no-mask" role="decoy" replaces="cross" fails=["check-cross"]
@triton.jit
def cross(a, b, out, n, ROWS: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        left = tl.load(a + 3 * row + j) * tl.load(b + 3 * row + k)
        tl.store(out + 3 * row + i, left - tl.load(a + 3 * row + k) * tl.load(b + 3 * row + j))


# %% [markdown] role="discussion"
# The product stays as it is under inversion: a pseudovector, 1e. The wrong sign passes each test of symmetry, for rotations and for mirrors: minus the cross product is as equivariant as the cross product. Symmetry fixes a product up to a number, and the number (here its sign) needs a convention. So a kernel is tested by both, its symmetry and one known value.
#
# One wrong sign of the three, most often in the middle row, fails the law at the first rotation.

# %% [markdown]
# ## 4. Harmonics to degree 2
#
# The nine harmonics of the direction of each point, in the order of the course. With the direction $(x, y, z) = v / |v|$:
#
# $$1, \quad \sqrt 3\,(x, y, z), \quad \sqrt{15}\left(x z,\; x y,\; \frac{2y^2 - x^2 - z^2}{2\sqrt 3},\; y z,\; \frac{z^2 - x^2}{2}\right).$$
#
# The zero vector has no direction: give it 1 and eight zeros. One lane for each point.
#
# Shapes: `v` (n, 3), `Y` (n, 9).
#
# Numbers: $\sqrt 3$ = 1.7320508075688772, $\sqrt{15}$ = 3.872983346207417, $\sqrt 5$ = 2.23606797749979.
#
# Guess first: without the division by the length, which degrees are wrong for a vector of length 2, and by what factor?
#
# <details><summary>Hint 1</summary>Load x, y, z as three vectors of lanes at <code>3 * point + 0, 1, 2</code>. Component m is stored at <code>9 * point + m</code>.</details>
#
# <details><summary>Hint 2</summary>A division by zero makes nan, also in a lane that you mask afterwards. So first make the divisor harmless: <code>r2 = tl.where(r2 &gt; 0, r2, 1.0)</code>.</details>
#
# <details><summary>Hint 3</summary>With <code>x, y, z</code> divided by <code>tl.sqrt(r2)</code>, the middle one of degree 2 is <code>2.23606797749979 / 2 * (2 * y * y - x * x - z * z)</code>. For the constant, <code>x * 0 + 1</code> has the right type and one number for each lane.</details>


# %%
def harmonics_loops(v):
    """The specification."""
    Y = [[0.0] * 9 for _ in v]
    for p in range(len(v)):
        r = sum(c * c for c in v[p]) ** 0.5
        x, y, z = (c / r if r > 0 else 0.0 for c in v[p])
        Y[p][0] = 1.0
        Y[p][1], Y[p][2], Y[p][3] = 3**0.5 * x, 3**0.5 * y, 3**0.5 * z
        Y[p][4], Y[p][5], Y[p][7] = 15**0.5 * x * z, 15**0.5 * x * y, 15**0.5 * y * z
        Y[p][6] = 5**0.5 / 2 * (2 * y * y - x * x - z * z)
        Y[p][8] = 15**0.5 / 2 * (z * z - x * x)
    return Y


# %% name="evaluate" role="answer" section="As Triton, for a GPU"
@triton.jit
def evaluate(v, Y, n, POINTS: tl.constexpr):
    """Y[p] = the nine harmonics of v[p] for one block of points."""
    # solution: a direction, then nine polynomials of it
    point = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    there = point < n
    x = tl.load(v + 3 * point, mask=there, other=0.0)
    y = tl.load(v + 3 * point + 1, mask=there, other=0.0)
    z = tl.load(v + 3 * point + 2, mask=there, other=0.0)
    r2 = x * x + y * y + z * z
    inverse = 1 / tl.sqrt(tl.where(r2 > 0, r2, 1.0))
    x = x * inverse
    y = y * inverse
    z = z * inverse
    out = Y + 9 * point
    tl.store(out, x * 0 + 1, mask=there)
    tl.store(out + 1, 1.7320508075688772 * x, mask=there)
    tl.store(out + 2, 1.7320508075688772 * y, mask=there)
    tl.store(out + 3, 1.7320508075688772 * z, mask=there)
    tl.store(out + 4, 3.872983346207417 * x * z, mask=there)
    tl.store(out + 5, 3.872983346207417 * x * y, mask=there)
    tl.store(out + 6, 2.23606797749979 / 2 * (2 * y * y - x * x - z * z), mask=there)
    tl.store(out + 7, 3.872983346207417 * y * z, mask=there)
    tl.store(out + 8, 3.872983346207417 / 2 * (z * z - x * x), mask=there)


# %%
def run_evaluate(v, POINTS=4):
    """A program for each block of points."""
    Y = unwritten(len(v), 9)
    return Y, play(evaluate, blocks(len(v), POINTS), v, Y, len(v), POINTS=POINTS)


picture(lambda: run_evaluate(torch.ones(6, 3, device=device))[1])
if device.type == "cuda":
    v, Y = large(2**22, 3), large(2**22, 9)
    bandwidth(v.nbytes + Y.nbytes, evaluate, 2**15, v, Y, len(v), POINTS=128)

# %% name="check-evaluate" role="check" points=3
draw = generator("evaluate")
for n in [0, 1, size(draw, 5, 7)]:
    v = numbers(draw, n, 3)
    v[1:2] = 0.0
    Y, played = run_evaluate(v)
    inside(played)
    loops = torch.tensor(harmonics_loops(v.tolist()), device=device).reshape(n, 9)
    equal(loops, harmonics(2, v, form="torch"), "The loops and the library's twin agree.")
    for l in range(3):
        block = slice(l * l, (l + 1) ** 2)
        square = Y[:, block].square().sum(-1)
        expected = loops[:, block].square().sum(-1)
        law = (
            f"Degree {l}: the squares add up to {2 * l + 1}, and to 0 for the zero vector (row 1)."
        )
        equal(square, expected if l else torch.ones(n, device=device), law)
    equal(Y, loops, f"Harmonics of {n} points, in the order of the course.")
    show(f"harmonics of {n} points", Y)
    show("accesses outside, programs that meet", [len(played.faults), len(played.races)])

# %% name="check-evaluate-turned" role="check" points=2
draw = generator("evaluate-turned")
v = numbers(draw, 2, 3)
R = turns(draw, 1)[0]
Y = run_evaluate(v)[0]
for name, g in {"R": R, "-R": -R, "inversion": -torch.eye(3, device=device)}.items():
    turned = run_evaluate((v @ g.mT).contiguous())[0]
    for l in range(1, 3):
        D, block = wigner_d(Irrep(l, (-1) ** l), g), slice(l * l, (l + 1) ** 2)
        law = f"Y(g v) = D(g) Y(v) fails in degree {l} for g = {name}:\n{g}"
        equal(turned[:, block], Y[:, block] @ D.mT, law)
    show(f"turned by {name}", turned)
equal(run_evaluate(7 * v)[0], Y, "A vector seven times as long has the same direction.")


# %% name="evaluate-any-length" role="decoy" replaces="evaluate" fails=["check-evaluate", "check-evaluate-turned"]
@triton.jit
def evaluate(v, Y, n, POINTS: tl.constexpr):
    point = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    there = point < n
    x = tl.load(v + 3 * point, mask=there, other=0.0)
    y = tl.load(v + 3 * point + 1, mask=there, other=0.0)
    z = tl.load(v + 3 * point + 2, mask=there, other=0.0)
    out = Y + 9 * point
    tl.store(out, x * 0 + 1, mask=there)
    tl.store(out + 1, 1.7320508075688772 * x, mask=there)
    tl.store(out + 2, 1.7320508075688772 * y, mask=there)
    tl.store(out + 3, 1.7320508075688772 * z, mask=there)
    tl.store(out + 4, 3.872983346207417 * x * z, mask=there)
    tl.store(out + 5, 3.872983346207417 * x * y, mask=there)
    tl.store(out + 6, 2.23606797749979 / 2 * (2 * y * y - x * x - z * z), mask=there)
    tl.store(out + 7, 3.872983346207417 * y * z, mask=there)
    tl.store(out + 8, 3.872983346207417 / 2 * (z * z - x * x), mask=there)


# %% name="evaluate-zero-is-nan" role="decoy" replaces="evaluate" fails=["check-evaluate"]
@triton.jit
def evaluate(v, Y, n, POINTS: tl.constexpr):
    point = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    there = point < n
    x = tl.load(v + 3 * point, mask=there, other=1.0)
    y = tl.load(v + 3 * point + 1, mask=there, other=1.0)
    z = tl.load(v + 3 * point + 2, mask=there, other=1.0)
    r = tl.sqrt(x * x + y * y + z * z)
    x = x / r
    y = y / r
    z = z / r
    out = Y + 9 * point
    tl.store(out, x * 0 + 1, mask=there)
    tl.store(out + 1, 1.7320508075688772 * x, mask=there)
    tl.store(out + 2, 1.7320508075688772 * y, mask=there)
    tl.store(out + 3, 1.7320508075688772 * z, mask=there)
    tl.store(out + 4, 3.872983346207417 * x * z, mask=there)
    tl.store(out + 5, 3.872983346207417 * x * y, mask=there)
    tl.store(out + 6, 2.23606797749979 / 2 * (2 * y * y - x * x - z * z), mask=there)
    tl.store(out + 7, 3.872983346207417 * y * z, mask=there)
    tl.store(out + 8, 3.872983346207417 / 2 * (z * z - x * x), mask=there)


# %% name="evaluate-forgotten-half" role="decoy" replaces="evaluate" fails=["check-evaluate", "check-evaluate-turned"]
@triton.jit
def evaluate(v, Y, n, POINTS: tl.constexpr):
    point = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    there = point < n
    x = tl.load(v + 3 * point, mask=there, other=0.0)
    y = tl.load(v + 3 * point + 1, mask=there, other=0.0)
    z = tl.load(v + 3 * point + 2, mask=there, other=0.0)
    r2 = x * x + y * y + z * z
    inverse = 1 / tl.sqrt(tl.where(r2 > 0, r2, 1.0))
    x = x * inverse
    y = y * inverse
    z = z * inverse
    out = Y + 9 * point
    tl.store(out, x * 0 + 1, mask=there)
    tl.store(out + 1, 1.7320508075688772 * x, mask=there)
    tl.store(out + 2, 1.7320508075688772 * y, mask=there)
    tl.store(out + 3, 1.7320508075688772 * z, mask=there)
    tl.store(out + 4, 3.872983346207417 * x * z, mask=there)
    tl.store(out + 5, 3.872983346207417 * x * y, mask=there)
    tl.store(out + 6, 2.23606797749979 * (2 * y * y - x * x - z * z), mask=there)
    tl.store(out + 7, 3.872983346207417 * y * z, mask=there)
    tl.store(out + 8, 3.872983346207417 * (z * z - x * x), mask=there)


# %% [markdown] role="discussion"
# Degree 1 would be twice, degree 2 four times too large: degree l grows as the length to the power l. That stays equivariant, so no rotation finds it. A second law does: a longer vector has the same direction.
#
# The forgotten halves are found by rotations: two of five components of degree 2 are too large, so they no longer mix as they should. The squares would do as well.
#
# Loads at `3 * point` are not side by side: neighboring lanes are three numbers apart. The three loads together touch each number once, and the cache serves the second and third of them. Look at the picture again: all that one program reads is one piece.

# %% [markdown]
# ## 5. The gradient of a direction
#
# A backward pass by hand. Degree 1 is $Y = \sqrt 3\, v / |v|$. Given $g$, the gradient of some loss by $Y$, write the gradient by $v$:
#
# $$\frac{\partial}{\partial v_i} \sum_j g_j Y_j(v) = \frac{\sqrt 3}{|v|}\Big(g_i - \hat v_i\, (\hat v \cdot g)\Big), \qquad \hat v = v / |v|.$$
#
# All vectors are longer than zero here. One lane for each row. (A lane that has no row loads zeros, and a length of zero to divide by: let `tl.where` make it 1, or live with a warning.)
#
# Shapes: `v`, `g`, `out` are (n, 3).
#
# Guess first: $Y$ does not change when $v$ becomes longer. What does this say about the gradient and $v$?
#
# <details><summary>Hint 1</summary>Six loads: three components of v, three of g. Then the length, and the direction.</details>
#
# <details><summary>Hint 2</summary><code>along = x * g0 + y * g1 + z * g2</code>, with the direction x, y, z, is one number for each lane.</details>
#
# <details><summary>Hint 3</summary>Component 0 is <code>1.7320508075688772 / r * (g0 - x * along)</code>, with <code>r</code> the length that you divided by.</details>


# %%
def slope_loops(v, g):
    """The specification."""
    out = [[0.0] * 3 for _ in v]
    for p in range(len(v)):
        r = sum(c * c for c in v[p]) ** 0.5
        along = sum(v[p][j] / r * g[p][j] for j in range(3))
        for i in range(3):
            out[p][i] = 3**0.5 / r * (g[p][i] - v[p][i] / r * along)
    return out


# %% name="slope" role="answer" section="As Triton, for a GPU"
@triton.jit
def slope(v, g, out, n, POINTS: tl.constexpr):
    """out[p] = the gradient of sum(g[p] * Y(v[p])) by v[p] for one block of points."""
    # solution: what points along v turns nothing, so it is taken out
    point = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    there = point < n
    x = tl.load(v + 3 * point, mask=there, other=1.0)
    y = tl.load(v + 3 * point + 1, mask=there, other=1.0)
    z = tl.load(v + 3 * point + 2, mask=there, other=1.0)
    g0 = tl.load(g + 3 * point, mask=there, other=0.0)
    g1 = tl.load(g + 3 * point + 1, mask=there, other=0.0)
    g2 = tl.load(g + 3 * point + 2, mask=there, other=0.0)
    inverse = 1 / tl.sqrt(x * x + y * y + z * z)
    x = x * inverse
    y = y * inverse
    z = z * inverse
    along = x * g0 + y * g1 + z * g2
    factor = 1.7320508075688772 * inverse
    tl.store(out + 3 * point, factor * (g0 - x * along), mask=there)
    tl.store(out + 3 * point + 1, factor * (g1 - y * along), mask=there)
    tl.store(out + 3 * point + 2, factor * (g2 - z * along), mask=there)


# %%
def run_slope(v, g, POINTS=4):
    """A program for each block of points."""
    out = unwritten(len(v), 3)
    return out, play(slope, blocks(len(v), POINTS), v, g, out, len(v), POINTS=POINTS)


picture(lambda: run_slope(torch.ones(6, 3, device=device), torch.ones(6, 3, device=device))[1])
if device.type == "cuda":
    v, g, out = large(3, 2**22, 3)
    bandwidth(3 * v.nbytes, slope, 2**15, v, g, out, len(v), POINTS=128)

# %% name="check-slope" role="check" points=3
draw = generator("slope")
for n in [0, 1, size(draw, 5, 7)]:
    v, g = numbers(draw, n, 3), numbers(draw, n, 3)
    out, played = run_slope(v, g)
    inside(played)
    leaf = v.clone().requires_grad_()
    Y = harmonics(1, leaf, form="torch")[:, 1:]
    by_autograd = torch.autograd.grad((Y * g).sum(), leaf)[0]
    loops = torch.tensor(slope_loops(v.tolist(), g.tolist()), device=device).reshape(v.shape)
    equal(loops, by_autograd, "The loops and autograd through the library's twin agree.")
    law = "Y does not change along v, so the gradient is at right angles to v. Is a term missing?"
    equal((out * v).sum(-1), torch.zeros(n, device=device), law)
    equal(out, loops, f"The gradient at {n} points, as autograd has it.")
    show(f"gradients at {n} points", out)
    show("accesses outside, programs that meet", [len(played.faults), len(played.races)])

# %% name="check-slope-turned" role="check" points=2
draw = generator("slope-turned")
v, g, R = numbers(draw, 2, 3), numbers(draw, 2, 3), turns(draw, 1)[0]
out = run_slope(v, g)[0]
turned = run_slope((v @ R.mT).contiguous(), (g @ R.mT).contiguous())[0]
equal(turned, out @ R.mT, f"Turn v and g, and the gradient turns along. It does not for\n{R}")
longer = run_slope(4 * v, g)[0]
equal(longer, out / 4, "Four times as far away, a direction changes a quarter as fast.")
step = 1e-5 * numbers(draw, 2, 3)
ahead, behind = (harmonics(1, v + s * step, form="torch")[:, 1:] for s in (1, -1))
difference = (ahead - behind) / 2e-5
law = "A small step changes the loss by (gradient) * (step): finite differences say otherwise."
torch.testing.assert_close(
    (out * step).sum() * 1e5,
    (g * difference).sum(),
    rtol=1e-6,
    atol=1e-8,
    msg=lambda m: f"{law}\n{m}",
)
show("turned, and four times as far", [turned, longer])


# %% name="slope-missing-term" role="decoy" replaces="slope" fails=["check-slope", "check-slope-turned"]
@triton.jit
def slope(v, g, out, n, POINTS: tl.constexpr):
    point = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    there = point < n
    x = tl.load(v + 3 * point, mask=there, other=1.0)
    y = tl.load(v + 3 * point + 1, mask=there, other=1.0)
    z = tl.load(v + 3 * point + 2, mask=there, other=1.0)
    factor = 1.7320508075688772 / tl.sqrt(x * x + y * y + z * z)
    for i in range(3):
        g_i = tl.load(g + 3 * point + i, mask=there, other=0.0)
        tl.store(out + 3 * point + i, factor * g_i, mask=there)


# %% name="slope-any-distance" role="decoy" replaces="slope" fails=["check-slope", "check-slope-turned"]
@triton.jit
def slope(v, g, out, n, POINTS: tl.constexpr):
    point = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    there = point < n
    x = tl.load(v + 3 * point, mask=there, other=1.0)
    y = tl.load(v + 3 * point + 1, mask=there, other=1.0)
    z = tl.load(v + 3 * point + 2, mask=there, other=1.0)
    g0 = tl.load(g + 3 * point, mask=there, other=0.0)
    g1 = tl.load(g + 3 * point + 1, mask=there, other=0.0)
    g2 = tl.load(g + 3 * point + 2, mask=there, other=0.0)
    along = (x * g0 + y * g1 + z * g2) / (x * x + y * y + z * z)
    tl.store(out + 3 * point, 1.7320508075688772 * (g0 - x * along), mask=there)
    tl.store(out + 3 * point + 1, 1.7320508075688772 * (g1 - y * along), mask=there)
    tl.store(out + 3 * point + 2, 1.7320508075688772 * (g2 - z * along), mask=there)


# %% name="slope-forgotten-root" role="decoy" replaces="slope" fails=["check-slope", "check-slope-turned"]
@triton.jit
def slope(v, g, out, n, POINTS: tl.constexpr):
    point = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    there = point < n
    x = tl.load(v + 3 * point, mask=there, other=1.0)
    y = tl.load(v + 3 * point + 1, mask=there, other=1.0)
    z = tl.load(v + 3 * point + 2, mask=there, other=1.0)
    g0 = tl.load(g + 3 * point, mask=there, other=0.0)
    g1 = tl.load(g + 3 * point + 1, mask=there, other=0.0)
    g2 = tl.load(g + 3 * point + 2, mask=there, other=0.0)
    r2 = x * x + y * y + z * z
    along = (x * g0 + y * g1 + z * g2) / r2
    tl.store(out + 3 * point, (g0 - x * along) / tl.sqrt(r2), mask=there)
    tl.store(out + 3 * point + 1, (g1 - y * along) / tl.sqrt(r2), mask=there)
    tl.store(out + 3 * point + 2, (g2 - z * along) / tl.sqrt(r2), mask=there)


# %% [markdown] role="discussion"
# The gradient is at right angles to $v$. Each symmetry of a function is a linear law of its gradient: what does not change along a direction has no slope there. The missing term is equivariant, so rotations do not find it. This law does, and so would finite differences.
#
# A kernel's backward pass is a kernel of its own, and nobody derives it for you. It usually does more work than the forward pass, and reads more: here six numbers in the place of three.

# %% [markdown]
# ## 6. Sum the rows of each target
#
# Messages arrive at targets, and are added: $\text{out}_t = \sum_{e \to t} x_e$. The messages are sorted by target, so those of target t are the rows from `starts[t]` to `starts[t + 1] - 1`: none, one, or many. There is one program for each target, and `out` is zero when you get it.
#
# The same call must give the *same bits*, always. A GPU runs programs in any order, so the order of the additions must not depend on it.
#
# Shapes: `x` (edges, width), `targets` (edges,), `starts` (size + 1,), `out` (size, width). `COLUMNS` is a power of two that holds `width`. You may not need all of these.
#
# Guess first: is (0.1 + 0.2) + 0.3 the same float as 0.1 + (0.2 + 0.3)?
#
# <details><summary>Hint 1</summary>Let the columns be the lanes, and walk through the rows of your target one after the other.</details>
#
# <details><summary>Hint 2</summary><code>begin = tl.load(starts + t)</code> and <code>end = tl.load(starts + t + 1)</code> are bounds for <code>for e in range(begin, end)</code>. Row e begins at <code>x + e * width</code>.</details>
#
# <details><summary>Hint 3</summary>Begin with <code>total = tl.full((COLUMNS,), 0.0, dtype=out.dtype.element_ty)</code>, add a masked load for each e, store once after the loop. No atomics: each row of <code>out</code> belongs to one program.</details>


# %%
def sum_loops(x, starts):
    """The specification."""
    out = []
    for t in range(len(starts) - 1):
        out.append([0.0] * len(x[0]))
        for e in range(starts[t], starts[t + 1]):
            for c in range(len(x[0])):
                out[t][c] += x[e][c]
    return out


# %% name="sum-rows" role="answer" section="What symmetry knows, 3: order is a permutation"
@triton.jit
def sum_rows(x, targets, starts, out, n_edges, width, COLUMNS: tl.constexpr):
    """out[t] = the sum of the rows x[e] with targets[e] == t, for one target t."""
    # solution: one program owns one row of the result, and adds in one order
    t = tl.program_id(0)
    column = tl.arange(0, COLUMNS)
    there = column < width
    total = tl.full((COLUMNS,), 0.0, dtype=out.dtype.element_ty)
    for e in range(tl.load(starts + t), tl.load(starts + t + 1)):
        total += tl.load(x + e * width + column, mask=there, other=0.0)
    tl.store(out + t * width + column, total, mask=there)


# %%
def run_sum(x, targets, n_targets, COLUMNS=4, order=None):
    """A program for each target, in this order if Triton interprets."""
    out = torch.zeros(n_targets, x.shape[1], dtype=x.dtype, device=device)
    starts = torch.searchsorted(targets, torch.arange(n_targets + 1, device=device))
    arrays = x, targets, starts, out
    played = play(sum_rows, n_targets, *arrays, len(x), x.shape[1], COLUMNS=COLUMNS, order=order)
    return out, played


def arrivals(draw, n_edges, n_targets):
    """Sorted random targets of edges."""
    targets = torch.randint(max(n_targets, 1), (n_edges,), generator=draw)
    return targets.sort().values.to(device)


targets = torch.tensor([0, 0, 0, 2, 2, 3], device=device)
picture(lambda: run_sum(torch.ones(6, 3, device=device), targets, 4)[1])
if device.type == "cuda":
    x, out = large(2**20, 64), large(2**17, 64)
    targets = torch.arange(2**20, device=device) // 8
    starts = 8 * torch.arange(2**17 + 1, device=device)
    least = x.nbytes + out.nbytes + starts.nbytes
    bandwidth(least, sum_rows, 2**17, x, targets, starts, out, 2**20, 64, COLUMNS=64)

# %% name="check-sum-rows" role="check" points=2
draw = generator("sum-rows")
for n_edges, n_targets, width in [
    (size(draw, 7, 9), 4, 3),
    (1, 1, 1),
    (0, 3, 2),
    (5, 2, 4),
    (0, 0, 1),
]:
    x, targets = numbers(draw, n_edges, width), arrivals(draw, n_edges, n_targets)
    out, played = run_sum(x, targets, n_targets)
    twin = torch.zeros(n_targets, width, device=device).index_add(0, targets, x)
    law = f"out[t] = the sum of the rows that go to t; the targets are {targets.tolist()}"
    equal(out, twin, law)
    show(f"{n_edges} rows to {n_targets} targets", out)

# %% name="check-sum-rows-bounds" role="check" points=2
draw = generator("sum-rows-bounds")
for n_edges, n_targets, width in [(6, 3, 4), (size(draw, 5, 9), 4, 3), (size(draw, 1, 4), 6, 1)]:
    targets = arrivals(draw, n_edges, n_targets)
    out, played = run_sum(numbers(draw, n_edges, width), targets, n_targets)
    inside(played)
    found = [len(played.faults), len(played.races)]
    show(f"targets {targets.tolist()}: accesses outside, programs that meet", found)

# %% name="check-sum-rows-bits" role="check" points=3
draw = generator("sum-rows-bits")
x = numbers(draw, 40, 3) * 10 ** (6 * torch.rand(40, 1, generator=draw).to(device))
x, targets = x.float(), arrivals(draw, 40, 5)
out, _ = run_sum(x, targets, 5)
changed = []
for order in [[4, 3, 2, 1, 0], torch.randperm(5, generator=draw).tolist()]:
    again, _ = run_sum(x, targets, 5, order=order)
    changed.append(int((again != out).sum()))
    assert not changed[-1], (
        "A permutation of the programs must change no bit, since a GPU runs them in any order. In "
        f"the order {order}, {changed[-1]} of {out.numel()} numbers changed. Who adds to them?"
    )
mixed = torch.randperm(40, generator=draw).to(device)
mixed = mixed[targets[mixed].argsort(stable=True)]
torch.testing.assert_close(
    run_sum(x[mixed].double(), targets, 5)[0],
    run_sum(x.double(), targets, 5)[0],
    msg=lambda m: (
        f"A permutation of the rows of one target keeps their sum, but for rounding.\n{m}"
    ),
)
show("numbers whose bits changed", changed)
show("sums", run_sum(x.double(), targets, 5)[0])


# %% name="sum-rows-atomics" role="decoy" replaces="sum-rows" fails=["check-sum-rows-bits"]
@triton.jit
def sum_rows(x, targets, starts, out, n_edges, width, COLUMNS: tl.constexpr):
    column = tl.arange(0, COLUMNS)
    there = column < width
    for e in range(tl.program_id(0), n_edges, tl.num_programs(0)):  # the same work for all
        row = tl.load(x + e * width + column, mask=there, other=0.0)
        tl.atomic_add(out + tl.load(targets + e) * width + column, row, mask=there)


# %% name="sum-rows-stores-in-place-of-atomics" role="decoy" replaces="sum-rows" fails=["check-sum-rows-bounds", "check-sum-rows-bits"]
@triton.jit
def sum_rows(x, targets, starts, out, n_edges, width, COLUMNS: tl.constexpr):
    column = tl.arange(0, COLUMNS)
    there = column < width
    for e in range(tl.program_id(0), n_edges, tl.num_programs(0)):
        at = out + tl.load(targets + e) * width + column
        before = tl.load(at, mask=there, other=0.0)
        row = tl.load(x + e * width + column, mask=there, other=0.0)
        tl.store(at, before + row, mask=there)


# %% name="sum-rows-one-too-many" role="decoy" replaces="sum-rows" fails=["check-sum-rows", "check-sum-rows-bounds", "check-sum-rows-bits"]
@triton.jit
def sum_rows(x, targets, starts, out, n_edges, width, COLUMNS: tl.constexpr):
    t = tl.program_id(0)
    column = tl.arange(0, COLUMNS)
    there = column < width
    total = tl.full((COLUMNS,), 0.0, dtype=out.dtype.element_ty)
    for e in range(tl.load(starts + t), tl.load(starts + t + 1) + 1):
        total += tl.load(x + e * width + column, mask=there, other=0.0)
    tl.store(out + t * width + column, total, mask=there)


# %% name="sum-rows-no-mask" role="decoy" replaces="sum-rows" fails=["check-sum-rows-bounds", "check-sum-rows-bits"]
@triton.jit
def sum_rows(x, targets, starts, out, n_edges, width, COLUMNS: tl.constexpr):
    t = tl.program_id(0)
    column = tl.arange(0, COLUMNS)
    total = tl.full((COLUMNS,), 0.0, dtype=out.dtype.element_ty)
    for e in range(tl.load(starts + t), tl.load(starts + t + 1)):
        total += tl.load(x + e * width + column)
    tl.store(out + t * width + column, total)


# %% [markdown] role="discussion"
# Addition of floats is commutative and not associative: (0.1 + 0.2) + 0.3 is 0.6000000000000001. A sum by atomics is right, and shares the work evenly, but the order is the GPU's, and so are the last bits. Invariance under permutations then holds only up to rounding, and two runs of one program differ. For a training that is noise; for a test that compares bits, or a search for a bug, it is a plague.
#
# What it costs to be exact: the edges must be sorted (once for each graph), and a target with a thousand edges keeps one program busy while others have finished.
#
# A kernel that reads, adds and stores, without atomics and without an owner for each row, has right sums in the interpreter, program after program. On a GPU two programs read the same number, both add, and one addition is lost.

# %% [markdown]
# ## 7. Products from a sparse table
#
# The product of two irreps to a third, for any degrees: $\text{out}_{pk} = \sum_{ij} C_{ijk}\, a_{pi}\, b_{pj}$. Most entries of $C$ are zero, so the table lists the others alone. Entry $q$ has the two components `factors[2 * q]` (of a) and `factors[2 * q + 1]` (of b) and the number `coefficients[q]`. The entries of component $k$ of the result are those from `starts[k]` to `starts[k + 1] - 1`.
#
# Shapes: `a` (n, d1), `b` (n, d2), `out` (n, d3), `starts` (d3 + 1,), `factors` (entries, 2), `coefficients` (entries,). One lane for each row; each program does all components of its rows.
#
# Guess first: of the 125 entries of 2 x 2 -> 2, how many are not zero?
#
# <details><summary>Hint 1</summary>Two loops: over k from 0 to d3 - 1, and inside it over the entries q of k. An entry is the same for all lanes.</details>
#
# <details><summary>Hint 2</summary><code>tl.load(factors + 2 * q)</code> is a single number i. Component i of the rows is <code>tl.load(a + row * d1 + i, mask=there, other=0.0)</code>.</details>
#
# <details><summary>Hint 3</summary>For each k begin with <code>total = tl.full((ROWS,), 0.0, dtype=out.dtype.element_ty)</code>, add <code>tl.load(coefficients + q) * left * right</code>, and store at <code>out + row * d3 + k</code> after the inner loop.</details>


# %%
def sparse_table(l1, l2, l3):
    """starts, factors and coefficients of a product of irreps."""
    C = coupling(l1, l2, l3).permute(2, 0, 1)  # by k first
    k, i, j = C.nonzero().T.contiguous()
    starts = torch.searchsorted(k, torch.arange(len(C) + 1))
    tables = starts.int(), torch.stack([i, j], dim=1).int().contiguous(), C[k, i, j]
    return tuple(table.to(device) for table in tables)


def multiply_loops(a, b, starts, factors, coefficients):
    """The specification."""
    out = [[0.0] * (len(starts) - 1) for _ in a]
    for p in range(len(a)):
        for k in range(len(starts) - 1):
            for q in range(starts[k], starts[k + 1]):
                i, j = factors[q]
                out[p][k] += coefficients[q] * a[p][i] * b[p][j]
    return out


# %% name="multiply" role="answer" section="What symmetry knows, 1: zeros"
@triton.jit
def multiply(a, b, out, starts, factors, coefficients, n, d1, d2, d3, ROWS: tl.constexpr):
    """out[p] = the product of a[p] and b[p] for one block of rows."""
    # solution: for each component, its entries of the table and no others
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = row < n
    for k in range(d3):
        total = tl.full((ROWS,), 0.0, dtype=out.dtype.element_ty)
        for q in range(tl.load(starts + k), tl.load(starts + k + 1)):
            left = tl.load(a + row * d1 + tl.load(factors + 2 * q), mask=there, other=0.0)
            right = tl.load(b + row * d2 + tl.load(factors + 2 * q + 1), mask=there, other=0.0)
            total += tl.load(coefficients + q) * left * right
        tl.store(out + row * d3 + k, total, mask=there)


# %%
def run_multiply(a, b, l3, ROWS=4):
    """A program for each block of rows."""
    out = unwritten(len(a), 2 * l3 + 1)
    table = sparse_table(a.shape[1] // 2, b.shape[1] // 2, l3)
    widths = a.shape[1], b.shape[1], 2 * l3 + 1
    return out, play(multiply, blocks(len(a), ROWS), a, b, out, *table, len(a), *widths, ROWS=ROWS)


print(len(sparse_table(2, 2, 2)[2]), "of 125 entries of 2 x 2 -> 2 are not zero.")
picture(
    lambda: run_multiply(torch.ones(5, 3, device=device), torch.ones(5, 3, device=device), 1)[1]
)
if device.type == "cuda":
    a, b, out = large(3, 2**21, 5)
    starts, factors, coefficients = sparse_table(2, 2, 2)
    arrays = a, b, out, starts, factors, coefficients.float()
    bandwidth(3 * a.nbytes, multiply, 2**14, *arrays, 2**21, 5, 5, 5, ROWS=128)

# %% name="check-multiply" role="check" points=3
draw = generator("multiply")
for l1, l2, l3, n in [
    (1, 1, 0, 1),
    (1, 1, 2, size(draw, 5, 7)),
    (1, 2, 1, 3),
    (2, 1, 3, 2),
    (1, 1, 1, 0),
]:
    a, b = numbers(draw, n, 2 * l1 + 1), numbers(draw, n, 2 * l2 + 1)
    out, played = run_multiply(a, b, l3)
    inside(played)
    table = [part.tolist() for part in sparse_table(l1, l2, l3)]
    loops = torch.tensor(multiply_loops(a.tolist(), b.tolist(), *table), device=device)
    loops = loops.reshape(out.shape)
    equal(loops, product(a, b, l3, form="torch"), "The loops and the library's twin agree.")
    equal(out, loops, f"{l1} x {l2} -> {l3} for {n} rows: the sum over the entries of the table.")
    show(f"{l1} x {l2} -> {l3}, {n} rows", out)
    show("accesses outside, programs that meet", [len(played.faults), len(played.races)])

# %% name="check-multiply-turned" role="check" points=2
draw = generator("multiply-turned")
R = turns(draw, 1)[0]
D = [wigner_d(Irrep(l, (-1) ** l), R) for l in range(4)]
for l1, l2, l3 in [(1, 1, 1), (1, 1, 2), (1, 2, 2), (2, 1, 3)]:
    a, b = numbers(draw, 2, 2 * l1 + 1), numbers(draw, 2, 2 * l2 + 1)
    turned = run_multiply((a @ D[l1].mT).contiguous(), (b @ D[l2].mT).contiguous(), l3)[0]
    law = f"{l1} x {l2} -> {l3}: turning both factors is turning the product. It is not at\n{R}"
    equal(turned, run_multiply(a, b, l3)[0] @ D[l3].mT, law)
    show(f"{l1} x {l2} -> {l3}, turned", turned)


# %% name="multiply-swapped" role="decoy" replaces="multiply" fails=["check-multiply", "check-multiply-turned"]
@triton.jit
def multiply(a, b, out, starts, factors, coefficients, n, d1, d2, d3, ROWS: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = row < n
    for k in range(d3):
        total = tl.full((ROWS,), 0.0, dtype=out.dtype.element_ty)
        for q in range(tl.load(starts + k), tl.load(starts + k + 1)):
            left = tl.load(a + row * d1 + tl.load(factors + 2 * q + 1), mask=there, other=0.0)
            right = tl.load(b + row * d2 + tl.load(factors + 2 * q), mask=there, other=0.0)
            total += tl.load(coefficients + q) * left * right
        tl.store(out + row * d3 + k, total, mask=there)


# %% name="multiply-last-entry-wins" role="decoy" replaces="multiply" fails=["check-multiply", "check-multiply-turned"]
@triton.jit
def multiply(a, b, out, starts, factors, coefficients, n, d1, d2, d3, ROWS: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = row < n
    for k in range(d3):
        for q in range(tl.load(starts + k), tl.load(starts + k + 1)):
            left = tl.load(a + row * d1 + tl.load(factors + 2 * q), mask=there, other=0.0)
            right = tl.load(b + row * d2 + tl.load(factors + 2 * q + 1), mask=there, other=0.0)
            tl.store(out + row * d3 + k, tl.load(coefficients + q) * left * right, mask=there)


# %% name="multiply-one-total" role="decoy" replaces="multiply" fails=["check-multiply", "check-multiply-turned"]
@triton.jit
def multiply(a, b, out, starts, factors, coefficients, n, d1, d2, d3, ROWS: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = row < n
    total = tl.full((ROWS,), 0.0, dtype=out.dtype.element_ty)
    for k in range(d3):
        for q in range(tl.load(starts + k), tl.load(starts + k + 1)):
            left = tl.load(a + row * d1 + tl.load(factors + 2 * q), mask=there, other=0.0)
            right = tl.load(b + row * d2 + tl.load(factors + 2 * q + 1), mask=there, other=0.0)
            total += tl.load(coefficients + q) * left * right
        tl.store(out + row * d3 + k, total, mask=there)


# %% name="multiply-no-mask" role="decoy" replaces="multiply" fails=["check-multiply"]
@triton.jit
def multiply(a, b, out, starts, factors, coefficients, n, d1, d2, d3, ROWS: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    for k in range(d3):
        total = tl.full((ROWS,), 0.0, dtype=out.dtype.element_ty)
        for q in range(tl.load(starts + k), tl.load(starts + k + 1)):
            left = tl.load(a + row * d1 + tl.load(factors + 2 * q))
            right = tl.load(b + row * d2 + tl.load(factors + 2 * q + 1))
            total += tl.load(coefficients + q) * left * right
        tl.store(out + row * d3 + k, total)


# %% [markdown] role="discussion"
# Four of five multiplications of 2 x 2 -> 2 would be by zero. The zeros are no accident: rotations about one axis ask that the orders of the factors fit. Symmetry tells the kernel what it need not compute.
#
# The swapped factors pass for 1 x 1 -> 2 and 1 x 1 -> 0, whose tables are symmetric, and change the sign for 1 x 1 -> 1. So test with two different degrees.
#
# A lane reads each component several times, once for each entry. On a GPU the cache serves the repeats; a kernel for fixed degrees would keep them in registers.

# %% [markdown]
# ## 8. Gather, multiply, sum: one kernel
#
# The loop inside a convolution on a graph. Node s has one number $x_{sc}$ for each channel c. Along edge e, from source s to target t, it makes a vector for each channel, and the vectors that arrive are added:
#
# $$\text{out}_{tci} = \sum_{e \to t} w_{ec}\; x_{s(e)\,c}\; v_{ei}.$$
#
# In PyTorch that is three steps, gather, product, sum, and each message goes to memory and comes back. Here no message is stored: it lives in a register. One program for each target; the channels are the lanes. The edges are sorted by target, and those of target t are `starts[t]` to `starts[t + 1] - 1`. A target without edges gets zeros, which you write.
#
# Shapes: `x` (nodes, channels), `v` (edges, 3), `w` (edges, channels), `sources` (edges,), `starts` (size + 1,), `out` (size, channels, 3). `CHANNELS` is a power of two that holds `channels`.
#
# Guess first: with 64 channels, how many numbers do all messages of a million edges have?
#
# <details><summary>Hint 1</summary>Keep three totals, one for each component, and walk through the edges of your target as in exercise 6.</details>
#
# <details><summary>Hint 2</summary><code>s = tl.load(sources + e)</code> is one number; the row of node s is at <code>x + s * channels + c</code>. What is common to the components is the product of the weight and this row.</details>
#
# <details><summary>Hint 3</summary>Begin three sums with <code>tl.full((CHANNELS,), 0.0, dtype=out.dtype.element_ty)</code>. Then <code>total0 += message * tl.load(v + 3 * e)</code>, and so on; after the loop, three stores at <code>out + (t * channels + c) * 3 + i</code>, with the mask <code>c &lt; channels</code>.</details>


# %%
def convolve_loops(x, v, w, sources, starts):
    """The specification."""
    channels = len(x[0])
    out = []
    for t in range(len(starts) - 1):
        out.append([[0.0] * 3 for _ in range(channels)])
        for e in range(starts[t], starts[t + 1]):
            for c in range(channels):
                for i in range(3):
                    out[t][c][i] += w[e][c] * x[sources[e]][c] * v[e][i]
    return out


# %% name="convolve" role="answer" section="As Triton, for a GPU"
@triton.jit
def convolve(x, v, w, sources, starts, out, channels, CHANNELS: tl.constexpr):
    """out[t, c, i] = the sum of w[e, c] * x[sources[e], c] * v[e, i] over the edges e to one t."""
    # solution: a message is in registers and nowhere else
    t = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    there = c < channels
    total0 = tl.full((CHANNELS,), 0.0, dtype=out.dtype.element_ty)
    total1 = tl.full((CHANNELS,), 0.0, dtype=out.dtype.element_ty)
    total2 = tl.full((CHANNELS,), 0.0, dtype=out.dtype.element_ty)
    for e in range(tl.load(starts + t), tl.load(starts + t + 1)):
        s = tl.load(sources + e)
        message = tl.load(x + s * channels + c, mask=there, other=0.0)
        message *= tl.load(w + e * channels + c, mask=there, other=0.0)
        total0 += message * tl.load(v + 3 * e)
        total1 += message * tl.load(v + 3 * e + 1)
        total2 += message * tl.load(v + 3 * e + 2)
    at = out + (t * channels + c) * 3
    tl.store(at, total0, mask=there)
    tl.store(at + 1, total1, mask=there)
    tl.store(at + 2, total2, mask=there)


# %%
def run_convolve(x, v, w, sources, targets, n_targets, CHANNELS=4, order=None):
    """A program for each target."""
    out = unwritten(n_targets, x.shape[1], 3)
    starts = torch.searchsorted(targets, torch.arange(n_targets + 1, device=device))
    arrays = x, v, w, sources, starts, out
    played = play(convolve, n_targets, *arrays, x.shape[1], CHANNELS=CHANNELS, order=order)
    return out, played


def graph(draw, nodes, n_targets, n_edges, channels):
    """x, v, w, sources and sorted targets at random."""
    sources = torch.randint(max(nodes, 1), (n_edges,), generator=draw).to(device)
    factors = [numbers(draw, *s) for s in [(nodes, channels), (n_edges, 3), (n_edges, channels)]]
    return *factors, sources, arrivals(draw, n_edges, n_targets)


def twin(x, v, w, sources, targets, n_targets):
    """The library's convolution, in PyTorch."""
    paths, _ = depthwise_paths(f"{x.shape[1]}x0e", "1o")
    out = convolution(x, v, w, sources, targets, n_targets, paths, form="torch")
    return out.reshape(n_targets, x.shape[1], 3)


picture(lambda: run_convolve(*graph(generator("picture"), 4, 3, 6, 3), 3)[1])
if device.type == "cuda":
    sources = torch.arange(2**20, device=device) * 7919 % 2**16
    starts = 16 * torch.arange(2**16 + 1, device=device)
    arrays = large(2**16, 64), large(2**20, 3), large(2**20, 64), sources, starts
    arrays = *arrays, large(2**16, 64, 3)
    least = sum(array.nbytes for array in arrays)
    bandwidth(least, convolve, 2**16, *arrays, 64, CHANNELS=64)

# %% name="check-convolve" role="check" points=3
draw = generator("convolve")
for nodes, n_targets, n_edges, channels in [
    (4, 3, size(draw, 6, 8), 3),
    (1, 1, 1, 1),
    (2, 3, 0, 2),
    (0, 0, 0, 1),
]:
    arrays = graph(draw, nodes, n_targets, n_edges, channels)
    out, played = run_convolve(*arrays, n_targets)
    law = (
        f"out[t, c, i] = the sum of w x v over the edges to t; the targets are {arrays[4].tolist()}"
    )
    equal(out, twin(*arrays, n_targets), law)
    if n_edges:
        starts = torch.searchsorted(arrays[4], torch.arange(n_targets + 1, device=device))
        loops = convolve_loops(*(part.tolist() for part in (*arrays[:4], starts)))
        equal(torch.tensor(loops, device=device), out, "The loops and the library's twin agree.")
    show(f"{n_edges} edges from {nodes} nodes to {n_targets}, {channels} channels", out)

# %% name="check-convolve-bounds" role="check" points=2
draw = generator("convolve-bounds")
for nodes, n_targets, n_edges, channels in [
    (2, 2, size(draw, 6, 9), 3),
    (3, 4, size(draw, 2, 4), 1),
]:
    arrays = graph(draw, nodes, n_targets, n_edges, channels)
    out, played = run_convolve(*arrays, n_targets)
    inside(played)
    assert not out.isnan().any(), "Each number of the result is written, also where no edge ends."
    found = [len(played.faults), len(played.races), int(out.isnan().sum())]
    show(f"sources {arrays[3].tolist()}: outside, meetings, numbers unwritten", found)

# %% name="check-convolve-symmetry" role="check" points=3
draw = generator("convolve-symmetry")
x, v, w, sources, targets = graph(draw, 4, 4, 7, 3)
out = run_convolve(x, v, w, sources, targets, 4)[0]
R = turns(draw, 1)[0]
for name, g in {"R": R, "inversion": -torch.eye(3, device=device)}.items():
    turned = run_convolve(x, (v @ g.mT).contiguous(), w, sources, targets, 4)[0]
    equal(
        turned,
        out @ g.mT,
        f"Turn the edges, and the result turns along; it does not for {name}:\n{g}",
    )
    show(f"turned by {name}", turned)
p = torch.randperm(4, generator=draw).to(device)  # node k becomes node p[k]
order = p[targets].argsort(stable=True)
again = torch.empty_like(x)
again[p] = x
edges = v[order], w[order], p[sources][order], p[targets][order]
permuted = run_convolve(again, *edges, 4)[0]
equal(permuted[p], out, f"Other numbers for the nodes permute the result; not for {p.tolist()}")
show("with nodes permuted", permuted)


# %% name="convolve-no-gather" role="decoy" replaces="convolve" fails=["check-convolve", "check-convolve-bounds", "check-convolve-symmetry"]
@triton.jit
def convolve(x, v, w, sources, starts, out, channels, CHANNELS: tl.constexpr):
    t = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    there = c < channels
    for i in range(3):
        total = tl.full((CHANNELS,), 0.0, dtype=out.dtype.element_ty)
        for e in range(tl.load(starts + t), tl.load(starts + t + 1)):
            message = tl.load(x + e * channels + c, mask=there, other=0.0)
            message *= tl.load(w + e * channels + c, mask=there, other=0.0)
            total += message * tl.load(v + 3 * e + i)
        tl.store(out + (t * channels + c) * 3 + i, total, mask=there)


# %% name="convolve-weight-of-the-source" role="decoy" replaces="convolve" fails=["check-convolve", "check-convolve-symmetry"]
@triton.jit
def convolve(x, v, w, sources, starts, out, channels, CHANNELS: tl.constexpr):
    t = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    there = c < channels
    for i in range(3):
        total = tl.full((CHANNELS,), 0.0, dtype=out.dtype.element_ty)
        for e in range(tl.load(starts + t), tl.load(starts + t + 1)):
            s = tl.load(sources + e)
            message = tl.load(x + s * channels + c, mask=there, other=0.0)
            message *= tl.load(w + s * channels + c, mask=there, other=0.0)
            total += message * tl.load(v + 3 * e + i)
        tl.store(out + (t * channels + c) * 3 + i, total, mask=there)


# %% name="convolve-components-first" role="decoy" replaces="convolve" fails=["check-convolve", "check-convolve-symmetry"]
@triton.jit
def convolve(x, v, w, sources, starts, out, channels, CHANNELS: tl.constexpr):
    t = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    there = c < channels
    for i in range(3):
        total = tl.full((CHANNELS,), 0.0, dtype=out.dtype.element_ty)
        for e in range(tl.load(starts + t), tl.load(starts + t + 1)):
            message = tl.load(x + tl.load(sources + e) * channels + c, mask=there, other=0.0)
            message *= tl.load(w + e * channels + c, mask=there, other=0.0)
            total += message * tl.load(v + 3 * e + i)
        tl.store(out + (3 * t + i) * channels + c, total, mask=there)


# %% name="convolve-nothing-where-no-edge-ends" role="decoy" replaces="convolve" fails=["check-convolve", "check-convolve-bounds", "check-convolve-symmetry"]
@triton.jit
def convolve(x, v, w, sources, starts, out, channels, CHANNELS: tl.constexpr):
    t = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    there = c < channels
    for i in range(3):
        total = tl.full((CHANNELS,), 0.0, dtype=out.dtype.element_ty)
        for e in range(tl.load(starts + t), tl.load(starts + t + 1)):
            message = tl.load(x + tl.load(sources + e) * channels + c, mask=there, other=0.0)
            message *= tl.load(w + e * channels + c, mask=there, other=0.0)
            total += message * tl.load(v + 3 * e + i)
            tl.store(out + (t * channels + c) * 3 + i, total, mask=there)


# %% name="convolve-no-mask" role="decoy" replaces="convolve" fails=["check-convolve-bounds"]
@triton.jit
def convolve(x, v, w, sources, starts, out, channels, CHANNELS: tl.constexpr):
    t = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    for i in range(3):
        total = tl.full((CHANNELS,), 0.0, dtype=out.dtype.element_ty)
        for e in range(tl.load(starts + t), tl.load(starts + t + 1)):
            message = tl.load(x + tl.load(sources + e) * channels + c)
            message *= tl.load(w + e * channels + c)
            total += message * tl.load(v + 3 * e + i)
        tl.store(out + (t * channels + c) * 3 + i, total)


# %% [markdown] role="discussion"
# All messages of a million edges with 64 channels have 192 million numbers: 1.5 GB in float64, written once and read once, for nothing. The fused kernel reads 64 million weights and the gathered rows, and writes the result.
#
# The layout (size, 3, channels) has the same numbers in other places. Neighboring lanes would even store neighboring elements, which a GPU likes. But it is another array, and who reads it must know. A rotation finds the mistake: what it turns are no longer the components of one vector.
#
# Reading `x` by the number of the edge goes outside as soon as there are more edges than nodes, which is always. On a GPU you would read other memory, and see nothing.

# %% [markdown]
# ## 9. Its gradient
#
# Given $g_{tci}$, the gradient of a loss by the result of exercise 8, write the gradients by the vectors and by the weights of the edges:
#
# $$\frac{\partial}{\partial v_{ei}} = \sum_c w_{ec}\, x_{s c}\, g_{tci}, \qquad \frac{\partial}{\partial w_{ec}} = x_{sc} \sum_i v_{ei}\, g_{tci},$$
#
# where s and t are the ends of e. One program for each edge; the channels are the lanes. The sum over channels is across lanes: `tl.sum(values, axis=0)` is one number.
#
# Shapes: `g` (size, channels, 3), `dv` (edges, 3), `dw` (edges, channels); `targets` (edges,), the others as in exercise 8.
#
# Guess first: in the forward pass several edges meet at one target. Who meets in this backward pass?
#
# <details><summary>Hint 1</summary>Load two numbers, s and t, and three tiles of lanes that do not depend on i: the row of x, the weights, and <code>x * w</code>.</details>
#
# <details><summary>Hint 2</summary>Loop over i: <code>g_i</code> at <code>g + (t * channels + c) * 3 + i</code>. Store <code>tl.sum(x_s * w_e * g_i, axis=0)</code> at <code>dv + 3 * e + i</code>, which needs no mask.</details>
#
# <details><summary>Hint 3</summary>In the same loop, a sum that began with <code>tl.full</code>: <code>total += tl.load(v + 3 * e + i) * g_i</code>; afterwards <code>dw[e, c] = x * total</code>, with the mask.</details>


# %%
def slopes_loops(x, v, w, g, sources, targets):
    """The specification."""
    channels = len(x[0])
    dv = [[0.0] * 3 for _ in v]
    dw = [[0.0] * channels for _ in v]
    for e in range(len(v)):
        s, t = sources[e], targets[e]
        for c in range(channels):
            for i in range(3):
                dv[e][i] += w[e][c] * x[s][c] * g[t][c][i]
                dw[e][c] += x[s][c] * v[e][i] * g[t][c][i]
    return dv, dw


# %% name="slopes" role="answer" section="As Triton, for a GPU"
@triton.jit
def slopes(x, v, w, g, sources, targets, dv, dw, channels, CHANNELS: tl.constexpr):
    """dv[e] and dw[e] of one edge e."""
    # solution: what the result's gradient says at t, times what came from s
    e = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    there = c < channels
    s = tl.load(sources + e)
    t = tl.load(targets + e)
    x_s = tl.load(x + s * channels + c, mask=there, other=0.0)
    w_e = tl.load(w + e * channels + c, mask=there, other=0.0)
    total = tl.full((CHANNELS,), 0.0, dtype=dw.dtype.element_ty)
    for i in range(3):
        g_i = tl.load(g + (t * channels + c) * 3 + i, mask=there, other=0.0)
        tl.store(dv + 3 * e + i, tl.sum(x_s * w_e * g_i, axis=0))
        total += tl.load(v + 3 * e + i) * g_i
    tl.store(dw + e * channels + c, x_s * total, mask=there)


# %%
def run_slopes(x, v, w, sources, targets, g, CHANNELS=4):
    """A program for each edge."""
    dv, dw = unwritten(*v.shape), unwritten(*w.shape)
    arrays = x, v, w, g, sources, targets, dv, dw
    return dv, dw, play(slopes, len(v), *arrays, x.shape[1], CHANNELS=CHANNELS)


picture(lambda: run_slopes(*graph(generator("picture"), 4, 3, 6, 3), unwritten(3, 3, 3))[2])
if device.type == "cuda":
    sources = torch.arange(2**20, device=device) * 7919 % 2**16
    targets = torch.arange(2**20, device=device) // 16
    x, v, w, g = large(2**16, 64), large(2**20, 3), large(2**20, 64), large(2**16, 64, 3)
    arrays = x, v, w, g, sources, targets, v.clone(), w.clone()
    least = sum(array.nbytes for array in arrays)
    bandwidth(least, slopes, 2**20, *arrays, 64, CHANNELS=64)

# %% name="check-slopes" role="check" points=3
draw = generator("slopes")
for nodes, n_targets, n_edges, channels in [
    (4, 3, size(draw, 5, 7), 3),
    (1, 1, 1, 1),
    (2, 3, 0, 2),
]:
    x, v, w, sources, targets = graph(draw, nodes, n_targets, n_edges, channels)
    g = numbers(draw, n_targets, channels, 3)
    dv, dw, played = run_slopes(x, v, w, sources, targets, g)
    inside(played)
    leaves = v.clone().requires_grad_(), w.clone().requires_grad_()
    loss = (twin(x, *leaves, sources, targets, n_targets) * g).sum()
    by_v, by_w = torch.autograd.grad(loss, leaves)
    equal(dv, by_v, f"The gradient by v, as autograd has it; targets {targets.tolist()}")
    equal(dw, by_w, f"The gradient by w, as autograd has it; targets {targets.tolist()}")
    show(f"gradients at {n_edges} edges with {channels} channels", [dv, dw])
    show("accesses outside, programs that meet", [len(played.faults), len(played.races)])

# %% name="check-slopes-turned" role="check" points=2
draw = generator("slopes-turned")
x, v, w, sources, targets = graph(draw, 4, 3, 6, 3)
g, R = numbers(draw, 3, 3, 3), turns(draw, 1)[0]
dv, dw, _ = run_slopes(x, v, w, sources, targets, g)
law = "The result is linear in v and in w: (gradient by v) * v = (gradient by w) * w = loss."
loss = (twin(x, v, w, sources, targets, 3) * g).sum()
equal((dv * v).sum(), loss, law)
equal((dw * w).sum(), loss, law)
v, g = (v @ R.mT).contiguous(), (g @ R.mT).contiguous()
turned_dv, turned_dw, _ = run_slopes(x, v, w, sources, targets, g)
equal(
    turned_dv, dv @ R.mT, f"Turn v and g, and the gradient by v turns along; it does not for\n{R}"
)
equal(turned_dw, dw, f"Turn v and g, and the gradient by w stays; it does not for\n{R}")
show("turned", [turned_dv, turned_dw])


# %% name="slopes-missing-weight" role="decoy" replaces="slopes" fails=["check-slopes", "check-slopes-turned"]
@triton.jit
def slopes(x, v, w, g, sources, targets, dv, dw, channels, CHANNELS: tl.constexpr):
    e = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    there = c < channels
    s = tl.load(sources + e)
    t = tl.load(targets + e)
    x_s = tl.load(x + s * channels + c, mask=there, other=0.0)
    total = tl.full((CHANNELS,), 0.0, dtype=dw.dtype.element_ty)
    for i in range(3):
        g_i = tl.load(g + (t * channels + c) * 3 + i, mask=there, other=0.0)
        tl.store(dv + 3 * e + i, tl.sum(x_s * g_i, axis=0))
        total += tl.load(v + 3 * e + i) * g_i
    tl.store(dw + e * channels + c, x_s * total, mask=there)


# %% name="slopes-missing-components" role="decoy" replaces="slopes" fails=["check-slopes", "check-slopes-turned"]
@triton.jit
def slopes(x, v, w, g, sources, targets, dv, dw, channels, CHANNELS: tl.constexpr):
    e = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    there = c < channels
    s = tl.load(sources + e)
    t = tl.load(targets + e)
    x_s = tl.load(x + s * channels + c, mask=there, other=0.0)
    w_e = tl.load(w + e * channels + c, mask=there, other=0.0)
    for i in range(3):
        g_i = tl.load(g + (t * channels + c) * 3 + i, mask=there, other=0.0)
        tl.store(dv + 3 * e + i, tl.sum(x_s * w_e * g_i, axis=0))
        tl.store(dw + e * channels + c, x_s * g_i * tl.load(v + 3 * e + i), mask=there)


# %% name="slopes-at-the-source" role="decoy" replaces="slopes" fails=["check-slopes", "check-slopes-turned"]
@triton.jit
def slopes(x, v, w, g, sources, targets, dv, dw, channels, CHANNELS: tl.constexpr):
    e = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    there = c < channels
    s = tl.load(targets + e)
    t = tl.load(sources + e)
    x_s = tl.load(x + s * channels + c, mask=there, other=0.0)
    w_e = tl.load(w + e * channels + c, mask=there, other=0.0)
    total = tl.full((CHANNELS,), 0.0, dtype=dw.dtype.element_ty)
    for i in range(3):
        g_i = tl.load(g + (t * channels + c) * 3 + i, mask=there, other=0.0)
        tl.store(dv + 3 * e + i, tl.sum(x_s * w_e * g_i, axis=0))
        total += tl.load(v + 3 * e + i) * g_i
    tl.store(dw + e * channels + c, x_s * total, mask=there)


# %% name="slopes-no-mask" role="decoy" replaces="slopes" fails=["check-slopes", "check-slopes-turned"]
@triton.jit
def slopes(x, v, w, g, sources, targets, dv, dw, channels, CHANNELS: tl.constexpr):
    e = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    s = tl.load(sources + e)
    t = tl.load(targets + e)
    x_s = tl.load(x + s * channels + c)
    w_e = tl.load(w + e * channels + c)
    total = tl.full((CHANNELS,), 0.0, dtype=dw.dtype.element_ty)
    for i in range(3):
        g_i = tl.load(g + (t * channels + c) * 3 + i)
        tl.store(dv + 3 * e + i, tl.sum(x_s * w_e * g_i, axis=0))
        total += tl.load(v + 3 * e + i) * g_i
    tl.store(dw + e * channels + c, x_s * total)


# %% [markdown] role="discussion"
# Nobody meets: each edge has its own rows of `dv` and `dw`. The edges meet in the gradient by `x`, at their *source*. To sum there without atomics, the edges must be sorted once more, by source; then it is exercise 8 with the ends exchanged. The library does that.
#
# Here the missing mask spoils results, too: `tl.sum` adds lanes, so the numbers of lanes that do not exist enter the sum. `other=0.0` is more than a formality.
#
# The last law needs no autograd: a function that is linear in `v` equals its gradient times `v`.
