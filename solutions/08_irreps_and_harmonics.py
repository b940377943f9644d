# %% [markdown]
# # Exercises 08: irreps, harmonics, products
#
# You write the parts of lecture 08 yourself: harmonics, Clebsch-Gordan coefficients, the parity rule, and the invariants that decide what a network can see.
#
# | exercise | points | time |
# |---|---|---|
# | 1. Real harmonics to degree 2 | 4 | 20 min |
# | 2. Clebsch-Gordan coefficients by a null space | 5 | 25 min |
# | 3. The parity rule | 5 | 20 min |
# | 4. Blind degrees | 6 | 25 min |
# | 5. Power against bispectrum | 7 | 30 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Conventions of the course: components in the order of e3nn, so that degree 1 is exactly (x, y, z) and the polar axis is y. Harmonics have mean square 1 on the sphere: the squares of degree $l$ add up to $2l+1$. Points are rows. Checks run in float64.

# %%
import math

import torch

from coursetools.checks import generator, show
from coursetools.device import use_device
from equivar.data import platonic_solid
from equivar.intertwiners import intertwiner_basis
from equivar.irreps import Irrep, Irreps
from equivar.rotations import random_rotations
from equivar.so3 import clebsch_gordan, spherical_harmonics, wigner_d
from equivar.stabilizer import stabilizer
from equivar.tensor_product import TensorProduct

torch.set_default_dtype(torch.float64)
use_device()


def directions(n, draw):
    """n random unit vectors, (n, 3)."""
    return torch.nn.functional.normalize(torch.randn(n, 3, generator=draw), dim=-1)


# %% [markdown]
# ## 1. Real harmonics to degree 2
#
# Write the nine harmonics of degree 0, 1 and 2 of a vector, from x, y and z alone. Only the direction counts, so divide by the length first. The quadratic ones are, up to one common factor,
#
# $$x z, \quad x y, \quad \frac{2y^2 - x^2 - z^2}{2\sqrt 3}, \quad y z, \quad \frac{z^2 - x^2}{2},$$
#
# in this order. Your task is the factors: at each point of the sphere the squares of degree $l$ must add up to $2l+1$.
#
# First, without running anything: what are the three components of degree 1 at the north pole (0, 1, 0)?
#
# <details><summary>Hint 1</summary>Degree 0 is the constant 1. For degree 1, $x^2 + y^2 + z^2 = 1$, and the squares should add up to 3.</details>
#
# <details><summary>Hint 2</summary>For degree 2, evaluate at the north pole, where only the middle one is not zero: there it is $2 / (2\sqrt 3)$, and its square should be 5.</details>
#
# <details><summary>Hint 3</summary>The factors are 1, $\sqrt 3$ and $\sqrt{15}$. <code>x, y, z = r.unbind(-1)</code>, then <code>torch.stack([...], dim=-1)</code>.</details>


# %% name="harmonics" role="answer" section="Functions that turn as irreps do"
def harmonics(vectors):
    """Degrees 0, 1 and 2 of vectors (..., 3) of any length but zero: (..., 9)."""
    # solution: a polynomial of the direction, and the length that each degree must have
    x, y, z = (vectors / vectors.norm(dim=-1, keepdim=True)).unbind(-1)
    quadratic = [x * z, x * y, (2 * y**2 - x**2 - z**2) / math.sqrt(12), y * z, (z**2 - x**2) / 2]
    linear = [x, y, z]
    return torch.stack(
        [
            torch.ones_like(x),
            *(math.sqrt(3) * f for f in linear),
            *(math.sqrt(15) * f for f in quadratic),
        ],
        dim=-1,
    )


# %% name="check-harmonics" role="check" points=2
draw = generator("harmonics")
r = directions(5, draw)
Y = harmonics(r)
assert Y.shape == (5, 9), f"harmonics turned (5, 3) into {tuple(Y.shape)}; expected (5, 9)"
for l in range(3):
    square = Y[:, l * l : (l + 1) ** 2].square().sum(-1)
    torch.testing.assert_close(
        square,
        torch.full((5,), 2.0 * l + 1),
        msg=lambda m, l=l: (
            f"The squares of degree {l} must add up to {2 * l + 1} at each point.\n{m}"
        ),
    )
torch.testing.assert_close(
    Y[:, 1:4],
    math.sqrt(3) * r,
    msg=lambda m: f"Degree 1 is the direction itself, in the order x, y, z.\n{m}",
)
R = random_rotations(1, generator=draw)[0].double()
torch.testing.assert_close(
    harmonics(r @ R.mT)[:, 4:],
    Y[:, 4:] @ wigner_d("2e", R).mT,
    msg=lambda m: f"Y(R r) = D(R) Y(r) fails for degree 2. Are two components swapped?\n{m}",
)
show("harmonics of one direction", Y[0])

