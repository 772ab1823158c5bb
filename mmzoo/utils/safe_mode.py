"""Whether Keras loads a file just now, and may run code from it: it has no public name for that."""

import contextlib

from keras.src.saving import serialization_lib


def in_safe_mode():
    """Whether what is deserialised must not bring code.

    Returns:
        `True` or `False` as the caller of the loading function asked; `None` where nothing is
        loaded, as in `keras.models.clone_model`.
    """
    return serialization_lib.in_safe_mode()


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


def safe_mode(enabled):
    """A context in which deserialisation is in safe mode or not.

    Args:
        enabled: whether it is.

    Returns:
        A context manager.
    """
    return serialization_lib.SafeModeScope(enabled)


def trusted_in_process():
    """A context for copies that are made within a program, which may hold what code it has.

    While a file is loaded, the mode it is loaded in stays.

    Returns:
        A context manager.
    """
    return safe_mode(False) if in_safe_mode() is None else contextlib.nullcontext()
