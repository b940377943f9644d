# %% [markdown]
# # Exercises 02: groups, orbits, stabilizers
#
# You write the tools of lecture 02 yourself: decide what is a group, count without counting twice, act on functions and fields, search for the symmetries of a cloud of points, and name them.
#
# | exercise | points | time |
# |---|---|---|
# | 1. Is it a group? | 4 | 15 min |
# | 2. Orbit and stabilizer | 4 | 15 min |
# | 3. Acting on functions and fields | 5 | 20 min |
# | 4. The symmetries of a cloud, by search | 6 | 35 min |
# | 5. Point groups of eight clouds | 4 | 15 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Conventions of the course: points are rows, (x, y, z). A matrix acts on a column, $r \mapsto Q\,r$, so rows go to `points @ Q.mT`. The product $gh$ means first $h$, then $g$. Checks run in float64.

# %%
import torch

from coursetools.checks import generator, show
from coursetools.device import use_device
from equivar.data import TETROMINOES, tetromino
from equivar.group_conv import act_on_images, polygon_matrices
from equivar.groups import cyclic, dihedral
from equivar.rotations import random_orthogonal, random_rotations
from equivar.stabilizer import stabilizer

torch.set_default_dtype(torch.float64)
use_device()

# %% [markdown]
# ## 1. Is it a group?
#
# A finite set of different matrices is a group under multiplication if it is closed (each product is in the set), holds the identity matrix, and holds the inverse of each member. Multiplication of matrices is always associative, so that is nothing to check.
#
# Write `is_group`, for matrices of shape `(n, d, d)`. They come from a computer, so a product can be off by rounding: count two matrices as equal if no entry differs by more than `1e-9`.
#
# Guess first: the set with only one member, $P = \begin{pmatrix} 1 & 0 \\ 0 & 0 \end{pmatrix}$, is closed, since $P P = P$. Is it a group of matrices?
#
# <details><summary>Hint 1</summary><code>products = matrices[:, None] @ matrices</code> holds all products, shape (n, n, d, d).</details>
#
# <details><summary>Hint 2</summary>Which members equal which products? Subtract with broadcasting, take the absolute value, then the largest over the two last axes, and compare with 1e-9.</details>
#
# <details><summary>Hint 3</summary>Invertible matrices that are finitely many and closed have their inverses among them: the powers of a member must come back. So closed, and the identity among them, and each member invertible is enough. Or look for the identity in each row of products.</details>


# %% name="is-group" role="answer" section="What you allow: a group"
def is_group(matrices):
    """Whether (n, d, d) different matrices form a group under multiplication: a bool."""
    # solution: closed, with an identity, and an inverse for each member
    products = matrices[:, None] @ matrices
    near = (products[:, :, None] - matrices).abs().amax(dim=(-2, -1)) < 1e-9
    closed = bool(near.any(dim=-1).all())
    one = torch.eye(matrices.shape[-1])
    has_one = bool(((matrices - one).abs().amax(dim=(-2, -1)) < 1e-9).any())
    gives_one = (products - one).abs().amax(dim=(-2, -1)) < 1e-9
    return closed and has_one and bool(gives_one.any(dim=1).all())


# %% [markdown]
# Each check asks about six sets in random order, some groups, some not. All verdicts have to be right.


# %%
def tilted(matrices, draw):
    """The same motions in other axes: Q M Q^T, with a rotation Q, so entries are not whole."""
    if matrices.shape[-1] == 2:
        Q = polygon_matrices(cyclic(360))[int(torch.randint(1, 90, (1,), generator=draw))]
    else:
        Q = random_rotations(1, generator=draw)[0]
    return Q @ matrices @ Q.mT


def judge(label, groups, others, law):
    """Ask is_group about groups and other sets, in random order; explain a wrong verdict."""
    draw = generator(label)
    cases = [(name, m, True) for name, m in groups.items()]
    cases += [(name, m, False) for name, m in others.items()]
    cases = [cases[int(i)] for i in torch.randint(len(cases), (6,), generator=draw)] + cases
    cases = [cases[int(i)] for i in torch.randperm(len(cases), generator=draw)]
    verdicts = []
    for name, matrices, truth in cases:
        order = torch.randperm(len(matrices), generator=draw)
        verdict = bool(is_group(matrices[order]))
        assert verdict == truth, f"{name}: you say {verdict}, it is {truth}. {law}"
        verdicts.append(verdict)
    show("verdicts", verdicts)


# %% name="check-closed" role="check" points=1
D4 = polygon_matrices(dihedral(4)).round()
judge(
    "closed",
    {"the square": D4, "half turns": D4[[0, 2]], "one mirror": D4[[0, 4]], "quarters": D4[:4]},
    {
        "0, 1 and 3 quarter turns": D4[[0, 1, 3]],
        "two mirrors": D4[[0, 4, 5]],
        "all but one": D4[:7],
    },
    "Is each product of two members a member?",
)

