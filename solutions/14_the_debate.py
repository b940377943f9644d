# %% [markdown]
# # Exercises 14: the debate
#
# You write the instruments of lecture 14: a climb to the worst rotation, the two parts of an error, a fair comparison at equal budget, a break-even point, and a judge of claims.
#
# | exercise | points | time |
# |---|---|---|
# | 1. The worst rotation | 6 | 30 min |
# | 2. Two parts of an error | 6 | 25 min |
# | 3. Equal budgets | 5 | 20 min |
# | 4. Break-even | 4 | 20 min |
# | 5. Reading a claim | 4 | 20 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Conventions of the course: points are rows, (x, y, z). A rotation acts on a column, $r \mapsto R\,r$, so rows are turned by `x @ R.mT`. Checks run in float64.

# %%
import math
from statistics import fmean, variance

import torch

from coursetools.checks import generator, show
from coursetools.device import use_device
from equivar.rotations import random_rotations

torch.set_default_dtype(torch.float64)
use_device()


def cross_matrix(v):
    """The matrices of r -> v x r: (n, 3) to (n, 3, 3)."""
    x, y, z = v.unbind(dim=-1)
    o = torch.zeros_like(x)
    return torch.stack([o, -z, y, z, o, -x, -y, x, o], dim=-1).unflatten(-1, (3, 3))


# %% [markdown]
# ## 1. The worst rotation
#
# **a.** A score is a function from rotations `(n, 3, 3)` to numbers `(n,)`, each of its own rotation alone. In which direction does it rise? A small turn from the left leads from $R$ to $\exp([\omega]_\times)\,R$, and there are three numbers in $\omega$. Write
#
# $$
# g = \nabla_\omega\; s\big(\exp([\omega]_\times)\,R\big)\Big|_{\omega=0},
# $$
#
# for all $n$ rotations at once. The direction is about axes in *space*, not about axes of the molecule: that is what "from the left" means.
#
# <details><summary>Hint 1</summary>Make <code>omega = torch.zeros(n, 3, requires_grad=True)</code>, and let autograd do it.</details>
#
# <details><summary>Hint 2</summary>At ω = 0 the exponential and 1 + [ω]× have the same derivative. <code>torch.linalg.matrix_exp</code> will do, too.</details>
#
# <details><summary>Hint 3</summary><code>score(R + cross_matrix(omega) @ R).sum()</code>, then <code>torch.autograd.grad</code>. The sum is harmless: no score sees another's rotation.</details>


# %% name="uphill" role="answer" section="The worst rotation"
def uphill(score, R):
    """The gradient (n, 3) of score(exp([omega]) R) in omega, at omega = 0."""
    # solution: a small turn from the left, and autograd
    omega = torch.zeros(len(R), 3, requires_grad=True)
    (g,) = torch.autograd.grad(score(R + cross_matrix(omega) @ R).sum(), omega)
    return g


# %% name="check-uphill" role="check" points=3
draw = generator("uphill")
R = random_rotations(4, draw)
M = torch.randn(3, 3, generator=draw)


def overlap(R):
    """How well R agrees with M: the sum of R * M."""
    return (R * M).sum(dim=(-1, -2))


g = uphill(overlap, R)
assert g.shape == (4, 3), f"expected three numbers for each rotation, (4, 3); got {tuple(g.shape)}"
for k, axis in enumerate(torch.eye(3)):
    small = torch.linalg.matrix_exp(1e-4 * cross_matrix(axis[None]))[0]
    rate = (overlap(small @ R) - overlap(small.mT @ R)) / 2e-4
    off = (g[:, k] - rate).abs().max().item()
    assert off < 1e-5, (
        f"turning from the left about {axis.tolist()} changes the score at the rate "
        f"{[round(v, 3) for v in rate.tolist()]}, and your gradient says "
        f"{[round(v, 3) for v in g[:, k].tolist()]}: left or right? And which sign?"
    )
show("uphill", g)


