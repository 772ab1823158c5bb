"""Lists of tags, one a word of a text."""

import collections
import warnings

import keras
import numpy as np

from mmzoo.raw.absent import is_absent
from mmzoo.raw.words import count_words, join_words, word_offsets
from mmzoo.targets.compared import Compared
from mmzoo.targets.tag_scheme import broken_rule, letter_and_type, scheme_of, spans_of
from mmzoo.targets.target import Target
from mmzoo.utils.optional_packages import require

#: How many of the most frequent mistakes a report has.
MOST_CONFUSIONS = 10


@keras.saving.register_keras_serializable(package="mmzoo")
class TagsOfWords(Target):
    """A tag a word: a raw label is a list of tags, a string of them with spaces between, or spans.

    A span is `[start, end, type]`, or a dict of these (`"label"` will do for the type), in
    characters of the text from 0, the end not included. Each word that it touches gets a tag:
    `B-type`, then `I-type`; all others get `O`. A model is trained with `(B, W)` int16: the tag of
    each word, -1 behind the last and in rows without a label.

    Words behind the `length`-th are not read: they are left out, and a warning counts them.

    Args:
        text: name of the text.
        words: how it divides into words, see `mmzoo.Text`.
        tags: the tags; `None`: learned, sorted.
        scheme: see `mmzoo.heads.Tags`.
        length: the most words that are read, or `None`.

    Example:

    >>> target = TagsOfWords("text", "spaces")
    >>> labels = target.check_beside([[[3, 11, "place"]]], ["in New York"])
    >>> labels
    [['O', 'B-place', 'I-place']]
    >>> target.adapt(labels)
    >>> target.tags, target.encode(labels).tolist()
    (['B-place', 'I-place', 'O'], [[2, 0, 1]])
    """

    kind = "tags"
    main_output = "tag_scores"

    def __init__(self, text=None, words="spaces", tags=None, scheme="auto", length=None):
        self.text = self.text_name = text
        self.words = words
        self.tags = None if tags is None else list(tags)
        self.scheme = scheme
        self.length = length
        self._given = self.tags is not None
        self._too_long = 0

    def get_config(self):
        return {
            "text": self.text,
            "words": self.words,
            "tags": self.tags if self._given else None,
            "scheme": self.scheme,
            "length": self.length,
        }

    def get_state(self):
        return {} if self._given or self.tags is None else {"tags": self.tags}

    def set_state(self, state):
        self.tags = state.get("tags", self.tags)

    @property
    def spans(self):
        """How the tags write spans: `"BIO"`, `"BIOES"`, or `None`: they do not."""
        return None if self.tags is None else scheme_of(self.tags, self.scheme)

    # --- Raw labels ---

    def check(self, labels, describe="row {}".format):
        return [_checked(label, describe(row)) for row, label in enumerate(labels)]

    def check_beside(self, labels, texts, describe="row {}".format):
        """As `check`, beside the texts, which have as many words.

        Args:
            labels: sequence of raw labels, `None` where one is missing.
            texts: as many raw texts: strings or lists of words; `None` where one is absent.
            describe: function from a position to how a message should call that row.

        Returns:
            A list of lists of tags, `None` where a label is missing.

        Raises:
            ValueError: for another number of tags than words, a text without words, a span outside
                the text or across another, or tags that break the rules; names the row.
        """
        checked = []
        lists = [label for label in labels if isinstance(label, (list, tuple))]
        # An empty list: no span. It may be so in all rows.
        are_spans = "O" in (self.tags or ()) or any(any(map(_is_span, label)) for label in lists)
        rows = zip(labels, texts, strict=True)
        for row, (label, text) in enumerate(rows):
            is_list = isinstance(label, (list, tuple))
            if is_list and not label and not self._count(text):
                label = None  # nothing to say of nothing
            elif is_list and (any(map(_is_span, label)) or (not label and are_spans)):
                label = self._tags_of_spans(label, text, describe(row))
            label = _checked(label, describe(row))
            if label is not None:
                self._check_number(label, text, describe(row))
            checked.append(label)
        self._check_rules(checked, describe)
        return checked

    def _count(self, text):
        if isinstance(text, (list, tuple)):
            return len(text)
        return count_words(_string(text, self.words), self.words)

    def _check_number(self, label, text, row):
        words = self._count(text)
        if not words:
            raise ValueError(f"{row}: the text {self.text!r} has no words, but {len(label)} tags.")
        if words != len(label):
            raise ValueError(
                f"{row}: {len(label)} tags for the {words} words of {self.text!r}, "
                f"{_string(text, self.words)!r:.100}. Words end as words={self.words!r} says; a "
                "list of words says it itself."
            )

    def _check_rules(self, labels, describe):
        """Raises for tags that are not known, or that do not follow each other as they should."""
        known = {tag for label in labels for tag in label or ()} if self.tags is None else self.tags
        known = {*known}
        scheme = scheme_of(sorted(known), self.scheme)
        for row, label in enumerate(labels):
            unknown = next((tag for tag in label or () if tag not in known), None)
            if unknown is not None:
                raise ValueError(
                    f"{describe(row)}: the tag {unknown!r} is not one of the tags that are known: "
                    f"{', '.join(sorted(known))}."
                )
            position = broken_rule(label or (), scheme)
            if position is not None:
                tags = [*label, "the end"]
                before = "the beginning" if not position else label[position - 1]
                raise ValueError(
                    f"{describe(row)}: word {position}: {tags[position]!r} can't stand behind "
                    f"{before!r} in the scheme {scheme}. Mend it, or give Tags(scheme=None), which "
                    "knows no rules and no spans."
                )

    def _tags_of_spans(self, spans, text, row):
        """The tags of the words that spans touch."""
        text = _string(text, self.words)
        offsets = word_offsets(text, self.words)
        tags = ["O"] * len(offsets)
        for start, end, kind in sorted(_span(span, row) for span in spans):
            if not 0 <= start < end <= len(text):
                raise ValueError(
                    f"{row}: the span [{start}, {end}] of {kind!r} does not lie in its text, which "
                    f"has {len(text)} characters."
                )
            touched = [i for i, (a, b) in enumerate(offsets) if a < end and b > start]
            if not touched:
                raise ValueError(f"{row}: there is no word in the span [{start}, {end}].")
            for i in touched:
                if tags[i] != "O":
                    a, b = offsets[i]
                    raise ValueError(
                        f"{row}: the word {text[a:b]!r} is in two spans, of {tags[i][2:]!r} and of "
                        f"{kind!r}; a word has one tag. Words end as words={self.words!r} says."
                    )
                tags[i] = f"I-{kind}"
            tags[touched[0]] = f"B-{kind}"
        if scheme_of(self.tags or (), self.scheme) == "BIOES":
            tags = _as_bioes(tags)
        return tags

    def adapt(self, labels):
        counts = collections.Counter(tag for label in labels for tag in label or ())
        if not self._given:
            if not counts:
                raise ValueError("There are no tags in any row.")
            if len(counts) < 2:
                raise ValueError(
                    f"All words have the tag {next(iter(counts))!r}: there is nothing to tell "
                    "apart."
                )
            self.tags = sorted(counts)

    def present(self, labels):
        return np.array([label is not None for label in labels], bool)

    def encode(self, labels, describe="row {}".format):
        if self.tags is None:
            raise ValueError(
                "The tags were never learned. Call `preprocessor.adapt(records)` with the training "
                "rows, or give Tags(tags=[...])."
            )
        index = {tag: i for i, tag in enumerate(self.tags)}
        self._check_rules(labels, describe)
        lengths = [len(label or ()) for label in labels]
        width = max(1, *lengths, 1) if self.length is None else self.length
        too_long = [length - width for length in lengths if length > width]
        if too_long:
            warnings.warn(
                f"{len(too_long)} of {len(labels)} texts {self.text!r} have more words than "
                f"length={self.length}: {sum(too_long)} of {sum(lengths)} words are not read, and "
                "their tags left out.",
                stacklevel=2,
            )
        y = np.full((len(labels), width), -1, "int16")
        for row, label in enumerate(labels):
            tags = [index[tag] for tag in (label or ())[:width]]
            y[row, : len(tags)] = tags
        return y

    # --- Predictions ---

    def answers(self, prediction, decoded=None):
        """A list of tags for each row: those of the words that were read; `None` for NaN."""
        prediction = np.asarray(prediction)
        paths = self.condensed(prediction)
        if decoded is not None:  # a text that has no words at all was read as one not known
            texts = [_string(text, self.words) for text in self._texts(decoded).numpy()]
            counts = [count_words(text, self.words) for text in texts]
            paths = [path[:count] for path, count in zip(paths, counts, strict=True)]
        return [
            None if np.isnan(row).any() else [self.tags[i] for i in path]
            for row, path in zip(prediction, paths, strict=True)
        ]

    def stacked(self, rows):
        return list(rows)

    def condensed(self, prediction):
        """The best tag of each word: an array of arrays, one a row."""
        if prediction.dtype == object:
            return prediction
        paths = np.empty(len(prediction), object)
        for row, scores in enumerate(prediction):
            paths[row] = scores[scores.max(axis=-1) > 0].argmax(axis=-1)
        return paths

    def outputs(self, prediction, decoded=None):
        import tensorflow as tf

        tags = tf.constant(self.tags)
        best = tf.argmax(prediction, axis=-1, output_type=tf.int32)
        score = tf.reduce_max(prediction, axis=-1)
        there = score > 0
        outputs = {self.main_output: prediction}
        if decoded is None:
            return outputs | {
                "tags": tf.where(there, tf.gather(tags, best), ""),
                "score": tf.reduce_max(score, axis=1),
            }
        from mmzoo.preprocessing.words import split_words

        words, starts, ends = split_words(self._texts(decoded), self.words)
        # A text that has no words at all was read as one that is not known.
        there &= tf.sequence_mask(words.row_lengths(), tf.shape(there)[1])
        counts = tf.reduce_sum(tf.cast(there, tf.int32), axis=1)
        read = tf.sequence_mask(counts, tf.shape(there)[1])
        tokens, starts, ends = (
            ragged.to_tensor(shape=(None, None))[:, : tf.shape(there)[1]]
            for ragged in (words, starts, ends)
        )
        behind = tf.shape(there)[1] - tf.shape(tokens)[1]
        tokens, starts, ends = (
            tf.pad(tensor, [[0, 0], [0, behind]]) for tensor in (tokens, starts, ends)
        )
        outputs |= {
            "tags": tf.where(read, tf.gather(tags, best), ""),
            "tokens": tf.where(read, tokens, ""),
            "score": tf.where(counts > 0, score[:, 0], 0.0),
        }
        if self.spans is None:
            return outputs
        return outputs | self._served_spans(best, read, starts, ends)

    def _served_spans(self, best, read, starts, ends):
        """Where spans begin and end, in characters, and their types, as `spans_of` finds them."""
        import tensorflow as tf

        pairs = [letter_and_type(tag) for tag in self.tags]
        kinds = sorted({kind for _, kind in pairs if kind is not None})
        letters = tf.gather(tf.constant([letter for letter, _ in pairs]), best)
        numbers = [-1 if kind is None else kinds.index(kind) for _, kind in pairs]
        number = tf.where(read, tf.gather(tf.constant(numbers), best), -1)
        inside = number >= 0

        def before(tensor, first):
            return tf.concat([tf.fill([tf.shape(tensor)[0], 1], first), tensor[:, :-1]], axis=1)

        ended = tf.equal(letters, "E") | tf.equal(letters, "S")
        continues = (tf.equal(letters, "I") | tf.equal(letters, "E")) & inside
        continues &= (before(number, -1) == number) & ~before(ended, True)
        begins = inside & ~continues
        follows = tf.concat([continues[:, 1:], tf.zeros_like(continues[:, :1])], axis=1)
        finishes = inside & ~follows

        def packed(tensor, where, nothing):
            return tf.ragged.boolean_mask(tensor, where).to_tensor(nothing)

        kinds = tf.constant(kinds)
        return {
            "span_starts": packed(starts, begins, -1),
            "span_ends": packed(ends, finishes, -1),
            "span_types": packed(tf.gather(kinds, tf.maximum(number, 0)), begins, ""),
        }

    def _texts(self, decoded):
        """The strings of a batch, whether optional or not."""
        import tensorflow as tf

        values = tf.nest.flatten(decoded.get(self.text))
        if not values or values[0] is None or values[0].dtype != tf.string:
            raise ValueError(self._unknown())
        return values[0]

    def describe_outputs(self):
        outputs = {
            "tag_scores": (
                f"(B, T, {len(self.tags or ())})",
                "by words: the score of the answer, and what it would be with another tag there",
            ),
            "tags": ("(B, T)", "the tag of each word that was read; empty behind the last"),
            "tokens": ("(B, T)", f"the words of {self.text!r} as sent; from raw rows only"),
            "score": ("(B,)", "the probability of the tags, its geometric mean over the words"),
        }
        if self.spans is not None:
            where = f"in characters (code points) of {self.text!r} as sent, from 0; -1: no more"
            outputs |= {
                "span_starts": ("(B, S)", f"where spans begin, {where}; from raw rows only"),
                "span_ends": ("(B, S)", f"where they end, the first character behind, {where}"),
                "span_types": ("(B, S)", "their types"),
            }
        return outputs

    def card_lines(self):
        names = ", ".join(f"`{tag}`" for tag in self.tags or ())
        of_scheme = f", in the scheme {self.spans}" if self.spans else ""
        cut = "" if self.length is None else f" At most {self.length} words are read."
        return [f"Tags: {names}{of_scheme}. Words end by the rule `{self.words}`.{cut}", ""]

    def card_facts(self):
        return {"tags": self.tags, "scheme": self.spans, "words": self.words}

    def columns(self, prediction, delimiter="|"):
        if isinstance(prediction, np.ndarray) and prediction.dtype != object:
            prediction = self.answers(prediction)
        return {"tags": [None if row is None else " ".join(row) for row in prediction]}

    # --- Figures ---

    def check_y(self, y):
        if self.spans is not None:
            require("seqeval.metrics", "text-metrics")  # rather now than after a long run
        y = np.asarray(y)
        if y.ndim != 2 or y.dtype.kind not in "iu":
            raise ValueError(
                "Tags must be integers (B, W), -1 behind the last word, as "
                f"`records.to_dataset(preprocessor)` makes them; received {y.dtype} of shape "
                f"{y.shape}."
            )
        if y.size and y.max() >= len(self.tags):
            raise ValueError(f"There are {len(self.tags)} tags; received the index {y.max()}.")
        return y

    def _compared(self, y, prediction):
        """Of each row the right tags and as many predicted ones, -1 where none was read."""
        right, predicted = [], []
        for labels, path in zip(y, self.condensed(np.asarray(prediction)), strict=True):
            labels = labels[labels >= 0]
            path = path[: len(labels)]
            missing = np.full(len(labels) - len(path), -1)
            right.append(labels)
            predicted.append(np.concatenate([path, missing]).astype(int))
        return right, predicted

    def figures_by_row(self, y, prediction):
        pairs = list(zip(*self._compared(y, prediction), strict=True))
        hits = np.array([(right == predicted).sum() for right, predicted in pairs], float)
        return {"token_accuracy": (hits, np.array([len(right) for right, _ in pairs], float))}

    def figures(self, y, prediction, sample_weight=None):
        """Shares of right words and texts, and precision, recall and F1 of spans by type."""
        right, predicted = self._compared(y, prediction)
        lengths = np.array([len(labels) for labels in right])
        if not lengths.sum():
            raise ValueError("No row has a word with a tag, so there is nothing to measure.")
        weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        hits = np.array([(a == b).sum() for a, b in zip(right, predicted, strict=True)])
        some = lengths > 0
        figures = {
            "task": self.kind,
            "token_accuracy": float((hits * weights).sum() / (lengths * weights).sum()),
            "text_accuracy": float(np.average(hits[some] == lengths[some], weights=weights[some])),
            "words": int(lengths.sum()),
            "words_not_read": int(sum((path < 0).sum() for path in predicted)),
            "confusions": self._confusions(np.concatenate(right), np.concatenate(predicted)),
        }
        if self.spans is not None:
            figures |= self._span_figures(right, predicted)
        return figures

    loss_name = "share of wrong tags"

    def compared(self, labels, answers, beside=None):
        rows = []
        for label, answer, text in zip(labels, answers, beside or [""] * len(labels), strict=True):
            row = Compared(
                truth=None if label is None else " ".join(label),
                answer=None if answer is None else " ".join(answer),
            )
            if label is not None and answer is not None:
                said = [*answer, *[""] * (len(label) - len(answer))]  # behind what is read
                wrong = sum(one != other for one, other in zip(label, said, strict=False))
                row.right, row.loss = not wrong, wrong / max(len(label), 1)
            string = join_words("" if text is None else text, self.words)
            offsets = word_offsets(string, self.words)
            for place, (start, end) in enumerate(offsets):
                tags = [
                    of_row[place] if of_row is not None and place < len(of_row) else ""
                    for of_row in (label, answer)
                ]
                row.words.append((string[start:end], *tags))
            rows.append(row)
        return rows

    def _confusions(self, right, predicted):
        """The most frequent mistakes: `[tag, predicted tag, how often]`."""
        wrong = right != predicted
        pairs = collections.Counter(
            zip(right[wrong].tolist(), predicted[wrong].tolist(), strict=True)
        )
        names = [*self.tags, None]  # the last, -1: not read
        return [[names[a], names[b], n] for (a, b), n in pairs.most_common(MOST_CONFUSIONS)]

    def _span_figures(self, right, predicted):
        """What seqeval says of the spans, written as BIO whatever the scheme."""
        metrics = require("seqeval.metrics", "text-metrics")
        names = [*self.tags, "O"]
        of_both = [
            [self.plain([names[i] for i in path]) for path in paths if len(path)]
            for paths in (right, predicted)
        ]
        found = metrics.classification_report(*of_both, output_dict=True, zero_division=0)
        averages = {
            average: {name.removesuffix("-score"): float(x) for name, x in row.items()}
            for average, row in found.items()
        }
        types = {kind for kind in averages if not kind.endswith(" avg")}
        nothing = {"roc_auc": None, "average_precision": None}
        figures = {
            name: {average: averages[f"{average} avg"][name] for average in AVERAGES}
            for name in ("precision", "recall", "f1")
        }
        return figures | {
            "span_f1": figures["f1"]["micro"],
            "per_class": {
                kind: {**averages[kind], "support": int(averages[kind]["support"]), **nothing}
                for kind in sorted(types)
            },
        }

    def plain(self, tags):
        """Tags of the same spans in the scheme BIO, whatever theirs is.

        Args:
            tags: sequence of tags.

        Returns:
            A list of as many.
        """
        plain = ["O"] * len(tags)
        for start, end, kind in spans_of(tags, self.spans):
            plain[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
        return plain

    # --- The model that it fits ---

    def complete(self, other):
        if self.tags is None and isinstance(other, TagsOfWords):
            self.tags = other.tags
        return self

    def check_fits(self, other):
        if other is None:  # labels of a dataset that was made by hand
            return
        if not isinstance(other, TagsOfWords):
            raise ValueError(f"Model and preprocessor do not fit: {self._unknown()}")
        for name in ("tags", "text", "words", "length"):
            mine, its = getattr(self, name), getattr(other, name)
            if mine != its:
                raise ValueError(
                    f"Model and preprocessor do not fit: {name} of the head are {mine!r}, of the "
                    f"preprocessor {its!r}. Make the head with what the preprocessor learned: "
                    'Tags(tags=preprocessor.targets["head"].tags).'
                )

    def _unknown(self):
        return (
            f"the head answers with tags of the words of {self.text!r}, of which the preprocessor "
            "does not know. Make it with the same head: `mmzoo.Preprocessor(inputs, head=head)`."
        )


#: The averages of a report.
AVERAGES = ("micro", "macro", "weighted")


def _string(text, words):
    """A raw text as one string."""
    if text is None:
        return ""
    text = join_words(text, words)
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def _is_span(item):
    return isinstance(item, dict) or (
        isinstance(item, (list, tuple)) and len(item) == 3 and not isinstance(item[0], str)
    )


def _span(span, row):
    """`(start, end, type)` of a raw span."""
    if isinstance(span, dict):
        kind = next((span[key] for key in ("type", "label") if key in span), None)
        span = [span.get("start"), span.get("end"), kind]
    good = isinstance(span, (list, tuple)) and len(span) == 3
    numbers = good and all(isinstance(x, (int, np.integer)) for x in span[:2])
    if not numbers or not isinstance(span[2], str) or not span[2]:
        raise ValueError(
            f"{row}: {span!r} is no span: [start, end, type], two positions in characters and a "
            "string."
        )
    return int(span[0]), int(span[1]), span[2]


def _checked(label, row):
    """A raw label as a list of tags, or `None`."""
    if isinstance(label, np.ndarray):
        label = label.tolist()
    if not isinstance(label, (list, tuple)) and is_absent(label):
        return None
    if isinstance(label, str):
        label = label.split()
    if not isinstance(label, (list, tuple)):
        raise ValueError(
            f"{row}: the label {label!r} is no list of tags, one a word, and no list of spans."
        )
    for position, tag in enumerate(label):
        if not isinstance(tag, (str, int)) or tag == "":
            raise ValueError(f"{row}: word {position}: {tag!r} is no tag.")
    return [str(tag) for tag in label]


def _as_bioes(tags):
    """BIO as BIOES."""
    result = []
    for tag, following in zip(tags, [*tags[1:], "O"], strict=True):
        letter, dash, kind = tag.partition("-")
        if letter != "O" and following != f"I-{kind}":
            letter = {"B": "S", "I": "E"}[letter]
        result.append(f"{letter}{dash}{kind}")
    return result
