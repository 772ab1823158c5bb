"""A vector a word, out of the bytes that it is written with."""

from typing import ClassVar

import keras
from keras import ops

from mmzoo.layers.composite_layer import CompositeLayer


@keras.saving.register_keras_serializable(package="mmzoo")
class WordBytes(CompositeLayer):
    """A convolution over the bytes of each word, and the maximum over them.

    It tells of endings, capitals and digits, so that a word that is not in the vocabulary has a
    vector of its own, and one that is written in another way a similar one.

    Args:
        dim: width of the result.
        embedding_dim: width of a byte's embedding.
        filters: filters of the convolution.
        kernel_size: bytes that a filter sees.
        **kwargs: `name`, `dtype`.

    Call arguments:
        x: `(B, T, N)` int32: bytes of each word, 0 where there is none.

    Returns:
        `(B, T, dim)`.

    Example:

    >>> import numpy as np
    >>> tuple(WordBytes(dim=6)(np.ones((2, 3, 8), "int32")).shape)
    (2, 3, 6)

    Reference: Ma and Hovy 2016, arXiv 1603.01354, section 2.1.
    """

    input_dtypes: ClassVar = {"x": "int32"}

    def __init__(self, dim, embedding_dim=24, filters=48, kernel_size=3, **kwargs):
        super().__init__(**kwargs)
        # Layers
        dtype = self.dtype_policy
        self.embedding = keras.layers.Embedding(256, embedding_dim, dtype=dtype, name="embedding")
        self.convolution = keras.layers.Conv1D(
            filters, kernel_size, padding="same", activation="relu", dtype=dtype,
            data_format="channels_last", name="convolution",
        )  # fmt: skip
        self.dense = keras.layers.Dense(dim, dtype=dtype, name="dense")
        # Config
        self.dim = dim
        self.embedding_dim = embedding_dim
        self.filters = filters
        self.kernel_size = kernel_size

    def call(self, x):
        rows, words = ops.shape(x)[0], ops.shape(x)[1]
        x = ops.reshape(x, (-1, x.shape[2]))
        there = ops.not_equal(x, 0)[..., None]
        embedded = self.embedding(x)
        embedded = ops.where(there, embedded, ops.zeros_like(embedded))
        hidden = self.convolution(embedded)
        # What the filters say is positive, so that zero is less than anything said.
        hidden = ops.max(ops.where(there, hidden, ops.zeros_like(hidden)), axis=1)
        return ops.reshape(self.dense(hidden), (rows, words, self.dim))

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "embedding_dim": self.embedding_dim,
            "filters": self.filters,
            "kernel_size": self.kernel_size,
        }
