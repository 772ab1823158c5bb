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
