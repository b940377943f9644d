# %% [markdown]
# # Exercises 06: four roads to a symmetry
#
# You build the four roads of lecture 06 yourself: distances, a penalty from three derivatives, a canonical frame, and an average over a group. You break two of them. At the end you write a function that chooses a road from evidence.
#
# | exercise | points | time |
# |---|---|---|
# | 1. Distances, and what they do not see | 4 | 20 min |
# | 2. The penalty from the generators | 5 | 25 min |
# | 3. A canonical frame, and how to break it | 5 | 25 min |
# | 4. Average any model over a group | 4 | 15 min |
# | 5. Choose the road | 6 | 30 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Conventions of the course: points are rows, (x, y, z). A rotation acts on a column, $r \mapsto R\,r$, so rows are turned by `x @ R.mT`. Checks run in float64.

# %%
import torch

from coursetools.checks import generator, show
from coursetools.device import use_device
from equivar.measure import equivariance_error
from equivar.rotations import random_orthogonal, random_rotations, rotation_3d

torch.set_default_dtype(torch.float64)
use_device()


def volume(x):
    """The signed volume that the first three points span with the center: x (..., n, 3)."""
    a, b, c = (x - x.mean(dim=-2, keepdim=True))[..., :3, :].unbind(dim=-2)
    return torch.linalg.vecdot(a, torch.linalg.cross(b, c))


# %% [markdown]
# ## 1. Distances, and what they do not see
#
# **a.** Write the smallest invariant representation of $n$ labeled points: their $n(n-1)/2$ distances, each pair once, in the order (0, 1), (0, 2), ..., (0, n-1), (1, 2), ... Any number of leading axes. Molecules can be far from the origin, so take care not to lose digits there.
#
# <details><summary>Hint 1</summary><code>torch.triu_indices(n, n, offset=1)</code> lists the pairs in this order.</details>
#
# <details><summary>Hint 2</summary>Index the points axis twice, and subtract: <code>x[..., i, :] - x[..., j, :]</code>.</details>
#
# <details><summary>Hint 3</summary>The formula |a|² + |b|² - 2 a·b subtracts huge numbers from each other when the cloud is far away. The norm of the difference does not.</details>


# %% name="distances" role="answer" section="Road one: representation"
def distances(x):
    """The distances of all pairs: (..., n, 3) to (..., n (n - 1) / 2)."""
    # solution: the norm of the difference, for each pair once
    i, j = torch.triu_indices(x.shape[-2], x.shape[-2], offset=1)
    return (x[..., i, :] - x[..., j, :]).norm(dim=-1)


# %% name="check-distances" role="check" points=1
draw = generator("distances")
x = torch.randn(2, 4, 3, generator=draw)
found = distances(x)
assert found.shape == (2, 6), f"4 points have 6 pairs; expected (2, 6), got {tuple(found.shape)}"
for Q in random_orthogonal(4, generator=draw):
    error = equivariance_error(distances, x, lambda p, Q=Q: p @ Q.mT).item()
    assert error < 1e-12, f"an orthogonal matrix changed the distances by {error:.1e}: {Q}"
show("distances", found)

# %% name="check-distances-far" role="check" points=1
draw = generator("distances-far")
x = torch.randn(4, 3, generator=draw)
far = distances(x + 1e6)
off = (far - distances(x)).abs().max().item()
assert off < 1e-8, f"a shift by 1e6 changed a distance by {off:.1e}; are large squares subtracted?"
show("distances far from the origin", far)


# %% name="distances-shortcut" role="decoy" replaces="distances" fails=["check-distances-far"]
def distances(x):
    i, j = torch.triu_indices(x.shape[-2], x.shape[-2], offset=1)
    a, b = x[..., i, :], x[..., j, :]
    squares = a.square().sum(-1) + b.square().sum(-1) - 2 * (a * b).sum(-1)
    return squares.clamp(min=0).sqrt()


