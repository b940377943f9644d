# %% [markdown]
# # Exercises 03: sets and graphs
#
# You write the layers of lecture 03 yourself, count all that there can be, and find out what a network on graphs cannot see.
#
# | exercise | points | time |
# |---|---|---|
# | 1. A layer on sets | 3 | 10 min |
# | 2. The fifteen | 6 | 30 min |
# | 3. Attention, and a test for order | 5 | 25 min |
# | 4. Six nodes, two graphs | 5 | 25 min |
# | 5. The ring of friends | 5 | 20 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Conventions of the course: the elements of a set are rows, so `x[order]` is the same set in another order. A graph is its adjacency table `A`, symmetric, with 1 for an edge and 0 for none; `A[order][:, order]` is the same graph, renumbered. Checks run in float64.

# %%
import itertools
import math

import torch

from coursetools.checks import generator, show
from coursetools.device import use_device

torch.set_default_dtype(torch.float64)
use_device()

# %% [markdown]
# ## 1. A layer on sets
#
# A set of $n$ elements with $c$ features each is an array of shape `(n, c)`, a batch of sets `(b, n, c)`, and so on. Write the equivariant linear layer of the lecture,
#
# $$y_i = A\,x_i + B\,\frac1n \sum_j x_j ,$$
#
# with matrices `A` and `B` of shape `(c_out, c)`, for any number of leading axes.
#
# First, without running anything: which axis is the mean over, and does that axis have the same number when you count from the front, whatever the number of leading axes?
#
# <details><summary>Hint 1</summary>Elements are rows, so a matrix acts from the right, transposed: <code>x @ A.mT</code>.</details>
#
# <details><summary>Hint 2</summary>The elements are the second axis <em>from the end</em>. Axis 0 is right for one set, and wrong for a batch.</details>
#
# <details><summary>Hint 3</summary><code>x.mean(dim=-2, keepdim=True)</code> keeps an axis of length 1, which broadcasts over the elements.</details>


# %% name="set-layer" role="answer" section="Let a null space answer"
def set_layer(x, A, B):
    """Sets (..., n, c) to (..., n, c_out): each element by itself, and the mean for everybody."""
    # solution: two matrices, one for the element and one for the mean over elements
    return x @ A.mT + x.mean(dim=-2, keepdim=True) @ B.mT


# %% name="check-set-layer" role="check" points=2
draw = generator("set-layer")
A, B = torch.randn(2, 3, 2, generator=draw)
x = torch.randn(5, 2, generator=draw)
y = set_layer(x, A, B)
assert y.shape == (5, 3), f"5 elements must give (5, 3); got {tuple(y.shape)}"
for _ in range(5):
    order = torch.randperm(5, generator=draw)
    torch.testing.assert_close(
        set_layer(x[order], A, B),
        y[order],
        msg=lambda m, order=order: (
            f"The set in the order {order.tolist()} must give the same answers in that order: "
            f"the law f(P x) = P f(x) failed.\n{m}"
        ),
    )
show("answers", y)
show("answers for a smaller set", set_layer(x[:3], A, B))

# %% name="check-set-batch" role="check" points=1
draw = generator("set-batch")
A, B = torch.randn(2, 3, 2, generator=draw)
batch = torch.randn(2, 4, 5, 2, generator=draw)
y = set_layer(batch, A, B)
assert y.shape == (2, 4, 5, 3), f"a batch (2, 4, 5, 2) must give (2, 4, 5, 3); got {tuple(y.shape)}"
changed = batch.clone()
changed[0, 0] += 1.0
torch.testing.assert_close(
    set_layer(changed, A, B)[1:],
    y[1:],
    msg=lambda m: f"One set of the batch was changed, and the answers for another moved.\n{m}",
)
show("one set of the batch", y[1, 2])


# %% name="set-axis-zero" role="decoy" replaces="set-layer" fails=["check-set-batch"]
def set_layer(x, A, B):
    return x @ A.mT + x.mean(dim=0, keepdim=True) @ B.mT


# %% name="set-running-mean" role="decoy" replaces="set-layer" fails=["check-set-layer", "check-set-batch"]
def set_layer(x, A, B):
    count = torch.arange(1, x.shape[-2] + 1)[:, None]
    return x @ A.mT + (x.cumsum(dim=-2) / count) @ B.mT


# %% name="set-sum" role="decoy" replaces="set-layer" fails=["check-set-layer", "check-set-batch"]
def set_layer(x, A, B):
    return x @ A.mT + x.sum(dim=-2, keepdim=True) @ B.mT


