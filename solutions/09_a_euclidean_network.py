# %% [markdown]
# # Exercises 09: a Euclidean network, operation by operation
#
# You write the parts of lecture 09 yourself, hold them against the library, and find faults in networks that somebody else broke.
#
# | exercise | points | time |
# |---|---|---|
# | 1. A gate | 4 | 15 min |
# | 2. The edges | 4 | 15 min |
# | 3. A smooth cutoff | 5 | 25 min |
# | 4. The convolution | 5 | 30 min |
# | 5. Find the bug | 6 | 25 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Conventions of the course: components in the order of e3nn, so that degree 1 is exactly (x, y, z); a vector of an edge goes from its source to its target; messages arrive at the target. Checks run in float64. `split(irreps, v)` cuts features into one tensor (..., copies, 2l+1) for each block; `transform(irreps, g, v)` turns features by the orthogonal matrix g.

# %%
import math

import torch

from coursetools.checks import generator, show
from coursetools.device import use_device
from equivar.features import split, transform
from equivar.irreps import Irreps
from equivar.point_conv import PointConv, edge_features
from equivar.rotations import random_orthogonal
from equivar.so3 import clebsch_gordan

torch.set_default_dtype(torch.float64)
use_device()


def law_error(f, x, law_in, law_out, g):
    """How far f is from commuting with an orthogonal matrix, relative to its answer."""
    wanted = transform(law_out, g, f(x))
    return ((f(transform(law_in, g, x)) - wanted).norm() / wanted.norm()).item()


# %% [markdown]
# ## 1. A gate
#
# The input holds scalars, then one gate for each gated irrep, then the gated irreps. Scalars go through SiLU; each gated irrep is multiplied by the sigmoid of its own gate. The output holds scalars, then gated irreps. (The library's `Gate` also rescales; leave that out.)
#
# Guess first: how wide is the input for 3 scalars and the gated irreps `2x1o + 1x2e`?
#
# <details><summary>Hint 1</summary>One gate for each <i>irrep</i>, not for each component: <code>gated.num_irreps</code> of them, and <code>gated.dim</code> components.</details>
#
# <details><summary>Hint 2</summary>Loop over <code>zip(gated, split(gated, v))</code>; each entry of <code>gated</code> is (copies, irrep). A gate multiplies all components of one copy.</details>
#
# <details><summary>Hint 3</summary>Take the gates of a block, <code>g[..., start:start + mul, None] * block</code>, flatten the last two axes, and move <code>start</code> on by <code>mul</code>.</details>


# %% name="gate" role="answer" section="Why ReLU breaks vectors"
def gate(x, n_scalars, gated):
    """Scalars, gates and gated irreps (..., d) to scalars and gated irreps."""
    # solution: one number for all components of one irrep
    gated = Irreps(gated)
    scalars, g, v = x.split([n_scalars, gated.num_irreps, gated.dim], dim=-1)
    parts, start = [torch.nn.functional.silu(scalars)], 0
    for (mul, _), block in zip(gated, split(gated, v), strict=True):
        factor = torch.sigmoid(g[..., start : start + mul, None])
        parts.append((factor * block).flatten(-2))
        start += mul
    return torch.cat(parts, dim=-1)


# %% name="check-gate" role="check" points=3
draw = generator("gate")
GATED = "2x1o + 1x2e"
law_in, law_out = f"3x0e + 3x0e + {GATED}", f"3x0e + {GATED}"
x = torch.randn(4, 17, generator=draw)
y = gate(x, 3, GATED)
assert y.shape == (4, 14), f"gate turned (4, 17) into {tuple(y.shape)}; expected (4, 14)"
for g in random_orthogonal(3, generator=draw).double():
    off = law_error(lambda v: gate(v, 3, GATED), x, law_in, law_out, g)
    kind = "a rotation" if torch.linalg.det(g) > 0 else "a reflection"
    assert off < 1e-10, (
        f"Under {kind}, gated irreps miss their law by {off:.2g}. Does each irrep have one gate for "
        "all of its components, and is nothing applied to single components?"
    )
negative = x.clone()
negative[:, :6] = -20.0  # all gates are closed
closed = gate(negative, 3, GATED)
assert closed.abs().max() < 1e-6, "with gates at -20, sigmoid is zero: nothing should pass"
show("one row", y[0])
show("lengths of the gated irreps", [b.norm(dim=-1)[1] for b in split(GATED, y[:, 3:])])

# %% name="check-gate-batch" role="check" points=1
draw = generator("gate-batch")
x = torch.randn(2, 3, 6, generator=draw)
y = gate(x, 2, "1x1o")
assert y.shape == (2, 3, 5), f"leading axes should stay: got {tuple(y.shape)}, not (2, 3, 5)"
show("a batch of batches", y)


