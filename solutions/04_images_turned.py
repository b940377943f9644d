# %% [markdown]
# # Exercises 04: the same digit, turned
#
# You build the two layers of lecture 04 yourself, forget the position in the right way, write a test that finds poolings that break the symmetry, and predict a curve from its first part.
#
# | exercise | points | time |
# |---|---|---|
# | 1. Lift | 3 | 15 min |
# | 2. Group convolve | 4 | 20 min |
# | 3. Pool | 2 | 10 min |
# | 4. Find the pooling that breaks the symmetry | 6 | 25 min |
# | 5. Predict the angle curve | 4 | 20 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Conventions of the course: turns are counter-clockwise. `image.rot90(k, (-2, -1))` turns by k quarter turns. Features on the group have shape `(batch, channels, 4, height, width)`, and the third axis runs over the positions e, r, r², r³ of the filter. Checks run in float64.

# %%
import math

import torch
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d

from coursetools.checks import generator, show
from coursetools.device import use_device
from equivar.group_conv import GroupConv2d, LiftingConv2d, turn_images
from equivar.groups import cyclic
from equivar.measure import equivariance_error

torch.set_default_dtype(torch.float64)
use_device()


def turn(image, k=1):
    """Turn by k quarter turns, counter-clockwise."""
    return image.rot90(k, (-2, -1))


def act(features, k=1):
    """Turn features on the group: turn each map, and move the maps on by k places."""
    return turn(features, k).roll(k, dims=2)


NAMES = ["e", "r", "r²", "r³"]


def law(f, x, act_in, act_out, what):
    """Explain for which turn a law fails."""
    for k in range(4):
        error = equivariance_error(f, x, lambda i, k=k: act_in(i, k), lambda y, k=k: act_out(y, k))
        assert error < 1e-9, f"{what} fails for g = {NAMES[k]}: the error is {float(error):.2g}"


# %% [markdown]
# ## 1. Lift
#
# Write the first layer. Each of `c` filters is used in four positions: position $h = r^k$ is the filter, turned by $k$ quarter turns counter-clockwise.
#
# $$F(x, h) = \sum_y f(y)\, \psi\big(h^{-1}(y - x)\big)$$
#
# First, without running anything: when the image turns by $r$, does the map at position $e$ go to position $r$ or to position $r^3$?
#
# <details><summary>Hint 1</summary>For one filter of shape (3, 3), make the four turned ones with <code>turn(psi, k)</code> and stack them.</details>
#
# <details><summary>Hint 2</summary>For all filters at once: <code>torch.stack([turn(psi, k) for k in range(4)], dim=1)</code> has shape (c, 4, 3, 3). <code>conv2d</code> wants (4 c, 1, 3, 3).</details>
#
# <details><summary>Hint 3</summary><code>conv2d(image, bank, padding=1)</code> has shape (b, 4 c, H, W), with the positions of one filter beside each other. <code>unflatten(1, (-1, 4))</code> takes them apart.</details>


# %% name="lift" role="answer" section="Lift: one filter in four positions"
def lift(image, psi):
    """Images (b, 1, H, W) and filters (c, 3, 3) to features (b, c, 4, H, W), same H and W."""
    # solution: the bank holds each filter in its four positions
    bank = torch.stack([turn(psi, k) for k in range(4)], dim=1)
    return conv2d(image, bank.flatten(0, 1)[:, None], padding=1).unflatten(1, (-1, 4))


# %% name="check-lift" role="check" points=2
draw = generator("lift")
image, psi = torch.randn(1, 1, 5, 5, generator=draw), torch.randn(2, 3, 3, generator=draw)
law(
    lambda i: lift(i, psi),
    image,
    turn,
    act,
    "The law of lifting, a turned image turns and moves the maps,",
)
show("features at the middle pixel", lift(image, psi)[0, :, :, 2, 2])
show("one map", lift(image, psi)[0, 1, 3])

# %% name="check-lift-batch" role="check" points=1
draw = generator("lift-batch")
images, psi = torch.randn(3, 1, 6, 4, generator=draw), torch.randn(2, 3, 3, generator=draw)
found = lift(images, psi)
assert found.shape == (3, 2, 4, 6, 4), (
    f"3 images of 6 x 4 and 2 filters gave shape {tuple(found.shape)}, expected (3, 2, 4, 6, 4)"
)
show("features of the second image", found[1, 0, :, 1, 1:3])