# %% name="check-harmonics-length" role="check" points=2
draw = generator("harmonics-length")
vectors = torch.randn(2, 3, 3, generator=draw)
torch.testing.assert_close(
    harmonics(10 * vectors),
    harmonics(vectors),
    msg=lambda m: f"A vector ten times as long has the same direction.\n{m}",
)
show("harmonics of a batch", harmonics(vectors)[1])


# %% name="harmonics-physics-order" role="decoy" replaces="harmonics" fails=["check-harmonics", "check-harmonics-length"]
def harmonics(vectors):
    z, x, y = (vectors / vectors.norm(dim=-1, keepdim=True)).unbind(-1)
    linear = [x, y, z]
    quadratic = [x * z, x * y, (2 * y**2 - x**2 - z**2) / math.sqrt(12), y * z, (z**2 - x**2) / 2]
    return torch.stack(
        [
            torch.ones_like(x),
            *(math.sqrt(3) * f for f in linear),
            *(math.sqrt(15) * f for f in quadratic),
        ],
        dim=-1,
    )


# %% name="harmonics-orthonormal" role="decoy" replaces="harmonics" fails=["check-harmonics", "check-harmonics-length"]
def harmonics(vectors):
    return spherical_harmonics(2, vectors) / math.sqrt(4 * math.pi)


# %% name="harmonics-any-length" role="decoy" replaces="harmonics" fails=["check-harmonics-length"]
def harmonics(vectors):
    return spherical_harmonics(2, vectors, normalize=False)


# %% [markdown] role="discussion"
# Three conventions are in use, and mixing them is silent: nothing crashes, and each degree on its own still looks fine.
#
# * **Order.** Physics books and SciPy let the polar axis be z, and then degree 1 comes as (y, z, x). e3nn and this course rename the axes so that degree 1 is (x, y, z).
# * **Length.** With $\int |Y_{lm}|^2 = 1$ over the sphere ("orthonormal") each component is smaller by $\sqrt{4\pi}$. In a network we want numbers of order one, so the mean square is 1.
# * **Direction.** Without the division by the length, degree $l$ grows as $|r|^l$. That is smooth at the origin, and useful there. As a description of a direction it is wrong.

# %% [markdown]
# ## 2. Clebsch-Gordan coefficients by a null space
#
# Find the table $C_{ijk}$ of shape $(2l_1+1,\, 2l_2+1,\, 2l_3+1)$ for which $z_k = \sum_{ij} C_{ijk}\, x_i y_j$ turns by $D^{l_3}$ whenever $x$ turns by $D^{l_1}$ and $y$ by $D^{l_2}$. Use rotations only. Norm 1 over all entries; the sign is yours (the check fixes it). Where there is no such table, return zeros.
#
# You have `D(l, Rs)` for a batch of rotations, `random_rotations(n).double()` to draw some, and the library's `intertwiner_basis(rho_in, rho_out)`, which gives all $Q$ with $\rho_{out}(g)\,Q = Q\,\rho_{in}(g)$, each of norm 1.
#
# Guess first: is one random rotation enough to pin $C$ down?
#
# <details><summary>Hint 1</summary>The pair $x \otimes y$ is one long vector with $(2l_1+1)(2l_2+1)$ entries. Its representation is the Kronecker product of two D, for each rotation.</details>
#
# <details><summary>Hint 2</summary><code>torch.stack([torch.kron(a, b) for a, b in zip(D(l1, Rs), D(l2, Rs))])</code> is the representation of the pair, i running slower than j. Two or more random rotations generate all.</details>
#
# <details><summary>Hint 3</summary>Q has shape (2 l3 + 1, (2 l1 + 1)(2 l2 + 1)): k comes first. Reshape to (k, i, j), then permute to (i, j, k).</details>


# %%
def D(l, Rs):
    """Wigner D of degree l for rotations (b, 3, 3): (b, 2l+1, 2l+1)."""
    return wigner_d(Irrep(l, (-1) ** l), Rs)


# %% name="coupling" role="answer" section="Products"
def coupling(l1, l2, l3):
    """Clebsch-Gordan coefficients (2 l1 + 1, 2 l2 + 1, 2 l3 + 1) of norm 1, or zeros."""
    # solution: the one map from pairs to degree l3 that commutes with some rotations
    Rs = random_rotations(3, generator=torch.Generator().manual_seed(0)).double()
    pairs = torch.stack([torch.kron(a, b) for a, b in zip(D(l1, Rs), D(l2, Rs), strict=True)])
    basis = intertwiner_basis(pairs, D(l3, Rs))
    shape = (2 * l3 + 1, 2 * l1 + 1, 2 * l2 + 1)
    Q = basis[0] if len(basis) else torch.zeros(shape)
    return Q.reshape(shape).permute(1, 2, 0)


