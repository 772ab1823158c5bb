"""A text over an alphabet, read from frames."""

import collections
import itertools
import warnings

import keras
import numpy as np
from keras import ops

from mmzoo.raw.absent import is_absent
from mmzoo.raw.cells import category
from mmzoo.targets.compared import compared_texts
from mmzoo.targets.ctc import (
    NEXT,
    UNKNOWN,
    best_alignment,
    can_be_learned,
    first_texts,
    frames_needed,
    frames_of,
)
from mmzoo.targets.error_rates import error_rates, error_rates_by_row, nearest
from mmzoo.targets.prefix_beam_search import prefix_beam_search
from mmzoo.targets.references import checked_references, references_of
from mmzoo.targets.target import Target
from mmzoo.tokenizers.vocabulary import normalized

UNITS = ("character", "word")
#: What stands in a text for what its alphabet lacks.
LACKING = "\N{REPLACEMENT CHARACTER}"
#: How many rows or characters a message names.
NAMED = 5
#: Rows that are searched at a time.
SEARCHED = 256


@keras.saving.register_keras_serializable(package="mmzoo")
class TranscribedText(Target):
    """A text: a raw label is a string, the answer is one, too.

    Texts are taken with composed accents (NFC) and single spaces, and none at their ends. What the
    alphabet lacks is counted in a warning; such a text is not learned, and figures count every such
    character as an error.

    A label may be a list of texts, each of them right: the first is learned, and figures judge by
    the one that is nearest to the answer. `y` is `(B, L)` int32: ids, then zeros; between the texts
    of a row -2.

    Args:
        alphabet: list of the characters or words; `None`: those of the training rows.
        unit: `"character"` or `"word"`.
        lowercase: whether texts are taken in lower case.
        beams: see `mmzoo.heads.Transcript`.

    Example:

    >>> target = TranscribedText()
    >>> target.adapt(target.check(["a  bad", "ab"]))
    >>> target.alphabet, target.encode(["bad"]).tolist()
    ([' ', 'a', 'b', 'd'], [[3, 2, 4, 0, 0]])
    """

    kind = "transcript"
    main_output = "probabilities"

    def __init__(self, alphabet=None, unit="character", lowercase=False, beams=1):
        self.given = check_alphabet(alphabet, unit, lowercase)
        if isinstance(beams, bool) or not isinstance(beams, int) or beams < 1:
            raise ValueError(f"`beams` must be a positive integer; received: {beams!r}.")
        self.unit = unit
        self.lowercase = lowercase
        self.beams = beams
        #: The alphabet, as given or learned; `None` until then.
        self.alphabet = self.given
        #: How many frames each text of the training rows needs.
        self.frames_needed = []
        self.length = 0

    def get_config(self):
        return {
            "alphabet": self.given,
            "unit": self.unit,
            "lowercase": self.lowercase,
            "beams": self.beams,
        }

    def get_state(self):
        learned = {} if self.given or self.alphabet is None else {"alphabet": self.alphabet}
        return {**learned, "length": self.length}

    def set_state(self, state):
        self.alphabet = state.get("alphabet", self.given)
        self.length = state.get("length", 0)

    # --- Raw labels ---

    def check(self, labels, describe="row {}".format):
        checked = [
            checked_references(label, row, describe, self._text) for row, label in enumerate(labels)
        ]
        if all(label is None for label in checked):
            raise ValueError("There is no text in any row.")
        return checked

    def _text(self, label, row, describe):
        if is_absent(label):
            return None
        if isinstance(label, (list, tuple, dict, np.ndarray)):
            raise ValueError(
                f"{describe(row)}: {label!r} is no text. A label of Transcript is one, or a list "
                "of texts, each of them right."
            )
        text = normalized(label if isinstance(label, str) else category(label), self.lowercase)
        if not text:
            raise ValueError(
                f"{describe(row)}: the label is an empty text, of which nothing can be learned. "
                "Leave the row out."
            )
        return text

    def parts(self, text):
        """A text as the list of its characters or words."""
        return list(text) if self.unit == "character" else text.split(" ")

    def adapt(self, labels):
        texts = self._parts_of_rows(labels)
        if self.given is None:
            self.alphabet = sorted({part for of_row in texts for text in of_row for part in text})
        self.length = max(len(text) for of_row in texts for text in of_row)
        learned = [of_row[0] if of_row else [] for of_row in texts]
        self.frames_needed = [
            len(text) + sum(one == other for one, other in itertools.pairwise(text))
            for text in learned
        ]

    def _parts_of_rows(self, labels):
        """Checked labels as a list of texts a row, each a list of its parts."""
        return [[self.parts(text) for text in references_of(label)] for label in labels]

    def encode(self, labels, describe="row {}".format):
        self._check_alphabet()
        texts = self._parts_of_rows(self.check(labels, describe))
        count = sum(map(len, texts))
        place = {part: i for i, part in enumerate(self.alphabet, 1)}
        ids, lacking, rows = [[] for _ in texts], collections.Counter(), []
        for row, of_row in enumerate(texts):
            for text in of_row:
                ids[row] += [NEXT] if ids[row] else []
                ids[row] += [place.get(part, UNKNOWN) for part in text]
                missing = [part for part in text if part not in place]
                lacking.update(missing)
                rows += [row] if missing else []
        y = np.zeros((len(texts), max(self.length, *map(len, ids))), "int32")
        for row, of_row in enumerate(ids):
            y[row, : len(of_row)] = of_row
        if rows:
            parts = [f"{part!r} ({count})" for part, count in lacking.most_common(NAMED)]
            more = f" and {len(lacking) - NAMED} others" if len(lacking) > NAMED else ""
            warnings.warn(
                f"{len(rows)} of {count} texts have {self.unit}s that the alphabet lacks: "
                f"{', '.join(parts)}{more}. They are not learned, and count as errors: "
                f"{', '.join(map(describe, rows[:NAMED]))}{', ...' if len(rows) > NAMED else ''}.",
                stacklevel=2,
            )
        return y

    def _check_alphabet(self):
        if not self.alphabet:
            raise ValueError(
                "The alphabet of the texts was never learned. Call `preprocessor.adapt(records)` "
                "with labelled rows, or give the head an `alphabet`."
            )

    # --- Predictions ---

    def answers(self, prediction, decoded=None):
        """A list of texts, `None` where there is no frame."""
        prediction = np.asarray(prediction)
        texts = []
        for start in range(0, len(prediction), SEARCHED):
            batch = prediction[start : start + SEARCHED]
            ids = np.asarray(ops.convert_to_numpy(self._search(ops.convert_to_tensor(batch))[0]))
            there = (batch > 0).any(axis=(1, 2))
            texts += [
                self.text(row[0]) if any_frame else None
                for row, any_frame in zip(ids, there, strict=True)
            ]
        return texts

    def text(self, ids):
        """The text of a row of ids."""
        joint = "" if self.unit == "character" else " "
        parts = [LACKING if i == UNKNOWN else self.alphabet[i - 1] for i in ids if i != 0]
        return joint.join(parts).strip()

    def _search(self, prediction):
        """`(ids, scores)`: `(B, beams, T)` and `(B, beams)`, the logarithms of probabilities."""
        if self.beams > 1:
            return prefix_beam_search(prediction, self.beams)
        ids, score = best_alignment(prediction)
        return ids[:, None], score[:, None]

    def stacked(self, rows):
        return list(rows)

    def outputs(self, prediction, decoded=None):
        import tensorflow as tf

        ids, scores = self._search(prediction)
        space = "" if self.unit == "character" else " "
        parts = tf.constant(["", *(space + part for part in self.alphabet)])
        texts = tf.strings.strip(tf.strings.reduce_join(tf.gather(parts, ids), axis=-1))
        frames = frames_of(prediction)[:, None]
        scores = tf.where(
            frames > 0, scores / tf.cast(tf.maximum(frames, 1), "float32"), float("nan")
        )
        outputs = {
            "text": texts[:, 0],
            "score": scores[:, 0],
            "frames": frames[:, 0],
            self.main_output: prediction,
        }
        return outputs if self.beams == 1 else {**outputs, "texts": texts, "scores": scores}

    def describe_outputs(self):
        of_what = "of its best alignment" if self.beams == 1 else "of the text"
        outputs = {
            "text": ("(B,)", "the text that was read; empty where there is no frame"),
            "score": (
                "(B,)",
                f"logarithm of the probability {of_what}, over the number of frames; NaN without "
                "any",
            ),
            "frames": ("(B,)", "how many frames were read"),
            "probabilities": (
                f"(B, T, {len(self.alphabet or ()) + 1})",
                "of the blank and of the alphabet below, frame by frame; zeros behind the frames",
            ),
        }
        if self.beams > 1:
            shape = f"(B, {self.beams})"
            outputs["texts"] = (shape, "the most probable texts, best first")
            outputs["scores"] = (shape, "their scores; -inf where there is no further text")
        return outputs

    def card_lines(self):
        parts = ", ".join(f"`{part}`" for part in self.alphabet or ())
        return [f"Alphabet, a {self.unit} each: {parts}.", ""]

    def card_facts(self):
        return {"alphabet": self.alphabet, "unit": self.unit}

    def columns(self, prediction, delimiter="|"):
        if isinstance(prediction, np.ndarray) and prediction.dtype.kind == "f":
            prediction = self.answers(prediction)
        return {"predicted": list(prediction)}

    # --- Figures ---

    def check_y(self, y):
        y = np.asarray(y)
        if y.ndim != 2 or y.dtype.kind not in "iu":
            raise ValueError(
                "Texts must be integers (B, L), ids of the alphabet from 1 on and zeros behind "
                f"them, as `records.to_dataset(preprocessor)` makes them; received {y.dtype} of "
                f"shape {y.shape}."
            )
        return y

    def _compared(self, y, prediction):
        """The right texts nearest to the answers, and these."""
        references = [
            [self.text(ids[ids != NEXT]) for ids in np.split(row, np.flatnonzero(row == NEXT))]
            for row in y
        ]
        answers = [answer or "" for answer in self.answers(prediction)]
        return nearest(references, answers), answers

    def figures_by_row(self, y, prediction):
        return error_rates_by_row(*self._compared(y, prediction))

    def figures(self, y, prediction, sample_weight=None):
        compared = self._compared(y, prediction)
        frames, y = np.asarray(ops.convert_to_numpy(frames_of(prediction))), first_texts(y)
        learned = np.asarray(ops.convert_to_numpy(can_be_learned(y, frames)))
        left_out = np.flatnonzero(~learned)
        needed = np.asarray(ops.convert_to_numpy(frames_needed(y)))
        return {
            "task": self.kind,
            **error_rates(*compared, sample_weight),
            "rows_without_frames": int((frames == 0).sum()),
            "rows_left_out": len(left_out),
            "left_out": [
                {"row": int(row), "frames": int(frames[row]), "frames_needed": int(needed[row])}
                for row in left_out
            ],
        }

    loss_name = "share of wrong characters"

    def compared(self, labels, answers, beside=None):
        return compared_texts(labels, answers, str)

    # --- The model that it fits ---

    def check_fits(self, other):
        if other is None:  # labels of a dataset that was made by hand
            return
        if type(other) is not type(self):
            raise ValueError(
                f"Model and preprocessor do not fit: the head answers with texts, but the labels "
                f"were read as {other.kind}. Make the preprocessor with the same head: "
                "`mmzoo.Preprocessor(inputs, head=head)`."
            )
        other._check_alphabet()
        mine, its = ((t.unit, t.lowercase, t.alphabet) for t in (self, other))
        if mine != its:
            apart = sorted({*self.alphabet} ^ {*other.alphabet})
            differ = f"their alphabets differ in {', '.join(map(repr, apart[:NAMED]))}"
            raise ValueError(
                "Model and preprocessor do not fit: "
                f"{differ if apart else 'their alphabets have another order, unit or case'}. Give "
                "the head `alphabet=preprocessor.targets[...].alphabet`, and both the same `unit` "
                "and `lowercase`."
            )


