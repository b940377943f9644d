# %% [markdown]
# # Exercises 11: Curie's principle
#
# You compute what equivariant models cannot do, before anyone trains one; find out what to tell them; and compare that with shaking the input.
#
# | exercise | points | time |
# |---|---|---|
# | 1. The stabilizer of a pair | 3 | 20 min |
# | 2. Five floors | 5 | 20 min |
# | 3. The breaking irrep | 5 | 25 min |
# | 4. The set of equivalent answers | 5 | 20 min |
# | 5. Noise against an order parameter | 4 | 25 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Conventions of the course: `stabilizer(points)` has `.matrices` of shape (g, 3, 3) and `.permutations` of shape (g, n); element g takes point i to the place of point `permutations[g, i]`. Arrows are rows (n, 3). Checks run in float64, and all clouds are centered at the origin.

# %%
import math

import torch

from coursetools.checks import generator, show
from coursetools.device import use_device
from equivar.audit import PerPoint, audit_task
from equivar.data import platonic_solid
from equivar.irreps import Irrep, Irreps
from equivar.rotations import random_orthogonal
from equivar.so3 import clebsch_gordan, wigner_d
from equivar.stabilizer import best_reachable, invariant_subspace, stabilizer

torch.set_default_dtype(torch.float64)
use_device()
SQUARE = torch.tensor([[1.0, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]])


def polygon(n):
    """Corners of a regular polygon in the plane z = 0: (n, 3)."""
    angle = 2 * math.pi * torch.arange(n) / n
    return torch.stack([angle.cos(), angle.sin(), 0 * angle], dim=-1)


def some_pose(draw):
    """A random orthogonal matrix, (3, 3)."""
    return random_orthogonal(1, generator=draw)[0].double()


# %% [markdown]
# ## 1. The stabilizer of a pair
#
# A solid has a symmetry group. Give it an order parameter $b$ of some irrep as well, and the pair keeps fewer symmetries: only those elements with $D(g)\,b = b$. Find them: return the indices of the elements that keep $b$, in rising order.
#
# Guess first: a tetrahedron has 24 symmetries. How many are left when you give it an arrow (`1o`) from its center to a corner? And how many when you give it a sense of turning (`1e`) about that axis instead?
#
# <details><summary>Hint 1</summary><code>wigner_d(irrep, matrices)</code> gives all D(g) at once, (g, d, d), parity included.</details>
#
# <details><summary>Hint 2</summary>Compare D(g) b with b, not with its length: an element that turns b into -b does not keep it.</details>
#
# <details><summary>Hint 3</summary><code>off = (wigner_d(irrep, matrices) @ b - b).norm(dim=-1)</code>, and the indices where it is below 1e-8.</details>


# %% name="kept-by" role="answer" section="The gradient names what to break"
def kept_by(matrices, irrep, b):
    """Indices of the elements (g, 3, 3) that leave b (d,) of an irrep such as "2e": a list."""
    # solution: the law of the irrep, parity and all, and equality as vectors
    off = (wigner_d(irrep, matrices) @ b - b).norm(dim=-1)
    return (off < 1e-8).nonzero().flatten().tolist()


# %%
def pairs(label, names):
    """Solids in some pose, each with one of its corners."""
    draw = generator(label)
    for k in torch.randperm(len(names), generator=draw).tolist():
        corners = platonic_solid(names[k])[0] @ some_pose(draw).mT
        i = int(torch.randint(len(corners), (1,), generator=draw))
        yield names[k], corners, stabilizer(corners), i


# %% name="check-kept" role="check" points=2
for name, corners, s, i in pairs("kept", ["tetrahedron", "cube", "octahedron", "icosahedron"]):
    for irrep, what in (("1o", "an arrow to a corner"), ("1e", "a sense of turning about it")):
        found = kept_by(s.matrices, irrep, corners[i])
        here = [g for g in range(len(s.matrices)) if s.permutations[g, i] == i]
        assert set(found) <= set(here) or irrep == "1e", (
            f"{name}: element {sorted(set(found) - set(here))[0]} takes corner {i} elsewhere, so it "
            f"cannot keep {what}. Did you compare lengths, or allow a sign?"
        )
        assert irrep == "1o" or all(
            (torch.linalg.det(s.matrices[g]) > 0) == (int(s.permutations[g, i]) == i) for g in found
        ), f"{name}: a pseudovector, 1e, is multiplied by det(R) R. Do you leave the parity out?"
        show(f"{name}, {what}", found)

