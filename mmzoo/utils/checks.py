"""Checks of arguments and of files' format versions."""

import numbers


def check_positive_integers(argument, *values):
    """Raises a `ValueError` unless all values are positive integers."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
            raise ValueError(f"`{argument}` takes positive integers; received: {value!r}.")


def check_format_version(path, version, newest, oldest=None):
    """Raises a `ValueError` unless a file has a format version that this mmzoo reads.

    Args:
        path: the file, for the message.
        version: its version.
        newest: the newest that can be read.
        oldest: the oldest; `None`: the newest alone.
    """
    oldest = newest if oldest is None else oldest
    if version not in range(oldest, newest + 1):
        known = newest if oldest == newest else f"{oldest} to {newest}"
        raise ValueError(
            f"{path} has the format version {version}; this mmzoo reads {known}. Use the mmzoo "
            "that wrote it, or a newer one."
        )
