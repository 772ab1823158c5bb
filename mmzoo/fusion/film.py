"""Feature-wise linear modulation."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion, pick_query
from mmzoo.layers import FiLMBlock, append_coordinates, masked_max, masked_mean


@keras.saving.register_keras_serializable(package="mmzoo")
class FiLM(Fusion):
    """Residual convolutions over one modality's tokens, modulated by the other (FiLM).

    The query's mean token gives a scale and a shift for every channel of every block:
    `FiLM(x) = (1 + gamma(q)) x + beta(q)`, with a generator that starts at zero. The tokens have
    their coordinates appended, and the fused vector is their maximum. Of several modalities beside
    the query, each has a stream of its own; their vectors are joined by a dense layer.

    Args:
        dim: channels of the blocks and width of the fused vector.
        depth: number of residual blocks.
        query: name of the modality that modulates; `None`: `build_model` takes the first that is
            text.
        grids: dict from modality name to the `(height, width)` of its tokens; the tokens of others
            are lines. `build_model` fills in those of its encoders.
        **kwargs: `hidden_units`, `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, D)`; widths may differ.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, dim)`.

    Raises:
        ValueError: when there is no such query, or a grid does not fit its tokens.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 6), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> block = FiLM(dim=16, query="text", grids={"image": (2, 2)})
    >>> tuple(block(tokens, mask).shape)
    (2, 16)

    Formula: x <- x + relu((1 + gamma_l(q)) norm(conv(x)) + beta_l(q)); h = max_t conv(x)_t
    Reference: Perez et al. 2017, arXiv 1709.07871 (FiLM). BatchNorm is LayerNorm here, which no
        other row can influence.
    Choose when: a question or condition decides what to compute from a picture.
    """

    projects = "never"

    def __init__(self, dim=None, depth=4, query=None, grids=None, **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.depth = depth
        self.query = query
        self.grids = None if grids is None else {k: tuple(v) for k, v in grids.items()}

    def build(self, tokens_shape):
        _, self.streams = pick_query(self.query, sorted(tokens_shape))
        grids = self.grids or {}
        self.generator = self.make_dense(
            len(self.streams) * self.depth * 2 * self.dim,
            "generator",
            kernel_initializer="zeros",
        )
        self.stems = [self.make_dense(self.dim, f"{name}_stem") for name in self.streams]
        self.blocks = [
            [
                FiLMBlock(
                    self.dim, grids.get(name), dtype=self.dtype_policy, name=f"{name}_block_{i}"
                )
                for i in range(self.depth)
            ]
            for name in self.streams
        ]
        self.outputs = [self.make_dense(self.dim, f"{name}_output") for name in self.streams]
        self.joint = self.make_dense(self.dim, "joint") if len(self.streams) > 1 else None

    def fuse_tokens(self, tokens, mask):
        query, _ = pick_query(self.query, tokens)
        generated = self.generator(masked_mean(tokens[query], mask[query]))
        generated = ops.reshape(generated, (-1, len(self.streams), self.depth, 2, 1, self.dim))
        grids = self.grids or {}
        streams = {}
        for s, name in enumerate(self.streams):
            x = ops.relu(self.stems[s](append_coordinates(tokens[name], grids.get(name))))
            for i, block in enumerate(self.blocks[s]):
                x = block(x, mask[name], generated[:, s, i, 0], generated[:, s, i, 1])
            streams[name] = self.outputs[s](append_coordinates(x, grids.get(name)))
        vectors = [masked_max(stream, mask[name]) for name, stream in streams.items()]
        if self.joint is None:
            return vectors[0], streams
        return self.joint(ops.concatenate(vectors, axis=-1)), streams

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "query": self.query,
            "grids": None if self.grids is None else {k: list(v) for k, v in self.grids.items()},
        }
