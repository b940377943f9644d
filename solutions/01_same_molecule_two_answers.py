# %% [markdown]
# # Exercises 01: the same molecule, two answers
#
# You write the tools of lecture 01 yourself: turn a cloud, measure an equivariance error, build a test that cannot be fooled, and work out which error rounding explains.
#
# | exercise | points | time |
# |---|---|---|
# | 1. Rotate a batch | 3 | 10 min |
# | 2. The equivariance error | 4 | 15 min |
# | 3. A test that catches six bugs | 8 | 35 min |
# | 4. Tolerances from conditioning | 4 | 30 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Conventions of the course: points are rows, (x, y, z). A rotation acts on a column, $r \mapsto R\,r$. Angles are in radians. Checks run in float64.

# %%
import torch

from coursetools.checks import generator, show
from coursetools.device import use_device
from equivar.measure import equivariance_error as library_error
from equivar.rotations import random_orthogonal, random_rotations, rotation_3d

torch.set_default_dtype(torch.float64)
use_device()

# %% [markdown]
# ## 1. Rotate a batch
#
# A cloud of $n$ points is an array of shape `(n, 3)`. A batch of clouds has shape `(b, n, 3)`, and so on. Write `rotate`, which applies $R$ to each point, for any number of leading axes.
#
# First, without running anything: should a quarter turn about z, counter-clockwise, take the point $(1, 0, 0)$ to $(0, 1, 0)$ or to $(0, -1, 0)$?
#
# <details><summary>Hint 1</summary>For a single point stored as a column, the answer is <code>R @ r</code>. Your points are rows. What is the transpose of <code>R @ r</code>?</details>
#
# <details><summary>Hint 2</summary>(R r)ᵀ = rᵀ Rᵀ. So rows are multiplied from the right.</details>
#
# <details><summary>Hint 3</summary><code>.T</code> on a tensor with more than two axes is not what you want. <code>.mT</code> transposes the last two axes, and <code>@</code> broadcasts over the others.</details>


# %% name="rotate" role="answer" section="One molecule, written down twice"
def rotate(points, R):
    """Apply R (3, 3) to each row of `points` (..., n, 3); returns the same shape."""
    # solution: points are rows, and R acts on columns
    return points @ R.mT


# %% name="check-rotate" role="check" points=2
draw = generator("rotate")
quarter = rotation_3d(torch.tensor([0.0, 0.0, 1.0]), torch.tensor(torch.pi / 2))
east = torch.tensor([[1.0, 0.0, 0.0]])
torch.testing.assert_close(
    rotate(east, quarter),
    torch.tensor([[0.0, 1.0, 0.0]]),
    msg=lambda m: f"A quarter turn about z takes (1, 0, 0) to (0, 1, 0). Is R transposed?\n{m}",
)
cloud = torch.randn(4, 3, generator=draw)
R, S = random_rotations(2, generator=draw)
torch.testing.assert_close(
    rotate(rotate(cloud, S), R),
    rotate(cloud, R @ S),
    msg=lambda m: f"First S, then R must be the same as R S, for every R and S.\n{m}",
)
show("turned cloud", rotate(cloud, R))

# %% name="check-rotate-batch" role="check" points=1
draw = generator("rotate-batch")
batch = torch.randn(2, 3, 4, 3, generator=draw)
R = random_rotations(1, generator=draw)[0]
turned = rotate(batch, R)
assert turned.shape == batch.shape, (
    f"rotate turned shape {tuple(batch.shape)} into {tuple(turned.shape)}; it must keep the shape"
)
show("one cloud of the batch", turned[1, 2])


# %% name="rotate-transposed" role="decoy" replaces="rotate" fails=["check-rotate", "check-rotate-batch"]
def rotate(points, R):
    return points @ R


# %% name="rotate-single" role="decoy" replaces="rotate" fails=["check-rotate-batch"]
def rotate(points, R):
    return (R @ points.T).T


# %% [markdown] role="discussion"
# Right multiplication by $R$ instead of $R^\top$ is the most common bug of this field. It hides well: it is also a rotation, it keeps all lengths, and for half turns $R = R^\top$, so a test with half turns alone is blind to it. It shows when two rotations are composed: $S$ and then $R$ must be $R S$. With the transposed version it is $S R$.

