"""The figures of a model on a dataset, as attributes, a table, a picture and JSON."""

import dataclasses

import numpy as np

from mmzoo.evaluation.confusion_matrix import draw_confusion_matrix
from mmzoo.evaluation.figure_text import figure_label, figure_text
from mmzoo.evaluation.pictures import save_figure, written_count
from mmzoo.evaluation.reliability_picture import draw_reliability
from mmzoo.evaluation.report_output import as_text, new_table, plain, write_json
from mmzoo.utils.optional_packages import require

#: A printed table shows at most so many classes, the most frequent ones.
MOST_CLASSES_PRINTED = 40
#: The figures of probabilities.
OF_PROBABILITIES = (
    "log_loss", "brier_score", "expected_calibration_error", "roc_auc", "average_precision"
)  # fmt: skip
#: The figures that describe the whole, by task.
SUMMARY = {
    "multiclass": ("accuracy", *OF_PROBABILITIES),
    "binary": ("accuracy", *OF_PROBABILITIES),
    "multilabel": ("accuracy", "hamming_loss", *OF_PROBABILITIES),
    "regression": ("mean_absolute_error", "root_mean_squared_error", "r2"),
}
#: What is said where a model is not sure: attribute -> title of its table, and what figures are.
DOUBT = {
    "label_sets": (
        "With label sets",
        {
            "promised": "coverage promised",
            "coverage": "coverage",
            "mean_size": "mean number of classes",
            "single": "share of sets of one class",
        },
    ),
    "selective": (
        "Where the model does not abstain",
        {
            "wanted": "accuracy wanted",
            "accuracy": "accuracy of answered rows",
            "coverage": "share of rows answered",
            "threshold": "least probability",
        },
    ),
    "intervals": (
        "With intervals",
        {
            "promised": "coverage promised",
            "coverage": "coverage",
            "mean_width": "mean width",
        },
    ),
}


