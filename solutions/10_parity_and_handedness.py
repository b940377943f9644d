# %% [markdown]
# # Exercises 10: parity and handedness
#
# You label quantities and test the labels, find out what a network can reach and what it cannot, and keep a sign alive.
#
# | exercise | points | time |
# |---|---|---|
# | 1. Twelve quantities | 6 | 25 min |
# | 2. The smallest network that reaches `0o` | 5 | 20 min |
# | 3. Floors, before training | 6 | 25 min |
# | 4. Twisted chains | 6 | 25 min |
# | 5. The even activation | 4 | 15 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Labels: `0e` scalar, `0o` pseudoscalar, `1o` vector, `1e` pseudovector. The letter says what inversion does: `e` keeps the sign, `o` flips it. Checks run in float64.

# %%
import math

import torch

from coursetools.checks import generator, show
from coursetools.device import use_device
from equivar.data import tetris
from equivar.models import EuclideanNet
from equivar.nonlinear import Gate
from equivar.rotations import random_rotations

torch.set_default_dtype(torch.float64)
use_device()
cross = torch.linalg.cross


def near(x, y):
    """Whether two tensors agree up to rounding."""
    return bool((x - y).abs().max() < 1e-9 * (1 + y.abs().max()))


# %% [markdown]
# ## 1. Twelve quantities
#
# First by thought. Write the label of each:
#
# * an electric `charge`; the `power` of a force, $F \cdot v$; the energy density of a magnetic field, $B \cdot B$ (`magnetic energy`);
# * a `temperature gradient`; the force of a magnetic field on a moving charge, $q\, v \times B$ (`magnetic force`); the energy flow of light, $E \times B$ (`energy flow`);
# * a `torque`; an `angular velocity`; a `magnetic field`;
# * the `helicity` of a particle, its spin times its momentum; `E · B`; the signed `volume` of a box, $a \cdot (b \times c)$.
#
# Then by measurement. `label(f)` gets a function of three vectors, `f(a, b, c)` with each of shape (3,), that returns a number of shape (1,) or an arrow of shape (3,). It returns the label, or `"none"` if none of the four fits.
#
# Guess first: which of the twelve products contain *two* pseudovectors, and what do two minus signs make?
#
# <details><summary>Hint 1</summary>Positions, velocities, forces, electric fields and gradients are odd. A cross product of two odd things is even. Parities multiply.</details>
#
# <details><summary>Hint 2</summary>A label is a promise about all orthogonal matrices. Draw a few rotations $R$ and test with $R$ and with $-R$: these two kinds are all there are.</details>
#
# <details><summary>Hint 3</summary>For a matrix S and an arrow, <code>1o</code> promises <code>f(S @ a, S @ b, S @ c) == S @ f(a, b, c)</code>, and <code>1e</code> promises <code>det(S)</code> times that. For numbers, leave out <code>S @</code>. Test each label at random vectors; return the one that always holds.</details>


# %% name="twelve" role="answer" section="Two names, one test"
def twelve():
    """A dict from the twelve names to their labels."""
    # solution: count the odd factors; two pseudovectors make an even number of signs
    return {
        "charge": "0e",
        "power": "0e",
        "magnetic energy": "0e",
        "temperature gradient": "1o",
        "magnetic force": "1o",
        "energy flow": "1o",
        "torque": "1e",
        "angular velocity": "1e",
        "magnetic field": "1e",
        "helicity": "0o",
        "E · B": "0o",
        "volume": "0o",
    }


# %% name="check-twelve" role="check" points=3
labels = twelve()
draw = generator("twelve")
names = sorted(labels)
assert len(names) == 12, f"there are {len(names)} names in your answer; expected twelve"
R = random_rotations(1, generator=draw)[0].double()
a, b, c, d = torch.randn(4, 3, generator=draw)
# Each from odd vectors alone: a magnetic field and a spin are cross products.
formulas = {
    "charge": lambda a, b, c, d: torch.ones(1),
    "power": lambda a, b, c, d: (a @ b)[None],
    "magnetic energy": lambda a, b, c, d: cross(a, b).square().sum()[None],
    "temperature gradient": lambda a, b, c, d: a,
    "magnetic force": lambda a, b, c, d: cross(a, cross(b, c)),
    "energy flow": lambda a, b, c, d: cross(a, cross(b, c)),
    "torque": lambda a, b, c, d: cross(a, b),
    "angular velocity": lambda a, b, c, d: cross(a, b) / a.square().sum(),
    "magnetic field": lambda a, b, c, d: cross(a, b) / b.norm() ** 3,
    "helicity": lambda a, b, c, d: (cross(a, b) @ c)[None],
    "E · B": lambda a, b, c, d: (a @ cross(b, c))[None],
    "volume": lambda a, b, c, d: (a @ cross(b, c))[None],
}
for name, f in formulas.items():
    before, after = f(a, b, c, d), f(-a, -b, -c, -d)
    size, sign = (0 if len(before) == 1 else 1), ("e" if near(after, before) else "o")
    assert labels[name][0] == str(size), f"{name} is {'an arrow' if size else 'a number'}"
    assert labels[name][1] == sign, (
        f"{name}: you say {labels[name]}. Turn all vectors around (inversion): it "
        f"{'stays' if sign == 'e' else 'changes sign'}, so the letter is {sign}"
    )