# %% name="lift-clockwise" role="decoy" replaces="lift" fails=["check-lift", "check-lift-batch"]
def lift(image, psi):
    bank = torch.stack([turn(psi, -k) for k in range(4)], dim=1)
    return conv2d(image, bank.flatten(0, 1)[:, None], padding=1).unflatten(1, (-1, 4))


# %% name="lift-unturned" role="decoy" replaces="lift" fails=["check-lift", "check-lift-batch"]
def lift(image, psi):
    bank = torch.stack([psi] * 4, dim=1)
    return conv2d(image, bank.flatten(0, 1)[:, None], padding=1).unflatten(1, (-1, 4))


# %% name="lift-single" role="decoy" replaces="lift" fails=["check-lift-batch"]
def lift(image, psi):
    bank = torch.stack([turn(psi, k) for k in range(4)], dim=1)
    maps = conv2d(image[:1], bank.flatten(0, 1)[:, None], padding=1).unflatten(1, (-1, 4))
    return maps.expand(len(image), -1, -1, -1, -1)


# %% [markdown] role="discussion"
# The map at $e$ goes to position $r$: what the upright filter saw before is seen, after the turn, by the filter that turned along. With the filters turned clockwise the layer is just as useful and obeys a law too, but another one, with the maps moving the other way; the next layer, which expects this one, would be wrong. Conventions are a contract between layers.

# %% [markdown]
# ## 2. Group convolve
#
# The next layer reads features on the group. Its filters $\psi(y, k)$ have a group axis too:
#
# $$F'(x, h) = \sum_y \sum_k F(y, k)\; \psi\big(h^{-1}(y - x),\; h^{-1} k\big)$$
#
# For $h = r^j$ and $k = r^i$ the product $h^{-1} k$ is $r^{i - j}$.
#
# <details><summary>Hint 1</summary>Begin with one channel in and one out. For each h you need a filter of shape (4, 3, 3): turned in the plane, and rearranged on its first axis.</details>
#
# <details><summary>Hint 2</summary>Entry i of the rearranged filter is entry i - j of the original. That is <code>roll(j)</code>, not <code>roll(-j)</code>.</details>
#
# <details><summary>Hint 3</summary>Stack the four on a new axis after the output channels: (c_out, 4, c_in, 4, 3, 3). Flatten the first two and the next two axes, convolve features whose channels and positions are flattened too, and unflatten.</details>


# %% name="group-convolve" role="answer" section="Group convolve: stay on the group"
def group_convolve(features, psi):
    """Features (b, c_in, 4, H, W), filters (c_out, c_in, 4, 3, 3) to (b, c_out, 4, H, W)."""
    # solution: turn the filter in the plane, and roll it on the group
    bank = torch.stack([turn(psi, h).roll(h, dims=2) for h in range(4)], dim=1)
    bank = bank.flatten(0, 1).flatten(1, 2)
    return conv2d(features.flatten(1, 2), bank, padding=1).unflatten(1, (-1, 4))


# %% name="check-group-convolve" role="check" points=4
draw = generator("group-convolve")
features = torch.randn(2, 3, 4, 5, 5, generator=draw)
psi = torch.randn(2, 3, 4, 3, 3, generator=draw)
found = group_convolve(features, psi)
assert found.shape == (2, 2, 4, 5, 5), (
    f"the result has shape {tuple(found.shape)}, expected (2, 2, 4, 5, 5)"
)
law(
    lambda F: group_convolve(F, psi),
    features,
    act,
    act,
    "The law of the group convolution, acting before is acting after,",
)
layer = GroupConv2d(3, 2, cyclic(4), bias=False).requires_grad_(False)
layer.weight.copy_(psi.flatten(-2))
torch.testing.assert_close(
    found,
    layer(features),
    msg=lambda m: f"It obeys the law, but it is another layer than the formula's.\n{m}",
)
show("features at the middle pixel", found[0, :, :, 2, 2])
show("one map", found[1, 1, 3])


# %% name="group-convolve-turned" role="decoy" replaces="group-convolve" fails=["check-group-convolve"]
def group_convolve(features, psi):
    bank = torch.stack([turn(psi, h) for h in range(4)], dim=1)
    bank = bank.flatten(0, 1).flatten(1, 2)
    return conv2d(features.flatten(1, 2), bank, padding=1).unflatten(1, (-1, 4))


