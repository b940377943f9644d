# %% [markdown]
# # Exercises 07: one equation
#
# You write the routine of lecture 07 yourself, and then let it count weights, take representations apart, tell quartz from salt, and find the vibrations of water.
#
# | exercise | points | time |
# |---|---|---|
# | 1. Build the constraint, and solve it | 4 | 25 min |
# | 2. Count the weights of any layer | 4 | 20 min |
# | 3. Decompose a representation | 4 | 25 min |
# | 4. Neumann's principle | 4 | 25 min |
# | 5. Normal modes of water | 5 | 35 min |
#
# Replace each `raise NotImplementedError(...)` by your code, then run the check below it. A check first explains what is wrong, then prints what your code answers; grading compares these printed lines, for other random inputs. You can do the exercises in any order: none needs the code of another.
#
# Conventions of the course: a representation is a stack of matrices (elements, d, d) that act on columns. Checks run in float64.

# %%
import torch

from coursetools.checks import generator, show
from coursetools.device import use_device
from equivar.data import CRYSTAL_CLASSES, crystal_class, small_molecules
from equivar.groups import cyclic, dihedral, symmetric
from equivar.intertwiners import intertwiner_basis
from equivar.irreps import Irreps
from equivar.representations import (
    character,
    direct_sum,
    irreps_of,
    permutation_representation,
    regular,
    tensor_product,
    trivial,
)
from equivar.stabilizer import stabilizer

torch.set_default_dtype(torch.float64)
use_device()


def choose(label, n, things):
    """Some n of the things, others for each seed."""
    return [things[i] for i in torch.randperm(len(things), generator=generator(label))[:n].tolist()]


# %% [markdown]
# ## 1. Build the constraint, and solve it
#
# The equation of the lecture is $\rho_{out}(g)\,Q - Q\,\rho_{in}(g) = 0$ for each $g$. Write the entries of $Q$, an $m \times n$ matrix, row after row into a column $q$ of $m n$ numbers. Then the left side is a matrix times $q$. Build that matrix for a stack of $k$ elements: first the $m n$ rows of element 0, row after row again, then those of element 1, and so on.
#
# Guess first: for one element, pictures of 9 pixels in and arrows of 2 numbers out, which shape has it?
#
# <details><summary>Hint 1</summary>Rows after one another: the entries of A Q B are <code>torch.kron(A, B.T)</code> times q.</details>
#
# <details><summary>Hint 2</summary>For the first term A is rho_out[i] and B is the identity. For the second, A is the identity and B is rho_in[i].</details>
#
# <details><summary>Hint 3</summary>A list of <code>torch.kron(rho_out[i], torch.eye(n)) - torch.kron(torch.eye(m), rho_in[i].T.contiguous())</code>, joined by <code>torch.cat</code>. (<code>torch.kron</code> wants its arguments contiguous in memory, which a transpose is not.)</details>


# %% name="constraint" role="answer" section="Make it a matrix"
def constraint(rho_in, rho_out):
    """(k, n, n) and (k, m, m) to the system (k m n, m n) for the entries of Q, row after row."""
    # solution: A Q B is kron(A, B transposed) times q
    n, m = rho_in.shape[-1], rho_out.shape[-1]
    parts = [
        torch.kron(b, torch.eye(n)) - torch.kron(torch.eye(m), a.T.contiguous())
        for a, b in zip(rho_in, rho_out, strict=True)
    ]
    return torch.cat(parts)


# %% name="check-constraint" role="check" points=2
draw = generator("constraint")
a, b = torch.randn(3, 4, 4, generator=draw), torch.randn(3, 2, 2, generator=draw)
Q = torch.randn(2, 4, generator=draw)
A = constraint(a, b)
assert A.shape == (24, 8), f"3 elements, m n = 8: the shape is (24, 8), not {tuple(A.shape)}"
for i in range(3):
    torch.testing.assert_close(
        A[8 * i : 8 * i + 8] @ Q.flatten(),
        (b[i] @ Q - Q @ a[i]).flatten(),
        msg=lambda m, i=i: f"Element {i}: A q should be the entries of b Q - Q a.\n{m}",
    )
show("the demand for three elements", A @ Q.flatten())