# %% [markdown]
# ## 2. The equivariance error
#
# Write the measure of the lecture for any two actions:
#
# $$\frac{\lVert f(g \cdot x) - g \cdot f(x) \rVert}{\lVert f(x) \rVert}$$
#
# `act_in` is $x \mapsto g \cdot x$. `act_out` is what the same $g$ does to outputs. The norm is over all entries of the output. What should it say of a function that returns zero for every input? Such a function satisfies each law there is, and has learned nothing. Do not let it pass: the result must be `nan`.
#
# <details><summary>Hint 1</summary>Two evaluations of <code>f</code>: one on the changed input, one on the input as it is.</details>
#
# <details><summary>Hint 2</summary><code>torch.linalg.vector_norm</code> takes the norm over all entries, whatever the shape.</details>
#
# <details><summary>Hint 3</summary>0 / 0 is nan by itself. A small number added to the denominator would hide it.</details>


# %% name="equivariance-error" role="answer" section="Measure it"
def equivariance_error(f, x, act_in, act_out):
    """Relative size of f(act_in(x)) - act_out(f(x)); nan if f returns zero."""
    # solution: acting before, minus acting after, over the size of the output
    output = f(x)
    difference = f(act_in(x)) - act_out(output)
    return torch.linalg.vector_norm(difference) / torch.linalg.vector_norm(output)


# %% name="check-error" role="check" points=2
draw = generator("error")
cloud = torch.randn(5, 3, generator=draw)
R = random_rotations(1, generator=draw)[0]
M = torch.randn(3, 3, generator=draw)


def turn(points):
    return points @ R.mT


def squeeze(points):  # a linear map that treats the axes differently: not equivariant
    return points @ M.mT


exact = equivariance_error(lambda points: 2 * points, cloud, turn, turn)
assert exact < 1e-12, f"Doubling commutes with every rotation, but the error is {exact:.2g}"
lengths = equivariance_error(lambda p: p.norm(dim=-1), cloud, turn, lambda y: y)
assert lengths < 1e-12, (
    f"Lengths do not change when the cloud turns, but the error is {lengths:.2g}"
)
show("error of squeeze", equivariance_error(squeeze, cloud, turn, turn))
show("error against the wrong law", equivariance_error(squeeze, cloud, turn, lambda y: y))

# %% name="check-error-relative" role="check" points=1
large = equivariance_error(lambda p: 1000 * squeeze(p), cloud, turn, turn)
small = equivariance_error(squeeze, cloud, turn, turn)
torch.testing.assert_close(
    large, small, msg=lambda m: f"A model times 1000 is no less symmetric: make it relative.\n{m}"
)
show("error of 1000 times squeeze", large)

# %% name="check-error-zero" role="check" points=1
draw = generator("error-zero")
cloud = torch.randn(5, 3, generator=draw)
nothing = equivariance_error(lambda p: 0 * p, cloud, turn, turn)
assert torch.isnan(torch.as_tensor(nothing)), (
    f"A function that returns zero got {float(nothing):.2g} and would pass any test; "
    "0 / 0 should stay nan"
)
show("zero, and a shift", [nothing, equivariance_error(lambda p: p + 1, cloud, turn, turn)])


# %% name="error-absolute" role="decoy" replaces="equivariance-error" fails=["check-error", "check-error-relative", "check-error-zero"]
def equivariance_error(f, x, act_in, act_out):
    return torch.linalg.vector_norm(f(act_in(x)) - act_out(f(x)))


# %% name="error-signed" role="decoy" replaces="equivariance-error" fails=["check-error", "check-error-relative", "check-error-zero"]
def equivariance_error(f, x, act_in, act_out):
    return (f(act_in(x)) - act_out(f(x))).max()


# %% name="error-invariance" role="decoy" replaces="equivariance-error" fails=["check-error", "check-error-relative", "check-error-zero"]
def equivariance_error(f, x, act_in, act_out):
    output = f(x)
    return torch.linalg.vector_norm(f(act_in(x)) - output) / torch.linalg.vector_norm(output)


# %% name="error-guarded" role="decoy" replaces="equivariance-error" fails=["check-error-zero"]
def equivariance_error(f, x, act_in, act_out):
    output = f(x)
    difference = f(act_in(x)) - act_out(output)
    return torch.linalg.vector_norm(difference) / (torch.linalg.vector_norm(output) + 1e-12)


