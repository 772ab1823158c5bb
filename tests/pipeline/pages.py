"""Reports as HTML pages, of tiny models that learned nothing, and what is in a page."""

import html.parser
import json

import numpy as np

import mmzoo
from mmzoo import evaluation
from tests.pipeline.raw import picture, sound

#: Texts that could break a page.
HOSTILE = [
    "<script>document.title = 'broken'</script> \"quoted\" & 'single'",
    "</script><img src=http://example.com/x onerror=\"document.title = 'broken'\">",
    "שלום, עולם: מימין לשמאל",
    "emoji 👩‍👩‍👧 🎉",
    "x" * 100_000,
    "",
    "plain words",
]
CLASSES = ["<b>bird</b>", "cat", "dog"]


def inputs_of(*names, optional=True):
    """Small inputs by their names."""
    every = {
        "image": mmzoo.Image(size=(8, 8), optional=optional),
        "text": mmzoo.Text(length=6, vocabulary_size=30, encoder="bag", optional=optional),
        "audio": mmzoo.Audio(4000, 0.1, encoder="dnn", optional=optional),
        "table": mmzoo.Tabular(numeric=["price"], categorical=["colour"], optional=optional),
    }
    return {name: every[name] for name in names}


def columns_of(rows, *names):
    """As many raw values."""
    every = {
        "image": [picture(["red", "green", "blue"][row % 3], (20, 30), row) for row in range(rows)],
        "text": [HOSTILE[row % len(HOSTILE)] for row in range(rows)],
        "audio": [sound(row) for row in range(rows)],
        "table": [{"price": row / 2, "colour": "<i>red</i>"} for row in range(rows)],
    }
    return {name: every[name] for name in names}


def judged(inputs, columns, labels, head):
    """A model that learned nothing, its preprocessor, the rows and its report on them."""
    records = mmzoo.data.from_arrays(columns, labels=labels)
    preprocessor = mmzoo.Preprocessor(inputs, head=head)
    preprocessor.adapt(records)
    model = mmzoo.build_model(inputs=inputs, head=preprocessor.head, dim=8, fusion="sum")
    optional = any(modality.optional for modality in inputs.values())
    dataset = records.to_dataset(preprocessor, 8, on_error="missing" if optional else "raise")
    return model, preprocessor, records, mmzoo.evaluate(model, dataset, verbose=False)


def hostile_classes(rows=42):
    """As `judged`, of three classes, with hostile texts and two pictures that can't be read."""
    columns = columns_of(rows, "image", "text")
    columns["image"][3], columns["image"][9] = b"no picture", columns["image"][9][:60]
    labels = [CLASSES[row % 3] for row in range(rows)]
    head = mmzoo.heads.Softmax(class_names=CLASSES)
    return judged(inputs_of("image", "text"), columns, labels, head)


def several_answers(rows=24):
    """As `judged`, of several labels with a class of two, and a number, of which some lack."""
    labels = {
        "tags": [[name for at, name in enumerate("abc") if (row + at) % 2] for row in range(rows)],
        "fresh": [["no", "yes", None][row % 3] for row in range(rows)],
        "price": [np.nan if row % 5 == 0 else row / 3 for row in range(rows)],
    }
    head = {
        "tags": mmzoo.heads.Sigmoid(units=3, class_names=["a", "b", "c"]),
        "fresh": mmzoo.heads.Sigmoid(class_names=["no", "yes"]),
        "price": mmzoo.heads.Regression(),
    }
    names = ("audio", "table")
    return judged(inputs_of(*names), columns_of(rows, *names), labels, head)


def all_else(records):
    """What a page of `hostile_classes` may show besides: findings as they might be."""
    rows = len(records)
    contributions = evaluation.Contributions(
        modalities=["image", "text"], rows=rows, figure="accuracy", everything=0.9, nothing=0.5,
        shares={"image": -0.1, "text": 0.5}, alone={"image": 0.4, "text": 1.0},
        without={"image": 1.0, "text": 0.4}, interactions={}, intervals={"text": (0.3, 0.6)},
        predictions=np.zeros((rows, 2, 3)), absence={"image": "absent", "text": "other rows"},
    )  # fmt: skip
    clean = {
        "modality": None,
        "change": "none",
        "strength": None,
        "shown": "",
        "value": 0.9,
        "difference": 0.0,
        "low": 0.0,
        "high": 0.0,
        "figures": {"accuracy": 0.9},
    }
    absent = {**clean, "modality": "text", "change": "absent", "shown": "100 % of rows",
              "value": 0.5, "difference": -0.4, "low": -0.5, "high": -0.3}  # fmt: skip
    unknown = {**absent, "modality": "image", "value": None, "low": None, "high": None}
    robustness = evaluation.RobustnessReport(
        figure="accuracy", lower_is_better=False, rows=rows, conditions=[clean, absent, unknown],
        notes=["Not optional, so never absent: <image>."],
    )  # fmt: skip
    worst = {"by": "class", "slice": "<i>cat</i>", "rows": 20, "value": 0.2, "low": 0.1,
             "high": 0.3}  # fmt: skip
    slices = evaluation.SlicesReport(
        figure="accuracy", lower_is_better=False, rows=rows, value=0.8, low=0.7, high=0.9,
        slices=[worst], left_out=[{**worst, "value": None}], fewest_rows=20,
    )  # fmt: skip
    return {
        "history": {"loss": [2.0, 1.0, 0.5], "val_loss": [2.1, 1.4, np.nan]},
        "contributions": contributions,
        "robustness": robustness,
        "slices": slices,
        "overlays": {0: [(np.zeros((4, 6, 3), "uint8"), "where it looked")]},
        "data": {"training": records},
        "arguments": {"epochs": 3},
    }


class Page(html.parser.HTMLParser):
    """What is in a page, as a browser reads it.

    Args:
        path: of the file.
    """

    #: Elements without an end.
    EMPTY = ("meta", "img", "input", "br", "line", "polyline")

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements = []  # (tag, attributes)
        self.open = []
        self.texts, self.scripts = [], []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> ends another element"

    def handle_data(self, text):
        if self.open and self.open[-1] in ("script", "style"):
            self.scripts.append(text)
        else:
            self.texts.append(text)

    @property
    def text(self):
        """All that can be read, with single spaces."""
        return " ".join(" ".join(self.texts).split())

    @property
    def data(self):
        """What the script of the page is given."""
        return json.loads(self.scripts[1])

    def all(self, tag):
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def sections(self):
        """The ids of the sections."""
        return [attributes["id"] for attributes in self.all("section")]
