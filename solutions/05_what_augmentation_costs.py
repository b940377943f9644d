# %% [markdown]
# # Exercises 05: what augmentation costs
#
# You turn labels that are arrows and matrices, predict an error that no rotation can mend, find the smallest set of rotations that averages exactly, and prove with numbers when augmentation and architecture are one thing.
#
# | exercise | points | time |
# |---|---|---|
# | 1. Augment a label that is not a number | 3 | 15 min |
# | 2. Predict the inversion error | 4 | 25 min |
# | 3. The smallest exact set | 3 | 20 min |
# | 4. The kernel identity | 4 | 25 min |
# | 5. Fit the exponent | 3 | 15 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Conventions of the course: points are rows, (x, y, z). A rotation acts on a column, $r \mapsto R\,r$. Checks run in float64.

# %%
import math

import torch

from coursetools.checks import generator, show
from coursetools.device import use_device
from equivar.averaging import averaging_error, solid_rotations
from equivar.measure import equivariance_error
from equivar.rotations import random_rotations
from equivar.stabilizer import stabilizer

torch.set_default_dtype(torch.float64)
use_device()

# %% [markdown]
# ## 1. Augment a label that is not a number
#
# A batch of $b$ molecules: positions $(b, n, 3)$, dipole moments $(b, 3)$, polarizabilities $(b, 3, 3)$. The polarizability $\alpha$ takes an electric field $E$ to the dipole $\alpha E$ that it induces. Each molecule comes with a rotation of its own, `rotations` $(b, 3, 3)$. Write `augment`, which turns everything.
#
# First, without running anything: a field $E$ makes the dipole $\alpha E$. Turn the molecule *and* the field. Which dipole must come out, and so what is the new $\alpha$?
#
# <details><summary>Hint 1</summary>Positions are rows, so they are multiplied from the right by the transpose. <code>.mT</code> transposes the last two axes, and <code>@</code> pairs the leading ones: molecule k with rotation k.</details>
#
# <details><summary>Hint 2</summary>A vector (b, 3) is no matrix for <code>@</code>. Give it an axis, <code>v[..., None]</code>, multiply from the left, and take the axis off again; or use <code>torch.einsum("bij,bj->bi", R, v)</code>.</details>
#
# <details><summary>Hint 3</summary>The turned molecule in the field R E must give the dipole R α E. So α' R E = R α E for each E, which means α' = R α Rᵀ.</details>


# %% name="augment" role="answer" section="Turn the label, too"
def augment(positions, dipoles, polarizabilities, rotations):
    """Turn molecule k by rotation k; returns positions, dipoles, polarizabilities, turned."""
    # solution: rows from the right, columns from the left, matrices from both sides
    turned = torch.einsum("bij,bj->bi", rotations, dipoles)
    return positions @ rotations.mT, turned, rotations @ polarizabilities @ rotations.mT


# %%
def molecules_of(label):
    """Four random clouds, with labels that are functions of the positions alone."""
    draw = generator(label)
    x = torch.randn(4, 5, 3, generator=draw)
    q = torch.tensor([1.0, -2.0, 0.5, 1.5, -1.0])
    dipole = torch.einsum("i,bid->bd", q, x)
    polarizability = torch.einsum("i,bid,bie->bde", q.square(), x, x)
    return x, dipole, polarizability, q, random_rotations(4, generator=draw)


# %% name="check-augment-vector" role="check" points=2
x, dipole, polarizability, q, Rs = molecules_of("augment-vector")
new, new_dipole, _ = augment(x, dipole, polarizability, Rs)
torch.testing.assert_close(
    new[1],
    x[1] @ Rs[1].mT,
    msg=lambda m: f"Molecule 1 must be turned by rotation 1, as rows times R transposed.\n{m}",
)
torch.testing.assert_close(
    new_dipole,
    torch.einsum("i,bid->bd", q, new),
    msg=lambda m: f"The dipole of the turned molecule is another one: was the label turned?\n{m}",
)
show("positions", new[:, 0])
show("dipoles", new_dipole)