# %% [markdown] role="discussion"
# Three wrong versions that are found in published code: the absolute error (halve the weights, and the test passes), the signed maximum (a model that is wrong in the negative direction passes), and the guarded denominator (a network whose last layer is initialized to zero passes everything). A `nan` fails every comparison, so a test `error < tolerance` says no, as it should.

# %% [markdown]
# ## 3. A test that catches six bugs
#
# The functions below take a cloud `(n, 3)` and return one vector for each point, as a network for forces does. Each *claims* the law of a force: under $x_i \mapsto R\,x_i + t$ with any rotation **or reflection** $R$ and any shift $t$, the output turns with the molecule, $f_i \mapsto R\,f_i$.
#
# Two of them keep the promise, six do not. Read them, and find for each broken one why it is broken.


# %%
def edges(x):
    """Vectors from each point to each other: entry [i, j] is x_j - x_i."""
    return x[None, :, :] - x[:, None, :]


def attraction(x, a):
    """Honest: each point is drawn to all others, less so by those that are far."""
    e = edges(x)
    return (e * torch.exp(-a * e.square().sum(-1, keepdim=True))).sum(1)


def gated(x, a):
    """Honest: a vector times a function of its length."""
    v = attraction(x, a)
    return v * torch.sigmoid(v.norm(dim=-1, keepdim=True))


def axes_of(x):
    """Columns: two directions that turn with the cloud, and one that is square to both."""
    u, v = x[1] - x[0], x[2] - x[0]
    u = u / u.norm()
    v = v - (v @ u) * u
    v = v / v.norm()
    return torch.stack([u, v, torch.linalg.cross(u, v)], dim=-1)


def transposed(x, a):
    """Bug: predicts in the cloud's own axes, and turns back with the transpose of what it should."""
    Q = axes_of(x)
    return torch.tanh(attraction(x, a) @ Q)[:, :2] @ Q[:2, :]


def stale_edges(reference, a):
    """Bug: its edge vectors were computed before the cloud was turned."""
    e = edges(reference)
    return lambda x: (e * torch.exp(-a * edges(x).square().sum(-1, keepdim=True))).sum(1)


def small_leak(x, a):
    """Bug: a little of one coordinate axis leaks into the answer."""
    return attraction(x, a) + 1e-4 * torch.tensor([1.0, 0.0, 0.0])


def layer_norm(x, a):
    """Bug: LayerNorm over the three components of each vector."""
    return torch.nn.functional.layer_norm(attraction(x, a), (3,))


def absolute(x, a):
    """Bug: where the cloud lies matters, not only its shape."""
    return attraction(x, a) + 0.1 * x


def proper_only(x, a):
    """Bug: adds a cross product, which does not flip in a mirror as a force does."""
    v, w = attraction(x, a), attraction(x, 2 * a)
    return v + torch.linalg.cross(v, w)


def stiff(x, a):
    """Honest, but the difference of two large numbers: rounding is magnified a million times."""
    v = attraction(x, a)
    return 1e6 * v - (1e6 - 1) * v


def constant(x, a):
    """Broken as can be: the same arrow for every cloud."""
    return torch.full_like(x, a)


# %% [markdown]
# Now write the test. `is_equivariant(f, x)` gets one such function and one cloud, and answers `True` if `f` keeps the promise at `x`, as far as a test can tell, else `False`. Measure with `library_error(f, x, act_in, act_out)` (the library's version of exercise 2). Draw as many group elements as you like: `random_rotations(n)`, `random_orthogonal(n)` (which holds reflections too), shifts from `torch.randn(3)`. Everything is in float64. Careful with the tolerance: the smallest bug here is about 1e-4 of the output, and one honest function loses six digits to rounding.
#
# <details><summary>Hint 1</summary>Which changes does the promise speak of? Rotations, reflections, shifts. A test has to try each kind. Which bug does each kind reveal?</details>
#
# <details><summary>Hint 2</summary>The input moves as <code>x @ R.mT + t</code>, and the output as <code>y @ R.mT</code>: a force does not feel the shift.</details>
#
# <details><summary>Hint 3</summary>Loop over about ten matrices from <code>random_orthogonal</code> with a shift each, and ask that every error is below a tolerance between 1e-9 and 1e-5.</details>


