"""The loss of transcripts."""

import keras
from keras import ops

from mmzoo.heads.alignments import log_sum_of_alignments
from mmzoo.heads.logits import recall_logits
from mmzoo.targets.ctc import BLANK, LEAST, can_be_learned, first_texts, frames_of, of_width


@keras.saving.register_keras_serializable(package="mmzoo")
class TranscriptLoss(keras.losses.Loss):
    """How improbable a text is: minus the logarithm of the sum over all its alignments.

    A row costs nothing whose text has no part, has one that the alphabet lacks, or needs more
    frames than there are; the metric `RowsLeftOut` counts such. What stands behind the frames of a
    row, or behind its text, has no influence, and gets no gradient.

    Call arguments:
        y_true: `(B, L)` ids from 1 on, zeros behind the text; -1 for what the alphabet lacks,
            and -2 before further right texts, which are not learned.
        y_pred: `(B, T, K)`, as `mmzoo.heads.Transcript` returned it.

    Example:

    >>> import numpy as np
    >>> frames = np.array([[[0.5, 0.5], [0.5, 0.5]]], "float32")
    >>> round(float(TranscriptLoss()(np.array([[1]]), frames)), 4)  # -ln 0.75
    0.2877

    Reference: Graves et al. 2006, "Connectionist Temporal Classification".
    """

    def __init__(self, reduction="sum_over_batch_size", name="ctc_loss", **kwargs):
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true, y_pred):
        ids = first_texts(y_true)
        frames = frames_of(y_pred)
        learned = can_be_learned(ids, frames)
        # A text of which nothing is left fits everywhere.
        ids = ops.where(learned[:, None], ids, BLANK)
        if ids.shape[1] is None:  # other data than before: no text has more parts than frames
            ids = of_width(ids, y_pred.shape[1])
        logits = recall_logits(y_pred)
        if logits is None:
            logits = ops.log(ops.maximum(y_pred, LEAST))
        logs = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        loss = -log_sum_of_alignments(ids, logs, frames)
        return ops.where(learned, loss, ops.zeros_like(loss))