order = torch.randperm(12, generator=draw).tolist()
show("labels in random order", [str(labels.get(sorted(formulas)[k])) for k in order])


# %% name="twelve-fields-alike" role="decoy" replaces="twelve" fails=["check-twelve"]
def twelve():
    return {
        "charge": "0e",
        "power": "0e",
        "magnetic energy": "0e",
        "temperature gradient": "1o",
        "magnetic force": "1o",
        "energy flow": "1o",
        "torque": "1e",
        "angular velocity": "1e",
        "magnetic field": "1o",
        "helicity": "0o",
        "E · B": "0e",
        "volume": "0o",
    }


# %% name="twelve-cross-is-pseudo" role="decoy" replaces="twelve" fails=["check-twelve"]
def twelve():
    return {
        "charge": "0e",
        "power": "0e",
        "magnetic energy": "0e",
        "temperature gradient": "1o",
        "magnetic force": "1e",
        "energy flow": "1e",
        "torque": "1e",
        "angular velocity": "1e",
        "magnetic field": "1e",
        "helicity": "0o",
        "E · B": "0o",
        "volume": "0o",
    }


# %% name="twelve-numbers-are-scalars" role="decoy" replaces="twelve" fails=["check-twelve"]
def twelve():
    return {
        "charge": "0e",
        "power": "0e",
        "magnetic energy": "0e",
        "temperature gradient": "1o",
        "magnetic force": "1o",
        "energy flow": "1o",
        "torque": "1e",
        "angular velocity": "1e",
        "magnetic field": "1e",
        "helicity": "0e",
        "E · B": "0e",
        "volume": "0e",
    }


# %% name="label" role="answer" section="Two names, one test"
def label(f):
    """The label of a function of three vectors: "0e", "0o", "1o", "1e" or "none"."""
    # solution: each label is a promise about rotations and about minus rotations
    draw = torch.Generator().manual_seed(1)
    vectors = torch.randn(4, 3, 3, generator=draw)
    rotations = random_rotations(4, generator=draw).double()
    fits = {"0e": True, "0o": True, "1o": True, "1e": True}
    for (a, b, c), R in zip(vectors, rotations, strict=True):
        before = f(a, b, c)
        for sign in (1.0, -1.0):
            S = sign * R
            after = f(S @ a, S @ b, S @ c)
            promised = {"0e": before, "0o": sign * before}
            if len(before) == 3:
                promised = {"1o": S @ before, "1e": sign * (S @ before)}
            for name in fits:
                close = name in promised and near(after, promised[name])
                fits[name] = fits[name] and close
    return next((name for name, holds in fits.items() if holds), "none")


# %% [markdown]
# The checks hand your function some quantities in random order.


# %%
def ask_label(which, cases):
    """What `label` says of the cases, in random order, and the truth."""
    draw = generator(which)
    order = torch.randint(0, len(cases), (10,), generator=draw).tolist()
    s = 0.5 + float(torch.rand(1, generator=draw))
    said, truth = [], []
    for k in order:
        f, true = cases[k]
        said.append(str(label(lambda a, b, c, f=f: s * f(a, b, c))))
        truth.append(true)
    return said, truth


# %% name="check-label" role="check" points=2
said, truth = ask_label(
    "label",
    [
        (lambda a, b, c: (a @ b)[None], "0e"),
        (lambda a, b, c: (a @ cross(b, c))[None], "0o"),
        (lambda a, b, c: (a @ b) * c, "1o"),
        (lambda a, b, c: cross(a, b), "1e"),
        (lambda a, b, c: cross(cross(a, b), c), "1o"),
        (lambda a, b, c: (a @ cross(b, c)) * a, "1e"),
        (lambda a, b, c: (a @ cross(b, c)).square()[None], "0e"),
    ],
)
for one, true in zip(said, truth, strict=True):
    assert one == true, (
        f"a quantity that is {true} was labeled {one}. Rotations alone cannot tell e from o: "
        "test minus a rotation too"
    )
show("labels", said)

# %% name="check-label-none" role="check" points=1
said, truth = ask_label(
    "none",
    [
        (lambda a, b, c: (a @ b + a @ cross(b, c))[None], "none"),
        (lambda a, b, c: a + cross(a, b), "none"),
        (lambda a, b, c: a[:1], "none"),
        (lambda a, b, c: a * b, "none"),
        (lambda a, b, c: (b @ c)[None], "0e"),
    ],
)
for one, true in zip(said, truth, strict=True):
    assert one == true, (
        f"a quantity that is {true} was labeled {one}. A sum of even and odd parts has no label, and "
        "neither has a single component"
    )
show("labels", said)


# %% name="label-rotations" role="decoy" replaces="label" fails=["check-label", "check-label-none"]
def label(f):
    draw = torch.Generator().manual_seed(1)
    a, b, c = torch.randn(3, 3, generator=draw)
    R = random_rotations(1, generator=draw)[0].double()
    before, after = f(a, b, c), f(R @ a, R @ b, R @ c)
    if len(before) == 1:
        return "0e" if near(before, after) else "none"
    return "1o" if near(R @ before, after) else "none"


