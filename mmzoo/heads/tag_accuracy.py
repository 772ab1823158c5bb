"""The share of words with the right tag."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mmzoo")
class TagAccuracy(keras.metrics.Mean):
    """The share of words with the right tag; a word that the model did not read has none.

    Example:

    >>> import numpy as np
    >>> metric = TagAccuracy()
    >>> prediction = np.array([[[0.9, 0.1], [0.9, 0.1], [0.0, 0.0]]], "float32")
    >>> metric.update_state(np.array([[0, 1, -1]]), prediction)
    >>> float(metric.result())
    0.5
    """

    def __init__(self, name="tag_accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y = ops.cast(y_true, "int32")
        there = ops.cast(y >= 0, "float32")
        right = right_words(y, y_pred)
        if sample_weight is not None:
            there = there * ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
        super().update_state(right, there)


def right_words(y, prediction):
    """`(B, W)` float32: 1 where a word has the right tag.

    Args:
        y: `(B, W)` int32; -1 where there is no word.
        prediction: `(B, T, K)`; zeros where there is no word.
    """
    path = ops.cast(ops.argmax(prediction, axis=-1), "int32")
    path = ops.where(ops.max(prediction, axis=-1) > 0, path, -2)
    # Of other lengths: words that the model did not read, or padding.
    missing = ops.full_like(y, -2)
    path = ops.concatenate([path, missing], axis=1)[:, : ops.shape(y)[1]]
    return ops.cast(ops.equal(path, y), "float32")