# %% name="gate-relu" role="decoy" replaces="gate" fails=["check-gate", "check-gate-batch"]
def gate(x, n_scalars, gated):
    gated = Irreps(gated)
    scalars, _, v = x.split([n_scalars, gated.num_irreps, gated.dim], dim=-1)
    return torch.cat([torch.nn.functional.silu(scalars), torch.relu(v)], dim=-1)


# %% name="gate-by-component" role="decoy" replaces="gate" fails=["check-gate"]
def gate(x, n_scalars, gated):
    gated = Irreps(gated)
    scalars, g, v = x.split([n_scalars, gated.num_irreps, gated.dim], dim=-1)
    each = torch.arange(gated.dim) % gated.num_irreps  # in turns, not irrep by irrep
    return torch.cat([torch.nn.functional.silu(scalars), torch.sigmoid(g[..., each]) * v], dim=-1)


# %% name="gate-scalars-untouched" role="decoy" replaces="gate" fails=["check-gate", "check-gate-batch"]
def gate(x, n_scalars, gated):
    gated = Irreps(gated)
    scalars, g, v = x.split([n_scalars, gated.num_irreps, gated.dim], dim=-1)
    dims = torch.tensor([irrep.dim for mul, irrep in gated for _ in range(mul)])
    each = torch.repeat_interleave(torch.arange(len(dims)), dims)
    return torch.cat([scalars, torch.sigmoid(g[..., each]) * v], dim=-1)


# %% name="gate-one-axis" role="decoy" replaces="gate" fails=["check-gate-batch"]
def gate(x, n_scalars, gated):
    gated = Irreps(gated)
    m = n_scalars + gated.num_irreps
    scalars, g, v = x[:, :n_scalars], x[:, n_scalars:m], x[:, m:]
    dims = torch.tensor([irrep.dim for mul, irrep in gated for _ in range(mul)])
    each = torch.repeat_interleave(torch.arange(len(dims)), dims)
    return torch.cat([torch.nn.functional.silu(scalars), torch.sigmoid(g[:, each]) * v], dim=1)


# %% [markdown] role="discussion"
# 3 scalars, 3 gates and 6 + 5 components: 17. The gate of an irrep is a scalar, so the product of the two is the simplest tensor product there is, $0 \otimes l \to l$. It is not linear in the features, as the gate was made from them too.
#
# ReLU on the components passes no test with a random rotation. It does pass one with x → y → z.

# %% [markdown]
# ## 2. The edges
#
# An edge goes from its source to its target. Write the smallest message: for each atom, add up the unit vectors of all edges that *arrive* at it, each pointing from source to target. The list need not hold both directions of a pair, and an atom may have no edge at all.
#
# Guess first: a single edge from atom 0 at the origin to atom 1 at (2, 0, 0). Which atom gets which vector?
#
# <details><summary>Hint 1</summary>The vector of an edge is <code>positions[target] - positions[source]</code>.</details>
#
# <details><summary>Hint 2</summary>Several edges can end at one atom. <code>out[target] = vectors</code> keeps only one of them; you want a sum.</details>
#
# <details><summary>Hint 3</summary><code>torch.zeros_like(positions).index_add(0, target, unit)</code>.</details>


# %% name="pull" role="answer" section="One atom looks around"
def pull(positions, source, target):
    """Positions (n, 3) and indices (n_edges,) to one vector for each atom (n, 3)."""
    # solution: from source to target, and added up at the target
    vectors = positions[target] - positions[source]
    unit = vectors / vectors.norm(dim=-1, keepdim=True)
    return torch.zeros_like(positions).index_add(0, target, unit)


# %% name="check-pull" role="check" points=3
draw = generator("pull")
positions = torch.randn(5, 3, generator=draw)
source, target = torch.tensor([0, 1, 2, 3, 0, 4]), torch.tensor([1, 2, 1, 4, 4, 0])
y = pull(positions, source, target)
assert y.shape == (5, 3), f"expected a vector for each of 5 atoms, got {tuple(y.shape)}"
assert y[3].norm() < 1e-12, (
    "no edge arrives at atom 3, so it gets nothing. Did you add at the source?"
)
one = positions[0] - positions[4]  # the only edge that arrives at atom 0 comes from atom 4
assert y[0] @ one > 0, (
    "the vector of an edge points from its source to its target; yours points back"
)
assert abs(y[0].norm() - 1) < 1e-10, "one edge arrives at atom 0, and its unit vector has length 1"
g = random_orthogonal(1, generator=draw)[0].double()
shift = torch.randn(3, generator=draw)
moved = pull(positions @ g.mT + shift, source, target)
torch.testing.assert_close(
    moved, y @ g.mT, msg=lambda m: f"Turn and shift the atoms, and the vectors turn.\n{m}"
)
show("one vector for each atom", y)

