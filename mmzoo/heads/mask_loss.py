"""The loss of masks."""

import keras
from keras import ops

from mmzoo.heads.logits import recall_logits
from mmzoo.targets.overlap import UNKNOWN


@keras.saving.register_keras_serializable(package="mmzoo")
class MaskLoss(keras.losses.Loss):
    """Cross-entropy a pixel, and how little the masks overlap (dice).

    `crossentropy * mean_pixels CE + dice * (1 - mean_k 2 |y_k p_k| / (|y_k| + |p_k|))`. The second
    mean is over all classes but the first, the background; by it a small thing counts as much as a
    large one.

    Args:
        crossentropy: weight of the cross-entropy.
        dice: weight of the overlap.

    Call arguments:
        y_true: `(B, H, W)` integers, the class of each pixel; -1 where it has none, which costs
            nothing.
        y_pred: probabilities as `mmzoo.heads.Mask` returned them: `(B, H, W)` of the second of two
            classes, or `(B, H, W, K)`.

    Example:

    >>> import numpy as np
    >>> sure = np.array([[[1.0, 0.0]]], "float32")
    >>> float(MaskLoss()(np.array([[[1, 0]]]), sure)) < 1e-4
    True

    Reference: Milletari et al. 2016, arXiv 1606.04797 (V-Net), section 3.
    """

    def __init__(
        self,
        crossentropy=1.0,
        dice=1.0,
        reduction="sum_over_batch_size",
        name="mask_loss",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.crossentropy = crossentropy
        self.dice = dice

    def call(self, y_true, y_pred):
        y_true = ops.cast(y_true, "int32")
        known = ops.cast(y_true != UNKNOWN, "float32")
        logits = recall_logits(y_pred)
        if len(y_pred.shape) == 3:
            target = ops.cast(y_true == 1, "float32")
            if logits is None:
                losses = ops.binary_crossentropy(target[..., None], y_pred[..., None])
            else:
                losses = ops.binary_crossentropy(
                    target[..., None], ops.cast(logits, "float32")[..., None], from_logits=True
                )
            losses = losses[..., 0] if len(losses.shape) == 4 else losses
            target, shares = target[..., None], y_pred[..., None]
        else:
            target = ops.one_hot(y_true, y_pred.shape[-1], dtype="float32")
            if logits is None:
                logs = ops.log(ops.maximum(y_pred, 1e-37))
            else:
                logs = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
            losses = -ops.sum(target * logs, axis=-1)
            target, shares = target[..., 1:], y_pred[..., 1:]
        pixels = ops.maximum(ops.sum(known, axis=(1, 2)), 1.0)
        loss = self.crossentropy * ops.sum(losses * known, axis=(1, 2)) / pixels
        if not self.dice:
            return loss
        weight = known[..., None]
        both = ops.sum(target * shares * weight, axis=(1, 2))
        sizes = ops.sum((target + shares) * weight, axis=(1, 2))
        # With 1 in both a class that is neither there nor predicted costs nothing.
        dice = 1.0 - ops.mean((2.0 * both + 1.0) / (sizes + 1.0), axis=-1)
        return loss + self.dice * dice

    def get_config(self):
        return {**super().get_config(), "crossentropy": self.crossentropy, "dice": self.dice}
