"""What tokenizers of KerasHub do not promise."""


def make_tables(tokenizer):
    """Makes the lookup tables of a tokenizer now; within a graph it would be too late.

    Args:
        tokenizer: a `keras_hub.tokenizers.Tokenizer` with its vocabulary.
    """
    tokenizer._maybe_initialized_tf()


def tokenize_in_graph(tokenizer):
    """The function by which a tokenizer tokenizes in TensorFlow; called eagerly, it gives lists.

    Args:
        tokenizer: a `keras_hub.tokenizers.Tokenizer`.

    Returns:
        A function from `(B,)` strings to ragged ids, to be wrapped in `tf.function`.
    """
    return tokenizer._tokenize_tf
