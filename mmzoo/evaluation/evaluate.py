"""evaluate(): one pass over a dataset, and the figures that follow from it."""

import keras
import numpy as np

from mmzoo.evaluation import figures
from mmzoo.evaluation.labels import check_labels
from mmzoo.evaluation.report import Report
from mmzoo.heads import Regression, Sigmoid, Softmax
from mmzoo.utils.optional_packages import require
from mmzoo.utils.progress import track


def evaluate(model, dataset, verbose=True):
    """Runs a model over a dataset once and reports how good its predictions are.

    Rows with `sample_weight` 0 are left out.

    Args:
        model: a `keras.Model` whose layer `"head"` is one of `mmzoo.heads`, as `build_model`
            makes it; compiled or not.
        dataset: batches `(x, y)` or `(x, y, sample_weight)`: a finite `tf.data.Dataset`, a
            `keras.utils.PyDataset` or any other iterable. `y` has any shape that the head trains
            with, `sample_weight` is `(B,)`.
        verbose: whether to print the report, and the progress where there is a terminal.

    Returns:
        A `Report`.

    Raises:
        TypeError: when `model` is not a Keras model.
        ValueError: when the model has no head of mmzoo, the dataset is empty, endless or without
            labels, labels are NaN or outside the classes, or predictions or weights are NaN.
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
    head, task = _head_and_task(model)
    class_names = head.class_names
    if class_names is None and task != "regression":
        class_names = [str(index) for index in range(2 if task == "binary" else head.units)]

    if verbose:
        dataset = track(dataset, _number_of_batches(dataset), "Evaluating")
    labels, predictions, sample_weight = _run(model, dataset, head, task)
    if task == "regression":
        results = figures.regression_figures(labels, predictions, sample_weight)
    else:
        compute = {
            "multiclass": figures.multiclass_figures,
            "binary": figures.binary_figures,
            "multilabel": figures.multilabel_figures,
        }[task]
        results = compute(labels, predictions, class_names, sample_weight)
    report = Report(task=task, rows=len(labels), class_names=class_names, **results)
    if verbose:
        require("rich.console", extra="report").Console().print(report)
    return report


def _head_and_task(model):
    """The head of a model and what it predicts."""
    if not isinstance(model, keras.Model):
        raise TypeError(f"`model` must be a keras.Model; received: {type(model).__name__}.")
    head = next((layer for layer in model.layers if layer.name == "head"), None)
    if isinstance(head, Softmax):
        return head, "multiclass"
    if isinstance(head, Sigmoid):
        return head, "binary" if head.units == 1 else "multilabel"
    if isinstance(head, Regression):
        return head, "regression"
    found = "it has none" if head is None else f"its is a {type(head).__name__}"
    raise ValueError(
        f"The model {model.name!r} must have a layer named 'head' that is an mmzoo.heads.Softmax, "
        f"Sigmoid or Regression; {found}. `mmzoo.build_model` makes such models."
    )


def _run(model, dataset, head, task):
    """Labels, predictions and sample weights of all rows, each one array.

    Labels are checked as they come, so that a mistake shows at the first batch.
    """
    all_labels, all_predictions, all_weights = [], [], []
    weighted = False
    _number_of_batches(dataset)  # raises where there is no end
    for batch in dataset:
        x, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        if labels is None:
            raise ValueError(
                "The labels are missing: a batch must be (x, y) or (x, y, sample_weight); "
                f"received a {type(batch).__name__}"
                f"{f' of length {len(batch)}' if hasattr(batch, '__len__') else ''}."
            )
        labels = check_labels(labels, task, head.units, head.class_names)
        x = keras.tree.map_structure(np.asarray, x)  # tf.data yields tensors under any backend
        predictions = np.asarray(model.predict_on_batch(x))
        if predictions.shape != (len(labels), head.units):
            raise ValueError(
                f"The model must predict one array of shape {(len(labels), head.units)} for a "
                f"batch of {len(labels)} labels; received the shape {predictions.shape}."
            )
        broken = ~np.isfinite(predictions).all(axis=1)
        if broken.any():
            raise ValueError(
                f"The predictions are NaN or infinite in {int(broken.sum())} rows of a batch of "
                f"{len(labels)}; the first is its row {int(broken.argmax())}. Check its inputs, "
                "and whether the training diverged."
            )
        weighted |= sample_weight is not None
        all_labels.append(labels)
        all_predictions.append(predictions)
        all_weights.append(_check_weights(sample_weight, len(labels)))
    rows = sum(map(len, all_labels))
    if not rows:
        raise ValueError("The dataset is empty: it has no rows to evaluate on.")
    labels, predictions = np.concatenate(all_labels), np.concatenate(all_predictions)
    if not weighted:
        return labels, predictions, None
    sample_weight = np.concatenate(all_weights)
    counts = sample_weight > 0
    if not counts.any():
        raise ValueError(f"All {rows} rows of the dataset have sample_weight 0.")
    return labels[counts], predictions[counts], sample_weight[counts]


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