# %% name="check-kept-axis" role="check" points=1
for name, corners, s, i in pairs("axis", ["tetrahedron", "cube"]):
    square = torch.outer(corners[i], corners[i])  # an axis without a direction
    b = torch.einsum("ijk,ij->k", clebsch_gordan(1, 1, 2), square)
    found = kept_by(s.matrices, "2e", b)
    keeps = int((s.matrices @ square @ s.matrices.mT - square).norm(dim=(1, 2)).lt(1e-8).sum())
    assert len(found) == keeps, f"{name}: {keeps} elements keep n n^T, you find {len(found)}"
    show(f"{name}, an axis", found)


# %% name="kept-up-to-sign" role="decoy" replaces="kept-by" fails=["check-kept"]
def kept_by(matrices, irrep, b):
    D = wigner_d(irrep, matrices)
    off = torch.minimum((D @ b - b).norm(dim=-1), (D @ b + b).norm(dim=-1))
    return (off < 1e-8).nonzero().flatten().tolist()


# %% name="kept-rotations" role="decoy" replaces="kept-by" fails=["check-kept", "check-kept-axis"]
def kept_by(matrices, irrep, b):
    off = (wigner_d(irrep, matrices) @ b - b).norm(dim=-1)
    return ((off < 1e-8) & (torch.linalg.det(matrices) > 0)).nonzero().flatten().tolist()


# %% name="kept-no-parity" role="decoy" replaces="kept-by" fails=["check-kept"]
def kept_by(matrices, irrep, b):
    l = Irrep.parse(irrep).l
    off = (wigner_d(Irrep(l, (-1) ** l), matrices) @ b - b).norm(dim=-1)
    return (off < 1e-8).nonzero().flatten().tolist()


# %% name="kept-lengths" role="decoy" replaces="kept-by" fails=["check-kept", "check-kept-axis"]
def kept_by(matrices, irrep, b):
    off = (wigner_d(irrep, matrices) @ b).norm(dim=-1) - b.norm()
    return (off.abs() < 1e-8).nonzero().flatten().tolist()


# %% [markdown] role="discussion"
# The arrow leaves 6 of 24: three turns and three mirrors. The sense of turning leaves the 3 turns (and, in other solids, improper elements that reverse the axis, such as the inversion of the cube). The axis `2e` leaves 6 in the tetrahedron, but 12 in the cube, where the reversal of the axis is a symmetry too. So the choice of irrep decides how much is broken: break as little as the answer asks for.

# %% [markdown]
# ## 2. Five floors
#
# Arrows $t$, one for each point, are the target of an equivariant model; the loss is the mean over the points of the squared distance. Compute the smallest loss that any equivariant model can reach for this input, without training one.
#
# Guess first, for a hexagon whose target is to turn in its plane by 20 degrees: is the floor zero?
#
# <details><summary>Hint 1</summary>The best reachable arrows are the mean of all images of the target.</details>
#
# <details><summary>Hint 2</summary>Element g turns each arrow, <code>target @ R.mT</code>, and the arrow of point i arrives at the point <code>permutations[g, i]</code>.</details>
#
# <details><summary>Hint 3</summary><code>image = torch.empty_like(target); image[permutations[g]] = target @ matrices[g].mT</code>. Average the images, subtract the target, square, sum over components, and average over points.</details>


# %% name="floor" role="answer" section="The floor, before any training"
def floor(matrices, permutations, target):
    """Smallest loss of an equivariant model: (g, 3, 3), (g, n) and arrows (n, 3) to a number."""
    # solution: the distance from the target to the mean of its images
    images = torch.zeros(len(matrices), *target.shape)
    for image, R, p in zip(images, matrices, permutations, strict=True):
        image[p] = target @ R.mT
    return (images.mean(dim=0) - target).square().sum(-1).mean().item()


