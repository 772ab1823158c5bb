"""What TensorFlow does not tell in public."""


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


def input_datasets(dataset):
    """The datasets that a `tf.data.Dataset` was made from, by `map`, `take` and the like.

    Args:
        dataset: a `tf.data.Dataset`; anything else was made from none.

    Returns:
        A list of datasets.
    """
    inputs = getattr(dataset, "_inputs", None)
    return list(inputs()) if callable(inputs) and hasattr(dataset, "element_spec") else []