# %% name="check-identity" role="check" points=1
P = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
judge(
    "identity",
    {"the square": D4, "nothing but the identity": D4[:1]},
    {
        "a projection": P[None],
        "zero": 0 * P[None],
        "the identity and a projection": torch.stack([torch.eye(2), P]),
        "the identity and zero": torch.stack([torch.eye(2), 0 * P]),
    },
    "Closed is not enough: everything must be undone by a member, and what flattens cannot be.",
)

# %% name="check-rounding" role="check" points=2
draw = generator("rounding")
seven, pentagon = polygon_matrices(cyclic(7)), polygon_matrices(dihedral(5))
boxes = torch.diag_embed(torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]))
judge(
    "rounding-sets",
    {
        "seventh turns": tilted(seven, draw),
        "the pentagon, tilted": tilted(pentagon, draw),
        "three half turns": tilted(boxes, draw),
    },
    {
        "six of seven turns": tilted(seven[:6], draw),
        "a little squeezed": tilted(pentagon, draw) * 1.0001,
        "two half turns": tilted(boxes[:3], draw),
    },
    "Entries are off by rounding, 1e-16 or so; no entry may be off by more than 1e-9.",
)


# %% name="group-closed-only" role="decoy" replaces="is-group" fails=["check-identity"]
def is_group(matrices):
    products = matrices[:, None] @ matrices
    near = (products[:, :, None] - matrices).abs().amax(dim=(-2, -1)) < 1e-9
    return bool(near.any(dim=-1).all())


# %% name="group-no-inverse" role="decoy" replaces="is-group" fails=["check-identity"]
def is_group(matrices):
    products = matrices[:, None] @ matrices
    near = (products[:, :, None] - matrices).abs().amax(dim=(-2, -1)) < 1e-9
    one = (matrices - torch.eye(matrices.shape[-1])).abs().amax(dim=(-2, -1)) < 1e-9
    return bool(near.any(dim=-1).all()) and bool(one.any())


# %% name="group-not-closed" role="decoy" replaces="is-group" fails=["check-closed", "check-rounding"]
def is_group(matrices):
    products = matrices[:, None] @ matrices
    one = torch.eye(matrices.shape[-1])
    gives_one = (products - one).abs().amax(dim=(-2, -1)) < 1e-9
    return bool(gives_one.any(dim=1).all())


# %% name="group-exact" role="decoy" replaces="is-group" fails=["check-rounding"]
def is_group(matrices):
    products = matrices[:, None] @ matrices
    equal = (products[:, :, None] == matrices).all(dim=-1).all(dim=-1)
    one = torch.eye(matrices.shape[-1])
    gives_one = (products == one).all(dim=-1).all(dim=-1)
    return bool(equal.any(dim=-1).all()) and bool(gives_one.any(dim=1).all())


# %% name="group-loose" role="decoy" replaces="is-group" fails=["check-rounding"]
def is_group(matrices):
    products = matrices[:, None] @ matrices
    near = (products[:, :, None] - matrices).abs().amax(dim=(-2, -1)) < 1e-2
    one = torch.eye(matrices.shape[-1])
    gives_one = (products - one).abs().amax(dim=(-2, -1)) < 1e-2
    return bool(near.any(dim=-1).all()) and bool(gives_one.any(dim=1).all())


# %% [markdown] role="discussion"
# $P$ alone *is* a group in the abstract, with $P$ itself as its identity. It is no group *of motions*: it flattens the plane, and nothing undoes that. "0, 1 and 3 quarter turns" has the identity and all inverses, and fails only because two quarter turns are missing. So none of the conditions follows from the others in general, though for finite sets of invertible matrices closure alone gives the rest.
#
# Exact comparison (`==`) passes for quarter turns, whose entries are whole, and fails for seventh turns. A test set with whole numbers alone hides it.

# %% [markdown]
# ## 2. Orbit and stabilizer
#
# Write `orbit_and_stabilizer(x, order, act)` for a group with elements 0 to `order - 1` that acts by `act(g, x)`. Return how many *different* things are in the orbit of `x`, and the list of elements that leave `x` as it is, ascending. All values here are whole, so `torch.equal` decides.
#
# Guess first: a signal of twelve numbers with period 4 is shifted cyclically, by 0 to 11 places. How many different signals do you see?
#
# <details><summary>Hint 1</summary>The list of all images has <code>order</code> entries. The orbit is a set: what occurs twice counts once.</details>
#
# <details><summary>Hint 2</summary><code>torch.stack(images).unique(dim=0)</code> keeps each different image once.</details>
#
# <details><summary>Hint 3</summary>The stabilizer: <code>[g for g in range(order) if torch.equal(act(g, x), x)]</code>. Does the product of both sizes give the order?</details>


# %% name="orbit-and-stabilizer" role="answer" section="Stabilizers"
def orbit_and_stabilizer(x, order, act):
    """How many different things are in the orbit of x, and the elements that fix x."""
    # solution: a set for the orbit, equality for the stabilizer
    images = [act(g, x) for g in range(order)]
    different = torch.stack(images).unique(dim=0)
    return len(different), [g for g in range(order) if torch.equal(images[g], x)]


# %%
def picture(cells):
    """Centers of squares (n, 2) to an image (8, 8) of zeros and ones."""
    image = torch.zeros(8, 8)
    for x, y in cells.tolist():
        row, column = round(3 - 2 * y), round(2 * x + 3)
        image[row : row + 2, column : column + 2] = 1
    return image


