"""Learning rates that change from step to step."""

import keras


def warmup_cosine(peak, steps, warmup=0.05):
    """A learning rate that rises linearly to `peak` and falls to zero along a cosine.

    Args:
        peak: highest learning rate.
        steps: number of training steps in all.
        warmup: share of the steps spent rising.

    Returns:
        A `keras.optimizers.schedules.LearningRateSchedule`.

    Example:

    >>> schedule = warmup_cosine(0.001, steps=100, warmup=0.1)
    >>> [round(float(schedule(step)), 6) for step in (0, 10, 100)]
    [0.0, 0.001, 0.0]

    Reference: Loshchilov and Hutter 2016, arXiv 1608.03983.
    """
    rising = max(1, round(warmup * steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(1, steps - rising),
        warmup_target=peak,
        warmup_steps=rising,
    )
