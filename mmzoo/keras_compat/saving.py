"""Whether Keras loads a file just now, and may run code from it."""

from keras.src.saving import serialization_lib


def in_safe_mode():
    """Whether what is deserialised must not bring code.

    Returns:
        `True` or `False` as the caller of the loading function asked; `None` where nothing is
        loaded, as in `keras.models.clone_model`.
    """
    return serialization_lib.in_safe_mode()


def safe_mode(enabled):
    """A context in which deserialisation is in safe mode or not.

    Args:
        enabled: whether it is.

    Returns:
        A context manager.
    """
    return serialization_lib.SafeModeScope(enabled)
