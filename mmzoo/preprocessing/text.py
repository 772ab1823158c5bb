"""Texts: strings in any language -> token ids."""

import collections

import numpy as np
import tensorflow as tf

from mmzoo.preprocessing.preprocessing import Preprocessing

# RE2 classes. Han, Hiragana, Katakana and Hangul are written without spaces or with few of them.
_CHINESE_JAPANESE_KOREAN = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}"
_APOSTROPHE = "'’"
#: What stands between the parts of a text, where it may have some.
SEPARATOR = "[SEP]"


def standardize(texts):
    """Lower case, without punctuation; Chinese, Japanese, Korean characters and emoji set apart.

    An apostrophe inside a word stays away (`don't` is `dont`), other punctuation ends a word.
    Control characters and bytes that are not UTF-8 count as spaces.

    Args:
        texts: string tensor of any shape.

    Returns:
        String tensor of that shape: words with spaces between.

    Example:

    >>> standardize(tf.constant("Don't PANIC: 東京タワー!")).numpy().decode().split()
    ['dont', 'panic', '東', '京', 'タ', 'ワ', 'ー']
    """
    # NUL must go first: `tf.strings.lower` drops what follows it.
    texts = tf.strings.unicode_transcode(
        texts, "UTF-8", "UTF-8", replacement_char=ord(" "), replace_control_characters=True
    )
    texts = tf.strings.lower(texts, encoding="utf-8")
    texts = tf.strings.regex_replace(texts, f"[{_APOSTROPHE}]", "")
    texts = tf.strings.regex_replace(texts, r"[\p{P}\p{Z}\p{C}$+<=>^`|~]+", " ")
    return tf.strings.regex_replace(texts, rf"([{_CHINESE_JAPANESE_KOREAN}ー\p{{So}}])", r" \1 ")


class TextPreprocessing(Preprocessing):
    """Standardises, splits at spaces, looks up ids, pads or cuts to the length.

    Args:
        modality: a `mmzoo.Text`.
        name: its key.
    """

    def __init__(self, modality, name):
        super().__init__(modality, name)
        self.vocabulary = None
        self.table = None
        if modality.vocabulary is not None:
            self.set_state({"vocabulary": self._standard(modality.vocabulary)})

    def _standard(self, vocabulary):
        """The given words, if texts can contain them."""
        words = [word.strip().decode() for word in standardize(tf.constant(vocabulary)).numpy()]
        strange = [given for given, word in zip(vocabulary, words, strict=True) if given != word]
        if strange:
            raise ValueError(
                f"The vocabulary of {self.name!r} has words that no text will match after lower-"
                f"casing and splitting at punctuation: {strange[:10]}."
            )
        return words

    def _texts(self, values):
        """The strings of a column, empty where one is absent."""
        if self.modality.segments is not None:
            values = [joined(value) for value in values]
        for row, value in enumerate(values):
            if value is not None and not isinstance(value, (str, bytes)):
                raise TypeError(
                    f"Texts of {self.name!r} must be strings; row {row} has {value!r} "
                    f"({type(value).__name__})."
                )
        return ["" if value is None else value for value in values]

    def adapt(self, values):
        """Learns the most frequent words, unless the modality came with a vocabulary.

        Args:
            values: sequence of strings; `None` where one is absent.
        """
        if self.modality.vocabulary is not None:
            return
        counts = collections.Counter()
        texts = self._texts(values)
        for start in range(0, len(texts), 10_000):
            words, _ = self._words(tf.constant(texts[start : start + 10_000]))
            counts.update(words.flat_values.numpy().tolist())
        if not counts:
            raise ValueError(f"No words to learn the vocabulary of {self.name!r} from.")
        # Ties in alphabetical order, so that the same texts give the same ids.
        frequent = sorted(counts, key=lambda word: (-counts[word], word))
        words = [word.decode() for word in frequent[: self.modality.vocabulary_size - 2]]
        self.set_state({"vocabulary": words})

    def get_state(self):
        return {"vocabulary": self.vocabulary}

    def set_state(self, state):
        self.vocabulary = state["vocabulary"]
        if self.vocabulary is None:
            return
        with tf.init_scope():
            self.table = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(
                    tf.constant(self.vocabulary, tf.string),
                    tf.range(2, len(self.vocabulary) + 2, dtype=tf.int32),
                ),
                default_value=1,
            )

    def resources(self):
        return [self.table]

    def column(self, values, root):
        texts = self._texts(values)
        return tf.constant(np.array(texts, object), tf.string), tf.identity

    def raw_spec(self):
        return tf.TensorSpec((None,), tf.string, name=self.name)

    def to_tensors(self, values):
        if self.modality.segments is not None and not tf.is_tensor(values):
            several = isinstance(values, (list, tuple))
            values = [joined(value) for value in values] if several else values
        return super().to_tensors(values)

    def _words(self, texts):
        """The words of each text, and the segment that each of them belongs to, both ragged."""
        if self.modality.segments is None:
            return tf.strings.split(standardize(texts)), None
        parts = tf.strings.split(texts, SEPARATOR)
        words = tf.strings.split(standardize(parts.flat_values))
        segments = tf.ragged.range(parts.row_lengths()).flat_values
        segments = tf.minimum(tf.cast(segments, tf.int32), self.modality.segments - 1)
        segments = tf.repeat(segments, words.row_lengths())
        splits = tf.gather(words.row_splits, parts.row_splits)
        return (
            tf.RaggedTensor.from_row_splits(words.flat_values, splits),
            tf.RaggedTensor.from_row_splits(segments, splits),
        )

    def _dense(self, values):
        """One row of the model's length a text; of `length=None`, at least one long."""
        values = values.to_tensor(shape=(None, self.modality.length))
        if self.modality.length is None:
            values = tf.pad(values, [[0, 0], [0, tf.maximum(1 - tf.shape(values)[1], 0)]])
        return values

    def batch(self, values):
        self.modality.check_learned(self.name, self.get_state())
        present = tf.strings.length(values) > 0
        words, segments = self._words(values)
        ids = self._dense(words.with_flat_values(self.table.lookup(words.flat_values)))
        # A text without a single word ("!?") is there all the same: one unknown word.
        wordless = tf.cast(present & (ids[:, 0] == 0), tf.int32)
        ids = tf.concat([ids[:, :1] + wordless[:, None], ids[:, 1:]], axis=1)
        ids = tf.ensure_shape(ids, (None, self.modality.length))
        tensors = {self.name: ids}
        if segments is not None:
            segments = tf.ensure_shape(self._dense(segments), (None, self.modality.length))
            tensors[f"{self.name}_segments"] = segments
        if self.modality.optional:
            return {**tensors, f"{self.name}_present": present}, tf.ones_like(present)
        return tensors, present


def joined(value):
    """A text that is given in parts, a list of strings or a row of a table, as one string.

    Example:

    >>> joined(["a question?", "its context"]), joined("one text")
    ('a question?[SEP]its context', 'one text')
    """
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return value
    parts = [part or "" for part in value]
    if not all(isinstance(part, str) for part in parts):
        raise TypeError(f"The parts of a text must be strings; received: {value!r}.")
    return SEPARATOR.join(parts)
