"""Numbers."""

import keras
from keras import ops

from mmzoo.heads.head import Head
from mmzoo.heads.standardized_loss import STANDARDIZED, StandardizedSquaredError
from mmzoo.targets.numbers import Numbers, check_scale


@keras.saving.register_keras_serializable(package="mmzoo")
class Regression(Head):
    """Real numbers, learned on a standard scale and answered in their own unit.

    The scale is that of the training rows. `fit` hands it over, once: from the preprocessor that
    made the dataset, or from `y` where that is an array. Until then numbers are taken as they are.
    The loss is the squared error on the standard scale, so a price is learned as well in cents as
    in dollars.

    Args:
        units: number of outputs. Targets are `(B,)` for one unit, else `(B, units)`.
        scale: `"standard"`: mean and standard deviation; `"robust"`: median and interquartile
            range, for heavy tails; `"log"`: mean and standard deviation of the logarithm, for
            positive numbers; `None`: numbers as they are.

    Call arguments:
        fused: `(B, D)` float.

    Returns:
        `(B, units)` float32, in the unit of the labels.

    Raises:
        ValueError: for an unknown scale.

    Example:

    >>> import numpy as np
    >>> head = Regression()
    >>> tuple(head(np.zeros((3, 8), "float32")).shape)
    (3, 1)
    >>> labels = head.target()
    >>> labels.adapt(labels.check([10.0, 30.0]))
    >>> head.adapt(labels)
    >>> float(head(np.zeros((1, 8), "float32"))[0, 0])
    20.0
    """

    def __init__(self, units=1, scale="standard", **kwargs):
        super().__init__(units, **kwargs)
        check_scale(scale)
        self.scale = scale
        if scale is not None:
            shape = (self.units,)
            self.centre = self.add_weight(
                shape=shape, initializer="zeros", trainable=False, dtype="float32", name="centre"
            )
            self.spread = self.add_weight(
                shape=shape, initializer="ones", trainable=False, dtype="float32", name="spread"
            )
            self.rows = self.add_weight(
                shape=(), initializer="zeros", trainable=False, dtype="float32", name="rows"
            )

    def target(self):
        return Numbers(self.units, self.scale)

    def adapt(self, target):
        super().adapt(target)
        if self.scale is None or not isinstance(target, Numbers) or not target.scales:
            return
        if float(ops.convert_to_numpy(self.rows)) > 0:
            return  # a model that was trained keeps the scale of its training rows
        if self.scale not in target.scales:
            raise ValueError(
                "The head has scale='log', but not all labels of the training rows are positive. "
                "Choose scale='standard' or 'robust'."
            )
        centre, spread = target.scales[self.scale]
        if len(centre) != self.units:
            raise ValueError(
                f"The head predicts {self.units} numbers, but the labels have {len(centre)} a row."
            )
        self.centre.assign(centre)
        self.spread.assign(spread)
        self.rows.assign(target.rows)

    def learn(self, labels):
        target = self.target()
        target.adapt(target.check(labels))
        self.adapt(target)

    def activate(self, logits):
        if self.scale is None:
            return logits
        centre, spread = ops.convert_to_tensor(self.centre), ops.convert_to_tensor(self.spread)
        values = centre + spread * logits
        values = ops.exp(values) if self.scale == "log" else values
        return STANDARDIZED.remember(values, (logits, centre, spread, self.scale == "log"))

    def make_loss(self):
        return StandardizedSquaredError()

    def make_metrics(self):
        return [keras.metrics.MeanAbsoluteError(name="mean_absolute_error")]

    def get_config(self):
        config = super().get_config()
        del config["class_names"]
        return {**config, "scale": self.scale}

    @classmethod
    def from_config(cls, config):
        # Files written before heads had a scale hold none.
        return super().from_config({"scale": None, **config})