# %% name="constraint-inverse" role="decoy" replaces="constraint" fails=["check-constraint"]
def constraint(rho_in, rho_out):
    n, m = rho_in.shape[-1], rho_out.shape[-1]
    parts = [
        torch.kron(b, torch.eye(n)) - torch.kron(torch.eye(m), torch.linalg.inv(a).T.contiguous())
        for a, b in zip(rho_in, rho_out, strict=True)
    ]
    return torch.cat(parts)


# %% name="constraint-untransposed" role="decoy" replaces="constraint" fails=["check-constraint"]
def constraint(rho_in, rho_out):
    n, m = rho_in.shape[-1], rho_out.shape[-1]
    parts = [
        torch.kron(b, torch.eye(n)) - torch.kron(torch.eye(m), a)
        for a, b in zip(rho_in, rho_out, strict=True)
    ]
    return torch.cat(parts)


# %% name="constraint-columns" role="decoy" replaces="constraint" fails=["check-constraint"]
def constraint(rho_in, rho_out):
    n, m = rho_in.shape[-1], rho_out.shape[-1]
    parts = [
        torch.kron(torch.eye(n), b) - torch.kron(a.T.contiguous(), torch.eye(m))
        for a, b in zip(rho_in, rho_out, strict=True)
    ]
    return torch.cat(parts)


# %% name="constraint-one-generator" role="decoy" replaces="constraint" fails=["check-constraint"]
def constraint(rho_in, rho_out):
    n, m = rho_in.shape[-1], rho_out.shape[-1]
    return torch.kron(rho_out[0], torch.eye(n)) - torch.kron(torch.eye(m), rho_in[0].T.contiguous())


# %% [markdown]
# Now solve any such system. `null_space(A)` returns orthonormal rows that span all $q$ with $A q = 0$. Take care of systems with fewer equations than unknowns, and of numbers such as 1e-16 that should be zero.
#
# <details><summary>Hint 1</summary><code>torch.linalg.svd(A)</code> returns U, S, Vh. The rows of Vh that belong to singular value zero are what you want.</details>
#
# <details><summary>Hint 2</summary>With c unknowns, the full Vh has c rows, but S has only as many numbers as the smaller side of A. Rows without a singular value count as zero.</details>
#
# <details><summary>Hint 3</summary>The rank is the number of singular values above 1e-9 times the largest. The answer is Vh[rank:].</details>


# %% name="null-space" role="answer" section="Make it a matrix"
def null_space(A):
    """Orthonormal rows (d, c) that span what A (r, c) takes to zero."""
    # solution: the last rows of the full Vh
    _, S, Vh = torch.linalg.svd(A, full_matrices=True)
    rank = int((S / S.max() > 1e-9).sum())
    return Vh[rank:]


# %% name="check-null-space" role="check" points=2
draw = generator("null-space")
tall = torch.randn(12, 3, generator=draw) @ torch.randn(3, 5, generator=draw)  # rank 3
wide = torch.randn(2, 4, generator=draw)
for name, A, d in (("tall, rank 3", tall, 2), ("wide", wide, 2)):
    V = null_space(A)
    assert V.shape == (d, A.shape[1]), (
        f"{name}: {tuple(A.shape)} leaves {d} dimensions; yours has shape {tuple(V.shape)}"
    )
    torch.testing.assert_close(
        V @ V.T, torch.eye(d), msg=lambda m, name=name: f"{name}: rows not orthonormal.\n{m}"
    )
    show(f"projector, {name}", V.T @ V)


# %% name="null-space-exact" role="decoy" replaces="null-space" fails=["check-null-space"]
def null_space(A):
    _, S, Vh = torch.linalg.svd(A, full_matrices=False)
    return Vh[S == 0]


# %% name="null-space-thin" role="decoy" replaces="null-space" fails=["check-null-space"]
def null_space(A):
    _, S, Vh = torch.linalg.svd(A, full_matrices=False)
    return Vh[S / S.max() < 1e-9]


# %% name="null-space-left" role="decoy" replaces="null-space" fails=["check-null-space"]
def null_space(A):
    U, S, _ = torch.linalg.svd(A, full_matrices=True)
    rank = int((S / S.max() > 1e-9).sum())
    return U.T[rank:]


