"""Texts: strings in any language -> token ids."""

import collections

import numpy as np
import tensorflow as tf

from mmzoo.preprocessing.corruption import Corruption, mistyped
from mmzoo.preprocessing.preprocessing import Preprocessing
from mmzoo.preprocessing.words import split_words
from mmzoo.raw.segments import SEPARATOR, join_segments
from mmzoo.raw.words import count_words, join_words

# RE2 classes. Han, Hiragana, Katakana and Hangul are written without spaces or with few of them.
_CHINESE_JAPANESE_KOREAN = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}"
_APOSTROPHE = "'’"
# U+FFFD stands for bytes that are not UTF-8, and for control characters.
_BETWEEN_WORDS = r"\p{P}\p{Z}\p{C}$+<=>^`|~\x{FFFD}"
#: Shares of letters that are typed wrongly, as is tried.
TYPOS = (0.02, 0.05, 0.1, 0.2)
#: The id of a word outside the vocabulary.
UNKNOWN = 1


def standardize(texts):
    """Lower case, without punctuation; Chinese, Japanese, Korean characters and emoji set apart.

    An apostrophe inside a word stays away (`don't` is `dont`), other punctuation ends a word.
    Bytes that are not UTF-8 become the replacement character U+FFFD; that and control characters
    count as spaces.

    Args:
        texts: string tensor of any shape.

    Returns:
        String tensor of that shape: words with spaces between.

    Example:

    >>> standardize(tf.constant("Don't PANIC: 東京タワー!")).numpy().decode().split()
    ['dont', 'panic', '東', '京', 'タ', 'ワ', 'ー']
    """
    # NUL must go first: `tf.strings.lower` drops what follows it.
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", replace_control_characters=True)
    texts = tf.strings.lower(texts, encoding="utf-8")
    texts = tf.strings.regex_replace(texts, f"[{_APOSTROPHE}]", "")
    texts = tf.strings.regex_replace(texts, f"[{_BETWEEN_WORDS}]+", " ")
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
        if self.modality.words is not None:
            words, _ = self._words(tf.constant(vocabulary))
            words = [b" ".join(row).decode() for row in words.to_list()]
        else:
            words = [word.strip().decode() for word in standardize(tf.constant(vocabulary)).numpy()]
        strange = [given for given, word in zip(vocabulary, words, strict=True) if given != word]
        if strange:
            raise ValueError(
                f"The vocabulary of {self.name!r} has words that no text will match after lower-"
                f"casing and splitting at punctuation: {strange[:10]}."
            )
        return words

    def texts(self, values):
        """The strings of a column, empty where one is absent.

        Args:
            values: sequence of raw values.

        Returns:
            A list of strings, or of bytes.
        """
        if self.modality.segments is not None:
            values = [join_segments(value) for value in values]
        if self.modality.words is not None:
            values = [join_words(value, self.modality.words) for value in values]
        return ["" if value is None else value for value in values]

    def adapt(self, values):
        """Learns the most frequent words, unless the modality came with a vocabulary.

        Args:
            values: sequence of strings; `None` where one is absent.
        """
        if self.modality.vocabulary is not None:
            return
        counts = collections.Counter()
        texts = self.texts(values)
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
                default_value=UNKNOWN,
            )

    def resources(self):
        return [self.table]

    def corruptions(self):
        rule, divided = self.modality.words, self.modality.segments is not None

        def typing(value, share, generator):
            text = value.decode(errors="replace")
            segments = text.split(SEPARATOR) if divided else [text]
            keeps_length = rule == "characters"
            typed = [mistyped(each, share, generator, keeps_length) for each in segments]
            typed = (SEPARATOR if divided else "").join(typed)
            if rule is not None and count_words(typed, rule) != count_words(text, rule):
                return value  # answers are about words, which must be as many
            return typed.encode()

        return {"typos": Corruption(typing, TYPOS, "{:.0%} of letters")}

    def components(self):
        return {f"segment {i}": "empty" for i in range(self.modality.segments or 0)}

    def keep_components(self, texts, kept):
        separator = SEPARATOR.encode()

        def shortened(text):
            segments = text.split(separator, len(kept) - 1)  # the last has what is behind it, too
            if not any(map(bytes.strip, segments)):
                return text
            left = [segment if kept[place] else b"" for place, segment in enumerate(segments)]
            if any(map(bytes.strip, left)):
                return separator.join(left)
            return b"" if self.modality.optional else separator  # absent, or without a word

        return tf.constant([shortened(text) for text in np.asarray(texts).tolist()], tf.string)

    def traits(self, values):
        texts = self.texts(values)
        return {"characters": [len(text) if text else None for text in texts]}

    def column(self, values, root):
        texts = self.texts(values)
        return tf.constant(np.array(texts, object), tf.string), tf.identity

    def sample(self):
        return tf.constant(["a"])

    def to_tensors(self, values):
        if self.modality.segments is not None and not tf.is_tensor(values):
            several = isinstance(values, (list, tuple))
            values = [join_segments(value) for value in values] if several else values
        return super().to_tensors(values)

    def count_tokens(self, values):
        """How many tokens texts have before they are cut, and how many of all are unknown.

        Args:
            values: `(B,)` strings.

        Returns:
            `(B,)` and scalar int64, or `None` where that can't be told.
        """
        ids, _ = self._ids(values)
        return ids.row_lengths(), tf.math.count_nonzero(ids.flat_values == UNKNOWN)

    def check_column(self, values, root, learn):
        """How long texts are, and how much of them the model knows."""
        findings = [
            (row, "not UTF-8", "Its other bytes are read as U+FFFD.")
            for row, value in enumerate(values)
            if isinstance(value, bytes) and not _is_utf8(value)
        ]
        texts = [value for value in values if value is not None]
        if not texts:
            return {}, findings
        if learn:
            self.adapt(texts)
        texts, _ = self.column(texts, root)
        lengths, unknown = [], 0
        for start in range(0, len(texts), 4096):
            counts = self.count_tokens(texts[start : start + 4096])
            if counts is None:
                return {}, findings
            lengths.append(counts[0].numpy())
            unknown += int(counts[1])
        lengths = np.concatenate(lengths)
        most = self.modality.longest
        figures = {
            "tokens": {
                "mean": float(lengths.mean()),
                "median": float(np.median(lengths)),
                "longest": int(lengths.max()),
                "histogram": _histogram(lengths),
            },
            "cut": 0.0 if most is None else float((lengths > most).mean()),
            "unknown": unknown / max(int(lengths.sum()), 1),
        }
        return figures, findings

    def _ids(self, values):
        """The ids of the words of each text, and their segments if there are any, both ragged."""
        self.modality.check_learned(self.name, self.get_state())
        words, segments = self._words(values)
        return words.with_flat_values(self.table.lookup(words.flat_values)), segments

    def words_of(self, text):
        """The words of one text, as they are looked up.

        Args:
            text: a string.

        Returns:
            A list of strings.
        """
        words, _ = self._words(tf.constant([text]))
        return [word.decode("utf-8", "replace") for word in words[0].numpy().tolist()]

    def _words(self, texts):
        """The words of each text, and the segment that each of them belongs to, both ragged."""
        if self.modality.words is not None:
            words, _, _ = split_words(texts, self.modality.words)
            return words.with_flat_values(_lower(words.flat_values)), None
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
        values = values.to_tensor(shape=(None, self.modality.longest))
        if self.modality.longest is None:
            values = tf.pad(values, [[0, 0], [0, tf.maximum(1 - tf.shape(values)[1], 0)]])
        return values

    def static(self, parts):
        """The tensors of a batch in the shapes and dtypes of the model's inputs.

        Args:
            parts: dict from part to tensor, `(B, T)` where the modality has a length or buckets.

        Returns:
            Dict from part to tensor; with buckets, `(B, bucket)`: padded no more than needed.
        """
        if self.modality.buckets is not None:
            parts = cut_to_bucket(parts, self.modality.buckets)
        return {
            part: tf.ensure_shape(tf.cast(parts[part], dtype), (None, *shape))
            for part, (shape, dtype) in self.modality.tensors().items()
        }

    def present(self, values):
        return tf.strings.length(values) > 0

    def tensors(self, values):
        ids, segments = self._ids(values)
        ids = self._dense(ids)
        # A text without a single word ("!?") is there all the same: one unknown word.
        wordless = UNKNOWN * tf.cast(self.present(values) & (ids[:, 0] == 0), tf.int32)
        ids = tf.concat([ids[:, :1] + wordless[:, None], ids[:, 1:]], axis=1)
        parts = {"ids": ids}
        if segments is not None:
            parts["segments"] = self._dense(segments)
        if self.modality.word_bytes is not None:
            parts["bytes"] = self._bytes(values)
        return self.static(parts)

    def _bytes(self, values):
        """The first bytes of each word, `(B, T, word_bytes)` int32; 0 behind its end."""
        words, _, _ = split_words(values, self.modality.words)
        found = tf.io.decode_raw(words.flat_values, tf.uint8, fixed_length=self.modality.word_bytes)
        found = tf.cast(tf.ensure_shape(found, (None, self.modality.word_bytes)), tf.int32)
        found = words.with_flat_values(found)
        if self.modality.longest is not None:
            return found.to_tensor(shape=(None, self.modality.longest, None))
        return tf.pad(
            found.to_tensor(),
            [[0, 0], [0, tf.maximum(1 - tf.reduce_max(found.row_lengths()), 0)], [0, 0]],
        )