def check_alphabet(alphabet, unit, lowercase=False):
    """An alphabet as a list of strings.

    Args:
        alphabet: a string or a sequence of strings, or `None`.
        unit: `"character"` or `"word"`.
        lowercase: whether texts are taken in lower case.

    Returns:
        A list, or `None`.

    Raises:
        ValueError: for an unknown unit, an empty alphabet, or parts that can't be.

    Example:

    >>> check_alphabet("zero one", "word"), check_alphabet("ab ", "character")
    (['zero', 'one'], ['a', 'b', ' '])
    """
    if unit not in UNITS:
        raise ValueError(f"`unit` must be one of {', '.join(UNITS)}; received: {unit!r}.")
    if alphabet is None:
        return None
    if isinstance(alphabet, str) and unit == "word":
        alphabet = alphabet.split()
    alphabet = list(alphabet)
    if not alphabet:
        raise ValueError("`alphabet` is empty.")
    for part in alphabet:
        possible = isinstance(part, str) and part and (part == " " or normalized(part) == part)
        if possible and unit == "character":
            possible = len(part) == 1
        elif possible:
            possible = " " not in part
        if not possible:
            raise ValueError(
                f"`alphabet` must be {unit}s, with composed accents and without other spaces than "
                f"' '; received: {part!r}."
            )
        if lowercase and part.lower() != part:
            raise ValueError(f"With lowercase=True no text has {part!r} of `alphabet`.")
    twice = [part for part, count in collections.Counter(alphabet).items() if count > 1]
    if twice:
        raise ValueError(f"`alphabet` must be unique; received twice: {twice[:NAMED]}.")
    return alphabet
