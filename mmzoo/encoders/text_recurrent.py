"""What the LSTM and GRU text encoders share."""

import keras

from mmzoo.encoders.recurrent import recurrent_layer, recurrent_states
from mmzoo.encoders.text_encoder import TextEncoder


class TextRecurrent(TextEncoder):
    """Embeddings read by a recurrent layer; padding leaves its state as it was.

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
    """

    def __init__(
        self,
        vocabulary_size=None,
        embedding_dim=128,
        units=128,
        bidirectional=False,
        use_cudnn=False,
        dropout=0.0,
        **kwargs,
    ):
        super().__init__(vocabulary_size, embedding_dim, **kwargs)
        # Layers
        self.recurrent = recurrent_layer(
            self.make_recurrent, units, bidirectional, use_cudnn, self.pooling, self.dtype_policy
        )
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        # Config
        self.dropout = dropout
        self.units = units
        self.bidirectional = bidirectional
        self.use_cudnn = use_cudnn

    def make_recurrent(self, units, **kwargs):
        """The recurrent layer of the subclass."""
        raise NotImplementedError(f"{type(self).__name__} must implement `make_recurrent`.")

    def contextualize(self, tokens, mask):
        tokens = self.dropout_layer(tokens)
        return recurrent_states(self.recurrent, tokens, mask, self.pooling)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "bidirectional": self.bidirectional,
            "use_cudnn": self.use_cudnn,
            "dropout": self.dropout,
        }
