"""The tokenizers of KerasHub."""

import base64
import os
import tempfile

import keras

from mmzoo.keras_compat import make_tables, safe_mode, tokenize_in_graph
from mmzoo.tokenizers.sub_words import SubWords
from mmzoo.tokenizers.word_piece import WordPiece
from mmzoo.utils.optional_packages import require

#: Their start token is for a decoder: what an encoder reads has none.
NO_START = ("SigLIPTokenizer", "T5Tokenizer")


@keras.saving.register_keras_serializable(package="mmzoo")
class KerasHubTokenizer(SubWords):
    """A tokenizer of KerasHub: byte pairs (RoBERTa, CLIP), SentencePiece (T5, SigLIP).

    Its files are part of the config, so that a saved preprocessor needs no preset. It works with
    ops of `tensorflow_text`: where an exported model is served, that package must be installed and
    imported before the model is loaded. (`WordPiece` does without.)

    Args:
        tokenizer: a `keras_hub.tokenizers.Tokenizer`, or its config.
        files: dict from name to content, base64, of its files; `None`: asked of the tokenizer.
        max_length: the most tokens that the encoder takes, or `None`.

    Raises:
        ImportError: when KerasHub or `tensorflow_text` is not installed.

    Reference: https://keras.io/keras_hub/api/tokenizers
    """

    packages = ("tensorflow_text",)

    def __init__(self, tokenizer, files=None, max_length=None):
        require("keras_hub", "keras-hub")
        require("tensorflow_text", "keras-hub")
        if files is None:
            files = _files(tokenizer)
            tokenizer = keras.saving.serialize_keras_object(tokenizer)
        self.config = tokenizer
        self.files = files
        self.max_length = max_length
        self.tokenizer = _restored(self.config, self.files)
        self._in_graph = None
        self.vocabulary_size = self.tokenizer.vocabulary_size()
        if type(self.tokenizer).__name__ not in NO_START:
            self.start_id = getattr(self.tokenizer, "start_token_id", None)
        self.end_id = getattr(self.tokenizer, "end_token_id", None)
        self.padding_id = getattr(self.tokenizer, "pad_token_id", None) or 0

    def pieces(self, texts):
        import tensorflow as tf

        kind = type(self.tokenizer).__name__
        if kind in ("CLIPTokenizer", "SigLIPTokenizer"):
            texts = tf.strings.lower(texts)
        if kind == "SigLIPTokenizer":
            texts = tf.strings.regex_replace(texts, r"[!-/:-@\[-`{-~]", "")
            texts = tf.strings.strip(tf.strings.regex_replace(texts, r"\s+", " "))
        if self._in_graph is None:  # called eagerly, KerasHub returns lists
            self._in_graph = tf.function(tokenize_in_graph(self.tokenizer))
        return self._in_graph(texts)

    def resources(self):
        return [self.tokenizer]

    def get_config(self):
        return {"tokenizer": self.config, "files": self.files, "max_length": self.max_length}


def from_keras_hub(tokenizer, max_length=None):
    """A tokenizer of KerasHub as one of mmzoo, in TensorFlow's own ops where that is possible.

    Args:
        tokenizer: a `keras_hub.tokenizers.Tokenizer`.
        max_length: the most tokens that the encoder takes, or `None`.

    Returns:
        A `WordPiece` for BERT, DistilBERT and ELECTRA, and otherwise a `KerasHubTokenizer`.

    Example:

    >>> import keras_hub
    >>> vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "square"]
    >>> type(from_keras_hub(keras_hub.models.BertTokenizer(vocabulary))).__name__
    'WordPiece'
    """
    models = require("keras_hub", "keras-hub").models
    word_pieces = (models.BertTokenizer, models.DistilBertTokenizer, models.ElectraTokenizer)
    if not isinstance(tokenizer, word_pieces) or tokenizer.special_tokens_in_strings:
        return KerasHubTokenizer(tokenizer, max_length=max_length)
    return WordPiece(
        tokenizer.get_vocabulary(),
        lowercase=tokenizer.lowercase,
        strip_accents=tokenizer.strip_accents,
        split_on_cjk=tokenizer.split_on_cjk,
        prefix=tokenizer.suffix_indicator,
        unknown=tokenizer.oov_token,
        start=tokenizer.start_token,
        end=tokenizer.end_token,
        padding=tokenizer.pad_token,
        max_length=max_length,
    )


def _files(tokenizer):
    """The files of a tokenizer: name -> content."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_assets(folder)
        files = {}
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as file:
                files[name] = base64.b64encode(file.read()).decode()
    return files


def _restored(config, files):
    """The tokenizer that has this config and these files."""
    tokenizer = keras.saving.deserialize_keras_object(config)
    with tempfile.TemporaryDirectory() as folder, safe_mode(False):  # reads our own files
        for name, content in files.items():
            with open(os.path.join(folder, os.path.basename(name)), "wb") as file:
                file.write(base64.b64decode(content))
        tokenizer.load_assets(folder)
    make_tables(tokenizer)
    return tokenizer
