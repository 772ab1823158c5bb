"""The base class of the encoders of tables."""

from typing import ClassVar

import keras
from keras import ops

from mmzoo.encoders.encoder import Encoder


class TabularEncoder(Encoder):
    """Tells missing numbers from the others, and embeds categories.

    A subclass implements `contextualize(numbers, missing, categories)`. What stands in the place of
    a missing number is zero, whatever came in.

    Args:
        numbers: count of the columns of numbers. `None`: that of the modality.
        cardinalities: for each column of categories, how many ids there are, missing and unknown
            counted. `None`: those of the modality.
        embedding_dim: width of the embeddings of categories.
        **kwargs: those of `mmzoo.encoders.Encoder`.

    Call arguments:
        x: dict of `numbers`, `(B, N)` float, NaN where one is missing, and `categories`, `(B, C)`
            int32 ids; or one of these alone, where there is no other.

    Returns:
        `(tokens, mask)`: `(B, T, D)` and `(B, T)`.
    """

    dimensions: ClassVar = dict.fromkeys(("x", "numbers", "categories"), ("batch", "columns"))

    def __init__(self, numbers=None, cardinalities=None, embedding_dim=16, **kwargs):
        super().__init__(**kwargs)
        # Layers
        self.embedding = None
        if cardinalities:
            # One table for all columns: the ids of each follow those of the one before.
            self.embedding = keras.layers.Embedding(
                sum(cardinalities),
                embedding_dim,
                embeddings_initializer=symmetric_uniform(embedding_dim),
                dtype=self.dtype_policy,
                name="embedding",
            )
        # Config
        self.numbers = numbers
        self.cardinalities = None if cardinalities is None else list(cardinalities)
        self.embedding_dim = embedding_dim

    def contextualize(self, numbers, missing, categories):
        """What the columns hold -> tokens.

        Args:
            numbers: `(B, N)` float, zero where one is missing; `None` where there is no column.
            missing: `(B, N)` bool, or `None`.
            categories: `(B, C, embedding_dim)` float, or `None`.

        Returns:
            `(B, T, D)`.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `contextualize`.")

    def encode(self, x, training=None):
        if self.numbers is None or self.cardinalities is None:
            raise ValueError(
                f"{type(self).__name__} has no `numbers` or no `cardinalities`. Give it both, or "
                "use the encoder in a `mmzoo.Tabular`, which passes its own."
            )
        if not isinstance(x, dict):
            x = {"numbers" if self.numbers else "categories": x}
        numbers, missing, categories = x.get("numbers"), None, None
        if numbers is not None:
            missing = ops.isnan(numbers)
            numbers = ops.where(missing, ops.zeros_like(numbers), numbers)
        if self.embedding is not None:
            first_ids = [sum(self.cardinalities[:i]) for i in range(len(self.cardinalities))]
            # In this order: what is added second may become a bias, which LiteRT does not add to
            # integers.
            categories = self.embedding(ops.add(first_ids, x["categories"]))
        tokens = self.contextualize(numbers, missing, categories)
        return tokens, ops.ones(ops.shape(tokens)[:2], dtype="bool")

    def get_config(self):
        return {
            **super().get_config(),
            "numbers": self.numbers,
            "cardinalities": self.cardinalities,
            "embedding_dim": self.embedding_dim,
        }


def symmetric_uniform(dim):
    """The initializer of tokens of columns: uniform, within `dim ** -0.5` of zero."""
    return keras.initializers.RandomUniform(-(dim**-0.5), dim**-0.5)