# %% name="check-pull-order" role="check" points=1
draw = generator("pull-order")
positions = torch.randn(4, 3, generator=draw)
source, target = torch.tensor([1, 2]), torch.tensor([0, 0])  # atom 3 has no edge
y = pull(positions, source, target)
assert y.shape == (4, 3), f"atoms without an edge have a row too: got {tuple(y.shape)}, not (4, 3)"
show("atoms without edges", y)


# %% name="pull-backwards" role="decoy" replaces="pull" fails=["check-pull", "check-pull-order"]
def pull(positions, source, target):
    vectors = positions[source] - positions[target]
    unit = vectors / vectors.norm(dim=-1, keepdim=True)
    return torch.zeros_like(positions).index_add(0, target, unit)


# %% name="pull-at-source" role="decoy" replaces="pull" fails=["check-pull", "check-pull-order"]
def pull(positions, source, target):
    vectors = positions[target] - positions[source]
    unit = vectors / vectors.norm(dim=-1, keepdim=True)
    return torch.zeros_like(positions).index_add(0, source, unit)


# %% name="pull-last-wins" role="decoy" replaces="pull" fails=["check-pull", "check-pull-order"]
def pull(positions, source, target):
    vectors = positions[target] - positions[source]
    out = torch.zeros_like(positions)
    out[target] = vectors / vectors.norm(dim=-1, keepdim=True)
    return out


# %% name="pull-atoms-with-edges" role="decoy" replaces="pull" fails=["check-pull-order"]
def pull(positions, source, target):
    vectors = positions[target] - positions[source]
    unit = vectors / vectors.norm(dim=-1, keepdim=True)
    n = int(torch.cat([source, target]).max()) + 1
    return torch.zeros(n, 3).index_add(0, target, unit)


# %% [markdown] role="discussion"
# Atom 1 gets (1, 0, 0). Both mistakes at once, reversed vectors that are added at the source, are the same as reversing all edges. With a list that holds both directions of each pair nobody sees it. With a directed list, or with features on the source, it is another function.
#
# None of these mistakes breaks a symmetry: each wrong version is equivariant. An equivariance test cannot find them, only a hand-made case can.

# %% [markdown]
# ## 3. A smooth cutoff
#
# An atom that crosses the cutoff must not make the energy jump, nor the force, nor the derivative of the force. Write the polynomial of degree 5 in $x = d/c$ that is 1 at 0 and 0 at $c$, with first and second derivatives zero at both ends; and zero beyond $c$.
#
# Guess first: six conditions, six coefficients. What are the coefficients of $x$ and $x^2$?
#
# <details><summary>Hint 1</summary>Value 1 and two vanishing derivatives at 0 leave $1 + a x^3 + b x^4 + c x^5$.</details>
#
# <details><summary>Hint 2</summary>At x = 1: $a + b + c = -1$, $3a + 4b + 5c = 0$, $6a + 12b + 20c = 0$.</details>
#
# <details><summary>Hint 3</summary>a = -10, b = 15, c = -6. Clamp x at 1, and nothing more is needed beyond the cutoff.</details>


# %% name="envelope" role="answer" section="One atom looks around"
def envelope(d, cutoff):
    """Distances of any shape to numbers from 1 down to 0."""
    # solution: the only polynomial of degree 5 that meets the six conditions
    x = (d / cutoff).clamp(max=1.0)
    return 1 - x**3 * (10 - 15 * x + 6 * x**2)


# %% name="check-envelope" role="check" points=3
draw = generator("envelope")
cutoff = 2 + torch.rand(1, generator=draw).item()
d = torch.tensor([1e-6, cutoff * (1 - 1e-6)], requires_grad=True)
value = envelope(d, cutoff)
slope = torch.autograd.grad(value.sum(), d, create_graph=True)[0]
bend = torch.autograd.grad(slope.sum(), d)[0] if slope.requires_grad else torch.zeros(2)
assert abs(value[0] - 1) < 1e-4, f"at distance 0 the envelope is 1, yours is {value[0]:.3f}"
assert abs(value[1]) < 1e-4, (
    f"just below the cutoff it is 0, yours is {value[1]:.3f}: energies jump"
)
assert slope.abs().max() < 1e-4, f"its slopes at the ends are {slope.tolist()}, not 0: forces jump"
assert bend.abs().max() < 1e-3, (
    f"its second derivatives at the ends are {bend.tolist()}, not 0: the derivative of a force jumps"
)
beyond = cutoff * (1 + torch.rand(3, generator=draw))
assert envelope(beyond, cutoff).abs().max() < 1e-12, "beyond the cutoff it is zero"
inside = cutoff * torch.rand(2, 3, generator=draw)
show("inside", envelope(inside, cutoff))
show("beyond", envelope(beyond, cutoff))


