"""Numbers that are trained with and answered as they are."""

import keras
import numpy as np

from mmzoo.raw.absent import is_absent
from mmzoo.raw.cells import MISSING
from mmzoo.targets import figures
from mmzoo.targets.calibration_summary import calibration_summary
from mmzoo.targets.compared import Compared, plain_numbers, written
from mmzoo.targets.intervals import METHODS, half_widths, interval_figures
from mmzoo.targets.label_shapes import check_labels
from mmzoo.targets.labels import label_notes
from mmzoo.targets.target import Target


@keras.saving.register_keras_serializable(package="mmzoo")
class Values(Target):
    """Numbers: a raw label is a number, or a row of `units` of them, and the answer is, too.

    It is also the target of a head that names no other, so that nobody's prediction is given the
    names of classes which it does not have.

    Args:
        units: numbers a row; `None`: as many as the labels have.

    Example:

    >>> target = Values(units=1)
    >>> target.check(["2.5", 3]).tolist()
    [2.5, 3.0]
    >>> target.columns(np.array([[0.5]]))["value"].tolist()
    [0.5]
    """

    kind = "values"
    main_output = "values"
    calibration_methods = METHODS

    def __init__(self, units=None):
        self.units = units

    def get_config(self):
        return {"units": self.units}

    def check(self, labels, describe="row {}".format):
        if isinstance(labels, np.ndarray) and labels.dtype.kind in "biuf":
            numbers = labels.astype("float32")
        else:
            numbers = self._numbers(labels, describe)
        allowed = ((), (1,)) if self.units == 1 else ((self.units,),)
        if self.units is not None and numbers.shape[1:] not in allowed:
            of_head = "1 number" if self.units == 1 else f"{self.units} numbers"
            raise ValueError(
                f"A head of {of_head} needs labels of {of_head} a row; received the shape "
                f"{numbers.shape}."
            )
        flat = numbers.reshape(len(numbers), -1)
        infinite = np.isinf(flat).any(axis=1)
        if infinite.any():
            raise ValueError(
                f"{describe(int(infinite.argmax()))}: the label is not a finite number."
            )
        if np.isnan(flat).all():
            raise ValueError("There is no label in any row.")
        return numbers

    def _numbers(self, labels, describe):
        """Numbers and strings of numbers as float32; NaN where one is missing."""
        rows = []
        for row, label in enumerate(labels):
            if isinstance(label, (list, tuple, np.ndarray)):
                rows.append([self._number(each, row, describe) for each in label])
            else:
                rows.append(self._number(label, row, describe))
        width = max((len(row) for row in rows if isinstance(row, list)), default=0)
        for row, numbers in enumerate(rows):
            if width and isinstance(numbers, float) and np.isnan(numbers):
                rows[row] = [np.nan] * width
            elif width and (isinstance(numbers, float) or len(numbers) != width):
                raise ValueError(
                    f"{describe(row)}: the label has another number of values than the {width} of "
                    f"others: {labels[row]!r}."
                )
        return np.asarray(rows, "float32")

    def _number(self, label, row, describe):
        if is_absent(label) or (isinstance(label, str) and label.strip().lower() in MISSING):
            return np.nan
        try:
            return float(label)
        except (TypeError, ValueError):
            raise ValueError(
                f"{describe(row)}: the label {label!r} is no number, but the head predicts "
                "numbers. For classes take the head Softmax or Sigmoid."
            ) from None

    def validation_notes(self, labels, class_names):
        return label_notes(labels, class_names)

    def encode(self, labels, describe="row {}".format):
        if isinstance(labels, list):
            labels = self.check(labels, describe)
        return np.where(np.isnan(labels), 0, labels).astype("float32")

    def answer_shape(self):
        return (self.units or 1,)

    @property
    def intervals(self):
        """Dict of `alpha`, `method` and `half_width` (or `factor`) of the intervals, or `None`."""
        return (self.calibration or {}).get("intervals")

    def intervals_of(self, y, prediction, alpha, method, sample_weight=None):
        """Intervals around predictions, by rows that the model was not trained on.

        Args:
            y: what `check_y` returned.
            prediction: `(N, units)` float.
            alpha: share of rows whose number may lie outside.
            method: `"conformal"` or `"gaussian"`.
            sample_weight: `(N,)` positive floats, or `None`.

        Returns:
            Dict of `alpha`, `method`, and `half_width`: how far an interval reaches to either side,
            in the unit of the labels, a float, or a list of one an output.
        """
        widths = half_widths(y - prediction, alpha, method, sample_weight)
        return {"alpha": alpha, "method": method, "half_width": one_or_several(widths)}

    def bounds(self, prediction):
        """The lower and the upper end of the interval around each number.

        Args:
            prediction: `(N, units)`, an array or a tensor.
        """
        width = np.reshape(self.intervals["half_width"], -1).astype("float32")
        return prediction - width, prediction + width

    def interval_figures(self, y, prediction, sample_weight=None):
        """See `mmzoo.targets.intervals.interval_figures`."""
        bounds = self.bounds(prediction)
        return interval_figures(y, *bounds, self.intervals["alpha"], sample_weight)

    def outputs(self, prediction, decoded=None):
        outputs = super().outputs(prediction, decoded)
        if self.intervals is None:
            return outputs
        return {**outputs, **dict(zip(("lower", "upper"), self.bounds(prediction), strict=True))}

    def describe_outputs(self):
        shape = f"(B, {'units' if self.units is None else self.units})"
        outputs = {"values": (shape, "the predicted numbers")}
        if self.intervals is not None:
            share = (
                f"an interval that holds the number in {1 - self.intervals['alpha']:.4g} of rows"
            )
            outputs["lower"] = (shape, f"the lower end of {share}")
            outputs["upper"] = (shape, "its upper end")
        return outputs

    def card_lines(self):
        if not self.calibration:
            return []
        return [f"Numbers have intervals, {calibration_summary(self.calibration)}.", ""]

    def card_facts(self):
        return {"calibration": self.calibration} if self.calibration else {}

    def columns(self, prediction, delimiter="|"):
        prediction = prediction.reshape(len(prediction), -1)
        columns = {"value": prediction}
        if self.intervals is not None:
            columns["lower"], columns["upper"] = self.bounds(prediction)
        if prediction.shape[1] == 1:
            return {name: numbers[:, 0] for name, numbers in columns.items()}
        return {
            f"{name}_{unit}": numbers[:, unit]
            for name, numbers in columns.items()
            for unit in range(numbers.shape[1])
        }

    def check_y(self, y):
        return check_labels(y, "regression", self.units)

    def figures(self, y, prediction, sample_weight=None):
        found = figures.regression_figures(y, prediction, sample_weight)
        if self.intervals is not None:
            found["intervals"] = self.interval_figures(y, prediction, sample_weight)
        return {"task": "regression", **found}

    def figures_by_row(self, y, prediction):
        errors = np.abs(y - prediction).mean(axis=1)
        return {"mean_absolute_error": (errors, np.ones(len(y)))}

    def traits(self, y):
        if y.shape[1] == 1:
            return {"label": y[:, 0]}
        return {f"label {unit}": of_unit for unit, of_unit in enumerate(y.T)}

    loss_name = "absolute error"

    def compared(self, labels, answers, beside=None):
        """The loss of several numbers is the mean, each by the spread of its labels."""
        labels = np.asarray(labels, "float64").reshape(len(labels), -1)
        answers = np.asarray(answers, "float64").reshape(len(answers), -1)
        spread = np.ones(labels.shape[1])
        if labels.shape[1] > 1:
            known = labels[~np.isnan(labels).any(axis=1)]
            spread = known.std(axis=0) if len(known) else spread
        rows = []
        for label, answer in zip(
            map(plain_numbers, labels), map(plain_numbers, answers), strict=True
        ):
            row = Compared(truth=written(label), answer=written(answer))
            if label is not None and answer is not None:
                row.numbers = label, answer
                errors = np.abs(np.subtract(label, answer)) / np.where(spread > 0, spread, 1)
                row.loss = float(errors.mean())
            rows.append(row)
        return rows

    def check_fits(self, other):
        if getattr(other, "class_names", None):
            raise ValueError(
                "Model and preprocessor do not fit: the head predicts numbers, but the labels were "
                "read as classes. Give numbers as floats, or `from_csv(..., regression=True)`, or "
                "`mmzoo.Preprocessor(inputs, head=head)`. A head of your own that predicts classes "
                "names them by its `target()`."
            )


def one_or_several(numbers):
    """An array of one number as a float, of several as a list of floats."""
    return float(numbers[0]) if len(numbers) == 1 else [float(number) for number in numbers]
