"""What counts as an absent value."""

import numpy as np

#: What pandas calls a missing cell, without importing it: `pandas.NA` and `pandas.NaT`.
_PANDAS = ("NAType", "NaTType")


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
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    return type(value).__name__ in _PANDAS