# %% name="is-equivariant" role="answer" section="Measure it"
def is_equivariant(f, x):
    """Whether f (n, 3) -> (n, 3) turns with the cloud and ignores shifts: a bool."""
    # solution: try rotations, reflections and shifts, and let no error pass
    draw = torch.Generator().manual_seed(0)
    for R in random_orthogonal(16, generator=draw):
        t = torch.randn(3, generator=draw)
        error = library_error(f, x, lambda p: p @ R.mT + t, lambda y: y @ R.mT)
        if not error < 1e-7:
            return False
    return True


# %% [markdown]
# Each check hands your test eight functions in random order, some honest, some with one kind of bug. All eight verdicts have to be right.


# %%
def verdicts(label, honest, broken):
    """Ask is_equivariant about four honest and four broken functions, in random order."""
    draw = generator(label)
    x = torch.randn(6, 3, generator=draw)
    strength = (0.1 + 0.3 * torch.rand(8, generator=draw)).tolist()
    zoo = []
    for k, a in enumerate(strength):
        make = honest[k % len(honest)] if k < 4 else broken
        stale = make is stale_edges
        zoo.append((stale_edges(x, a) if stale else lambda x, a=a, make=make: make(x, a), k < 4))
    zoo = [zoo[k] for k in torch.randperm(8, generator=draw)]
    answers = [bool(is_equivariant(f, x)) for f, _ in zoo]
    return answers, [truth for _, truth in zoo]


def judge(label, honest, broken, law):
    """Explain a wrong verdict, then show all of them."""
    answers, truths = verdicts(label, honest, broken)
    for answer, truth in zip(answers, truths, strict=True):
        assert truth or not answer, f"Your test passed `{broken.__name__}`. {law}"
        assert answer or not truth, (
            "Your test failed an honest function. Is the law right (outputs turn, shifts do "
            "nothing), and is the tolerance above what rounding explains?"
        )
    show("verdicts", answers)


# %% name="check-transposed" role="check" points=1
judge("transposed", [attraction, gated], transposed, "Try rotations with no special axis or angle.")

# %% name="check-stale-edges" role="check" points=1
judge(
    "stale", [attraction, gated], stale_edges, "Its output stands still: does yours ask it to turn?"
)

# %% name="check-small-leak" role="check" points=1
judge("leak", [attraction, gated], small_leak, "Its error is about 1e-4. Where is your tolerance?")

# %% name="check-layer-norm" role="check" points=1
judge(
    "norm", [attraction, gated], layer_norm, "It commutes with swaps of axes, but not with others."
)

# %% name="check-absolute" role="check" points=1
judge("absolute", [attraction, gated], absolute, "It turns correctly. What about a shift?")

# %% name="check-proper-only" role="check" points=1
judge("proper", [attraction, gated], proper_only, "Every rotation is fine. What about a mirror?")

# %% name="check-honest" role="check" points=2
judge("honest", [stiff], constant, "Nothing turns at all.")


# %% name="test-identity" role="decoy" replaces="is-equivariant" fails=["check-transposed", "check-stale-edges", "check-small-leak", "check-layer-norm", "check-absolute", "check-proper-only", "check-honest"]
def is_equivariant(f, x):
    R = torch.eye(3)
    return bool(library_error(f, x, lambda p: p @ R.mT, lambda y: y @ R.mT) < 1e-7)


# %% name="test-invariance" role="decoy" replaces="is-equivariant" fails=["check-transposed", "check-stale-edges", "check-small-leak", "check-layer-norm", "check-absolute", "check-proper-only", "check-honest"]
def is_equivariant(f, x):
    draw = torch.Generator().manual_seed(0)
    errors = [library_error(f, x, lambda p, R=R: p @ R.mT) for R in random_orthogonal(9, draw)]
    return all(bool(error < 1e-7) for error in errors)


# %% name="test-loose" role="decoy" replaces="is-equivariant" fails=["check-small-leak"]
def is_equivariant(f, x):
    draw = torch.Generator().manual_seed(0)
    for R in random_orthogonal(16, generator=draw):
        t = torch.randn(3, generator=draw)
        if not library_error(f, x, lambda p: p @ R.mT + t, lambda y: y @ R.mT) < 1e-2:
            return False
    return True


