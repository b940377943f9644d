# %% [markdown]
# # Exercises 12: asking symmetric questions
#
# You repair questions. Some have a fault in the target, some in the loss, some in the test. For each repair a check turns everything and asks whether the question still means the same.
#
# | exercise | points | time |
# |---|---|---|
# | 1. Equivariant standardization | 4 | 20 min |
# | 2. An orbit-aware loss | 4 | 20 min |
# | 3. The audit by twins | 4 | 25 min |
# | 4. Mend eight broken questions | 8 | 30 min |
# | 5. Find the leak | 4 | 20 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Conventions of the course: points and vectors are rows, so a rotation moves them as `x @ R.mT`; a matrix target moves as `R @ t @ R.mT`. Checks run in float64.

# %%
import itertools

import torch

from coursetools.checks import generator, show
from coursetools.device import use_device
from equivar.features import transform
from equivar.irreps import Irreps
from equivar.rotations import random_orthogonal

torch.set_default_dtype(torch.float64)
use_device()


def some_pose(draw, proper=None):
    """A random orthogonal matrix (3, 3): a rotation (True), with a mirror (False), either (None)."""
    Q = random_orthogonal(1, generator=draw)[0].double()
    flip = proper is not None and bool(torch.linalg.det(Q) > 0) != proper
    return -Q if flip else Q


# %% [markdown]
# ## 1. Equivariant standardization
#
# Features `x` of shape (n, irreps.dim) are to get mean zero and size one, as far as symmetry allows. Return a shift and a scale, both (irreps.dim,), so that `(x - shift) / scale` is what a model gets. The rules:
#
# * subtract the mean of the samples where a mean may be subtracted, and zero elsewhere;
# * divide each copy of each irrep by one number: the root of the mean square, after the shift, over samples and over the components of that copy;
# * where that number is below 1e-12, divide by 1.
#
# Guess first: may a pseudoscalar, `0o`, lose its mean?
#
# <details><summary>Hint 1</summary>What is subtracted must be the same after every rotation and every reflection. Which irreps have such a vector besides zero?</details>
#
# <details><summary>Hint 2</summary><code>for (mul, irrep), where in zip(Irreps(irreps), Irreps(irreps).slices)</code> walks over blocks; <code>x[:, where].unflatten(-1, (mul, irrep.dim))</code> is (n, mul, d).</details>
#
# <details><summary>Hint 3</summary>Only <code>irrep.l == 0 and irrep.p == 1</code> is shifted. The scale of a block: <code>block.square().mean(dim=(0, 2)).sqrt()</code>, one for each copy, repeated <code>irrep.dim</code> times.</details>


# %% name="standardize" role="answer" section="Questions 4 and 5: columns and six numbers"
def standardize(irreps, x):
    """Shift and scale (irreps.dim,) of features (n, irreps.dim)."""
    # solution: a shift for 0e alone, and one scale for each copy
    shift, scale = torch.zeros(x.shape[1]), torch.ones(x.shape[1])
    for (mul, irrep), where in zip(Irreps(irreps), Irreps(irreps).slices, strict=True):
        if irrep.l == 0 and irrep.p == 1:
            shift[where] = x[:, where].mean(dim=0)
        block = (x - shift)[:, where].unflatten(-1, (mul, irrep.dim))
        size = block.square().mean(dim=(0, 2)).sqrt()
        size = torch.where(size < 1e-12, torch.ones(mul), size)
        scale[where] = size.repeat_interleave(irrep.dim)
    return shift, scale


# %% name="check-standardize" role="check" points=3
draw = generator("standardize")
LAYOUT = "2x0e + 0o + 2x1o + 1e + 2e"
x = torch.randn(30, Irreps(LAYOUT).dim, generator=draw)
x = x * (0.5 + 3 * torch.rand(x.shape[1], generator=draw)) + torch.randn(x.shape[1], generator=draw)
shift, scale = standardize(LAYOUT, x)
for proper in (True, False):
    Q = some_pose(draw, proper)
    after = standardize(LAYOUT, transform(LAYOUT, Q, x))
    one = transform(LAYOUT, Q, (x - shift) / scale)
    other = (transform(LAYOUT, Q, x) - after[0]) / after[1]
    off = (one - other).norm() / one.norm()
    assert off < 1e-9, (
        f"standardize, then {'rotate' if proper else 'rotate and reflect'}: not the same as the other "
        f"way around, off by {off:.2f} of its size. Is something subtracted that has a direction or a "
        "hand, or are components of one irrep divided by different numbers?"
    )
show("shift", shift)
show("scale", scale)

