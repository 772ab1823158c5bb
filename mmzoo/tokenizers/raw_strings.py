"""No tokenizer: for encoders that take strings."""

import keras

from mmzoo.tokenizers.tokenizer import Tokenizer


@keras.saving.register_keras_serializable(package="mmzoo")
class RawStrings(Tokenizer):
    """Hands the strings over as they are, to a TF-Hub module that splits them itself.

    Strings in a model switch XLA off for all of it.

    Example:

    >>> RawStrings().tensors(None)
    {'strings': ((), 'string')}
    """

    def tensors(self, length):
        return {"strings": ((), "string")}

    def tokenize(self, texts, length):
        return {"strings": texts}