# %% name="test-tight" role="decoy" replaces="is-equivariant" fails=["check-honest"]
def is_equivariant(f, x):
    draw = torch.Generator().manual_seed(0)
    for R in random_orthogonal(16, generator=draw):
        t = torch.randn(3, generator=draw)
        if not library_error(f, x, lambda p: p @ R.mT + t, lambda y: y @ R.mT) < 1e-12:
            return False
    return True


# %% name="test-proper" role="decoy" replaces="is-equivariant" fails=["check-proper-only"]
def is_equivariant(f, x):
    draw = torch.Generator().manual_seed(0)
    for R in random_rotations(16, generator=draw):
        t = torch.randn(3, generator=draw)
        if not library_error(f, x, lambda p: p @ R.mT + t, lambda y: y @ R.mT) < 1e-7:
            return False
    return True


# %% name="test-no-shift" role="decoy" replaces="is-equivariant" fails=["check-absolute"]
def is_equivariant(f, x):
    draw = torch.Generator().manual_seed(0)
    errors = [
        library_error(f, x, lambda p, R=R: p @ R.mT, lambda y, R=R: y @ R.mT)
        for R in random_orthogonal(16, draw)
    ]
    return all(bool(error < 1e-7) for error in errors)


# %% name="test-axes" role="decoy" replaces="is-equivariant" fails=["check-layer-norm"]
def is_equivariant(f, x):
    cycle = torch.eye(3)[[2, 0, 1]]
    t = torch.tensor([0.3, -1.0, 0.5])
    errors = [
        library_error(f, x, lambda p, R=R: p @ R.mT + t, lambda y, R=R: y @ R.mT)
        for R in (cycle, -cycle, cycle @ cycle)
    ]
    return all(bool(error < 1e-7) for error in errors)


# %% [markdown] role="discussion"
# What each kind of change finds:
#
# | change | finds |
# |---|---|
# | a rotation with no special axis | transposed, stale edges, small leak, LayerNorm, constant |
# | a cyclic swap of the axes | all of these but LayerNorm, which treats x, y and z alike |
# | a reflection | the cross product |
# | a shift | the absolute position |
#
# The tolerance has to lie between the smallest bug and the largest honest rounding error. Here that is between about 1e-9 and 1e-5. Exercise 4 computes such bounds.

# %% [markdown]
# ## 4. Tolerances from conditioning
#
# Which error does rounding explain? Moving a cloud rounds each coordinate, by a relative amount of about machine epsilon $\varepsilon$ ($1.2 \cdot 10^{-7}$ in float32, $2.2 \cdot 10^{-16}$ in float64). How much of this arrives at the output depends on the function. The *relative condition number* of $f$ at $x$ is the factor by which it magnifies a small relative change of its input, in the worst direction:
#
# $$\kappa = \frac{\lVert J \rVert_2 \, \lVert x \rVert}{\lVert f(x) \rVert}, \qquad J = \frac{\partial f}{\partial x},$$
#
# where $\lVert J \rVert_2$ is the largest singular value of the Jacobian, written as one matrix (outputs by inputs), and the other two are norms over all entries.
#
# Then a fair tolerance is $10 \, \kappa \, \varepsilon$: ten, because several roundings add up.
#
# Guess first: for the distance between two points that are 1 angstrom apart, and 1000 angstrom from the origin, is $\kappa$ about 1, about 50, or about 2000?
#
# <details><summary>Hint 1</summary><code>torch.autograd.functional.jacobian(f, x)</code> has the shape of the output followed by the shape of the input.</details>
#
# <details><summary>Hint 2</summary>Reshape it to (number of outputs, number of inputs). <code>torch.linalg.matrix_norm(J, ord=2)</code> is its largest singular value.</details>
#
# <details><summary>Hint 3</summary><code>torch.finfo(dtype).eps</code> is machine epsilon. The dtype is an argument: compute the condition number in the precision of x, whatever the dtype asked for.</details>


