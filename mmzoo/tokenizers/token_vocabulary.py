"""The tokens of a given tokenizer, as ids of answers and back."""

import functools
import re

from mmzoo.tokenizers.keras_hub_tokenizer import KerasHubTokenizer
from mmzoo.tokenizers.vocabulary import END, SPECIAL, UNKNOWN, Vocabulary

#: What SentencePiece writes for a space.
SPACE = "\u2581"


class TokenVocabulary(Vocabulary):
    """Texts <-> ids of answers, by a tokenizer of KerasHub: of byte pairs, or SentencePiece.

    Id `4 + i` is the tokenizer's `i`; 1 is what it has no token for. Nothing is learned. Texts are
    read as they are; white space around what was written is taken away.

    Args:
        tokenizer: a `keras_hub.tokenizers.Tokenizer`, or what `get_config` returned.

    Raises:
        ImportError: when KerasHub or `tensorflow_text` is not installed.
        ValueError: for a tokenizer of another kind.

    Example:

    >>> import keras_hub
    >>> tokens = {"a": 0, "b": 1, "ab": 2, "\u0120a": 3, "\u0120": 4, "<|endoftext|>": 5}
    >>> tokenizer = keras_hub.tokenizers.GPT2Tokenizer(tokens, ["a b", "\u0120 a"])
    >>> vocabulary = TokenVocabulary(tokenizer)
    >>> vocabulary.ids("ab a"), vocabulary.text([6, 7, 3])
    ([6, 7], 'ab a')
    """

    def __init__(self, tokenizer):
        self.unit = "token"
        self.lowercase = False
        if isinstance(tokenizer, dict):
            self.tokenizer = KerasHubTokenizer(**tokenizer)
        else:
            self.tokenizer = KerasHubTokenizer(tokenizer)
        self._bytes = _bytes_of(self.tokenizer.tokenizer)

    @functools.cached_property
    def words(self):
        """The tokens in the order of their ids; bytes that are no text alone are replaced."""
        return [piece.decode("utf-8", "replace") for piece in self._bytes]

    def get_config(self):
        """The tokenizer and its files, as JSON-able values."""
        return self.tokenizer.get_config()

    def ids(self, text, unknown=None):
        tokens = map(int, self.tokenizer.tokenizer.tokenize(text))
        # Special tokens, that of the unknown among them, stand for no text, and are never written.
        return [SPECIAL + token if self._bytes[token] else UNKNOWN for token in tokens]

    def text(self, ids, others=()):
        pieces = []
        for index in ids:
            if index == END:
                break
            if index == UNKNOWN:
                pieces.append("\ufffd".encode())
            elif index >= SPECIAL and index - SPECIAL < len(self._bytes):
                pieces.append(self._bytes[index - SPECIAL])
        return b"".join(pieces).decode("utf-8", "replace").strip()

    def texts_in_graph(self, ids):
        import tensorflow as tf

        table = tf.constant([b"", "\ufffd".encode(), b"", b"", *self._bytes])
        pieces = tf.gather(table, tf.minimum(ids, len(self._bytes) + SPECIAL - 1))
        texts = tf.strings.reduce_join(pieces, axis=-1)
        return tf.strings.strip(tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8"))


def special_ids(tokenizer):
    """The tokens of a tokenizer of KerasHub that stand for no text.

    KerasHub does not count the one that SentencePiece has for all that it does not know.
    """
    special = {int(token) for token in tokenizer.special_token_ids}
    if hasattr(tokenizer, "proto"):
        special.add(int(tokenizer.token_to_id("\0no such token")))
    return special


def _bytes_of(tokenizer):
    """The bytes that each token of a tokenizer of KerasHub stands for; none for a special one."""
    special = special_ids(tokenizer)
    if hasattr(tokenizer, "merges"):
        of_character = {character: byte for byte, character in _characters_of_bytes().items()}

        def decoded(token):
            if all(character in of_character for character in token):
                return bytes(of_character[character] for character in token)
            return token.encode()  # added beside the byte pairs

    elif hasattr(tokenizer, "proto"):

        def decoded(token):
            byte = re.fullmatch("<0x([0-9A-F]{2})>", token)
            return bytes.fromhex(byte[1]) if byte else token.replace(SPACE, " ").encode()

    else:
        raise ValueError(
            "An answer can be written with a tokenizer of byte pairs or of SentencePiece; received "
            f"a {type(tokenizer).__name__}."
        )
    pieces = (tokenizer.id_to_token(index) for index in range(tokenizer.vocabulary_size()))
    return [b"" if i in special else decoded(str(piece)) for i, piece in enumerate(pieces)]


def _characters_of_bytes():
    """Byte -> the printable character that stands for it in the vocabularies of byte pairs.

    Source: the tokenizer of GPT-2, Radford et al. 2019; printable characters of Latin-1 stand for
    themselves, and the others, in their order, for characters from 256 on.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    characters = {byte: chr(byte) for byte in printable}
    return characters | {byte: chr(256 + number) for number, byte in enumerate(others)}