# %% [markdown] role="discussion"
# The mean over axis 0 is right for one set and mixes the sets of a batch. It is equivariant, so a test of the law alone does not find it: it breaks another promise, that samples do not see each other. The running mean is what a network on a *sequence* would use; it knows who came first. With a sum in place of the mean the layer is as equivariant, but its answers grow with the size of the set.

# %% [markdown]
# ## 2. The fifteen
#
# A linear layer from tables to tables has a weight for four indices, $Y_{ij} = \sum_{kl} Q_{ijkl} X_{kl}$. It commutes with every renumbering just when $Q_{ijkl}$ depends only on which of the four indices are equal. Write `pattern_masks(n, k)`: for $k$ indices that each run over $n$ nodes, one mask for each pattern of equality that occurs. A mask has shape `(n, ..., n)` with $k$ axes; it is 1 where the indices have this pattern and 0 elsewhere. The order of the masks is yours.
#
# Guess first: for two indices there are two patterns, equal and different. How many are there for three?
#
# <details><summary>Hint 1</summary><code>itertools.product(range(n), repeat=k)</code> runs through all indices. Group them by a key that says which are equal.</details>
#
# <details><summary>Hint 2</summary>The key must be the same for (7, 2, 7, 5) and (0, 4, 0, 1), and another for (7, 7, 2, 5). How <em>many</em> are equal is not enough: it matters which.</details>
#
# <details><summary>Hint 3</summary><code>tuple(t.index(v) for v in t)</code> replaces each index by the place where its value occurs first.</details>


# %% name="pattern-masks" role="answer" section="Pairs: fifteen ways to be fair"
def pattern_masks(n, k):
    """Masks (number of patterns, n, ..., n) of zeros and ones, with k axes of length n each."""
    # solution: group all indices by the place where each value occurs first
    groups = {}
    for t in itertools.product(range(n), repeat=k):
        groups.setdefault(tuple(t.index(v) for v in t), []).append(t)
    masks = torch.zeros(len(groups), *[n] * k)
    for mask, members in zip(masks, groups.values(), strict=True):
        for t in members:
            mask[t] = 1.0
    return masks


# %% name="check-masks" role="check" points=3
draw = generator("masks")


def nearest_layer(masks, Q):
    """The equivariant layer closest to Q: the average of Q over each mask."""
    axes = tuple(range(1, masks.ndim))
    mean = (masks * Q).sum(dim=axes) / masks.sum(dim=axes)
    return (masks * mean.reshape(-1, *[1] * Q.ndim)).sum(dim=0)


for n, k in ((5, 2), (4, 3), (4, 4), (3, 4)):
    masks = pattern_masks(n, k)
    assert masks.shape[1:] == (n,) * k, f"each mask must have shape {(n,) * k}"
    torch.testing.assert_close(
        masks.sum(dim=0),
        torch.ones((n,) * k),
        msg=lambda m: f"Each entry must be in exactly one mask: add them up.\n{m}",
    )
    order = torch.randperm(n, generator=draw)
    for axis in range(1, k + 1):
        masks_moved = (masks if axis == 1 else masks_moved).index_select(axis, order)
    torch.testing.assert_close(
        masks_moved,
        masks,
        msg=lambda m, order=order: (
            f"Renumbered by {order.tolist()}, a mask must look the same: one of yours moved.\n{m}"
        ),
    )
    Q = torch.randn((n,) * k, generator=draw)
    show(f"masks for n = {n}, k = {k}", len(masks))
    show(f"a random layer, made equivariant, n = {n}, k = {k}", nearest_layer(masks, Q)[:2, 0])


# %% name="masks-how-many" role="decoy" replaces="pattern-masks" fails=["check-masks"]
def pattern_masks(n, k):
    groups = {}
    for t in itertools.product(range(n), repeat=k):
        groups.setdefault(len(set(t)), []).append(t)
    masks = torch.zeros(len(groups), *[n] * k)
    for mask, members in zip(masks, groups.values(), strict=True):
        for t in members:
            mask[t] = 1.0
    return masks


# %% name="masks-rows-and-columns-apart" role="decoy" replaces="pattern-masks" fails=["check-masks"]
def pattern_masks(n, k):
    groups = {}
    half = k // 2
    for t in itertools.product(range(n), repeat=k):
        key = tuple(a == b for a, b in zip(t[:half], t[half:], strict=False))
        groups.setdefault(key, []).append(t)
    masks = torch.zeros(len(groups), *[n] * k)
    for mask, members in zip(masks, groups.values(), strict=True):
        for t in members:
            mask[t] = 1.0
    return masks


