"""The words or characters of answers, as ids and back."""

import collections
import re
import unicodedata

from mmzoo.tokenizers.learned_pieces import JOINED, learn_pieces, pieces_of

#: Ids that stand for no word: padding, unknown, where a text starts, where it ends.
PADDING, UNKNOWN, START, END = range(4)
SPECIAL = 4
UNITS = ("word", "character", "wordpiece")
#: Scripts that are written without spaces: each of their characters is a word of its own.
_SINGLE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_WORD = re.compile(rf"[{_SINGLE}]|(?:(?![{_SINGLE}])\w)+(?:['’](?:(?![{_SINGLE}])\w)+)*|[^\w\s]")


class Vocabulary:
    """Texts <-> ids, learned from texts, so that every text of known words comes back as it was.

    Runs of white space count as one space; the characters are those of Unicode's NFC.

    Args:
        unit: `"word"`: words, punctuation marks, and single characters of scripts without spaces;
            or `"character"`; or `"wordpiece"`: parts of words, of which words are put together
            that training did not have.
        lowercase: whether texts are read in lower case.
        words: the words in the order of their ids, which begin at 4; `None`: `adapt` learns them. A
            word that follows the one before without a space begins with `##`.

    Raises:
        ValueError: for an unknown unit, or words that are repeated or empty.

    Example:

    >>> vocabulary = Vocabulary()
    >>> vocabulary.adapt(["It's red, not blue."], most=100)
    >>> ids = vocabulary.ids("It's blue.")
    >>> vocabulary.text(ids), vocabulary.words
    ("It's blue.", ['##,', '##.', "It's", 'blue', 'not', 'red'])
    """

    def __init__(self, unit="word", lowercase=False, words=None):
        if unit not in UNITS:
            raise ValueError(f"`unit` must be one of {', '.join(UNITS)}; received: {unit!r}.")
        self.unit = unit
        self.lowercase = lowercase
        self.words = None
        if words is not None:
            self.set_words(words)

    def set_words(self, words):
        """Takes over words that were learned or are given."""
        words = [str(word) for word in words]
        counts = collections.Counter(words)
        wrong = [word for word, count in counts.items() if count > 1 or not word]
        if wrong:
            raise ValueError(f"Words must differ and not be empty; received: {wrong[:5]}.")
        self.words = words
        self._ids = {word: index for index, word in enumerate(words, SPECIAL)}

    def adapt(self, texts, most):
        """Learns the words of texts: the most frequent ones.

        Args:
            texts: iterable of strings.
            most: the most words, characters or pieces to keep.
        """
        counts = collections.Counter(word for text in texts for word in self.split(text))
        if self.unit == "wordpiece":
            self.set_words(learn_pieces(counts, most))
            return
        frequent = sorted(counts, key=lambda word: (-counts[word], word))[:most]
        self.set_words(sorted(frequent))

    def split(self, text):
        """A text -> its words or characters, in the form that they have in the vocabulary."""
        text = normalized(text, self.lowercase)
        if self.unit == "character":
            return list(text)
        return [
            match[0] if match.start() == 0 or text[match.start() - 1] == " " else JOINED + match[0]
            for match in _WORD.finditer(text)
        ]

    def ids(self, text, unknown=None):
        """A text -> ids, without start and end.

        Args:
            text: a string.
            unknown: function from a word that is not in the vocabulary to its id; `None`: 1.
        """
        if self.words is None:
            raise ValueError(NOT_LEARNED)
        unknown = unknown or (lambda word: UNKNOWN)
        if self.unit != "wordpiece":
            return [self._ids.get(word) or unknown(word) for word in self.split(text)]
        ids = []
        for word in self.split(text):
            pieces = pieces_of(word, self._ids)
            ids += [unknown(word)] if pieces is None else [self._ids[piece] for piece in pieces]
        return ids

    def text(self, ids, others=()):
        """Ids -> the text, up to its end.

        Args:
            ids: iterable of integers.
            others: dict from further ids to words.
        """
        pieces = []
        for index in ids:
            if index == END:
                break
            if index >= SPECIAL:
                at = index - SPECIAL
                pieces.append(self.words[at] if at < len(self.words) else others[index])
            elif index == UNKNOWN:
                pieces.append("\ufffd")
        return self.join(pieces)

    def join(self, pieces):
        """Words -> the text."""
        if self.unit == "character":
            return "".join(pieces)
        return " ".join(pieces).replace(f" {JOINED}", "").removeprefix(JOINED)

    def texts_in_graph(self, ids):
        """Ids -> texts, in TensorFlow's graph.

        Args:
            ids: `(..., L)` int32 tensor, padded with 0.

        Returns:
            `(...)` string tensor.
        """
        import tensorflow as tf

        table = tf.constant(["", "\ufffd", "", "", *self.words])
        pieces = tf.gather(table, tf.minimum(ids, len(self.words) + SPECIAL - 1))
        if self.unit == "character":
            return tf.strings.reduce_join(pieces, axis=-1)
        texts = tf.strings.strip(tf.strings.reduce_join(pieces, axis=-1, separator=" "))
        texts = tf.strings.regex_replace(texts, f" {JOINED}", "")
        return tf.strings.regex_replace(texts, f"^{JOINED}", "")


def normalized(text, lowercase=False):
    """A text with composed accents and single spaces, none at its ends.

    Example:

    >>> normalized("  Seven\\n two ", lowercase=True)
    'seven two'
    """
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return text.lower() if lowercase else text


NOT_LEARNED = (
    "The words of the answers are not known. Give the head to the preprocessor, "
    "`mmzoo.Preprocessor(inputs, head=head)`, and call `preprocessor.adapt(records)`; or name "
    "them: `mmzoo.heads.Words(vocabulary=...)`."
)