# %% [markdown] role="discussion"
# With the inverse on the wrong side, $\rho_{out}(g)\,Q = Q\,\rho_{in}(g)^{-1}$, the number of solutions is often right: for turns of the plane it is the same. Only the outputs tell. With one generator in place of all, there are too many solutions, and each of them obeys the part of the law that was asked. Both errors are silent, so measure each layer against elements that you did not use to build it.

# %% [markdown]
# ## 2. Count the weights of any layer
#
# How many weights has the most general linear layer between two representations of a finite group? Do not solve anything: use the traces of the matrices of *all* elements. `character(rho)` gives them, one number for each element.
#
# <details><summary>Hint 1</summary>The trace of a projection is the dimension that it projects onto. Which projection makes any matrix equivariant?</details>
#
# <details><summary>Hint 2</summary>The trace of Q -> rho_out(g) Q rho_in(g)^-1 is trace(rho_out(g)) times trace(rho_in(g)^-1), and for real representations of a finite group the trace of the inverse is the trace.</details>
#
# <details><summary>Hint 3</summary>The mean over g of the product of the two traces, rounded to a whole number.</details>


# %% name="count-weights" role="answer" section="Count before you solve"
def count_weights(rho_in, rho_out):
    """Dimension of the equivariant maps between (g, n, n) and (g, m, m): an int."""
    # solution: the mean product of characters
    return round((character(rho_in) * character(rho_out)).mean().item())


# %% name="check-count" role="check" points=2
groups = choose(
    "count", 4, [cyclic(3), cyclic(4), cyclic(6), dihedral(3), dihedral(4), symmetric(4)]
)
answers = {}
for group in groups:
    times = torch.randint(1, 4, (2,), generator=generator(group.name)).tolist()
    rho_in = direct_sum(*[regular(group)] * times[0], trivial(group, 2))
    rho_out = direct_sum(trivial(group, times[1]), regular(group))
    answers[group.name] = count_weights(rho_in, rho_out)
    if group.order <= 8:
        found = len(intertwiner_basis(rho_in, rho_out))
        assert answers[group.name] == found, (
            f"{group.name}: the null space has {found} solutions, and you count "
            f"{answers[group.name]}. Did you average over all {group.order} elements?"
        )
show("weights", answers)


# %% name="count-dense" role="decoy" replaces="count-weights" fails=["check-count"]
def count_weights(rho_in, rho_out):
    return rho_in.shape[-1] * rho_out.shape[-1]


# %% name="count-summed" role="decoy" replaces="count-weights" fails=["check-count"]
def count_weights(rho_in, rho_out):
    return round((character(rho_in) * character(rho_out)).sum().item())


# %% name="count-one-generator" role="decoy" replaces="count-weights" fails=["check-count"]
def count_weights(rho_in, rho_out):
    return round((character(rho_in) * character(rho_out))[:2].mean().item())


# %% [markdown]
# Now for the rotations and reflections of space. There are infinitely many, but features are given as sums of irreps: `8x0e + 2x1o` is eight scalars and two vectors; `e` and `o` say whether inversion keeps or flips. Two irreps with different degree or parity have no map between them, and one irrep has the multiples of the identity. `for mul, irrep in Irreps("8x0e + 2x1o")` gives copies and irrep; an irrep has `.l`, `.p` and `.dim`, and can be compared with `==`.
#
# <details><summary>Hint 1</summary>A layer from 8 scalars to 3 scalars has 24 weights. From 2 vectors to 5 vectors: 10. How many from scalars to vectors?</details>
#
# <details><summary>Hint 2</summary>An irrep may occur in two places of one layout, as in 2x0e + 1o + 3x0e. All its copies count.</details>
#
# <details><summary>Hint 3</summary>Two loops, over the input's pairs and the output's pairs. Add the product of the copies where the irreps are equal.</details>


# %% name="count-layer" role="answer" section="Count before you solve"
def count_layer(irreps_in, irreps_out):
    """Weights of the most general O(3)-equivariant linear layer, without bias: an int."""
    # solution: equal irreps meet, copies multiply
    return sum(
        mul_in * mul_out
        for mul_in, irrep_in in Irreps(irreps_in)
        for mul_out, irrep_out in Irreps(irreps_out)
        if irrep_in == irrep_out
    )