# %% name="check-coupling" role="check" points=3
draw = generator("coupling")
R = random_rotations(1, generator=draw)[0].double()
for l1, l2, l3 in [(1, 2, 2), (2, 1, 3), (1, 1, 1)]:
    C = coupling(l1, l2, l3)
    expected = (2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1)
    assert C.shape == expected, f"for {l1, l2, l3} the shape is {tuple(C.shape)}, not {expected}"
    x, y = torch.randn(2 * l1 + 1, generator=draw), torch.randn(2 * l2 + 1, generator=draw)
    z = torch.einsum("ijk,i,j->k", C, x, y)
    turned = torch.einsum("ijk,i,j->k", C, D(l1, R) @ x, D(l2, R) @ y)
    assert (turned - D(l3, R) @ z).norm() < 1e-8, (
        f"{l1} x {l2} -> {l3}: turning both factors is not turning the product, at the rotation\n{R}"
    )
    assert abs(C.norm() - 1) < 1e-8, f"{l1} x {l2} -> {l3}: the norm is {C.norm():.4f}, not 1"
    sign = (C * clebsch_gordan(l1, l2, l3)).sum().sign()
    show(f"a product of {l1} and {l2} in {l3}", sign * z)

# %% name="check-coupling-triangle" role="check" points=2
draw = generator("triangle")
asked = [[0, 1, 2], [1, 1, 2], *torch.randint(0, 3, (6, 3), generator=draw).tolist()]
norms = []
for l1, l2, l3 in asked:
    norm = coupling(l1, l2, l3).norm().item()
    norms.append(norm)
    inside = abs(l1 - l2) <= l3 <= l1 + l2
    assert inside or norm < 1e-8, f"{l1} x {l2} has no part of degree {l3}, but yours is not zero"
    assert norm > 1e-8 or not inside, f"{l1} x {l2} -> {l3} exists, but yours is zero"
show("degrees", asked)
show("norms", norms)


# %% name="coupling-swapped" role="decoy" replaces="coupling" fails=["check-coupling"]
def coupling(l1, l2, l3):
    Rs = random_rotations(3, generator=torch.Generator().manual_seed(0)).double()
    pairs = torch.stack([torch.kron(b, a) for a, b in zip(D(l1, Rs), D(l2, Rs), strict=True)])
    basis = intertwiner_basis(pairs, D(l3, Rs))
    shape = (2 * l3 + 1, 2 * l1 + 1, 2 * l2 + 1)
    Q = basis[0] if len(basis) else torch.zeros(shape)
    return Q.reshape(shape).permute(1, 2, 0)


# %% name="coupling-wrong-axes" role="decoy" replaces="coupling" fails=["check-coupling"]
def coupling(l1, l2, l3):
    Rs = random_rotations(3, generator=torch.Generator().manual_seed(0)).double()
    pairs = torch.stack([torch.kron(a, b) for a, b in zip(D(l1, Rs), D(l2, Rs), strict=True)])
    basis = intertwiner_basis(pairs, D(l3, Rs))
    shape = (2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1)
    return basis[0].reshape(shape) if len(basis) else torch.zeros(shape)


# %% name="coupling-unnormalized" role="decoy" replaces="coupling" fails=["check-coupling", "check-coupling-triangle"]
def coupling(l1, l2, l3):
    return clebsch_gordan(l1, l2, l3) * math.sqrt(2 * l3 + 1) * 1.5


# %% name="coupling-one-rotation" role="decoy" replaces="coupling" fails=["check-coupling", "check-coupling-triangle"]
def coupling(l1, l2, l3):
    Rs = random_rotations(1, generator=torch.Generator().manual_seed(0)).double()
    pairs = torch.stack([torch.kron(a, b) for a, b in zip(D(l1, Rs), D(l2, Rs), strict=True)])
    basis = intertwiner_basis(pairs, D(l3, Rs))
    shape = (2 * l3 + 1, 2 * l1 + 1, 2 * l2 + 1)
    return basis[0].reshape(shape).permute(1, 2, 0)


# %% [markdown] role="discussion"
# One rotation is not enough. It generates only turns about its own axis, and many more maps commute with those: the null space is too large, and its first member is arbitrary. Two random rotations generate all of SO(3).
#
# Which index runs faster is a classic: `torch.kron(a, b)` lets the index of `a` run slowly. Swapped, all shapes still fit, and for $l_1 = l_2$ it is even right up to a sign. So test with two different degrees.
#
# Solving for $C$ costs $(\text{its size})^3$, which is why libraries use closed forms. But nothing had to be known here, and the same lines work for any group.

# %% [markdown]
# ## 3. The parity rule
#
# An irrep of O(3) is a pair $(l, p)$ with $p = 1$ for even and $-1$ for odd; (1, -1) is a vector. Write `product_irreps`, which lists the irreps in the product of two, each once, sorted by degree.
#
# Then count: a tensor product layer has one weight for each pair of input copies and each output copy whose irrep that pair can make. Layouts are lists of (copies, l, p).
#
# Guess first: a network starts with scalars `0e` and has filters `0e + 1o + 2e`. Which irreps can it never make in a single product of two such features: `0o`, `1e`, `1o`?
#
# <details><summary>Hint 1</summary>Degrees obey the triangle, in steps of one.</details>
#
# <details><summary>Hint 2</summary>Inversion multiplies the first factor by $p_1$ and the second by $p_2$. So it multiplies each product of components by $p_1 p_2$, whatever degree they are combined to.</details>
#
# <details><summary>Hint 3</summary>For the count: loop over all blocks of both inputs and of the output; where the output's (l, p) is in <code>product_irreps</code> of the two, add the product of the three numbers of copies.</details>


