"""What is right beside what was answered, a row at a time, for whoever looks at rows."""

import dataclasses

import numpy as np

from mmzoo.targets.error_rates import nearest
from mmzoo.targets.references import references_of
from mmzoo.utils.optional_packages import require


@dataclasses.dataclass(kw_only=True)
class Compared:
    """A row's label beside its answer, see `mmzoo.targets.Target.compared`.

    Args:
        truth: the label as text; `None` where there is none.
        answer: the answer as text; `None` where there is none.
        loss: how bad the answer is: the larger, the worse; `None` where that is not known.
        right: whether it is right; `None` where there is no such thing.
        scores: list of `(class name, probability)`, the likeliest first.
        keys: strings that say of which kind the row is, such as `"2>0"`: of class 2, taken for 0.
        numbers: `(labels, answers)`, two lists of floats, where both are numbers.
        words: list of `(word, label, answer)`, strings, where each word has one.
        boxes: dict of `"truth"` and `"answer"`: `[x0, y0, x1, y1]` in pixels of the picture.
        masks: dict of `"truth"` and `"answer"`: PNG file of the numbers of classes; 255: of none.
    """

    truth: str | None = None
    answer: str | None = None
    loss: float | None = None
    right: bool | None = None
    scores: list = dataclasses.field(default_factory=list)
    keys: list = dataclasses.field(default_factory=list)
    numbers: tuple | None = None
    words: list = dataclasses.field(default_factory=list)
    boxes: dict = dataclasses.field(default_factory=dict)
    masks: dict = dataclasses.field(default_factory=dict)


def compared_texts(references, answers, read):
    """Texts beside the right ones; the loss is the character error rate to the nearest.

    Args:
        references: labels: each a string, a list of right ones, or `None`.
        answers: list of strings, `None` where there is none.
        read: function from a right text to the form that answers have.

    Returns:
        List of `Compared`.

    Example:

    >>> rows = compared_texts(["two", ["one", "1"], None], ["too", "1", None], str)
    >>> [(row.truth, row.answer, row.right) for row in rows]
    [('two', 'too', False), ('1', '1', True), (None, None, None)]
    """
    jiwer = require("jiwer", extra="text-metrics")
    rows = []
    for label, answer in zip(references, answers, strict=True):
        texts = [read(text) for text in references_of(label)]
        row = Compared(answer=answer)
        if texts:
            (row.truth,) = nearest([texts], [answer or ""])
            row.right = row.truth == (answer or "")
            row.loss = float(jiwer.cer(row.truth, answer or "")) if row.truth else None
        rows.append(row)
    return rows


def plain_numbers(values):
    """Numbers as a list of floats; `None` where one is NaN."""
    values = np.asarray(values, "float64").reshape(-1).tolist()
    return None if any(value != value for value in values) else values


def written(numbers):
    """Numbers as text, with few digits; `None` where there are none.

    Example:

    >>> written([1234.5678, 0.25]), written(None)
    ('1235, 0.25', None)
    """
    if numbers is None:
        return None
    return ", ".join(
        f"{number:.0f}" if 1000 <= abs(number) < 1e15 else f"{number:.4g}" for number in numbers
    )