# %%
def tasks(label):
    """Five inputs in some pose, with targets."""
    draw = generator(label)
    wide = 1.5 + torch.rand(1, generator=draw).item()
    angle = 0.2 + torch.rand(1, generator=draw).item()
    c, s = math.cos(angle), math.sin(angle)
    turn = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    stretch = torch.tensor([wide, 1, 1])
    pull = torch.zeros(3, 3)
    pull[1] = torch.randn(3, generator=draw)
    up = torch.tensor([0, 0, 1.5])
    prism = torch.cat([SQUARE + up, SQUARE - up])
    given = {
        "square to rectangle": (SQUARE, SQUARE * stretch - SQUARE),
        "rectangle to square": (SQUARE * stretch, SQUARE - SQUARE * stretch),
        "triangle, a corner pulled": (polygon(3), pull),
        "hexagon, turned": (polygon(6), polygon(6) @ turn.mT - polygon(6)),
        "prism, anything": (prism, torch.randn(8, 3, generator=draw)),
    }
    return {name: (x @ Q.mT, t @ Q.mT) for name, (x, t) in given.items() for Q in [some_pose(draw)]}


# %% name="check-floors" role="check" points=4
floors = {}
for name, (x, t) in tasks("floors").items():
    s = stabilizer(x)
    floors[name] = floor(s.matrices, s.permutations, t)
    true = 3 * audit_task([x], [t], "points", PerPoint("1o")).floor
    assert abs(floors[name] - true) < 1e-8, (
        f"{name}: the library's audit finds a floor of {true:.4f}, you {floors[name]:.4f}. Does each "
        f"arrow move along with its point, do you use all {len(s.matrices)} elements, and is the "
        "mean over points, not over all components?"
    )
show("floors", floors)

# %% name="check-floors-none" role="check" points=1
draw = generator("none")
x, t = torch.randn(2, 5, 3, generator=draw)
s = stabilizer(x)
free = floor(s.matrices, s.permutations, t)
assert abs(free) < 1e-12, f"a cloud without symmetry has no floor, you find {free}"
x = polygon(3)
s = stabilizer(x)
t = x * (1 + torch.rand(1, generator=draw))
grown = floor(s.matrices, s.permutations, t)
assert abs(grown) < 1e-12, f"a triangle may grow: no floor, you find {grown}"
arrow = torch.zeros(3, 3)
arrow[:, 2] = torch.rand(1, generator=draw)  # all out of the plane: the mirror in it forbids that
show("floors of free, grown, and lifted", [free, grown, floor(s.matrices, s.permutations, arrow)])


# %% name="floor-arrows-stay" role="decoy" replaces="floor" fails=["check-floors", "check-floors-none"]
def floor(matrices, permutations, target):
    images = torch.stack([target @ R.mT for R in matrices])
    return (images.mean(dim=0) - target).square().sum(-1).mean().item()


# %% name="floor-inverse" role="decoy" replaces="floor" fails=["check-floors", "check-floors-none"]
def floor(matrices, permutations, target):
    images = torch.stack([(target @ R.mT)[p] for R, p in zip(matrices, permutations, strict=True)])
    return (images.mean(dim=0) - target).square().sum(-1).mean().item()


# %% name="floor-rotations" role="decoy" replaces="floor" fails=["check-floors"]
def floor(matrices, permutations, target):
    proper = torch.linalg.det(matrices) > 0
    images = torch.zeros(int(proper.sum()), *target.shape)
    for image, R, p in zip(images, matrices[proper], permutations[proper], strict=True):
        image[p] = target @ R.mT
    return (images.mean(dim=0) - target).square().sum(-1).mean().item()


# %% name="floor-components" role="decoy" replaces="floor" fails=["check-floors", "check-floors-none"]
def floor(matrices, permutations, target):
    images = torch.zeros(len(matrices), *target.shape)
    for image, R, p in zip(images, matrices, permutations, strict=True):
        image[p] = target @ R.mT
    return (images.mean(dim=0) - target).square().mean().item()


# %% [markdown] role="discussion"
# The way back, rectangle to square, has floor zero: symmetry may be added. A hexagon cannot turn in its plane, since its mirrors would have to turn it the other way. All it can do is shrink a little, the mean of both turns.
#
# With rotations alone the flat shapes have the same floors here: a half turn about an axis in the plane does to flat arrows what a mirror does. Only the prism shows the mistake: rotations let its upper face twist against the lower one, and a mirror forbids it. Test with something that fills space.

