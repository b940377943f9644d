"""What an audit found: the floor, who causes it, and what to change, in words."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Audit"]


@dataclass(frozen=True, eq=False)
class Audit:
    """How much of a task no equivariant model can learn.

    All errors are means of squares over all numbers of all targets, as `mse_loss` takes them.

    Attributes:
        floor: a lower bound on the mean squared error, on these samples, of any equivariant model.
        variance: of the targets about the mean of each component.
        per_sample: (samples,), each sample's mean squared error at the floor.
        from_symmetry: (samples,), the part that its own symmetry forbids.
        from_conflicts: (samples,), the part in which it contradicts its images in the data.
        symmetric: samples whose targets are less symmetric than their inputs.
        groups: sets of samples that are one input up to the group, with targets that disagree.
        distinct: how many inputs differ by more than a group element.
        worst: the samples that cause most, largest first, ten at most.
        tolerance: how far apart inputs may be, in their unit, to count as images of each other.
        sentence: what was found and what to change.
    """

    floor: float
    variance: float
    per_sample: Tensor
    from_symmetry: Tensor
    from_conflicts: Tensor
    symmetric: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    distinct: int
    worst: tuple[int, ...]
    tolerance: float
    sentence: str

    @property
    def fraction(self) -> float:
        """The floor as a part of the variance: no equivariant model's R^2 is above 1 - fraction.

        It can exceed 1: predicting the mean, one fixed vector say, need not be equivariant.
        """
        if self.variance == 0:
            return 0.0 if self.floor == 0 else float("inf")
        return self.floor / self.variance

    @property
    def ok(self) -> bool:
        """Whether nothing was found that stands between an equivariant model and the targets."""
        return not self.symmetric and not self.groups

    def __str__(self) -> str:
        lines = [self.sentence, ""]
        lines.append(f"lower bound on the MSE  {self.floor:.4g}")
        lines.append(f"part of the variance    {self.fraction:.2%}")
        lines.append(f"samples, distinct       {len(self.per_sample)}, {self.distinct}")
        lines.append(f"symmetric, conflicting  {len(self.symmetric)}, {sum(map(len, self.groups))}")
        for i in self.worst[:5]:
            lines.append(
                f"  sample {i}: {float(self.per_sample[i]):.4g}"
                f" (own symmetry {float(self.from_symmetry[i]):.2g},"
                f" conflicts {float(self.from_conflicts[i]):.2g})"
            )
        return "\n".join(lines)
