"""What messages call a row, by its position; objects that can be pickled, unlike functions."""

import dataclasses
from collections.abc import Callable, Sequence


@dataclasses.dataclass(frozen=True)
class RowNames:
    """Names of rows that are counted.

    Args:
        before: what stands before the number.
        first: number of the first row.

    Example:

    >>> RowNames("rows.csv, row ", 2)(0)
    'rows.csv, row 2'
    """

    before: str = "row "
    first: int = 0

    def __call__(self, row):
        return f"{self.before}{row + self.first}"


@dataclasses.dataclass(frozen=True)
class ListedRowNames:
    """Names of rows that have a name or a number each.

    Args:
        names: one a row.
        before: what stands before it.
    """

    names: Sequence
    before: str = ""

    def __call__(self, row):
        return f"{self.before}{self.names[row]}"


@dataclasses.dataclass(frozen=True)
class TakenRowNames:
    """Names of some rows of others.

    Args:
        describe: function from a position among the others to a name.
        rows: the positions.
    """

    describe: Callable
    rows: Sequence

    def __call__(self, row):
        return self.describe(self.rows[row])
