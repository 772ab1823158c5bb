"""Channels last, whatever Keras's global configuration says."""

import contextlib

import keras


@contextlib.contextmanager
def channels_last():
    """Within it, layers that are not told where the channels are have them last, as mmzoo has.

    For networks that take no `data_format`; layers that do are given it.

    Example:

    >>> import keras
    >>> with channels_last():
    ...     keras.layers.Conv2D(4, 3).data_format
    'channels_last'
    """
    configured = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_image_data_format(configured)
