"""One vector a row, added to the tokens of several modalities."""

import keras
from keras import ops

from mmzoo.layers.composite_layer import CompositeLayer


@keras.saving.register_keras_serializable(package="mmzoo")
class AddVector(CompositeLayer):
    """Adds a row's vector to each of its tokens, so that each knows what the row is about.

    What is of another width than `dim`, tokens or vector, goes through a linear map first; what has
    that width is taken as it is, and the layer may have no weights at all.

    Args:
        dim: width of the result; `None`: that of the vector.
        **kwargs: `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, D)`; widths may differ.
        vector: `(B, D)`, or `(B, M, D)`, whose mean over `M` is added.

    Returns:
        Dict from modality name to `(B, T, dim)`.

    Example:

    >>> import numpy as np
    >>> tokens = {"text": np.array([[[1.0], [2.0]]], "float32")}
    >>> AddVector()(tokens, np.array([[10.0]], "float32"))["text"].numpy().tolist()
    [[[11.0], [12.0]]]
    """

    def __init__(self, dim=None, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim

    def build(self, tokens_shape, vector_shape):
        dim = self.dim or vector_shape[-1]
        self.token_maps = {
            name: self.make_map(tokens_shape[name][-1], dim, f"{name}_map")
            for name in sorted(tokens_shape)
        }
        self.vector_map = self.make_map(vector_shape[-1], dim, "vector_map")

    def make_map(self, width, dim, name):
        """A linear map from `width` to `dim`, as a sublayer `name`; none where they agree."""
        if width == dim:
            return None
        return keras.layers.Dense(dim, dtype=self.dtype_policy, name=name)

    def call(self, tokens, vector):
        if len(vector.shape) == 3:
            vector = ops.mean(vector, axis=1)
        if self.vector_map is not None:
            vector = self.vector_map(vector)
        added = {}
        for name, stream in tokens.items():
            token_map = self.token_maps[name]
            stream = stream if token_map is None else token_map(stream)
            added[name] = stream + vector[:, None]
        return added

    def get_config(self):
        return {**super().get_config(), "dim": self.dim}