def _lower(words):
    """Words in lower case; control characters, of which NUL would end a word, become U+FFFD."""
    words = tf.strings.regex_replace(words, r"[\x00-\x1f\x7f]", "\ufffd")
    return tf.strings.lower(words, encoding="utf-8")


def _is_utf8(value):
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _histogram(lengths):
    """Dict from a range of lengths to how many there are: 0, 1, 2, 3-4, 5-8, 9-16, ..."""
    exponents = np.ceil(np.log2(np.maximum(lengths, 1))).astype(int)
    buckets = np.where(lengths == 0, -1, exponents)
    counts = collections.Counter(buckets.tolist())
    names = {-1: "0", 0: "1", 1: "2"}
    return {
        names.get(bucket) or f"{2 ** (bucket - 1) + 1}-{2**bucket}": counts[bucket]
        for bucket in range(min(counts), max(counts) + 1)
    }


def cut_to_bucket(parts, buckets):
    """Cuts padding off a batch, to the smallest bucket that holds its longest text.

    Args:
        parts: dict of `(B, T)` tensors: `ids`, and maybe their `mask`; without one, 0 is padding.
        buckets: lengths, ascending; the last one is `T`.

    Returns:
        The dict of `(B, bucket)` tensors.

    Example:

    >>> ids = tf.constant([[5, 3, 0, 0, 0, 0], [7, 0, 0, 0, 0, 0]])
    >>> cut_to_bucket({"ids": ids}, (1, 3, 6))["ids"].numpy().tolist()
    [[5, 3, 0], [7, 0, 0]]
    """
    used = tf.reduce_any(parts.get("mask", parts["ids"]) != 0, axis=0)
    longest = tf.reduce_max(tf.where(used, tf.range(1, buckets[-1] + 1), 0))
    bucket = tf.gather(buckets, tf.searchsorted(buckets, longest[None])[0])
    return {part: tensor[:, :bucket] for part, tensor in parts.items()}
