"""The base class of tokenizers that an encoder brings along."""


class Tokenizer:
    """How texts become the tensors of a pretrained encoder, as configuration.

    A subclass is registered with `keras.saving.register_keras_serializable`, and its config holds
    all it needs, vocabulary and all: it is stored with the `Preprocessor`. It works in TensorFlow
    ops, so that it runs in `tf.data` and in the exported graph.
    """

    #: Number of ids, or `None` where the encoder is not told.
    vocabulary_size = None
    #: Packages beside `tensorflow` that a program must import before it loads an exported model.
    packages = ()

    def tensors(self, length):
        """What enters the model.

        Args:
            length: the modality's number of tokens.

        Returns:
            Dict from part to `(shape without the batch, dtype)`: `"ids"` first, then whatever else
            the encoder needs, such as `"mask"`.
        """
        return {"ids": ((length,), "int32")}

    def tokenize(self, texts, length):
        """Texts -> the tensors.

        Args:
            texts: `(B,)` string tensor.
            length: the modality's number of tokens.

        Returns:
            Dict from part to `(B, ...)` tensor.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `tokenize`.")

    def count_tokens(self, texts):
        """How many tokens texts have before they are cut, and how many of all are unknown.

        Args:
            texts: `(B,)` string tensor.

        Returns:
            `(B,)` and scalar int64, or `None` where that can't be told.
        """
        return

    def resources(self):
        """TensorFlow objects, such as lookup tables, that an exported graph must carry."""
        return []

    def get_config(self):
        """The arguments as JSON-able values."""
        return {}

    @classmethod
    def from_config(cls, config):
        """The tokenizer with these arguments."""
        return cls(**config)