# %% name="check-standardize-zero" role="check" points=1
draw = generator("zero")
x = torch.randn(10, 7, generator=draw) * 1e-3
x[:, 0] = torch.rand(1, generator=draw)  # a constant scalar
x[:, 1:4] = 0  # vectors that vanish
shift, scale = standardize("0e + 1o + 1o", x)
found = (x - shift) / scale
assert found.isfinite().all(), "a feature that never changes must not become nan: divide by 1"
show("shift and scale", [shift, scale])
show("features", found)


# %% name="standardize-columns" role="decoy" replaces="standardize" fails=["check-standardize", "check-standardize-zero"]
def standardize(irreps, x):
    scale = x.std(dim=0)
    return x.mean(dim=0), torch.where(scale < 1e-12, torch.ones_like(scale), scale)


# %% name="standardize-shifts-vectors" role="decoy" replaces="standardize" fails=["check-standardize", "check-standardize-zero"]
def standardize(irreps, x):
    shift, scale = x.mean(dim=0), torch.ones(x.shape[1])
    for (mul, irrep), where in zip(Irreps(irreps), Irreps(irreps).slices, strict=True):
        block = (x - shift)[:, where].unflatten(-1, (mul, irrep.dim))
        size = block.square().mean(dim=(0, 2)).sqrt()
        size = torch.where(size < 1e-12, torch.ones(mul), size)
        scale[where] = size.repeat_interleave(irrep.dim)
    return shift, scale


# %% name="standardize-shifts-pseudoscalars" role="decoy" replaces="standardize" fails=["check-standardize"]
def standardize(irreps, x):
    shift, scale = torch.zeros(x.shape[1]), torch.ones(x.shape[1])
    for (mul, irrep), where in zip(Irreps(irreps), Irreps(irreps).slices, strict=True):
        if irrep.l == 0:
            shift[where] = x[:, where].mean(dim=0)
        block = (x - shift)[:, where].unflatten(-1, (mul, irrep.dim))
        size = block.square().mean(dim=(0, 2)).sqrt()
        size = torch.where(size < 1e-12, torch.ones(mul), size)
        scale[where] = size.repeat_interleave(irrep.dim)
    return shift, scale


# %% name="standardize-components" role="decoy" replaces="standardize" fails=["check-standardize", "check-standardize-zero"]
def standardize(irreps, x):
    shift = torch.zeros(x.shape[1])
    for (_, irrep), where in zip(Irreps(irreps), Irreps(irreps).slices, strict=True):
        if irrep.l == 0 and irrep.p == 1:
            shift[where] = x[:, where].mean(dim=0)
    scale = (x - shift).square().mean(dim=0).sqrt()
    return shift, torch.where(scale < 1e-12, torch.ones_like(scale), scale)


# %% name="standardize-no-guard" role="decoy" replaces="standardize" fails=["check-standardize-zero"]
def standardize(irreps, x):
    shift, scale = torch.zeros(x.shape[1]), torch.ones(x.shape[1])
    for (mul, irrep), where in zip(Irreps(irreps), Irreps(irreps).slices, strict=True):
        if irrep.l == 0 and irrep.p == 1:
            shift[where] = x[:, where].mean(dim=0)
        block = (x - shift)[:, where].unflatten(-1, (mul, irrep.dim))
        scale[where] = block.square().mean(dim=(0, 2)).sqrt().repeat_interleave(irrep.dim)
    return shift, scale


# %% [markdown] role="discussion"
# A pseudoscalar keeps its mean. Its mean says that the data set has more of one hand than of the other. Subtract it, and the mirror image of the data set is standardized otherwise. With rotations alone as the group, `0o` is as good as `0e`.
#
# A mean vector that is far from zero is not a reason to subtract it. It is a sign that the poses of your data set are not random: exercise 5.

# %% [markdown]
# ## 2. An orbit-aware loss
#
# A model answers with k axes `y` (k, 3); the labels are unit vectors `t` (k, 3), such as eigenvectors of equal standing. The sign of each means nothing, and their order means nothing. Write the loss: the mean over the axes of the squared distance, for the best way to pair each answer with a label of its own, and to choose each sign.
#
# Guess first: each answer to its nearest label. Why is that not enough?
#
# <details><summary>Hint 1</summary>For one pair the better sign gives <code>min(|y - t|², |y + t|²)</code>.</details>
#
# <details><summary>Hint 2</summary>Make the table of all pairs, (k, k). A pairing is a permutation p: it takes the entries (i, p(i)).</details>
#
# <details><summary>Hint 3</summary><code>for p in itertools.permutations(range(k))</code>, the mean of <code>pairs[range(k), list(p)]</code>; take the smallest.</details>