# %% name="group-convolve-rolled" role="decoy" replaces="group-convolve" fails=["check-group-convolve"]
def group_convolve(features, psi):
    bank = torch.stack([psi.roll(h, dims=2) for h in range(4)], dim=1)
    bank = bank.flatten(0, 1).flatten(1, 2)
    return conv2d(features.flatten(1, 2), bank, padding=1).unflatten(1, (-1, 4))


# %% name="group-convolve-backwards" role="decoy" replaces="group-convolve" fails=["check-group-convolve"]
def group_convolve(features, psi):
    bank = torch.stack([turn(psi, h).roll(-h, dims=2) for h in range(4)], dim=1)
    bank = bank.flatten(0, 1).flatten(1, 2)
    return conv2d(features.flatten(1, 2), bank, padding=1).unflatten(1, (-1, 4))


# %% name="group-convolve-each" role="decoy" replaces="group-convolve" fails=["check-group-convolve"]
def group_convolve(features, psi):
    maps = [conv2d(features[:, :, h], turn(psi[:, :, 0], h), padding=1) for h in range(4)]
    return torch.stack(maps, dim=2)


# %% [markdown] role="discussion"
# The version that convolves each position by itself also obeys the law. It is a group convolution whose filters are zero but at $k = e$: positions never talk to each other, and the network can never notice that a stroke lies *across* another one. Equivariant is not the same as expressive.

# %% [markdown]
# ## 3. Pool
#
# A label does not turn. Make numbers from features: at each pixel the largest value over the four positions, then the mean over the pixels.
#
# <details><summary>Hint 1</summary>The group axis is the third: <code>dim=2</code>.</details>
#
# <details><summary>Hint 2</summary><code>features.amax(dim=2)</code> has shape (b, c, H, W).</details>
#
# <details><summary>Hint 3</summary>The mean over pixels is <code>.mean(dim=(-2, -1))</code>. In the other order you get other numbers.</details>


# %% name="pool" role="answer" section="Pool: forget the position"
def pool(features):
    """Features (b, c, 4, H, W) to numbers (b, c) that quarter turns do not change."""
    # solution: forget the position at each pixel, then forget the pixel
    return features.amax(dim=2).mean(dim=(-2, -1))


# %% name="check-pool" role="check" points=2
draw = generator("pool")
features = torch.randn(2, 3, 4, 5, 5, generator=draw)
law(pool, features, act, lambda y, k: y, "Invariance of the pooled numbers")
show("numbers", pool(features))


# %% name="pool-upright" role="decoy" replaces="pool" fails=["check-pool"]
def pool(features):
    return features[:, :, 0].mean(dim=(-2, -1))


# %% name="pool-corner" role="decoy" replaces="pool" fails=["check-pool"]
def pool(features):
    return features.amax(dim=2)[..., 0, 0]


# %% name="pool-other-order" role="decoy" replaces="pool" fails=["check-pool"]
def pool(features):
    return features.mean(dim=(-2, -1)).amax(dim=2)


# %% [markdown] role="discussion"
# The mean first and the maximum after is invariant too, and says something else: which position fits best *on the whole*. Here each pixel chooses its own position. Invariance leaves many choices; it only rules out those that depend on the frame.

# %% [markdown]
# ## 4. Find the pooling that breaks the symmetry
#
# The functions below make smaller or smoother maps from maps `(b, c, H, W)`. An honest one commutes with quarter turns: pooling the turned maps gives the turned pooled maps. Write the test. `commutes(f, maps)` gets a function and some maps, and answers `True` if the function commutes with *all* quarter turns on these maps, as far as rounding allows, else `False`. The smallest bug here is 1e-4 of the output.
#
# Before you write: which of these is honest on 7 pixels and broken on 8, and which the other way round?


# %%
def blocks(m):
    """The mean of 2 x 2 blocks; on 7 pixels the last row and column are left out."""
    return avg_pool2d(m, 2)


def largest(m):
    """The largest of 2 x 2 blocks."""
    return max_pool2d(m, 2)


def every_second(m):
    """Pixels 0, 2, 4, ... of rows and columns."""
    return m[..., ::2, ::2]


def smear(m):
    """Each pixel gets a part of its neighbors to the left and right; the edges are neighbors."""
    return m + 0.3 * (m.roll(1, -1) + m.roll(-1, -1))