# %% name="distances-center" role="decoy" replaces="distances" fails=["check-distances", "check-distances-far"]
def distances(x):
    return (x - x.mean(dim=-2, keepdim=True)).norm(dim=-1)


# %% [markdown]
# **b.** Write `twin`: for any cloud, another cloud with the same distances that no rotation and no shift can bring onto the first one (as long as the first is not flat).
#
# <details><summary>Hint 1</summary>What keeps lengths, but is no rotation?</details>
#
# <details><summary>Hint 2</summary>Its determinant is -1.</details>
#
# <details><summary>Hint 3</summary>Invert: r to -r. Or flip one coordinate.</details>


# %% name="twin" role="answer" section="Blind to handedness"
def twin(x):
    """A cloud (n, 3) with the distances of x, and the other handedness."""
    # solution: the mirror image
    return -x


# %% name="check-twin" role="check" points=2
draw = generator("twin")
x = torch.randn(4, 3, generator=draw)
y = twin(x)
same = (torch.cdist(x, x) - torch.cdist(y, y)).abs().max().item()
assert same < 1e-7, f"the twin must keep all distances, but one is off by {same:.1e}"
assert volume(x) * volume(y) < 0, (
    "the signed volume has the same sign in both clouds: a rotation and a shift take one to the other"
)
show("distances of the twin", torch.cdist(y, y)[0])
show("signed volumes", [volume(x), volume(y)])


# %% name="twin-turned" role="decoy" replaces="twin" fails=["check-twin"]
def twin(x):
    return x @ rotation_3d(torch.tensor([1.0, 2.0, 3.0]), 1.0).mT


# %% name="twin-scaled" role="decoy" replaces="twin" fails=["check-twin"]
def twin(x):
    return -2 * x


# %% [markdown] role="discussion"
# All distances fix a cloud up to rotations, shifts *and reflections*. So the road of distances does not lead to the symmetry "rotations", but to the larger one "rotations and reflections". For an energy that is right. For handedness it makes the best possible answer the mean.

# %% [markdown]
# ## 2. The penalty from the generators
#
# The penalty of the lecture compares $f(R\,x)$ with $f(x)$ for random rotations. Small rotations are enough: each rotation is many small ones after each other, and small ones have only three directions. Turning about the axis $k$ by a small angle $\theta$ moves each point by $\theta\, e_k \times r_i$. So the rate at which $f$ changes is, by the chain rule,
#
# $$
# T_k(x) = \frac{d}{d\theta} f\big(R_k(\theta)\, x\big)\Big|_{\theta = 0} = \sum_i \nabla_i f \cdot (e_k \times r_i).
# $$
#
# $f$ is invariant under all rotations if and only if all three vanish everywhere. The three small turns are called the **generators** of the rotations. (Read $-f$ as an energy, and $T$ is the torque.) The penalty of a batch is
#
# $$
# P = \frac1b \sum_{x} \sum_{k=1}^{3} T_k(x)^2 .
# $$
#
# Write it, for a function from clouds `(b, n, 3)` to numbers `(b,)`. The penalty is trained on, so it must itself be differentiable in the parameters of $f$.
#
# Guess first: what is the penalty of $f(x) = x$-coordinate of the first point? Zero for a cloud whose first point lies where?
#
# <details><summary>Hint 1</summary><code>torch.autograd.grad(f(x).sum(), x, create_graph=True)</code> gives all gradients (b, n, 3) at once, since clouds do not see each other. x needs <code>requires_grad_()</code>.</details>
#
# <details><summary>Hint 2</summary>g · (e × r) = e · (r × g). So all three T at once are the sum over the points of r × g.</details>
#
# <details><summary>Hint 3</summary><code>torch.linalg.cross(x, g)</code>, sum over the points, <i>then</i> square, then sum over the three components, then the mean over the batch.</details>


# %% name="penalty" role="answer" section="Road two: loss"
def rotation_penalty(f, x):
    """P for f from (b, n, 3) to (b,): a 0-dim tensor, differentiable in the parameters of f."""
    # solution: the torque, squared
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    return torch.linalg.cross(x, g).sum(dim=-2).square().sum(dim=-1).mean()


