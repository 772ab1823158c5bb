"""Checks of arguments and of files' format versions."""

import numbers


def check_positive_integers(argument, *values):
    """Raises a `ValueError` unless all values are positive integers."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
            raise ValueError(f"`{argument}` takes positive integers; received: {value!r}.")


def check_format_version(path, version, known):
    """Raises a `ValueError` unless a file has the format version that this mmzoo reads.

    Args:
        path: the file, for the message.
        version: its version.
        known: the one that can be read.
    """
    if version != known:
        raise ValueError(
            f"{path} has the format version {version}; this mmzoo reads {known}. Use the mmzoo "
            "that wrote it, or a newer one."
        )
