"""The mean intersection over union."""

import keras
from keras import ops

from mmzoo.targets.overlap import box_iou, mask_iou


@keras.saving.register_keras_serializable(package="mmzoo")
class MeanOverlap(keras.metrics.Mean):
    """The mean of an intersection over union, over the rows that have one.

    Args:
        measure: `"box"` or `"mask"`.

    Example:

    >>> import numpy as np
    >>> metric = MeanOverlap("box")
    >>> box = np.array([[0, 0, 1, 1], [np.nan] * 4], "float32")
    >>> metric.update_state(box, np.ones((2, 1), "float32") * [0, 0, 0.5, 1])
    >>> float(metric.result())
    0.5
    """

    def __init__(self, measure, name="mean_iou", **kwargs):
        super().__init__(name=name, **kwargs)
        self.measure = measure

    def update_state(self, y_true, y_pred, sample_weight=None):
        iou = {"box": box_iou, "mask": mask_iou}[self.measure](y_true, y_pred)
        there = ops.isfinite(iou)
        weight = ops.cast(there, "float32")
        if sample_weight is not None:
            weight = weight * ops.cast(sample_weight, "float32")
        super().update_state(ops.where(there, iou, 0.0), weight)

    def get_config(self):
        return {**super().get_config(), "measure": self.measure}