# %% name="condition-number" role="answer" section="Is 1e-3 good enough?"
def condition_number(f, x):
    """The relative condition number of f at x, a 0-dim tensor."""
    # solution: the largest singular value of the Jacobian, times the input's size over the output's
    y = f(x)
    J = torch.autograd.functional.jacobian(f, x).reshape(y.numel(), x.numel())
    size = torch.linalg.vector_norm
    return torch.linalg.matrix_norm(J, ord=2) * size(x) / size(y)


# %% name="check-condition" role="check" points=2
draw = generator("condition")
M = torch.randn(4, 6, generator=draw)
x = torch.randn(6, generator=draw)
torch.testing.assert_close(
    condition_number(lambda v: 3 * v, x),
    torch.tensor(1.0),
    msg=lambda m: f"Multiplying by 3 keeps relative changes: kappa is 1. Is yours relative?\n{m}",
)
pair = torch.randn(2, 3, generator=draw)
far = pair + 1000 * torch.nn.functional.normalize(torch.randn(3, generator=draw), dim=0)


def distance(p):
    return (p[0] - p[1]).norm()


show("linear map", condition_number(lambda v: M @ v, x))
show("distance near the origin", condition_number(distance, pair))
show("distance far away", condition_number(distance, far))


# %% name="condition-absolute" role="decoy" replaces="condition-number" fails=["check-condition"]
def condition_number(f, x):
    y = f(x)
    J = torch.autograd.functional.jacobian(f, x).reshape(y.numel(), x.numel())
    return torch.linalg.matrix_norm(J, ord=2)


# %% name="condition-frobenius" role="decoy" replaces="condition-number" fails=["check-condition"]
def condition_number(f, x):
    y = f(x)
    J = torch.autograd.functional.jacobian(f, x).reshape(y.numel(), x.numel())
    size = torch.linalg.vector_norm
    return size(J) * size(x) / size(y)


# %% name="tolerance" role="answer" section="Is 1e-3 good enough?"
def tolerance(kappa, dtype):
    """The error that rounding explains: 10 kappa epsilon, for a floating-point dtype; a float."""
    # solution: epsilon is a property of the dtype
    return 10 * float(kappa) * torch.finfo(dtype).eps


# %% name="check-tolerance" role="check" points=2
draw = generator("tolerance")
R = random_rotations(1, generator=draw)[0]
pair = torch.randn(2, 3, generator=draw)
kappas = [1.0, 30.0, float(10 ** (3 * torch.rand(1, generator=draw)))]
for dtype in (torch.float32, torch.float64):
    p, S = (pair + 100.0).to(dtype), R.to(dtype)
    kappa = 300.0 / (pair[0] - pair[1]).norm()  # about what condition_number says, far away
    rounding = library_error(lambda p: (p[0] - p[1]).norm(), p, lambda p: p @ S.mT).item()
    bound = tolerance(kappa, dtype)
    assert rounding < bound, f"{dtype}: an honest distance is off by {rounding:.1e} > {bound:.1e}"
    assert bound < 1e-2 if dtype == torch.float32 else bound < 1e-10, (
        f"{dtype}: a tolerance of {bound:.1e} would let a real bug pass"
    )
for dtype in (torch.float32, torch.float64):
    eps = torch.finfo(dtype).eps
    show(f"tolerances in units of epsilon, {dtype}", [tolerance(k, dtype) / eps for k in kappas])


# %% name="tolerance-fixed" role="decoy" replaces="tolerance" fails=["check-tolerance"]
def tolerance(kappa, dtype):
    return 1e-3


# %% name="tolerance-default" role="decoy" replaces="tolerance" fails=["check-tolerance"]
def tolerance(kappa, dtype):
    return 10 * float(kappa) * torch.finfo(torch.get_default_dtype()).eps


# %% [markdown] role="discussion"
# For two points that are 1 apart and 1000 from the origin, the Jacobian of the distance has norm $\sqrt{2}$, the input has norm $1000 \sqrt{2}$, and the output is 1: $\kappa = 2000$. Both points move when the frame shifts, and both are rounded. In float32 the fair tolerance is $2 \cdot 10^{-3}$: at 1000 angstrom from the origin, float32 distances are good to three digits. So center your molecules, not for the symmetry (distances have it already) but for the digits.
#
# The same arithmetic sets the tolerance of every test in the library. A fixed `1e-3` is too tight for ill-conditioned honest functions in float32, and hides real bugs everywhere else.