# %% name="product-irreps" role="answer" section="Products"
def product_irreps(first, second):
    """All (l, p) in the product of two irreps (l1, p1) and (l2, p2): a list, sorted by degree."""
    # solution: the triangle for degrees, the product for parities
    (l1, p1), (l2, p2) = first, second
    return [(l, p1 * p2) for l in range(abs(l1 - l2), l1 + l2 + 1)]


# %% name="check-products" role="check" points=3
assert list(product_irreps((1, -1), (1, -1))) == [(0, 1), (1, 1), (2, 1)], (
    "Two vectors make a scalar (their dot product), a pseudovector (their cross product) and 2e. "
    f"Yours make {product_irreps((1, -1), (1, -1))}"
)
draw = generator("products")
for _ in range(4):
    l1, l2, s1, s2 = torch.randint(1, 4, (4,), generator=draw).tolist()
    first, second = (l1, (-1) ** s1), (l2, (-1) ** s2)
    made = sorted(product_irreps(first, second))
    size = sum(2 * l + 1 for l, _ in made)
    assert size == (2 * l1 + 1) * (2 * l2 + 1), (
        f"{first} x {second}: {(2 * l1 + 1) * (2 * l2 + 1)} products make only {size} numbers"
    )
    assert all(p == first[1] * second[1] for _, p in made), (
        f"{first} x {second}: inversion multiplies each product by {first[1] * second[1]}, but yours "
        f"are {made}"
    )
    show(f"{first} x {second}", made)


# %% name="products-parity-of-degree" role="decoy" replaces="product-irreps" fails=["check-products"]
def product_irreps(first, second):
    (l1, _), (l2, _) = first, second
    return [(l, (-1) ** l) for l in range(abs(l1 - l2), l1 + l2 + 1)]


# %% name="products-from-zero" role="decoy" replaces="product-irreps" fails=["check-products"]
def product_irreps(first, second):
    (l1, p1), (l2, p2) = first, second
    return [(l, p1 * p2) for l in range(l1 + l2 + 1)]


# %% name="products-steps-of-two" role="decoy" replaces="product-irreps" fails=["check-products"]
def product_irreps(first, second):
    (l1, p1), (l2, p2) = first, second
    return [(l, p1 * p2) for l in range(abs(l1 - l2), l1 + l2 + 1, 2)]


# %% name="count-weights" role="answer" section="What a network does with it"
def count_weights(layout1, layout2, layout_out):
    """How many weights a tensor product layer has, for layouts [(copies, l, p), ...]; an int."""
    # solution: copies times copies times copies, wherever both rules allow it
    total = 0
    for m1, l1, p1 in layout1:
        for m2, l2, p2 in layout2:
            for m3, l3, p3 in layout_out:
                if abs(l1 - l2) <= l3 <= l1 + l2 and p3 == p1 * p2:
                    total += m1 * m2 * m3
    return total


# %% name="check-count" role="check" points=2
draw = generator("count")
for _ in range(3):
    drawn = torch.randint(0, 3, (3, 3, 3), generator=draw).tolist()
    layouts = [[(1 + m, l, (-1) ** s) for m, l, s in layout] for layout in drawn]
    named = [Irreps([(m, Irrep(l, p)) for m, l, p in layout]) for layout in layouts]
    layer = TensorProduct(*named)
    n_library = sum(weight.numel() for weight in layer.weights.values())
    n = count_weights(*layouts)
    assert n == n_library, (
        f"{named[0]} times {named[1]} to {named[2]}: the library's layer has {n_library} weights, "
        f"you count {n}"
    )
    show(f"weights of {named[0]} x {named[1]} -> {named[2]}", n)


# %% name="count-components" role="decoy" replaces="count-weights" fails=["check-count"]
def count_weights(layout1, layout2, layout_out):
    n1, n2, n3 = (sum(m * (2 * l + 1) for m, l, _ in a) for a in (layout1, layout2, layout_out))
    return n1 * n2 * n3


# %% name="count-no-parity" role="decoy" replaces="count-weights" fails=["check-count"]
def count_weights(layout1, layout2, layout_out):
    return sum(
        m1 * m2 * m3
        for m1, l1, _ in layout1
        for m2, l2, _ in layout2
        for m3, l3, _ in layout_out
        if abs(l1 - l2) <= l3 <= l1 + l2
    )