@dataclasses.dataclass(eq=False, kw_only=True, repr=False)
class Report:
    """What `mmzoo.evaluate` found. Figures that do not apply or are undefined are `None`.

    Scikit-learn's conventions hold: a class that is never predicted has precision 0, and one that
    is predicted but never occurs has recall 0. Classes that neither occur nor are predicted have no
    precision, recall and F1, and do not count in the averages.

    Args:
        task: `"multiclass"`, `"binary"`, `"multilabel"`, `"regression"`, or what another target
            calls its kind.
        rows: number of rows with a positive weight.
        class_names: names of the classes, in the order of the outputs; binary: of 0 and 1.
        accuracy: share of right rows; multilabel: of rows where every label is right.
        hamming_loss: multilabel: share of wrong labels, in [0, 1].
        precision: dict with the averages `"micro"`, `"macro"` and `"weighted"`.
        recall: dict, likewise.
        f1: dict, likewise.
        per_class: dict from class name to a dict of `"precision"`, `"recall"`, `"f1"`, `"support"`
            (number of rows, or their weight), `"roc_auc"` and `"average_precision"`.
        roc_auc: area under the ROC curve; binary: of class 1; else the mean over the classes, each
            against the rest.
        average_precision: area under the precision-recall curve, likewise.
        classes_left_out: names of classes that no row or every row belongs to. They have no ROC
            AUC and average precision, and do not count in the mean.
        log_loss: mean cross-entropy in nats, from the probabilities; multilabel: mean over labels.
        brier_score: mean squared distance of the probabilities from the truth: summed over the
            classes, in [0, 2]; binary: of class 1, and multilabel: mean over labels, in [0, 1].
        expected_calibration_error: mean distance of probabilities from how often they are right,
            see `reliability`.
        reliability: list with a dict a bin of rows: `"from"` and `"to"`, the lowest and the highest
            probability of the predicted class, `"confidence"`, the mean, `"right"`, the share of
            right ones, and `"rows"`, their number or weight. Binary: the probability of class 1,
            and the share of class 1; multilabel: likewise, of all labels together. There are 15
            bins of equal weight, or fewer, so that each has 10 rows.
        label_sets: where the head has label sets, see `mmzoo.calibrate`, a dict of `"promised"`,
            the share of rows whose set should hold their class, `"coverage"`, the share that does,
            `"mean_size"`, and `"single"`, the share of sets of one class.
        selective: where the head abstains, see `mmzoo.calibrate`, a dict of `"wanted"`, the share
            of right ones that the answered rows should have, `"accuracy"`, what they have (`None`
            where there are none), `"coverage"`, the share of rows that are answered, and
            `"threshold"`, the probability below which none is.
        intervals: where the head has intervals, see `mmzoo.calibrate`, a dict of `"promised"`, the
            share of rows whose interval should hold their number, `"coverage"`, the share that
            does, and `"mean_width"`, in the unit of the targets; of several outputs their mean, and
            `"outputs"`, a list with a dict of both for each.
        confusion_matrix: `(K, K)` array of rows (or their weight), true class by predicted class;
            multilabel: `(K, 2, 2)`, one matrix a label.
        mean_absolute_error: regression: in the unit of the targets.
        root_mean_squared_error: regression: in the unit of the targets; mean over the outputs.
        r2: regression: share of the variance that is explained; mean over the outputs. `None`
            where a target is constant.
        at_thresholds: what the thresholds chosen for the head come to, where all other figures are
            those of 0.5: a dict of `"thresholds"` by name, `"accuracy"`, `"precision"`, `"recall"`
            and `"f1"`.
        figures: dict of the figures of other kinds of answers by name, such as `"mean_iou"`, or of
            texts `"exact_match"`, `"chrf"` and `"worst"`; they are attributes, too.

    Example:

    >>> report = Report(task="regression", rows=10, r2=0.5)
    >>> report
    <Report of regression on 10 rows: r2=0.5>
    """

    task: str
    rows: int
    class_names: list | None = None
    accuracy: float | None = None
    hamming_loss: float | None = None
    precision: dict | None = None
    recall: dict | None = None
    f1: dict | None = None
    per_class: dict | None = None
    roc_auc: float | None = None
    average_precision: float | None = None
    classes_left_out: list | None = None
    log_loss: float | None = None
    brier_score: float | None = None
    expected_calibration_error: float | None = None
    reliability: list | None = None
    label_sets: dict | None = None
    selective: dict | None = None
    intervals: dict | None = None
    confusion_matrix: np.ndarray | None = None
    mean_absolute_error: float | None = None
    root_mean_squared_error: float | None = None
    r2: float | None = None
    at_thresholds: dict | None = None
    figures: dict = dataclasses.field(default_factory=dict)
    #: The rows that it is about, `mmzoo.evaluation.evaluated.Evaluated`, where they are known.
    evaluated = None

    @classmethod
    def of(cls, rows, figures):
        """The report of what `mmzoo.targets.Target.figures` returned."""
        own = {field.name for field in dataclasses.fields(cls)}
        others = {name: value for name, value in figures.items() if name not in own}
        return cls(
            rows=rows,
            figures=others,
            **{name: value for name, value in figures.items() if name in own},
        )

    def __getattr__(self, name):
        figures = self.__dict__.get("figures", {})
        if name in figures:
            return figures[name]
        raise AttributeError(f"The report has no figure {name!r}.")

    def summary_names(self):
        """The names of the figures that describe the whole, the foremost first."""
        return [*SUMMARY.get(self.task, ()), *self.figures]

    def summary(self):
        """The figures that are one number, as people read them.

        Returns:
            List of `(label, value)`, two strings.

        Example:

        >>> Report(task="regression", rows=10, r2=0.5).summary()[-1]
        ('R²', '0.5000')
        """
        found = []
        for name in self.summary_names():
            value = getattr(self, name)
            if value is None or isinstance(value, (int, float)):
                label = figure_label(name)
                if (self.task, name) == ("multilabel", "accuracy"):
                    label = "accuracy (all labels right)"
                found.append((label, figure_text(value)))
        return found

    def threshold_summary(self):
        """As `summary`, of what the thresholds chosen come to; empty where none were."""
        found = self.at_thresholds
        if not found:
            return []
        lines = [("accuracy", figure_text(found["accuracy"]))]
        for name in ("precision", "recall", "f1"):
            of_average = found[name] if isinstance(found[name], dict) else {"": found[name]}
            for average, value in of_average.items():
                label = "F1" if name == "f1" else name
                lines.append((f"{average} {label}".strip(), figure_text(value)))
        for name, threshold in [*found["thresholds"].items()][:MOST_CLASSES_PRINTED]:
            lines.append((f"threshold of {name}", figure_text(threshold)))
        return lines

    def doubt_summary(self):
        """As `summary`, of label sets, abstaining and intervals, as far as there are any.

        Returns:
            List of `(title, lines)`, the latter of `(label, value)`.
        """
        found = []
        for attribute, (title, labels) in DOUBT.items():
            figures = getattr(self, attribute)
            if not figures:
                continue
            lines = [(label, figure_text(figures[name])) for name, label in labels.items()]
            of_outputs = figures.get("outputs", ())
            for number, of_output in enumerate(of_outputs[:MOST_CLASSES_PRINTED]):
                lines += [
                    (f"{labels[name]}, output {number}", figure_text(value))
                    for name, value in of_output.items()
                ]
            found.append((title, lines))
        return found

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if field.name != "confusion_matrix":
                setattr(self, field.name, plain(getattr(self, field.name)))

    def to_dict(self):
        """The report as plain Python values, fit for JSON: no arrays, and `None` for NaN.

        Returns:
            Dict from the name of each attribute to its value.

        Example:

        >>> Report(task="regression", rows=10, r2=float("nan")).to_dict()["r2"] is None
        True
        """
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def save(self, path):
        """Writes `to_dict()` as JSON.

        Args:
            path: a file; its folder is made if needed.
        """
        write_json(self.to_dict(), path)

    def to_html(self, path, **about):
        """Writes the report as one HTML file, which shows rows, too: the worst, and some at random.

        The file holds all that it shows, pictures and sounds included, and loads nothing. A report
        of `mmzoo.evaluate` on a dataset of `records.to_dataset(preprocessor)` knows its rows as
        long as the model is in memory; other rows, and whatever else is to be shown, are given.

        Args:
            path: a file; its folder is made if needed.
            **about: as in `mmzoo.evaluation.html.write_page`: `model`, `preprocessor` and
                `records`, whose rows are shown; `history` of the training; `data`, a dict of
                records to count; `validation`; `contributions`, `robustness`, `slices`; `overlays`;
                `explain`; `title`.

        Raises:
            ImportError: when a package of the extra `report` is missing:
                `pip install "mmzoo[report]"`.
        """
        require("jinja2", extra="report")
        from mmzoo.evaluation.html import write_page

        write_page(path, {"head": self}, evaluated=self.evaluated, **about)

    def __repr__(self):
        figures = ", ".join(
            f"{name}={value:.4g}"
            for name in ("accuracy", "log_loss", "mean_absolute_error", "r2", *self.figures)
            if isinstance(value := getattr(self, name), (int, float))
        )
        return f"<Report of {self.task} on {self.rows} rows: {figures or 'no figures'}>"

    def __str__(self):
        return as_text(self)

    def __rich__(self):
        group = require("rich.console", extra="report").Group
        parts = [self._summary()]
        if self.per_class:
            parts.append(self._class_table())
        if self.classes_left_out:
            parts.append(self._left_out_note())
        if self.at_thresholds:
            parts.append(self._threshold_table())
        parts += [self._doubt_table(title, lines) for title, lines in self.doubt_summary()]
        if self.reliability:
            parts.append(self._reliability_table())
        return group(*parts)

    def plot_confusion_matrix(self, path=None):
        """Draws which classes are taken for which: counts, coloured by the share of their row.

        Args:
            path: where to save the picture (`.png`, `.svg`, `.pdf`), or `None`.

        Returns:
            The `matplotlib.figure.Figure`.

        Raises:
            ValueError: for regression, and for several labels at once.
            ImportError: when Matplotlib is missing: `pip install "mmzoo[report]"`.
        """
        if self.class_names is None:
            raise ValueError(
                f"{self.task.capitalize()} has no classes, so there is no confusion matrix to plot."
            )
        if self.task == "multilabel":
            raise ValueError(
                "Labels that occur together have no common confusion matrix. The array "
                "`report.confusion_matrix` holds one of 2 x 2 for each, `report.per_class` the "
                "figures that follow from it."
            )
        figure = draw_confusion_matrix(
            np.asarray(self.confusion_matrix),
            self.class_names,
            title=f"Accuracy {self.accuracy:.2%} on {self.rows:,} rows",
        )
        if path is not None:
            save_figure(figure, path)
        return figure

    def plot_reliability(self, path=None):
        """Draws how often probabilities are right, bin by bin; on the diagonal as they say.

        Args:
            path: where to save the picture (`.png`, `.svg`, `.pdf`), or `None`.

        Returns:
            The `matplotlib.figure.Figure`.

        Raises:
            ValueError: for answers without probabilities.
            ImportError: when Matplotlib is missing: `pip install "mmzoo[report]"`.
        """
        if not self.reliability:
            raise ValueError(
                f"{self.task.capitalize()} has no probabilities, so there is no reliability to "
                "plot."
            )
        figure = draw_reliability(
            self.reliability,
            title=f"Expected calibration error {self.expected_calibration_error:.4f} on "
            f"{self.rows:,} rows",
        )
        if path is not None:
            save_figure(figure, path)
        return figure

    def _summary(self):
        """The table of the figures that describe the whole."""
        table = new_table(title=f"{self.task.capitalize()}, {self.rows:,} rows")
        table.add_column("figure")
        table.add_column("value", justify="right")
        for label, value in self.summary():
            table.add_row(label, value)
        return table

    def _class_table(self):
        """The table of precision, recall and F1: each class, then the averages."""
        text = require("rich.text", extra="report").Text  # a name in brackets is no markup
        table = new_table()
        table.add_column("class", overflow="fold", vertical="bottom")
        for name in ("precision", "recall", "F1", "ROC AUC", "average\nprecision", "support"):
            table.add_column(name, justify="right", vertical="bottom")
        columns = ("precision", "recall", "f1", "roc_auc", "average_precision")
        shown = list(self.per_class)
        if len(shown) > MOST_CLASSES_PRINTED:
            shown.sort(key=lambda name: self.per_class[name]["support"], reverse=True)
            shown = shown[:MOST_CLASSES_PRINTED]
        for name in shown:
            figures = self.per_class[name]
            values = [figure_text(figures[column]) for column in columns]
            table.add_row(text(name), *values, written_count(figures["support"]))
        hidden = len(self.per_class) - len(shown)
        if hidden:
            table.add_row(text(f"and {hidden:,} rarer ones", style="dim"))
        table.add_section()
        for average in ("micro", "macro", "weighted"):
            values = [getattr(self, column)[average] for column in columns[:3]]
            macro = average == "macro" and self.task != "binary"
            values += [self.roc_auc, self.average_precision] if macro else ["", ""]
            table.add_row(f"{average} average", *map(figure_text, values), style="bold")
        return table

    def _threshold_table(self):
        """The table of what the chosen thresholds come to."""
        text = require("rich.text", extra="report").Text
        table = new_table(title="With the thresholds chosen")
        table.add_column("figure", overflow="fold")
        table.add_column("value", justify="right")
        for label, value in self.threshold_summary():
            table.add_row(text(label), value)
        return table

    def _doubt_table(self, title, lines):
        """The table of what label sets, abstaining or intervals come to."""
        table = new_table(title=title)
        table.add_column("figure")
        table.add_column("value", justify="right")
        for label, value in lines:
            table.add_row(label, value)
        return table

    def _reliability_table(self):
        """The table of how often probabilities are right."""
        table = new_table(title="How often probabilities are right")
        right = "share of right ones"
        if self.task != "multiclass":
            right = f"share of {self.class_names[1]!r}" if self.task == "binary" else "share of yes"
        text = require("rich.text", extra="report").Text
        table.add_column("probability")
        for name in ("mean", right, "rows"):
            table.add_column(text(name), justify="right")
        for of_bin in self.reliability:
            span = f"{of_bin['from']:.4f} to {of_bin['to']:.4f}"
            shares = (f"{of_bin[name]:.4f}" for name in ("confidence", "right"))
            table.add_row(span, *shares, written_count(of_bin["rows"]))
        return table

    def _left_out_note(self):
        """Which classes have no ROC AUC."""
        text = require("rich.text", extra="report").Text
        names = ", ".join(self.classes_left_out[:10])
        more = ", ..." if len(self.classes_left_out) > 10 else ""
        return text(
            f"{len(self.classes_left_out)} of {len(self.class_names)} classes left out of ROC AUC "
            f"and average precision, because no row or every row belongs to them: {names}{more}",
            style="dim",
        )
