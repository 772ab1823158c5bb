"""The cells of a table: what is a number, a category, or missing."""

import math

#: What a cell for a number may hold, in any case, where there is none.
MISSING = ("", "nan", "na", "n/a", "null", "none")


def number(cell):
    """A cell of a column of numbers.

    Args:
        cell: a number, a string, or `None` where it is missing.

    Returns:
        A float, NaN where it is missing.

    Raises:
        ValueError: when it is no number, or infinite.

    Example:

    >>> number("1.5"), number(" NA "), number(None)
    (1.5, nan, nan)
    """
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING):
        return math.nan
    try:
        value = float(cell)
    except (TypeError, ValueError):
        raise ValueError(f"{cell!r} is not a number") from None
    if math.isinf(value):
        raise ValueError(f"{cell!r} is infinite")
    return value


def category(cell):
    """A cell of a column of categories.

    Args:
        cell: a string, an integer, a boolean, or `None` where it is missing. A whole float is an
            integer: pandas makes floats of integers where one is missing.

    Returns:
        A string, empty where it is missing.

    Example:

    >>> category("red"), category(3), category(3.0), category(None)
    ('red', '3', '3', '')
    """
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell)