# %% [markdown]
# ## 3. The breaking irrep
#
# Which irreps can serve as an order parameter that takes an input of symmetry $S$ to an output of symmetry $T \subset S$? Those that have more vectors kept by $T$ than by $S$. Return them as a list of names, in the order given.
#
# Guess first, for an octahedron that is to be stretched along one of its axes: which is the lowest degree that helps?
#
# <details><summary>Hint 1</summary><code>len(invariant_subspace(symmetry, irrep))</code> counts the vectors that a symmetry keeps.</details>
#
# <details><summary>Hint 2</summary>A vector that S keeps too breaks nothing: an energy, 0e, is kept by everything.</details>
#
# <details><summary>Hint 3</summary><code>for _, irrep in Irreps(irreps)</code>, and keep <code>str(irrep)</code> where the count for T exceeds that for S.</details>


# %% name="breaking-irreps" role="answer" section="The gradient names what to break"
def breaking_irreps(S, T, irreps):
    """Names of the irreps among "0e + 0o + 1o" that break symmetry S down to T: a list."""
    # solution: kept by the output's symmetry, and not already by the input's
    return [
        str(irrep)
        for _, irrep in Irreps(irreps)
        if len(invariant_subspace(T, irrep)) > len(invariant_subspace(S, irrep))
    ]


# %% name="check-breaking" role="check" points=3
draw = generator("breaking")
octahedron, corners = platonic_solid("octahedron")[0], platonic_solid("tetrahedron")[0]
along = torch.ones(3, 3) / 3  # projects on the diagonal
wide, twist = torch.tensor([2.0, 1, 1]), torch.tensor([[0.9, -0.2, 0], [0.2, 0.9, 0], [0, 0, 1]])
changes = {
    "square to rectangle": (SQUARE, SQUARE * wide),
    "octahedron, stretched along an axis": (octahedron, octahedron * wide),
    "octahedron, stretched along a diagonal": (octahedron, octahedron @ (torch.eye(3) + along)),
    "tetrahedron, a corner pulled out": (corners, corners * torch.tensor([[2.0], [1], [1], [1]])),
    "tetrahedron, stretched along an axis": (corners, corners * wide),
    "rectangle to square": (SQUARE * wide, SQUARE),
}
ALL = "0e + 0o + 1o + 1e + 2e + 2o + 3o + 3e + 4e"
for k in torch.randperm(len(changes), generator=draw).tolist():
    name = list(changes)[k]
    Q = some_pose(draw)
    S, T = (stabilizer(x @ Q.mT) for x in changes[name])
    found = breaking_irreps(S, T, ALL)
    assert "0e" not in found, f"{name}: 0e is kept by every symmetry, and breaks none"
    assert name != "octahedron, stretched along an axis" or found == ["2e", "4e"], (
        f"{name}: expected 2e and 4e, you say {found}"
    )
    show(name, found)


# %% name="breaking-kept" role="decoy" replaces="breaking-irreps" fails=["check-breaking"]
def breaking_irreps(S, T, irreps):
    return [str(irrep) for _, irrep in Irreps(irreps) if len(invariant_subspace(T, irrep))]


# %% name="breaking-new-only" role="decoy" replaces="breaking-irreps" fails=["check-breaking"]
def breaking_irreps(S, T, irreps):
    return [
        str(irrep)
        for _, irrep in Irreps(irreps)
        if len(invariant_subspace(T, irrep)) and not len(invariant_subspace(S, irrep))
    ]


# %% name="breaking-backwards" role="decoy" replaces="breaking-irreps" fails=["check-breaking"]
def breaking_irreps(S, T, irreps):
    return [
        str(irrep)
        for _, irrep in Irreps(irreps)
        if len(invariant_subspace(S, irrep)) > len(invariant_subspace(T, irrep))
    ]


# %% name="breaking-rotations" role="decoy" replaces="breaking-irreps" fails=["check-breaking"]
def breaking_irreps(S, T, irreps):
    proper = [G.matrices[torch.linalg.det(G.matrices) > 0] for G in (T, S)]
    return [
        str(irrep)
        for _, irrep in Irreps(irreps)
        if len(invariant_subspace(proper[0], irrep)) > len(invariant_subspace(proper[1], irrep))
    ]


