"""The metric of texts."""

import keras
from keras import ops

from mmzoo.tokenizers.vocabulary import PADDING


@keras.saving.register_keras_serializable(package="mmzoo")
class TokenAccuracy(keras.metrics.Mean):
    """The share of tokens that are the likeliest one, given those before them.

    Padding does not count.

    Call arguments:
        y_true: `(B, L)` integers, 0 is padding; of `(B, R L)`, the first `L` count.
        y_pred: `(B, L, V)` probabilities.
        sample_weight: `(B,)`, or `None`.
    """

    def __init__(self, name="token_accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.cast(y_true, "int32")[:, : y_pred.shape[1]]
        right = ops.equal(ops.cast(ops.argmax(y_pred, axis=-1), "int32"), y_true)
        weights = ops.cast(y_true != PADDING, "float32")
        if sample_weight is not None:
            weights = weights * ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
        return super().update_state(ops.cast(right, "float32"), weights)