# %% name="masks-by-value" role="decoy" replaces="pattern-masks" fails=["check-masks"]
def pattern_masks(n, k):
    groups = {}
    for t in itertools.product(range(n), repeat=k):
        groups.setdefault(tuple(sorted(t)), []).append(t)
    masks = torch.zeros(len(groups), *[n] * k)
    for mask, members in zip(masks, groups.values(), strict=True):
        for t in members:
            mask[t] = 1.0
    return masks


# %% [markdown] role="discussion"
# Which patterns, and not how many are equal: $i = j$ and $i = k$ are different patterns, though each has three different values. The first says "from anything to the diagonal", the second "along the same row". Ties that are too coarse still give equivariant layers, but not all of them: the layer with the values-only key has 4 weights where 15 are allowed. Ties that are too fine, such as those by value, treat node 0 differently from node 1.
#
# Permuting rows and columns *independently* is a larger symmetry (think of users and films): it leaves $2 \cdot 2 = 4$ maps.

# %% [markdown]
# Now count without masks. A layer takes tables with `a` indices to tables with `b` indices, over `n` nodes (a = 1 is a list with a number for each node, b = 0 a single number). Return how many weights are free. It must work for `n = 50`, where no list of all indices fits into memory.
#
# <details><summary>Hint 1</summary>Only the total k = a + b counts. How many ways are there to put k indices into groups of equal ones?</details>
#
# <details><summary>Hint 2</summary>With n nodes there can be at most n groups. Let S(k, m) be the number of ways to put k things into exactly m groups. The answer is S(k, 0) + S(k, 1) + ... + S(k, min(k, n)).</details>
#
# <details><summary>Hint 3</summary>The last of k things is alone in its group, or joins one of m groups: S(k, m) = S(k-1, m-1) + m S(k-1, m), with S(0, 0) = 1.</details>


# %% name="count-weights" role="answer" section="Count without solving"
def count_weights(a, b, n):
    """The number of free weights of an equivariant linear layer from a to b indices: an int."""
    # solution: partitions of a + b indices into at most n groups
    ways = [1]  # ways[m]: of the indices so far, into exactly m groups
    for _ in range(a + b):
        longer = [*ways, 0]
        shifted = [0, *ways]
        ways = [shifted[m] + m * longer[m] for m in range(len(longer))]
    return sum(ways[: n + 1])


# %% name="check-count" role="check" points=3
draw = generator("count")
for given, expected in {(1, 1, 7): 2, (2, 0, 7): 2, (2, 2, 4): 15, (2, 3, 9): 52}.items():
    got = count_weights(*given)
    assert got == expected, (
        f"count_weights{given} gave {got}; expected {expected} (see the lecture)"
    )
for given, expected in {(2, 2, 3): 14, (2, 2, 2): 8, (1, 1, 1): 1}.items():
    got = count_weights(*given)
    assert got == expected, (
        f"count_weights{given} gave {got}; expected {expected}. With {given[2]} nodes, how many "
        "indices can all be different?"
    )
for _ in range(8):
    a, b, n = (
        int(torch.randint(low, high, (), generator=draw)) for low, high in ((0, 4), (1, 5), (2, 7))
    )
    show(f"from {a} to {b} indices, {n} nodes", count_weights(a, b, n))
a = int(torch.randint(3, 6, (), generator=draw))
show(f"from {a} to 5 indices, 50 nodes", count_weights(a, 5, 50))


# %% name="count-bell" role="decoy" replaces="count-weights" fails=["check-count"]
def count_weights(a, b, n):
    ways = [1]
    for _ in range(a + b):
        longer = [*ways, 0]
        shifted = [0, *ways]
        ways = [shifted[m] + m * longer[m] for m in range(len(longer))]
    return sum(ways)


# %% name="count-dense" role="decoy" replaces="count-weights" fails=["check-count"]
def count_weights(a, b, n):
    return n ** (a + b)


# %% name="count-product" role="decoy" replaces="count-weights" fails=["check-count"]
def count_weights(a, b, n):
    def bell(k):
        return 1 if k == 0 else sum(math.comb(k - 1, j) * bell(j) for j in range(k))

    return bell(a) * bell(b)