# %% [markdown]
# Now ask a model. `order_gradient(f, points, target, n)` gets a model that is called as `f(points, b)` with $b$ of $n$ numbers, and answers arrows (points, 3). Return the gradient of the loss (mean over points of the squared distance to the target) with respect to $b$, at $b = 0$.
#
# The model of the check is equivariant, with some random weights: a polynomial in the points and in the symmetric matrix that a `2e` stands for. It was not trained.
#
# <details><summary>Hint 1</summary>A tensor of zeros with <code>requires_grad=True</code> is a fine place to take a derivative.</details>
#
# <details><summary>Hint 2</summary><code>torch.autograd.grad(loss, b)</code> returns a tuple of one.</details>
#
# <details><summary>Hint 3</summary><code>loss = (f(points, b) - target).square().sum(-1).mean()</code>.</details>


# %% name="order-gradient" role="answer" section="The gradient names what to break"
def order_gradient(f, points, target, n):
    """Gradient (n,) of the loss of f(points, b) with respect to b (n,), at zero."""
    # solution: a derivative at zero, not at some other place
    b = torch.zeros(n, requires_grad=True)
    loss = (f(points, b) - target).square().sum(-1).mean()
    return torch.autograd.grad(loss, b)[0]


# %%
def polynomial(draw):
    """An equivariant model f(points, b) with b of irrep 2e, and random weights."""
    w = torch.randn(4, generator=draw)

    def f(points, b):
        M = torch.einsum("ijk,k->ij", clebsch_gordan(1, 1, 2), b)
        stretch = (points @ M * points).sum(-1, keepdim=True)
        return w[0] * points + w[1] * points @ M + w[2] * stretch * points + w[3] * points @ M @ M

    return f


# %% name="check-gradient" role="check" points=2
draw = generator("gradient")
f = polynomial(draw)
wide = torch.tensor([1.5 + torch.rand(1, generator=draw).item(), 1, 1])
target = SQUARE * wide - SQUARE
g = order_gradient(f, SQUARE, target, 5)
assert g.shape == (5,), f"the gradient has shape {tuple(g.shape)}, not (5,)"
G = torch.einsum("ijk,k->ij", clebsch_gordan(1, 1, 2), g)
xy, yz, xz = (G[i, j].abs().item() for i, j in ((0, 1), (1, 2), (0, 2)))
assert max(xy, yz, xz) < 1e-10, (
    f"xy, yz and xz are {xy:.1e}, {yz:.1e}, {xz:.1e}. The mirrors of the square and of the target "
    "reverse them, so they must be zero. Is the derivative taken at b = 0?"
)
assert abs(G[0, 0] - G[1, 1]) > 1e-3, "x^2 - y^2 should not be zero. Is the target in your loss?"
show("gradient as a matrix", G)
Q = some_pose(draw)
g = order_gradient(f, SQUARE @ Q.mT, target @ Q.mT, 5)
show("gradient in another pose", g)


# %% name="gradient-elsewhere" role="decoy" replaces="order-gradient" fails=["check-gradient"]
def order_gradient(f, points, target, n):
    b = torch.ones(n, requires_grad=True)
    loss = (f(points, b) - target).square().sum(-1).mean()
    return torch.autograd.grad(loss, b)[0]


# %% name="gradient-no-target" role="decoy" replaces="order-gradient" fails=["check-gradient"]
def order_gradient(f, points, target, n):
    b = torch.zeros(n, requires_grad=True)
    return torch.autograd.grad(f(points, b).square().sum(-1).mean(), b)[0]


# %% name="gradient-components" role="decoy" replaces="order-gradient" fails=["check-gradient"]
def order_gradient(f, points, target, n):
    b = torch.zeros(n, requires_grad=True)
    return torch.autograd.grad((f(points, b) - target).square().mean(), b)[0]


# %% [markdown] role="discussion"
# An irrep that S keeps *in part* can still break it: a square keeps one component of `2e` ($z^2$), and $x^2 - y^2$ is one more. So compare counts, and do not ask for "kept by T and not at all by S".
#
# The tetrahedron has no center of inversion, so odd irreps help where a corner is pulled out. The way from rectangle to square needs no help: the list is empty.
#
# The gradient needs no training. Without it, components that both shapes keep ($z^2$ here) may have a gradient too; at the floor they vanish, and only the breaking ones are left.