# %% name="check-augment-matrix" role="check" points=1
x, dipole, polarizability, q, Rs = molecules_of("augment-matrix")
new, _, new_polarizability = augment(x, dipole, polarizability, Rs)
torch.testing.assert_close(
    new_polarizability,
    torch.einsum("i,bid,bie->bde", q.square(), x @ Rs.mT, x @ Rs.mT),
    msg=lambda m: f"A matrix turns on both sides: field in, dipole out.\n{m}",
)
show("polarizabilities", new_polarizability)


# %% name="augment-label-stays" role="decoy" replaces="augment" fails=["check-augment-vector", "check-augment-matrix"]
def augment(positions, dipoles, polarizabilities, rotations):
    return positions @ rotations.mT, dipoles, polarizabilities


# %% name="augment-transposed" role="decoy" replaces="augment" fails=["check-augment-vector"]
def augment(positions, dipoles, polarizabilities, rotations):
    turned = torch.einsum("bji,bj->bi", rotations, dipoles)
    return positions @ rotations.mT, turned, rotations @ polarizabilities @ rotations.mT


# %% name="augment-one-side" role="decoy" replaces="augment" fails=["check-augment-matrix"]
def augment(positions, dipoles, polarizabilities, rotations):
    turned = torch.einsum("bij,bj->bi", rotations, dipoles)
    return positions @ rotations.mT, turned, rotations @ polarizabilities


# %% name="augment-one-rotation" role="decoy" replaces="augment" fails=["check-augment-vector", "check-augment-matrix"]
def augment(positions, dipoles, polarizabilities, rotations):
    R = rotations[0]
    return positions @ R.mT, dipoles @ R.mT, R @ polarizabilities @ R.mT


# %% [markdown] role="discussion"
# Code for energies has no line for the label, and it runs on dipoles without complaint. Nothing warns you: the loss goes down, to the value that the average over all orientations allows, which is the variance of the label. If your augmented network on vectors does not get below an error of about 1, look here first. One rotation for the whole batch is a milder bug: right on average, but the steps are noisier, since all samples of a step say the same about orientation.

# %% [markdown]
# ## 2. Predict the inversion error
#
# Any function can be split into a part that inversion keeps and a part that it flips:
#
# $$f(x) = \underbrace{\tfrac12\big(f(x) + f(-x)\big)}_{\text{even}} + \underbrace{\tfrac12\big(f(x) - f(-x)\big)}_{\text{odd}}.$$
#
# Somebody hands you the values of both parts on a test set. Predict the equivariance error under inversion, with no further call of $f$. `sign` says what the law asks for: +1 for an energy, which inversion must keep, and -1 for a force, which it must flip.
#
# First, without running anything: which part is the wrong one for a force? And if all of $f$ is of the wrong kind, is the error 1 or 2?
#
# (The error is the equivariance error of lecture 01: the size of what breaks the law, over the size of the answers. Sizes are root sums of squares over the whole test set.)
#
# <details><summary>Hint 1</summary>The error is the norm of f(-x) - sign f(x), over the norm of f(x).</details>
#
# <details><summary>Hint 2</summary>f(x) = even + odd. f(-x) = even - odd. Insert both, for sign = +1 and for sign = -1.</details>
#
# <details><summary>Hint 3</summary>What is left is twice the part of the wrong kind: odd for sign = +1, even for sign = -1.</details>


# %% name="predict-error" role="answer" section="Rotations alone leave inversion"
def predict_error(even, odd, sign):
    """Relative error under inversion of the function even + odd; a 0-dim tensor."""
    # solution: f(-x) - sign f(x) is twice the part of the wrong kind
    wrong = odd if sign > 0 else even
    size = torch.linalg.vector_norm
    return 2 * size(wrong) / size(even + odd)


# %% name="check-predict" role="check" points=2
draw = generator("predict")
a, b = (0.2 + torch.rand(2, generator=draw)).tolist()
clouds = torch.randn(50, 4, 3, generator=draw)


