"""Texts."""

import dataclasses
from typing import Any, ClassVar

import keras

from mmzoo.modalities.modality import Modality
from mmzoo.raw.segments import join_segments
from mmzoo.raw.words import RULES, is_word
from mmzoo.tokenizers import Tokenizer
from mmzoo.tokenizers.sub_words import SubWords
from mmzoo.utils.checks import check_positive_integers
from mmzoo.utils.safe_mode import trusted_in_process


@keras.saving.register_keras_serializable(package="mmzoo")
@dataclasses.dataclass(frozen=True)
class Text(Modality):
    """A text: a string in any language.

    Enters the model as `(length,)` int32 token ids; 0 is padding, 1 an unknown word. Words are
    lower-cased and split at spaces and punctuation; a Chinese, Japanese or Korean character is a
    token of its own. A pretrained encoder brings its own tokenizer instead.

    With `segments=2` a text may have two parts, such as a question and its context: a list of
    strings, several columns of a table, or one string with `[SEP]` between them. `<name>_segments`,
    `(length,)` int32, is then the part that each token belongs to, counted from 0.

    With `words=` every word counts, punctuation too, and has one token, as the head
    `mmzoo.heads.Tags` needs it; a text may then also be the list of its words. Of a tokenizer that
    cuts words into pieces, `<name>_starts`, `(length,)` bool, says which tokens begin a word.

    Args:
        length: number of tokens a text is padded or cut to; `None`: as long as the longest of the
            batch (every new length is another XLA compilation), or see `buckets`.
        vocabulary_size: most ids there can be, padding and unknown counted; `None`: that of the
            tokenizer.
        encoder: `"bag"`, `"cnn"`, `"lstm"`, `"gru"`, `"transformer"`, a config dict, or any Keras
            layer or model.
        vocabulary: the words, the most frequent first; `None`: learned by `Preprocessor.adapt`.
        optional: whether the text may be absent (raw value `""`).
        tokenizer: a `mmzoo.tokenizers.Tokenizer`; `None`: the one the encoder brings, or words.
        segments: most parts that a text has; `None`: texts are not divided.
        buckets: lengths, such as `(16, 32, 64)`, in place of `length`: each batch is padded to the
            smallest that its longest text fits in, and texts are cut to the largest. The train
            step is then compiled once a bucket, and short texts cost less.
        words: where words end: `"spaces"`: at spaces alone; `"punctuation"`: a punctuation mark or
            symbol, and a Chinese, Japanese or Korean character, is a word of its own, too;
            `"characters"`: every character is. They are looked up in lower case. `None`: as said
            above, and punctuation is dropped.
        word_bytes: with `words`, the first bytes of each word, as it is written, that the model
            reads besides its id, such as 16: they tell of endings, capitals and digits, also of
            unknown words. Enters as `<name>_bytes`, `(length, word_bytes)` int32, for the encoders
            of this package.

    Raises:
        ValueError: for impossible sizes, a vocabulary with repeated words or too many, or one, or
            segments, beside a tokenizer; for buckets beside a length, or beside a tokenizer that
            pads texts to a length of its own; for words beside segments or a tokenizer without
            pieces; for bytes without words.

    Example:

    >>> Text(length=16, vocabulary_size=1000).tensor()
    ((16,), 'int32')
    """

    length: Any = None
    vocabulary_size: Any = None
    encoder: Any = "transformer"
    vocabulary: Any = None
    optional: bool = False
    tokenizer: Any = None
    segments: Any = None
    buckets: Any = None
    words: Any = None
    word_bytes: Any = None

    kind: ClassVar[str] = "text"
    served: ClassVar[str] = "a text in UTF-8"
    endings: ClassVar[tuple] = (".txt",)
    text_like: ClassVar[bool] = True
    strings_are_paths: ClassVar[bool] = False

    def __post_init__(self):
        if self.length is not None:
            check_positive_integers("length", self.length)
        if self.buckets is not None:
            self._take_buckets()
        if self.segments is not None:
            check_positive_integers("segments", self.segments)
        self._check_words()
        tokenizer = self.tokenizer or getattr(self.encoder, "tokenizer", None)
        if tokenizer is not None:
            self._take(tokenizer)
            return
        if self.vocabulary_size is None:
            raise ValueError(
                "`vocabulary_size` is missing: how many words to know at most, such as 10_000."
            )
        check_positive_integers("vocabulary_size", self.vocabulary_size)
        if self.vocabulary_size < 3:
            raise ValueError(
                "`vocabulary_size` counts padding and unknown, so it must be at least 3; received: "
                f"{self.vocabulary_size}."
            )
        object.__setattr__(self, "vocabulary_size", int(self.vocabulary_size))
        if self.vocabulary is None:
            return
        vocabulary = tuple(str(word) for word in self.vocabulary)
        if len(set(vocabulary)) != len(vocabulary):
            repeated = sorted({word for word in vocabulary if vocabulary.count(word) > 1})
            raise ValueError(f"`vocabulary` has repeated words: {repeated[:10]}.")
        if len(vocabulary) > self.vocabulary_size - 2:
            raise ValueError(
                f"`vocabulary` has {len(vocabulary)} words, but vocabulary_size="
                f"{self.vocabulary_size} leaves room for {self.vocabulary_size - 2} beside padding "
                "and unknown."
            )
        object.__setattr__(self, "vocabulary", vocabulary)

    def _check_words(self):
        if self.words is not None and self.words not in RULES:
            raise ValueError(f"`words` must be one of {RULES}, or None; received: {self.words!r}.")
        if self.words is not None and self.segments is not None:
            raise ValueError("A text is divided into words or into segments, not both.")
        if self.word_bytes is not None:
            check_positive_integers("word_bytes", self.word_bytes)
            if self.words is None:
                raise ValueError("`word_bytes` needs `words`, such as words='spaces'.")

    def _take_buckets(self):
        if self.length is not None:
            raise ValueError(
                f"The largest of `buckets` is the length texts are cut to: leave `length` out; "
                f"received: length={self.length}, buckets={self.buckets}."
            )
        buckets = (self.buckets,) if isinstance(self.buckets, int) else tuple(self.buckets)
        check_positive_integers("buckets", *buckets)
        if not buckets:
            raise ValueError("`buckets` is empty. Give lengths, such as (16, 32, 64), or `None`.")
        buckets = sorted({int(size) for size in buckets})
        object.__setattr__(self, "buckets", tuple(buckets))

    @property
    def longest(self):
        """Number of tokens that texts are cut to, or `None`."""
        return self.length if self.buckets is None else self.buckets[-1]

    def _take(self, tokenizer):
        """Sets the tokenizer, which knows its vocabulary."""
        if isinstance(tokenizer, dict):
            with trusted_in_process():
                tokenizer = keras.saving.deserialize_keras_object(tokenizer)
        if not isinstance(tokenizer, Tokenizer):
            raise TypeError(
                "`tokenizer` must be a `mmzoo.tokenizers.Tokenizer`; received: "
                f"{tokenizer!r} ({type(tokenizer).__name__})."
            )
        if self.vocabulary is not None or self.vocabulary_size not in (
            None, tokenizer.vocabulary_size
        ):  # fmt: skip
            raise ValueError(
                "The tokenizer has a vocabulary of its own: leave `vocabulary` and "
                "`vocabulary_size` out."
            )
        if self.segments is not None:
            raise ValueError("A tokenizer divides texts in its own way: leave `segments` out.")
        if self.words is not None and not isinstance(tokenizer, SubWords):
            raise ValueError(
                f"The {type(tokenizer).__name__} does not say which words its tokens belong to: "
                "leave `words` out, or give a tokenizer of pieces, such as "
                "`mmzoo.tokenizers.WordPiece`."
            )
        if self.word_bytes is not None:
            raise ValueError("`word_bytes` are for words without a tokenizer: leave them out.")
        object.__setattr__(self, "tokenizer", tokenizer)
        object.__setattr__(self, "vocabulary_size", tokenizer.vocabulary_size)
        parts = tokenizer.tensors(self.longest)  # may have its own opinion of lengths
        if self.buckets is not None and any(
            shape != (self.longest,) for shape, _ in parts.values()
        ):
            raise ValueError(
                f"`buckets` need tensors of one length, (length,); the {type(tokenizer).__name__} "
                f"makes {parts}. Leave `buckets` out."
            )

    @property
    def packages(self):
        return getattr(self.tokenizer, "packages", ())

    def tensor(self):
        return next(iter(self.tensors().values()))

    def tensors(self):
        if self.tokenizer is not None:
            parts = self.tokenizer.tensors(self.length)
            return {**parts, "starts": ((self.length,), "bool")} if self.words else parts
        ids = {"ids": ((self.length,), "int32")}
        if self.word_bytes is not None:
            ids["bytes"] = ((self.length, int(self.word_bytes)), "int32")
        return ids if self.segments is None else {**ids, "segments": ((self.length,), "int32")}

    def encoder_defaults(self):
        return {"vocabulary_size": self.vocabulary_size, "segments": self.segments}

    def check_values(self, name, values, describe):
        for row, value in enumerate(values):
            if self.segments is not None:
                value = join_segments(value)
            if value is None or isinstance(value, bytes):
                continue
            if self.words is not None and isinstance(value, (list, tuple)):
                self._check_list(name, value, describe(row))
                value = " ".join(value)
            if not isinstance(value, str):
                hint = " A list of words needs Text(words=...)." if isinstance(value, list) else ""
                raise TypeError(
                    f"{describe(row)}: texts of {name!r} must be strings; received: {value!r:.200} "
                    f"({type(value).__name__}).{hint}"
                )
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise ValueError(
                    f"{describe(row)}: the text of {name!r} is not valid Unicode: character "
                    f"{error.start} is {value[error.start]!r}, half of a pair (a lone surrogate). "
                    "Read the file it comes from with its own encoding, or with errors='replace'."
                ) from None

    def _check_list(self, name, words, row):
        """Raises unless each of a list is one word."""
        for word in words:
            if not isinstance(word, str) or not is_word(word, self.words):
                raise ValueError(
                    f"{row}: {word!r}, in the list of words of {name!r}, is not one word where "
                    f"words={self.words!r}."
                )

    def check_learned(self, name, state):
        if self.tokenizer is None and self.vocabulary is None and state.get("vocabulary") is None:
            raise ValueError(
                f"The vocabulary of {name!r} was never learned. Call "
                "`preprocessor.adapt(records)` with the training rows, or give "
                "`Text(vocabulary=[...])`."
            )

    def get_config(self):
        config = super().get_config()
        if self.tokenizer is not None:
            config["tokenizer"] = keras.saving.serialize_keras_object(self.tokenizer)
        return config

    def preprocessing(self, name):
        if self.tokenizer is not None:
            from mmzoo.preprocessing.tokenized_text import TokenizedTextPreprocessing

            return TokenizedTextPreprocessing(self, name)
        from mmzoo.preprocessing.text import TextPreprocessing

        return TextPreprocessing(self, name)
