"""What must not be loaded in safe mode, and what may be."""

import contextlib

from mmzoo.keras_compat import in_safe_mode, safe_mode


def check_code_allowed(what):
    """Raises a `ValueError` in safe mode.

    Args:
        what: the start of the message: who holds a SavedModel.
    """
    if in_safe_mode():
        raise ValueError(
            f"{what}, and a SavedModel is code: it may do anything when it runs. If you trust "
            "where the file comes from, load it with `safe_mode=False`."
        )


def check_nothing_fetched(what):
    """Raises a `ValueError` in safe mode.

    Args:
        what: the start of the message: who names a preset.
    """
    if in_safe_mode():
        raise ValueError(
            f"{what}, which would be read or downloaded, though a saved model holds its weights "
            "itself. If you trust where the file comes from, load it with `safe_mode=False`."
        )


def is_loading():
    """Whether a file is being loaded, in safe mode or not."""
    return in_safe_mode() is not None


def trusted_in_process():
    """A context for copies that are made within a program, which may hold what code it has.

    While a file is loaded, the mode it is loaded in stays.

    Returns:
        A context manager.
    """
    return safe_mode(False) if in_safe_mode() is None else contextlib.nullcontext()
