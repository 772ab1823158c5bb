"""The query reads the other modalities through gates that start closed."""

import keras
from keras import ops

from mmzoo.fusion.attention_fusion import AttentionFusion
from mmzoo.fusion.fusion import pick_query
from mmzoo.fusion.reading import ReadingOrder, stacked
from mmzoo.layers import masked_mean


@keras.saving.register_keras_serializable(package="mmzoo")
class GatedCrossAttention(AttentionFusion):
    """The query's tokens read the others' in residual layers behind tanh gates (Flamingo).

    `y <- y + tanh(a) attention(y, x)`, `y <- y + tanh(b) feedforward(y)`, with `a = b = 0` at the
    start: the fused vector, the mean of the layer-normalised `y`, is then that of the query alone,
    so a pretrained branch is not disturbed. For the same reason the query's tokens come in as they
    are, not normalised. They do not read each other, which in the paper the layers of a language
    model in between see to; here the encoder does. A modality alone reads itself.

    Args:
        dim: common width of the tokens; divisible by `num_heads`.
        depth: number of layers.
        num_heads: attention heads a layer.
        hidden_dim: width of the feed-forward networks; `None` means `4 * dim`.
        query: name of the modality that reads the others; `None`: `build_model` takes the first
            that is text.
        **kwargs: `hidden_units`, `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, dim)`.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, dim)`.

    Raises:
        ValueError: when there is no such query.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 8), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> tuple(GatedCrossAttention(dim=8, query="text")(tokens, mask).shape)
    (2, 8)

    Formula: y <- y + tanh(a) attend(y, x); y <- y + tanh(b) feedforward(y)
    Reference: Alayrac et al. 2022, arXiv 2204.14198 (Flamingo).
    Choose when: a pretrained text branch that must not be disturbed at the start.
    """

    def __init__(self, dim=None, query=None, **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.query = query

    def build(self, tokens_shape):  # the query's tokens stay as they are
        self.blocks = [
            self.make_block(f"block_{i}", cross_attention=True, gated=True)
            for i in range(self.depth)
        ]
        self.norm = self.make_norm()

    def read(self, tokens, mask):
        """The query's tokens after they read the others, `(B, T, dim)`, each by itself."""
        query, others = pick_query(self.query, tokens)
        context = ops.concatenate([tokens[name] for name in others], axis=1)
        padding_mask = ops.concatenate([mask[name] for name in others], axis=1)
        stream = tokens[query]
        for block in self.blocks:
            stream = block(stream, padding_mask=padding_mask, context=context)
        return self.norm(stream)

    def fuse_tokens(self, tokens, mask):
        query, _ = pick_query(self.query, tokens)
        stream = self.read(tokens, mask)
        return masked_mean(stream, mask[query]), {query: stream}

    def reading_order(self, names):
        query, others = pick_query(self.query, names)
        readings = [(f"block_{i}", (query,), tuple(others)) for i in range(self.depth)]
        return ReadingOrder(stacked(readings), (query,))

    def get_config(self):
        return {**super().get_config(), "query": self.query}
