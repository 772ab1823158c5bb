"""The share of transcripts that are right."""

import keras
from keras import ops

from mmzoo.targets.ctc import best_alignment


@keras.saving.register_keras_serializable(package="mmzoo")
class TranscriptMatch(keras.metrics.Mean):
    """The share of rows whose best alignment is their text, from its first part to its last.

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
        ids = ops.cast(y_true, "int32")
        found, _ = best_alignment(y_pred)
        more = found.shape[1] - ids.shape[1]
        ids = ops.pad(ids, [(0, 0), (0, max(more, 0))])
        found = ops.pad(found, [(0, 0), (0, max(-more, 0))])
        right = ops.all(ops.equal(found, ids), axis=1)
        return super().update_state(ops.cast(right, "float32"), sample_weight)