# %% [markdown]
# ## 4. The set of equivalent answers
#
# For a symmetric input, images of a target under its symmetries are equally good answers. Return all *different* ones, in any order: two are the same if no component differs by more than 1e-6.
#
# Guess first: how many equivalent answers has a cube of which one corner is pulled out?
#
# <details><summary>Hint 1</summary>Orbit and stabilizer: 48 elements, and those that keep the corner.</details>
#
# <details><summary>Hint 2</summary>Make all images as in exercise 2, and keep one only if none of those kept so far is equal.</details>
#
# <details><summary>Hint 3</summary><code>any((image - other).abs().max() &lt; 1e-6 for other in kept)</code>, then <code>torch.stack(kept)</code>.</details>


# %% name="answers" role="answer" section="A set of equally good answers"
def answers(matrices, permutations, target):
    """All different images of arrows (n, 3) under a symmetry (g, 3, 3), (g, n): (k, n, 3)."""
    # solution: arrows move with their points, and each image is kept once
    kept = []
    for R, p in zip(matrices, permutations, strict=True):
        image = torch.empty_like(target)
        image[p] = target @ R.mT
        if not any((image - other).abs().max() < 1e-6 for other in kept):
            kept.append(image)
    return torch.stack(kept)


# %% name="check-answers" role="check" points=3
draw = generator("answers")
clouds = {"square": SQUARE, "triangle": polygon(3), "tetrahedron": platonic_solid("tetrahedron")[0]}
clouds["cube"] = platonic_solid("cube")[0]
for k in torch.randperm(4, generator=draw).tolist():
    name = list(clouds)[k]
    x = clouds[name] @ some_pose(draw).mT
    s = stabilizer(x)
    i = int(torch.randint(len(x), (1,), generator=draw))
    pulled = torch.zeros_like(x)
    pulled[i] = x[i] * (1 + torch.rand(1, generator=draw))
    found = answers(s.matrices, s.permutations, pulled)
    assert found.shape[1:] == x.shape, f"{name}: the shape is {tuple(found.shape)}"
    assert len(found) == len(x), (
        f"{name}: any of its {len(x)} corners could be the one that is pulled, you have "
        f"{len(found)} answers. Are equal ones kept once?"
    )
    off = (found.mean(dim=0) - best_reachable(s, pulled, "1o", per_point=True)).norm()
    assert off < 1e-6, f"{name}: the mean of the answers must be the best reachable one"
    probe = torch.randn(*x.shape, generator=draw)
    distances = (found - probe).square().sum(dim=(1, 2)).sort().values
    show(f"{name}: distances from a probe", distances)


# %% name="answers-all" role="decoy" replaces="answers" fails=["check-answers"]
def answers(matrices, permutations, target):
    images = torch.zeros(len(matrices), *target.shape)
    for image, R, p in zip(images, matrices, permutations, strict=True):
        image[p] = target @ R.mT
    return images


# %% name="answers-arrows-stay" role="decoy" replaces="answers" fails=["check-answers"]
def answers(matrices, permutations, target):
    kept = []
    for R in matrices:
        image = target @ R.mT
        if not any((image - other).abs().max() < 1e-6 for other in kept):
            kept.append(image)
    return torch.stack(kept)


# %% name="answers-not-turned" role="decoy" replaces="answers" fails=["check-answers"]
def answers(matrices, permutations, target):
    kept = []
    for p in permutations:
        image = torch.empty_like(target)
        image[p] = target
        if not any((image - other).abs().max() < 1e-6 for other in kept):
            kept.append(image)
    return torch.stack(kept)


# %% [markdown]
# Now the loss. A set loss takes the answer `y` of a model and the set: it is the mean over points of the squared distance to the *nearest* answer of the set.
#
# Think first: nearest for all points together, or for each point alone?
#
# <details><summary>Hint 1</summary>An answer is good when it is one of the set. A mixture of two is not.</details>
#
# <details><summary>Hint 2</summary><code>y - answers</code> has shape (k, n, 3). Sum over components, average over points, and only then choose.</details>
#
# <details><summary>Hint 3</summary><code>(y - answers).square().sum(-1).mean(-1).min()</code></details>


# %% name="set-loss" role="answer" section="A set of equally good answers"
def set_loss(y, answers):
    """Loss of arrows y (n, 3) against equivalent answers (k, n, 3): a 0-dim tensor."""
    # solution: first the distance to each whole answer, then the smallest
    return (y - answers).square().sum(-1).mean(-1).min()