# %% [markdown] role="discussion"
# The count is $\sum_{m \le \min(k, n)} S(k, m)$ with $k = a + b$ and Stirling numbers $S$; for $n \ge k$ it is the Bell number of $k$. The number does not grow with $n$ beyond $k$. That is why one layer with 15 weights serves graphs of every size.

# %% [markdown]
# ## 3. Attention, and a test for order
#
# Write self-attention with one head for one set `x` of shape `(n, c)`. Queries, keys and values are `x @ Wq`, `x @ Wk` and `x @ Wv`, with matrices `(c, d)`:
#
# $$y_i = \sum_j \frac{\exp(q_i \cdot k_j / \sqrt d)}{\sum_{j'} \exp(q_i \cdot k_{j'} / \sqrt d)}\, v_j .$$
#
# Guess first: there are two axes over which the softmax could run. Would the wrong one break the symmetry?
#
# <details><summary>Hint 1</summary><code>scores[i, j]</code> is the product of query i with key j: a table (n, n).</details>
#
# <details><summary>Hint 2</summary>Each element i takes a weighted mean of the values: for fixed i the weights over j add up to 1.</details>
#
# <details><summary>Hint 3</summary>Divide by the square root of d, the last axis of the queries, before the softmax. <code>scores.softmax(dim=-1)</code> runs over j.</details>


# %% name="attention" role="answer" section="Attention has no order either"
def attention(x, Wq, Wk, Wv):
    """Self-attention: a set (n, c) to (n, d)."""
    # solution: softmax over the elements that are looked at
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    scores = q @ k.mT / q.shape[-1] ** 0.5
    return scores.softmax(dim=-1) @ v


# %% name="check-attention" role="check" points=2
draw = generator("attention")
x = torch.randn(5, 3, generator=draw)
Wq, Wk, Wv = torch.randn(3, 3, 4, generator=draw)
y = attention(x, Wq, Wk, Wv)
assert y.shape == (5, 4), f"a set (5, 3) and matrices (3, 4) must give (5, 4); got {tuple(y.shape)}"
order = torch.randperm(5, generator=draw)
torch.testing.assert_close(
    attention(x[order], Wq, Wk, Wv),
    y[order],
    msg=lambda m: f"In the order {order.tolist()} the answers must move along.\n{m}",
)
alike = x[:1].expand(4, -1)
torch.testing.assert_close(
    attention(alike, Wq, Wk, Wv),
    alike @ Wv,
    msg=lambda m: f"Of four equal values each weighted mean is that value.\n{m}",
)
show("answers", y)


# %% name="attention-wrong-axis" role="decoy" replaces="attention" fails=["check-attention"]
def attention(x, Wq, Wk, Wv):
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=0) @ v


# %% name="attention-places" role="decoy" replaces="attention" fails=["check-attention"]
def attention(x, Wq, Wk, Wv):
    x = x + torch.sin(torch.arange(len(x)))[:, None]
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1) @ v


# %% name="attention-unscaled" role="decoy" replaces="attention" fails=["check-attention"]
def attention(x, Wq, Wk, Wv):
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    return (q @ k.mT).softmax(dim=-1) @ v


# %% [markdown] role="discussion"
# The softmax over the wrong axis is permutation equivariant too. It is a different function: the weights of an element no longer add up to one. Symmetry tests find symmetry bugs and no others.

# %% [markdown]
# Now a test. `order_law(f, x)` gets a function `f` and one set `x` of shape `(n, c)`, and says which law `f` obeys at `x`, as far as a test can tell: `"invariant"` if `f(x[order])` equals `f(x)`, `"equivariant"` if it equals `f(x)[order]`, `"neither"` otherwise. No function here obeys both. Each check hands you six functions in random order. Some of them respect *some* orders and not others.
#
# <details><summary>Hint 1</summary>A convolution along the list commutes with reading it backwards. A circular one commutes with shifts. Which orders leave none of them a chance?</details>
#
# <details><summary>Hint 2</summary>Try many random orders, <code>torch.randperm(len(x))</code>. A law holds only if it holds for all of them.</details>
#
# <details><summary>Hint 3</summary>An output that is not a list of n rows cannot be equivariant: look at its shape before you index it. Compare with <code>same</code>, since sums round.</details>


# %%
def same(a, b):
    """Whether two results are equal, up to rounding."""
    return a.shape == b.shape and bool((a - b).norm() <= 1e-9 * b.norm())