# %% name="check-layer" role="check" points=2
assert count_layer("8x0e", "3x0e") == 24, "8 scalars to 3 scalars: each to each, 24 weights"
assert count_layer("1o", "0e") == 0, "a linear map from a vector to a scalar names a direction"
assert count_layer("0o", "0e") == 0, "0o flips under inversion and 0e does not: no linear map"
assert count_layer("1o", "1o") == 1, "a multiple of the identity is one weight, not nine"
draw = generator("layer")
counts = []
for _ in range(5):
    n = torch.randint(1, 9, (10,), generator=draw).tolist()
    first = f"{n[0]}x0e + {n[1]}x0o + {n[2]}x1o + {n[3]}x1e + {n[4]}x2e"
    second = f"{n[5]}x0e + {n[6]}x1o + {n[7]}x2e + {n[8]}x0e + {n[9]}x2o"
    counts.append(count_layer(first, second))
show("weights of five layers", counts)


# %% name="layer-parity" role="decoy" replaces="count-layer" fails=["check-layer"]
def count_layer(irreps_in, irreps_out):
    return sum(a * b for a, x in Irreps(irreps_in) for b, y in Irreps(irreps_out) if x.l == y.l)


# %% name="layer-components" role="decoy" replaces="count-layer" fails=["check-layer"]
def count_layer(irreps_in, irreps_out):
    return sum(
        a * b * x.dim**2 for a, x in Irreps(irreps_in) for b, y in Irreps(irreps_out) if x == y
    )


# %% name="layer-first-copy" role="decoy" replaces="count-layer" fails=["check-layer"]
def count_layer(irreps_in, irreps_out):
    out = {}
    for mul, irrep in Irreps(irreps_out):
        out.setdefault(irrep, mul)
    return sum(mul * out.get(irrep, 0) for mul, irrep in Irreps(irreps_in))


# %% [markdown] role="discussion"
# The mean over all elements is what makes the formula right; the mean over generators is something else, since averaging over a subset is no projection. For solving, generators are enough, for counting by traces you need all.
#
# Parity is where weights go missing in practice: a layer from `0o` to `0e` has none, and a network that needs one has to square the pseudoscalar first.

# %% [markdown]
# ## 3. Decompose a representation
#
# Given all matrices of a representation and the characters of all irreps of the group (`table[i, g]`: irrep i, element g), say how often each irrep occurs. The irreps are irreducible *over the real numbers*, so for some of them the mean of $\chi^2$ is 1 and for others 2: a rotating plane, which can be split only with complex numbers, has 2.
#
# <details><summary>Hint 1</summary>The number of intertwiners from the irrep to rho is the mean of the product of characters. How many does one copy of the irrep contribute?</details>
#
# <details><summary>Hint 2</summary>One copy contributes as many as the irrep has with itself: the mean of its own squared character.</details>
#
# <details><summary>Hint 3</summary><code>(chi * table).mean(dim=1) / (table ** 2).mean(dim=1)</code>, rounded, where chi is the character of rho.</details>


# %% name="multiplicities" role="answer" section="Schur's lemma"
def multiplicities(rho, table):
    """How often each irrep, with characters `table` (c, g), is in rho (g, d, d): c ints."""
    # solution: intertwiners with rho, over intertwiners with itself
    counts = (character(rho) * table).mean(dim=1) / (table**2).mean(dim=1)
    return [round(n) for n in counts.tolist()]


# %%
def scrambled(label, group, copies):
    """A representation with so many copies of each irrep, in a random basis."""
    irreps = irreps_of(group)
    parts = [irrep for n, irrep in zip(copies, irreps, strict=True) for _ in range(n)]
    rho = direct_sum(*parts)
    B = torch.linalg.qr(torch.randn(rho.shape[1:], generator=generator(label)))[0]
    return B @ rho @ B.mT, torch.stack([character(irrep) for irrep in irreps])