# %% name="axes-loss" role="answer" section="Question 1: an arrow for an axis"
def axes_loss(y, t):
    """Loss of axes y (k, 3) against t (k, 3), up to signs and order: a 0-dim tensor."""
    # solution: signs within each pair, then the best pairing of all
    both = torch.stack([y[:, None] - t, y[:, None] + t])  # (2, k, k, 3)
    pairs = both.square().sum(-1).min(dim=0).values
    ways = itertools.permutations(range(len(y)))
    return torch.stack([pairs[range(len(y)), list(p)].mean() for p in ways]).min()


# %%
def random_axes(draw, k):
    """Unit vectors (k, 3)."""
    v = torch.randn(k, 3, generator=draw)
    return v / v.norm(dim=-1, keepdim=True)


# %% name="check-axes-loss" role="check" points=2
draw = generator("axes")
losses = []
for k in (1, 2, 3, 4):
    t = random_axes(draw, k)
    order = torch.randperm(k, generator=draw)
    signs = 2.0 * torch.randint(2, (k, 1), generator=draw) - 1
    assert axes_loss(-t, t) < 1e-12, "all signs reversed is the same answer: the loss must be 0"
    one = t.clone()
    one[0] *= -1
    assert axes_loss(one, t) < 1e-12, "each axis has a sign of its own: one reversed, loss 0"
    assert axes_loss(t.flip(0), t) < 1e-12, "the order means nothing: reversed, loss 0"
    y = torch.randn(k, 3, generator=draw)
    change = (axes_loss(signs * y[order], t) - axes_loss(y, t)).abs()
    assert change < 1e-12, "another order and other signs of the answer must not change its loss"
    Q = some_pose(draw)
    change = (axes_loss(y @ Q.mT, t @ Q.mT) - axes_loss(y, t)).abs()
    assert change < 1e-12, "turn answer and label together: the loss must stay"
    losses.append(axes_loss(y, t))
show("losses", losses)

# %% name="check-axes-loss-pairing" role="check" points=2
draw = generator("pairing")
t = torch.eye(3) @ some_pose(draw).mT
lazy = torch.stack([t[0], t[0], t[1]])
assert axes_loss(lazy, t) > 0.1, (
    "two answers on the first axis and none on the third: each is near some label, but a label may be "
    "taken only once"
)
crossed = t[[0, 1]] + 0.6 * t[[1, 0]] + 0.2 * torch.randn(2, 3, generator=draw)
show("two answers on one label", axes_loss(lazy, t))
show("a close call", axes_loss(crossed, t[:2]))


# %% name="axes-loss-plain" role="decoy" replaces="axes-loss" fails=["check-axes-loss", "check-axes-loss-pairing"]
def axes_loss(y, t):
    return (y - t).square().sum(-1).mean()


# %% name="axes-loss-signs-alone" role="decoy" replaces="axes-loss" fails=["check-axes-loss", "check-axes-loss-pairing"]
def axes_loss(y, t):
    both = torch.stack([y - t, y + t])
    return both.square().sum(-1).min(dim=0).values.mean()


# %% name="axes-loss-one-sign" role="decoy" replaces="axes-loss" fails=["check-axes-loss"]
def axes_loss(y, t):
    ways = [list(p) for p in itertools.permutations(range(len(y)))]
    return torch.stack(
        [(y - s * t[p]).square().sum(-1).mean() for p in ways for s in (1, -1)]
    ).min()


# %% name="axes-loss-nearest" role="decoy" replaces="axes-loss" fails=["check-axes-loss", "check-axes-loss-pairing"]
def axes_loss(y, t):
    both = torch.stack([y[:, None] - t, y[:, None] + t])
    return both.square().sum(-1).min(dim=0).values.min(dim=1).values.mean()


# %% [markdown] role="discussion"
# Each answer to its nearest label lets two answers share one label: the loss is small and an axis is missing. The pairing must be one to one. For three axes that is six ways; for many there is the Hungarian algorithm, which costs k³.
#
# Compare with the other mend, $\sum_k n_k n_k^\top$ or one $n\,n^\top$ each: that one changes the target and keeps the mean squared error. It is smooth. The loss here has a kink wherever two pairings tie, and a model that must *choose* among equal answers still cannot (lecture 11): an orbit-aware loss removes the choice that the labels made, not one that the input leaves open.

