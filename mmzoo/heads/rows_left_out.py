"""How many rows a loss of transcripts leaves out."""

import keras
from keras import ops

from mmzoo.targets.ctc import can_be_learned, first_texts, frames_of


@keras.saving.register_keras_serializable(package="mmzoo")
class RowsLeftOut(keras.metrics.Sum):
    """The number of rows with a text that can't be learned: see `mmzoo.heads.TranscriptLoss`.

    Example:

    >>> import numpy as np
    >>> metric = RowsLeftOut()
    >>> metric.update_state(np.array([[1, 1], [1, 0]]), np.full((2, 2, 2), 0.5, "float32"))
    >>> float(metric.result())  # of two frames none is left for the blank between 1 and 1
    1.0
    """

    def __init__(self, name="rows_left_out", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        ids = first_texts(y_true)
        left_out = ops.any(ops.not_equal(ids, 0), axis=1) & ~can_be_learned(ids, frames_of(y_pred))
        if sample_weight is not None:
            left_out = left_out & (ops.convert_to_tensor(sample_weight) > 0)
        return super().update_state(ops.cast(left_out, "float32"))