# %% name="label-inversion-alone" role="decoy" replaces="label" fails=["check-label-none"]
def label(f):
    a, b, c = torch.randn(3, 3, generator=torch.Generator().manual_seed(1))
    before, after = f(a, b, c), f(-a, -b, -c)
    l = 0 if len(before) == 1 else 1
    if near(after, before):
        return f"{l}e"
    return f"{l}o" if near(after, -before) else "none"


# %% name="label-lengths" role="decoy" replaces="label" fails=["check-label", "check-label-none"]
def label(f):
    a, b, c = torch.randn(3, 3, generator=torch.Generator().manual_seed(1))
    before, after = f(a, b, c), f(-a, -b, -c)
    l = 0 if len(before) == 1 else 1
    return f"{l}o" if near(after.norm(), before.norm()) else "none"


# %% [markdown] role="discussion"
# The magnetic field is a cross product of two odd things, so it is even. Energy flow and magnetic force contain it *and* one odd factor: they are vectors again. "Every cross product is a pseudovector" holds only if both factors are of one kind. And $B \cdot B$ has two of the extra signs, which is none.
#
# The test with rotations alone passes both letters of a degree. The test with inversion alone passes things that are not equivariant at all: a single component changes sign under inversion as nicely as a vector. You need both, and $\pm R$ for random $R$ is all of O(3).

# %% [markdown]
# ## 2. The smallest network that reaches `0o`
#
# A network starts with scalars, `0e`. Each layer multiplies every irrep that it has by every filter $(l, (-1)^l)$ with $l \le$ `filter_lmax`, keeps what it had, and keeps only degrees up to `hidden_lmax`. An irrep is a pair $(l, p)$, with $p = 1$ for even and $-1$ for odd.
#
# * `reach(layers, filter_lmax, hidden_lmax)`: the set of irreps after so many layers;
# * `depth(target, filter_lmax, hidden_lmax)`: the least number of layers after which the target is there, or `None` if that never happens.
#
# Guess first: with filters up to degree 1 only, is `0o` reachable at all?
#
# <details><summary>Hint 1</summary>The product of $(l_1, p_1)$ and $(l_2, p_2)$ has all degrees from $|l_1 - l_2|$ to $l_1 + l_2$, each with parity $p_1 p_2$.</details>
#
# <details><summary>Hint 2</summary>Start from <code>{(0, 1)}</code>. In each layer, add the products to a copy of the set, so that irreps made in this layer are not used in the same one.</details>
#
# <details><summary>Hint 3</summary>There are finitely many irreps up to a degree. If a layer adds nothing, no later one will.</details>


# %% name="reach" role="answer" section="How deep must it be?"
def reach(layers, filter_lmax, hidden_lmax):
    """The irreps (l, p) after so many layers: a set."""
    # solution: the triangle and the parity rule, layer after layer
    have = {(0, 1)}
    for _ in range(layers):
        made = {
            (l, p * (-1) ** f)
            for l0, p in have
            for f in range(filter_lmax + 1)
            for l in range(abs(l0 - f), l0 + f + 1)
            if l <= hidden_lmax
        }
        have = have | made
    return have


# %% name="depth" role="answer" section="How deep must it be?"
def depth(target, filter_lmax, hidden_lmax):
    """The least number of layers that reach the target (l, p), or None."""
    # solution: go on until it is there, or until a layer adds nothing
    have, layers = {(0, 1)}, 0
    while target not in have:
        made = {
            (l, p * (-1) ** f)
            for l0, p in have
            for f in range(filter_lmax + 1)
            for l in range(abs(l0 - f), l0 + f + 1)
            if l <= hidden_lmax
        }
        if made <= have:
            return None
        have, layers = have | made, layers + 1
    return layers


# %% name="check-reach" role="check" points=2
draw = generator("reach")
assert set(reach(1, 2, 2)) == {(0, 1), (1, -1), (2, 1)}, (
    "After one layer there are the harmonics and nothing else: 0e, 1o, 2e. "
    f"Yours are {sorted(reach(1, 2, 2))}"
)
assert (1, 1) in reach(2, 1, 1), "1o times 1o makes 1e, the cross product: layer 2 has it"
assert (0, -1) not in reach(2, 2, 2), (
    "0o needs 1o times 1e (or 2e times 2o), and 1e is there only after layer 2. Do you use what a "
    "layer makes within the same layer?"
)
for _ in range(5):
    layers, f, h = (1 + torch.randint(0, 3, (3,), generator=draw)).tolist()
    show(f"{layers} layers, filters to {f}, hidden to {h}", sorted(reach(layers, f, h)))

