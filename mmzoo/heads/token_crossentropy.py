"""The loss of texts."""

import keras
from keras import ops

from mmzoo.heads.logits import recall_logits
from mmzoo.layers.masking import IMPOSSIBLE
from mmzoo.tokenizers.vocabulary import END, PADDING, UNKNOWN
from mmzoo.utils.by_backend import sum_over_replicas


@keras.saving.register_keras_serializable(package="mmzoo")
class TokenCrossentropy(keras.losses.Loss):
    """Cross-entropy a token: the mean over all tokens of the batch, whatever rows they are in.

    Padding costs nothing, and neither does a token that the model can't write. With several
    replicas of `tf.distribute` the mean is over the tokens of all of them, so that the gradients
    are those of one device.

    Args:
        label_smoothing: share of the target that is spread evenly over all words and the end.

    Call arguments:
        y_true: `(B, L)` integers; 0 is padding, ids from `V` on are unknown words. What stands
            behind, `(B, R L)`, are further right texts, which are not learned.
        y_pred: `(B, L, V)` probabilities, as `mmzoo.heads.Words` returned them.
        sample_weight: `(B,)`, or `None`.

    Returns:
        Scalar float32; `(B,)` with `reduction="none"` or `None`: the mean over each row's tokens.

    Example:

    >>> import numpy as np
    >>> sure = np.eye(6, dtype="float32")[[[4, 3, 0]]]
    >>> float(TokenCrossentropy()(np.array([[4, 3, 0]]), sure))
    0.0
    """

    def __init__(
        self,
        label_smoothing=0.0,
        reduction="sum_over_batch_size",
        name="token_crossentropy",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def token_losses(self, y_true, y_pred):
        """`(losses, valid)`: `(B, L)` float32 each."""
        y_true = ops.cast(y_true, "int32")[:, : y_pred.shape[1]]
        units = y_pred.shape[-1]
        logits = recall_logits(y_pred)
        if logits is None:
            logs = ops.log(ops.maximum(ops.cast(y_pred, "float32"), 1e-37))
        else:
            logs = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        known = ops.where(y_true >= units, UNKNOWN, y_true)
        losses = -ops.take_along_axis(logs, known[..., None], axis=-1)[..., 0]
        counts = ops.logical_and(y_true != PADDING, losses < -IMPOSSIBLE / 2)
        if self.label_smoothing:
            can_be = ops.cast(logs[..., END:] > IMPOSSIBLE / 2, "float32")
            even = -ops.sum(can_be * logs[..., END:], axis=-1) / ops.sum(can_be, axis=-1)
            losses = (1.0 - self.label_smoothing) * losses + self.label_smoothing * even
        return ops.where(counts, losses, 0.0), ops.cast(counts, "float32")

    def __call__(self, y_true, y_pred, sample_weight=None):
        losses, valid = self.token_losses(y_true, y_pred)
        if sample_weight is not None:
            weights = ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
            losses = losses * weights
        if self.reduction in (None, "none"):
            return _mean_of_rows(losses, valid)
        if self.reduction == "sum":
            return ops.sum(losses)
        count = sum_over_replicas(ops.sum(valid))
        return ops.sum(losses) / ops.maximum(count, 1.0)

    def call(self, y_true, y_pred):
        return _mean_of_rows(*self.token_losses(y_true, y_pred))

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


def _mean_of_rows(losses, valid):
    """`(B,)`: the mean over each row's tokens."""
    return ops.sum(losses, axis=1) / ops.maximum(ops.sum(valid, axis=1), 1.0)
