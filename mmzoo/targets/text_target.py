"""A text that the model writes."""

import warnings

import keras
import numpy as np

from mmzoo.raw.absent import is_absent
from mmzoo.raw.cells import category
from mmzoo.targets.compared import compared_texts
from mmzoo.targets.error_rates import error_rates_by_row, nearest
from mmzoo.targets.references import checked_references, references_of
from mmzoo.targets.target import Target
from mmzoo.targets.text_figures import text_figures
from mmzoo.tokenizers.token_vocabulary import TokenVocabulary
from mmzoo.tokenizers.vocabulary import (
    END,
    NOT_LEARNED,
    PADDING,
    SPECIAL,
    START,
    UNKNOWN,
    Vocabulary,
)


@keras.saving.register_keras_serializable(package="mmzoo")
class TextTarget(Target):
    """A text, in words or characters: an answer, a caption, a translation.

    `y` is `(B, length + 1)` int32: ids, 3 at the end, then padding with 0. A text that is longer
    than `length` is cut, has no end, and is counted in a warning. Words that were not learned have
    ids behind all others, so that a report still knows them; to the model they are unknown, id 1.
    Characters that a given tokenizer has no token for are unknown, too: a warning counts them, they
    are not learned, and no part of the perplexity.

    A label may be a list of texts, each of them right: the model learns the first, a report knows
    all. Then `y` is `(B, R (length + 1))`, the texts one behind the other.

    Args:
        length: the most words, characters or pieces.
        unit: `"word"`, `"character"` or `"wordpiece"`, see `mmzoo.tokenizers.Vocabulary`.
        lowercase: whether texts are read, and answered, in lower case.
        vocabulary_size: number of ids, the 4 that stand for no word included.
        vocabulary: the words, or `None`: learned from the training rows.
        tokenizer: a tokenizer of KerasHub, whose tokens the text is made of, see
            `mmzoo.tokenizers.TokenVocabulary`; then `unit`, `lowercase` and `vocabulary` say
            nothing.

    Example:

    >>> target = TextTarget(length=4)
    >>> target.adapt(target.check(["a red circle", "a blue circle"]))
    >>> target.encode(["a blue circle"]).tolist()
    [[4, 5, 6, 3, 0]]
    """

    kind = "text"
    main_output = "ids"

    def __init__(
        self,
        length=32,
        unit="word",
        lowercase=False,
        vocabulary_size=5000,
        vocabulary=None,
        tokenizer=None,
    ):
        self.length = length
        self.vocabulary_size = vocabulary_size
        if tokenizer is None:
            self._vocabulary = Vocabulary(unit, lowercase, vocabulary)
        elif isinstance(tokenizer, TokenVocabulary):
            self._vocabulary = tokenizer
        else:
            self._vocabulary = TokenVocabulary(tokenizer)
        self._others, self._other_ids = {}, {}

    @property
    def vocabulary(self):
        """The words that are known, in the order of their ids; `None` where none were learned."""
        return self._vocabulary.words

    def get_config(self):
        config = self._facts()
        if self._is_given:
            config["tokenizer"] = self._vocabulary.get_config()
        return config

    def _facts(self):
        return {
            "length": self.length,
            "unit": self._vocabulary.unit,
            "lowercase": self._vocabulary.lowercase,
            "vocabulary_size": self.vocabulary_size,
        }

    @property
    def _is_given(self):
        """Whether a tokenizer is given, so that there is nothing to learn."""
        return isinstance(self._vocabulary, TokenVocabulary)

    def get_state(self):
        return {"vocabulary": None if self._is_given else self.vocabulary}

    def set_state(self, state):
        if state.get("vocabulary") is not None:
            self._vocabulary.set_words(state["vocabulary"])

    def check(self, labels, describe="row {}".format):
        checked = [
            checked_references(label, row, describe, _checked_text)
            for row, label in enumerate(labels)
        ]
        if all(label is None for label in checked):
            raise ValueError("There is no text in any row.")
        return checked

    def adapt(self, labels):
        if self.vocabulary is None:
            texts = (text for label in labels for text in references_of(label))
            self._vocabulary.adapt(texts, most=self.vocabulary_size - SPECIAL)

    def encode(self, labels, describe="row {}".format):
        labels = self.check(labels, describe)
        counts = [len(references_of(label)) for label in labels]
        y = np.zeros((len(labels), max([1, *counts]), self.length + 1), "int32")
        cut, without_tokens = [], []
        for row, label in enumerate(labels):
            for place, text in enumerate(references_of(label)):
                ids = self._vocabulary.ids(text, self._id_of_other)
                if UNKNOWN in ids:
                    without_tokens.append((row, text))
                if len(ids) > self.length:
                    cut.append((row, len(ids)))
                    ids = ids[: self.length]
                else:
                    ids = [*ids, END]
                y[row, place, : len(ids)] = ids
        y = y.reshape(len(labels), -1)
        if cut:
            count = sum(counts)
            row, longest = max(cut, key=lambda pair: pair[1])
            warnings.warn(
                f"{len(cut)} of {count} texts to answer with are longer than length="
                f"{self.length} and are cut; the longest, {describe(row)}, has {longest} "
                f"{self._vocabulary.unit}s.",
                stacklevel=2,
            )
        if without_tokens:
            row, text = without_tokens[0]
            warnings.warn(
                f"{len(without_tokens)} of {sum(counts)} texts to answer with have characters that "
                f"the tokenizer has no token for, and that can't be written; the first is "
                f"{describe(row)}: {text[:60]!r}. Give a tokenizer that falls back on bytes, or "
                "leave these rows out.",
                stacklevel=2,
            )
        return y

    def _id_of_other(self, word):
        """The id of a word that is not in the vocabulary."""
        index = self._other_ids.setdefault(word, self.vocabulary_size + len(self._other_ids))
        self._others[index] = word
        return index

    def inputs(self, y):
        import tensorflow as tf

        y = y[:, : self.length + 1]
        ids = tf.where(y >= self.vocabulary_size, UNKNOWN, y)
        first = tf.fill([tf.shape(y)[0], 1], START)
        return {"previous": tf.concat([first, ids[:, :-1]], axis=1)}

    # --- Predictions ---

    def texts(self, prediction):
        """All texts of each row, the best first, from a `mmzoo.decoders.Generated`."""
        self.check_learned()
        return [
            [self._vocabulary.text(ids) for ids in of_row]
            for of_row in np.asarray(_ids_of(prediction)).tolist()
        ]

    def prefix_ids(self, texts):
        """What answers are to begin with, as ids.

        Args:
            texts: list of strings.

        Returns:
            `(rows, P)` int32, padded with 0.

        Raises:
            ValueError: for a word or character that is not known, or more words than an answer has.
        """
        self.check_learned()

        def unknown(word):
            raise ValueError(f"A prefix has the word {word!r}, which no answer of training had.")

        ids = [self._vocabulary.ids(text, unknown)[: self.length + 1] for text in texts]
        longest = max(map(len, ids), default=0)
        if longest > self.length:
            raise ValueError(f"A prefix is longer than an answer can be: length={self.length}.")
        for text, of_text in zip(texts, ids, strict=True):
            if UNKNOWN in of_text:
                raise ValueError(
                    f"The prefix {text!r} has characters that the tokenizer has no token for."
                )
        padded = np.zeros((len(ids), max(longest, 1)), "int32")
        for row, of_row in enumerate(ids):
            padded[row, : len(of_row)] = of_row
        return padded

    def answers(self, prediction, decoded=None):
        """A list of strings."""
        return [texts[0] for texts in self.texts(prediction)]

    def stacked(self, rows):
        return list(rows)

    def outputs(self, prediction, decoded=None):
        self.check_learned()
        texts = self._vocabulary.texts_in_graph(prediction.ids)
        return {
            "text": texts[:, 0],
            "score": prediction.scores[:, 0],
            "texts": texts,
            "scores": prediction.scores,
            "ids": prediction.ids,
        }

    def prediction_itself(self, prediction):
        return _ids_of(prediction)

    def check_prediction(self, prediction, rows):
        ids = np.asarray(_ids_of(prediction))
        if ids.ndim != 3 or len(ids) != rows:
            raise ValueError(
                f"The model must write texts for a batch of {rows} labels; received ids of shape "
                f"{ids.shape}."
            )

    def describe_outputs(self):
        return {
            "text": ("(B,)", "the answer"),
            "score": ("(B,)", "its log-probability by its number of tokens"),
            "texts": ("(B, beams)", "of each beam the text, the best first"),
            "scores": ("(B, beams)", "their scores"),
            "ids": (f"(B, beams, {self.length + 1})", "the same as ids of tokens"),
        }

    def card_lines(self):
        known = f"{len(self.vocabulary)} {self._vocabulary.unit}s"
        return [f"Answers of at most {self.length} of {known}.", ""]

    def card_facts(self):
        return {**self._facts(), "vocabulary": self.vocabulary, "writes": True}

    def columns(self, prediction, delimiter="|"):
        return {"predicted": list(prediction)}

    # --- Figures ---

    def check_y(self, y):
        y = np.asarray(y)
        if y.ndim != 2 or y.dtype.kind not in "iu":
            raise ValueError(
                "Texts must be ids, integers (B, L), as `records.to_dataset(preprocessor)` makes "
                f"them; received {y.dtype} of shape {y.shape}."
            )
        return y

    def judged(self, y, prediction, answer):
        y = y[:, : self.length + 1]
        known = np.where(y >= prediction.shape[-1], UNKNOWN, y)
        shares = np.take_along_axis(prediction, known[..., None], axis=-1)[..., 0]
        logs = np.log(np.maximum(shares, 1e-37)) * self._can_be_written(y)
        return {"ids": answer.ids, "log_likelihood": logs.sum(axis=1)}

    def figures(self, y, prediction, sample_weight=None):
        texts, references = self._references(y)
        answers, split = self.answers(prediction), self._vocabulary.split
        figures = {"task": self.kind, **text_figures(references, answers, split, sample_weight)}
        if isinstance(prediction, dict):
            tokens = max(self._can_be_written(texts[:, 0]).sum(), 1)
            figures["perplexity"] = float(np.exp(-prediction["log_likelihood"].sum() / tokens))
        return figures

    def figures_by_row(self, y, prediction):
        answers = self.answers(prediction)
        found = error_rates_by_row(nearest(self._references(y)[1], answers), answers)
        return {"exact_match": found.pop("exact_match"), **found}

    def _references(self, y):
        """Ids of the right texts `(rows, references, length + 1)`, and a list of texts a row."""
        self.check_learned()
        texts = y.reshape(len(y), -1, self.length + 1)
        return texts, [
            [self._vocabulary.text(ids, self._others) for ids in of_row if ids[0] != PADDING]
            for of_row in texts.tolist()
        ]

    def _can_be_written(self, y):
        """Which ids are tokens that the model has a probability for."""
        return (y != PADDING) & (y != UNKNOWN) if self._is_given else y != PADDING

    loss_name = "share of wrong characters"

    def compared(self, labels, answers, beside=None):
        """Words that the model can't write are compared, too."""

        def read(text):
            ids = self._vocabulary.ids(text, self._id_of_other)
            return self._vocabulary.text(ids, self._others)

        return compared_texts(labels, answers, read)

    # --- The model that it fits ---

    def complete(self, other):
        if isinstance(other, TextTarget):
            if self.vocabulary is None and other.vocabulary is not None:
                self._vocabulary.set_words(other.vocabulary)
            self.vocabulary_size = other.vocabulary_size
            self._others, self._other_ids = other._others, other._other_ids
        return self

    def check_learned(self):
        """Raises a `ValueError` where the words are not known."""
        if self.vocabulary is None:
            raise ValueError(NOT_LEARNED)

    def check_fits(self, other):
        if other is None:  # labels of a dataset that was made by hand
            return
        if not isinstance(other, TextTarget):
            raise ValueError(
                f"Model and preprocessor do not fit: the head answers with a text, the "
                f"preprocessor has labels of the kind {other.kind!r}. Make it with the same head: "
                "`mmzoo.Preprocessor(inputs, head=head)`."
            )
        mine, theirs = self._facts(), other._facts()
        for name in ("length", "unit", "lowercase"):
            if mine[name] != theirs[name]:
                raise ValueError(
                    f"Model and preprocessor do not fit: the head has {name}={mine[name]!r}, the "
                    f"preprocessor {name}={theirs[name]!r}."
                )
        if None not in (self.vocabulary, other.vocabulary) and self.vocabulary != other.vocabulary:
            raise ValueError(
                "Model and preprocessor do not fit: the head knows "
                f"{_some(self.vocabulary)}, the preprocessor {_some(other.vocabulary)}."
            )
        if other.vocabulary is not None and len(other.vocabulary) + SPECIAL > self.vocabulary_size:
            raise ValueError(
                f"Model and preprocessor do not fit: the head has vocabulary_size="
                f"{self.vocabulary_size}, the preprocessor learned {len(other.vocabulary)} words. "
                "Give the head `vocabulary=preprocessor.targets[...].vocabulary`."
            )


def _ids_of(prediction):
    """The ids of what was written; an exported model gives them alone."""
    if isinstance(prediction, dict):
        return prediction["ids"]
    return getattr(prediction, "ids", prediction)


def _some(words):
    return f"{len(words)} words ({', '.join(words[:5])}{', ...' if len(words) > 5 else ''})"


def _checked_text(label, row, describe):
    """A raw text as a string, or `None` where there is none."""
    if is_absent(label):
        return None
    if isinstance(label, bytes):
        try:
            label = label.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{describe(row)}: the text {label[:20]!r} is not UTF-8: {error}."
            ) from None
    if isinstance(label, (bool, int, float, np.number)):
        label = category(label)
    if not isinstance(label, str):
        raise ValueError(
            f"{describe(row)}: a text is wanted; received a {type(label).__name__}: "
            f"{str(label)[:60]}."
        )
    if not label.strip():
        raise ValueError(
            f"{describe(row)}: the text to learn is only white space. Leave the cell empty where "
            "there is none."
        )
    return label