def handed(x):
    """A signed volume: rotations keep it, inversion flips it."""
    return torch.linalg.det(x[..., 1:, :] - x[..., :1, :])


def network(x):
    """Exactly invariant under rotations, like a perfectly augmented one, and handed."""
    return a * x.square().sum((-1, -2)) + b * handed(x)


even, odd = a * clouds.square().sum((-1, -2)), b * handed(clouds)
for sign, law in ((1, "an energy is kept"), (-1, "a signed volume is flipped")):
    measured = equivariance_error(network, clouds, lambda x: -x, lambda y, s=sign: s * y)
    torch.testing.assert_close(
        torch.as_tensor(predict_error(even, odd, sign)),
        measured,
        msg=lambda m, law=law: f"The law '{law}' under inversion: not what is measured.\n{m}",
    )
    show(law, predict_error(even, odd, sign))

# %% [markdown]
# A perfectly augmented network is invariant under all rotations, to the last digit, and under nothing else. Suppose that it does not notice shifts or the order of the points either. Can it give a cloud and its inversion $-x$ different answers? For some clouds it can, for others never. Write `can_differ`: `False` if *each* such network must give both the same answer, `True` otherwise.
#
# <details><summary>Hint 1</summary>Such a network must answer the same if some rotation of the cloud is the inverted cloud. A flat triangle, for example: turn it by half a turn in its plane.</details>
#
# <details><summary>Hint 2</summary>If R takes the cloud to its inversion, then -R takes the cloud to itself, and has determinant -1. The library finds all such matrices: <code>stabilizer(cloud).matrices</code>.</details>
#
# <details><summary>Hint 3</summary>The answer is True exactly if no matrix of the stabilizer has a negative determinant.</details>


# %% name="can-differ" role="answer" section="Rotations alone leave inversion"
def can_differ(cloud):
    """Whether any such network tells a cloud (n, 3) from its inversion: a bool."""
    # solution: not if a rotation does what inversion does, so if the cloud has an improper symmetry
    return not bool((torch.linalg.det(stabilizer(cloud).matrices) < 0).any())


# %% name="check-can-differ" role="check" points=2
draw = generator("can-differ")
half_turn, mirror = torch.diag(torch.tensor([-1.0, -1, 1])), torch.diag(torch.tensor([1.0, 1, -1]))
zoo = []
for _ in range(3):
    few = torch.randn(3, 3, generator=draw)
    flat = torch.randn(6, 3, generator=draw) * torch.tensor([1.0, 1.0, 0.0])
    R = random_rotations(1, generator=draw)[0]
    zoo += [
        ("a random cloud", torch.randn(6, 3, generator=draw), True),
        ("a flat cloud, which a half turn inverts", flat @ R.mT, False),
        ("a cloud with an axis but no mirror", torch.cat([few, few @ half_turn]) @ R.mT, True),
        ("a cloud with a mirror plane", torch.cat([few, few @ mirror]) @ R.mT, False),
        ("a cloud with a center of inversion", torch.cat([few, -few]) @ R.mT, False),
    ]
zoo = [zoo[i] for i in torch.randperm(len(zoo), generator=draw).tolist()]
for kind, cloud, truth in zoo:
    assert bool(can_differ(cloud)) == truth, f"{kind}: the answer is {truth}"
show("verdicts", [bool(can_differ(cloud)) for _, cloud, _ in zoo])


# %% name="predict-once" role="decoy" replaces="predict-error" fails=["check-predict"]
def predict_error(even, odd, sign):
    wrong = odd if sign > 0 else even
    return torch.linalg.vector_norm(wrong) / torch.linalg.vector_norm(even + odd)


# %% name="predict-swapped" role="decoy" replaces="predict-error" fails=["check-predict"]
def predict_error(even, odd, sign):
    wrong = even if sign > 0 else odd
    return 2 * torch.linalg.vector_norm(wrong) / torch.linalg.vector_norm(even + odd)