# %% name="uphill-right" role="decoy" replaces="uphill" fails=["check-uphill"]
def uphill(score, R):
    omega = torch.zeros(len(R), 3, requires_grad=True)
    (g,) = torch.autograd.grad(score(R + R @ cross_matrix(omega)).sum(), omega)
    return g


# %% name="uphill-downhill" role="decoy" replaces="uphill" fails=["check-uphill"]
def uphill(score, R):
    omega = torch.zeros(len(R), 3, requires_grad=True)
    (g,) = torch.autograd.grad(score(R - cross_matrix(omega) @ R).sum(), omega)
    return g


# %% [markdown]
# **b.** Now climb. Write `climb`: from each start, steps along the normalized gradient, and at the end the *best* rotations and their scores. They must be rotations, not merely matrices.
#
# You are free in how to choose the steps. A plan that works: begin with an angle of 0.3; if the step rises, keep it and make the next longer by half; if not, stay, and try a third of the angle. 60 steps are enough to come within 0.00001 of the highest score.
#
# <details><summary>Hint 1</summary>A step is <code>torch.linalg.matrix_exp(cross_matrix(angle[:, None] * way)) @ R</code>: a product of rotations is a rotation.</details>
#
# <details><summary>Hint 2</summary>Each start has an angle of its own. <code>torch.where(up[:, None, None], trial, R)</code> keeps some and not others.</details>
#
# <details><summary>Hint 3</summary>Compute the gradient inside <code>climb</code> with the lines of part a. Guard the division: where the gradient is zero, you are done, and 0 / 0 is nan.</details>


# %% name="climb" role="answer" section="The worst rotation"
def climb(score, start, steps=60):
    """Rotations (n, 3, 3) found from these starts, and their scores (n,)."""
    # solution: normalized steps on the rotations; a step that does not rise is taken back
    R, angle = start, torch.full((len(start),), 0.3)
    best = score(R).detach()
    for _ in range(steps):
        omega = torch.zeros(len(R), 3, requires_grad=True)
        (g,) = torch.autograd.grad(score(R + cross_matrix(omega) @ R).sum(), omega)
        way = g / g.norm(dim=-1, keepdim=True).clamp(min=1e-30)
        trial = torch.linalg.matrix_exp(cross_matrix(angle[:, None] * way)) @ R
        found = score(trial).detach()
        up = found > best
        R = torch.where(up[:, None, None], trial, R)
        best = torch.where(up, found, best)
        angle = torch.where(up, 1.5 * angle, angle / 3)
    return R, best


# %% name="check-climb" role="check" points=3
draw = generator("climb")
M = torch.diag(torch.tensor([3.0, 2.0, 1.0])) + 0.3 * torch.randn(3, 3, generator=draw)
start = random_rotations(6, draw)
U, S, V = torch.linalg.svd(M)
S[2] *= torch.linalg.det(U @ V).sign()  # the best that a rotation can do, by theory
R, found = climb(lambda R: (R * M).sum(dim=(-1, -2)), start)
off = (R @ R.mT - torch.eye(3)).abs().max().item()
assert off < 1e-6, f"R R^T differs from 1 by {off:.2g}: what you found are not rotations"
assert (found - (R * M).sum(dim=(-1, -2))).abs().max() < 1e-9, "the scores are of other rotations"
assert (found > S.sum() - 1e-5).all(), (
    f"a rotation with a score of {S.sum():.6f} exists, and from some start you reached only "
    f"{found.min():.6f}: are there enough steps, uphill?"
)
show("highest scores", found, digits=3)
show("rotations?", [bool(off < 1e-6), bool((torch.linalg.det(R) > 0).all())])


# %% name="climb-straight" role="decoy" replaces="climb" fails=["check-climb"]
def climb(score, start, steps=60):
    R = start.clone()
    for _ in range(steps):
        R.requires_grad_()
        (g,) = torch.autograd.grad(score(R).sum(), R)
        R = (R + 0.1 * g / g.norm(dim=(-1, -2), keepdim=True)).detach()
    return R, score(R)


