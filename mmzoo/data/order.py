"""The order of the rows in an epoch: a function of seed and epoch, nothing else."""

import tensorflow as tf


def epoch_order(count, seed, epoch):
    """A permutation of the rows.

    Args:
        count: number of rows.
        seed: integer.
        epoch: number of the epoch, from 0; an integer or a scalar int64 tensor.

    Returns:
        `(count,)` int64 tensor.

    Example:

    >>> sorted(epoch_order(3, seed=0, epoch=1).numpy().tolist())
    [0, 1, 2]
    """
    rows = tf.range(count, dtype=tf.int64)
    seeds = tf.stack([tf.cast(seed, tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.experimental.stateless_shuffle(rows, seed=seeds)