# %% name="check-depth" role="check" points=3
draw = generator("depth")
assert depth((0, -1), 1, 1) == 3, (
    f"0o with degree 1 alone: you say {depth((0, -1), 1, 1)}. A triple product needs three vectors"
)
assert depth((0, -1), 0, 2) is None, "filters of degree 0 know distances alone: 0o is never reached"
torch.manual_seed(0)
answers = []
for layers in (2, 3):
    net = EuclideanNet("0e", "0o", "4x0e + 4x0o + 4x1o + 4x1e", layers=layers, lmax=1, cutoff=9.0)
    with torch.no_grad():
        answers.append(float(net(torch.ones(4, 1), torch.randn(4, 3, generator=draw)).abs()))
assert answers[0] == 0 < answers[1], "the library's network disagrees with this check: tell us"
cases = [(0, 1), (0, -1), (1, 1), (1, -1), (2, 1), (2, -1), (3, 1), (3, -1)]
for _ in range(6):
    k = int(torch.randint(0, 8, (1,), generator=draw))
    f, h = (
        int(torch.randint(0, 4, (1,), generator=draw)),
        int(torch.randint(1, 4, (1,), generator=draw)),
    )
    show(f"depth of {cases[k]}, filters to {f}, hidden to {h}", str(depth(cases[k], f, h)))


# %% name="reach-natural-parity" role="decoy" replaces="reach" fails=["check-reach"]
def reach(layers, filter_lmax, hidden_lmax):
    top = min(hidden_lmax, layers * filter_lmax)
    return {(l, (-1) ** l) for l in range(top + 1)}


# %% name="reach-at-once" role="decoy" replaces="reach" fails=["check-reach"]
def reach(layers, filter_lmax, hidden_lmax):
    have = [(0, 1)]
    for _ in range(layers):
        for l0, p in have:  # the list grows while we walk along it
            for f in range(filter_lmax + 1):
                for l in range(abs(l0 - f), l0 + f + 1):
                    if l <= hidden_lmax and (l, p * (-1) ** f) not in have:
                        have.append((l, p * (-1) ** f))
    return set(have)


# %% name="depth-degree" role="decoy" replaces="depth" fails=["check-depth"]
def depth(target, filter_lmax, hidden_lmax):
    l, _ = target
    if l > hidden_lmax or (l and not filter_lmax):
        return None
    return math.ceil(l / filter_lmax) if l else 0


# %% name="depth-two" role="decoy" replaces="depth" fails=["check-depth"]
def depth(target, filter_lmax, hidden_lmax):
    l, p = target
    if l > hidden_lmax or filter_lmax == 0:
        return 0 if target == (0, 1) else None
    return 2 if p != (-1) ** l else math.ceil(l / filter_lmax)


# %% [markdown] role="discussion"
# After one layer each degree has one parity, $(-1)^l$. The other kind comes with the second layer (`1e`, the cross product), and `0o` with the third: one direction for each layer. Filters of degree 1 are enough. So the smallest network of this kind that sees a hand has three layers, filters `0e + 1o`, hidden `0e + 0o + 1o + 1e`, and the product of *three* factors. A layer that multiplies three neighbors' directions at once, as MACE does, needs fewer layers and the same three factors.
#
# The count is about the irreps, so it holds for any weights. It also holds for a network that keeps rotations only: it forgets the letters, but the paths are the same, and with two layers all numbers that it can make are even.

# %% [markdown]
# ## 3. Floors, before training
#
# A data set has clouds and one target for each. Some clouds are mirror images of each other. `twins[i]` is the number of the mirror image of cloud i: another cloud's number, i itself if the cloud equals its own mirror image, or -1 if the mirror image is not in the data.
#
# A network with one output, a scalar (`parity=1`) or a pseudoscalar (`parity=-1`), can do anything else. Which mean squared error can it not go below? Write `floor(targets, twins, parity)`.
#
# And the way out: any function $f$ that is invariant under rotations falls into a scalar and a pseudoscalar part. `halves(f)` returns these two functions of positions (n, 3), so that $f$ is their sum.
#
# Guess first: the mirror images have targets $+1$ and $-1$, and seven other clouds have 0. What is the floor of a scalar? Of a pseudoscalar?
#
# <details><summary>Hint 1</summary>Inversion is a mirror and a half turn, and $f$ does not feel the half turn. So $f(-x)$ is the answer to the mirror image.</details>
#
# <details><summary>Hint 2</summary>On twins i and j the scalar answers c and c, the pseudoscalar c and -c. The best c is the mean of $t_i$ and $t_j$, or of $t_i$ and $-t_j$. On its own mirror image, what must a pseudoscalar answer?</details>
#
# <details><summary>Hint 3</summary>The squared error that is left for cloud i is $((t_i - p\, t_{twin})/2)^2$ with parity p. This covers the clouds that are their own twins. Without a twin in the data it is 0.</details>


# %% name="floor" role="answer" section="What a network cannot know"
def floor(targets, twins, parity):
    """The lowest mean squared error on targets (n,), given twins (n,) and the parity: a number."""
    # solution: what is left of each target when twins must agree up to the parity
    error = ((targets - parity * targets[twins]) / 2).square()
    return torch.where(twins < 0, torch.zeros(()), error).mean()


# %% name="halves" role="answer" section="What a network cannot know"
def halves(f):
    """The scalar and the pseudoscalar part of an invariant function of positions: two functions."""
    # solution: the mean of both hands, and half of their difference
    return lambda x: (f(x) + f(-x)) / 2, lambda x: (f(x) - f(-x)) / 2


