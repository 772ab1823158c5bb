"""The base class of the text encoders that mmzoo trains from scratch."""

from typing import ClassVar

import keras
from keras import ops

from mmzoo.encoders.encoder import Encoder
from mmzoo.layers import WordBytes


class TextEncoder(Encoder):
    """Embeds token ids; id 0 is padding and masked.

    A subclass implements `contextualize(tokens, mask)`: embeddings -> tokens and mask.

    Args:
        vocabulary_size: number of ids, padding and unknown counted. `None`: that of the modality.
        embedding_dim: width of the embeddings.
        embeddings_initializer: of the embeddings; anything `keras.initializers.get` takes.
        word_dropout: share of the words whose embedding is left out in training, as a whole; what
            their bytes tell stays.
        **kwargs: those of `mmzoo.encoders.Encoder`.

    Call arguments:
        x: `(B, T)` int32 token ids, 0 where there is none; or the dict that a tokenizer makes, with
            these as `"ids"` and perhaps with a `"mask"` `(B, T)`; and with `"bytes"`, `(B, T, N)`
            int32, those of each word, of which a vector is added to its embedding.

    Returns:
        `(tokens, mask)`: `(B, T, D)` and `(B, T)`.

    Reference of `word_dropout`: Gal and Ghahramani 2015, arXiv 1512.05287, section 4.2.
    """

    input_dtypes: ClassVar = {"x": "int32"}
    dimensions: ClassVar = {
        **dict.fromkeys(("x", "ids", "mask", "segments"), ("batch", "length")),
        "bytes": ("batch", "length", "bytes"),
    }

    def __init__(
        self,
        vocabulary_size=None,
        embedding_dim=128,
        embeddings_initializer="uniform",
        word_dropout=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.embedding = (
            keras.layers.Embedding(
                vocabulary_size,
                embedding_dim,
                embeddings_initializer=embeddings_initializer,
                dtype=self.dtype_policy,
                name="embedding",
            )
            if vocabulary_size
            else None
        )
        self.word_dropout_layer = keras.layers.Dropout(
            word_dropout,
            noise_shape=(None, None, 1),
            dtype=self.dtype_policy,
            name="word_dropout",
        )
        self.word_dropout = word_dropout
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, x_shape):
        #: What reads the bytes of words; `None`: they are not told.
        self.word_bytes = None
        if isinstance(x_shape, dict) and "bytes" in x_shape:
            self.word_bytes = WordBytes(
                self.embedding_dim, dtype=self.dtype_policy, name="word_bytes"
            )

    def contextualize(self, tokens, mask):
        """Embeddings `(B, T, embedding_dim)` and mask -> tokens and mask."""
        raise NotImplementedError(f"{type(self).__name__} must implement `contextualize`.")

    def encode(self, x, training=None):
        if self.embedding is None:
            raise ValueError(
                f"{type(self).__name__} has no `vocabulary_size`. Give it one, or use the encoder "
                "in a `mmzoo.Text`, which passes its own."
            )
        ids, mask = (x["ids"], x.get("mask")) if isinstance(x, dict) else (x, None)
        mask = ops.not_equal(ids, 0) if mask is None else ops.cast(mask, "bool")
        tokens = self.word_dropout_layer(self.embed(ids, x))
        if self.word_bytes is not None:
            tokens = tokens + self.word_bytes(x["bytes"])
        return self.contextualize(tokens, mask)

    def embed(self, ids, x):
        """The embeddings of the ids, `(B, T, embedding_dim)`; `x` is what the encoder was given."""
        return self.embedding(ids)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
            "word_dropout": self.word_dropout,
        }
