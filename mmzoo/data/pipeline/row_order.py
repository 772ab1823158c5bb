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


def epoch_order(count, seed, epoch, shard=(0, 1), batch_size=1):
    """The rows of an epoch in their order: a function of seed and epoch, and of nothing else.

    Args:
        count: number of rows.
        seed: an integer.
        epoch: number of the epoch, from 0; an integer or a scalar int64 tensor.
        shard: `(index, count)`: of every `count * batch_size` of them, the `index`-th `batch_size`.
            What is left in the end goes round row by row.
        batch_size: rows that a shard takes at a time.

    Returns:
        int64 tensor.

    Example:

    >>> whole = epoch_order(12, seed=0, epoch=1).numpy().tolist()
    >>> sorted(whole) == list(range(12))
    True
    >>> share = epoch_order(12, seed=0, epoch=1, shard=(1, 2), batch_size=3).numpy().tolist()
    >>> share == whole[3:6] + whole[9:12]
    True
    """
    seeds = tf.stack([tf.cast(seed, tf.int64), tf.cast(epoch, tf.int64)])
    rows = tf.range(count, dtype=tf.int64)
    order = tf.random.experimental.stateless_shuffle(rows, seed=seeds)
    index, shards = shard
    whole = count // (shards * batch_size) * shards * batch_size
    turns = tf.reshape(order[:whole], [-1, shards, batch_size])[:, index]
    return tf.concat([tf.reshape(turns, [-1]), order[whole:][index::shards]], axis=0)


def shuffled(count, seed, shard=(0, 1), epoch=None, batch_size=1):
    """Positions and seeds, others in every epoch.

    Both are a function of `seed` and the number of the epoch alone, not of Keras's global seed or
    the parallelism; and those of all shards together are those of the whole.

    Args:
        count: number of rows.
        seed: an integer.
        shard: `(index, count)`, as in `epoch_order`.
        epoch: number of the epoch, an integer or a scalar int64 `tf.Variable` that is read when a
            pass begins; `None`: every pass is the next one.
        batch_size: rows that a shard takes at a time.

    Returns:
        Dataset of `(row, seeds)`: scalar int64 and `(2,)` int64, which the augmentation of the row
        draws from.

    Example:

    >>> shards = [shuffled(6, seed=0, shard=(index, 2)) for index in (0, 1)]
    >>> sorted(int(row) for shard in shards for row, _ in shard)
    [0, 1, 2, 3, 4, 5]
    """
    passes = tf.Variable(-1, dtype=tf.int64, trainable=False)

    @tf.autograph.experimental.do_not_convert
    def one_epoch(_):
        number = passes.assign_add(1) if epoch is None else tf.cast(epoch, tf.int64)
        order = epoch_order(count, seed, number, shard, batch_size)
        first = tf.fill(tf.shape(order), tf.cast(seed, tf.int64))
        seeds = tf.stack([first, order + number * count], axis=1)
        return tf.data.Dataset.from_tensor_slices((order, seeds))

    dataset = tf.data.Dataset.from_tensors(0).flat_map(one_epoch)
    in_shard = len(range(shard[0], count, shard[1]))
    return dataset.apply(tf.data.experimental.assert_cardinality(in_shard))