# %% [markdown]
# ## 3. The audit by twins
#
# Someone hands you the code that made the labels: a function `label(x)` from positions (n, 3) to a target (irreps.dim,). Is it what they say, an equivariant function of these irreps that does not change under shifts? Find out which motions break it. A motion is a pair of an orthogonal matrix `Q` and a shift `v`; it takes `x` to `x @ Q.mT + v`.
#
# Return the indices of the motions for which the new label and the moved label differ by more than 1e-6 of the label's size, in rising order.
#
# Guess first: columns divided by three different numbers, and the motion is a half turn about z. Does it break?
#
# <details><summary>Hint 1</summary>Two ways around: move, then label; label, then move the label. The label moves by its irreps, and does not care about shifts.</details>
#
# <details><summary>Hint 2</summary><code>transform(irreps, Q, t)</code> moves a target.</details>
#
# <details><summary>Hint 3</summary><code>off = (label(x @ Q.mT + v) - transform(irreps, Q, label(x))).norm()</code>, compared with <code>1e-6 * label(x).norm()</code>.</details>


# %% name="broken-by" role="answer" section="What a question must keep"
def broken_by(label, irreps, x, motions):
    """Indices of the motions (Q, v) under which label does not behave as irreps say: a list."""
    # solution: move and label, against label and move
    t = label(x)
    found = []
    for k, (Q, v) in enumerate(motions):
        off = label(x @ Q.mT + v) - transform(irreps, Q, t)
        if off.norm() > 1e-6 * t.norm():
            found.append(k)
    return found


# %%
def pipelines(draw):
    """Codes that make labels: name, what they claim, and the function of positions (5, 3)."""
    q = torch.randn(5, generator=draw)
    neutral = q - q.mean()
    sd = 0.5 + torch.rand(3, generator=draw)

    def area(x):
        return torch.linalg.cross(x[1] - x[0], x[2] - x[0])

    return {
        "dipole, neutral": ("1o", lambda x: neutral @ x),
        "dipole, charged": ("1o", lambda x: q @ x),
        "dipole by columns": ("1o", lambda x: neutral @ x / sd),
        "normal of a face": ("1o", area),
        "normal of a face, as a pseudovector": ("1e", area),
        "signed volume": ("0e", lambda x: torch.linalg.det(x[1:4] - x[0])[None]),
        "highest point": ("0e", lambda x: (x - x.mean(dim=0))[:, 2].max()[None]),
        "a trace of the laboratory": ("1o", lambda x: neutral @ x + 1e-4 * sd),
    }


def some_motions(draw):
    """Doing nothing, a shift, half and quarter turns, mirrors, inversion, and random ones."""
    eye, zero = torch.eye(3), torch.zeros(3)
    half = torch.diag(torch.tensor([-1.0, -1, 1]))
    quarter = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    mirror = torch.diag(torch.tensor([1.0, 1, -1]))
    listed = [(eye, zero), (eye, torch.randn(3, generator=draw))]
    listed += [(Q, zero) for Q in (half, quarter, mirror, -eye)]
    listed += [
        (some_pose(draw, proper), torch.randn(3, generator=draw)) for proper in (True, False)
    ]
    return [listed[k] for k in torch.randperm(len(listed), generator=draw).tolist()]


# %% name="check-broken-by" role="check" points=4
draw = generator("twins")
motions = some_motions(draw)
x = torch.randn(5, 3, generator=draw)
for name, (irreps, label) in pipelines(draw).items():
    found = broken_by(label, irreps, x, motions)
    if name in ("dipole, neutral", "normal of a face, as a pseudovector"):
        assert found == [], f"{name} keeps its word, but you say that motion {found[0]} breaks it"
    improper = [k for k, (Q, _) in enumerate(motions) if torch.linalg.det(Q) < 0]
    if name == "normal of a face":
        assert found == improper, (
            f"{name}: claims to be a vector, and is a pseudovector; each improper motion breaks it, "
            f"{improper}, and you say {found}. Do you move the label by its irreps, with the parity?"
        )
    assert name != "a trace of the laboratory" or len(found) > 0, (
        f"{name}: 1e-4 of a fixed vector is added to each label. Small, but not rounding: it is broken"
    )
    show(name, found)


# %% name="broken-by-invariance" role="decoy" replaces="broken-by" fails=["check-broken-by"]
def broken_by(label, irreps, x, motions):
    t = label(x)
    off = [(label(x @ Q.mT + v) - t).norm() for Q, v in motions]
    return [k for k, value in enumerate(off) if value > 1e-6 * t.norm()]


# %% name="broken-by-no-shift" role="decoy" replaces="broken-by" fails=["check-broken-by"]
def broken_by(label, irreps, x, motions):
    t = label(x)
    off = [(label(x @ Q.mT) - transform(irreps, Q, t)).norm() for Q, v in motions]
    return [k for k, value in enumerate(off) if value > 1e-6 * t.norm()]