def smooth(m):
    """Each pixel gets a part of its four neighbors."""
    return smear(m) + 0.3 * (m.roll(1, -2) + m.roll(-1, -2))


def leak(m):
    """A little of a fixed ramp, darker to the right."""
    return m + 1e-4 * torch.linspace(-1, 1, m.shape[-1]).expand_as(m)


# %% [markdown]
# <details><summary>Hint 1</summary>Output and input both turn: compare <code>f(turn(maps, k))</code> with <code>turn(f(maps), k)</code>.</details>
#
# <details><summary>Hint 2</summary>Half turns alone are blind to <code>smear</code>. Try k = 1, 2 and 3.</details>
#
# <details><summary>Hint 3</summary><code>equivariance_error(f, maps, act_in, act_out)</code> is relative. Honest functions stay below 1e-12, and the bugs above 1e-5.</details>


# %% name="commutes" role="answer" section="Pool: forget the position"
def commutes(f, maps):
    """Whether f (b, c, H, W) -> (b, c, H', W') commutes with quarter turns on `maps`: a bool."""
    # solution: measure for each turn, with the law that outputs turn too
    errors = [
        equivariance_error(f, maps, lambda m, k=k: turn(m, k), lambda m, k=k: turn(m, k))
        for k in range(4)
    ]
    return all(bool(error < 1e-8) for error in errors)


# %% [markdown]
# Each check hands your test functions and maps in random order: four honest ones, and some that are broken in one way. All verdicts have to be right.


# %%
def judge(label, broken, why):
    """Ask about four honest and some broken cases in random order; a case is (function, pixels)."""
    draw = generator(label)
    honest = [(blocks, 8), (largest, 8), (every_second, 7), (smooth, 8)]
    zoo = [(f, n, True) for f, n in honest]
    zoo += [
        (f, n, False)
        for f, n in broken
        for _ in range(1 + int(torch.randint(3, (), generator=draw)))
    ]
    answers = []
    for i in torch.randperm(len(zoo), generator=draw).tolist():
        f, n, truth = zoo[i]
        answer = commutes(f, torch.randn(2, 2, n, n, generator=draw))
        assert truth or not answer, f"Your test passed `{f.__name__}` on {n} pixels. {why}"
        assert answer or not truth, (
            f"Your test failed the honest `{f.__name__}` on {n} pixels. Does the output turn, too?"
        )
        answers.append(bool(answer))
    show("verdicts", answers)


# %% name="check-left-over" role="check" points=2
judge("left-over", [(blocks, 7), (largest, 7), (every_second, 8)], "Which row is left out?")

# %% name="check-smear" role="check" points=2
judge("smear", [(smear, 8), (smear, 7)], "A half turn takes left to right. What does a quarter do?")

# %% name="check-leak" role="check" points=2
judge("leak", [(leak, 8), (leak, 7)], "Its error is about 1e-4. Where is your tolerance?")


# %% name="commutes-half" role="decoy" replaces="commutes" fails=["check-smear"]
def commutes(f, maps):
    error = equivariance_error(f, maps, lambda m: turn(m, 2), lambda m: turn(m, 2))
    return bool(error < 1e-8)


# %% name="commutes-invariant" role="decoy" replaces="commutes" fails=["check-left-over", "check-smear", "check-leak"]
def commutes(f, maps):
    errors = [equivariance_error(f, maps, lambda m, k=k: turn(m, k)) for k in range(4)]
    return all(bool(error < 1e-8) for error in errors)


# %% name="commutes-loose" role="decoy" replaces="commutes" fails=["check-leak"]
def commutes(f, maps):
    errors = [
        equivariance_error(f, maps, lambda m, k=k: turn(m, k), lambda m, k=k: turn(m, k))
        for k in range(4)
    ]
    return all(bool(error < 1e-2) for error in errors)


# %% name="commutes-flat" role="decoy" replaces="commutes" fails=["check-left-over", "check-smear"]
def commutes(f, maps):
    flat = torch.ones_like(maps)  # the same at each pixel: nothing to see
    errors = [
        equivariance_error(f, flat, lambda m, k=k: turn(m, k), lambda m, k=k: turn(m, k))
        for k in range(4)
    ]
    return all(bool(error < 1e-8) for error in errors)