# %% [markdown] role="discussion"
# The common wrong rule is "parity is $(-1)^l$". That is true of the harmonics, so of every feature that one convolution makes from scalars, and it breaks at the first product: `1o` times `1o` contains `1e`. From the guess: `1e` can be made (`1o` times `1o`), `1o` too (`0e` times `1o`), and `0o` cannot. It would need two equal degrees of opposite parity, and so far each degree has one parity only.
#
# A dense bilinear layer counts components; an equivariant one counts copies. That ratio is what equivariance saves.

# %% [markdown]
# ## 4. Blind degrees
#
# Which degree sees a cloud first? Write two functions.
#
# `first_degree(points, lmax)` looks at the cloud: add up the harmonics of its directions, and return the smallest $l \ge 1$ whose power is not zero, or `None` if there is none up to lmax. Rounding leaves about $10^{-30}$ where there should be zero (for a power divided by the number of points squared); a cube stretched by one in a thousand has about $10^{-6}$ at degree 2, and that is real.
#
# `count_fixed(matrices, l)` looks at the symmetry alone: how many independent vectors of degree $l$ (with the parity of the harmonics) stand still under *all* matrices of a finite group. Averaging $D^l(g)$ over the group gives the projector onto those vectors, and the trace of a projector is the dimension of what it projects on.
#
# Guess first: the tetrahedron has 24 symmetries, the cube 48, the icosahedron 120. More symmetry forbids more. Which is the first degree that each allows?
#
# <details><summary>Hint 1</summary>Sum over the points first, square afterwards. Squares of single points know nothing of each other.</details>
#
# <details><summary>Hint 2</summary><code>spherical_harmonics(lmax, points).mean(0)</code>, and degree l stands in <code>[l*l : (l+1)**2]</code>. A threshold of 1e-12 for the power lies well between.</details>
#
# <details><summary>Hint 3</summary><code>wigner_d(Irrep(l, (-1)**l), matrices)</code> is a batch of matrices. Take the mean of their traces and round it to an int.</details>


# %% name="first-degree" role="answer" section="An icosahedron is a sphere"
def first_degree(points, lmax):
    """The smallest degree from 1 to lmax with power in the cloud (n, 3), or None."""
    # solution: sum first, square afterwards, and know what rounding leaves
    c = spherical_harmonics(lmax, points).mean(dim=0)
    for l in range(1, lmax + 1):
        if c[l * l : (l + 1) ** 2].square().sum() > 1e-12:
            return l
    return None


# %%
def turned(points, draw):
    """A cloud at another orientation and of another size."""
    R = random_rotations(1, generator=draw)[0].double()
    return (0.5 + torch.rand(1, generator=draw)) * points @ R.mT


def look_at(label, names):
    """Ask first_degree about solids in random order, turned, with a random cloud among them."""
    draw = generator(label)
    clouds = {name: platonic_solid(name)[0] for name in names}
    clouds["random"] = torch.randn(5, 3, generator=draw)
    order = [list(clouds)[k] for k in torch.randperm(len(clouds), generator=draw)]
    return {
        f"{k}: {name}": first_degree(turned(clouds[name], draw), 8) for k, name in enumerate(order)
    }


# %% name="check-first-degree" role="check" points=2
found = look_at("first", ["tetrahedron", "cube", "octahedron", "icosahedron"])
for name, l in found.items():
    assert l != 1 or "random" in name, (
        f"{name}: you say degree 1, but the {name[3:]}'s directions add up to zero. Do you square "
        "before you add?"
    )
    assert "tetra" not in name or l == 3, f"{name}: you say {l}; all of degree 3 is not zero"
assert first_degree(platonic_solid("icosahedron")[0], 5) is None, (
    "Up to degree 5 nothing sees an icosahedron: expected None"
)
show("first degrees", found)

# %% name="check-first-degree-stretched" role="check" points=1
draw = generator("stretched")
stretch = 1 + 1e-3 * (1 + torch.rand(1, generator=draw))
cube = platonic_solid("cube")[0] * torch.tensor([1.0, 1.0, float(stretch)])
l = first_degree(turned(cube, draw), 8)
assert l == 2, f"A cube stretched by {float(stretch):.4f} has a quadrupole: degree 2, you say {l}"
show(f"stretched by {float(stretch):.6f}", l)


# %% name="first-degree-squares" role="decoy" replaces="first-degree" fails=["check-first-degree", "check-first-degree-stretched"]
def first_degree(points, lmax):
    squares = spherical_harmonics(lmax, points).square().mean(dim=0)
    for l in range(1, lmax + 1):
        if squares[l * l : (l + 1) ** 2].sum() > 1e-12:
            return l
    return None


# %% name="first-degree-even" role="decoy" replaces="first-degree" fails=["check-first-degree"]
def first_degree(points, lmax):
    c = spherical_harmonics(lmax, points).mean(dim=0)
    for l in range(2, lmax + 1, 2):
        if c[l * l : (l + 1) ** 2].square().sum() > 1e-12:
            return l
    return None