# %% name="climb-nothing" role="decoy" replaces="climb" fails=["check-climb"]
def climb(score, start, steps=60):
    return start, score(start)


# %% [markdown] role="discussion"
# The mean over random rotations is one number, the worst rotation another, and a climb gives a lower bound of the latter. Adding the gradient to the nine entries of $R$ also raises the score, without limit: by leaving the rotations. A "worst orientation" of that kind stretches the molecule. It says nothing about a symmetry.

# %% [markdown]
# ## 2. Two parts of an error
#
# **a.** Write `averaged`: for a function $f$ from clouds `(b, n, 3)` to vectors `(b, 3)`, the mean $\frac1K \sum_k R_k^\top f(R_k\, x)$.
#
# <details><summary>Hint 1</summary>Turn, answer, turn <i>back</i>, then the mean. A loop over the rotations is fine.</details>
#
# <details><summary>Hint 2</summary>Clouds are turned by <code>x @ R.mT</code>.</details>
#
# <details><summary>Hint 3</summary>Rows of answers are turned back by <code>y @ R</code>: as a column that is the transpose of R times y.</details>


# %% name="averaged" role="answer" section="The error has two parts"
def averaged(f, rotations, x):
    """The mean over rotations (k, 3, 3) of R^T f(R x): (b, 3)."""
    # solution: turn, answer, turn back, mean
    return torch.stack([f(x @ R.mT) @ R for R in rotations]).mean(dim=0)


# %% name="check-averaged" role="check" points=2
draw = generator("averaged")
x = torch.randn(3, 4, 3, generator=draw)
W = torch.randn(12, 3, generator=draw)


def network(x):
    return torch.tanh(x.flatten(-2) @ W)


Rs = random_rotations(5, draw)
found = averaged(network, Rs, x)
center = averaged(lambda x: x.mean(dim=-2), Rs, x)
off = (center - x.mean(dim=-2)).norm() / x.mean(dim=-2).norm()
assert off < 1e-12, (
    "the center of a cloud is equivariant, so averaging must not change it, and yours moves it by "
    f"{off:.2f} of its size: is each answer turned back?"
)
show("averaged", found)


# %% name="averaged-not-back" role="decoy" replaces="averaged" fails=["check-averaged"]
def averaged(f, rotations, x):
    return torch.stack([f(x @ R.mT) for R in rotations]).mean(dim=0)


# %% name="averaged-forward" role="decoy" replaces="averaged" fails=["check-averaged"]
def averaged(f, rotations, x):
    return torch.stack([f(x @ R.mT) @ R.mT for R in rotations]).mean(dim=0)


# %% [markdown]
# **b.** The answers $R_k^\top f(R_k x)$, turned back, come as a tensor `(k, b, 3)`, the truth as `(b, 3)`. Write `two_parts`: the mean over rotations and clouds of the squared length of the error, split into *wrong on average* and *different each time*. The two must add up to the whole.
#
# <details><summary>Hint 1</summary>First the mean over rotations: (b, 3).</details>
#
# <details><summary>Hint 2</summary>Squared lengths are sums over the last axis; means run over clouds, and in the second part over rotations too.</details>
#
# <details><summary>Hint 3</summary>Divide by k, not by k - 1: otherwise the two do not add up.</details>


# %% name="two-parts" role="answer" section="The error has two parts"
def two_parts(answers, truth):
    """Wrong on average, and different each time: two numbers."""
    # solution: squared mean, and variance
    mean = answers.mean(dim=0)
    wrong = (mean - truth).square().sum(dim=-1).mean()
    differs = (answers - mean).square().sum(dim=-1).mean()
    return wrong, differs