# %% name="check-set-loss" role="check" points=2
draw = generator("set-loss")
wide = 1 + torch.rand(1, generator=draw).item()
lying = SQUARE * torch.tensor([wide, 0, 0])
both = torch.stack([lying, SQUARE * torch.tensor([0, wide, 0])])
for k in (0, 1):
    assert set_loss(both[k], both).abs() < 1e-12, "each member of the set is a perfect answer"
mixed = both[0].clone()
mixed[:2] = both[1][:2]
assert set_loss(mixed, both) > 0.1, (
    "two corners of the lying rectangle and two of the standing one are no rectangle: the loss must "
    "not choose for each point alone"
)
y = torch.randn(4, 4, 3, generator=draw)
show("set losses", [set_loss(one, both) for one in y])
show("of a mixture", set_loss(mixed, both))


# %% name="set-loss-per-point" role="decoy" replaces="set-loss" fails=["check-set-loss"]
def set_loss(y, answers):
    return (y - answers).square().sum(-1).min(dim=0).values.mean()


# %% name="set-loss-mean" role="decoy" replaces="set-loss" fails=["check-set-loss"]
def set_loss(y, answers):
    return (y - answers).square().sum(-1).mean()


# %% name="set-loss-to-the-mean" role="decoy" replaces="set-loss" fails=["check-set-loss"]
def set_loss(y, answers):
    return (y - answers.mean(dim=0)).square().sum(-1).mean()


# %% [markdown] role="discussion"
# Eight for the cube: 48 elements, of which six keep a corner. The mean of the set is the best reachable answer. That is what the mean squared error drives an equivariant model to, and why its answers look blurred.
#
# Choosing for each point alone is the tempting mistake: such a loss is zero for a monster of which each point is right somewhere.

# %% [markdown]
# ## 5. Noise against an order parameter
#
# Here is a model that stretches a cloud along the axis in which it is longest, and breaks ties by an order parameter (a symmetric matrix M). It is equivariant. For a square without M there is a tie. Two ways out: shake the corners by a little noise, or give it an M. Judge both.
#
# `judge(ys, matrices, permutations, answers)` gets the answers (m, n, 3) of several trials. Return two numbers: the fewest symmetries of the input that any of the `ys` keeps, and the mean over the trials of the set loss (the mean over points of the squared distance to the nearest of the equivalent answers).
#
# Guess first: the square has 16 symmetries, the rectangle keeps 8. How many does an answer keep that noise has chosen?
#
# <details><summary>Hint 1</summary>Element g keeps y if its image of y is y: arrows turn, and move with their points.</details>
#
# <details><summary>Hint 2</summary>Count, for each y, the elements whose image differs by less than 1e-6 in each component. Take the smallest count.</details>
#
# <details><summary>Hint 3</summary>The image: <code>image[p] = y @ R.mT</code>. For the second number: <code>(y - answers).square().sum(-1).mean(-1).min()</code>, averaged over trials.</details>


# %%
def longest(points, M=None):
    """Arrows (n, 3) that make a cloud twice as long along its longest axis."""
    spread = points.mT @ points / points.square().sum()
    n = torch.linalg.eigh(spread if M is None else spread + M).eigenvectors[:, -1]
    return (points @ n)[:, None] * n


# %% name="judge" role="answer" section="A set of equally good answers"
def judge(ys, matrices, permutations, answers):
    """Fewest symmetries kept by any answer, and mean set loss: (int, float)."""
    # solution: for each answer, which elements leave it, and how far the nearest good one is
    kept, losses = [], []
    for y in ys:
        count = 0
        for R, p in zip(matrices, permutations, strict=True):
            image = torch.empty_like(y)
            image[p] = y @ R.mT
            count += int((image - y).abs().max() < 1e-6)
        kept.append(count)
        losses.append((y - answers).square().sum(-1).mean(-1).min().item())
    return min(kept), sum(losses) / len(losses)


# %%
def trials(label, noisy):
    """A square in some pose, eight answers, its symmetry, and the equivalent good answers."""
    draw = generator(label)
    Q = some_pose(draw)
    x = SQUARE @ Q.mT
    if noisy:  # in the plane of the square, a hundredth of its half side
        flat = torch.tensor([1.0, 1, 0])
        moved = [x + 0.01 * (torch.randn(4, 3, generator=draw) * flat) @ Q.mT for _ in range(8)]
        ys = torch.stack([longest(m) for m in moved])
    else:
        stretch = 0.01 * Q @ torch.diag(torch.tensor([1.0, -1, 0])) @ Q.mT
        signs = torch.randint(2, (8,), generator=draw) * 2 - 1
        ys = torch.stack([longest(x, sign * stretch) for sign in signs])
    good = torch.stack([SQUARE * torch.tensor([1.0, 0, 0]), SQUARE * torch.tensor([0, 1.0, 0])])
    return ys, stabilizer(x), good @ Q.mT


