"""The loss of tags."""

import keras
from keras import ops

from mmzoo.heads.tag_chain import path_score
from mmzoo.heads.tensor_memory import TensorMemory
from mmzoo.utils.by_backend import mean_over_replicas

#: A prediction of `Tags` -> `(potentials, transitions, end, log-partition, mask)`.
CHAINS = TensorMemory()


@keras.saving.register_keras_serializable(package="mmzoo")
class TagsLoss(keras.losses.Loss):
    """Negative log-likelihood of the right tags, the mean over the words of the batch.

    That of a linear chain is that of the whole sequence: `log sum_y' exp(score(y')) - score(y)`.
    A row counts by its number of words, padding not at all. With several replicas of
    `tf.distribute` the mean is over the words of all of them, so that the gradients are those of
    one device.

    Call arguments:
        y_true: `(B, W)` integers, the tag of each word; -1 behind the last one, and in rows without
            a label, which cost nothing.
        y_pred: `(B, T, K)`, that very tensor as `mmzoo.heads.Tags` returned it: the likelihood of a
            sequence can't be told from its values. Of another tensor the loss is the mean of
            `-log y_pred[y_true]`.

    Example:

    >>> import numpy as np
    >>> prediction = np.array([[[0.5, 0.25], [0.0, 0.0]]], "float32")
    >>> round(float(TagsLoss()(np.array([[0, -1]]), prediction)), 4)
    0.6931

    Reference: Lafferty et al. 2001, "Conditional random fields".
    """

    def __init__(self, reduction="sum_over_batch_size", name="tags_loss", **kwargs):
        super().__init__(reduction=reduction, name=name, **kwargs)

    def __call__(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:  # a row that costs nothing has no words that count
            counts = ops.reshape(ops.convert_to_tensor(sample_weight), (-1, 1)) > 0
            y_true = ops.convert_to_tensor(y_true)
            y_true = ops.where(counts, y_true, -ops.ones_like(y_true))
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        words = _least(ops.shape(y_true)[1], ops.shape(y_pred)[1])
        y = ops.cast(y_true[:, :words], "int32")
        there, y = y >= 0, ops.maximum(y, 0)
        known = CHAINS.recall(y_pred)
        if known is None:
            right = ops.take_along_axis(y_pred[:, :words], y[:, :, None], axis=2)[:, :, 0]
            of_words = ops.log(ops.maximum(right, 1e-37))
            losses = -ops.sum(ops.where(there, of_words, 0.0), axis=1)
        else:
            u, transitions, end, partition, mask = known
            there = ops.logical_and(there, mask[:, :words])
            gold = path_score(u[:, :words], transitions, end, y, there)
            losses = ops.where(ops.any(there, axis=1), partition - gold, 0.0)
        # Keras takes the mean over rows, and over replicas: with this factor it is one over words.
        counts = mean_over_replicas(ops.sum(ops.cast(there, "float32")))
        rows = ops.cast(ops.shape(losses)[0], "float32")
        return losses * rows / ops.where(counts > 0, counts, 1.0)


def _least(one, other):
    """The smaller of two lengths, which may be tensors."""
    if isinstance(one, int) and isinstance(other, int):
        return min(one, other)
    return ops.minimum(one, other)