# %% name="check-parts" role="check" points=2
draw = generator("parts")
answers = torch.randn(5, 4, 3, generator=draw) + 1
truth = torch.randn(4, 3, generator=draw)
wrong, differs = two_parts(answers, truth)
whole = (answers - truth).square().sum(dim=-1).mean()
assert (wrong + differs - whole).abs() < 1e-9, (
    f"your parts add up to {wrong + differs:.4f}, and the whole mean square is {whole:.4f}"
)
show("wrong on average, different each time", [wrong, differs])


# %% name="parts-unbiased" role="decoy" replaces="two-parts" fails=["check-parts"]
def two_parts(answers, truth):
    mean = answers.mean(dim=0)
    return (mean - truth).square().sum(dim=-1).mean(), answers.var(dim=0).sum(dim=-1).mean()


# %% name="parts-roots" role="decoy" replaces="two-parts" fails=["check-parts"]
def two_parts(answers, truth):
    mean = answers.mean(dim=0)
    return (mean - truth).norm(dim=-1).mean(), (answers - mean).norm(dim=-1).mean()


# %% [markdown]
# **c.** A network has a symmetry error $s$. You may average it over $K$ random rotations when you ask it. How many does it take to bring the symmetry error to at most $t$? And by what factor does the *whole* root mean square error fall, at that $K$, if the two parts are $a$ (wrong) and $d$ (different)? After averaging over $K$ random rotations, the expected square is $a + d / K$.
#
# <details><summary>Hint 1</summary>A mean of K independent draws has a standard deviation smaller by the root of K.</details>
#
# <details><summary>Hint 2</summary>(s / t) squared, rounded up, and never below 1.</details>
#
# <details><summary>Hint 3</summary>The factor is the root of (a + d / K) / (a + d).</details>


# %% name="plan" role="answer" section="The error has two parts"
def plan(s, t, a, d):
    """The number of rotations, and the factor on the whole error."""
    # solution: K^-1/2 on the symmetry error, and on the second part alone
    k = max(1, math.ceil((s / t) ** 2))
    return k, math.sqrt((a + d / k) / (a + d))


# %% name="check-plan" role="check" points=2
draw = generator("plan")
s, t = (0.02 + 0.03 * torch.rand(4, generator=draw)).tolist(), [0.1, 0.01, 0.004, 0.0013]
a, d = (0.001 + 0.004 * torch.rand(2, 4, generator=draw)).tolist()
plans = [plan(*case) for case in zip(s, t, a, d, strict=True)]
for (k, factor), now, goal in zip(plans, s, t, strict=True):
    assert k >= 1, "one rotation is the least"
    assert now / math.sqrt(k) <= goal, (
        f"with {k} rotations a symmetry error of {now:.4f} falls to {now / math.sqrt(k):.4f} only, "
        f"and {goal} was asked for"
    )
    assert 0 < factor <= 1, "averaging never makes the mean square larger"
show("rotations", [k for k, _ in plans])
show("factors", [factor for _, factor in plans])


# %% name="plan-linear" role="decoy" replaces="plan" fails=["check-plan"]
def plan(s, t, a, d):
    k = max(1, math.ceil(s / t))
    return k, math.sqrt((a + d / k) / (a + d))


# %% name="plan-all-error" role="decoy" replaces="plan" fails=["check-plan"]
def plan(s, t, a, d):
    k = max(1, math.ceil((s / t) ** 2))
    return k, 1 / math.sqrt(k)


# %% [markdown] role="discussion"
# The last decoy is the misconception of the lecture: that an augmented network's error *is* its asymmetry, so that averaging over $K$ rotations divides it by the root of $K$. Only the second part is divided. With the numbers of the lecture, where the second part is a tenth of the square, averaging over all rotations takes 5 percent off the error.