# %% name="order-law" role="answer" section="What we ask for"
def order_law(f, x):
    """Return "invariant", "equivariant" or "neither" for f at the set x (n, c)."""
    # solution: many random orders, and a law must hold for each
    draw = torch.Generator().manual_seed(0)
    y = f(x)
    orders = [torch.randperm(len(x), generator=draw) for _ in range(20)]
    moved = [f(x[order]) for order in orders]
    if all(same(z, y) for z in moved):
        return "invariant"
    if y.shape[:1] != x.shape[:1]:  # no row for each element
        return "neither"
    follows = all(same(z, y[order]) for z, order in zip(moved, orders, strict=True))
    return "equivariant" if follows else "neither"


# %%
def zoo(w):
    """Functions of a set (6, c), and the law of each. w: (c,), random and positive."""
    bell = torch.tensor([0.5, 1.0, 1.5, 1.5, 1.0, 0.5])[:, None]  # the same backwards
    plain = {
        "element by element": (lambda x: torch.tanh(x * w), "equivariant"),
        "minus the mean": (lambda x: x * w - x.mean(dim=0), "equivariant"),
        "sum": (lambda x: torch.exp(x * w).sum(dim=0), "invariant"),
        "maximum": (lambda x: (x * w).amax(dim=0), "invariant"),
        "running sum": (lambda x: (x * w).cumsum(dim=0), "neither"),
        "first": (lambda x: x[0] * w, "neither"),
    }
    backwards = {
        "sum": (lambda x: torch.exp(x * w).sum(dim=0), "invariant"),
        "element by element": (lambda x: torch.sin(x * w), "equivariant"),
        "places, the same backwards": (lambda x: torch.tanh(x * w + bell), "neither"),
        "a mean after such places": (lambda x: torch.tanh(x * w + bell).mean(dim=0), "neither"),
        "first and last": (lambda x: (x[0] + x[-1]) * w, "neither"),
        "minus the mean": (lambda x: x * w - x.mean(dim=0), "equivariant"),
    }
    shifts = {
        "sum": (lambda x: torch.exp(x * w).sum(dim=0), "invariant"),
        "circular convolution": (lambda x: x * w + x.roll(1, 0), "neither"),
        "products of neighbors": (lambda x: (x * w * x.roll(1, 0) ** 2).sum(dim=0), "neither"),
        "element by element": (lambda x: torch.cos(x * w), "equivariant"),
        "sorted": (lambda x: x.sort(dim=0).values * w, "invariant"),
        "minus the maximum": (lambda x: x * w - x.amax(dim=0), "equivariant"),
    }
    return {"plain": plain, "backwards": backwards, "shifts": shifts}


def judge(kind):
    """Ask order_law about six functions in random order, and explain a wrong verdict."""
    draw = generator(f"law-{kind}")
    x = torch.randn(6, 2, generator=draw)
    functions = list(zoo(0.5 + torch.rand(2, generator=draw))[kind].items())
    answers = []
    for at in torch.randperm(6, generator=draw).tolist():
        name, (f, law) = functions[at]
        answers.append(order_law(f, x))
        assert answers[-1] == law, f"{name!r} is {law}; your test says {answers[-1]!r}"
    show(f"laws, {kind}", answers)


# %% name="check-law-plain" role="check" points=1
judge("plain")

# %% name="check-law-backwards" role="check" points=1
judge("backwards")

# %% name="check-law-shifts" role="check" points=1
judge("shifts")


# %% name="law-backwards-only" role="decoy" replaces="order-law" fails=["check-law-backwards"]
def order_law(f, x):
    y, z = f(x), f(x.flip(0))
    if same(y, z):
        return "invariant"
    if y.ndim and len(y) == len(x) and same(z, y.flip(0)):
        return "equivariant"
    return "neither"


# %% name="law-shift-only" role="decoy" replaces="order-law" fails=["check-law-shifts"]
def order_law(f, x):
    y, z = f(x), f(x.roll(1, 0))
    if same(y, z):
        return "invariant"
    if y.ndim and len(y) == len(x) and same(z, y.roll(1, 0)):
        return "equivariant"
    return "neither"


# %% name="law-mean-is-invariant" role="decoy" replaces="order-law" fails=["check-law-plain", "check-law-backwards", "check-law-shifts"]
def order_law(f, x):
    return "equivariant" if f(x).shape == x.shape else "invariant"


# %% name="law-exact" role="decoy" replaces="order-law" fails=["check-law-plain", "check-law-backwards", "check-law-shifts"]
def order_law(f, x):
    draw = torch.Generator().manual_seed(0)
    y = f(x)
    orders = [torch.randperm(len(x), generator=draw) for _ in range(200)]
    if all(torch.equal(f(x[order]), y) for order in orders):
        return "invariant"
    if y.shape == x.shape and all(torch.equal(f(x[o]), y[o]) for o in orders):
        return "equivariant"
    return "neither"


