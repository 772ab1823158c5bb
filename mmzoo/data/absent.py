"""What counts as an absent value."""

import numpy as np


def is_absent(value):
    """Whether a raw value is an absent one: `None`, `""`, `b""`, NaN, or nothing but such.

    Example:

    >>> [is_absent(value) for value in (None, "", b"", float("nan"), "a", 0)]
    [True, True, True, True, False, False]
    >>> [is_absent(value) for value in ([], {"price": None}, {"price": 3})]
    [True, True, False]
    """
    if value is None:
        return True
    if isinstance(value, dict):
        return all(map(is_absent, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(is_absent, value))
    if isinstance(value, (str, bytes)):
        return len(value) == 0
    if isinstance(value, (float, np.floating)):
        return bool(np.isnan(value))
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return bool(np.isnan(value).all())
    return type(value).__name__ == "NAType"  # pandas.NA, without importing pandas
