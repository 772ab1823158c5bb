"""demo(): the page, and what happens when its button is pressed."""

import html
import io
import warnings

import numpy as np

from mmzoo.data.as_records import as_records
from mmzoo.data.records import Records
from mmzoo.demo_page.answers import answer_of
from mmzoo.demo_page.inputs import input_of
from mmzoo.evaluation.attribution import attributions
from mmzoo.evaluation.contributions import contributions
from mmzoo.heads import heads_of, targets_of
from mmzoo.prediction.good_rows import predict_good_rows
from mmzoo.saving import check_pair
from mmzoo.utils.optional_packages import require
from mmzoo.utils.readable_errors import readable_errors

#: How a message that is about the row of the page begins, before that is taken off.
ROW = "this row"
#: How often values of other rows stand in for an input that is not optional.
DRAWS = 4
#: A message on the page, in the colours of its theme.
MESSAGE = (
    '<div role="alert" style="padding: 0.7em 1em; border: 1px solid var(--error-border-color); '
    "border-radius: var(--radius-lg); background: var(--error-background-fill); "
    'color: var(--error-text-color); overflow-wrap: anywhere">{}</div>'
)


def demo(model, preprocessor, examples=None, title="Try the model"):
    """A page to try a model in a browser, on Gradio.

    It has an input a modality: a picture is dropped, pasted or taken, a text is typed, a sound
    recorded or uploaded, the cells of a table are filled. An input that is optional may stay empty.
    A button answers as `mmzoo.predict` does: classes with their probabilities, numbers, texts, tags
    in their text, boxes and masks in their picture. What can't be read is said in words. Beside
    answers that are classes or numbers it shows what each input contributed, as
    `mmzoo.contributions` does, if every input is optional or examples can stand in; and over the
    inputs which parts of them speak for the answer, as `mmzoo.attributions` does by occlusion.

    Nothing is sent to anyone: the page needs no network, and Gradio's analytics are off.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        examples: a few rows to choose from, as for `mmzoo.predict`; labels, where they have some,
            are shown beside them. One that can't be read is left out, with a warning.
        title: what stands above, as Markdown.

    Returns:
        A `gradio.Blocks`. `page.launch()` shows it, in a notebook below the cell.

    Raises:
        ImportError: when Gradio is missing: `pip install "mmzoo[demo-page]"`.
        ValueError: when model and preprocessor do not fit, or examples lack a column.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, vocabulary=["red", "blue"])}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> page = mmzoo.demo(model, mmzoo.Preprocessor(inputs))  # doctest: +SKIP
    >>> page.launch()  # doctest: +SKIP
    """
    return Page(model, preprocessor, examples, title).blocks


