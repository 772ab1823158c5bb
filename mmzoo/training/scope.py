"""scope(): one model on all devices of a machine."""

import contextlib

import keras


def scope(devices=None):
    """A context to build, compile and fit a model in, so that it trains on several devices.

    Every device has a copy of the weights and takes its share of each batch; the gradients are
    those of the whole batch. BatchNorm's statistics are those of a device's share. With one device
    nothing changes.

    On TensorFlow this is `tf.distribute.MirroredStrategy`, under which Keras leaves XLA off; on JAX
    `keras.distribution.DataParallel`, which compiles.

    Args:
        devices: list of names, such as `["GPU:0", "GPU:1"]`; `None`: all accelerators, or, where
            there are none, the CPU's logical devices.

    Returns:
        A context manager.

    Raises:
        NotImplementedError: on another backend of Keras.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> with scope():
    ...     model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    """
    backend = keras.backend.backend()
    if backend == "jax":
        devices = devices or keras.distribution.list_devices()
        if len(devices) == 1:
            return contextlib.nullcontext()
        return keras.distribution.DataParallel(devices=devices).scope()
    if backend != "tensorflow":
        raise NotImplementedError(f"`scope` is for TensorFlow and JAX, not for {backend}.")
    import tensorflow as tf

    if devices is None:
        kinds = (tf.config.list_logical_devices(kind) for kind in ("GPU", "CPU"))
        devices = [device.name for device in next(kind for kind in kinds if kind)]
    if len(devices) == 1:
        return contextlib.nullcontext()
    return tf.distribute.MirroredStrategy(devices).scope()