# %% [markdown] role="discussion"
# Two permutations, a swap of two neighbors and a shift by one, generate all others. So a function that obeys a law for these two at *every* x obeys it for all. Any single permutation leaves loopholes: a vector of places that reads the same backwards, a circular convolution. Random orders close them.
#
# A mean at the end does not undo what was done before it: places that are added first stay in the mean. And a test that asks for equal bits fails honest sums: order in memory is order of summation.

# %% [markdown]
# ## 4. Six nodes, two graphs
#
# Message passing sees exactly what *color refinement* sees. All nodes begin with one color. In each round, a node's new color is decided by its own color together with the **multiset** of its neighbors' colors (which colors, and how often each). It stops when a round makes no class finer. Write `refine(A)`, which returns a list of $n$ colors, where equal means equal. What you call the colors is up to you.
#
# Guess first: how many colors does a path of six nodes end with?
#
# <details><summary>Hint 1</summary>For each node build a key: (own color, sorted list of the neighbors' colors). Nodes with equal keys get equal colors.</details>
#
# <details><summary>Hint 2</summary>To get short names again, number the different keys: <code>names = {key: k for k, key in enumerate(sorted(set(keys)))}</code>.</details>
#
# <details><summary>Hint 3</summary>n rounds are always enough: each round either makes more classes or changes nothing ever after.</details>


# %% name="refine" role="answer" section="What it cannot see"
def refine(A):
    """Colors of the n nodes after color refinement of the graph A (n, n): a list of n integers."""
    # solution: own color and the sorted colors of the neighbors, n times
    n = len(A)
    neighbors = [A[i].nonzero().flatten().tolist() for i in range(n)]
    colors = [0] * n
    for _ in range(n):
        keys = [(colors[i], tuple(sorted(colors[j] for j in neighbors[i]))) for i in range(n)]
        names = {key: k for k, key in enumerate(sorted(set(keys)))}
        colors = [names[key] for key in keys]
    return colors


# %%
def graph(n, edges):
    """The adjacency table (n, n) of a graph."""
    A = torch.zeros(n, n)
    for i, j in edges:
        A[i, j] = A[j, i] = 1.0
    return A


def ring(n, first=0):
    """Edges of a ring of n nodes."""
    return [(first + k, first + (k + 1) % n) for k in range(n)]


def renumbered(A, draw):
    """The same graph with its nodes in a random order."""
    order = torch.randperm(len(A), generator=draw)
    return A[order][:, order]


def classes(colors):
    """The same text for the same classes, whatever the colors are called."""
    colors = list(colors)
    return [colors.index(color) for color in colors]


PATH = graph(8, [(k, k + 1) for k in range(7)])
BROOM = graph(9, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (4, 6), (0, 7), (7, 8)])
HEXAGON, TRIANGLES = graph(6, ring(6)), graph(6, ring(3) + ring(3, first=3))

# %% name="check-refine" role="check" points=3
draw = generator("refine")
for name, A in {"a ring of six": HEXAGON, "two triangles": TRIANGLES}.items():
    count = len(set(refine(A)))
    assert count == 1, f"In {name} all nodes look alike, so one color is left; you have {count}"
count = len(set(refine(PATH)))
assert count == 4, (
    f"A path of eight nodes ends with 4 colors (ends, next to an end, ...); you have {count}. "
    "One round finds degrees only, and a set of colors in place of a multiset forgets how often."
)
for name, A in {"path": PATH, "broom": BROOM}.items():
    for _ in range(2):
        show(f"classes of the {name}, renumbered", classes(refine(renumbered(A, draw))))


# %% name="refine-degrees" role="decoy" replaces="refine" fails=["check-refine"]
def refine(A):
    return A.sum(dim=1).long().tolist()


# %% name="refine-set" role="decoy" replaces="refine" fails=["check-refine"]
def refine(A):
    n = len(A)
    neighbors = [A[i].nonzero().flatten().tolist() for i in range(n)]
    colors = [0] * n
    for _ in range(n):
        keys = [(colors[i], tuple(sorted({colors[j] for j in neighbors[i]}))) for i in range(n)]
        names = {key: k for k, key in enumerate(sorted(set(keys)))}
        colors = [names[key] for key in keys]
    return colors