# %% name="check-multiplicities" role="check" points=2
for group in choose("multiplicities", 3, [cyclic(5), cyclic(6), dihedral(4), dihedral(5)]):
    n = len(irreps_of(group))
    copies = torch.randint(0, 4, (n,), generator=generator(group.name + "copies")).tolist()
    copies[-1] += 1  # the last irrep, of size 2, is always there
    rho, table = scrambled(group.name, group, copies)
    found = multiplicities(rho, table)
    assert list(found) == copies, f"{group.name}: made of {copies} copies, you find {found}"
    show(f"irreps of {group.name}", found)


# %% name="multiplicities-unnormalized" role="decoy" replaces="multiplicities" fails=["check-multiplicities"]
def multiplicities(rho, table):
    return [round(n) for n in (character(rho) * table).mean(dim=1).tolist()]


# %% name="multiplicities-summed" role="decoy" replaces="multiplicities" fails=["check-multiplicities"]
def multiplicities(rho, table):
    return [round(n) for n in (character(rho) * table).sum(dim=1).tolist()]


# %% name="multiplicities-dimension" role="decoy" replaces="multiplicities" fails=["check-multiplicities"]
def multiplicities(rho, table):
    counts = (character(rho) * table).mean(dim=1) / table[:, 0]
    return [round(n) for n in counts.tolist()]


# %% [markdown]
# Where in the space do these copies live? The projector onto all copies of one irrep is an average too. With $d$ the size of the irrep, $\chi$ its character, and $c$ the mean of $\chi^2$,
#
# $$P = \frac{d}{c}\, \frac{1}{|G|} \sum_g \chi(g)\, \rho(g).$$
#
# (It means: weigh each element by how the irrep would have moved. What moves in step adds up, all else averages out.)
#
# <details><summary>Hint 1</summary>The identity's character is the trace of a unit matrix: chi[0] is d, since the identity comes first.</details>
#
# <details><summary>Hint 2</summary><code>torch.einsum("g,gij->ij", chi, rho)</code> is the sum.</details>
#
# <details><summary>Hint 3</summary>Divide the sum by the number of elements, and multiply by chi[0] over the mean of chi squared. Then P @ P should be P.</details>


# %% name="projector" role="answer" section="Schur's lemma"
def projector(rho, chi):
    """Onto all copies in rho (g, d, d) of the irrep with character chi (g,); identity first."""
    # solution: an average of rho, weighed by the character
    mean = torch.einsum("g,gij->ij", chi, rho) / len(rho)
    return chi[0] / (chi**2).mean() * mean


# %% name="check-projector" role="check" points=2
for group in choose("turns", 1, [cyclic(3), cyclic(5)]) + choose(
    "mirrors", 1, [dihedral(3), dihedral(5)]
):
    copies = [1] * len(irreps_of(group))
    rho, table = scrambled(group.name + "P", group, copies)
    P = [projector(rho, chi) for chi in table]
    for i, p in enumerate(P):
        torch.testing.assert_close(
            p @ p, p, msg=lambda m, i=i, group=group: f"{group.name}, irrep {i}: P P is not P.\n{m}"
        )
    torch.testing.assert_close(
        sum(P), torch.eye(len(P[0])), msg=lambda m: f"All parts together are the whole space.\n{m}"
    )
    show(f"onto the last irrep of {group.name}", P[-1])


# %% name="projector-average" role="decoy" replaces="projector" fails=["check-projector"]
def projector(rho, chi):
    return torch.einsum("g,gij->ij", chi, rho) / len(rho)


# %% name="projector-invariant" role="decoy" replaces="projector" fails=["check-projector"]
def projector(rho, chi):
    return rho.mean(dim=0)


# %% name="projector-complex" role="decoy" replaces="projector" fails=["check-projector"]
def projector(rho, chi):
    return chi[0] * torch.einsum("g,gij->ij", chi, rho) / len(rho)


# %% [markdown] role="discussion"
# Textbooks work over the complex numbers, where Schur's lemma leaves one number and the mean of $|\chi|^2$ is 1 for each irrep. Over the real numbers it may be 2 (or 4): a turn of the plane by 72 degrees commutes with each other turn, so an irrep of the cyclic group of five has two intertwiners with itself. Forget it, and you count each rotating plane twice.