# %% name="check-floor" role="check" points=4
draw = generator("floor")
one = float(floor(torch.tensor([1.0, -1.0]), torch.tensor([1, 0]), 1))
assert abs(one - 1) < 1e-9, (
    f"+1 and -1 on mirror images: a scalar is off by 1 in each, you say {one}"
)
other = float(floor(torch.tensor([1.0, -1.0]), torch.tensor([1, 0]), -1))
assert abs(other) < 1e-9, f"a pseudoscalar can answer +1 and -1: the floor is 0, you say {other}"
flat = float(floor(torch.tensor([3.0]), torch.tensor([0]), -1))
assert abs(flat - 9) < 1e-9, (
    f"a cloud that is its own mirror image has f(x) = -f(x): the target 3 costs 9, you say {flat}"
)
alone = float(floor(torch.tensor([3.0, 5.0]), torch.tensor([-1, -1]), 1))
assert alone == 0, f"without twins in the data nothing is forbidden, you say {alone}"
shapes = tetris()[0]
columns = torch.zeros(8, 7)
columns[0, 0], columns[1, 0] = 1.0, -1.0
columns[2:, 1:] = torch.eye(6)
swap = torch.tensor([1, 0, 2, 3, 4, 5, 6, 7])
total = sum(float(floor(column, swap, 1)) for column in columns.T) / 7
assert abs(total - 2 / 56) < 1e-9, f"the floor of tetris with scalars is 2/56; you get {total:.5f}"
for parity in (1, -1):
    twins = torch.tensor([3, 1, 5, 0, -1, 2, 6, -1])
    targets = torch.randn(8, generator=draw)
    show(f"floor, parity {parity}", floor(targets, twins, parity))

# %% name="check-halves" role="check" points=2
draw = generator("halves")
w = torch.randn(3, generator=draw)


def rough(x):
    """Invariant under rotations, and neither even nor odd."""
    a, b, c = x[1] - x[0], x[2] - x[0], x[3] - x[0]
    volume = a @ cross(b, c)
    return torch.exp(-volume) * w[0] + w[1] * (a @ b) + w[2] * volume * (b @ c)


even, odd = halves(rough)
x = torch.randn(4, 3, generator=draw)
R = random_rotations(1, generator=draw)[0].double()
mirror = torch.diag(torch.tensor([1.0, 1.0, -1.0]))
assert near(even(x) + odd(x), rough(x)), "the two parts do not add up to the function"
assert near(even(x @ mirror), even(x)), "the scalar part moved in a mirror"
assert near(odd(x @ mirror), -odd(x)), "the pseudoscalar part must change sign in a mirror"
assert near(odd(x @ R.mT), odd(x)), f"the pseudoscalar part moved under the rotation\n{R}"
show("scalar and pseudoscalar part", [even(x), odd(x)])


# %% name="floor-variance" role="decoy" replaces="floor" fails=["check-floor"]
def floor(targets, twins, parity):
    return (targets - targets.mean()).square().mean()


# %% name="floor-forgets-flat" role="decoy" replaces="floor" fails=["check-floor"]
def floor(targets, twins, parity):
    own = twins == torch.arange(len(twins))
    error = ((targets - parity * targets[twins]) / 2).square()
    return torch.where((twins < 0) | own, torch.zeros(()), error).mean()


# %% name="floor-last-is-twin" role="decoy" replaces="floor" fails=["check-floor"]
def floor(targets, twins, parity):
    return ((targets - parity * targets[twins]) / 2).square().mean()  # -1 is the last one


# %% name="floor-scalar-always" role="decoy" replaces="floor" fails=["check-floor"]
def floor(targets, twins, parity):
    error = ((targets - targets[twins]) / 2).square()
    return torch.where(twins < 0, torch.zeros(()), error).mean()


# %% name="halves-absolute" role="decoy" replaces="halves" fails=["check-halves"]
def halves(f):
    return lambda x: f(x.abs()), lambda x: f(x) - f(x.abs())


# %% name="halves-minus-answer" role="decoy" replaces="halves" fails=["check-halves"]
def halves(f):
    return lambda x: (f(x) + f(x)) / 2, lambda x: (f(x) - f(x)) / 2


# %% name="halves-no-half" role="decoy" replaces="halves" fails=["check-halves"]
def halves(f):
    return lambda x: f(x) + f(-x), lambda x: f(x) - f(-x)


# %% [markdown] role="discussion"
# The floor is a projection: of the targets onto what the symmetry allows. For a scalar it takes away what differs between twins, for a pseudoscalar what they have in common, and that includes all of a cloud that is its own mirror image. Lecture 11 does this for any group. From the guess: 2/9 for the scalar, 0 for the pseudoscalar.
#
# Where the twin is not in the data the floor is 0, and that is the trap of one-handed data: a network of scalars fits it, and is wrong about every mirror image.
#
# `halves` is a group average over {1, -1}: the cheapest way to make any rotation-invariant model keep parity, at the price of two evaluations.