class Page:
    """The page of a model; arguments as of `demo`.

    `blocks` is the `gradio.Blocks`; `inputs` is the list of its `Input`, `answers` the dict of its
    `Answer` by name, and `rows` are the examples as raw rows.
    """

    def __init__(self, model, preprocessor, examples=None, title="Try the model"):
        gr = require("gradio", "demo-page")
        check_pair(model, preprocessor)
        preprocessor.check_adapted()
        self.gr = gr
        self.model = model
        self.preprocessor = preprocessor
        # What was uploaded is deleted after a day.
        options = {"analytics_enabled": False, "delete_cache": (3600, 86_400)}
        with gr.Blocks(title=title, **options) as self.blocks:
            gr.Markdown(f"# {title}")
            with gr.Row():
                with gr.Column(min_width=320):
                    self.inputs = [
                        input_of(gr, name, modality, preprocessor.preprocessings[name])
                        for name, modality in preprocessor.inputs.items()
                    ]
                    explain = gr.Checkbox(label="Say what each input contributed")
                    overlay = gr.Checkbox(
                        label="Show what speaks for the answer",
                        info="Parts of the inputs are covered, one after another.",
                    )
                    button = gr.Button("Answer", variant="primary")
                with gr.Column(min_width=320):
                    message = gr.HTML(visible=False)
                    self.answers = {
                        name: answer_of(gr, name, target)
                        for name, target in targets_of(model, preprocessor).items()
                    }
                    bars = [gr.BarPlot(x="input", y="share", visible=False) for _ in self.answers]
                    self.overlaid = _with_one_score(model)
                    pictures = [
                        gr.Image(
                            visible=False,
                            label=f"{self.answers[name].label}: what speaks for it",
                            show_label=len(self.overlaid) > 1,  # it covers a corner of the picture
                            elem_classes="overlay",
                        )
                        for name in self.overlaid
                    ]
            overlay.visible = bool(self.overlaid)
            self.rows = [] if examples is None else self._show_examples(examples)
            passes = self._passes()
            explain.visible = passes is not None
            explain.info = f"The model answers {passes} times."
            of_inputs, of_answers = (
                [component for part in parts for component in part.components]
                for parts in (self.inputs, self.answers.values())
            )
            button.click(
                self.respond,
                [*of_inputs, explain, overlay],
                [message, *of_answers, *bars, *pictures],
                preprocess=False,  # files as they were sent
                api_name="answer",
            )

    def _show_examples(self, examples):
        """Puts examples below, and returns them as raw rows."""
        gr, shown, rows = self.gr, [], []
        records = as_records(examples, self.preprocessor.inputs)
        columns = label_texts(records)
        for row in range(len(records)):
            # One by one, as the page asks: graphs are then traced when the first visitor comes.
            with readable_errors():
                _, (error,) = predict_good_rows(self.model, self.preprocessor, records.take([row]))
            if error is not None:
                warnings.warn(f"{error}; it is no example.", stacklevel=4)
                continue
            held = [part.held(records.column(part.name)[row], records.root) for part in self.inputs]
            held = [value for values in held for value in values]
            shown.append([*held, *(texts[row] for texts in columns.values())])
            rows.append(self.row(held))
        labels = [gr.Textbox(label=name, visible=False) for name in columns]
        if shown:
            of_inputs = [component for part in self.inputs for component in part.components]
            gr.Examples(shown, [*of_inputs, *labels], label="Examples", examples_per_page=10)
        return rows

    def _passes(self):
        """How often the model answers for contributions; `None` where there can be none."""
        modalities = self.preprocessor.inputs.values()
        if len(modalities) < 2 or not all(a.can_be_explained for a in self.answers.values()):
            return None
        if all(modality.optional for modality in modalities):
            return 2 ** len(modalities)
        return DRAWS * 2 ** len(modalities) if self.rows else None

    def row(self, values):
        """The raw row that the components of all inputs hold.

        Args:
            values: list of what they hold, as the browser sends it.

        Returns:
            Dict from modality name to raw value.

        Raises:
            ValueError: for a file that is empty.
        """
        values = iter(values)
        return {part.name: part.raw(*(next(values) for _ in part.components))
                for part in self.inputs}  # fmt: skip

    def answer(self, row):
        """The answers for a raw row, those of `mmzoo.predict`.

        Args:
            row: dict from modality name to raw value.

        Returns:
            Dict from the name of an answer to what is answered.

        Raises:
            ValueError: for a value that can't be read, or is absent but not optional.
        """
        records = Records({name: [value] for name, value in row.items()}, describe=ROW.format)
        with readable_errors():
            answers, (error,) = predict_good_rows(self.model, self.preprocessor, records)
        if error is not None:
            raise ValueError(f"{error}.")
        return {name: of_answer[0] for name, of_answer in answers.items()}

    def contributions(self, row):
        """What each input contributed to the answers for a raw row.

        Args:
            row: as for `answer`.

        Returns:
            Dict from the name of an answer to its `mmzoo.evaluation.Contributions`, of which the
            first row is this one.
        """
        found = contributions(
            self.model, self.preprocessor, [row, *(self.rows or [row])], draws=DRAWS, verbose=False
        )
        return found if isinstance(found, dict) else {"head": found}

    def overlay(self, row, name):
        """A picture of which parts of the inputs speak for an answer.

        Args:
            row: as for `answer`.
            name: of the answer, one of `overlaid`.

        Returns:
            A picture of Pillow.
        """
        found = attributions(self.model, self.preprocessor, [row], method="occlusion", answer=name)
        return require("PIL.Image", "report").open(io.BytesIO(found.png()))

    def respond(self, *values):
        """What the page shows once the button is pressed.

        Args:
            *values: what the components of all inputs hold, and whether contributions, and an
                overlay, are wanted.

        Returns:
            A list: an update of the message, the values of the components of all answers, and
            updates of the bars of each answer, and of the picture of each of `overlaid`.
        """
        gr, (*values, explain, overlay) = self.gr, values
        message, hidden = gr.update(visible=False), gr.update(visible=False)
        bars, pictures = [hidden] * len(self.answers), [hidden] * len(self.overlaid)
        try:
            row = self.row(values)
            answers = self.answer(row)
        except (ValueError, TypeError, OSError) as error:
            said = html.escape(str(error).removeprefix(f"{ROW}: "))
            message = gr.update(value=MESSAGE.format(said), visible=True)
            nothing = [None for part in self.answers.values() for _ in part.components]
            return [message, *nothing, *bars, *pictures]
        shown = [each for name, part in self.answers.items()
                 for each in part.shown(answers[name], row)]  # fmt: skip
        if explain:
            found = self.contributions(row)
            bars = [
                self._bars(part, answers[name], found[name].predictions[0], found[name].modalities)
                for name, part in self.answers.items()
            ]
        if overlay:
            pictures = [
                gr.update(value=self.overlay(row, name), visible=True) for name in self.overlaid
            ]
        return [message, *shown, *bars, *pictures]

    def _bars(self, answer_part, answer, shares, modalities):
        """An update of the bars of an answer.

        Args:
            answer_part: the `Answer`.
            answer: what is answered.
            shares: `(modalities, outputs)`, the contribution of each.
            modalities: their names.
        """
        pandas = require("pandas", "report")
        outputs = answer_part.explained(answer)
        cells = [(name, float(shares[place, unit]), output)
                 for output, unit in outputs.items()
                 for place, name in enumerate(modalities)]  # fmt: skip
        table = pandas.DataFrame(cells, columns=["input", "share", "output"])
        one = next(iter(outputs)) if len(outputs) == 1 else None
        title = f"{answer_part.label}: contributions to {one or 'each value'}"
        return self.gr.BarPlot(
            table, x="input", y="share", color=None if one else "output", title=title,
            x_title=" ", y_title=" ", height=240, visible=True,
        )  # fmt: skip


def _with_one_score(model):
    """The names of the answers that are one class, or one number."""
    found = []
    for name, head in heads_of(model).items():
        names = head.score_names
        if names is not None and head.answered(np.zeros((1, len(names)), "float32")) is not None:
            found.append(name)
    return found


def label_texts(records):
    """Labels of records as texts, of those answers of which a label is a short one.

    Args:
        records: `mmzoo.data.Records`.

    Returns:
        Dict from what a column of labels is called to a list of strings, one a row.
    """
    texts = {}
    for name, column in records.label_columns.items():
        labels, names = column.labels, column.class_names
        if isinstance(labels, list) and all(isinstance(x, (str, type(None))) for x in labels):
            found = [label or "" for label in labels]
        elif not isinstance(labels, list) and labels.ndim == 1:
            found = [f"{label:.6g}" for label in labels]
        elif not isinstance(labels, list) and names is not None:
            found = [", ".join(n for n, x in zip(names, row, strict=True) if x == 1)
                     for row in labels]  # fmt: skip
        else:
            continue
        texts["label" if name == "head" else f"label: {name}"] = found
    return texts
