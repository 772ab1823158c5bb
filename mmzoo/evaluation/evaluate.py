"""evaluate(): one pass over a dataset, and the figures that follow from it."""

import keras
import numpy as np

from mmzoo.evaluation.evaluated import Evaluated
from mmzoo.evaluation.report import Report
from mmzoo.evaluation.reports import Reports
from mmzoo.heads import answering_model, targets_of
from mmzoo.targets.of_dataset import source_of_dataset, targets_of_dataset
from mmzoo.utils.optional_packages import require
from mmzoo.utils.progress import track
from mmzoo.utils.readable_errors import readable_errors


def evaluate(model, dataset, verbose=True):
    """Runs a model over a dataset once and reports how good its predictions are.

    Rows with `sample_weight` 0 are left out.

    Args:
        model: a `keras.Model` whose layer `"head"` is a `mmzoo.heads.Head`, or with one layer
            `"<answer>_head"` an answer, as `build_model` makes it; compiled or not.
        dataset: batches `(x, y)` or `(x, y, sample_weight)`: a finite `tf.data.Dataset`, a
            `keras.utils.PyDataset` or any other iterable. `y` has any shape that the head trains
            with, `sample_weight` is `(B,)`; with several answers they are dicts.
        verbose: whether to print the report, and the progress where there is a terminal.

    Returns:
        A `Report`; with several answers a dict of them by the name of the answer.

    Raises:
        TypeError: when `model` is not a Keras model.
        ValueError: when the model has no head of mmzoo, the dataset is empty, endless or without
            labels, labels are NaN or outside the classes, or predictions or weights are NaN; for a
            value or a label of records that can't be used, naming its row.
        ImportError: when scikit-learn or rich is missing: `pip install "mmzoo[report]"`.

    Example:

    >>> import numpy as np
    >>> import mmzoo
    >>> model = mmzoo.build_model(
    ...     inputs={"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")},
    ...     head=mmzoo.heads.Softmax(class_names=["cat", "dog"]),
    ... )
    >>> batch = {"text": np.array([[2, 3, 0, 0], [4, 0, 0, 0]])}, np.array([0, 1])
    >>> report = evaluate(model, [batch], verbose=False)
    >>> report.task, report.rows, sorted(report.per_class)
    ('multiclass', 2, ['cat', 'dog'])
    """
    require("sklearn.metrics", extra="report")  # rather now than after a long run
    made_by = targets_of_dataset(dataset) or {}
    source = source_of_dataset(dataset)
    targets = targets_of(model)
    for name, target in targets.items():
        target.check_fits(made_by.get(name))
        target.complete(made_by.get(name))
    if verbose:
        dataset = track(dataset, _number_of_batches(dataset), "Evaluating")
    results = {}
    for name, (labels, predictions, sample_weight) in run_over(model, dataset, targets).items():
        figures = targets[name].figures(labels, predictions, sample_weight)
        results[name] = Report.of(rows=len(labels), figures=figures)
    report = results["head"] if "head" in results else Reports(results)
    if source is not None:
        report.evaluated = Evaluated(model, *source)
    if verbose:
        require("rich.console", extra="report").Console().print(report)
    return report