# %% name="check-judge" role="check" points=2
ys, s, good = trials("parameter", noisy=False)
kept, loss = judge(ys, s.matrices, s.permutations, good)
assert kept == 8, (
    f"with an order parameter each answer keeps the 8 symmetries of a rectangle, you count {kept}. "
    "Do arrows move with their points?"
)
assert loss < 1e-12, (
    f"each answer is one of the two good ones, so the set loss is 0, not {loss:.3f}"
)
bad = torch.randn(1, 4, 3, generator=generator("bad"))
show("order parameter", [kept, loss])
mixed = judge(torch.cat([ys, bad]), s.matrices, s.permutations, good)
show("with a bad answer among them", list(mixed))

# %% name="check-judge-noise" role="check" points=2
ys, s, good = trials("noise", noisy=True)
kept, loss = judge(ys, s.matrices, s.permutations, good)
assert kept < 8, f"noise breaks more than a rectangle does; you count {kept} symmetries left"
assert loss > 1e-3, "noise points anywhere in the plane, and rarely along a side"
show("noise", [kept, loss])


# %% name="judge-arrows-stay" role="decoy" replaces="judge" fails=["check-judge"]
def judge(ys, matrices, permutations, answers):
    kept = [sum(int((y @ R.mT - y).abs().max() < 1e-6) for R in matrices) for y in ys]
    losses = [(y - answers).square().sum(-1).mean(-1).min().item() for y in ys]
    return min(kept), sum(losses) / len(losses)


# %% name="judge-most" role="decoy" replaces="judge" fails=["check-judge"]
def judge(ys, matrices, permutations, answers):
    kept, losses = [], []
    for y in ys:
        count = 0
        for R, p in zip(matrices, permutations, strict=True):
            image = torch.empty_like(y)
            image[p] = y @ R.mT
            count += int((image - y).abs().max() < 1e-6)
        kept.append(count)
        losses.append((y - answers).square().sum(-1).mean(-1).min().item())
    return max(kept), sum(losses) / len(losses)


# %% name="judge-one-answer" role="decoy" replaces="judge" fails=["check-judge", "check-judge-noise"]
def judge(ys, matrices, permutations, answers):
    kept, losses = [], []
    for y in ys:
        count = 0
        for R, p in zip(matrices, permutations, strict=True):
            image = torch.empty_like(y)
            image[p] = y @ R.mT
            count += int((image - y).abs().max() < 1e-6)
        kept.append(count)
        losses.append((y - answers[0]).square().sum(-1).mean().item())
    return min(kept), sum(losses) / len(losses)


# %% name="judge-rotations" role="decoy" replaces="judge" fails=["check-judge", "check-judge-noise"]
def judge(ys, matrices, permutations, answers):
    proper = torch.linalg.det(matrices) > 0
    kept, losses = [], []
    for y in ys:
        count = 0
        for R, p in zip(matrices[proper], permutations[proper], strict=True):
            image = torch.empty_like(y)
            image[p] = y @ R.mT
            count += int((image - y).abs().max() < 1e-6)
        kept.append(count)
        losses.append((y - answers).square().sum(-1).mean(-1).min().item())
    return min(kept), sum(losses) / len(losses)


# %% [markdown] role="discussion"
# The order parameter breaks half of the 16 symmetries, those that the rectangle must lose, and each answer is one of the two good ones. Noise of a hundredth leaves only what noise in the plane cannot touch: for the shaken square itself the mirror in the plane, and for the answer of this model perhaps a half turn more. It stretches the square along *some* direction. Most of them are no rectangle at all.
#
# Making the noise smaller does not help: the tie is broken by whatever is left, and a nudge of $10^{-9}$ may turn the answer by a right angle. That is not a fault of this model. A continuous equivariant function would have to answer a square nearly as it answers its neighbors, and its neighbors in different directions disagree.