# %% [markdown]
# ## 4. Neumann's principle
#
# A tensor property of a crystal is fixed by each element of the crystal's group. Find an orthonormal basis of all tensors of a given rank that are, from the generators alone. Indices may be symmetric: `symmetric` lists permutations of the indices that must change nothing, such as `(0, 2, 1)` for $e_{ijk} = e_{ikj}$.
#
# Guess first: which of the two is piezoelectric, diamond (class $O_h$) or zinc blende ($T_d$), which is diamond with two kinds of atoms?
#
# <details><summary>Hint 1</summary>A tensor of rank 2, written as 9 numbers, turns by kron(R, R). One of rank 3 by kron(kron(R, R), R). <code>tensor_product</code> does it for a stack of matrices.</details>
#
# <details><summary>Hint 2</summary>A permutation of indices is a matrix too: <code>torch.eye(3**rank)[places]</code> with <code>places = torch.arange(3**rank).reshape((3,) * rank).permute(*p).flatten()</code>.</details>
#
# <details><summary>Hint 3</summary>Stack both kinds of matrices and ask <code>intertwiner_basis</code> for the maps from the trivial representation, <code>torch.ones(k, 1, 1)</code>, with k the number of all matrices. It returns (d, 3**rank, 1): drop the last axis.</details>


# %% name="constants" role="answer" section="What a crystal may do"
def constants(generators, rank, symmetric=()):
    """Orthonormal basis (d, 3**rank) of the tensors that generators (k, 3, 3) leave alone."""
    # solution: the group's matrices and the swaps of indices, from the trivial representation
    rho = generators
    for _ in range(rank - 1):
        rho = tensor_product(rho, generators)
    places = torch.arange(3**rank).reshape((3,) * rank)
    swaps = [torch.eye(3**rank)[places.permute(*p).flatten()][None] for p in symmetric]
    system = torch.cat([rho, *swaps])
    return intertwiner_basis(torch.ones(len(system), 1, 1), system).squeeze(-1)


# %% name="check-piezo" role="check" points=2
diamond, blende = crystal_class("Oh").generators, crystal_class("Td").generators
assert len(constants(diamond, 3, [(0, 2, 1)])) == 0, (
    "inversion turns a tensor of rank 3 into minus itself, so diamond has none. "
    "Did you keep the reflections as they are?"
)
assert len(constants(blende, 3, [(0, 2, 1)])) == 1, "zinc blende has one: xyz and its permutations"
names = ["Cs", *choose("piezo", 7, CRYSTAL_CLASSES)]
show(
    "piezoelectric constants",
    {name: len(constants(crystal_class(name).generators, 3, [(0, 2, 1)])) for name in names},
)
name = choose("piezo tensor", 1, ["C2v", "C4", "D3", "C3v", "Td"])[0]
V = constants(crystal_class(name).generators, 3, [(0, 2, 1)])
T = torch.randn(27, generator=generator("piezo T"))
show(f"the part of a random tensor that {name} allows", (V.T @ (V @ T)).reshape(3, 9))

# %% name="check-elastic" role="check" points=2
elastic = [(1, 0, 2, 3), (2, 3, 0, 1)]
assert len(constants(diamond, 4, elastic)) == 3, "a cubic crystal has 3 elastic constants"
names = choose("elastic", 5, CRYSTAL_CLASSES)
for name in names:
    crystal = crystal_class(name)
    V = constants(crystal.generators, 4, elastic)
    T = V.reshape(-1, 3, 3, 3, 3)
    for R in crystal.matrices[:8]:
        turned = torch.einsum("ia,jb,kc,ld,nabcd->nijkl", R, R, R, R, T)
        assert (turned - T).norm() < 1e-8, f"{name}: a tensor of yours moves under {R.tolist()}"
show(
    "elastic constants",
    {name: len(constants(crystal_class(name).generators, 4, elastic)) for name in names},
)
name = choose("elastic tensor", 1, ["C4", "D3", "D6h", "Oh"])[0]
V = constants(crystal_class(name).generators, 4, elastic)
T = torch.randn(81, generator=generator("elastic T"))
show(f"the part of a random tensor that {name} allows", (V.T @ (V @ T)).reshape(9, 9))