# %% name="broken-by-inverse" role="decoy" replaces="broken-by" fails=["check-broken-by"]
def broken_by(label, irreps, x, motions):
    t = label(x)
    off = [(label(x @ Q.mT + v) - transform(irreps, Q.mT, t)).norm() for Q, v in motions]
    return [k for k, value in enumerate(off) if value > 1e-6 * t.norm()]


# %% name="broken-by-loose" role="decoy" replaces="broken-by" fails=["check-broken-by"]
def broken_by(label, irreps, x, motions):
    t = label(x)
    off = [(label(x @ Q.mT + v) - transform(irreps, Q, t)).norm() for Q, v in motions]
    return [k for k, value in enumerate(off) if value > 1e-2 * t.norm()]


# %% name="broken-by-lengths" role="decoy" replaces="broken-by" fails=["check-broken-by"]
def broken_by(label, irreps, x, motions):
    t = label(x)
    off = [label(x @ Q.mT + v).norm() - t.norm() for Q, v in motions]
    return [k for k, value in enumerate(off) if value.abs() > 1e-6 * t.norm()]


# %% [markdown] role="discussion"
# Half turns about the axes, and mirrors in their planes, do not mix the columns: dividing columns by different numbers passes all of them. So does any fault that lives in the axes of the laboratory. Always test with a motion that has nothing to do with the axes, and with an improper one; and test shifts, or a charged molecule's dipole gets through.
#
# The fault of $10^{-4}$ is far below what a model's error would show. It would still let a large network find out where up is.

# %% [markdown]
# ## 4. Mend eight broken questions
#
# Each sample is a dict. It always has `points` (n, 3), and beside it a label with a fault. Give for each fault a law and a function from the sample to a healthy target:
#
# | name | the sample has | what is wrong | healthy target |
# |---|---|---|---|
# | `axis` | `n`, a unit vector (3,) | its sign is an accident | the matrix $n\,n^\top$ |
# | `ends` | `ends` (2, 3), two positions | their order is an accident | with $d$ half their difference, the matrix $d\,d^\top$ |
# | `columns` | `v` (3,), `mean` (3,), `sd` (3,) | a vector was standardized by column: `(vector - mean) / sd` | the vector |
# | `lab` | `v` (3,), `pose` (3, 3) | the label of the molecule before it was turned by `pose` | the vector that goes with `points` |
# | `six` | `six` (6,): xx, xy, yy, xz, yz, zz | listed so, errors off the diagonal count half | the symmetric matrix |
# | `origin` | `charges` (n,), their sum is not 0 | the dipole about the laboratory's origin | the dipole about the mean of the points |
# | `torque` | `v` (3,), a torque about the mean of the points | called a vector | itself, with the right law |
# | `volume` | `v` (1,), a signed volume | called a scalar | itself, with the right law |
#
# Laws are `"0e"`, `"0o"`, `"1o"`, `"1e"`, or `"matrix"` for a (3, 3) that moves as $R\,t\,R^\top$.
#
# Guess first: which of the eight need no new numbers, just another label on the same numbers?
#
# <details><summary>Hint 1</summary>The names of the table are the keys; a value is a pair, such as <code>("matrix", lambda s: torch.outer(s["n"], s["n"]))</code>.</details>
#
# <details><summary>Hint 2</summary>The pose took the molecule to where it is: <code>points</code> are the old ones, turned. The vector has to follow, <code>s["pose"] @ s["v"]</code>. A signed volume and a torque change their sign in a mirror in different ways.</details>
#
# <details><summary>Hint 3</summary>Six to a matrix: <code>xx, xy, yy, xz, yz, zz = s["six"]</code>, then <code>torch.stack</code> of rows. About the mean: <code>s["charges"] @ (points - points.mean(dim=0))</code>. Torque: <code>"1e"</code>. Signed volume: <code>"0o"</code>.</details>


# %% name="mend" role="answer" section="Eight questions, before and after"
def mend():
    """For each broken question a law and a function from the sample to a healthy target: a dict."""
    # solution: remove the choice, undo the frame, name the parity

    def from_six(s):
        xx, xy, yy, xz, yz, zz = s["six"]
        rows = ([xx, xy, xz], [xy, yy, yz], [xz, yz, zz])
        return torch.stack([torch.stack(row) for row in rows])

    def half_difference(s):
        d = (s["ends"][0] - s["ends"][1]) / 2
        return torch.outer(d, d)

    return {
        "axis": ("matrix", lambda s: torch.outer(s["n"], s["n"])),
        "ends": ("matrix", half_difference),
        "columns": ("1o", lambda s: s["v"] * s["sd"] + s["mean"]),
        "lab": ("1o", lambda s: s["pose"] @ s["v"]),
        "six": ("matrix", from_six),
        "origin": ("1o", lambda s: s["charges"] @ (s["points"] - s["points"].mean(dim=0))),
        "torque": ("1e", lambda s: s["v"]),
        "volume": ("0o", lambda s: s["v"]),
    }


