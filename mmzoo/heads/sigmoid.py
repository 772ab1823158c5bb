"""Yes or no, once or several times."""

import keras
import numpy as np
from keras import ops

from mmzoo.heads.head import Head, check_class_names, log_odds, taken
from mmzoo.heads.logits import recall_logits
from mmzoo.heads.losses import SigmoidCrossentropy
from mmzoo.targets import SeveralClasses, YesNo


@keras.saving.register_keras_serializable(package="mmzoo")
class Sigmoid(Head):
    """Independent probabilities: a binary answer (`units=1`) or several labels at once.

    Labels are 0 or 1: `(B,)` for one unit, else `(B, units)`.

    Args:
        units: number of outputs.
        class_names: for one unit the two answers, `[no, yes]`; else one name a unit.
        label_smoothing: a label `q` counts as `(1 - label_smoothing) q + label_smoothing / 2`.
        thresholds: list of `units` probabilities from which on a label is chosen; `None`: 0.5. They
            do not change what the model predicts. `mmzoo.choose_thresholds` sets them.

    Call arguments:
        fused: `(B, D)` float.

    Returns:
        `(B, units)` float32 in [0, 1].

    Raises:
        ValueError: when the number of class names or of thresholds does not fit.

    Example:

    >>> import numpy as np
    >>> float(Sigmoid()(np.zeros((1, 8), "float32"))[0, 0])
    0.5
    """

    def __init__(self, units=1, class_names=None, label_smoothing=0.0, thresholds=None, **kwargs):
        check_class_names(units, class_names, {2} if units == 1 else {units}, "Sigmoid")
        super().__init__(units, class_names, **kwargs)
        self.label_smoothing = label_smoothing
        self.thresholds = thresholds

    def target(self):
        if self.units == 1:
            return YesNo(self.class_names, self.thresholds)
        return SeveralClasses(self.class_names, self.units, self.thresholds)

    @property
    def thresholds(self):
        """Tuple of `units` probabilities from which on a label is chosen, or `None`."""
        return self._thresholds

    @thresholds.setter
    def thresholds(self, thresholds):
        if thresholds is not None:
            thresholds = [float(threshold) for threshold in thresholds]
            if len(thresholds) != self.units or not all(0 <= t <= 1 for t in thresholds):
                raise ValueError(
                    f"`thresholds` needs {self.units} probabilities, one an output; received: "
                    f"{thresholds}."
                )
        self._thresholds = None if thresholds is None else tuple(thresholds)

    def scale_logits(self, factors):
        super().scale_logits(factors)
        if self.thresholds is not None:  # what is chosen stays the same
            t = np.asarray(self.thresholds)
            with np.errstate(divide="ignore"):  # at 0 and 1, which stay
                self.thresholds = 1 / (1 + ((1 - t) / t) ** np.asarray(factors))

    def activate(self, logits):
        return ops.sigmoid(logits)

    @property
    def score_names(self):
        return (self.class_names or ["no", "yes"]) if self.units == 1 else super().score_names

    def answered(self, prediction):
        if self.units > 1:
            return prediction.argmax(axis=-1)
        threshold = 0.5 if self.thresholds is None else self.thresholds[0]
        return (prediction[:, 0] >= threshold).astype(int)

    def scores(self, prediction, asked):
        logits = recall_logits(prediction)
        if logits is None:  # by isotonic regression
            logits = log_odds(prediction)
        if self.units == 1:
            logits = ops.concatenate([-logits, logits], axis=1)
        return taken(logits, asked)

    def make_loss(self):
        return SigmoidCrossentropy(self.label_smoothing)

    def make_metrics(self):
        return [keras.metrics.BinaryAccuracy(name="accuracy")]

    def get_config(self):
        return {
            **super().get_config(),
            "label_smoothing": self.label_smoothing,
            "thresholds": None if self.thresholds is None else list(self.thresholds),
        }