# %% name="first-degree-loose" role="decoy" replaces="first-degree" fails=["check-first-degree-stretched"]
def first_degree(points, lmax):
    c = spherical_harmonics(lmax, points).mean(dim=0)
    for l in range(1, lmax + 1):
        if c[l * l : (l + 1) ** 2].square().sum() > 1e-3:
            return l
    return None


# %% name="count-fixed" role="answer" section="An icosahedron is a sphere"
def count_fixed(matrices, l):
    """How many vectors of degree l stand still under a whole group (g, 3, 3); an int."""
    # solution: the trace of the projector, which is the mean over the group
    D = wigner_d(Irrep(l, (-1) ** l), matrices)
    return round(D.diagonal(dim1=-2, dim2=-1).sum(-1).mean().item())


# %% name="check-count-fixed" role="check" points=3
draw = generator("fixed")
names = ["tetrahedron", "octahedron", "icosahedron"]
assert [count_fixed(torch.eye(3)[None], l) for l in range(4)] == [1, 3, 5, 7], (
    "Without symmetry all 2l+1 vectors of a degree stand still"
)
for k in torch.randperm(3, generator=draw).tolist():
    matrices = stabilizer(turned(platonic_solid(names[k])[0], draw)).matrices
    counts = [count_fixed(matrices, l) for l in range(11)]
    assert counts[0] == 1, f"{names[k]}: degree 0 is a number, it always stands still"
    assert counts[1] == 0, f"{names[k]}: no arrow stands still under all its rotations"
    show(f"{names[k]}, {len(matrices)} elements, degrees 0 to 10", counts)
n, height = int(torch.randint(3, 8, (1,), generator=draw)), 0.5 + torch.rand(1, generator=draw)
around = 2 * math.pi * torch.arange(n) / n
pyramid = torch.stack([around.cos(), around.sin(), 0 * around], dim=-1)
pyramid = torch.cat([pyramid, torch.tensor([[0.0, 0.0, float(height)]])])
matrices = stabilizer(pyramid).matrices
show(f"pyramid over a {n}-gon, degrees 0 to 8", [count_fixed(matrices, l) for l in range(9)])


# %% name="fixed-proper-only" role="decoy" replaces="count-fixed" fails=["check-count-fixed"]
def count_fixed(matrices, l):
    proper = matrices[torch.linalg.det(matrices) > 0]
    D = wigner_d(Irrep(l, (-1) ** l), proper)
    return round(D.diagonal(dim1=-2, dim2=-1).sum(-1).mean().item())


# %% name="fixed-even" role="decoy" replaces="count-fixed" fails=["check-count-fixed"]
def count_fixed(matrices, l):
    D = wigner_d(Irrep(l, 1), matrices)
    return round(D.diagonal(dim1=-2, dim2=-1).sum(-1).mean().item())


# %% name="fixed-one-element" role="decoy" replaces="count-fixed" fails=["check-count-fixed"]
def count_fixed(matrices, l):
    D = wigner_d(Irrep(l, (-1) ** l), matrices[-1])
    return int((torch.linalg.eigvals(D) - 1).abs().lt(1e-6).sum())


# %% [markdown] role="discussion"
# The tetrahedron allows degree 3, the cube and its dual 4, the icosahedron nothing before 6. So for *any* cloud with the symmetry of an icosahedron, all 35 coefficients of degrees 1 to 5 are zero. A network that reads its neighbors with lmax = 5 gets the input of a uniform sphere, at each orientation, for any weights. Training cannot help: there is nothing to learn from. lmax = 6 can.
#
# `first_degree` can be larger than the first degree that symmetry allows (a cloud may miss it by chance), but never smaller. Reflections matter: for the tetrahedron's rotations alone, two vectors of degree 6 stand still, with the mirrors only one.

# %% [markdown]
# ## 5. Power against bispectrum
#
# A cloud has coefficients $c^l = \sum_i Y^l(\hat r_i)$, given by `coefficients`. Write the invariants of degree two and three,
#
# $$p_l = |c^l|^2, \qquad b_{l_1 l_2 l_3} = \sum_{ijk} C_{ijk}\, c^{l_1}_i c^{l_2}_j c^{l_3}_k,$$
#
# with $C$ from the library's `clebsch_gordan`. Then build a judge: `compare(a, b)` gets two clouds and answers `"same"` if one is the other one turned, `"mirror"` if it is the turned mirror image, and `"different"` otherwise, as far as the invariants up to degree 6 can tell.
#
# <details><summary>Hint 1</summary>Degree l stands in <code>c[l*l : (l+1)**2]</code>.</details>
#
# <details><summary>Hint 2</summary>A mirror multiplies $b_{l_1 l_2 l_3}$ by $(-1)^{l_1+l_2+l_3}$. So the even triples say whether the shapes agree up to a mirror, and the odd ones decide which of the two it is.</details>
#
# <details><summary>Hint 3</summary>Loop over all l1 &lt;= l2 &lt;= l3 up to 6 with l3 &lt;= l1 + l2. If all entries agree to 1e-6: same. If all agree after multiplying by the sign: mirror. A cloud that equals its own mirror image is "same".</details>