# %% name="envelope-hard" role="decoy" replaces="envelope" fails=["check-envelope"]
def envelope(d, cutoff):
    return (d < cutoff) * torch.ones_like(d) + 0 * d


# %% name="envelope-cosine" role="decoy" replaces="envelope" fails=["check-envelope"]
def envelope(d, cutoff):
    return (1 + torch.cos(math.pi * (d / cutoff).clamp(max=1.0))) / 2


# %% name="envelope-not-clamped" role="decoy" replaces="envelope" fails=["check-envelope"]
def envelope(d, cutoff):
    x = d / cutoff
    return 1 - x**3 * (10 - 15 * x + 6 * x**2)


# %% name="envelope-cubic" role="decoy" replaces="envelope" fails=["check-envelope"]
def envelope(d, cutoff):
    x = (d / cutoff).clamp(max=1.0)
    return 1 - x**2 * (3 - 2 * x)


# %% [markdown]
# Now use one. `pair_forces(positions, energy)` gets a function of distances, `energy(d)`, that ends smoothly at some cutoff. The energy of the cloud is the sum over pairs of atoms, each pair once. Return the force on each atom, minus the gradient.
#
# <details><summary>Hint 1</summary>Do not multiply forces by an envelope: differentiate the energy, envelope and all.</details>
#
# <details><summary>Hint 2</summary><code>torch.triu_indices(n, n, 1)</code> holds each pair once.</details>
#
# <details><summary>Hint 3</summary><code>p = positions.clone().requires_grad_()</code>, then <code>-torch.autograd.grad(energy(d).sum(), p)[0]</code>.</details>


# %% name="pair-forces" role="answer" section="Forces in a real molecule"
def pair_forces(positions, energy):
    """Forces (n, 3) on atoms (n, 3) whose pairs have an energy that depends on their distance."""
    # solution: minus the gradient of the whole energy
    p = positions.clone().requires_grad_()
    i, j = torch.triu_indices(len(p), len(p), 1)
    d = (p[i] - p[j]).norm(dim=-1)
    return -torch.autograd.grad(energy(d).sum(), p)[0]


# %% name="check-pair-forces" role="check" points=2
draw = generator("pair-forces")
strength, c = 1 + torch.rand(2, generator=draw)
c = 1.5 + c


def repulsion(d):
    """A repulsion that the course's polynomial ends at the distance c."""
    x = (d / c).clamp(max=1.0)
    return strength / d * (1 - x**3 * (10 - 15 * x + 6 * x**2))


positions = torch.randn(4, 3, generator=draw)
F = pair_forces(positions, repulsion)
assert F.shape == (4, 3), f"expected a force for each of 4 atoms, got {tuple(F.shape)}"
assert F.sum(0).norm() < 1e-10, f"the forces add up to {F.sum(0).tolist()}, not to zero"
step = torch.randn(4, 3, generator=draw) * 1e-5
i, j = torch.triu_indices(4, 4, 1)
ends = [repulsion((q[i] - q[j]).norm(dim=-1)).sum() for q in (positions + step, positions - step)]
work = (F * 2 * step).sum()
assert abs(ends[0] - ends[1] + work) < 1e-3 * work.abs() + 1e-12, (
    f"along a small step the energy changes by {ends[0] - ends[1]:.3e}, and the force says {-work:.3e}. "
    "Is it minus the gradient, each pair once?"
)
show("forces", F)


# %% name="pair-forces-sign" role="decoy" replaces="pair-forces" fails=["check-pair-forces"]
def pair_forces(positions, energy):
    p = positions.clone().requires_grad_()
    i, j = torch.triu_indices(len(p), len(p), 1)
    return torch.autograd.grad(energy((p[i] - p[j]).norm(dim=-1)).sum(), p)[0]


# %% name="pair-forces-twice" role="decoy" replaces="pair-forces" fails=["check-pair-forces"]
def pair_forces(positions, energy):
    p = positions.clone().requires_grad_()
    i, j = (~torch.eye(len(p), dtype=torch.bool)).nonzero().T
    return -torch.autograd.grad(energy((p[i] - p[j]).norm(dim=-1)).sum(), p)[0]


# %% name="pair-forces-no-slope" role="decoy" replaces="pair-forces" fails=["check-pair-forces"]
def pair_forces(positions, energy):
    i, j = (~torch.eye(len(positions), dtype=torch.bool)).nonzero().T
    r = positions[i] - positions[j]
    d = r.norm(dim=-1, keepdim=True)
    size = energy(d) / d  # the derivative of 1/d, times the envelope, whose own slope is forgotten
    return torch.zeros_like(positions).index_add(0, i, size * r / d)