# %% name="refine-numbers" role="decoy" replaces="refine" fails=["check-refine"]
def refine(A):
    n = len(A)
    colors = list(range(n))
    for _ in range(n):
        keys = [(colors[i], tuple(sorted(j for j in range(n) if A[i, j]))) for i in range(n)]
        names = {key: k for k, key in enumerate(sorted(set(keys)))}
        colors = [names[key] for key in keys]
    return colors


# %% [markdown] role="discussion"
# A set of colors in place of a multiset is what message passing with a *maximum* sees: without features it cannot even find degrees. Starting from the node's number separates all nodes, in the path, the ring and the triangles alike: it tells *nodes* apart, and says nothing that survives a renumbering.

# %% [markdown]
# What message passing cannot see, a product of tables can. Write `count_triangles(A)`: how many triangles are in the graph, for a graph `(n, n)` or a batch `(b, n, n)`.
#
# <details><summary>Hint 1</summary><code>(A @ A @ A)[i, i]</code> counts the walks of three steps that begin and end at i.</details>
#
# <details><summary>Hint 2</summary>Each triangle is walked from three starting points, in two directions.</details>
#
# <details><summary>Hint 3</summary><code>diagonal(dim1=-2, dim2=-1).sum(-1)</code> is the trace of each table of a batch.</details>


# %% name="count-triangles" role="answer" section="What mends it, and what does not"
def count_triangles(A):
    """The number of triangles of a graph (n, n) or of each graph of a batch (b, n, n)."""
    # solution: closed walks of three steps, each triangle six times
    return (A @ A @ A).diagonal(dim1=-2, dim2=-1).sum(dim=-1) / 6


# %% name="check-triangles" role="check" points=2
draw = generator("triangles")
both = count_triangles(torch.stack([HEXAGON, TRIANGLES]))
assert both.shape == (2,), f"a batch of two graphs must give two numbers; got {tuple(both.shape)}"
assert both.tolist() == [0, 2], f"the ring has 0 triangles, the other graph 2; got {both.tolist()}"
A = (torch.rand(4, 8, 8, generator=draw) < 0.6).double().triu(1)
A = A + A.mT
torch.testing.assert_close(
    count_triangles(renumbered(A[0], draw)),
    count_triangles(A[0]),
    msg=lambda m: f"A renumbered graph has as many triangles.\n{m}",
)
show("triangles of random graphs", count_triangles(A))


# %% name="triangles-elementwise" role="decoy" replaces="count-triangles" fails=["check-triangles"]
def count_triangles(A):
    return (A * A * A).sum(dim=(-1, -2)) / 6


# %% name="triangles-walks" role="decoy" replaces="count-triangles" fails=["check-triangles"]
def count_triangles(A):
    return (A @ A @ A).diagonal(dim1=-2, dim2=-1).sum(dim=-1)


# %% [markdown] role="discussion"
# `A ** 3` and `A * A * A` act on each entry by itself, as the nonlinearity of a network does. For zeros and ones they change nothing. The matrix product sums over a node in the middle, and that is what layers of linear maps with pointwise nonlinearities never do.

# %% [markdown]
# ## 5. The ring of friends
#
# To compare scores for pairs you need an AUC that is fair to ties: the chance that a random positive pair scores higher than a random negative one, where a tie counts one half. Write `auc(score, label)` for `score` of shape `(m,)` and `label` of zeros and ones.
#
# Guess first: all scores are equal. A careless AUC gives 0, or 1, or a number that depends on the order in memory. Which line of code would give which?
#
# <details><summary>Hint 1</summary>Compare each positive score with each negative one: a table of (positives, negatives).</details>
#
# <details><summary>Hint 2</summary><code>yes[:, None] &gt; no[None, :]</code> is that table. Where is a tie in it?</details>
#
# <details><summary>Hint 3</summary>The mean of <code>(yes &gt; no) + 0.5 * (yes == no)</code>, once both are turned into numbers.</details>


# %% name="auc" role="answer" section="Who will be linked to whom?"
def auc(score, label):
    """The chance that a positive scores higher than a negative, ties counting one half."""
    # solution: all pairs of a positive and a negative
    yes, no = score[label > 0][:, None], score[label == 0]
    return ((yes > no).double() + 0.5 * (yes == no).double()).mean()


