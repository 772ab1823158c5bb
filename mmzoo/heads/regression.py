"""Numbers."""

import keras

from mmzoo.heads.head import Head


@keras.saving.register_keras_serializable(package="mmzoo")
class Regression(Head):
    """Real numbers, trained with the mean squared error.

    Args:
        units: number of outputs. Targets are `(B,)` for one unit, else `(B, units)`.

    Call arguments:
        fused: `(B, D)` float.

    Returns:
        `(B, units)` float32.

    Example:

    >>> import numpy as np
    >>> tuple(Regression()(np.zeros((3, 8), "float32")).shape)
    (3, 1)
    """

    def __init__(self, units=1, **kwargs):
        super().__init__(units, **kwargs)

    def activate(self, logits):
        return logits

    def make_loss(self):
        return keras.losses.MeanSquaredError()

    def make_metrics(self):
        return [keras.metrics.MeanAbsoluteError(name="mean_absolute_error")]

    def get_config(self):
        config = super().get_config()
        del config["class_names"]
        return config