# %% [markdown]
# ## 4. Twisted chains
#
# A chain has k atoms on a straight line, one unit apart, along z. At each end an arm of length 1 sticks out sideways: the first along x, the last turned by an angle about z. Turned by $+90°$ and by $-90°$, the chains are mirror images. Each atom sees its bonded neighbors only.
#
# * `chain(k, twist)`: the positions (k + 2, 3): first arm, the k atoms from z = 0 up, last arm; `twist` in radians, counter-clockwise seen from +z;
# * `tells_apart(net, k)`: whether `net(positions)`, a tensor, differs between $+90°$ and $-90°$ by more than $10^{-12}$ of its size;
# * `fewest_layers(k, out, parity)`: the least number of layers with which a network of the kind below can tell the two apart, or `None` if no number suffices. `out` is "0e" or "0o"; without parity everything is labeled even, and `out` is "0e".
#
# `network(layers, out, parity, k)` builds such a network with random weights. What random weights cannot do, no training can; try it before you answer.
#
# Guess first: news of an arm travels one bond per layer. With k = 4, is the middle of the chain a good place to compare both arms?
#
# <details><summary>Hint 1</summary>The last arm is at <code>(cos twist, sin twist, k - 1)</code>.</details>
#
# <details><summary>Hint 2</summary>For the depth, run <code>tells_apart</code> over k from 2 to 4, layers from 1 to 6, and look for the pattern. What about k = 1, and what about scalars with parity?</details>
#
# <details><summary>Hint 3</summary>A layer multiplies features by the direction of a bond, never features by features. So the news of the first arm has to walk the whole chain and meet the last arm's bond: one layer for each bond, k + 1 bonds. With k = 1 everything lies in a plane.</details>


# %%
def network(layers, out, parity, k):
    """A function of positions (k + 2, 3): a network with random weights that sees bonds alone."""
    torch.manual_seed(5)
    letters = "eo" if parity else "e"
    hidden = " + ".join(f"4x{l}{p}" for l in (0, 1) for p in letters)
    net = EuclideanNet(
        "0e", out, hidden, layers=layers, lmax=1, parity=parity, cutoff=1.2, n_radial=4,
        radial_hidden=(8,), n_neighbours=2.0,
    )  # fmt: skip

    def answer(positions):
        with torch.no_grad():
            return net(torch.ones(k + 2, 1), positions)[0]

    return answer


# %% name="chain" role="answer" section="Distances know no hands"
def chain(k, twist):
    """First arm, k atoms along z, last arm: positions (k + 2, 3)."""
    # solution: the last arm at the height of the last atom
    z = torch.arange(k, dtype=torch.float64)
    atoms = torch.stack([0 * z, 0 * z, z], dim=-1)
    first = torch.tensor([[1.0, 0.0, 0.0]])
    last = torch.tensor([[math.cos(twist), math.sin(twist), k - 1.0]])
    return torch.cat([first, atoms, last])


# %% name="check-chain" role="check" points=1
draw = generator("chain")
k = int(torch.randint(2, 6, (1,), generator=draw))
twist = float(6 * torch.rand(1, generator=draw) - 3)
x = chain(k, twist)
assert x.shape == (k + 2, 3), f"chain({k}, {twist:.2f}) has shape {tuple(x.shape)}"
bonds = (x[1:] - x[:-1]).norm(dim=-1)
assert near(bonds, torch.ones(k + 1)), f"all bonds have length 1; yours: {bonds.tolist()}"
show("last arm", x[-1])
show(
    "volume of the three directions",
    torch.linalg.det(torch.stack([x[0] - x[1], x[-1] - x[-2], x[2] - x[1]])),
)


# %% name="chain-degrees" role="decoy" replaces="chain" fails=["check-chain"]
def chain(k, twist):
    z = torch.arange(k, dtype=torch.float64)
    atoms = torch.stack([0 * z, 0 * z, z], dim=-1)
    angle = math.radians(twist)
    last = torch.tensor([[math.cos(angle), math.sin(angle), k - 1.0]])
    return torch.cat([torch.tensor([[1.0, 0.0, 0.0]]), atoms, last])


# %% name="chain-other-way" role="decoy" replaces="chain" fails=["check-chain"]
def chain(k, twist):
    z = torch.arange(k, dtype=torch.float64)
    atoms = torch.stack([0 * z, 0 * z, z], dim=-1)
    last = torch.tensor([[math.cos(twist), -math.sin(twist), k - 1.0]])
    return torch.cat([torch.tensor([[1.0, 0.0, 0.0]]), atoms, last])


# %% name="tells-apart" role="answer" section="Distances know no hands"
def tells_apart(net, k):
    """Whether the network's answers to the two twists differ: True or False."""
    # solution: relative to the size of the answers
    z = torch.arange(k, dtype=torch.float64)
    atoms = torch.stack([0 * z, 0 * z, z], dim=-1)
    answers = []
    for y in (1.0, -1.0):
        ends = torch.tensor([[1.0, 0.0, 0.0], [0.0, y, k - 1.0]])
        answers.append(net(torch.cat([ends[:1], atoms, ends[1:]])))
    left, right = answers
    return bool((left - right).abs().max() > 1e-12 * (left.abs() + right.abs()).max())


