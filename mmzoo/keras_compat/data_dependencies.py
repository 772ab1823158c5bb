"""data_dependencies(): a step that does nothing where its batch does not come."""

import contextlib

import keras


def data_dependencies(model, data):
    """A context in which every operation waits for the batch.

    On TensorFlow, Keras asks for the next batch within the compiled step. Where a dataset does not
    know its length, the last step finds none, and what does not depend on the batch is done by
    then: iterations counted, weights moved on by a gradient of zero, dropout drawn, rows counted by
    metrics (Keras 3.15, TensorFlow 2.21; not with XLA, whose step is one operation).

    Args:
        model: the `keras.Model` whose step it is.
        data: the batch.

    Returns:
        A context manager.
    """
    if keras.backend.backend() != "tensorflow" or model.jit_compile:
        return contextlib.nullcontext()
    import tensorflow as tf

    if tf.executing_eagerly():
        return contextlib.nullcontext()
    return tf.control_dependencies([x for x in keras.tree.flatten(data) if tf.is_tensor(x)])
