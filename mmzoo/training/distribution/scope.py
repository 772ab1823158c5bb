"""scope(): one model on all devices of a machine, or of several."""

import contextlib

import keras

from mmzoo.training.distribution.hosts import connected_hosts
from mmzoo.training.distribution.layout_map import WhereItDivides, layout_map


@contextlib.contextmanager
def scope(devices=None, *, hosts=None, host_index=None, model_parallel=1):
    """A context to build, compile and fit a model in, so that it trains on several devices.

    Every device has a copy of the weights and takes its share of each batch; the gradients are
    those of the whole batch. On TensorFlow, BatchNorm's statistics are those of a device's share.
    With one device nothing changes.

    On TensorFlow this is `tf.distribute.MirroredStrategy`, under which Keras leaves XLA off; on JAX
    `keras.distribution`, which compiles. Several hosts, and several devices for one copy of the
    weights, are for JAX (`KERAS_BACKEND=jax`): start the same program on every host, and
    `mmzoo.training.fit` has each read its own share of the rows. See `docs/scaling.md`.

    Args:
        devices: list of names, such as `["GPU:0", "GPU:1"]`; `None`: all accelerators of all hosts,
            or, where there are none, the CPUs' logical devices.
        hosts: addresses with ports, the same on all hosts: `"host0:1234,host1:1234"`, or a list.
            The hosts meet at the first one. `"cluster"`: those that Slurm, Open MPI, Kubernetes or
            Cloud TPU started, which JAX finds by itself. `None`: those in the environment variable
            `KERAS_DISTRIBUTION_JOB_ADDRESSES`, or else this one alone.
        host_index: which of them this is, from 0; `None`: `KERAS_DISTRIBUTION_PROCESS_ID`.
        model_parallel: number of devices that share one copy of the weights, for models that do
            not fit on one; see `mmzoo.training.layout_map`.

    Yields:
        Nothing. Hosts begin when all are there, and leave when all are done.

    Raises:
        NotImplementedError: on another backend of Keras, and for what only JAX can do.
        ValueError: for impossible hosts or numbers of devices.
        mmzoo.training.HostLostError: when another host stops.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> with scope():
    ...     model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    """
    with connected_hosts(hosts, host_index), _devices_scope(devices, model_parallel):
        yield


def _devices_scope(devices, model_parallel):
    backend = keras.backend.backend()
    if backend == "jax":
        _leave_accelerators_to_jax()
        devices = devices or keras.distribution.list_devices()
        if len(devices) == 1 and model_parallel == 1:
            return contextlib.nullcontext()
        # Each host reads its own rows: see `mmzoo.training.fit`.
        own = {"auto_shard_dataset": False}
        if model_parallel == 1:
            return keras.distribution.DataParallel(devices=devices, **own).scope()
        layouts = layout_map(devices, model_parallel)
        return WhereItDivides(layout_map=layouts, batch_dim_name="batch", **own).scope()
    if backend != "tensorflow":
        raise NotImplementedError(f"`scope` is for TensorFlow and JAX, not for {backend}.")
    if model_parallel != 1:
        raise NotImplementedError(
            "`model_parallel` is for JAX: set the environment variable KERAS_BACKEND=jax."
        )
    import tensorflow as tf

    if devices is None:
        kinds = (tf.config.list_logical_devices(kind) for kind in ("GPU", "CPU"))
        devices = [device.name for device in next(kind for kind in kinds if kind)]
    if len(devices) == 1:
        return contextlib.nullcontext()
    return tf.distribute.MirroredStrategy(devices).scope()


def _leave_accelerators_to_jax():
    """TensorFlow only reads rows here, but would take the memory of all GPUs."""
    with contextlib.suppress(ImportError, RuntimeError):  # not installed; has taken them already
        import tensorflow as tf

        tf.config.set_visible_devices([], "GPU")