# %% name="commutes-shape" role="decoy" replaces="commutes" fails=["check-left-over", "check-smear", "check-leak"]
def commutes(f, maps):
    return f(turn(maps)).shape == turn(f(maps)).shape


# %% [markdown] role="discussion"
# `every_second` is honest on 7 pixels, where it keeps rows 0, 2, 4, 6, the same from both ends, and broken on 8. Blocks of two are honest on 8 and broken on 7. So one can train and test a network on images of one size, and deploy it on another where it is broken. And a test with an image that is the same everywhere, with half turns alone, or that looks at shapes alone, finds none of the things it should.

# %% [markdown]
# ## 5. Predict the angle curve
#
# A network for $C_n$ pools to invariant numbers. Somebody has measured its mean answer for turned images at the angles 0, step, 2 step, ..., in the first $360/n$ degrees only. Predict the rest: `full_curve(first, n)` returns the values for a whole turn, `n * len(first)` of them: `first` ends one step before the angle $360/n$.
#
# Two questions before you write. Is the curve flat? Is the second half of a period the mirror image of the first?
#
# <details><summary>Hint 1</summary>Turning the image by 360/n degrees more changes nothing. What does that say of the curve at angle a + 360/n?</details>
#
# <details><summary>Hint 2</summary>Nothing relates the angles a and -a: a mirrored two is not a two.</details>
#
# <details><summary>Hint 3</summary><code>first.repeat(n)</code></details>


# %% name="full-curve" role="answer" section="Accuracy against the angle"
def full_curve(first, n):
    """Values (m,) in the first 360/n degrees to values (n m,) over a whole turn."""
    # solution: the curve repeats itself n times, and nothing else is known of it
    return first.repeat(n)


# %%
def measured(n, label, step=15):
    """The mean answer of a random C_n network at each angle of a whole turn."""
    draw = generator(label)
    layers = LiftingConv2d(1, 3, cyclic(n)), GroupConv2d(3, 2, cyclic(n))
    for layer in layers:
        layer.requires_grad_(False)
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=draw))
    images = torch.rand(3, 1, 7, 7, generator=draw)

    def answer(x):
        return layers[1](layers[0](x).relu()).relu().amax(dim=2).mean()

    angles = torch.arange(0, 360, step)
    return torch.stack([answer(turn_images(images, math.radians(a))) for a in angles.tolist()])


# %% name="check-quarter" role="check" points=2
whole = measured(4, "quarter")
predicted = full_curve(whole[:6], 4)
assert len(predicted) == 24, f"24 angles in a whole turn, but {len(predicted)} values"
torch.testing.assert_close(
    predicted,
    whole,
    rtol=1e-6,
    atol=1e-9,
    msg=lambda m: f"C4: the curve at a + 90 degrees is the curve at a, and nothing more.\n{m}",
)
show("curve of C4", predicted)

# %% name="check-half" role="check" points=2
whole = measured(2, "half")
predicted = full_curve(whole[:12], 2)
assert len(predicted) == 24, f"24 angles in a whole turn, but {len(predicted)} values"
torch.testing.assert_close(
    predicted,
    whole,
    rtol=1e-6,
    atol=1e-9,
    msg=lambda m: f"C2: the curve at a + 180 degrees is the curve at a, and nothing more.\n{m}",
)
show("curve of C2", predicted)


# %% name="curve-flat" role="decoy" replaces="full-curve" fails=["check-quarter", "check-half"]
def full_curve(first, n):
    return first[:1].repeat(n * len(first))


# %% name="curve-mirrored" role="decoy" replaces="full-curve" fails=["check-quarter", "check-half"]
def full_curve(first, n):
    half = first[: len(first) // 2 + 1]
    return torch.cat([half, half[1:-1].flip(0)]).repeat(n)


# %% name="curve-quarters" role="decoy" replaces="full-curve" fails=["check-half"]
def full_curve(first, n):
    return first[:6].repeat(4)


# %% [markdown] role="discussion"
# Exactly invariant under $C_4$ means periodic with 90 degrees, not flat: between the quarter turns nothing is promised. And it does not mean symmetric about 45 degrees. Even a network for $D_4$, which keeps reflections, has no mirror-symmetric curve in general: $R_{-a} = s R_a s$, so its answer at $-a$ is its answer at $a$ for the *mirrored* image, and mirrored digits are other images. Over a set that holds each image and its mirror image, the curve would be symmetric.