# %%
def coefficients(points, lmax=6):
    """Directions (n, 3) to coefficients ((lmax+1)^2,)."""
    return spherical_harmonics(lmax, points).sum(dim=0)


# %% name="power" role="answer" section="Power against bispectrum"
def power(c, l):
    """The power of degree l in coefficients c: a 0-dim tensor."""
    # solution: the squared length of one block
    return c[l * l : (l + 1) ** 2].square().sum()


# %% name="check-power" role="check" points=1
draw = generator("power")
cloud = torch.randn(5, 3, generator=draw)
R = random_rotations(1, generator=draw)[0].double()
c, c_turned = coefficients(cloud), coefficients(cloud @ R.mT)
for l in range(7):
    torch.testing.assert_close(
        power(c_turned, l),
        power(c, l),
        msg=lambda m, l=l: f"The power of degree {l} moved when the cloud turned by\n{R}\n{m}",
    )
show("power spectrum", [power(c, l) for l in range(7)])


# %% name="power-one-m" role="decoy" replaces="power" fails=["check-power"]
def power(c, l):
    return c[l * l + l].square()


# %% name="power-wrong-block" role="decoy" replaces="power" fails=["check-power"]
def power(c, l):
    return c[l : 2 * l + 1].square().sum()


# %% name="bispectrum" role="answer" section="Power against bispectrum"
def bispectrum(c, l1, l2, l3):
    """Three degrees of coefficients c coupled to a number: a 0-dim tensor."""
    # solution: each degree meets its own index of C
    C = clebsch_gordan(l1, l2, l3)
    parts = [c[l * l : (l + 1) ** 2] for l in (l1, l2, l3)]
    return torch.einsum("ijk,i,j,k->", C, *parts)


# %% name="check-bispectrum" role="check" points=2
draw = generator("bispectrum")
cloud = torch.randn(5, 3, generator=draw)
R = random_rotations(1, generator=draw)[0].double()
asked = [(1, 1, 2), (2, 2, 2), (1, 2, 3), (2, 3, 4), (3, 4, 6)]
for t in asked:
    b, b_turned, b_mirror = (bispectrum(coefficients(x), *t) for x in (cloud, cloud @ R.mT, -cloud))
    assert abs(b_turned - b) < 1e-8 * (1 + abs(b)), f"b{t} moved when the cloud turned by\n{R}"
    assert abs(b_mirror - (-1) ** sum(t) * b) < 1e-8 * (1 + abs(b)), (
        f"b{t} must {'change sign' if sum(t) % 2 else 'stay'} under inversion: {b:.3f}, {b_mirror:.3f}"
    )
show("bispectrum", [bispectrum(coefficients(cloud), *t) for t in asked])


# %% name="bispectrum-of-powers" role="decoy" replaces="bispectrum" fails=["check-bispectrum"]
def bispectrum(c, l1, l2, l3):
    return torch.stack([c[l * l : (l + 1) ** 2].norm() for l in (l1, l2, l3)]).prod()


# %% name="bispectrum-component-wise" role="decoy" replaces="bispectrum" fails=["check-bispectrum"]
def bispectrum(c, l1, l2, l3):
    n = 2 * min(l1, l2, l3) + 1
    return torch.stack([c[l * l : l * l + n] for l in (l1, l2, l3)]).prod(dim=0).sum()


# %% name="bispectrum-unsigned" role="decoy" replaces="bispectrum" fails=["check-bispectrum"]
def bispectrum(c, l1, l2, l3):
    C = clebsch_gordan(l1, l2, l3)
    parts = [c[l * l : (l + 1) ** 2] for l in (l1, l2, l3)]
    return torch.einsum("ijk,i,j,k->", C, *parts).abs()


# %% name="compare" role="answer" section="Mirror images"
def compare(a, b):
    """ "same", "mirror" or "different" for two clouds (n, 3) and (m, 3)."""
    # solution: even triples know the shape, odd triples its hand
    c, d = coefficients(a), coefficients(b)
    here, there, sign = [], [], []
    for l1 in range(7):
        for l2 in range(l1, 7):
            for l3 in range(l2, min(6, l1 + l2) + 1):
                C = clebsch_gordan(l1, l2, l3)
                for out, v in ((here, c), (there, d)):
                    x, y, z = (v[l * l : (l + 1) ** 2] for l in (l1, l2, l3))
                    out.append((C @ z) @ y @ x)  # the sums over k, j and i
                sign.append((-1.0) ** (l1 + l2 + l3))
    here, there, sign = torch.stack(here), torch.stack(there), torch.tensor(sign)
    if (here - there).abs().max() < 1e-6:
        return "same"
    return "mirror" if (here - sign * there).abs().max() < 1e-6 else "different"


