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


def shuffled(count, seed, shard=(0, 1)):
    """Positions and seeds, others every time the dataset is iterated.

    Both are a function of `seed` and the number of the epoch alone, not of Keras's global seed or
    the parallelism; and those of all shards together are those of the whole.

    Args:
        count: number of rows.
        seed: an integer.
        shard: `(index, count)`: every `count`-th of the shuffled rows, from `index` on.

    Returns:
        Dataset of `(row, seeds)`: scalar int64 and `(2,)` int64, which the augmentation of the row
        draws from.

    Example:

    >>> shards = [shuffled(6, seed=0, shard=(index, 2)) for index in (0, 1)]
    >>> sorted(int(row) for shard in shards for row, _ in shard)
    [0, 1, 2, 3, 4, 5]
    """
    index, shards = shard
    epochs = tf.Variable(-1, dtype=tf.int64, trainable=False)

    def epoch(_):
        number = epochs.assign_add(1)
        order = tf.random.experimental.stateless_shuffle(
            tf.range(count, dtype=tf.int64), seed=tf.stack([tf.cast(seed, tf.int64), number])
        )
        order = order[index::shards]
        first = tf.fill(tf.shape(order), tf.cast(seed, tf.int64))
        seeds = tf.stack([first, order + number * count], axis=1)
        return tf.data.Dataset.from_tensor_slices((order, seeds))

    dataset = tf.data.Dataset.from_tensors(0).flat_map(epoch)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(range(index, count, shards))))