# %% [markdown]
# ## 3. Equal budgets
#
# A table of trainings: each row is a dictionary with `model`, `steps`, `step_ms` (of one member), `members` (of an ensemble; 1 for a single network), `validation` and `test` (errors). Write `best_at`: what a model reaches within a budget in seconds, if you had to choose without looking at the test. None, if no training of it fits.
#
# <details><summary>Hint 1</summary>What does a row cost? Each member takes all its steps.</details>
#
# <details><summary>Hint 2</summary>Among the rows that you can pay for, choose by validation error.</details>
#
# <details><summary>Hint 3</summary>Return the chosen row's test error: it was not used for choosing. <code>min(rows, key=..., default=None)</code>.</details>


# %% name="best-at" role="answer" section="The rules"
def best_at(rows, model, budget):
    """The test error of the best affordable training of a model; None if there is none."""
    # solution: affordable, chosen by validation, reported by test
    affordable = [
        row
        for row in rows
        if row["model"] == model and row["steps"] * row["step_ms"] * row["members"] <= 1000 * budget
    ]
    chosen = min(affordable, key=lambda row: row["validation"], default=None)
    return None if chosen is None else chosen["test"]


# %% name="check-budget" role="check" points=3
draw = generator("budget")
MODELS = {"plain": (1.0, 1), "dear": (10.0, 1), "ensemble": (1.0, 8)}
table = []
for model, (step_ms, members) in MODELS.items():
    for steps in (100, 200, 400, 800, 1600, 3200):
        noise = torch.randn(2, generator=draw).mul(0.4).exp().tolist()
        level = steps**-0.5
        table.append(
            {
                "model": model,
                "steps": steps,
                "step_ms": step_ms,
                "members": members,
                "validation": level * noise[0],
                "test": level * noise[1],
            }
        )
found = {m: [best_at(table, m, b) for b in (0.05, 0.5, 1.7, 5.0)] for m in MODELS}
assert found["plain"][0] is None, "nothing can be trained in 0.05 s here: the answer is None"
assert found["ensemble"][1] is None, (
    "in 0.5 s no ensemble of 8 can be trained for 100 steps of 1 ms: each member takes all steps"
)
assert found["dear"][1] is None, "100 steps of 10 ms take a second, and you had half of one"
for model, errors in found.items():
    show(model, ["none" if error is None else error for error in errors])

# %% name="check-budget-leak" role="check" points=2
draw = generator("budget-leak")
noise = (1 + torch.rand(2, 40, generator=draw)).tolist()
table = [
    {"model": "noise", "steps": 10, "step_ms": 1.0, "members": 1, "validation": v, "test": t}
    for v, t in zip(*noise, strict=True)
]
reached = best_at(table, "noise", 1.0)
assert reached > min(noise[1]) or noise[0].index(min(noise[0])) == noise[1].index(min(noise[1])), (
    "of 40 trainings that differ by luck alone you report the luckiest on the test: that is "
    "choosing by the test"
)
show("chosen without the test", reached)


# %% name="best-by-test" role="decoy" replaces="best-at" fails=["check-budget", "check-budget-leak"]
def best_at(rows, model, budget):
    affordable = [
        row
        for row in rows
        if row["model"] == model and row["steps"] * row["step_ms"] * row["members"] <= 1000 * budget
    ]
    return min((row["test"] for row in affordable), default=None)


# %% name="best-equal-steps" role="decoy" replaces="best-at" fails=["check-budget"]
def best_at(rows, model, budget):
    affordable = [r for r in rows if r["model"] == model and r["steps"] <= 1000 * budget]
    chosen = min(affordable, key=lambda row: row["validation"], default=None)
    return None if chosen is None else chosen["test"]


# %% name="best-one-member" role="decoy" replaces="best-at" fails=["check-budget"]
def best_at(rows, model, budget):
    affordable = [
        row
        for row in rows
        if row["model"] == model and row["steps"] * row["step_ms"] <= 1000 * budget
    ]
    chosen = min(affordable, key=lambda row: row["validation"], default=None)
    return None if chosen is None else chosen["test"]


# %% [markdown] role="discussion"
# Three ways to win a comparison without being better: count steps instead of seconds, count one member of an ensemble, choose among your own trainings by the test. All three are found in print. The first one favors the dear model, the second the ensemble, the third whoever trains more often.

