"""The loss of boxes."""

import keras
from keras import ops

from mmzoo.targets.overlap import overlaps


@keras.saving.register_keras_serializable(package="mmzoo")
class BoxLoss(keras.losses.Loss):
    """How far the sides of a box are off, and how little it overlaps with the right one.

    `l1 * sum |y - p| + giou * (1 - GIoU(y, p))`. The first is larger for large boxes; the second
    looks at proportions, and has a gradient where boxes lie apart, too.

    Args:
        l1: weight of the distances.
        giou: weight of the overlap.

    Call arguments:
        y_true: `(B, 4)` float, `x0, y0, x1, y1` in shares of the picture's width and height. A row
            of NaN has no box, and costs nothing.
        y_pred: `(B, 4)` float.

    Example:

    >>> import numpy as np
    >>> box = np.array([[0.0, 0.0, 0.5, 0.5]], "float32")
    >>> float(BoxLoss()(box, box)), float(BoxLoss()(box, box + 0.5))
    (0.0, 13.0)

    Reference: weights: Carion et al. 2020, arXiv 2005.12872 (DETR).
    """

    def __init__(
        self, l1=5.0, giou=2.0, reduction="sum_over_batch_size", name="box_loss", **kwargs
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.l1 = l1
        self.giou = giou

    def call(self, y_true, y_pred):
        there = ops.all(ops.isfinite(y_true), axis=-1)
        # A selection before the arithmetic: the gradient of NaN times zero is NaN.
        y_true = ops.where(there[..., None], y_true, ops.stop_gradient(y_pred))
        distance = ops.sum(ops.abs(y_true - y_pred), axis=-1)
        _, giou = overlaps(y_true, y_pred)
        loss = self.l1 * distance + self.giou * (1.0 - giou)
        return ops.where(there, loss, ops.zeros_like(loss))

    def get_config(self):
        return {**super().get_config(), "l1": self.l1, "giou": self.giou}
