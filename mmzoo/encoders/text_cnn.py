"""Convolutions over the words of a text."""

import keras
from keras import ops

from mmzoo.encoders.text_encoder import TextEncoder


@keras.saving.register_keras_serializable(package="mmzoo")
class TextCNN(TextEncoder):
    """One convolution a window size, side by side.

    Kim's classifier is this encoder with `pooling="max"`.

    Args:
        vocabulary_size: number of ids. `None`: that of the modality.
        embedding_dim: width of the embeddings.
        filters: output channels of each convolution.
        kernel_sizes: window sizes in words, a convolution each.
        **kwargs: `embeddings_initializer`, `word_dropout`, `pooling`, `projection_units`,
            `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: `(B, T)` int32 token ids, 0 is padding.

    Returns:
        `(tokens, mask)`: `(B, T, filters * len(kernel_sizes))` and `(B, T)`.

    Example:

    >>> import numpy as np
    >>> encoder = TextCNN(vocabulary_size=10, embedding_dim=4, filters=6, kernel_sizes=(2, 3))
    >>> tokens, mask = encoder(np.array([[2, 3, 0]]))
    >>> tuple(tokens.shape)
    (1, 3, 12)

    Reference: Kim 2014, arXiv 1408.5882.
    """

    def __init__(
        self,
        vocabulary_size=None,
        embedding_dim=128,
        filters=64,
        kernel_sizes=(3, 4, 5),
        **kwargs,
    ):
        super().__init__(vocabulary_size, embedding_dim, **kwargs)
        # Layers
        self.convolutions = [
            keras.layers.Conv1D(
                filters,
                size,
                padding="same",
                activation="relu",
                data_format="channels_last",
                dtype=self.dtype_policy,
                name=f"convolution_{size}",
            )
            for size in kernel_sizes
        ]
        # Config
        self.filters = filters
        self.kernel_sizes = tuple(kernel_sizes)

    def contextualize(self, tokens, mask):
        # Padding enters the windows of the last words: as zeros, however much of it there is.
        tokens = ops.where(mask[..., None], tokens, ops.zeros_like(tokens))
        return ops.concatenate([layer(tokens) for layer in self.convolutions], axis=-1), mask

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_sizes": list(self.kernel_sizes),
        }
