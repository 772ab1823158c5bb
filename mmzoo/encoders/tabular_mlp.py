"""All columns of a table in one vector."""

import keras
from keras import ops

from mmzoo.encoders.tabular_encoder import TabularEncoder
from mmzoo.layers import MLP


@keras.saving.register_keras_serializable(package="mmzoo")
class TabularMLP(TabularEncoder):
    """Numbers, whether they are missing, and embedded categories, through dense layers.

    Args:
        numbers: count of the columns of numbers. `None`: that of the modality.
        cardinalities: ids of each column of categories. `None`: those of the modality.
        embedding_dim: width of the embeddings of categories.
        hidden_units: width of each dense layer.
        dropout: rate after each of them.
        **kwargs: `pooling`, `projection_units`, `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: dict of `numbers`, `(B, N)` float, NaN where one is missing, and `categories`, `(B, C)`
            int32 ids; or one of these alone, where there is no other.

    Returns:
        `(tokens, mask)`: `(B, 1, hidden_units[-1])` and `(B, 1)`.

    Example:

    >>> import numpy as np
    >>> encoder = TabularMLP(numbers=2, cardinalities=[5], hidden_units=(8,))
    >>> x = {"numbers": np.array([[0.5, np.nan]], "float32"), "categories": np.array([[3]])}
    >>> tokens, mask = encoder(x)
    >>> tuple(tokens.shape)
    (1, 1, 8)

    Reference: Guo and Berkhahn 2016, arXiv 1604.06737 (entity embeddings).
    """

    def __init__(
        self,
        numbers=None,
        cardinalities=None,
        embedding_dim=16,
        hidden_units=(128, 128),
        dropout=0.0,
        **kwargs,
    ):
        super().__init__(numbers, cardinalities, embedding_dim, **kwargs)
        # Layers
        self.mlp = MLP(hidden_units, dropout=dropout, dtype=self.dtype_policy, name="mlp")
        # Config
        self.hidden_units = tuple(hidden_units)
        self.dropout = dropout

    def contextualize(self, numbers, missing, categories):
        parts = [] if numbers is None else [numbers, ops.cast(missing, numbers.dtype)]
        if categories is not None:
            width = len(self.cardinalities) * self.embedding_dim
            parts.append(ops.reshape(categories, (-1, width)))
        return self.mlp(ops.concatenate(parts, axis=-1))[:, None]

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_units": list(self.hidden_units),
            "dropout": self.dropout,
        }
