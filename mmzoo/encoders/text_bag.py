"""The mean of the word embeddings."""

import keras

from mmzoo.encoders.text_encoder import TextEncoder


@keras.saving.register_keras_serializable(package="mmzoo")
class TextBag(TextEncoder):
    """A bag of words: embeddings, averaged over the text. Order does not count.

    Args:
        vocabulary_size: number of ids. `None`: that of the modality.
        embedding_dim: width of the embeddings.
        pooling: as everywhere; `"mean"` by default, `None` keeps one token a word.
        **kwargs: `embeddings_initializer`, `word_dropout`, `projection_units`,
            `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: `(B, T)` int32 token ids, 0 is padding.

    Returns:
        `(tokens, mask)`: `(B, 1, embedding_dim)` and `(B, 1)`.

    Example:

    >>> import numpy as np
    >>> tokens, mask = TextBag(vocabulary_size=10, embedding_dim=4)(np.array([[2, 3, 0]]))
    >>> tuple(tokens.shape)
    (1, 1, 4)

    Reference: Joulin et al. 2016, arXiv 1607.01759 (fastText).
    """

    def __init__(self, vocabulary_size=None, embedding_dim=128, pooling="mean", **kwargs):
        super().__init__(vocabulary_size, embedding_dim, pooling=pooling, **kwargs)

    def contextualize(self, tokens, mask):
        return tokens, mask