# %% name="predict-zero" role="decoy" replaces="predict-error" fails=["check-predict"]
def predict_error(even, odd, sign):
    return torch.tensor(0.0)  # "augmented by all rotations, so it is exact"


# %% name="differ-center" role="decoy" replaces="can-differ" fails=["check-can-differ"]
def can_differ(cloud):
    r = cloud - cloud.mean(dim=0)
    return bool(torch.cdist(-r, r).amin(dim=1).max() > 0.01)


# %% name="differ-always" role="decoy" replaces="can-differ" fails=["check-can-differ"]
def can_differ(cloud):
    return True


# %% name="differ-any-symmetry" role="decoy" replaces="can-differ" fails=["check-can-differ"]
def can_differ(cloud):
    return len(stabilizer(cloud).matrices) == 1


# %% [markdown] role="discussion"
# The largest possible error is 2, not 1: an answer of the wrong kind ends at the opposite of where it should be. Augmentation by rotations does not touch the wrong part at all. If your data has no handed molecules, you will not notice: for a cloud with a mirror plane, a center, or any other improper symmetry, some rotation does what inversion does, and rotations were learned. Chemists call the clouds that remain *chiral*. A symmetry that turns without reflecting, such as the half turn above, does not help.

# %% [markdown]
# ## 3. The smallest exact set
#
# You get candidates: a dict from a letter to rotations $(k, 3, 3)$. Some are the rotations of a solid, seen from elsewhere, some are random. Which is the smallest set whose average is exact for *every* degree from 1 up to `lmax`? Return its letter, or `None` if none is exact. Exact means up to rounding: below `1e-9`. `averaging_error(rotations, lmax)` returns the errors of degrees 0 to `lmax`.
#
# First, without running anything: how many rotations do you expect for `lmax = 5`, and for `lmax = 6`?
#
# <details><summary>Hint 1</summary>Degree 0 is always 1: it is what the average keeps. Leave it out.</details>
#
# <details><summary>Hint 2</summary>A set may fail at degree 4 and be exact again at 5. Look at all degrees.</details>
#
# <details><summary>Hint 3</summary>A few thousand random rotations have small errors, not zero ones. Collect the letters that pass, and take <code>min(passed, key=...)</code> by the number of rotations, if there are any.</details>


# %% name="smallest-exact" role="answer" section="Which rotations?"
def smallest_exact(candidates, lmax):
    """The letter of the smallest set that is exact for degrees 1 to lmax, or None."""
    # solution: every degree has to vanish, not the last one alone
    passed = [name for name, Rs in candidates.items() if averaging_error(Rs, lmax)[1:].max() < 1e-9]
    return min(passed, key=lambda name: len(candidates[name])) if passed else None


# %%
def candidates_of(label):
    """The rotations of three solids, seen from elsewhere, and random ones, in random order."""
    draw = generator(label)
    S, T = random_rotations(2, generator=draw)
    solids = [solid_rotations(name) for name in ("tetrahedron", "cube", "icosahedron")]
    sets = [S @ R @ T for R in solids]
    sets += [random_rotations(k, generator=draw) for k in (8, 40, 1500)]
    order = torch.randperm(len(sets), generator=draw).tolist()
    return {"abcdef"[i]: sets[j] for i, j in enumerate(order)}


# %% name="check-smallest" role="check" points=2
candidates = candidates_of("smallest")
expected = {2: 12, 3: 24, 5: 60}
for lmax, size in expected.items():
    name = smallest_exact(candidates, lmax)
    assert name in candidates, f"lmax = {lmax}: a set of {size} is exact, and you found {name!r}"
    found = len(candidates[name])
    assert found == size, (
        f"lmax = {lmax}: you chose {found} rotations. The errors of that set are "
        f"{[round(e, 4) for e in averaging_error(candidates[name], lmax).tolist()]}, and the "
        f"smallest exact set has {size}."
    )
show("letters", [str(smallest_exact(candidates, lmax)) for lmax in expected])