# %% [markdown] role="discussion"
# The coefficients of $x$ and $x^2$ are zero: two vanishing derivatives at 0 say so.
#
# What if you multiply the force by the envelope, and not the energy? Such forces still add up to zero and still turn with the atoms. But they are not the gradient of the energy that you report: along a path, work and energy disagree. A smooth cutoff belongs into the energy.
#
# The cosine is smooth in value and slope; its second derivative jumps at both ends, and with it the derivative of the forces, which training on forces needs.

# %% [markdown]
# ## 4. The convolution
#
# Write the sum over neighbors of the library's `PointConv`: for each path, each channel of the source's block times the filter's block by the Clebsch-Gordan coefficients, times that channel's weight; then add up at the target. A path says where its blocks begin: `path.mul`, `path.l1`, `path.l2`, `path.l3`, `path.start_in`, `path.start_filter`, `path.start_out`, `path.start_weight`.
#
# Guess first: the features are `4x0e + 3x1o`, the filter `0e + 1o`. How many weights has the path $1 \otimes 1 \to 0$?
#
# <details><summary>Hint 1</summary>For one path: <code>x[source, a:b]</code> with b = a + mul (2 l1 + 1), reshaped to (edges, mul, 2 l1 + 1); the filter's block is (edges, 2 l2 + 1); the weights are (edges, mul).</details>
#
# <details><summary>Hint 2</summary><code>torch.einsum("ijk,eui,ej,eu->euk", C, block, filter, weight)</code> with <code>C = clebsch_gordan(l1, l2, l3)</code>, times the root of 2 l3 + 1 (below).</details>
#
# <details><summary>Hint 3</summary>The library's products have unit variance: C has norm 1, so each path is multiplied by <code>math.sqrt(2 * l3 + 1)</code>. Flatten to (edges, mul (2 l3 + 1)) and <code>index_add</code> into the columns from start_out.</details>


# %% name="convolve" role="answer" section="The whole network, module by module"
def convolve(x, Y, weights, source, target, paths, width):
    """Features (n, d), harmonics, weights and indices of edges to features (n, width)."""
    # solution: path by path, channel by channel, added up at the target
    out = x.new_zeros(len(x), width)
    for p in paths:
        C = clebsch_gordan(p.l1, p.l2, p.l3) * math.sqrt(2 * p.l3 + 1)
        block = x[source, p.start_in : p.start_in + p.mul * (2 * p.l1 + 1)]
        block = block.unflatten(-1, (p.mul, 2 * p.l1 + 1))
        filters = Y[:, p.start_filter : p.start_filter + 2 * p.l2 + 1]
        weight = weights[:, p.start_weight : p.start_weight + p.mul]
        messages = torch.einsum("ijk,eui,ej,eu->euk", C, block, filters, weight).flatten(1)
        where = slice(p.start_out, p.start_out + messages.shape[1])
        out[:, where] += x.new_zeros(len(x), messages.shape[1]).index_add(0, target, messages)
    return out


# %%
def a_layer(draw, irreps_in, irreps_out, lmax):
    """A convolution of the library with weights of its own, and a cloud with one-way edges."""
    layer = PointConv(irreps_in, irreps_out, lmax=lmax, n_radial=4)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw))
    positions = torch.randn(5, 3, generator=draw)
    source, target = torch.tensor([0, 1, 2, 3, 0, 4, 2]), torch.tensor([1, 2, 1, 4, 4, 0, 0])
    x = torch.randn(5, layer.irreps_in.dim, generator=draw)
    Y, radial = edge_features(positions[target] - positions[source], lmax, 4, cutoff=6.0)
    return layer, x, Y, radial, source, target


def by_hand(layer, x, Y, radial, source, target):
    """The library's layer, with your sum in the middle."""
    with torch.no_grad():
        width = layer.after.irreps_in.dim
        sent = layer.before(x), Y, layer.weights(radial), source, target
        return layer.after(convolve(*sent, layer.paths, width))


# %% name="check-convolve" role="check" points=3
draw = generator("convolve")
given = a_layer(draw, "3x0e + 2x1o", "2x0e + 2x1o + 1x1e + 1x2e", 2)
layer = given[0]
y = by_hand(*given)
with torch.no_grad():
    reference = layer(*given[1:])
answers = (split(layer.irreps_out, out) for out in (y, reference))
for (_, irrep), mine, theirs in zip(layer.irreps_out, *answers, strict=True):
    off = ((mine - theirs).norm() / theirs.norm()).item()
    assert off < 1e-10, (
        f"the {irrep} part is off by {off:.2g}. Look at the normalization sqrt(2 l3 + 1), at which "
        "end of the edge messages are added, and at the order of the factors in the coefficients: "
        "only 1o x 1o -> 1e changes its sign with it"
    )
