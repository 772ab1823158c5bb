"""The order in which rows are read: anew every epoch, and shared out to workers."""

import tensorflow as tf


def in_order(count, shard=(0, 1)):
    """Positions one after the other.

    Args:
        count: number of rows.
        shard: `(index, count)`: every `count`-th row, from `index` on.

    Returns:
        Dataset of scalar int64.

    Example:

    >>> [int(row) for row in in_order(7, shard=(1, 3))]
    [1, 4]
    """
    return tf.data.Dataset.range(shard[0], count, shard[1])


def epoch_order(count, seed, epoch, shard=(0, 1)):
    """The rows of an epoch in their order: a function of seed and epoch, and of nothing else.

    Args:
        count: number of rows.
        seed: an integer.
        epoch: number of the epoch, from 0; an integer or a scalar int64 tensor.
        shard: `(index, count)`: every `count`-th of them, from `index` on.

    Returns:
        int64 tensor.

    Example:

    >>> sorted(epoch_order(3, seed=0, epoch=1).numpy().tolist())
    [0, 1, 2]
    """
    seeds = tf.stack([tf.cast(seed, tf.int64), tf.cast(epoch, tf.int64)])
    rows = tf.range(count, dtype=tf.int64)
    return tf.random.experimental.stateless_shuffle(rows, seed=seeds)[shard[0] :: shard[1]]


def shuffled(count, seed, shard=(0, 1), epoch=None):
    """Positions and seeds, others in every epoch.

    Both are a function of `seed` and the number of the epoch alone, not of Keras's global seed or
    the parallelism; and those of all shards together are those of the whole.

    Args:
        count: number of rows.
        seed: an integer.
        shard: `(index, count)`: every `count`-th of the shuffled rows, from `index` on.
        epoch: number of the epoch, an integer or a scalar int64 `tf.Variable` that is read when a
            pass begins; `None`: every pass is the next one.

    Returns:
        Dataset of `(row, seeds)`: scalar int64 and `(2,)` int64, which the augmentation of the row
        draws from.

    Example:

    >>> shards = [shuffled(6, seed=0, shard=(index, 2)) for index in (0, 1)]
    >>> sorted(int(row) for shard in shards for row, _ in shard)
    [0, 1, 2, 3, 4, 5]
    """
    passes = tf.Variable(-1, dtype=tf.int64, trainable=False)

    def one_epoch(_):
        number = passes.assign_add(1) if epoch is None else tf.cast(epoch, tf.int64)
        order = epoch_order(count, seed, number, shard)
        first = tf.fill(tf.shape(order), tf.cast(seed, tf.int64))
        seeds = tf.stack([first, order + number * count], axis=1)
        return tf.data.Dataset.from_tensor_slices((order, seeds))

    dataset = tf.data.Dataset.from_tensors(0).flat_map(one_epoch)
    in_shard = len(range(shard[0], count, shard[1]))
    return dataset.apply(tf.data.experimental.assert_cardinality(in_shard))