# %% name="check-none" role="check" points=1
candidates = candidates_of("none")
found = smallest_exact(candidates, 6)
assert found is None, (
    f"No candidate is exact up to degree 6. The errors of {found!r} are "
    f"{[round(e, 4) for e in averaging_error(candidates[found], 6).tolist()]}."
)
show("degree 6, and 4", [str(found), str(smallest_exact(candidates, 4))])


# %% name="smallest-last-degree" role="decoy" replaces="smallest-exact" fails=["check-smallest"]
def smallest_exact(candidates, lmax):
    passed = [name for name, Rs in candidates.items() if averaging_error(Rs, lmax)[-1] < 1e-9]
    return min(passed, key=lambda name: len(candidates[name])) if passed else None


# %% name="smallest-loose" role="decoy" replaces="smallest-exact" fails=["check-none"]
def smallest_exact(candidates, lmax):
    passed = [name for name, Rs in candidates.items() if averaging_error(Rs, lmax)[1:].max() < 0.1]
    return min(passed, key=lambda name: len(candidates[name])) if passed else None


# %% name="smallest-most" role="decoy" replaces="smallest-exact" fails=["check-smallest", "check-none"]
def smallest_exact(candidates, lmax):
    return max(candidates, key=lambda name: len(candidates[name]))  # "more is better"


# %% name="smallest-largest" role="decoy" replaces="smallest-exact" fails=["check-smallest"]
def smallest_exact(candidates, lmax):
    passed = [name for name, Rs in candidates.items() if averaging_error(Rs, lmax)[1:].max() < 1e-9]
    return max(passed, key=lambda name: len(candidates[name])) if passed else None


# %% [markdown] role="discussion"
# 60 rotations for degrees up to 5, and it is not the solid's orientation that counts: $S\,G\,T$ is as exact as $G$. Can a cleverer set do with fewer? A rotation is a pair of opposite points on the sphere in four dimensions, and a set of rotations exact to degree 5 is a *spherical design* of strength 11 there. A bound by Delsarte, Goethals and Seidel (1977) says that such a design needs at least 112 points, so at least 56 rotations. The 60 are within four of that. For degree 6 no finite group of rotations will do: larger ones than the 60 only turn about one axis, and flip it. So one needs sets that are no groups.
#
# If a function depends on one *direction* alone, as spherical harmonics do, fewer suffice: the 12 corners of an icosahedron already average all degrees up to 5 on the sphere. The question is always: exact for which functions?

# %% [markdown]
# ## 4. The kernel identity
#
# Kernel regression answers $f(x) = \sum_j a_j\, k(x, x_j)$, where $(K + \lambda)\, a = y$ and $K_{ij} = k(x_i, x_j)$. Write it twice. `augmented` puts every turned copy $g\,x_j$ of each training point into the training set, with the label of the point. `invariant` keeps the training set and uses another kernel, made from $k$ and the group. Both get the same $\lambda$, and have to answer the same, to the last digits.
#
# First, without running anything: is the right kernel the *sum* of $k(x, g\,x')$ over the group, or the *mean*? With $\lambda = 0$ it would make no difference.
#
# <details><summary>Hint 1</summary>All copies: <code>(x @ group.mT)</code> has shape (g, n, 3) for group (g, 3, 3). <code>.flatten(0, 1)</code> makes one list, copy after copy: then the labels are <code>y.repeat(g)</code>.</details>
#
# <details><summary>Hint 2</summary>By symmetry all copies of a point get the same coefficient a_j. Write down row (g, i) of the large system with this, and see which kernel stands there.</details>
#
# <details><summary>Hint 3</summary>In that row: sum over j of [sum over h of k(g x_i, h x_j)] a_j, plus λ a_i. The inner sum is the kernel: a sum, not a mean.</details>


# %%
def kernel(a, b):
    """A Gaussian kernel; (n, 3) and (m, 3) to (n, m)."""
    return torch.exp(-2 * torch.cdist(a, b).square())


