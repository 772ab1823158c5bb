"""What TensorFlow does not tell in public."""

import functools


def is_op_determinism_enabled():
    """Whether `tf.config.experimental.enable_op_determinism` was called; Keras looks there, too."""
    from tensorflow.python.framework import config

    return config.is_op_determinism_enabled()


def function_called(graph, operation):
    """The graph of the function that a `PartitionedCall` calls.

    Args:
        graph: the `tf.Graph` that the operation is in.
        operation: a `tf.Operation` of that type.

    Returns:
        A `tf.Graph` with `inputs` and `outputs`.
    """
    return graph._get_function(operation.get_attr("f").name).graph


def traced_apart(function):
    """A `tf.function` like another one, whose tracings are counted apart.

    TensorFlow warns where functions of the same code are traced five times in a row. So are those
    of five Keras models which predict one after another, though none of them is traced anew.

    Args:
        function: a `tf.function` that was not called yet.

    Returns:
        A `tf.function`.
    """
    import tensorflow as tf

    # What has no code of its own is counted by itself.
    python = functools.partial(function.python_function)
    return tf.function(python, reduce_retracing=True, autograph=False)


def input_datasets(dataset):
    """The datasets that a `tf.data.Dataset` was made from, by `map`, `take` and the like.

    Args:
        dataset: a `tf.data.Dataset`; anything else was made from none.

    Returns:
        A list of datasets.
    """
    inputs = getattr(dataset, "_inputs", None)
    return list(inputs()) if callable(inputs) and hasattr(dataset, "element_spec") else []
