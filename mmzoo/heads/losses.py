"""Losses that are exact at saturated logits, and take labels in every usual shape."""

import keras
from keras import ops

from mmzoo.heads.logits import recall_logits


def _column(labels, units):
    """Labels `(B,)` as `(B, 1)`; others as they are."""
    return labels[:, None] if len(labels.shape) == 1 and units == 1 else labels


@keras.saving.register_keras_serializable(package="mmzoo")
class SoftmaxCrossentropy(keras.losses.Loss):
    """Cross-entropy of a softmax, from its logits.

    `-sum_k q_k log p_k`, with `q` the one-hot label smoothed to `(1 - e) q + e / K`.

    Args:
        label_smoothing: `e`, in [0, 1].

    Call arguments:
        y_true: class indices `(B,)` or `(B, 1)`, or distributions `(B, K)`. An index outside the
            classes makes the loss NaN.
        y_pred: probabilities `(B, K)`, as the head returned them.

    Example:

    >>> import numpy as np
    >>> loss = SoftmaxCrossentropy()
    >>> round(float(loss(np.array([1]), np.array([[0.5, 0.5]], "float32"))), 4)
    0.6931

    Reference: label smoothing: Szegedy et al. 2015, arXiv 1512.00567, section 7.
    """

    def __init__(
        self, label_smoothing=0.0, reduction="sum_over_batch_size", name="softmax_crossentropy",
        **kwargs,
    ):  # fmt: skip
        super().__init__(reduction=reduction, name=name, **kwargs)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"`label_smoothing` must be in [0, 1]; received: {label_smoothing}.")
        self.label_smoothing = label_smoothing

    def __call__(self, y_true, y_pred, sample_weight=None):
        # Class indices must not pass through a cast to low precision on their way to `call`.
        classes = y_pred.shape[-1]
        y_true = ops.convert_to_tensor(y_true)
        if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1 and classes != 1:
            y_true = ops.squeeze(y_true, axis=-1)
        if len(y_true.shape) < len(y_pred.shape):
            y_true = ops.cast(y_true, "int32")
            # A label that is no class would be a row of zeros and cost nothing: it costs NaN.
            inside = ops.logical_and(y_true >= 0, y_true < classes)[..., None]
            y_true = ops.one_hot(y_true, classes, dtype="float32")
            y_true = ops.where(inside, y_true, float("nan"))
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        logits = recall_logits(y_pred)
        if logits is None:
            log_probabilities = ops.log(ops.maximum(y_pred, 1e-37))
        else:
            log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        if self.label_smoothing:
            uniform = self.label_smoothing / y_pred.shape[-1]
            y_true = y_true * (1 - self.label_smoothing) + uniform
        return -ops.sum(y_true * log_probabilities, axis=-1)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="mmzoo")
class SigmoidCrossentropy(keras.losses.Loss):
    """Binary cross-entropy of sigmoids, from their logits; the mean over the units.

    Args:
        label_smoothing: `e`: a label `q` counts as `(1 - e) q + e / 2`.

    Call arguments:
        y_true: `(B,)` for one unit, or `(B, units)`, values in [0, 1].
        y_pred: probabilities `(B, units)`, as the head returned them.

    Example:

    >>> import numpy as np
    >>> loss = SigmoidCrossentropy()
    >>> round(float(loss(np.array([1.0]), np.array([[0.5]], "float32"))), 4)
    0.6931
    """

    def __init__(
        self, label_smoothing=0.0, reduction="sum_over_batch_size", name="sigmoid_crossentropy",
        **kwargs,
    ):  # fmt: skip
        super().__init__(reduction=reduction, name=name, **kwargs)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"`label_smoothing` must be in [0, 1]; received: {label_smoothing}.")
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        y_true = _column(y_true, y_pred.shape[-1])
        if self.label_smoothing:
            y_true = y_true * (1 - self.label_smoothing) + self.label_smoothing / 2
        logits = recall_logits(y_pred)
        if logits is None:
            losses = ops.binary_crossentropy(y_true, y_pred)
        else:
            losses = ops.binary_crossentropy(y_true, ops.cast(logits, "float32"), from_logits=True)
        return ops.mean(losses, axis=-1)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