# %%
def sample(name, label, moved=None):
    """The sample of a broken question, the same in each call; moved by (Q, v), labels made anew."""
    draw = generator(label + name)
    x = torch.randn(5, 3, generator=draw)
    charges, weights = torch.randn(2, 5, generator=draw)
    forces = torch.randn(5, 3, generator=draw)
    mean, first_pose = torch.randn(3, generator=draw), some_pose(draw)
    sd = 0.5 + torch.rand(3, generator=draw)
    old = x @ first_pose  # before it was turned
    flip = 1.0
    if moved is not None:
        Q, v = moved
        x, forces, first_pose, flip = x @ Q.mT + v, forces @ Q.mT, Q @ first_pose, -1.0
    away = x - x.mean(dim=0)
    neutral = charges - charges.mean()
    n, d = weights @ away / (weights @ away).norm(), away[0] - away[1]
    moment = away.mT @ (weights[:, None] * away)
    return {"points": x} | {
        "axis": {"n": flip * n},
        "ends": {"ends": x[[0, 1]] if flip > 0 else x[[1, 0]]},
        "columns": {"v": (neutral @ x - mean) / sd, "mean": mean, "sd": sd},
        "lab": {"v": neutral @ old, "pose": first_pose},
        "six": {"six": moment[[0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]]},
        "origin": {"charges": charges, "v": charges @ x},
        "torque": {"v": torch.linalg.cross(away, forces).sum(dim=0)},
        "volume": {"v": torch.linalg.det(torch.stack([d, away[2], away[3]]))[None]},
    }[name]  # fmt: skip


def move(law, Q, t):
    """A target, moved as its law says."""
    return Q @ t @ Q.mT if law == "matrix" else transform(law, Q, t)


def verdict(name, label):
    """Ask of a mended question that its target moves with the points; its law and target."""
    law, ask = mend()[name]
    assert law in ("0e", "0o", "1o", "1e", "matrix"), f"{name}: there is no law {law!r} here"
    t = ask(sample(name, label))
    shape = {"0": (1,), "1": (3,), "m": (3, 3)}[law[0]]
    assert t.shape == shape, (
        f"{name}: a target of law {law} has shape {shape}, yours {tuple(t.shape)}"
    )
    draw = generator(label + name + "motions")
    for proper in (True, False):
        Q, v = some_pose(draw, proper), torch.randn(3, generator=draw)
        off = (ask(sample(name, label, (Q, v))) - move(law, Q, t)).norm() / t.norm()
        assert off < 1e-8, (
            f"{name}: moved by a {'rotation' if proper else 'reflection'} and a shift, and labeled "
            f"again, the target is off by {off:.2f} of its size from what {law} says"
        )
    assert t.norm() > 1e-6, f"{name}: zero is symmetric, but it says nothing"
    return law, t


# %% name="check-mend-choices" role="check" points=2
for name in ("axis", "ends"):
    show(name, list(verdict(name, "mend")))

# %% name="check-mend-frames" role="check" points=4
for name in ("columns", "lab", "six", "origin"):
    show(name, list(verdict(name, "mend")))

# %% name="check-mend-parity" role="check" points=2
for name in ("torque", "volume"):
    show(name, list(verdict(name, "mend")))


# %% name="mend-sign-by-rule" role="decoy" replaces="mend" fails=["check-mend-choices"]
def mend():
    def from_six(s):
        xx, xy, yy, xz, yz, zz = s["six"]
        rows = ([xx, xy, xz], [xy, yy, yz], [xz, yz, zz])
        return torch.stack([torch.stack(row) for row in rows])

    return {
        "axis": ("1o", lambda s: s["n"] * s["n"][0].sign()),
        "ends": ("1o", lambda s: s["ends"][0] - s["ends"][1]),
        "columns": ("1o", lambda s: s["v"] * s["sd"] + s["mean"]),
        "lab": ("1o", lambda s: s["pose"] @ s["v"]),
        "six": ("matrix", from_six),
        "origin": ("1o", lambda s: s["charges"] @ (s["points"] - s["points"].mean(dim=0))),
        "torque": ("1e", lambda s: s["v"]),
        "volume": ("0o", lambda s: s["v"]),
    }


