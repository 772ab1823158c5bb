"""Which shapes the train step of a model has been compiled for."""

import concurrent.futures
import functools
import weakref

import keras
import numpy as np

#: Shapes that are kept of a train step whose batches have no static shape.
MOST = 64


#: What the train steps of models were compiled for, beside them: Keras saves what models hold.
_LOGS = weakref.WeakKeyDictionary()


def note_compilation(model, data):
    """Remembers what a train step is compiled for; called where it begins.

    Keras, TensorFlow and JAX call `train_step` when they trace it, not when they run it: so this
    costs a step nothing. Where TensorFlow traces for batches of any shape, XLA compiles that trace
    for each shape that comes; the compiled step then notes shapes that are new, in a variable.

    Args:
        model: a `keras.Model`.
        data: the batch that its `train_step` was given.
    """
    if is_traced(model):
        _note(_LOGS.setdefault(model, []), model, data)


def watch_compilations(model):
    """Has a model of another class than `MultimodalModel`, which does so itself, note them.

    Args:
        model: a `keras.Model`; watched once, however often this is called.
    """
    if model in _LOGS:
        return
    _LOGS[model] = []
    train_step = model.train_step

    @functools.wraps(train_step)
    def watched(*state_and_data):
        note_compilation(model, state_and_data[-1])
        return train_step(*state_and_data)

    model.train_step = watched


def compilations(model):
    """What the train step of a model that notes it has been compiled for so far.

    Args:
        model: a `keras.Model`.

    Returns:
        List of dicts from the name of an input, or `"labels"`, `"sample_weight"`, to `(shape,
        dtype)`; one a compilation, in their order. Without XLA, TensorFlow's traces, in which a
        size may be `None`.

    Example:

    >>> import mmzoo, numpy as np
    >>> inputs = {"features": mmzoo.Features(2)}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> x, y = {"features": np.zeros((4, 2), "float32")}, np.zeros(4)
    >>> history = model.fit(x, y, batch_size=2, verbose=0)
    >>> len(compilations(model))
    1
    """
    seen = []
    for names, tensors, table, _ in _LOGS.get(model, ()):
        if table is None:
            seen.append(dict(zip(names, tensors, strict=True)))
            continue
        for sizes in table.numpy()[:, 1:][table.numpy()[:, 0] > 0].tolist():
            signature = {}
            for name, (shape, dtype) in zip(names, tensors, strict=True):
                signature[name] = tuple(sizes[: len(shape)]), dtype
                sizes = sizes[len(shape) :]
            seen.append(signature)
    return seen


def is_traced(model):
    """Whether a call of `train_step` is a trace, rather than a step."""
    backend = keras.backend.backend()
    if model.run_eagerly or backend not in ("tensorflow", "jax"):
        return False
    if backend == "jax":
        return bool(model.jit_compile)
    import tensorflow as tf

    if tf.executing_eagerly():
        return False
    replica = tf.distribute.get_replica_context()
    return not (replica and replica.num_replicas_in_sync > 1 and _number(replica) != 0)


def _number(replica):
    """The number of a replica; 0 where all are one trace."""
    number = replica.replica_id_in_sync_group
    return number if isinstance(number, int) else 0


def _note(log, model, data):
    """Adds `(names, [(shape, dtype)], table, function)` to the log.

    `table` is a variable, where XLA will see shapes that the trace does not know; else `None`.
    `train_step` may be traced in a loop of the user's own, which is not what is watched.
    """
    if model.train_function is None:
        return
    inputs, *others = data if isinstance(data, tuple) else (data,)
    inputs = inputs if isinstance(inputs, dict) else {"inputs": inputs}
    named = {**inputs, **dict(zip(("labels", "sample_weight"), others, strict=False))}
    named = {name: tensor for name, tensor in named.items() if hasattr(tensor, "shape")}
    described = [
        (tuple(tensor.shape), keras.backend.standardize_dtype(tensor.dtype))
        for tensor in named.values()
    ]
    static = all(size is not None for shape, _ in described for size in shape)
    table = None if static or not model.jit_compile else _table(list(named.values()))
    if log and log[-1][:2] == (list(named), described) and log[-1][3]() is model.train_function:
        log.pop()  # traced again by TensorFlow, since the first trace made variables
    log.append((list(named), described, table, weakref.ref(model.train_function)))


def _table(tensors):
    """A variable in which each step notes the sizes of its batch, if they are new."""
    import tensorflow as tf

    sizes = tf.concat([tf.shape(tensor, tf.int64) for tensor in tensors], axis=0)
    row = tf.concat([tf.ones([1], tf.int64), sizes], axis=0)  # 1: a row that is used
    # A function that is traced may make no variables; that it is traced, only its thread knows.
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        nothing = np.zeros([MOST, row.shape[0]], "int64")
        table = thread.submit(tf.Variable, nothing, trainable=False).result()
    is_known = tf.reduce_any(tf.reduce_all(table == row, axis=1))
    is_next = tf.range(MOST, dtype=tf.int64) == tf.reduce_sum(table[:, 0])
    table.assign(tf.where((is_next & ~is_known)[:, None], row, table))
    return table
