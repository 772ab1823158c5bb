"""The columns of a table: whether one is there, and its cells."""

import collections

from mmzoo.raw.plain_value import plain_value
from mmzoo.utils.identifiers import nearest_hint


def check_columns(name, wanted, available):
    """Raises a `ValueError` unless each `wanted` column is `available`, and once.

    Args:
        name: what messages call the source.
        wanted: names; `None` among them does not count.
        available: names of the columns there are, each as often as it is there.

    Example:

    >>> check_columns("rows.csv", ["title"], ["title", "kind", "title"])
    Traceback (most recent call last):
    ValueError: rows.csv has 2 columns called 'title'. Rename them, so that it is clear which one \
is meant.
    """
    counts = collections.Counter(list(available))
    for column in wanted:
        if column is None:
            continue
        if column not in counts:
            raise ValueError(
                f"{name} has no column {column!r}; it has: {', '.join(map(str, counts))}."
                f"{nearest_hint(column, list(map(str, counts)))}"
            )
        if counts[column] > 1:
            raise ValueError(
                f"{name} has {counts[column]} columns called {column!r}. Rename them, so that it "
                "is clear which one is meant."
            )


def column_cells(column):
    """The cells of a column of a data frame as Python's own values.

    Args:
        column: `pandas.Series`.

    Returns:
        A list.
    """
    if getattr(column.dtype, "name", "") in ("float16", "float32"):
        return [plain_value(cell) for cell in column.to_numpy()]  # `to_list` shows their float64
    return column.to_list()