# %% name="check-auc" role="check" points=3
draw = generator("auc")
label = (torch.arange(20) % 3 == 0).double()
label = label[torch.randperm(20, generator=draw)]
flat = float(auc(torch.ones(20), label))
assert flat == 0.5, f"Equal scores for all tell nothing: the AUC is 0.5; you have {flat}"
assert float(auc(label, label)) == 1.0, "Scores that are the labels themselves have AUC 1"
score = torch.randint(0, 4, (20,), generator=draw).double()
order = torch.randperm(20, generator=draw)
assert abs(float(auc(score[order], label[order])) - float(auc(score, label))) < 1e-12, (
    f"Scores and labels both in the order {order.tolist()}: the AUC must stay. Does a sort break ties?"
)
show("AUC with ties", auc(score, label))
show("AUC without ties", auc(torch.randn(20, generator=draw), label))


# %% name="auc-strict" role="decoy" replaces="auc" fails=["check-auc"]
def auc(score, label):
    return (score[label > 0][:, None] > score[label == 0]).double().mean()


# %% name="auc-generous" role="decoy" replaces="auc" fails=["check-auc"]
def auc(score, label):
    return (score[label > 0][:, None] >= score[label == 0]).double().mean()


# %% name="auc-by-rank" role="decoy" replaces="auc" fails=["check-auc"]
def auc(score, label):
    rank = score.argsort(stable=True).argsort().double()
    yes, no = rank[label > 0], rank[label == 0]
    return (yes[:, None] > no).double().mean()


# %% [markdown] role="discussion"
# An AUC by ranks that does not average over ties answers with the order in memory: it is not invariant. On the ring of friends, where all scores tie, it can report anything between 0 and 1. scikit-learn's `roc_auc_score` treats ties as you did.

# %% [markdown]
# Now the score. For pairs of nodes `pair` of shape `(m, 2)` in a graph `A`, return a score `(m,)` that tells pairs with a friend in common from others, on any graph: how many friends they have in common. Node embeddings cannot do it on a ring.
#
# <details><summary>Hint 1</summary>A friend in common is a path of two steps from i to j.</details>
#
# <details><summary>Hint 2</summary>Paths of two steps are counted by a product of two tables.</details>
#
# <details><summary>Hint 3</summary>A table is read at many pairs at once by <code>table[pair[:, 0], pair[:, 1]]</code>.</details>


# %% name="common-friends" role="answer" section="Ask about the pair"
def common_friends(A, pair):
    """How many neighbors each pair (m, 2) of nodes has in common in the graph A (n, n): (m,)."""
    # solution: paths of two steps
    return (A @ A)[pair[:, 0], pair[:, 1]]


# %% name="check-common" role="check" points=2
draw = generator("common")


def fair_auc(score, label):
    difference = score[label > 0][:, None] - score[label == 0]
    return float((0.5 + 0.5 * difference.sign()).mean())


n = 12
far = torch.ones(n, n).triu(2)
far[0, n - 1] = 0.0
pair = far.nonzero()
step = pair[:, 1] - pair[:, 0]
label = ((step == 2) | (step == n - 2)).double()
reached = fair_auc(common_friends(graph(n, ring(n)), pair).double(), label)
assert reached == 1.0, (
    f"On a ring of {n} your scores have an AUC of {reached:.2f}. At 0.5 all pairs tie: what does "
    "your score know about the pair, beyond its two nodes?"
)
A = (torch.rand(9, 9, generator=draw) < 0.4).double().triu(1)
A = A + A.mT
pair = torch.randint(0, 9, (12, 2), generator=draw)
pair = pair[pair[:, 0] != pair[:, 1]]
show("friends in common", common_friends(A, pair))


# %% name="common-degrees" role="decoy" replaces="common-friends" fails=["check-common"]
def common_friends(A, pair):
    degree = A.sum(dim=1)
    return degree[pair[:, 0]] * degree[pair[:, 1]]


# %% name="common-embedding" role="decoy" replaces="common-friends" fails=["check-common"]
def common_friends(A, pair):
    h = torch.ones(len(A), 4)
    for _ in range(3):
        h = torch.tanh(h + A @ h)
    return (h[pair[:, 0]] * h[pair[:, 1]]).sum(dim=1)


# %% name="common-numbers" role="decoy" replaces="common-friends" fails=["check-common"]
def common_friends(A, pair):
    return ((pair[:, 0] - pair[:, 1]).abs() == 2).double()


# %% [markdown] role="discussion"
# Degrees and embeddings describe nodes, and on a ring all nodes are alike. The score by node numbers is perfect on a ring that is stored in order (up to the seam), and means nothing on any other graph: it reads the file. $(A A)_{ij}$ describes the pair, and it is equivariant.