# %% name="constants-no-inversion" role="decoy" replaces="constants" fails=["check-piezo"]
def constants(generators, rank, symmetric=()):
    generators = torch.linalg.det(generators)[:, None, None] * generators  # rotations only
    rho = generators
    for _ in range(rank - 1):
        rho = tensor_product(rho, generators)
    places = torch.arange(3**rank).reshape((3,) * rank)
    swaps = [torch.eye(3**rank)[places.permute(*p).flatten()][None] for p in symmetric]
    system = torch.cat([rho, *swaps])
    return intertwiner_basis(torch.ones(len(system), 1, 1), system).squeeze(-1)


# %% name="constants-one-generator" role="decoy" replaces="constants" fails=["check-piezo", "check-elastic"]
def constants(generators, rank, symmetric=()):
    generators = generators[:1]
    rho = generators
    for _ in range(rank - 1):
        rho = tensor_product(rho, generators)
    places = torch.arange(3**rank).reshape((3,) * rank)
    swaps = [torch.eye(3**rank)[places.permute(*p).flatten()][None] for p in symmetric]
    system = torch.cat([rho, *swaps])
    return intertwiner_basis(torch.ones(len(system), 1, 1), system).squeeze(-1)


# %% name="constants-indices" role="decoy" replaces="constants" fails=["check-piezo", "check-elastic"]
def constants(generators, rank, symmetric=()):
    rho = generators
    for _ in range(rank - 1):
        rho = tensor_product(rho, generators)
    return intertwiner_basis(torch.ones(len(rho), 1, 1), rho).squeeze(-1)


# %% [markdown] role="discussion"
# A tensor of even rank does not notice inversion, so the elastic constants of a class are those of the class with inversion added: 32 classes, but only 9 patterns. That is why the decoy that drops all reflections still passes the elastic check. For odd rank inversion forbids everything. 21 classes have no inversion, and 20 of them are piezoelectric: the exception is 432 ($O$), where the rotations alone are enough to forbid it.

# %% [markdown]
# ## 5. Normal modes of water
#
# A molecule of $n$ atoms has $3n$ displacements. An element $g$ of its symmetry group takes atom $i$ to the place of atom `permutations[g, i]`, and turns the arrow at it by `matrices[g]`. Write the $3n \times 3n$ matrices, in the order atom 0 x, y, z, atom 1 x, y, z, and so on.
#
# <details><summary>Hint 1</summary>The arrow that was at atom i is found, turned, at atom permutations[g, i].</details>
#
# <details><summary>Hint 2</summary><code>permutation_representation(permutations)</code> has the matrices that move atoms. Which index runs slower in the order above, the atom or x, y, z?</details>
#
# <details><summary>Hint 3</summary><code>tensor_product(permutation_representation(permutations), matrices)</code>.</details>


# %% name="displacements" role="answer" section="How water vibrates"
def displacements(matrices, permutations):
    """(g, 3, 3) and (g, n) to the representation (g, 3n, 3n) on displacements."""
    # solution: move the atoms, turn the arrows
    return tensor_product(permutation_representation(permutations), matrices)


# %%
def molecule(name):
    return next(m for m in small_molecules() if m.name == name)


# %% name="check-displacements" role="check" points=2
ammonia = molecule("NH3")  # with a threefold axis
found = stabilizer(ammonia.positions, ammonia.symbols)
rho = displacements(found.matrices, found.permutations)
x = (ammonia.positions - found.center).flatten()
for g, name in enumerate(found.group.labels):
    torch.testing.assert_close(
        rho[g] @ x,
        x,
        atol=1e-4,
        rtol=0,
        msg=lambda m, name=name: f"{name} takes the molecule to itself, so positions stay.\n{m}",
    )
shift = torch.randn(12, generator=generator("displacements"))
show("displacements of ammonia, moved by all elements", rho @ shift)


# %% name="displacements-inverse" role="decoy" replaces="displacements" fails=["check-displacements"]
def displacements(matrices, permutations):
    return tensor_product(permutation_representation(permutations).mT, matrices)


# %% name="displacements-order" role="decoy" replaces="displacements" fails=["check-displacements"]
def displacements(matrices, permutations):
    return tensor_product(matrices, permutation_representation(permutations))


# %% name="displacements-still" role="decoy" replaces="displacements" fails=["check-displacements"]
def displacements(matrices, permutations):
    n = permutations.shape[1]
    return tensor_product(torch.eye(n).expand(len(matrices), n, n), matrices)


