"""The cells of a table: what is a number, a category, or missing."""

import datetime
import decimal
import functools
import math
import re

import numpy as np

from mmzoo.raw.stored_bytes import StoredBytes

#: What a cell for a number may hold, in any case, where there is none.
MISSING = ("", "nan", "na", "n/a", "null", "none")

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ZONE = r"Z|[+-][0-9]{2}:?[0-9]{2}"
#: How texts of one value, which files write in several ways, become the same: pairs of a pattern
#: that the whole text matches (in the syntax that Python and RE2 share) and what it is rewritten
#: to, one behind the other. Only what a program writes of a number, a boolean or a time: "007" and
#: "3.10" stay what they are.
CANONICAL = (
    ("true|TRUE", "True"),
    ("false|FALSE", "False"),
    (r"(-?[1-9][0-9]*|0)\.0+", r"\1"),
    (r"-0\.0+", "0"),
    (rf"({_DATE})[T ]([0-9]{{2}}:[0-9]{{2}})({_ZONE})?", r"\1 \2:00\3"),
    (rf"({_DATE})T([0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}.*)", r"\1 \2"),
    (rf"({_DATE} [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}})\.0+({_ZONE})?", r"\1\2"),
    (rf"({_DATE} [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\.[0-9]*[1-9])0+({_ZONE})?", r"\1\2"),
    (rf"({_DATE} [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]+)?)Z", r"\1+00:00"),
    (rf"({_DATE}) 00:00:00", r"\1"),
)
_COMPILED = tuple((re.compile(pattern), rewritten) for pattern, rewritten in CANONICAL)
_BOOLEANS = {"true": "True", "TRUE": "True", "false": "False", "FALSE": "False"}


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
    """A cell of a column of categories: one text for a value, whatever source it came from.

    3 in Parquet, 3.0 where pandas had to make floats of integers, and "3.0" in a CSV file are the
    same category; so are `True`, "true" and "TRUE", and a date with and without midnight.

    Args:
        cell: a string, or the bytes of one in UTF-8, a number, a boolean, a date or time; `None` or
            NaN where it is missing.

    Returns:
        A string, empty where it is missing.

    Raises:
        ValueError: for bytes that are not UTF-8.
        TypeError: for a list, an array, or whatever else is not one value.

    Example:

    >>> category("red"), category(3), category(3.0), category("3.0"), category("007")
    ('red', '3', '3', '3', '007')
    >>> category(True), category("true"), category(datetime.datetime(2026, 1, 31))
    ('True', 'True', '2026-01-31')
    >>> category(None), category(float("nan"))
    ('', '')
    """
    kind = type(cell)
    if kind is str:
        return canonical_text(cell)
    if cell is None:
        return ""
    if kind is bool or kind is int:
        return str(cell)
    return canonical_text(_text(cell))


def canonical_text(text):
    """The one way in which mmzoo writes the number, boolean or time that a text is of.

    Args:
        text: any string.

    Returns:
        A string: itself for all other texts.

    Example:

    >>> canonical_text("2026-01-31T08:30:00.000Z"), canonical_text("3.10")
    ('2026-01-31 08:30:00+00:00', '3.10')
    """
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    return _rewritten(text) if text[:1] in "-0123456789" else text


@functools.lru_cache(maxsize=2**16)  # the same categories come again and again
def _rewritten(text):
    for pattern, rewritten in _COMPILED:
        match = pattern.fullmatch(text)
        if match:
            text = match.expand(rewritten)
    return text


def _text(cell):
    """A cell that is no string, as one."""
    if isinstance(cell, np.str_):
        return str(cell)
    if isinstance(cell, bytes):
        try:
            return cell.decode()
        except UnicodeDecodeError:
            raise ValueError(f"{bytes(cell)!r} is not UTF-8") from None
    if isinstance(cell, np.floating) and not isinstance(cell, float):
        return "" if np.isnan(cell) else str(cell)  # the shortest digits of float32
    if isinstance(cell, np.generic):
        if cell.dtype.kind in "mM":
            return "" if np.isnat(cell) else str(cell)
        return category(cell.item())
    if isinstance(cell, float):
        return "" if math.isnan(cell) else repr(float(cell))
    if isinstance(cell, decimal.Decimal):
        return "" if cell.is_nan() else str(cell)
    if isinstance(cell, datetime.datetime):
        return "" if cell != cell else cell.isoformat(" ")  # pandas.NaT is a datetime
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    if hasattr(cell, "numpy"):  # a tensor
        return category(np.asarray(cell.numpy())[()])
    if type(cell).__name__ == "NAType":  # pandas.NA, without importing pandas
        return ""
    has_text = (
        type(cell).__str__ is not object.__str__ or type(cell).__repr__ is not object.__repr__
    )
    if isinstance(cell, (list, tuple, set, dict, np.ndarray, StoredBytes)) or not has_text:
        raise TypeError(f"{cell!r} is not one value")
    return str(cell)