show("scalars and vectors", y[:2, :8])
show("lengths", y.norm(dim=-1))

# %% name="check-convolve-scalars" role="check" points=2
draw = generator("convolve-scalars")
given = a_layer(draw, "2x0e", "2x0e", 0)  # degree 0 alone: weights times features, added up
y = by_hand(*given)
with torch.no_grad():
    torch.testing.assert_close(
        y,
        given[0](*given[1:]),
        msg=lambda m: f"With scalars alone a message is weight times feature of the source.\n{m}",
    )
show("scalars", y)


# %% name="convolve-not-normalized" role="decoy" replaces="convolve" fails=["check-convolve"]
def convolve(x, Y, weights, source, target, paths, width):
    out = x.new_zeros(len(x), width)
    for p in paths:
        C = clebsch_gordan(p.l1, p.l2, p.l3)
        block = x[source, p.start_in : p.start_in + p.mul * (2 * p.l1 + 1)]
        block = block.unflatten(-1, (p.mul, 2 * p.l1 + 1))
        filters = Y[:, p.start_filter : p.start_filter + 2 * p.l2 + 1]
        weight = weights[:, p.start_weight : p.start_weight + p.mul]
        messages = torch.einsum("ijk,eui,ej,eu->euk", C, block, filters, weight).flatten(1)
        where = slice(p.start_out, p.start_out + messages.shape[1])
        out[:, where] += x.new_zeros(len(x), messages.shape[1]).index_add(0, target, messages)
    return out


# %% name="convolve-swapped-factors" role="decoy" replaces="convolve" fails=["check-convolve"]
def convolve(x, Y, weights, source, target, paths, width):
    out = x.new_zeros(len(x), width)
    for p in paths:
        C = clebsch_gordan(p.l2, p.l1, p.l3) * math.sqrt(2 * p.l3 + 1)
        block = x[source, p.start_in : p.start_in + p.mul * (2 * p.l1 + 1)]
        block = block.unflatten(-1, (p.mul, 2 * p.l1 + 1))
        filters = Y[:, p.start_filter : p.start_filter + 2 * p.l2 + 1]
        weight = weights[:, p.start_weight : p.start_weight + p.mul]
        messages = torch.einsum("jik,eui,ej,eu->euk", C, block, filters, weight).flatten(1)
        where = slice(p.start_out, p.start_out + messages.shape[1])
        out[:, where] += x.new_zeros(len(x), messages.shape[1]).index_add(0, target, messages)
    return out


# %% name="convolve-from-target" role="decoy" replaces="convolve" fails=["check-convolve", "check-convolve-scalars"]
def convolve(x, Y, weights, source, target, paths, width):
    out = x.new_zeros(len(x), width)
    for p in paths:
        C = clebsch_gordan(p.l1, p.l2, p.l3) * math.sqrt(2 * p.l3 + 1)
        block = x[target, p.start_in : p.start_in + p.mul * (2 * p.l1 + 1)]
        block = block.unflatten(-1, (p.mul, 2 * p.l1 + 1))
        filters = Y[:, p.start_filter : p.start_filter + 2 * p.l2 + 1]
        weight = weights[:, p.start_weight : p.start_weight + p.mul]
        messages = torch.einsum("ijk,eui,ej,eu->euk", C, block, filters, weight).flatten(1)
        where = slice(p.start_out, p.start_out + messages.shape[1])
        out[:, where] += x.new_zeros(len(x), messages.shape[1]).index_add(0, target, messages)
    return out


# %% name="convolve-one-weight" role="decoy" replaces="convolve" fails=["check-convolve", "check-convolve-scalars"]
def convolve(x, Y, weights, source, target, paths, width):
    out = x.new_zeros(len(x), width)
    for p in paths:
        C = clebsch_gordan(p.l1, p.l2, p.l3) * math.sqrt(2 * p.l3 + 1)
        block = x[source, p.start_in : p.start_in + p.mul * (2 * p.l1 + 1)]
        block = block.unflatten(-1, (p.mul, 2 * p.l1 + 1))
        filters = Y[:, p.start_filter : p.start_filter + 2 * p.l2 + 1]
        weight = weights[:, p.start_weight : p.start_weight + 1]  # the same for all channels
        messages = torch.einsum("ijk,eui,ej->euk", C, block, filters) * weight[..., None]
        messages = messages.flatten(1)
        where = slice(p.start_out, p.start_out + messages.shape[1])
        out[:, where] += x.new_zeros(len(x), messages.shape[1]).index_add(0, target, messages)
    return out


# %% [markdown] role="discussion"
# Three weights: one for each channel, on each edge. The loop over paths is what the library does too, in its readable form; the fast form does all paths of an edge while its features are in the cache.
#
# Swapping the factors costs a sign where $l_1 + l_2 - l_3$ is odd: here for the cross product, $1o \otimes 1o \to 1e$, and for $1o \otimes 2e \to 2o$, which is not asked for. That too is equivariant, and only a comparison finds it.

