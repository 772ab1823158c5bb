"""branch_table(): what will be trained, and how fast."""

import dataclasses
import math

from mmzoo.training.fine_tuning.branches import branches_of, layers_with_weights
from mmzoo.training.fine_tuning.layerwise_adamw import LayerwiseAdamW

HEADINGS = ("branch", "layers", "parameters", "trainable", "learning rate")


@dataclasses.dataclass(frozen=True)
class BranchRow:
    """One line of the table.

    Args:
        branch: name of the branch.
        layers: number of its layers with weights, as `mmzoo.unfreeze(top_layers=)` counts them.
        parameters: number of its parameters.
        trainable: how many of them are trained.
        multipliers: `(lowest, highest)` multiplier of the learning rate among those, or `None`
            where none is trained.
    """

    branch: str
    layers: int
    parameters: int
    trainable: int
    multipliers: tuple | None

    def cells(self):
        """The columns as text."""
        rate = "-"
        if self.multipliers:
            rate = " to ".join(f"x {factor:.3g}" for factor in sorted(set(self.multipliers)))
        return (
            self.branch,
            f"{self.layers:,}",
            f"{self.parameters:,}",
            f"{self.trainable:,}",
            rate,
        )


@dataclasses.dataclass(frozen=True)
class BranchTable:
    """The branches of a model; prints as a table.

    Args:
        rows: tuple of `BranchRow`, one a branch.
        total: the `BranchRow` of the model, in which shared weights count once.
    """

    rows: tuple
    total: BranchRow

    def __str__(self):
        table = [HEADINGS, *(row.cells() for row in self.rows), self.total.cells()]
        widths = [max(len(line[column]) for line in table) for column in range(len(HEADINGS))]
        lines = [
            "  ".join(
                cell.rjust(width) if 0 < column < 4 else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in table
        ]
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def branch_table(model):
    """Says what training will change: branch, layers, parameters, learning-rate multiplier.

    Args:
        model: what `mmzoo.build_model` returned.

    Returns:
        A `BranchTable`; print it.

    Raises:
        ValueError: when it is not such a model.

    Example:

    >>> import mmzoo
    >>> from mmzoo.training import freeze
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="transformer")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> freeze(model, "text")
    >>> print(branch_table(model))
    branch  layers  parameters  trainable  learning rate
    ----------------------------------------------------
    text         4     398,080          0  -
    fusion       1      33,024     33,024  x 1
    head         1         257        257  x 1
    ----------------------------------------------------
    total        6     431,361     33,281  x 1
    """
    optimizer = getattr(model, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    multipliers = optimizer.multipliers if isinstance(optimizer, LayerwiseAdamW) else None
    found = branches_of(model)
    rows = tuple(_row(name, roots, multipliers) for name, roots in found.items())
    every_root = [root for roots in found.values() for root in roots]
    return BranchTable(rows, _row("total", every_root, multipliers))


def _row(name, roots, multipliers):
    weights = {id(weight): weight for root in roots for weight in root.weights}.values()
    trained = [weight for weight in weights if weight.trainable]
    factors = [multipliers(weight) if callable(multipliers) else 1.0 for weight in trained]
    return BranchRow(
        branch=name,
        layers=len(layers_with_weights(roots)),
        parameters=sum(math.prod(weight.shape) for weight in weights),
        trainable=sum(math.prod(weight.shape) for weight in trained),
        multipliers=(min(factors), max(factors)) if factors else None,
    )
