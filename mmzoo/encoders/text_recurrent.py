"""What the LSTM and GRU text encoders share."""

import keras
from keras import ops

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
        **kwargs: `embeddings_initializer`, `pooling`, `projection_units`, `projection_activation`,
            `name`, `dtype`.
    """

    def __init__(
        self,
        vocabulary_size=None,
        embedding_dim=128,
        units=128,
        bidirectional=False,
        use_cudnn=False,
        **kwargs,
    ):
        super().__init__(vocabulary_size, embedding_dim, **kwargs)
        # Layers
        self.recurrent = self.make_recurrent(
            units,
            return_sequences=self.pooling != "last",
            use_cudnn=use_cudnn,
            dtype=self.dtype_policy,
            name="recurrent",
        )
        if bidirectional:
            self.recurrent = keras.layers.Bidirectional(
                self.recurrent, dtype=self.dtype_policy, name="bidirectional"
            )
        # Config
        self.units = units
        self.bidirectional = bidirectional
        self.use_cudnn = use_cudnn

    def make_recurrent(self, units, **kwargs):
        """The recurrent layer of the subclass."""
        raise NotImplementedError(f"{type(self).__name__} must implement `make_recurrent`.")

    def contextualize(self, tokens, mask):
        states = self.recurrent(tokens, mask=mask)
        if self.pooling == "last":  # the layer itself returned its final state, one vector a row
            return states[:, None], ops.any(mask, axis=1, keepdims=True)
        return states, mask

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "bidirectional": self.bidirectional,
            "use_cudnn": self.use_cudnn,
        }