# %% [markdown]
# ## 5. Find the bug
#
# A network is a list of stages `(name, f, law_in, law_out)`, each a function of the features before. Some are broken. For one group element, compute the **own error** of each stage: run the network on x, and give each stage the *exactly* turned input, `transform(law_in, g, h)`, where h is what it got on x. Compare with the exactly turned output; relative, as a float.
#
# Guess first: if the second of four stages is broken, how many have a large error, and how many a large own error?
#
# <details><summary>Hint 1</summary>Walk through the stages with one variable, h: the features on the upright x. The turned features of the stage before are never needed.</details>
#
# <details><summary>Hint 2</summary><code>y = f(h)</code>, <code>wanted = transform(law_out, g, y)</code>, <code>got = f(transform(law_in, g, h))</code>.</details>
#
# <details><summary>Hint 3</summary><code>errors[name] = ((got - wanted).norm() / wanted.norm()).item()</code>, and then <code>h = y</code>.</details>


# %% name="own-errors" role="answer" section="Break it"
def own_errors(stages, x, g):
    """What each stage breaks itself, under the orthogonal matrix g: a dict by name."""
    # solution: each stage is fed with what it would get if all before it were right
    errors, h = {}, x
    for name, f, law_in, law_out in stages:
        y = f(h)
        wanted = transform(law_out, g, y)
        got = f(transform(law_in, g, h))
        errors[name] = ((got - wanted).norm() / wanted.norm()).item()
        h = y
    return errors


# %%
LAW = "3x0e + 3x1o"


def parts(h):
    """Scalars (n, 3) and vectors (n, 3, 3) of features (n, 12)."""
    return h[:, :3], h[:, 3:].unflatten(-1, (3, 3))


def whole(s, v):
    """The reverse of `parts`."""
    return torch.cat([s, v.flatten(1)], dim=1)


def a_network(draw, broken):
    """Five stages with random weights; of those named in `broken`, the wrong form."""
    A, B, b = (torch.randn(*n, generator=draw) for n in ((3, 3), (3, 3), (12,)))
    small = (1 + torch.arange(12)) / 12

    def mix(h):
        s, v = parts(h)
        return whole(s @ A, B @ v) + ("mix" in broken) * b

    def gated(h):
        s, v = parts(h)
        return torch.relu(h) if "gate" in broken else whole(s.tanh(), s.sigmoid()[..., None] * v)

    def norm(h):
        s, v = parts(h)
        if "norm" in broken:
            return torch.nn.functional.layer_norm(h, (12,), small)
        return whole(s, v / (1 + v.square().sum(-1, keepdim=True)).sqrt())

    def couple(h):  # two vectors dotted into the scalars; broken, crossed into vectors
        s, v = parts(h)
        dots = (v * v.roll(1, 1)).sum(-1)
        cross = torch.linalg.cross(v, v.roll(1, 1))
        return whole(s + dots, v + (cross if "couple" in broken else 0))

    def squash(h):
        s, v = parts(h)
        return whole(s.sin(), v.tanh() if "squash" in broken else v / (1 + v.norm(dim=-1).mean()))

    stages = {"mix": mix, "norm": norm, "couple": couple, "gate": gated, "squash": squash}
    return [(name, f, LAW, LAW) for name, f in stages.items()]


def some_of(draw, n):
    """n stages at random."""
    names = ["mix", "norm", "couple", "gate", "squash"]
    return [names[i] for i in torch.randperm(5, generator=draw)[:n].tolist()]


# %% name="check-own-errors" role="check" points=3
draw = generator("own-errors")
x = torch.randn(4, 12, generator=draw)
for n in (1, 2, 3):
    broken = some_of(draw, n)
    stages = a_network(draw, broken)
    g = -random_orthogonal(1, generator=draw)[0].double()
    g = g * -torch.linalg.det(g)  # a reflection, so that no fault hides
    found = own_errors(stages, x, g)
    assert list(found) == [name for name, *_ in stages], (
        f"expected a number for each stage: {found}"
    )
    for name, e in found.items():
        assert name in broken or e < 1e-10, (
            f"{name} is not broken, and you find {e:.2g}. Was its input exact, or did an earlier "
            "fault reach it?"
        )
        assert name not in broken or e > 1e-3, f"{name} is broken, and you find {e:.2g}"
    show(f"own errors, {n} broken", found)

