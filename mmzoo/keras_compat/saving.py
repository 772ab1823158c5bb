"""Whether Keras loads a file just now, and may run code from it; what a file holds only once."""

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


def mark_as_shared(thing, config):
    """Says in a config that others may hold the same object, while a file is being written.

    Keras does so by itself, but where a config is put into another one it marks a copy. Anywhere
    else, as in `keras.models.clone_model`, nothing is marked, and each copy is its own.

    Args:
        thing: the object, which was serialised just before.
        config: what `keras.saving.serialize_keras_object` returned for it; is changed.
    """
    serialization_lib.record_object_after_serialization(thing, config)


def keeping_shared_objects():
    """A context in which a config made, and what is then made of it, share what was shared.

    As when a model is written and loaded; for `type(model).from_config(model.get_config())`.

    Returns:
        A context manager.
    """
    return serialization_lib.ObjectSharingScope()