# %% name="check-penalty" role="check" points=2
draw = generator("penalty")
x = torch.randn(3, 4, 3, generator=draw)
w = torch.randn(4, 3, generator=draw)


def bent(p):
    return torch.tanh((p * w).sum(dim=(-1, -2)))


for axis in torch.eye(3):  # one direction of rotation at a time
    turned = bent(x @ rotation_3d(axis, 1e-4).mT) - bent(x @ rotation_3d(axis, -1e-4).mT)
    rate = (turned / 2e-4).square().mean()
    assert rotation_penalty(bent, x) >= rate - 1e-6, (
        f"turning about {axis.tolist()} alone costs {rate:.4f}, more than your whole penalty"
    )
show("penalty of a bent plane", rotation_penalty(bent, x))
show("penalty of a coordinate", rotation_penalty(lambda p: p[:, 0, 0], x))

# %% name="check-penalty-invariant" role="check" points=1
draw = generator("penalty-invariant")
x = torch.randn(3, 4, 3, generator=draw)


def spread(p):
    return (p - p.mean(dim=1, keepdim=True)).square().sum(dim=(1, 2))


assert rotation_penalty(spread, x) < 1e-12, (
    "the spread of a cloud does not change when it is turned, yet your penalty is "
    f"{rotation_penalty(spread, x):.2g}: is each point punished alone, or each step outward?"
)
show("invariant, and not", [rotation_penalty(spread, x), rotation_penalty(lambda p: p[:, 1, 2], x)])

# %% name="check-penalty-gradient" role="check" points=2
draw = generator("penalty-gradient")
x = torch.randn(3, 4, 3, generator=draw)
a = torch.randn(4, 3, generator=draw).requires_grad_()
price = rotation_penalty(lambda p: torch.sin((p * a).sum(dim=(-1, -2))), x)
assert price.requires_grad, (
    "the penalty does not depend on the parameters any more: nothing could be trained on it. "
    "Is create_graph=True missing?"
)
(slope,) = torch.autograd.grad(price, a)
show("gradient in the parameters", slope)