# %% [markdown]
# ## 4. Break-even
#
# Two curves of error against budget, measured at the same rising budgets: `mine` and `theirs`. Mine begins above. At which budget do they meet? Draw lines between logarithms of both axes, as errors are near to power laws. Read *between* the points only: return None if they do not cross within the measured range. If they cross more than once, the first counts.
#
# <details><summary>Hint 1</summary>Look at the difference of the logarithms, log(mine) - log(theirs). Where does it change its sign?</details>
#
# <details><summary>Hint 2</summary>Between two budgets both lines are straight in the logarithm, so their difference is, too.</details>
#
# <details><summary>Hint 3</summary>With differences p &gt; 0 and q &lt;= 0 at budgets b and c, the crossing is at b · (c / b)^(p / (p - q)).</details>


# %% name="break-even" role="answer" section="When would augmentation catch up?"
def break_even(budgets, mine, theirs):
    """The budget at which mine falls to theirs; None if that was not measured."""
    # solution: a sign change of the difference of the logarithms
    gaps = [math.log(m / t) for m, t in zip(mine, theirs, strict=True)]
    for b, c, p, q in zip(budgets, budgets[1:], gaps, gaps[1:], strict=False):
        if p > 0 >= q:
            return b * (c / b) ** (p / (p - q))
    return None


# %% name="check-break-even" role="check" points=2
draw = generator("break-even")
budgets = [0.5, 2.0, 8.0, 32.0]
power, at = (
    (0.2 + 0.5 * torch.rand(1, generator=draw)).item(),
    3 + 10 * torch.rand(1, generator=draw).item(),
)
theirs = [0.1 * b**-0.1 for b in budgets]
mine = [0.1 * b**-0.1 * (b / at) ** -power for b in budgets]
found = break_even(budgets, mine, theirs)
assert found is not None, f"the curves cross at {at:.2f}, well within the budgets"
assert abs(found / at - 1) < 1e-9, (
    f"two exact power laws cross at {at:.4f}, and you say {found:.4f}: logarithms of both axes?"
)
show("break-even of power laws", found)

# %% name="check-break-even-none" role="check" points=2
draw = generator("break-even-none")
shift = (0.8 + 0.15 * torch.rand(1, generator=draw)).item()
ahead = [0.2, 0.09, 0.05, 0.031]
never = break_even(budgets, ahead, [shift * 0.03 for _ in budgets])
assert never is None, (
    f"mine was above at each measured budget, and you say that they meet at {never:.0f}: that is "
    "a guess about what nobody measured"
)
twice = break_even(budgets, [0.2, 0.09, 0.12, 0.05], [0.1 * shift + 0.02] * 4)
show("never, first of three", ["none" if b is None else b for b in (never, twice)])


# %% name="break-even-linear" role="decoy" replaces="break-even" fails=["check-break-even", "check-break-even-none"]
def break_even(budgets, mine, theirs):
    gaps = [m - t for m, t in zip(mine, theirs, strict=True)]
    for b, c, p, q in zip(budgets, budgets[1:], gaps, gaps[1:], strict=False):
        if p > 0 >= q:
            return b + (c - b) * p / (p - q)
    return None


# %% name="break-even-beyond" role="decoy" replaces="break-even" fails=["check-break-even-none"]
def break_even(budgets, mine, theirs):
    gaps = [math.log(m / t) for m, t in zip(mine, theirs, strict=True)]
    for b, c, p, q in zip(budgets, budgets[1:], gaps, gaps[1:], strict=False):
        if p > 0 >= q:
            return b * (c / b) ** (p / (p - q))
    b, c, p, q = budgets[-2], budgets[-1], gaps[-2], gaps[-1]
    return b * (c / b) ** (p / (p - q))


# %% [markdown] role="discussion"
# An extrapolated break-even is a sentence about a law, not about a measurement. In the lecture the last three budgets predict one power and the first three another, and the predicted budget moves by orders of magnitude. Say "not within 128 seconds", which is true.

