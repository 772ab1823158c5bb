"""What Keras lacks, and each backend has under a name of its own."""

import keras


def stateless_uniform(shape, seed, counter):
    """Uniform numbers in (0, 1), a function of the seed and the counter.

    Keras's own random functions take a seed that is a Python number, or keep a state.

    Args:
        shape: shape, of integers or scalar tensors.
        seed: integer or scalar tensor.
        counter: likewise.

    Returns:
        float32 tensor.

    Raises:
        NotImplementedError: on a backend that is neither TensorFlow nor JAX.
    """
    tiny = 1e-20
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        pair = tf.stack([tf.cast(seed, tf.int32), tf.cast(counter, tf.int32)])
        return tf.random.stateless_uniform(shape, pair, minval=tiny)
    if keras.backend.backend() == "jax":
        import jax

        key = jax.random.fold_in(jax.random.key(seed), counter)
        return jax.random.uniform(key, shape, minval=tiny)
    raise NotImplementedError("Sampling needs Keras on TensorFlow or JAX.")


def sum_over_replicas(x):
    """The sum of a scalar over the replicas of a `tf.distribute` strategy, if there are any.

    Args:
        x: scalar tensor.

    Returns:
        Scalar tensor.
    """
    return _over_replicas("SUM", x)


def mean_over_replicas(x):
    """The mean of a scalar over the replicas of a `tf.distribute` strategy, if there are any.

    Args:
        x: scalar tensor.

    Returns:
        Scalar tensor.
    """
    return _over_replicas("MEAN", x)


def _over_replicas(operation, x):
    if keras.backend.backend() != "tensorflow":
        return x
    import tensorflow as tf

    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    context = tf.distribute.get_replica_context()
    if replicas == 1 or context is None:
        return x
    return context.all_reduce(tf.distribute.ReduceOp[operation], x)


def values_and_gradients(function, points):
    """What a function of tensors gives row by row, and how each row depends on the tensors.

    Args:
        function: from a dict of `(B, ...)` float tensors to `(B,)`, of which each depends on its
            own row alone.
        points: dict of `(B, ...)` float tensors.

    Returns:
        `(values, gradients)`: `(B,)`, and a dict as `points`; zeros where nothing depends on one.

    Raises:
        NotImplementedError: on a backend that is neither TensorFlow nor JAX.

    Example:

    >>> import numpy as np
    >>> x = {"a": np.array([[1.0, 2.0]], "float32")}
    >>> _, gradients = values_and_gradients(lambda x: (x["a"] ** 2)[:, 0], x)
    >>> np.asarray(gradients["a"]).tolist()
    [[2.0, 0.0]]
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        points = {name: tf.convert_to_tensor(x) for name, x in points.items()}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(points)
            values = function(points)
        zero = tf.UnconnectedGradients.ZERO
        return values, tape.gradient(values, points, unconnected_gradients=zero)
    if keras.backend.backend() == "jax":
        import jax

        def summed(points):
            values = function(points)
            return values.sum(), values

        points = {name: jax.numpy.asarray(x) for name, x in points.items()}
        gradients, values = jax.grad(summed, has_aux=True)(points)
        return values, gradients
    raise NotImplementedError("Gradients need Keras on TensorFlow or JAX.")


def compiled(function):
    """A function of tensors that is traced once for each shape, and computes faster from then on.

    Args:
        function: takes and returns tensors, or structures of them, and changes nothing else.

    Returns:
        A function of arrays or tensors; itself on a backend that is neither TensorFlow nor JAX.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        traced = tf.function(function, autograph=False)
        return lambda *args: traced(*keras.tree.map_structure(tf.convert_to_tensor, args))
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return function
