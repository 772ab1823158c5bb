"""The share of transcripts that are right."""

import keras
from keras import ops

from mmzoo.targets.ctc import best_alignment, first_texts, of_width


@keras.saving.register_keras_serializable(package="mmzoo")
class TranscriptMatch(keras.metrics.Mean):
    """The share of rows whose best alignment is their text, from its first part to its last.

    Of rows with several right texts the first one counts, which is learned.

    Example:

    >>> import numpy as np
    >>> metric = TranscriptMatch()
    >>> metric.update_state(np.array([[1], [2]]), np.eye(3, dtype="float32")[[[0, 1], [1, 2]]])
    >>> float(metric.result())
    0.5
    """

    def __init__(self, name="exact_match", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        ids = first_texts(y_true)
        found, _ = best_alignment(y_pred)
        frames = y_pred.shape[1]
        right = ops.all(ops.equal(found, of_width(ids, frames)), axis=1)
        right = ops.logical_and(right, ops.all(ops.equal(ids[:, frames:], 0), axis=1))
        return super().update_state(ops.cast(right, "float32"), sample_weight)