# %% name="check-tells-apart" role="check" points=2
draw = generator("tells")
assert tells_apart(network(3, "0e", False, 2), 2), (
    "three layers without parity tell the twisted chains of two atoms apart, and yours says no"
)
assert not tells_apart(network(2, "0e", False, 2), 2), "two layers do not"
assert not tells_apart(lambda x: 1e6 + x.square().sum(), 3), "equal answers are not apart"
said = {}
for _ in range(5):
    k, layers = (2 + torch.randint(0, 3, (2,), generator=draw)).tolist()
    parity = bool(torch.randint(0, 2, (1,), generator=draw))
    size = 10 ** float(-3 * torch.rand(1, generator=draw) - 3)
    net = network(layers, "0e", parity, k)
    name = f"k {k}, layers {layers}, {'O(3)' if parity else 'SO(3)'}"
    said[name] = bool(tells_apart(lambda x, net=net, size=size: size * net(x), k))
show("told apart", said)


# %% name="tells-apart-absolute" role="decoy" replaces="tells-apart" fails=["check-tells-apart"]
def tells_apart(net, k):
    z = torch.arange(k, dtype=torch.float64)
    atoms = torch.stack([0 * z, 0 * z, z], dim=-1)
    left, right = (
        net(torch.cat([torch.tensor([[1.0, 0, 0]]), atoms, torch.tensor([[0, y, k - 1.0]])]))
        for y in (1.0, -1.0)
    )
    return bool((left - right).abs().max() > 1e-2)


# %% name="tells-apart-zigzag" role="decoy" replaces="tells-apart" fails=["check-tells-apart"]
def tells_apart(net, k):
    z = torch.arange(k, dtype=torch.float64)
    atoms = torch.stack([0 * z, 0 * z, z], dim=-1)
    left, right = (
        net(torch.cat([torch.tensor([[1.0, 0, 0]]), atoms, torch.tensor([[x, 0, k - 1.0]])]))
        for x in (1.0, -1.0)
    )
    return bool((left - right).abs().max() > 1e-12 * (left.abs() + right.abs()).max())


# %% name="fewest-layers" role="answer" section="Distances know no hands"
def fewest_layers(k, out, parity):
    """The least number of layers that tells the two twists apart, or None."""
    # solution: a scalar of O(3) never does; else one layer for each bond, unless all is flat
    if (out == "0e" and parity) or k < 2:
        return None
    return k + 1


# %% name="check-fewest-layers" role="check" points=3
draw = generator("fewest")
assert fewest_layers(3, "0e", True) is None, (
    "a scalar that keeps parity gives mirror images the same number, at any depth: expected None"
)
assert fewest_layers(1, "0o", True) is None, "with one atom all lies in a plane: it has no hand"
for k in (2, 3):
    for out, parity in (("0e", False), ("0o", True)):
        n = fewest_layers(k, out, parity)
        answers = []
        for layers in (k, k + 1):
            net = network(layers, out, parity, k)
            up, down = (
                net(torch.cat([torch.tensor([[1.0, 0, 0]]),
                               torch.stack([torch.zeros(k), torch.zeros(k), torch.arange(k) * 1.0], -1),
                               torch.tensor([[0, y, k - 1.0]])]))
                for y in (1.0, -1.0)
            )  # fmt: skip
            answers.append(float((up - down).abs().max()))
        assert answers[0] == 0 < answers[1], "the library's network disagrees: tell us"
        assert n == k + 1, f"k = {k}, {out}: the twists differ from {k + 1} layers on; you say {n}"
cases = [("0e", True), ("0e", False), ("0o", True)]
for _ in range(6):
    k, case = (
        int(torch.randint(1, 9, (1,), generator=draw)),
        int(torch.randint(0, 3, (1,), generator=draw)),
    )
    out, parity = cases[case]
    n = fewest_layers(k, out, parity)
    show(f"k {k}, {out}, {'O(3)' if parity else 'SO(3)'}", str(n))


# %% name="fewest-layers-middle" role="decoy" replaces="fewest-layers" fails=["check-fewest-layers"]
def fewest_layers(k, out, parity):
    return None if (out == "0e" and parity) or k < 2 else k // 2 + 1


# %% name="fewest-layers-depth-helps" role="decoy" replaces="fewest-layers" fails=["check-fewest-layers"]
def fewest_layers(k, out, parity):
    return None if k < 2 else k + 1


# %% name="fewest-layers-three" role="decoy" replaces="fewest-layers" fails=["check-fewest-layers"]
def fewest_layers(k, out, parity):
    return None if (out == "0e" and parity) or k < 2 else 3


# %% [markdown] role="discussion"
# With parity, a scalar gives mirror images one number. Depth has no say in it: that is a statement about the output, not about the network. Without parity, or with a `0o`, the number of layers decides.
#
# The literature's chains (Joshi et al. 2023) need about k/2 + 1 layers: then the middle atom has heard of both ends. Our networks need k + 1. The middle atom *hears* of both arms, but a layer is linear in its features, so it adds the two pieces of news and never multiplies them. The news of one arm has to walk all the way and meet the other arm's bond. The counting of the literature allows each atom to do anything with what it heard; a real layer does one particular thing.
#
# Look also at the sizes: the deeper the chain, the smaller the difference, by orders of magnitude per atom in networks of random weights. What can be seen in principle may be hard to learn.

