"""What a page has for each answer of a model: components of Gradio, and what they show of it."""

import numpy as np

from mmzoo.demo_page.places import decoded_mask, marked_box, marked_classes
from mmzoo.raw.words import join_words, word_offsets
from mmzoo.targets import (
    BoxInPicture,
    ClassTarget,
    MaskOfPicture,
    TagsOfWords,
    TextTarget,
    TranscribedText,
    Values,
)
from mmzoo.targets.tag_scheme import spans_of

#: The most classes whose scores are shown.
SHOWN = 10


class Answer:
    """The components of one answer: by default what a table of predictions would say of it.

    Args:
        gr: the module `gradio`.
        name: the name of the answer, `"head"` where there is only one.
        target: its `mmzoo.targets.Target`.
    """

    #: Whether what each input contributed to an answer can be said.
    can_be_explained = False

    def __init__(self, gr, name, target):
        self.gr = gr
        self.label = "answer" if name == "head" else name
        self.target = target
        with gr.Column():  # what belongs together stays together
            self.components = self.build()

    def build(self):
        """Makes the components, where the page has its place for them.

        Returns:
            A list.
        """
        return [self.gr.Textbox(label=self.label, interactive=False)]

    def shown(self, answer, row):
        """What the components show.

        Args:
            answer: what `mmzoo.predict` answers for one row.
            row: dict from modality name to raw value.

        Returns:
            A list, one value a component.
        """
        columns = self.target.columns(_as_rows(answer), delimiter=", ")
        cells = {name: _cell(values[0]) for name, values in columns.items()}
        if len(cells) == 1:
            return [*cells.values()]
        return ["\n".join(f"{name}: {cell}" for name, cell in cells.items())]

    def explained(self, answer):
        """The outputs of the prediction that are explained, where an answer can be.

        Args:
            answer: as for `shown`.

        Returns:
            Dict from what an output is called to its position.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `explained`.")


class NumbersAnswer(Answer):
    """Numbers, and the intervals around them where there are some."""

    can_be_explained = True

    def shown(self, answer, row):
        if getattr(self.target, "intervals", None) is None:
            return super().shown(answer, row)
        ends = (np.reshape(each, -1) for each in self.target.bounds(answer[None]))
        inside = f"in {1 - self.target.intervals['alpha']:.4g} of rows"
        lines = [
            f"{_cell(number)}, between {_cell(lower)} and {_cell(upper)} {inside}"
            for number, lower, upper in zip(np.reshape(answer, -1), *ends, strict=True)
        ]
        return ["\n".join(lines)]

    def explained(self, answer):
        units = len(np.reshape(answer, -1))
        return {"value" if units == 1 else f"value_{unit}": unit for unit in range(units)}


class ClassAnswer(Answer):
    """Classes: the answer, and the probabilities."""

    can_be_explained = True

    def build(self):
        text, label = super().build(), f"{self.label}: scores"
        return [*text, self.gr.Label(label=label, num_top_classes=SHOWN, show_heading=False)]

    def shown(self, answer, row):
        columns = self.target.columns(answer[None], delimiter=", ")
        scores = self._scores(answer)
        chosen = columns.get("predicted", [max(scores, key=scores.get)])[0] or "none of them"
        if columns.get("abstain", [False])[0]:
            chosen = f"(not sure; the likeliest is {chosen})"
        if "label_set" in columns:
            share = 1 - self.target.label_sets["alpha"]
            chosen += f"\none of these in {share:.4g} of rows: {columns['label_set'][0]}"
        return [chosen, scores]

    def _scores(self, answer):
        """Dict from class to its probability."""
        columns = self.target.score_columns(answer[None])
        return {name.removeprefix("score_"): float(x[0]) for name, x in columns.items()}

    def explained(self, answer):
        names = [*self._scores(answer)]
        if len(answer) < len(names):  # yes or no: the probability of yes
            return {f"probability of {names[1]!r}": 0}
        best = int(np.argmax(answer))
        return {f"probability of {names[best]!r}": best}


class TextAnswer(Answer):
    """A text that was written, or read from frames."""

    def build(self):
        return [self.gr.Textbox(label=self.label, interactive=False, lines=2)]

    def shown(self, answer, row):
        return ["(there is nothing to read)" if answer is None else answer]


class TagsAnswer(Answer):
    """Spans of a text, or a tag a word."""

    def build(self):
        return [self.gr.HighlightedText(label=self.label, show_legend=True)]

    def shown(self, answer, row):
        text = join_words(row[self.target.text_name] or "", self.target.words)
        words = word_offsets(text, self.target.words)[: len(answer or ())]
        spans = spans_of(answer or (), self.target.spans)
        if self.target.spans is None:
            spans = [(place, place + 1, tag) for place, tag in enumerate(answer or ())]
        entities = [
            {"entity": kind, "start": words[first][0], "end": words[behind - 1][1]}
            for first, behind, kind in spans
        ]
        return [{"text": text, "entities": entities} if text else None]


class BoxAnswer(Answer):
    """A box in a picture: its corners, and the picture with it."""

    def build(self):
        box = self.gr.Textbox(label=f"{self.label}: x0, y0, x1, y1 in pixels", interactive=False)
        return [box, self.gr.AnnotatedImage(label=self.target.picture, height=320)]

    def shown(self, answer, row):
        if np.isnan(answer).any():
            return ["(there is no picture)", None]
        corners = ", ".join(f"{side:.1f}" for side in answer)
        return [corners, marked_box(row[self.target.picture], answer, self.label)]


class MaskAnswer(Answer):
    """The classes of the pixels of a picture: their shares, and the picture with them."""

    def build(self):
        shares = self.gr.Textbox(label=f"{self.label}: share of the pixels", interactive=False)
        return [shares, self.gr.AnnotatedImage(label=self.target.picture, height=320)]

    def shown(self, answer, row):
        if answer is None:
            return ["(there is no picture)", None]
        classes = decoded_mask(answer)
        names = dict(zip(self.target.values, self.target.class_names, strict=True))
        shares = [f"{name} {(classes == value).mean():.1%}" for value, name in names.items()]
        del names[self.target.values[0]]  # the background
        return [", ".join(shares), marked_classes(row[self.target.picture], classes, names)]


#: Class of targets -> what the page has for its answers.
ANSWERS = {
    ClassTarget: ClassAnswer,
    Values: NumbersAnswer,
    TextTarget: TextAnswer,
    TranscribedText: TextAnswer,
    TagsOfWords: TagsAnswer,
    BoxInPicture: BoxAnswer,
    MaskOfPicture: MaskAnswer,
}


def answer_of(gr, name, target):
    """The components for an answer; of a target from outside its columns, as text.

    Args:
        gr: the module `gradio`.
        name: the name of the answer.
        target: its `mmzoo.targets.Target`.

    Returns:
        An `Answer`.
    """
    of_class = next((ANSWERS[cls] for cls in type(target).__mro__ if cls in ANSWERS), Answer)
    return of_class(gr, name, target)


def _as_rows(answer):
    """The answer for one row as those for several."""
    return answer[None] if isinstance(answer, np.ndarray) else [answer]


def _cell(value):
    """A cell of a table as text."""
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    return "" if value is None else str(value)