# %% [markdown]
# Each check hands your judge pairs in random order: a cloud and itself turned, a cloud and its turned mirror image, two clouds that have nothing to do with each other, and two with the same angles between all pairs of points.


# %%
def ring(places):
    angle = torch.tensor(places) * math.pi / 4
    return torch.stack([angle.cos(), angle.sin(), 0 * angle], dim=-1)


def ask_judge(label, kinds):
    """Pairs of some kinds in random order: what the judge says of each, and the truth."""
    draw = generator(label)
    said, truth = [], []
    for k in (torch.randperm(5, generator=draw) % 2).tolist():  # each kind occurs
        cloud, other = torch.randn(2, 5, 3, generator=draw)
        R = random_rotations(1, generator=draw)[0].double()
        a, b, true = {
            "turned": (cloud, cloud @ R.mT, "same"),
            "mirrored": (cloud, -cloud @ R.mT, "mirror"),
            "other": (cloud, other, "different"),
            "same angles": (ring((0, 1, 3, 4)), ring((0, 1, 2, 5)) @ R.mT, "different"),
        }[kinds[k]]
        said.append(str(compare(a, b)))
        truth.append(true)
    return said, truth


# %% name="check-compare" role="check" points=1
said, truth = ask_judge("compare", ["turned", "other"])
assert said == truth, f"Turned copies and unrelated clouds: you say {said}, the truth is {truth}"
show("verdicts", said)

# %% name="check-compare-mirror" role="check" points=2
said, truth = ask_judge("mirror", ["turned", "mirrored"])
assert said == truth, f"Turned copies and mirror images: you say {said}, the truth is {truth}"
show("verdicts", said)

# %% name="check-compare-angles" role="check" points=1
said, truth = ask_judge("angles", ["turned", "same angles"])
assert said == truth, f"Turned copies and clouds of the same angles: {said}, the truth is {truth}"
show("verdicts", said)


# %% name="compare-power" role="decoy" replaces="compare" fails=["check-compare-mirror", "check-compare-angles"]
def compare(a, b):
    c, d = coefficients(a), coefficients(b)
    p, q = (torch.stack([v[l * l : (l + 1) ** 2].square().sum() for l in range(7)]) for v in (c, d))
    return "same" if (p - q).abs().max() < 1e-6 else "different"


# %% name="compare-even" role="decoy" replaces="compare" fails=["check-compare-mirror"]
def compare(a, b):
    c, d = coefficients(a), coefficients(b)
    for l1 in range(7):
        for l2 in range(l1, 7):
            for l3 in range(l2, min(6, l1 + l2) + 1):
                if (l1 + l2 + l3) % 2 == 0:
                    C = clebsch_gordan(l1, l2, l3)
                    both = []
                    for v in (c, d):
                        x, y, z = (v[l * l : (l + 1) ** 2] for l in (l1, l2, l3))
                        both.append((C @ z) @ y @ x)
                    if abs(both[0] - both[1]) > 1e-6:
                        return "different"
    return "same"


# %% name="compare-coefficients" role="decoy" replaces="compare" fails=["check-compare", "check-compare-mirror", "check-compare-angles"]
def compare(a, b):
    c, d = coefficients(a), coefficients(b)
    return "same" if (c - d).abs().max() < 1e-6 else "different"


# %% name="compare-low-degrees" role="decoy" replaces="compare" fails=["check-compare-mirror"]
def compare(a, b):
    c, d = coefficients(a), coefficients(b)
    here, there, sign = [], [], []
    for l1 in range(4):
        for l2 in range(l1, 4):
            for l3 in range(l2, min(3, l1 + l2) + 1):
                C = clebsch_gordan(l1, l2, l3)
                for out, v in ((here, c), (there, d)):
                    x, y, z = (v[l * l : (l + 1) ** 2] for l in (l1, l2, l3))
                    out.append((C @ z) @ y @ x)  # the sums over k, j and i
                sign.append((-1.0) ** (l1 + l2 + l3))
    here, there, sign = torch.stack(here), torch.stack(there), torch.tensor(sign)
    if (here - there).abs().max() < 1e-6:
        return "same"
    return "mirror" if (here - sign * there).abs().max() < 1e-6 else "different"


# %% [markdown] role="discussion"
# Four judges, and what each cannot see:
#
# | judge | blind to |
# |---|---|
# | coefficients themselves | that a turned cloud is the same cloud |
# | power spectrum | clouds with the same angles between pairs; mirror images |
# | bispectrum, even triples only | mirror images |
# | bispectrum up to degree 3 | mirror images: the first odd triple of three different degrees is (2, 3, 4) |
#
# Odd triples with two equal degrees are zero, since swapping equal factors changes the sign of $C$. That the judge says "same" is a statement about these invariants. For a single set of coefficients the bispectrum is complete for almost all functions, not for all.
