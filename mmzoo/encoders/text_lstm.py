"""A long short-term memory network over the words of a text."""

import keras

from mmzoo.encoders.text_recurrent import TextRecurrent


@keras.saving.register_keras_serializable(package="mmzoo")
class TextLSTM(TextRecurrent):
    """A long short-term memory network over the words of a text.

    `pooling=None` gives the state after each word, `pooling="last"` the final state.

    Args:
        vocabulary_size: number of ids. `None`: that of the modality.
        embedding_dim: width of the embeddings.
        units: width of the state.
        bidirectional: whether a second layer reads from the end; the width doubles.
        use_cudnn: `False` keeps XLA compilation of the train step possible; `"auto"` uses the
            cuDNN kernel on a GPU, and XLA is then off for the whole model.
        dropout: rate of what the recurrent layer reads, in training.
        **kwargs: `embeddings_initializer`, `word_dropout`, `pooling`, `projection_units`,
            `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: `(B, T)` int32 token ids, 0 is padding.

    Returns:
        `(tokens, mask)`: `(B, T, units)` and `(B, T)`.

    Example:

    >>> import numpy as np
    >>> encoder = TextLSTM(vocabulary_size=10, embedding_dim=4, units=6, pooling="last")
    >>> tokens, mask = encoder(np.array([[2, 3, 0]]))
    >>> tuple(tokens.shape)
    (1, 1, 6)

    Reference: Hochreiter and Schmidhuber 1997, "Long short-term memory".
    """

    def make_recurrent(self, units, **kwargs):
        return keras.layers.LSTM(units, **kwargs)
