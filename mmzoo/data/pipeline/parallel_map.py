"""Parallel map: datasets that use all cores from their first batch on."""

import os

#: Batches that wait for whoever takes them.
WAITING = 2


def parallel_map(dataset, function):
    """`dataset.map`, in order, with as many calls at once as there are cores for this process.

    Without AutoGraph, which would rewrite every function that is called, and so take half of the
    time to the first batch.

    Args:
        dataset: a `tf.data.Dataset`.
        function: as in `map`, with `tf.cond` in place of an `if` on a tensor.

    Returns:
        A dataset.

    Example:

    >>> import tensorflow as tf
    >>> [int(element) for element in parallel_map(tf.data.Dataset.range(3), lambda x: 2 * x)]
    [0, 2, 4]
    """
    import tensorflow as tf

    function = tf.autograph.experimental.do_not_convert(function)
    known = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if known else os.cpu_count()
    return dataset.map(function, num_parallel_calls=cores, deterministic=True)


def without_tuner(dataset):
    """A dataset whose batches are ready before they are wanted, without `tf.data`'s tuner.

    The tuner would choose how many calls of `parallel_map` are made at once and how many batches
    wait. It ends late: it looks around after 10, 20, 40 ms and so on, and a pass that is over may
    have to wait for its next look, which is as far away as the pass was long (up to a minute).
    `benchmarks/dataset_tuner.py` shows it.

    Args:
        dataset: a `tf.data.Dataset`.

    Returns:
        A dataset of the same elements.

    Example:

    >>> import tensorflow as tf
    >>> dataset = without_tuner(tf.data.Dataset.range(3))
    >>> [int(element) for element in dataset], dataset.options().autotune.enabled
    ([0, 1, 2], False)
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(WAITING).with_options(options)
