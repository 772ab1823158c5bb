"""A transformer over the columns of a table."""

import keras
from keras import ops

from mmzoo.encoders.tabular_encoder import TabularEncoder, symmetric_uniform
from mmzoo.layers import TransformerBlock


@keras.saving.register_keras_serializable(package="mmzoo")
class TabularFTTransformer(TabularEncoder):
    """Each column is a token, `x_j * W_j + b_j` or `e_j + b_j`; a missing number is one of its own.

    The tokens are those of the numbers, of the categories, and last a learned one that reads the
    others: `pooling="last"` is the paper's classifier. Blocks are those of mmzoo (GELU, and a
    normalisation before the first attention, too).

    Args:
        numbers: count of the columns of numbers. `None`: that of the modality.
        cardinalities: ids of each column of categories. `None`: those of the modality.
        embedding_dim: width of the tokens; divisible by `num_heads`.
        depth: number of transformer blocks.
        num_heads: attention heads a block.
        hidden_dim: width of the feed-forward networks; `None` means `4 * embedding_dim`.
        dropout: dropout rate in the blocks.
        **kwargs: `pooling`, `projection_units`, `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: dict of `numbers`, `(B, N)` float, NaN where one is missing, and `categories`, `(B, C)`
            int32 ids; or one of these alone, where there is no other.

    Returns:
        `(tokens, mask)`: `(B, N + C + 1, embedding_dim)` and `(B, N + C + 1)`.

    Example:

    >>> import numpy as np
    >>> encoder = TabularFTTransformer(numbers=2, cardinalities=[5], embedding_dim=8, depth=1)
    >>> x = {"numbers": np.array([[0.5, np.nan]], "float32"), "categories": np.array([[3]])}
    >>> tokens, mask = encoder(x)
    >>> tuple(tokens.shape)
    (1, 4, 8)

    Reference: Gorishniy et al. 2021, arXiv 2106.11959 (FT-Transformer).
    """

    def __init__(
        self,
        numbers=None,
        cardinalities=None,
        embedding_dim=64,
        depth=2,
        num_heads=4,
        hidden_dim=None,
        dropout=0.0,
        **kwargs,
    ):
        super().__init__(numbers, cardinalities, embedding_dim, **kwargs)
        # Layers
        dtype = self.dtype_policy
        self.blocks = [
            TransformerBlock(
                embedding_dim, num_heads, hidden_dim, dropout, dtype=dtype, name=f"block_{i}"
            )
            for i in range(depth)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")
        # Config
        self.depth = depth
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout

    def build(self, x_shape):
        def tokens(count, name):
            initializer = symmetric_uniform(self.embedding_dim)
            return self.add_weight((count, self.embedding_dim), initializer=initializer, name=name)

        if self.numbers:
            self.number_scales = tokens(self.numbers, "number_scales")
            self.number_biases = tokens(self.numbers, "number_biases")
            self.missing_tokens = tokens(self.numbers, "missing_tokens")
        if self.cardinalities:
            self.category_biases = tokens(len(self.cardinalities), "category_biases")
        self.class_token = tokens(1, "class_token")

    def contextualize(self, numbers, missing, categories):
        columns = []
        if numbers is not None:
            scales, biases, instead = (
                ops.cast(weight, numbers.dtype)
                for weight in (self.number_scales, self.number_biases, self.missing_tokens)
            )
            there = numbers[..., None] * scales + biases
            columns.append(ops.where(missing[..., None], instead, there))
        if categories is not None:
            columns.append(categories + ops.cast(self.category_biases, categories.dtype))
        class_token = ops.cast(self.class_token, columns[0].dtype)[None]
        shape = (ops.shape(columns[0])[0], 1, self.embedding_dim)
        tokens = ops.concatenate([*columns, ops.broadcast_to(class_token, shape)], axis=1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
        }