# %% [markdown]
# Which irreps are the vibrations? Take from the character of all displacements that of moving as a whole and that of turning as a whole. A shift turns like an arrow. An infinitesimal rotation is a pseudovector: a mirror treats it as an arrow, times $-1$. You do not need your code from above: the trace of the displacement representation is (atoms that stay in place) times (trace of the matrix).
#
# Return the character of the vibrations alone, one number for each element.
#
# <details><summary>Hint 1</summary>An atom that moves to another place contributes nothing to the diagonal of the big matrix.</details>
#
# <details><summary>Hint 2</summary><code>(permutations == torch.arange(n)).sum(dim=1)</code> counts the atoms that stay.</details>
#
# <details><summary>Hint 3</summary>With t the traces and d the determinants of the matrices: stay * t - t - d * t.</details>


# %% name="vibrations" role="answer" section="How water vibrates"
def vibrations(matrices, permutations):
    """The character (g,) of the vibrations of a molecule that is not on a line."""
    # solution: all displacements, less shifts (arrows) and rotations (pseudovectors)
    traces, signs = character(matrices), torch.linalg.det(matrices)
    stay = (permutations == torch.arange(permutations.shape[1])).sum(dim=1)
    return stay * traces - traces - signs * traces


# %%
C2V = torch.tensor([[1.0, 1, 1, 1], [1, 1, -1, -1], [1, -1, -1, 1], [1, -1, 1, -1]])
NAMES = ("A1", "A2", "B1", "B2")  # for the elements E, C2, mirror of the plane, other mirror

# %% name="check-vibrations" role="check" points=3
water = molecule("H2O")
found = stabilizer(water.positions, water.symbols)
chi = vibrations(found.matrices, found.permutations)
assert round(chi[0].item()) == 3, f"water has 9 - 6 = 3 vibrations; your character says {chi[0]:g}"
counts = dict(zip(NAMES, (C2V @ chi / 4).round().int().tolist(), strict=True))
assert counts == {"A1": 2, "A2": 0, "B1": 0, "B2": 1}, (
    f"water's vibrations are 2 A1 + B2; you find {counts}. Under a mirror an arrow in the plane "
    "stays and a rotation about it flips: did you tell them apart?"
)
names = choose(
    "vibrations", 5, ["H2O", "NH3", "CH4", "SH2", "C2H4", "H2CO", "C2H6", "C6H6", "CH3Cl"]
)
show(
    "characters of vibrations",
    {
        name: vibrations(found.matrices, found.permutations)
        for name in names
        for found in [stabilizer(molecule(name).positions, molecule(name).symbols, 0.02)]
    },
)


# %% name="vibrations-all" role="decoy" replaces="vibrations" fails=["check-vibrations"]
def vibrations(matrices, permutations):
    stay = (permutations == torch.arange(permutations.shape[1])).sum(dim=1)
    return stay * character(matrices)


# %% name="vibrations-arrows" role="decoy" replaces="vibrations" fails=["check-vibrations"]
def vibrations(matrices, permutations):
    traces = character(matrices)
    stay = (permutations == torch.arange(permutations.shape[1])).sum(dim=1)
    return stay * traces - 2 * traces


# %% name="vibrations-no-rotations" role="decoy" replaces="vibrations" fails=["check-vibrations"]
def vibrations(matrices, permutations):
    traces = character(matrices)
    stay = (permutations == torch.arange(permutations.shape[1])).sum(dim=1)
    return stay * traces - traces


# %% [markdown] role="discussion"
# Water: $9 = 3A_1 + A_2 + 2B_1 + 3B_2$. Shifts are $A_1 + B_1 + B_2$, rotations $A_2 + B_1 + B_2$, and $2A_1 + B_2$ is left: bend and symmetric stretch, which keep the full symmetry, and the asymmetric stretch. The decoy that takes rotations for arrows finds $A_1 + A_2 + B_2$, a motion $A_2$ that a flat molecule of three atoms cannot make, and is caught by no count: it also has three vibrations. In ammonia $3A_1 + A_2 + 4E$ loses $A_1 + E$ and $A_2 + E$ and keeps $2A_1 + 2E$: six vibrations, but only four frequencies.
