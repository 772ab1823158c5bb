"""Datasets that use all cores from their first batch on."""

#: Batches that wait for whoever takes them.
WAITING = 2


def on_all_cores(dataset):
    """A dataset with some batches ahead, and all cores at work on them, without a tuner.

    `tf.data` begins with as many threads as there are cores; its tuner could only take some away.
    And it ends late: it looks around after 10, 20, 40 ms and so on, and a pass that is over may
    have to wait for its next look, which is as far away as the pass was long (up to a minute).
    `benchmarks/dataset_tuner.py` shows it.

    Args:
        dataset: a `tf.data.Dataset`, whose `num_parallel_calls` may be `tf.data.AUTOTUNE`.

    Returns:
        A dataset of the same elements.

    Example:

    >>> import tensorflow as tf
    >>> dataset = on_all_cores(tf.data.Dataset.range(3))
    >>> [int(element) for element in dataset], dataset.options().autotune.enabled
    ([0, 1, 2], False)
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(WAITING).with_options(options)
