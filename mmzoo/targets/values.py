"""Numbers that are trained with and answered as they are."""

import keras
import numpy as np

from mmzoo.raw.absent import is_absent
from mmzoo.raw.cells import MISSING
from mmzoo.targets import figures
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

    def describe_outputs(self):
        units = "units" if self.units is None else self.units
        return {"values": (f"(B, {units})", "the predicted numbers")}

    def columns(self, prediction, delimiter="|"):
        prediction = prediction.reshape(len(prediction), -1)
        units = prediction.shape[1]
        return {
            "value" if units == 1 else f"value_{unit}": prediction[:, unit] for unit in range(units)
        }

    def check_y(self, y):
        return check_labels(y, "regression", self.units)

    def figures(self, y, prediction, sample_weight=None):
        return {
            "task": "regression",
            **figures.regression_figures(y, prediction, sample_weight),
        }

    def check_fits(self, other):
        if getattr(other, "class_names", None):
            raise ValueError(
                "Model and preprocessor do not fit: the head predicts numbers, but the labels were "
                "read as classes. Give numbers as floats, or `from_csv(..., regression=True)`, or "
                "`mmzoo.Preprocessor(inputs, head=head)`. A head of your own that predicts classes "
                "names them by its `target()`."
            )