def run_over(model, dataset, targets):
    """Labels, predictions and sample weights of all rows that count, by the name of the answer.

    Labels are checked as they come, so that a mistake shows at the first batch.

    Args:
        model: as for `evaluate`.
        dataset: likewise.
        targets: dict from the name of an answer to its target.

    Returns:
        Dict from the name of an answer to `(labels, predictions, sample_weight)`: arrays; the last
        is `None` where there are no weights.
    """
    found = {name: ([], [], []) for name in targets}
    weighted = set()
    network = answering_model(model)
    _number_of_batches(dataset)  # raises where there is no end
    for batch in _batches(dataset):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        if y is None:
            raise ValueError(
                "The labels are missing: a batch must be (x, y) or (x, y, sample_weight); "
                f"received a {type(batch).__name__}"
                f"{f' of length {len(batch)}' if hasattr(batch, '__len__') else ''}."
            )
        x = keras.tree.map_structure(np.asarray, x)  # tf.data yields tensors under any backend
        checked = {}
        for name, of_answer in checked_by_answer(y, targets, "labels").items():
            checked[name] = targets[name].check_y(of_answer)
        predictions = checked_by_answer(network.predict_on_batch(x), targets, "predictions")
        if network is not model:  # what a head wrote, beside what it would have said of the labels
            taught = checked_by_answer(model.predict_on_batch(x), targets, "predictions")
            arrays = keras.tree.map_structure(np.asarray, (taught, dict(predictions)))
            for name, labels in checked.items():
                predictions[name] = targets[name].judged(labels, *(of[name] for of in arrays))
        for name, labels in checked.items():
            prediction = keras.tree.map_structure(np.asarray, predictions[name])
            targets[name].check_prediction(prediction, len(labels))
            prediction = targets[name].condensed(prediction)
            weights = sample_weight.get(name) if isinstance(sample_weight, dict) else sample_weight
            if weights is not None:
                weighted.add(name)
            weights = _check_weights(weights, len(labels))
            for values, of_batch in zip(found[name], (labels, prediction, weights), strict=True):
                values.append(of_batch)
    return {name: _concatenated(name, *values, name in weighted) for name, values in found.items()}


def _batches(dataset):
    """The batches of a dataset; what is wrong with a row is a `ValueError`."""
    with readable_errors():
        yield from dataset


def checked_by_answer(values, targets, what):
    """The labels or predictions of a batch as a dict by the name of the answer."""
    if not isinstance(values, dict):
        if [*targets] != ["head"]:
            raise ValueError(
                f"With several answers {what} are a dict by the name of the answer, of "
                f"{', '.join(targets)}; received a {type(values).__name__}."
            )
        return {"head": values}
    if {*values} != {*targets}:
        raise ValueError(
            f"The model answers {', '.join(targets)}; received {what} of {', '.join(values)}."
        )
    return values


def _concatenated(name, labels, predictions, weights, weighted):
    """The batches of an answer in one, without the rows that do not count."""
    rows = sum(map(len, labels))
    if not rows:
        raise ValueError("The dataset is empty: it has no rows to evaluate on.")
    labels = np.concatenate(labels)
    predictions = keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *predictions)
    if not weighted:
        return labels, predictions, None
    weights = np.concatenate(weights)
    counts = weights > 0
    if not counts.any():
        of_answer = "" if name == "head" else f" for {name!r}"
        raise ValueError(f"All {rows} rows of the dataset have sample_weight 0{of_answer}.")
    return (
        labels[counts],
        keras.tree.map_structure(lambda array: array[counts], predictions),
        weights[counts],
    )


def _check_weights(sample_weight, rows):
    """Sample weights as `(rows,)` float64; ones where there are none."""
    if sample_weight is None:
        return np.ones(rows)
    sample_weight = np.asarray(sample_weight)
    if sample_weight.shape not in ((rows,), (rows, 1)):
        raise ValueError(
            f"`sample_weight` must have the shape ({rows},), one weight a row; received: "
            f"{sample_weight.shape}."
        )
    if not (np.isfinite(sample_weight) & (sample_weight >= 0)).all():
        raise ValueError("`sample_weight` must be finite and not negative.")
    return sample_weight.reshape(-1).astype("float64")


def _number_of_batches(dataset):
    """How many batches a dataset has; `None` where it does not know."""
    if hasattr(dataset, "cardinality"):  # tf.data: -1 endless, -2 unknown
        number = int(dataset.cardinality())
        endless = number == -1
    else:
        number = getattr(dataset, "num_batches", -2)
        endless = number is None
        if number == -2 and hasattr(dataset, "__len__"):
            number = len(dataset)
    if endless:
        raise ValueError(
            "The dataset is endless. Leave out `repeat()`, or take a part of it: `dataset.take(n)`."
        )
    return None if number == -2 else number