# %% name="augmented" role="answer" section="Where augmentation is the architecture"
def augmented(group, x, y, ridge, new):
    """Answers at the points new (m, 3), trained on all turned copies of x (n, 3): (m,)."""
    # solution: every copy of a point has the label of the point
    copies = (x @ group.mT).flatten(0, 1)
    system = kernel(copies, copies) + ridge * torch.eye(len(copies))
    return kernel(new, copies) @ torch.linalg.solve(system, y.repeat(len(group)))


# %% name="invariant" role="answer" section="Where augmentation is the architecture"
def invariant(group, x, y, ridge, new):
    """The same answers from the n points alone, with an invariant kernel: (m,)."""

    # solution: the kernel is the sum over all copies of the second point
    def total(a, b):
        return sum(kernel(a, b @ g.mT) for g in group)

    return total(new, x) @ torch.linalg.solve(total(x, x) + ridge * torch.eye(len(x)), y)


# %%
def sample(label):
    """A finite group, training points with labels, new points."""
    draw = generator(label)
    x, new = torch.randn(8, 3, generator=draw), torch.randn(5, 3, generator=draw)
    y, R = torch.randn(8, generator=draw), random_rotations(1, generator=draw)[0]
    return R @ solid_rotations("tetrahedron") @ R.mT, x, y, 0.1, new


# %% name="check-augmented" role="check" points=2
group, x, y, ridge, new = sample("augmented")
found = augmented(group, x, y, ridge, new)
for k in (1, 5, 11):
    torch.testing.assert_close(
        augmented(group, x, y, ridge, new @ group[k].mT),
        found,
        msg=lambda m, k=k: f"Turning new points by element {k} of the group changes answers.\n{m}",
    )
show("answers of the augmented regression", found)

# %% name="check-invariant" role="check" points=2
group, x, y, ridge, new = sample("invariant")
found = invariant(group, x, y, ridge, new)
for k in (1, 5, 11):
    torch.testing.assert_close(
        invariant(group, x, y, ridge, new @ group[k].mT),
        found,
        msg=lambda m, k=k: f"Turning new points by element {k} of the group changes answers.\n{m}",
    )
show("answers of the invariant kernel", found)


# %% name="augmented-order" role="decoy" replaces="augmented" fails=["check-augmented"]
def augmented(group, x, y, ridge, new):
    copies = (x @ group.mT).flatten(0, 1)
    system = kernel(copies, copies) + ridge * torch.eye(len(copies))
    return kernel(new, copies) @ torch.linalg.solve(system, y.repeat_interleave(len(group)))


# %% name="augmented-half" role="decoy" replaces="augmented" fails=["check-augmented"]
def augmented(group, x, y, ridge, new):
    group = group[::2]
    copies = (x @ group.mT).flatten(0, 1)
    system = kernel(copies, copies) + ridge * torch.eye(len(copies))
    return kernel(new, copies) @ torch.linalg.solve(system, y.repeat(len(group)))


# %% name="invariant-mean" role="decoy" replaces="invariant" fails=["check-invariant"]
def invariant(group, x, y, ridge, new):
    def mean(a, b):
        return sum(kernel(a, b @ g.mT) for g in group) / len(group)

    return mean(new, x) @ torch.linalg.solve(mean(x, x) + ridge * torch.eye(len(x)), y)


# %% name="invariant-later" role="decoy" replaces="invariant" fails=["check-invariant"]
def invariant(group, x, y, ridge, new):
    a = torch.linalg.solve(kernel(x, x) + ridge * torch.eye(len(x)), y)
    return sum(kernel(new @ g.mT, x) @ a for g in group) / len(group)


# %% [markdown] role="discussion"
# With the mean in place of the sum you get the same function for $\lambda / |G|$: a good invariant regression, with another amount of smoothing. With the average taken *after* a plain training you get an invariant function too, but another one: it never used that copies are copies, and its training sees only $n$ points. Augmentation at full orbits, an invariant kernel, and averaging afterwards are three things, and only the first two are one.
#
# The price differs. Solving takes the third power of the number of points: $|G|^3$ times as long for the augmented one.

