"""What was read, in a few vectors that stand before a text."""

import keras
from keras import ops

from mmzoo.layers import CompositeLayer, attend_by_heads


@keras.saving.register_keras_serializable(package="mmzoo")
class Prefix(CompositeLayer):
    """As many vectors as there are learned queries, each of what its query attends to.

    Args:
        length: number of vectors.
        dim: their width.
        num_heads: attention heads; divides `dim`.

    Call arguments:
        memory: `(B, S, E)` float.
        memory_mask: `(B, S)` bool, `True` where there is something to read; in every row somewhere.

    Returns:
        `(B, length, dim)`.

    Raises:
        ValueError: when `num_heads` does not divide `dim`.

    Example:

    >>> import numpy as np
    >>> prefix = Prefix(length=3, dim=8, num_heads=2)
    >>> tuple(prefix(np.ones((2, 5, 6), "float32"), np.ones((2, 5), bool)).shape)
    (2, 3, 8)

    Reference: the mapping network of Mokady et al. 2021, arXiv 2111.09734 (ClipCap), with one
    attention of constant queries.
    """

    def __init__(self, length, dim, num_heads=4, **kwargs):
        super().__init__(**kwargs)
        if dim % num_heads:
            raise ValueError(
                f"`num_heads` must divide the width; received num_heads={num_heads}, dim={dim}."
            )
        # Layers
        self.key, self.value, self.output_map = (
            keras.layers.Dense(dim, dtype=self.dtype_policy, name=name)
            for name in ("key", "value", "output_map")
        )
        # Config
        self.length = length
        self.dim = dim
        self.num_heads = num_heads

    def build(self, memory_shape):
        self.queries = self.add_weight(
            (self.length, self.dim), initializer="random_normal", name="queries"
        )

    def call(self, memory, memory_mask):
        rows = ops.shape(memory)[0]
        queries = ops.cast(ops.convert_to_tensor(self.queries), self.compute_dtype)
        queries = ops.broadcast_to(queries, (rows, *queries.shape))
        key, value, mask = self.key(memory), self.value(memory), memory_mask[:, None, None, :]
        read = attend_by_heads(queries, key, value, mask, self.num_heads)
        return self.output_map(queries + read)

    def get_config(self):
        return {
            **super().get_config(),
            "length": self.length,
            "dim": self.dim,
            "num_heads": self.num_heads,
        }