# %% [markdown]
# ## 5. The even activation
#
# A feature is `0o`, and an activation acts on it. Write `label_after(f)`: "0e" if the result is a scalar, "0o" if it is a pseudoscalar, "none" if it is neither. Then `mend(f)`, which returns the *odd part* of any activation, so that `0o` stays `0o`.
#
# Guess first: SiLU is $x\,\sigma(x)$, a smooth ReLU. Which label has it?
#
# <details><summary>Hint 1</summary>The mirror gives $-x$ for $x$. Compare $f(-x)$ with $f(x)$ and with $-f(x)$ at several x, negative ones too.</details>
#
# <details><summary>Hint 2</summary>A function that is zero at one point tells nothing there. Use a range of values.</details>
#
# <details><summary>Hint 3</summary>Any function is the sum of an even part, $(f(x) + f(-x))/2$, and an odd part, $(f(x) - f(-x))/2$.</details>


# %% name="label-after" role="answer" section="Losing the sign again"
def label_after(f):
    """ "0e", "0o" or "none": what an activation makes of a pseudoscalar."""
    # solution: what the mirror does to the result, at many values
    x = torch.linspace(0.05, 3, 60)
    if near(f(-x), f(x)):
        return "0e"
    return "0o" if near(f(-x), -f(x)) else "none"


# %% name="mend" role="answer" section="Losing the sign again"
def mend(f):
    """The odd part of an activation: a function."""
    # solution: half of the difference between both hands
    return lambda x: (f(x) - f(-x)) / 2


# %% name="check-label-after" role="check" points=2
draw = generator("after")
silu = torch.nn.functional.silu
pool = [
    ("tanh", torch.tanh, "0o"),
    ("absolute value", torch.abs, "0e"),
    ("square", torch.square, "0e"),
    ("cube", lambda x: x**3, "0o"),
    ("SiLU", silu, "none"),
    ("ReLU", torch.relu, "none"),
    ("cosine", torch.cos, "0e"),
    ("sine", torch.sin, "0o"),
    ("tanh plus a little square", lambda x: torch.tanh(x) + 0.01 * x**2, "none"),
]
said = []
for k in torch.randint(0, len(pool), (8,), generator=draw).tolist():
    name, f, true = pool[k]
    found = label_after(f)
    assert found == true, (
        f"{name} of a pseudoscalar is {true}, you say {found}: compare f(-x) with f(x) and -f(x)"
    )
    said.append(f"{name}: {found}")
show("labels", said)

# %% name="check-mend" role="check" points=2
draw = generator("mend")
w = torch.randn(3, generator=draw)


def wild(x):
    return w[0] * silu(x) + w[1] * torch.tanh(2 * x) + w[2] * torch.cos(x)


odd = mend(wild)
x = torch.randn(5, generator=draw)
assert near(odd(-x), -odd(x)), "f(-x) must be -f(x), so that inversion flips the result"
Gate("4x0e + 2x0o", "2x1o", odd=odd)  # the library agrees
assert near(mend(torch.tanh)(x), torch.tanh(x)), "an odd function needs no mending"
show("mended", odd(x))


# %% name="label-after-positive" role="decoy" replaces="label-after" fails=["check-label-after"]
def label_after(f):
    x = torch.linspace(0.05, 3, 60)
    return "0o" if (f(x) > 0).all() and (f(x).diff() > 0).all() else "0e"


# %% name="label-after-keeps" role="decoy" replaces="label-after" fails=["check-label-after"]
def label_after(f):
    return "0o"


# %% name="label-after-loose" role="decoy" replaces="label-after" fails=["check-label-after"]
def label_after(f):
    x = torch.linspace(-1, 1, 21)
    return "0e" if (f(x) - f(-x)).abs().max() < (f(x) + f(-x)).abs().max() else "0o"


# %% name="mend-even-part" role="decoy" replaces="mend" fails=["check-mend"]
def mend(f):
    return lambda x: (f(x) + f(-x)) / 2


# %% name="mend-signed" role="decoy" replaces="mend" fails=["check-mend"]
def mend(f):
    return lambda x: torch.sign(x) * f(x.abs())


# %% name="mend-shift" role="decoy" replaces="mend" fails=["check-mend"]
def mend(f):
    return lambda x: f(x) - f(torch.zeros(()))


# %% [markdown] role="discussion"
# An even activation turns `0o` into `0e`: after $x^2$ nobody knows which hand it was, and no later layer can find out. ReLU and SiLU are sums of an even and an odd part, so what comes out has no label at all: the network has lost its parity, and a test with rotations alone does not notice.
#
# By the way, the odd part of SiLU is $x/2$, for $\sigma(x) + \sigma(-x) = 1$: nothing that is nonlinear is left. "Sign times $f(|x|)$" is odd too. It is another function, and it has a jump at 0 where $f(0) \ne 0$.