# %% name="mend-frames-by-half" role="decoy" replaces="mend" fails=["check-mend-frames"]
def mend():
    def six_upper(s):
        xx, xy, yy, xz, yz, zz = s["six"]
        zero = torch.zeros(())
        rows = ([xx, xy, xz], [zero, yy, yz], [zero, zero, zz])
        return torch.stack([torch.stack(row) for row in rows])

    def half_difference(s):
        d = (s["ends"][0] - s["ends"][1]) / 2
        return torch.outer(d, d)

    return {
        "axis": ("matrix", lambda s: torch.outer(s["n"], s["n"])),
        "ends": ("matrix", half_difference),
        "columns": ("1o", lambda s: s["v"] * s["sd"]),
        "lab": ("1o", lambda s: s["pose"].mT @ s["v"]),
        "six": ("matrix", six_upper),
        "origin": ("1o", lambda s: s["v"]),
        "torque": ("1e", lambda s: s["v"]),
        "volume": ("0o", lambda s: s["v"]),
    }


# %% name="mend-no-parity" role="decoy" replaces="mend" fails=["check-mend-parity"]
def mend():
    def from_six(s):
        xx, xy, yy, xz, yz, zz = s["six"]
        rows = ([xx, xy, xz], [xy, yy, yz], [xz, yz, zz])
        return torch.stack([torch.stack(row) for row in rows])

    def half_difference(s):
        d = (s["ends"][0] - s["ends"][1]) / 2
        return torch.outer(d, d)

    return {
        "axis": ("matrix", lambda s: torch.outer(s["n"], s["n"])),
        "ends": ("matrix", half_difference),
        "columns": ("1o", lambda s: s["v"] * s["sd"] + s["mean"]),
        "lab": ("1o", lambda s: s["pose"] @ s["v"]),
        "six": ("matrix", from_six),
        "origin": ("1o", lambda s: s["charges"] @ (s["points"] - s["points"].mean(dim=0))),
        "torque": ("1o", lambda s: s["v"]),
        "volume": ("0e", lambda s: s["v"].abs()),
    }


# %% [markdown] role="discussion"
# Two needed nothing but their right name: the torque is `1e`, the signed volume `0o`. An absolute value would make the volume a scalar, and a healthy one; but it throws away the hand, which was the question.
#
# A rule for the sign ("first component positive") is the mend that everyone tries first. It moves the accident from the eigensolver into the axes of the laboratory. From $n\,n^\top$ you get the axis back; from $d\,d^\top$ and the mean of the two ends you get both ends back, without an order. Nothing was lost but what was never there.

# %% [markdown]
# ## 5. Find the leak
#
# A data set may be healthy and its poses not random: then a model without symmetry passes every test on it. Write a detector. Clouds of one molecule, (m, n, 3), are centered, and the order of points is the same in all. For point i of cloud k let $u_{ki}$ be its direction, of length 1. Return two numbers:
#
# * $s_1 = m \cdot \mathrm{mean}_i \big|\mathrm{mean}_k\, u_{ki}\big|^2$;
# * $s_2 = \tfrac32\, m \cdot \mathrm{mean}_i \big|\mathrm{mean}_k\, (u_{ki} u_{ki}^\top - \tfrac13)\big|^2$, with the sum of squares over the nine entries of the matrix.
#
# For random poses both are 1 on average. The second sees what the first cannot.
#
# Guess first: each molecule of a data set was laid along the z axis, half of them head down. Which of the two notices?
#
# <details><summary>Hint 1</summary>Over which index is the mean taken before the square, and over which after it? Points are at all sides of a molecule, so the mean over points tells nothing.</details>
#
# <details><summary>Hint 2</summary><code>u = clouds / clouds.norm(dim=-1, keepdim=True)</code>, and <code>u.mean(dim=0)</code> is (n, 3).</details>
#
# <details><summary>Hint 3</summary><code>T = u[..., :, None] * u[..., None, :] - torch.eye(3) / 3</code> is (m, n, 3, 3); <code>1.5 * m * T.mean(dim=0).square().sum((1, 2)).mean()</code>.</details>


# %% name="shared-pose" role="answer" section="Question 7: the published table"
def shared_pose(clouds):
    """How much clouds (m, n, 3) share a pose: s1 and s2, about 1 for random poses."""
    # solution: mean over clouds, square, then mean over points
    m = len(clouds)
    u = clouds / clouds.norm(dim=-1, keepdim=True)
    T = u[..., :, None] * u[..., None, :] - torch.eye(3) / 3
    s1 = m * u.mean(dim=0).square().sum(-1).mean()
    s2 = 1.5 * m * T.mean(dim=0).square().sum((1, 2)).mean()
    return s1.item(), s2.item()