# %% [markdown]
# ## 5. Fit the exponent
#
# Averages over $K$ random rotations have an error of about $c\,K^{p}$. You get `counts` $(k)$ and measured `errors` $(s, k)$, one row for each seed. Fit a straight line to the logarithms of each row, by least squares, and return two numbers: the mean of the slopes over the seeds, and the *standard error* of this mean, which is the standard deviation of the slopes (with $s - 1$ below) divided by $\sqrt{s}$.
#
# First, without running anything: which exponent do you expect, and does it depend on the degree?
#
# <details><summary>Hint 1</summary>log(error) = log c + p log K: a straight line whose slope is p.</details>
#
# <details><summary>Hint 2</summary>The slope of a line by least squares: center the logarithms of the counts, u = log K - mean; then p is the sum of u log(error) over the sum of u².</details>
#
# <details><summary>Hint 3</summary>All rows at once: <code>slopes = errors.log() @ u / (u @ u)</code>. <code>Tensor.std()</code> has s - 1 below already.</details>


# %% name="fit-exponent" role="answer" section="Which rotations?"
def fit_exponent(counts, errors):
    """Slopes of log errors (s, k) over log counts (k): their mean, and its standard error."""
    # solution: a line through the logarithms of each row
    u = counts.log() - counts.log().mean()
    slopes = errors.log() @ u / (u @ u)
    return slopes.mean(), slopes.std() / math.sqrt(len(slopes))


# %% name="check-exponent" role="check" points=3
draw = generator("exponent")
counts = torch.tensor([2.0, 8.0, 32.0, 128.0])
p = -0.3 - torch.rand(1, generator=draw).item()
exact = 0.7 * counts**p
slope, error = fit_exponent(counts, torch.stack([exact, 2 * exact]))
assert abs(float(slope) - p) < 1e-9, f"a pure power law of exponent {p:.3f} gave {slope:.3f}"
assert abs(float(error)) < 1e-9, f"two rows of the same exponent have no spread, not {error:.2g}"
errors = torch.stack(
    [
        torch.stack([averaging_error(random_rotations(int(k), draw), 2)[2] for k in counts])
        for _ in range(5)
    ]
)
slope, error = fit_exponent(counts, errors)
assert -0.9 < float(slope) < -0.2, f"random rotations average out as K^-1/2, not as K^{slope:.2f}"
show("exponent and its standard error, degree 2", [slope, error])
show("exponent of a power law", fit_exponent(counts, torch.stack([exact, 3 * exact]))[0])


# %% name="exponent-linear" role="decoy" replaces="fit-exponent" fails=["check-exponent"]
def fit_exponent(counts, errors):
    u = counts - counts.mean()
    slopes = errors @ u / (u @ u)
    return slopes.mean(), slopes.std() / math.sqrt(len(slopes))


# %% name="exponent-half-log" role="decoy" replaces="fit-exponent" fails=["check-exponent"]
def fit_exponent(counts, errors):
    u = counts - counts.mean()
    slopes = errors.log() @ u / (u @ u)
    return slopes.mean(), slopes.std() / math.sqrt(len(slopes))


# %% name="exponent-deviation" role="decoy" replaces="fit-exponent" fails=["check-exponent"]
def fit_exponent(counts, errors):
    u = counts.log() - counts.log().mean()
    slopes = errors.log() @ u / (u @ u)
    return slopes.mean(), slopes.std()


# %% name="exponent-assumed" role="decoy" replaces="fit-exponent" fails=["check-exponent"]
def fit_exponent(counts, errors):
    return torch.tensor(-0.5), torch.tensor(0.0)  # "it is known"


# %% [markdown] role="discussion"
# One half, for each degree: independent draws add up like a random walk, whatever they are draws of. The standard error tells how well five seeds know the exponent; the standard deviation tells how far a single seed may be off. Quote the first for "what is the exponent", and the second for "what will I get next time". Half the error costs four times the rotations, for ever. The 60 of the icosahedron do for degrees 1 to 5 what no number of random ones does.
