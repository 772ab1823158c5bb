"""How often each class is said, and is right, from every probability on: what a slider needs."""

import numpy as np

#: Steps of a slider between 0 and 1.
STEPS = 200
#: So many classes have a line beside the slider, the most frequent ones.
MOST_CLASSES = 40


def live_thresholds(said_at, exclusive, thresholds=None):
    """The counts behind a slider.

    Args:
        said_at: what `mmzoo.targets.Target.said_at` returned.
        exclusive: whether a row has one of the classes: the likeliest is said, if it is likely
            enough, else none. Otherwise each class is said or not.
        thresholds: dict from the name of a class to its threshold, or `None`: 0.5; of exclusive
            classes one number.

    Returns:
        Dict, fit for JSON, of `exclusive`, `rows`, `left_out` (number of rarer classes), and
        `classes`: list of dicts of `name`, `positives` (rows of that class), `start` (where the
        slider stands at first), and the lists `said` and `right`, with the number of rows that get
        the class from each of `STEPS + 1` probabilities on. `None` where no row has both a label
        and an answer.

    Example:

    >>> is_class = np.array([[True, False], [False, True]])
    >>> found = live_thresholds((["a", "b"], is_class, np.array([[0.9, 0.1], [0.6, 0.4]])), True)
    >>> found["classes"][0]["said"][100], found["classes"][0]["right"][::100]
    (2, [1, 1, 0])
    """
    names, is_class, probabilities = said_at
    known = ~np.isnan(probabilities).any(axis=1)
    if not known.any():
        return None
    is_class, probabilities = is_class[known], probabilities[known].astype("float64")
    if exclusive:
        likeliest = probabilities.argmax(axis=1)[:, None] == np.arange(len(names))
        probabilities = np.where(likeliest, probabilities, -1.0)
    steps = np.arange(STEPS + 1) / STEPS
    # What is said from a probability on includes that probability, as float32 has it.
    steps = np.nextafter(steps.astype("float32"), np.float32(-1)).astype("float64")
    positives = is_class.sum(axis=0)
    shown = sorted(np.argsort(-positives, kind="stable")[:MOST_CLASSES].tolist())
    classes = []
    for index in shown:
        of_class, right = probabilities[:, index], is_class[:, index]
        classes.append({
            "name": str(names[index]),
            "positives": int(positives[index]),
            "start": 0.0 if exclusive else float((thresholds or {}).get(names[index], 0.5)),
            "said": _at_least(of_class, steps),
            "right": _at_least(of_class[right], steps),
        })  # fmt: skip
    return {
        "exclusive": exclusive,
        "rows": int(known.sum()),
        "start": float(thresholds or 0.0) if exclusive else None,
        "left_out": len(names) - len(shown),
        "classes": classes,
    }


def _at_least(values, steps):
    """How many of the values are at least as large as each step."""
    return (len(values) - np.searchsorted(np.sort(values), steps)).tolist()