# %%
def collections(label):
    """Four data sets of one shaken molecule: aligned, random, one axis shared, head up or down."""
    draw = generator(label)
    molecule = torch.randn(6, 3, generator=draw)
    shaken = molecule + 0.1 * torch.randn(120, 6, 3, generator=draw)
    shaken = shaken - shaken.mean(dim=1, keepdim=True)
    poses = random_orthogonal(120, generator=draw).double()
    poses = poses * torch.linalg.det(poses)[:, None, None]
    angle = 6.3 * torch.rand(120, generator=draw)
    c, s, z, one = angle.cos(), angle.sin(), torch.zeros(120), torch.ones(120)
    about = torch.stack([c, -s, z, s, c, z, z, z, one], dim=-1).reshape(120, 3, 3)
    over = torch.diag(torch.tensor([1.0, -1, -1]))
    upside = torch.where((torch.arange(120) % 2 == 0)[:, None, None], about, about @ over)
    turned = {"aligned": torch.eye(3), "random": poses, "about z": about, "head up or down": upside}
    return {name: shaken @ Q.mT for name, Q in turned.items()}


# %% name="check-shared-pose" role="check" points=3
for name, clouds in collections("leak").items():
    s1, s2 = shared_pose(clouds)
    if name == "random":
        assert max(s1, s2) < 3, f"random poses share nothing, you find {s1:.2f} and {s2:.2f}"
    if name == "aligned":
        assert s1 > 50, f"aligned: 120 clouds in one pose give nearly 120, you find {s1:.2f}"
    if name == "head up or down":
        assert s2 > 10, f"half the heads are down, but the axis is shared: s2 is {s2:.2f}"
    show(name, [s1, s2])

# %% name="check-shared-pose-two" role="check" points=1
draw = generator("two")
cloud = torch.randn(1, 4, 3, generator=draw)
both = torch.cat([cloud, -cloud])
s1, s2 = shared_pose(both)
assert abs(s1) < 1e-12, "opposite directions average to nothing"
assert abs(s2 - 2) < 1e-12, "and they have one and the same axis: s2 is m, here 2"
far = cloud * torch.tensor([1.0, 10, 0.1, 3])[:, None]
mixed = torch.cat([cloud, torch.randn(1, 4, 3, generator=draw)])
assert shared_pose(torch.cat([cloud, far]))[0] > 2 - 1e-12, "only directions count, not distances"
show("two clouds", list(shared_pose(mixed)))


# %% name="shared-pose-points-first" role="decoy" replaces="shared-pose" fails=["check-shared-pose", "check-shared-pose-two"]
def shared_pose(clouds):
    m = len(clouds)
    u = clouds / clouds.norm(dim=-1, keepdim=True)
    T = u[..., :, None] * u[..., None, :] - torch.eye(3) / 3
    s1 = m * u.mean(dim=1).mean(dim=0).square().sum()
    s2 = 1.5 * m * T.mean(dim=(0, 1)).square().sum()
    return s1.item(), s2.item()


# %% name="shared-pose-square-first" role="decoy" replaces="shared-pose" fails=["check-shared-pose", "check-shared-pose-two"]
def shared_pose(clouds):
    m = len(clouds)
    u = clouds / clouds.norm(dim=-1, keepdim=True)
    T = u[..., :, None] * u[..., None, :] - torch.eye(3) / 3
    return m * u.square().sum(-1).mean().item(), 1.5 * m * T.square().sum((2, 3)).mean().item()


# %% name="shared-pose-with-trace" role="decoy" replaces="shared-pose" fails=["check-shared-pose", "check-shared-pose-two"]
def shared_pose(clouds):
    m = len(clouds)
    u = clouds / clouds.norm(dim=-1, keepdim=True)
    T = u[..., :, None] * u[..., None, :]
    s1 = m * u.mean(dim=0).square().sum(-1).mean()
    s2 = 1.5 * m * T.mean(dim=0).square().sum((1, 2)).mean()
    return s1.item(), s2.item()


# %% name="shared-pose-distances" role="decoy" replaces="shared-pose" fails=["check-shared-pose", "check-shared-pose-two"]
def shared_pose(clouds):
    m = len(clouds)
    u = clouds / clouds.norm(dim=-1).mean()
    T = u[..., :, None] * u[..., None, :] - torch.eye(3) / 3
    s1 = m * u.mean(dim=0).square().sum(-1).mean()
    s2 = 1.5 * m * T.mean(dim=0).square().sum((1, 2)).mean()
    return s1.item(), s2.item()


# %% [markdown] role="discussion"
# $s_2$ notices the shared axis, $s_1$ does not: head up and head down cancel. In irreps the two numbers are the power of the mean at l = 1 and at l = 2, as in the spectrum of lecture 08. A data set may hide its pose from both, for example in the corners of a cube: then go on to l = 4.
#
# What to do about a leak? Random poses for the *test*, always. For the training set it does not matter to an equivariant model, and a model without symmetry will need them all.