# %% name="penalty-one-axis" role="decoy" replaces="penalty" fails=["check-penalty", "check-penalty-invariant", "check-penalty-gradient"]
def rotation_penalty(f, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    return torch.linalg.cross(x, g).sum(dim=-2)[..., 2].square().mean()


# %% name="penalty-gradient-norm" role="decoy" replaces="penalty" fails=["check-penalty", "check-penalty-invariant", "check-penalty-gradient"]
def rotation_penalty(f, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    return g.square().sum(dim=(1, 2)).mean()


# %% name="penalty-each-point" role="decoy" replaces="penalty" fails=["check-penalty", "check-penalty-invariant", "check-penalty-gradient"]
def rotation_penalty(f, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    return torch.linalg.cross(x, g).square().sum(dim=(1, 2)).mean()


# %% name="penalty-detached" role="decoy" replaces="penalty" fails=["check-penalty-gradient"]
def rotation_penalty(f, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(f(x).sum(), x)
    return torch.linalg.cross(x, g).sum(dim=-2).square().sum(dim=-1).mean()


# %% [markdown] role="discussion"
# Two things to notice. The penalty of $f(x) = x_{00}$ is $y^2 + z^2$ of that point: it vanishes where the point lies on the x axis, for a function that is not invariant at all. A penalty is zero *at the points where it is measured*, and says nothing elsewhere. And it is blind to reflections: small rotations never lead to a mirror.

# %% [markdown]
# ## 3. A canonical frame, and how to break it
#
# **a.** Write `canonical`: the coordinates of a cloud along its own principal axes, from the center.
#
# * Axes by growing spread: the eigenvectors of $C = \frac1n \sum_i r_i r_i^\top$ (centered positions), eigenvalues rising.
# * An eigenvector has no sign. Choose each so that the sum of the cubes of the coordinates along it is positive.
#
# <details><summary>Hint 1</summary><code>torch.linalg.eigh</code> returns rising eigenvalues and eigenvectors as columns.</details>
#
# <details><summary>Hint 2</summary>Coordinates along columns U of rows r: <code>r @ U</code>.</details>
#
# <details><summary>Hint 3</summary><code>y * y.pow(3).sum(dim=0).sign()</code> flips the columns that need it.</details>


# %% name="canonical" role="answer" section="Road three: canonical frame"
def canonical(x):
    """Coordinates (n, 3) of a cloud (n, 3) in its own frame."""
    # solution: principal axes, and signs from the third moments
    x = x - x.mean(dim=0)
    _, axes = torch.linalg.eigh(x.mT @ x / len(x))
    y = x @ axes
    return y * y.pow(3).sum(dim=0).sign()


# %% name="check-canonical" role="check" points=2
draw = generator("canonical")
clouds = torch.randn(4, 5, 3, generator=draw) * torch.tensor([1.0, 1.6, 2.4])
for x in clouds:
    for Q in random_orthogonal(4, generator=draw):
        t = torch.randn(3, generator=draw)
        error = equivariance_error(canonical, x, lambda p, Q=Q, t=t: p @ Q.mT + t).item()
        assert error < 1e-9, (
            f"the cloud was moved by R = {Q} and a shift, and its canonical coordinates changed "
            f"by {error:.1e} of their size: is it centered, and are the signs the cloud's own?"
        )
show("canonical coordinates", torch.stack([canonical(x) for x in clouds])[:, :2])


# %% name="canonical-unsigned" role="decoy" replaces="canonical" fails=["check-canonical", "check-jump"]
def canonical(x):
    x = x - x.mean(dim=0)
    _, axes = torch.linalg.eigh(x.mT @ x / len(x))
    return x @ axes


# %% name="canonical-uncentered" role="decoy" replaces="canonical" fails=["check-canonical"]
def canonical(x):
    _, axes = torch.linalg.eigh(x.mT @ x / len(x))
    y = x @ axes
    return y * y.pow(3).sum(dim=0).sign()


# %% [markdown]
# **b.** Now break it. Write `with_spreads`: stretch a cloud along its own principal axes (without turning it), so that the eigenvalues of its covariance become three given numbers, the first for the axis that had the smallest spread, and so on. The center goes to the origin.
#
# The check then makes two clouds that differ by a millionth, one with spreads $(1,\, 1 + \varepsilon,\, 3)$ and one with $(1 + \varepsilon,\, 1,\, 3)$, and measures how far apart their canonical coordinates are.
#
# <details><summary>Hint 1</summary>Along the axes the coordinates are x @ U. Multiply each column, then go back with U transposed.</details>
#
# <details><summary>Hint 2</summary>The spread is a <i>square</i>: to make it k times as large, multiply the coordinate by the square root of k.</details>
#
# <details><summary>Hint 3</summary><code>x @ U * (new / old).sqrt() @ U.mT</code></details>


# %% name="with-spreads" role="answer" section="Frames jump"
def with_spreads(x, spreads):
    """The cloud (n, 3), centered, stretched to covariance eigenvalues `spreads` (3,)."""
    # solution: along its own axes, by the square root of the ratio
    x = x - x.mean(dim=0)
    old, axes = torch.linalg.eigh(x.mT @ x / len(x))
    return x @ axes * (spreads / old).sqrt() @ axes.mT


# %% name="check-spreads" role="check" points=1
draw = generator("spreads")
x = torch.randn(6, 3, generator=draw) + 1
wanted = torch.tensor([1.0, 2.0, 4.0])
y = with_spreads(x, wanted)
found = torch.linalg.eigvalsh(y.mT @ y / 6)
torch.testing.assert_close(
    found, wanted, msg=lambda m: f"the spreads are {found.tolist()}: not as asked for.\n{m}"
)
show("stretched cloud", y[:3])

# %% name="check-jump" role="check" points=2
draw = generator("jump")
x = torch.randn(6, 3, generator=draw)
eps = 1e-6
a = with_spreads(x, torch.tensor([1.0, 1.0 + eps, 3.0]))
b = with_spreads(x, torch.tensor([1.0 + eps, 1.0, 3.0]))
nudge, jump = (a - b).norm(), (canonical(a) - canonical(b)).norm()
assert nudge < 1e-4, f"the two clouds should be close, but they are {nudge:.1e} apart"
assert jump > 0.1, f"a frame of equal spreads must jump, but yours moved by {jump:.1e}"
show("jump", jump, digits=4)
show("canonical coordinates before", canonical(a)[0], digits=4)


# %% name="spreads-not-squared" role="decoy" replaces="with-spreads" fails=["check-spreads", "check-jump"]
def with_spreads(x, spreads):
    x = x - x.mean(dim=0)
    old, axes = torch.linalg.eigh(x.mT @ x / len(x))
    return x @ axes * (spreads / old) @ axes.mT


# %% name="spreads-turned" role="decoy" replaces="with-spreads" fails=["check-spreads"]
def with_spreads(x, spreads):
    x = x - x.mean(dim=0)
    old, axes = torch.linalg.eigh(x.mT @ x / len(x))
    return x @ axes * (spreads / old).sqrt()


# %% [markdown] role="discussion"
# The jump does not become smaller when the nudge does. No rule for choosing the frame can avoid it: where two spreads are equal, the axes in their plane can be any, and there is no continuous way to pick one for all clouds around such a point (Dym, Lawrence and Siegel, 2024). Weighted averages over several frames can be continuous. A single frame cannot.

# %% [markdown]
# ## 4. Average any model over a group
#
# Let $G$ be a finite group of orthogonal matrices: with two of them it holds their product, and with each its inverse. $|G|$ is their number. For any function $f$,
#
# $$
# \bar f(x) = \frac{1}{|G|} \sum_{g \in G} g \cdot f(g^{-1} \cdot x)
# $$
#
# is equivariant under $G$. On inputs, $g$ turns the points. On outputs it does nothing (an energy), or it turns vectors (a dipole `(3,)`, forces `(n, 3)`).
#
# Write `group_average`, which takes $f$, the matrices `(|G|, 3, 3)`, and whether outputs are vectors. It returns a function.
#
# <details><summary>Hint 1</summary>The inverse of an orthogonal matrix is its transpose.</details>
#
# <details><summary>Hint 2</summary>Rows turned by the inverse of g: <code>x @ g</code>. Rows turned by g: <code>y @ g.mT</code>, for (3,) too.</details>
#
# <details><summary>Hint 3</summary><code>torch.stack([... for g in matrices]).mean(dim=0)</code></details>


# %% name="group-average" role="answer" section="Exact on a subgroup"
def group_average(f, matrices, vectors):
    """The average of g f(g^-1 x): a function of clouds (n, 3)."""

    # solution: turn back, ask, turn the answer
    def average(x):
        images = [f(x @ g) for g in matrices]
        if vectors:
            images = [y @ g.mT for y, g in zip(images, matrices, strict=True)]
        return torch.stack(images).mean(dim=0)

    return average


# %%
def group_about(axis, n):
    """The n rotations about an axis by multiples of 360 / n degrees: (n, 3, 3)."""
    return rotation_3d(axis, 2 * torch.pi * torch.arange(n) / n)


# %% name="check-average" role="check" points=1
draw = generator("average")
x = torch.randn(4, 3, generator=draw)
w = torch.randn(4, 3, generator=draw)
G = group_about(torch.randn(3, generator=draw), 4)


def some_energy(p):
    return torch.tanh((p * w).sum())


smooth = group_average(some_energy, G, vectors=False)
for k, g in enumerate(G):
    error = equivariance_error(smooth, x, lambda p, g=g: p @ g.mT).item()
    assert error < 1e-12, f"element {k} of the group changed the averaged energy by {error:.1e}"
show("averaged energy", smooth(x))

# %% name="check-average-vectors" role="check" points=2
draw = generator("average-vectors")
x = torch.randn(4, 3, generator=draw)
w = torch.randn(4, 3, generator=draw)
G = group_about(torch.randn(3, generator=draw), 3)


def some_forces(p):
    return torch.tanh(p + w)


smooth = group_average(some_forces, G, vectors=True)
for k, g in enumerate(G):
    act = lambda p, g=g: p @ g.mT  # noqa: E731
    error = equivariance_error(smooth, x, act, act).item()
    assert error < 1e-12, (
        f"element {k}: turning before and turning after differ by {error:.1e}. Is it g f(g^-1 x), "
        "with the inverse inside and g outside?"
    )
show("averaged forces", smooth(x))

# %% name="check-average-whole" role="check" points=1
draw = generator("average-whole")
x = torch.randn(4, 3, generator=draw)
w = torch.randn(4, 3, generator=draw)
G = group_about(torch.tensor([0.0, 0.0, 1.0]), 4)
smooth = group_average(lambda p: torch.tanh((p * w).sum()), G, vectors=False)
R = random_rotations(1, generator=draw)[0]
show("exact for a quarter turn, not for", equivariance_error(smooth, x, lambda p: p @ R.mT))


# %% name="average-no-output" role="decoy" replaces="group-average" fails=["check-average-vectors"]
def group_average(f, matrices, vectors):
    return lambda x: torch.stack([f(x @ g) for g in matrices]).mean(dim=0)


# %% name="average-same-side" role="decoy" replaces="group-average" fails=["check-average-vectors"]
def group_average(f, matrices, vectors):
    def average(x):
        images = [f(x @ g.mT) for g in matrices]
        if vectors:
            images = [y @ g.mT for y, g in zip(images, matrices, strict=True)]
        return torch.stack(images).mean(dim=0)

    return average


# %% name="average-sum" role="decoy" replaces="group-average" fails=["check-average", "check-average-vectors"]
def group_average(f, matrices, vectors):
    def average(x):
        images = [f(x @ g) for g in matrices]
        if vectors:
            images = [y @ g.mT for y, g in zip(images, matrices, strict=True)]
        return torch.stack(images).sum(dim=0)

    return average


# %% name="average-nothing" role="decoy" replaces="group-average" fails=["check-average", "check-average-vectors", "check-average-whole"]
def group_average(f, matrices, vectors):
    return f


# %% [markdown] role="discussion"
# The sum in place of the mean is equivariant, too: the measure is relative, so it does not mind. The values do. For invariant outputs it makes no difference whether $g$ or its inverse stands inside, since a group contains both; for vectors it decides. And in the last check, a model that passes all tests with quarter turns changes a lot under another rotation: exact on a subgroup says nothing of the whole.

# %% [markdown]
# ## 5. Choose the road
#
# Someone hands you clouds `(b, n, 3)` and the target as a function of clouds, to numbers `(b,)` or vectors `(b, 3)`. You may ask the target about turned and mirrored clouds: that is the evidence. Write `choose`, which answers with one of these words:
#
# | answer | when |
# |---|---|
# | `"vectors"` | the targets are vectors that turn with the cloud |
# | `"nothing"` | random rotations change the target by more than 0.3 of its size, on average: there is no symmetry to tell |
# | `"penalty"` | they change it by less than that, but by more than rounding (1e-9): a symmetry that is only approximate |
# | `"distances"` | rotations and reflections leave the target alone |
# | `"proper frame"` | rotations leave it alone, a mirror does not, and the clouds have clear principal axes |
# | `"pseudoscalar"` | the same, but the axes are not clear: in more than a tenth of the clouds two of the three spreads (eigenvalues of the covariance) differ by less than 5 % of the largest one |
#
# Vector targets here always turn with the cloud. Measure errors with `equivariance_error` over the whole batch, and take the mean over ten random rotations.
#
# <details><summary>Hint 1</summary>Decide in the order of the table. <code>target(clouds).ndim</code> tells vectors from numbers.</details>
#
# <details><summary>Hint 2</summary>Rotations: the mean of <code>equivariance_error(target, clouds, lambda x: x @ R.mT)</code> over ten <code>random_rotations</code>. Mirror: the same with <code>-x</code>.</details>
#
# <details><summary>Hint 3</summary>Gaps: <code>torch.linalg.eigvalsh(x.mT @ x)</code> of centered clouds is (b, 3), rising; the two differences over the last one.</details>


# %% name="choose" role="answer" section="Which road?"
def choose(clouds, target):
    """The road for a task: one of the six words of the table."""
    # solution: the law first, then the mirror, then the axes
    if target(clouds).ndim == 2:
        return "vectors"
    Rs = random_rotations(10, generator=torch.Generator().manual_seed(0))
    errors = [equivariance_error(target, clouds, lambda x, R=R: x @ R.mT) for R in Rs]
    error = torch.stack(errors).mean()
    if error > 0.3:
        return "nothing"
    if error > 1e-9:
        return "penalty"
    if equivariance_error(target, clouds, lambda x: -x) < 1e-9:
        return "distances"
    x = clouds - clouds.mean(dim=1, keepdim=True)
    spreads = torch.linalg.eigvalsh(x.mT @ x)
    gaps = (spreads[:, 1:] - spreads[:, :-1]) / spreads[:, -1:]
    close = (gaps.amin(dim=1) < 0.05).double().mean()
    return "pseudoscalar" if close > 0.1 else "proper frame"


# %%
def make_task(name, draw):
    """A task of one kind, with new numbers in it: clouds (200, 6, 3), and a target."""
    q = torch.randn(6, generator=draw)
    i, j = torch.triu_indices(6, 6, offset=1)
    hands = 2.0 * torch.randint(2, (200, 1, 1), generator=draw) - 1
    corners = torch.cat([torch.eye(3), -torch.eye(3)])
    near = hands * (corners + 0.04 * torch.randn(200, 6, 3, generator=draw))
    long = near * torch.tensor([1.0, 2.0, 3.0])

    def energy(x):
        return (q[i] * q[j] / (x[:, i] - x[:, j]).norm(dim=-1)).sum(dim=-1)

    def dipole(x):
        return ((q - q.mean())[:, None] * x).sum(dim=1)

    def in_field(clouds, share):
        strength = share * energy(clouds).norm() / dipole(clouds)[:, 2].norm()
        return clouds, lambda x: energy(x) + strength * dipole(x)[:, 2]

    return {
        "energy": lambda: (long, energy),
        "dipole": lambda: (near, dipole),
        "hand of long clouds": lambda: (long, volume),
        "hand of round clouds": lambda: (near, volume),
        "energy in a weak field": lambda: in_field(near, 0.05),
        "energy in a strong field": lambda: in_field(long, 20.0),
    }[name]()


EXPECTED = {
    "energy": "distances",
    "dipole": "vectors",
    "hand of long clouds": "proper frame",
    "hand of round clouds": "pseudoscalar",
    "energy in a weak field": "penalty",
    "energy in a strong field": "nothing",
}


def judge(label, *names):
    """Eight tasks of these kinds in random order; explain a wrong choice, then show all."""
    draw = generator(label)
    answers = []
    for k in torch.randint(len(names), (8,), generator=draw).tolist():
        clouds, target = make_task(names[k], draw)
        answers.append(choose(clouds, target))
        assert answers[-1] == EXPECTED[names[k]], (
            f"{names[k]!r}: you chose {answers[-1]!r}, but the evidence says {EXPECTED[names[k]]!r}"
        )
    show("roads", answers)


# %% name="check-choose-laws" role="check" points=2
judge("laws", "energy", "dipole")

# %% name="check-choose-hands" role="check" points=2
judge("hands", "hand of long clouds", "hand of round clouds")

# %% name="check-choose-fields" role="check" points=2
judge("fields", "energy", "energy in a weak field", "energy in a strong field")


# %% name="choose-distances" role="decoy" replaces="choose" fails=["check-choose-laws", "check-choose-hands", "check-choose-fields"]
def choose(clouds, target):
    return "distances"


# %% name="choose-no-mirror" role="decoy" replaces="choose" fails=["check-choose-hands"]
def choose(clouds, target):
    if target(clouds).ndim == 2:
        return "vectors"
    Rs = random_rotations(10, generator=torch.Generator().manual_seed(0))
    errors = [equivariance_error(target, clouds, lambda x, R=R: x @ R.mT) for R in Rs]
    error = torch.stack(errors).mean()
    return "nothing" if error > 0.3 else "penalty" if error > 1e-9 else "distances"


# %% name="choose-frames-always" role="decoy" replaces="choose" fails=["check-choose-hands"]
def choose(clouds, target):
    if target(clouds).ndim == 2:
        return "vectors"
    Rs = random_rotations(10, generator=torch.Generator().manual_seed(0))
    errors = [equivariance_error(target, clouds, lambda x, R=R: x @ R.mT) for R in Rs]
    error = torch.stack(errors).mean()
    if error > 1e-9:
        return "nothing" if error > 0.3 else "penalty"
    even = equivariance_error(target, clouds, lambda x: -x) < 1e-9
    return "distances" if even else "proper frame"


# %% name="choose-loose" role="decoy" replaces="choose" fails=["check-choose-fields"]
def choose(clouds, target):
    if target(clouds).ndim == 2:
        return "vectors"
    Rs = random_rotations(10, generator=torch.Generator().manual_seed(0))
    errors = [equivariance_error(target, clouds, lambda x, R=R: x @ R.mT) for R in Rs]
    if torch.stack(errors).mean() > 0.3:
        return "nothing"
    if equivariance_error(target, clouds, lambda x: -x) < 0.3:
        return "distances"
    x = clouds - clouds.mean(dim=1, keepdim=True)
    spreads = torch.linalg.eigvalsh(x.mT @ x)
    gaps = (spreads[:, 1:] - spreads[:, :-1]) / spreads[:, -1:]
    close = (gaps.amin(dim=1) < 0.05).double().mean()
    return "pseudoscalar" if close > 0.1 else "proper frame"


# %% name="choose-quarter-turns" role="decoy" replaces="choose" fails=["check-choose-fields"]
def choose(clouds, target):
    if target(clouds).ndim == 2:
        return "vectors"
    R = rotation_3d(torch.tensor([0.0, 0.0, 1.0]), torch.pi / 2)
    error = equivariance_error(target, clouds, lambda x: x @ R.mT)
    if error > 0.3:
        return "nothing"
    if error > 1e-9:
        return "penalty"
    if equivariance_error(target, clouds, lambda x: -x) < 1e-9:
        return "distances"
    x = clouds - clouds.mean(dim=1, keepdim=True)
    spreads = torch.linalg.eigvalsh(x.mT @ x)
    gaps = (spreads[:, 1:] - spreads[:, :-1]) / spreads[:, -1:]
    close = (gaps.amin(dim=1) < 0.05).double().mean()
    return "pseudoscalar" if close > 0.1 else "proper frame"


# %% [markdown] role="discussion"
# The order of the questions is the lesson. First the law: does the target turn, stand still, or neither? Then the group: is a mirror part of it? Only then the data: are there axes to hold on to? No step of it needed a training.
#
# The decoys are mistakes that are made. Distances for everything, which cannot tell hands apart and cannot make a vector. Frames for clouds that have no axes. A tolerance that takes a weak field for none: an exact model would be wrong by just that field, forever. And a test with quarter turns about the field's own axis, which finds a symmetry and takes it for the whole group.