# %% [markdown]
# Now name them. `culprits(stages, x)` returns the names of all broken stages, in order. You choose the group elements. Tolerance 1e-8 (checks run in float64).
#
# Which elements are needed so that nothing hides?
#
# <details><summary>Hint 1</summary>One of the faults is exact under all rotations. Which?</details>
#
# <details><summary>Hint 2</summary>Half turns and exchanges of axes hide faults too. Random ones do not.</details>
#
# <details><summary>Hint 3</summary><code>random_orthogonal(8)</code> has both determinants; or take one and its negative. Keep a stage if any element says more than 1e-8.</details>


# %% name="culprits" role="answer" section="Break it"
def culprits(stages, x):
    """Names of the stages that break a rotation or a reflection, in their order."""
    # solution: a random rotation and a reflection; a stage is guilty if one of them says so
    g = random_orthogonal(1, generator=torch.Generator().manual_seed(0))[0].to(x)
    found = [own_errors_of(stages, x, h) for h in (g, -g)]
    return [name for name, *_ in stages if any(errors[name] > 1e-8 for errors in found)]


# %%
def own_errors_of(stages, x, g):
    """The own errors, so that you can do this part without the one before."""
    errors, h = {}, x
    for name, f, law_in, law_out in stages:
        y = f(h)
        off = f(transform(law_in, g, h)) - transform(law_out, g, y)
        errors[name], h = (off.norm() / y.norm()).item(), y
    return errors


# %% name="check-culprits" role="check" points=3
draw = generator("culprits")
x = torch.randn(4, 12, generator=draw)
cases = [some_of(draw, n) for n in (1, 2, 3, 4)] + [["couple"], ["gate", "squash"], []]
for k in torch.randperm(len(cases), generator=draw).tolist():
    stages = a_network(draw, cases[k])
    truth = [name for name, *_ in stages if name in cases[k]]
    found = culprits(stages, x)
    assert "couple" in found or "couple" not in truth, (
        "couple adds a cross product to a vector: exact under rotations, wrong under reflections. "
        "Did you ask with an element of determinant -1?"
    )
    assert found == truth, f"broken are {truth}, you name {found}"
    show("culprits", found)


# %% name="own-errors-accumulated" role="decoy" replaces="own-errors" fails=["check-own-errors"]
def own_errors(stages, x, g):
    errors, h, turned = {}, x, transform(stages[0][2], g, x)
    for name, f, _, law_out in stages:
        h, turned = f(h), f(turned)
        wanted = transform(law_out, g, h)
        errors[name] = ((turned - wanted).norm() / wanted.norm()).item()
    return errors


# %% name="own-errors-invariance" role="decoy" replaces="own-errors" fails=["check-own-errors"]
def own_errors(stages, x, g):
    errors, h = {}, x
    for name, f, law_in, _ in stages:
        y = f(h)
        errors[name] = ((f(transform(law_in, g, h)) - y).norm() / y.norm()).item()
        h = y
    return errors


# %% name="own-errors-absolute" role="decoy" replaces="own-errors" fails=["check-own-errors"]
def own_errors(stages, x, g):
    errors, h = {}, x
    for name, f, law_in, law_out in stages:
        y = f(h)
        errors[name] = (f(transform(law_in, g, h)) - transform(law_out, g, y)).norm().item()
        h = y
    return errors


# %% name="culprits-rotations" role="decoy" replaces="culprits" fails=["check-culprits"]
def culprits(stages, x):
    g = random_orthogonal(1, generator=torch.Generator().manual_seed(0))[0].to(x)
    errors = own_errors_of(stages, x, g * torch.linalg.det(g))
    return [name for name, e in errors.items() if e > 1e-8]


# %% name="culprits-axes" role="decoy" replaces="culprits" fails=["check-culprits"]
def culprits(stages, x):
    third = torch.eye(3).roll(1, 0)
    found = [own_errors_of(stages, x, third), own_errors_of(stages, x, third.mT)]
    return [name for name, *_ in stages if any(errors[name] > 1e-8 for errors in found)]


# %% name="culprits-inversion" role="decoy" replaces="culprits" fails=["check-culprits"]
def culprits(stages, x):
    return [name for name, e in own_errors_of(stages, x, -torch.eye(3)).items() if e > 1e-8]


# %% name="culprits-first" role="decoy" replaces="culprits" fails=["check-culprits"]
def culprits(stages, x):
    g = -random_orthogonal(1, generator=torch.Generator().manual_seed(0))[0].to(x)
    return [name for name, e in own_errors_of(stages, x, g).items() if e > 1e-8][:1]


# %% [markdown] role="discussion"
# Three stages have a large error (the broken one and the two after it), one has a large own error.
#
# Each kind of element has its blind spot. The cross product passes all rotations. tanh is odd, so it passes inversion. ReLU and tanh pass x → y → z. One random rotation and one random reflection see all of them here. `trace_equivariance` asks with a rotation, a reflection, a half turn, a shift and a permutation.