# %% name="check-signals" role="check" points=2
draw = generator("signals")
for period in (12, 4, 3, 1):
    part = torch.randperm(50, generator=draw)[:period]
    signal = part.repeat(12 // period)
    size, fixing = orbit_and_stabilizer(signal, 12, lambda g, x: x.roll(g))
    assert size == period, (
        f"A signal of period {period} has {period} different shifts; you count {size}"
    )
    assert size * len(fixing) == 12, (
        f"orbit times stabilizer must be the order of the group: {size} x {len(fixing)} is not 12"
    )
for n in range(4):
    period = [1, 2, 3, 4, 6, 12][int(torch.randint(6, (1,), generator=draw))]
    part = torch.randperm(50, generator=draw)[:period]
    size, fixing = orbit_and_stabilizer(part.repeat(12 // period), 12, lambda g, x: x.roll(g))
    show(f"signal {n}", [size, len(fixing)])
    show(f"elements that fix signal {n}", fixing)

# %% name="check-pieces" role="check" points=2
draw = generator("pieces")
square = dihedral(4)


def turn(g, x):
    return act_on_images(square, g, x)


for n in range(6):
    drawn = TETROMINOES[int(torch.randint(7, (1,), generator=draw))]
    name = drawn if n else "T"  # which mirror keeps a T depends on where it points
    start = int(torch.randint(8, (1,), generator=draw))
    x = turn(start, picture(tetromino(name)))
    size, fixing = orbit_and_stabilizer(x, 8, turn)
    assert 0 in fixing, "doing nothing leaves everything as it is: element 0 fixes each x"
    assert size * len(fixing) == 8, f"{name}: {size} pictures x {len(fixing)} that fix it is not 8"
    show(f"piece {n}", [size, len(fixing)])
    show(f"elements that fix piece {n}", [square.labels[g] for g in fixing])


# %% name="orbit-with-repeats" role="decoy" replaces="orbit-and-stabilizer" fails=["check-signals", "check-pieces"]
def orbit_and_stabilizer(x, order, act):
    images = [act(g, x) for g in range(order)]
    return len(images), [g for g in range(order) if torch.equal(images[g], x)]


# %% name="stabilizer-without-identity" role="decoy" replaces="orbit-and-stabilizer" fails=["check-signals", "check-pieces"]
def orbit_and_stabilizer(x, order, act):
    images = [act(g, x) for g in range(order)]
    fixing = [g for g in range(1, order) if torch.equal(images[g], x)]
    return len(torch.stack(images).unique(dim=0)), fixing


# %% name="stabilizer-by-invariants" role="decoy" replaces="orbit-and-stabilizer" fails=["check-signals", "check-pieces"]
def orbit_and_stabilizer(x, order, act):
    images = [act(g, x) for g in range(order)]
    fixing = [g for g in range(order) if images[g].sum() == x.sum()]
    return len(torch.stack(images).unique(dim=0)), fixing


# %% name="stabilizer-of-another" role="decoy" replaces="orbit-and-stabilizer" fails=["check-pieces"]
def orbit_and_stabilizer(x, order, act):
    images = [act(g, x) for g in range(order)]
    first = act(1, x)  # the stabilizer of r x, which is r Stab(x) r^-1
    fixing = [g for g in range(order) if torch.equal(act(g, first), first)]
    return len(torch.stack(images).unique(dim=0)), fixing


# %% [markdown] role="discussion"
# A signal of period 4 has four different shifts, each seen three times: 4 x 3 = 12. Counting the list gives 12 for every signal, and orbit times stabilizer then gives 36, which is a good alarm: the theorem tests your code.
#
# The last decoy returns the stabilizer of a neighbor in the orbit. All members of an orbit have stabilizers of the same size, $\mathrm{Stab}(g x) = g\,\mathrm{Stab}(x)\,g^{-1}$, and in a group where everything commutes even the same stabilizer. So shifts cannot tell it from the right answer, and `T` can: which mirror leaves it as it is depends on where it points.

# %% [markdown]
# ## 3. Acting on functions and fields
#
# A function `f` takes points `(n, d)` and gives values `(n,)`. Write `act_on_function(G, f)`, which returns the moved function: what was at $p$ is now at $G p$. $G$ is any invertible matrix, not only a rotation.
#
# A *field* `v` takes points `(n, d)` and gives a vector at each, `(n, d)`: wind, or forces. When you turn a weather map, the arrows move *and* turn: an arrow $w$ at $p$ becomes $G w$ at $G p$. Write `act_on_field(G, v)`.
#
# Guess first: you shear a picture, $x \mapsto x + y/2$. Is `f(points @ G)` the sheared picture, if `points` are rows?
#
# <details><summary>Hint 1</summary>The moved function, asked at x, must answer what f said where x came from. Where did x come from?</details>
#
# <details><summary>Hint 2</summary>For one point as a column: G⁻¹ x. For points as rows: <code>points @ torch.linalg.inv(G).mT</code>.</details>
#
# <details><summary>Hint 3</summary>Return a function: <code>return lambda points: f(...)</code>. For a field, what the lambda returns is a list of rows that have to be multiplied by G too.</details>


# %% name="act-on-function" role="answer" section="Acting on functions: why the inverse appears"
def act_on_function(G, f):
    """The function f (n, d) -> (n,), moved by an invertible matrix G (d, d)."""
    # solution: ask f where the point came from
    return lambda points: f(points @ torch.linalg.inv(G).mT)


# %%
def spots(draw, d=2):
    """A function of points (n, d) with two bright spots, the first the brighter; and the spots."""
    at = torch.randn(2, d, generator=draw)

    def f(points):
        return torch.exp(-torch.cdist(points, at).square()) @ torch.tensor([1.0, 0.5])

    return f, at


# %% name="check-moves" role="check" points=1
draw = generator("moves")
probe = torch.randn(4, 2, generator=draw)
f, at = spots(draw)
for g, G in enumerate(polygon_matrices(dihedral(4))):
    torch.testing.assert_close(
        act_on_function(G, f)(at @ G.mT),
        f(at),
        msg=lambda m, g=g: (
            f"What was at p must be at G p, for G = {dihedral(4).labels[g]}. "
            f"Where did the point come from?\n{m}"
        ),
    )
G = polygon_matrices(cyclic(4))[1]
show("a quarter turn", act_on_function(G, f)(probe))

# %% name="check-law" role="check" points=1
draw = generator("law")
f, _ = spots(draw, d=3)
probe = torch.randn(4, 3, generator=draw)
R, S = random_rotations(2, generator=draw)
two = act_on_function(R, act_on_function(S, f))(probe)
torch.testing.assert_close(
    two,
    act_on_function(R @ S, f)(probe),
    msg=lambda m: f"S, then R must be the same as R S. Yours gives S R: the inverse reverses.\n{m}",
)
show("two rotations", two)

# %% name="check-shear" role="check" points=1
draw = generator("shear")
f, at = spots(draw)
shear = torch.tensor([[1.0, 0.2 + float(torch.rand(1, generator=draw))], [0.0, 1.0]])
torch.testing.assert_close(
    act_on_function(shear, f)(at @ shear.mT),
    f(at),
    msg=lambda m: (
        f"For a shear, the transpose is not the inverse: what was at p is not at G p.\n{m}"
    ),
)
show("a shear", act_on_function(shear, f)(torch.randn(4, 2, generator=draw)))


# %% name="function-without-inverse" role="decoy" replaces="act-on-function" fails=["check-moves", "check-law", "check-shear"]
def act_on_function(G, f):
    return lambda points: f(points @ G.mT)


# %% name="function-transposed" role="decoy" replaces="act-on-function" fails=["check-shear"]
def act_on_function(G, f):
    return lambda points: f(points @ G)


# %% name="function-moves-values" role="decoy" replaces="act-on-function" fails=["check-moves", "check-law", "check-shear"]
def act_on_function(G, f):
    return lambda points: f(points) * torch.linalg.det(G)


# %% name="act-on-field" role="answer" section="Acting on functions: why the inverse appears"
def act_on_field(G, v):
    """The field v (n, d) -> (n, d), moved by an invertible matrix G (d, d), arrows too."""
    # solution: ask v where the point came from, and turn the arrow that it gives
    return lambda points: v(points @ torch.linalg.inv(G).mT) @ G.mT


# %% name="check-field" role="check" points=2
draw = generator("field")
M, b = torch.randn(3, 3, generator=draw), torch.randn(3, generator=draw)
probe = torch.randn(3, 3, generator=draw)


def wind(points):
    return torch.tanh(points @ M.mT) + b


def from_the_center(points):
    return points * points.square().sum(-1, keepdim=True)


R, S = random_rotations(2, generator=draw)
torch.testing.assert_close(
    act_on_field(R, from_the_center)(probe),
    from_the_center(probe),
    msg=lambda m: (
        f"A field that points away from the center looks the same turned. Do arrows turn?\n{m}"
    ),
)
two = act_on_field(R, act_on_field(S, wind))(probe)
torch.testing.assert_close(
    two,
    act_on_field(R @ S, wind)(probe),
    msg=lambda m: f"S, then R must be the same as R S, for fields too.\n{m}",
)
show("wind, turned twice", two)


# %% name="field-arrows-stand" role="decoy" replaces="act-on-field" fails=["check-field"]
def act_on_field(G, v):
    return lambda points: v(points @ torch.linalg.inv(G).mT)


# %% name="field-without-inverse" role="decoy" replaces="act-on-field" fails=["check-field"]
def act_on_field(G, v):
    return lambda points: v(points @ G.mT) @ torch.linalg.inv(G).mT


# %% name="field-points-stand" role="decoy" replaces="act-on-field" fails=["check-field"]
def act_on_field(G, v):
    return lambda points: v(points) @ G.mT


# %% [markdown] role="discussion"
# `f(points @ G)` asks $f$ at $G^\top x$. For rotations and reflections $G^\top = G^{-1}$, so it is right, and shorter; for a shear it is not. The version with `G.mT` moves the spot the wrong way, and composes in the wrong order. With quarter turns alone, which commute, the order would not show.
#
# For a field the two $G$s have two jobs: the inverse one moves the arrow to its new place, the other turns it. Leave out the second and you have treated three numbers as three pictures. Lecture 04 does exactly this on feature maps, and lecture 07 finds all maps that respect it.

# %% [markdown]
# ## 4. The symmetries of a cloud, by search
#
# Find every orthogonal matrix that takes a labeled cloud of points to itself. Write `symmetries(points, labels, tolerance)`, which returns them as `(k, 3, 3)`, each once, in any order. Points are `(n, 3)`, not all on one line; labels are whole numbers `(n,)`.
#
# * They act about the *center*, the mean of the points.
# * A matrix counts if it takes every point to within `tolerance` of a point *of the same label*. The tolerance is **relative**: times the largest distance of a point from the center. The answer must not depend on whether you measure in angstrom or in meters.
# * Rotations *and* reflections.
#
# Do not try all permutations. Take two points that are not on a line with the center. A symmetry takes them to two points. `frame(a, b)` in the next cell gives three axes, as columns, that move along with two points $a$ and $b$. So $Q = F_{\text{new}}\, F_{\text{old}}^\top$ is the one rotation that takes the old axes to the new. Reverse the third new axis and you have the one candidate that is no rotation.
#
# <details><summary>Hint 1</summary>Center first. Choose the two points: any pair whose cross product is not small. Call them a and b. Then loop over all ordered pairs (c, d) of different points, and over the signs +1 and -1 of the third axis. Most of these Q fit nothing: the test of all points throws them out.</details>
#
# <details><summary>Hint 2</summary><code>Q = frame(c, d) @ torch.diag(torch.tensor([1.0, 1.0, sign])) @ frame(a, b).mT</code>. Skip pairs on one line with the center, for which <code>frame</code> has no answer. Is Q a symmetry? <code>torch.cdist(r @ Q.mT, r)</code>, with infinity where the labels differ; its smallest entry in each row must be within the tolerance.</details>
#
# <details><summary>Hint 3</summary>Different pairs (c, d) can give the same Q: the axes depend on d only through the side of c on which it lies. From one corner of a hexagon, the next corner and the one after it give one frame. Keep Q only if no kept matrix is equal to it within, say, 0.01 in each entry.</details>


# %%
def frame(a, b):
    """Axes as columns: along a, in the plane of a and b, across both. a and b not on one line."""
    u = a / a.norm()
    w = torch.linalg.cross(a, b)
    w = w / w.norm()
    return torch.stack([u, torch.linalg.cross(w, u), w], dim=-1)


# %% name="symmetries" role="answer" section="The symmetry of a molecule"
def symmetries(points, labels, tolerance=0.01):
    """Every orthogonal matrix that takes a labeled cloud to itself, about its mean: (k, 3, 3)."""
    # solution: two points decide, up to one mirror
    r = points - points.mean(dim=0)
    size = r.norm(dim=-1).max()
    crosses = torch.linalg.cross(r[:, None].expand(-1, len(r), -1), r.expand(len(r), -1, -1))
    area = crosses.norm(dim=-1)
    first, second = divmod(int(area.argmax()), len(r))
    start = frame(r[first], r[second])
    different = labels[:, None] != labels
    found = []
    for c, d in (area > 1e-6 * size**2).nonzero().tolist():
        for sign in (1.0, -1.0):
            Q = frame(r[c], r[d]) @ torch.diag(torch.tensor([1.0, 1.0, sign])) @ start.mT
            distance = torch.cdist(r @ Q.mT, r).masked_fill(different, torch.inf)
            fits = bool((distance.amin(dim=1) <= tolerance * size).all())
            if fits and all((Q - known).abs().max() > 0.01 for known in found):
                found.append(Q)
    return torch.stack(found)


# %%
def known_cloud(name):
    """Points and labels of a cloud whose symmetry is known."""
    ring = torch.arange(6) * torch.pi / 3
    circle = torch.stack([ring.cos(), ring.sin(), 0 * ring], dim=-1)
    corners = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    if name == "pyramid":  # as ammonia: C3v, of order 6
        return torch.cat([circle[::2], torch.tensor([[0.0, 0.0, 0.5]])]), torch.tensor([1, 1, 1, 7])
    if name == "tetrahedron":  # Td, of order 24
        return corners, torch.ones(4, dtype=torch.long)
    if name == "hexagon":  # D6h, of order 24
        return circle, torch.ones(6, dtype=torch.long)
    if name == "bent":  # as water: C2v, of order 4
        return torch.tensor([[0.8, 0.6, 0], [-0.8, 0.6, 0], [0.0, 0, 0]]), torch.tensor([1, 1, 8])
    if name == "propeller":  # D3, of order 6: no reflection at all
        blade = torch.tensor([[1.0, 0.2, 0.3], [1.0, -0.2, -0.3]])
        turns = torch.eye(3).repeat(3, 1, 1)
        turns[:, :2, :2] = polygon_matrices(cyclic(3))
        return torch.cat([blade @ R.mT for R in turns]), torch.ones(6, dtype=torch.long)
    raise ValueError(name)


ORDERS = {"pyramid": 6, "tetrahedron": 24, "hexagon": 24, "bent": 4, "propeller": 6}


def held(draw, name):
    """A known cloud about its mean, in a random orientation, its points in random order."""
    points, labels = known_cloud(name)
    order = torch.randperm(len(points), generator=draw)
    points = (points - points.mean(dim=0)) @ random_orthogonal(1, generator=draw)[0].mT
    return points[order], labels[order]


def explain(name, Q, order=None):
    """Say what a wrong answer looks like."""
    order = ORDERS[name] if order is None else order
    rotations = int((torch.linalg.det(Q) > 0).sum())
    assert len(Q) == order, (
        f"{name}: you found {len(Q)}, of which {rotations} are rotations; there are {order}"
    )


# %% name="check-search" role="check" points=2
draw = generator("search")
for name in ("propeller", "pyramid", "tetrahedron", "hexagon", "bent"):
    points, labels = held(draw, name)
    Q = symmetries(points, labels)
    explain(name, Q)
    show(f"{name}: how many, and their mean", [len(Q), Q.mean(dim=0).norm()])
    show(f"{name}: traces", Q.diagonal(dim1=1, dim2=2).sum(-1).sort().values)
    v = torch.randn(3, generator=draw)
    show(f"{name}: lengths of mean images", [(Q @ v).abs().mean(dim=0).sum()])

# %% name="check-labels" role="check" points=1
draw = generator("labels")
points, labels = held(draw, "tetrahedron")
labels[0] = 2
Q = symmetries(points, labels)
explain("a tetrahedron with one corner of another kind", Q, 6)
show("how many", len(Q))
show("what they leave in place", Q.mean(dim=0))

# %% name="check-center" role="check" points=1
draw = generator("center")
points, labels = held(draw, "hexagon")
Q = symmetries(points + 3 * torch.randn(3, generator=draw), labels)
explain("a hexagon, shifted", Q, 24)
show("how many", len(Q))
show("what becomes of a probe", (Q @ torch.randn(3, generator=draw)).abs().mean(dim=0))

# %% name="check-units" role="check" points=2
draw = generator("units")
points, labels = held(draw, "bent")
off = points.clone()
off[labels == 1] *= torch.tensor([[1.0], [1.1]])  # one arm a tenth longer: only Cs is left
off = off - off.mean(dim=0)
for unit, scale in (("angstrom", 1.0), ("meters", 1e-10), ("femtometers", 1e5)):
    Q = symmetries(scale * points, labels)
    explain(f"bent, in {unit}", Q, 4)
    crooked = symmetries(scale * off, labels)
    explain(f"bent with one longer arm, in {unit}", crooked, 2)
    show(f"mean, in {unit}", Q.mean(dim=0))
    show(f"mean with one longer arm, in {unit}", crooked.mean(dim=0))


# %% name="symmetries-proper" role="decoy" replaces="symmetries" fails=["check-search", "check-labels", "check-center", "check-units"]
def symmetries(points, labels, tolerance=0.01):
    r = points - points.mean(dim=0)
    size = r.norm(dim=-1).max()
    crosses = torch.linalg.cross(r[:, None].expand(-1, len(r), -1), r.expand(len(r), -1, -1))
    area = crosses.norm(dim=-1)
    first, second = divmod(int(area.argmax()), len(r))
    found = []
    for c, d in (area > 1e-6 * size**2).nonzero().tolist():
        Q = frame(r[c], r[d]) @ frame(r[first], r[second]).mT
        distance = torch.cdist(r @ Q.mT, r).masked_fill(labels[:, None] != labels, torch.inf)
        fits = bool((distance.amin(dim=1) <= tolerance * size).all())
        if fits and all((Q - known).abs().max() > 0.01 for known in found):
            found.append(Q)
    return torch.stack(found)


# %% name="symmetries-no-labels" role="decoy" replaces="symmetries" fails=["check-labels"]
def symmetries(points, labels, tolerance=0.01):
    r = points - points.mean(dim=0)
    size = r.norm(dim=-1).max()
    crosses = torch.linalg.cross(r[:, None].expand(-1, len(r), -1), r.expand(len(r), -1, -1))
    area = crosses.norm(dim=-1)
    first, second = divmod(int(area.argmax()), len(r))
    found = []
    for c, d in (area > 1e-6 * size**2).nonzero().tolist():
        for sign in (1.0, -1.0):
            flip = torch.diag(torch.tensor([1.0, 1.0, sign]))
            Q = frame(r[c], r[d]) @ flip @ frame(r[first], r[second]).mT
            fits = bool((torch.cdist(r @ Q.mT, r).amin(dim=1) <= tolerance * size).all())
            if fits and all((Q - known).abs().max() > 0.01 for known in found):
                found.append(Q)
    return torch.stack(found)


# %% name="symmetries-absolute" role="decoy" replaces="symmetries" fails=["check-units"]
def symmetries(points, labels, tolerance=0.01):
    r = points - points.mean(dim=0)
    size = r.norm(dim=-1).max()
    crosses = torch.linalg.cross(r[:, None].expand(-1, len(r), -1), r.expand(len(r), -1, -1))
    area = crosses.norm(dim=-1)
    first, second = divmod(int(area.argmax()), len(r))
    found = []
    for c, d in (area > 1e-6 * size**2).nonzero().tolist():
        for sign in (1.0, -1.0):
            flip = torch.diag(torch.tensor([1.0, 1.0, sign]))
            Q = frame(r[c], r[d]) @ flip @ frame(r[first], r[second]).mT
            distance = torch.cdist(r @ Q.mT, r).masked_fill(labels[:, None] != labels, torch.inf)
            fits = bool((distance.amin(dim=1) <= tolerance).all())
            if fits and all((Q - known).abs().max() > 0.01 for known in found):
                found.append(Q)
    return torch.stack(found)


# %% name="symmetries-repeated" role="decoy" replaces="symmetries" fails=["check-search", "check-center"]
def symmetries(points, labels, tolerance=0.01):
    r = points - points.mean(dim=0)
    size = r.norm(dim=-1).max()
    crosses = torch.linalg.cross(r[:, None].expand(-1, len(r), -1), r.expand(len(r), -1, -1))
    area = crosses.norm(dim=-1)
    first, second = divmod(int(area.argmax()), len(r))
    found = []
    for c, d in (area > 1e-6 * size**2).nonzero().tolist():
        for sign in (1.0, -1.0):
            flip = torch.diag(torch.tensor([1.0, 1.0, sign]))
            Q = frame(r[c], r[d]) @ flip @ frame(r[first], r[second]).mT
            distance = torch.cdist(r @ Q.mT, r).masked_fill(labels[:, None] != labels, torch.inf)
            if bool((distance.amin(dim=1) <= tolerance * size).all()):
                found.append(Q)
    return torch.stack(found)


# %% name="symmetries-off-center" role="decoy" replaces="symmetries" fails=["check-center"]
def symmetries(points, labels, tolerance=0.01):
    r = points
    size = r.norm(dim=-1).max()
    crosses = torch.linalg.cross(r[:, None].expand(-1, len(r), -1), r.expand(len(r), -1, -1))
    area = crosses.norm(dim=-1)
    first, second = divmod(int(area.argmax()), len(r))
    found = []
    for c, d in (area > 1e-6 * size**2).nonzero().tolist():
        for sign in (1.0, -1.0):
            flip = torch.diag(torch.tensor([1.0, 1.0, sign]))
            Q = frame(r[c], r[d]) @ flip @ frame(r[first], r[second]).mT
            distance = torch.cdist(r @ Q.mT, r).masked_fill(labels[:, None] != labels, torch.inf)
            fits = bool((distance.amin(dim=1) <= tolerance * size).all())
            if fits and all((Q - known).abs().max() > 0.01 for known in found):
                found.append(Q)
    return torch.stack(found)


# %% [markdown] role="discussion"
# Trying pairs costs about $n^2$ candidates, and each is tested in $n^2$ distances: 6 points need some hundreds of steps, where all permutations of benzene's atoms would need half a million. The library does the same with two improvements: it takes the two points that the fewest others could be images of, and it turns what it found into a group that is exact to the last digit.
#
# Searching among rotations alone finds half of the group of each cloud here but the propeller, whose symmetries are all rotations. Whether a cloud *has* a reflection among its symmetries is exactly the question whether it has handedness.
#
# The absolute tolerance is a bug that waits. In meters every molecule is smaller than 0.01, and everything is a symmetry; in femtometers nothing is, but the identity. The library's own `tolerance` *is* a length, since for molecules in angstrom a length is what experiments give; then the unit is part of the contract, and the docstring says so.

# %% [markdown]
# ## 5. Point groups of eight clouds
#
# Write `name_of(matrices)`, which names a group of orthogonal matrices `(k, 3, 3)` that is one of these eight:
#
# | name | elements beside the identity |
# |---|---|
# | C1 | none |
# | Ci | inversion, $r \mapsto -r$ |
# | Cs | one mirror |
# | C2 | one half turn |
# | C4 | one half turn, two quarter turns |
# | C2v | one half turn, two mirrors |
# | C2h | one half turn, one mirror, inversion |
# | D2 | three half turns |
#
# Four of them have four elements, so counting is not enough. What is the trace of a half turn, of a mirror, of inversion, of a quarter turn? Work it out on paper: choose convenient axes, since the trace does not depend on them. Which two share a trace, and what tells them apart?
#
# <details><summary>Hint 1</summary>A turn by an angle t about z has the trace 1 + 2 cos t. A mirror keeps two directions and reverses one. Inversion reverses three.</details>
#
# <details><summary>Hint 2</summary>Half turn: trace -1, determinant 1. Mirror: trace 1, determinant -1. Inversion: trace -3. Quarter turn: trace 1, determinant 1.</details>
#
# <details><summary>Hint 3</summary>Count the half turns, the mirrors and the inversions, and look the three counts up in a dictionary; C4 is the only one with one half turn, four elements and no reflection.</details>


# %% name="name-of" role="answer" section="The names of point groups"
def name_of(matrices):
    """The Schoenflies symbol of one of the eight groups above, from its matrices (k, 3, 3)."""
    # solution: determinant and trace tell the kinds of elements apart
    trace = matrices.diagonal(dim1=1, dim2=2).sum(-1).round()
    proper = torch.linalg.det(matrices) > 0
    half_turns = int((proper & (trace == -1)).sum())
    quarter_turns = int((proper & (trace == 1)).sum())
    mirrors = int((~proper & (trace == 1)).sum())
    inversions = int((~proper & (trace == -3)).sum())
    names = {
        (0, 0, 0, 0): "C1",
        (0, 0, 0, 1): "Ci",
        (0, 0, 1, 0): "Cs",
        (1, 0, 0, 0): "C2",
        (1, 2, 0, 0): "C4",
        (1, 0, 2, 0): "C2v",
        (1, 0, 1, 1): "C2h",
        (3, 0, 0, 0): "D2",
    }
    return names[half_turns, quarter_turns, mirrors, inversions]


# %% [markdown]
# Where do clouds with a given symmetry come from? From orbits! Take a few points anywhere, and add all their images under the group. Each start gets a label of its own. The stabilizer of the union is the group: the check asks the library, which searches as you did in exercise 4, and you name what it found.


# %%
def cloud_of(name, draw):
    """Orbits of four random points under one of the eight groups, in random axes."""
    x, y, z = (torch.tensor(signs) for signs in ([1.0, -1, -1], [-1.0, 1, -1], [-1.0, -1, 1]))
    one, mirror = torch.ones(3), torch.tensor([1.0, 1, -1])
    quarter = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    groups = {
        "C1": [one],
        "Ci": [one, -one],
        "Cs": [one, mirror],
        "C2": [one, z],
        "C2v": [one, z, -x, -y],
        "C2h": [one, z, mirror, -one],
        "D2": [one, x, y, z],
    }
    if name == "C4":
        matrices = torch.stack([torch.linalg.matrix_power(quarter, k) for k in range(4)])
    else:
        matrices = torch.diag_embed(torch.stack(groups[name]))
    axes = random_orthogonal(1, generator=draw)[0]
    starts = torch.randn(4, 3, generator=draw)
    points = torch.cat([starts @ (axes @ Q @ axes.mT).mT for Q in matrices])
    return points, torch.arange(4).repeat(len(matrices))


EIGHT = ("C1", "Ci", "Cs", "C2", "C4", "C2v", "C2h", "D2")


def named(label, names):
    """Name clouds in random order; explain a wrong name."""
    draw = generator(label)
    names = [names[int(i)] for i in torch.randint(len(names), (5,), generator=draw)] + list(names)
    answers = []
    for name in [names[int(i)] for i in torch.randperm(len(names), generator=draw)]:
        points, labels = cloud_of(name, draw)
        found = stabilizer(points, labels, tolerance=1e-6)
        answer = str(name_of(found.matrices))
        elements = ", ".join(found.group.labels)
        assert answer == name, f"You say {answer}; a group of {elements} is {name}"
        answers.append(answer)
    show("names", answers)


# %% name="check-small" role="check" points=1
named("small", ("C1", "Ci", "Cs", "C2"))

# %% name="check-four" role="check" points=1
named("four", ("C2v", "C2h", "D2"))

# %% name="check-eight" role="check" points=2
named("eight", EIGHT)


# %% name="name-by-order" role="decoy" replaces="name-of" fails=["check-small", "check-four", "check-eight"]
def name_of(matrices):
    return {1: "C1", 2: "C2", 4: "C2v"}[len(matrices)]


# %% name="name-by-trace" role="decoy" replaces="name-of" fails=["check-eight"]
def name_of(matrices):
    trace = matrices.diagonal(dim1=1, dim2=2).sum(-1).round().tolist()
    counts = (trace.count(-1), trace.count(1), trace.count(-3))
    names = {(0, 0, 0): "C1", (0, 0, 1): "Ci", (0, 1, 0): "Cs", (1, 0, 0): "C2"}
    return (names | {(1, 2, 0): "C2v", (1, 1, 1): "C2h", (3, 0, 0): "D2"})[counts]


# %% name="name-by-rotations" role="decoy" replaces="name-of" fails=["check-small", "check-four", "check-eight"]
def name_of(matrices):
    rotations = matrices[torch.linalg.det(matrices) > 0]
    trace = rotations.diagonal(dim1=1, dim2=2).sum(-1).round().tolist()
    if trace.count(1):
        return "C4"
    return {0: "C1", 1: "C2", 3: "D2"}[trace.count(-1)]


# %% [markdown] role="discussion"
# The trace alone confuses a mirror with a quarter turn: both have trace 1, so C4 passes for C2v. The rotations alone see C1 in Ci and Cs, and C2 in C2v and C2h: mirror symmetry and inversion are invisible to whoever looks at rotations only. Together, trace and determinant tell all elements of $O(3)$ apart up to the choice of axes: they are the angle, and whether it comes with a reflection.
#
# One orbit alone can have *more* symmetry than the group that made it: two points that a half turn exchanges lie on a line, with infinitely many symmetries. Four generic orbits with labels of their own have no more than they were given.