# %% [markdown]
# ## 5. Reading a claim
#
# A paper claims: *A is better than B at each tested budget.* You have the errors of several seeds of each, at each budget: `a` and `b` are lists (one entry a budget) of lists (one error a seed). Judge:
#
# * `"refuted"` if at some budget B is better by more than two standard errors of the difference of the means;
# * `"supported"` if at *each* budget A is better by more than two standard errors;
# * `"open"` otherwise.
#
# The standard error of the difference is $\sqrt{v_A / n_A + v_B / n_B}$, with the sample variances $v$ (divided by $n - 1$: `statistics.variance`).
#
# <details><summary>Hint 1</summary>For each budget compute z = (mean of B - mean of A) / standard error: positive where A is better.</details>
#
# <details><summary>Hint 2</summary>One z below -2 refutes. All above 2 support.</details>
#
# <details><summary>Hint 3</summary><code>any(z &lt; -2 for z in zs)</code>, then <code>all(z &gt; 2 for z in zs)</code>.</details>


# %% name="judge" role="answer" section="The papers"
def judge(a, b):
    """The verdict on "A is better than B at each tested budget"."""
    # solution: two standard errors, at each budget
    zs = []
    for some, others in zip(a, b, strict=True):
        error = math.sqrt(variance(some) / len(some) + variance(others) / len(others))
        zs.append((fmean(others) - fmean(some)) / error)
    if any(z < -2 for z in zs):
        return "refuted"
    return "supported" if all(z > 2 for z in zs) else "open"


# %% name="check-judge" role="check" points=4
draw = generator("judge")


def trainings(means, spread):
    """Five seeds at each budget."""
    noise = spread * torch.randn(len(means), 5, generator=draw)
    noise = spread * (noise - noise.mean(dim=1, keepdim=True)) / noise.std(dim=1, keepdim=True)
    return (torch.tensor(means)[:, None] + noise).tolist()


clear = judge(trainings([0.10, 0.05, 0.02], 0.002), trainings([0.12, 0.08, 0.07], 0.002))
assert clear == "supported", f"A is ahead by ten standard errors everywhere; you say {clear!r}"
first = judge(trainings([0.13, 0.05, 0.02], 0.002), trainings([0.086, 0.08, 0.07], 0.002))
assert first == "refuted", (
    f"at the smallest budget B is far ahead, and the claim says *each* budget; you say {first!r}"
)
close = judge(trainings([0.10, 0.05], 0.01), trainings([0.12, 0.052], 0.01))
assert close == "open", (
    f"at the second budget the means differ by a third of a standard error; you say {close!r}"
)
verdicts = []
for _ in range(12):
    means = (0.1 + 0.006 * torch.rand(2, 2, generator=draw)).tolist()
    means[1] = [m + 0.002 for m in means[1]]
    verdicts.append(judge(trainings(means[0], 0.001), trainings(means[1], 0.001)))
show("verdicts", verdicts)


# %% name="judge-means" role="decoy" replaces="judge" fails=["check-judge"]
def judge(a, b):
    better = [fmean(some) < fmean(others) for some, others in zip(a, b, strict=True)]
    return "supported" if all(better) else "refuted"


# %% name="judge-largest" role="decoy" replaces="judge" fails=["check-judge"]
def judge(a, b):
    some, others = a[-1], b[-1]
    error = math.sqrt(variance(some) / len(some) + variance(others) / len(others))
    z = (fmean(others) - fmean(some)) / error
    return "supported" if z > 2 else "refuted" if z < -2 else "open"


# %% [markdown] role="discussion"
# "At each tested budget" is a strong claim, and one budget refutes it. The decoys are how it is read in practice: from means, which turns every coin toss into a result, or from the largest budget, which is the one that the authors could afford last. Two things that no such judge can see: whether the seeds differ in more than the initial weights, and who tuned what.
