"""compare(): several models on the same rows: figures, whether they differ, cost, latency."""

import time

import keras
import numpy as np

from mmzoo.evaluation.comparison_report import ComparisonReport
from mmzoo.evaluation.evaluate import run_over
from mmzoo.evaluation.figure_names import numbers_of
from mmzoo.evaluation.resampled_figure import Judged, ResampledFigure
from mmzoo.evaluation.robustness import labelled_records
from mmzoo.heads import answering_model, targets_of
from mmzoo.utils.optional_packages import require
from mmzoo.utils.progress import track

#: How often a latency is measured, and how often a model is called before.
TIMES, WARM_UP = 20, 3


def compare(
    runs,
    figure=None,
    *,
    base=None,
    resamples=None,
    batch_size=64,
    seed=0,
    verbose=True,
):
    """Compares models by how well they answer the same rows, and by what they cost.

    The rows are resampled once for all models, so the interval of a difference is paired: what
    makes a row hard for all is no part of it. Latency is that of the model alone, from tensors to
    predictions, the median of 20 calls.

    Args:
        runs: dict from a name to `(model, preprocessor, records)`: what `mmzoo.build_model`
            returned, its adapted `mmzoo.Preprocessor`, and labelled `mmzoo.data.Records`, of which
            none was trained on. The records of all are the same rows in the same order; their
            columns may differ, as the models read different ones.
        figure: as for `mmzoo.robustness`.
        base: name of the model that the others are held against; `None`: the first.
        resamples: as for `mmzoo.robustness`.
        batch_size: rows a batch.
        seed: of the resampling.
        verbose: whether to print the report, and the progress where there is a terminal.

    Returns:
        `mmzoo.evaluation.ComparisonReport`.

    Raises:
        ValueError: for fewer than two models, models with different answers or classes, other rows
            or labels, an unknown `base`, and as `mmzoo.robustness`.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> rows = mmzoo.data.from_arrays({"text": ["red", "blue"] * 10}, ["warm", "cold"] * 10)
    >>> preprocessor = mmzoo.Preprocessor(inputs)
    >>> preprocessor.adapt(rows)
    >>> models = {
    ...     name: mmzoo.build_model(
    ...         inputs=inputs, head=mmzoo.heads.Softmax(class_names=rows.class_names), dim=dim
    ...     )
    ...     for name, dim in {"narrow": 4, "wide": 16}.items()
    ... }
    >>> runs = {name: (model, preprocessor, rows) for name, model in models.items()}
    >>> report = compare(runs, verbose=False)
    >>> [each["run"] for each in report.answers["head"]["runs"]], report.base
    (['narrow', 'wide'], 'narrow')

    Reference: Efron and Tibshirani 1993; of paired resampling, Koehn 2004.
    """
    require("sklearn.metrics", extra="report")  # rather now than after a long run
    if len(runs) < 2:
        raise ValueError(f"At least two models are needed to compare; received {len(runs)}.")
    base = next(iter(runs)) if base is None else base
    if base not in runs:
        raise ValueError(f"`base` must be one of {', '.join(runs)}; received: {base!r}.")
    targets = {
        name: targets_of(model, preprocessor) for name, (model, preprocessor, _) in runs.items()
    }
    _check_targets(targets)
    records = {name: labelled_records(of_run[2], of_run[1].inputs) for name, of_run in runs.items()}
    _check_rows(records, base)
    found, calls = {}, {}
    for name, (model, preprocessor, _) in runs.items():
        dataset = records[name].to_dataset(preprocessor, batch_size)
        calls[name] = _calls(model, dataset)
        if verbose:
            dataset = track(dataset, -(-len(records[name]) // batch_size), f"Evaluating {name}")
        found[name] = run_over(model, dataset, targets[name])
    answers = {
        answer: _compared(
            {name: targets[name][answer] for name in runs},
            {name: found[name][answer] for name in runs}, base, figure, resamples, seed,
        )
        for answer in found[base]
    }  # fmt: skip
    costs = [
        {"run": name, "parameters": runs[name][0].count_params(), **of_run}
        for name, of_run in latencies(calls).items()
    ]
    report = ComparisonReport(base=base, answers=answers, costs=costs)
    if verbose:
        require("rich.console", extra="report").Console().print(report)
    return report


def latencies(calls):
    """How long models take, one after the other in turn, so that a busy machine hurts all alike.

    Args:
        calls: dict from a name to `(network, x of one row, x of a batch)`.

    Returns:
        Dict from a name to a dict of `row_milliseconds` and `batch_milliseconds`, medians, and
        `batch_rows`, the rows of the batch.
    """
    seconds = {name: ([], []) for name in calls}
    for _ in range(WARM_UP + TIMES):
        for name, (network, *batches) in calls.items():
            for x, of_batch in zip(batches, seconds[name], strict=True):
                begun = time.perf_counter()
                network.predict_on_batch(x)
                of_batch.append(time.perf_counter() - begun)
    found = {}
    for name, of_run in seconds.items():
        row, batch = (1000 * float(np.median(each[WARM_UP:])) for each in of_run)
        rows = len(keras.tree.flatten(calls[name][2])[0])
        found[name] = {"row_milliseconds": row, "batch_milliseconds": batch, "batch_rows": rows}
    return found


def _calls(model, dataset):
    """What `latencies` takes of a model: the first batch of a dataset, and its first row."""
    x = keras.utils.unpack_x_y_sample_weight(next(iter(dataset)))[0]
    x = keras.tree.map_structure(np.asarray, x)
    return answering_model(model), keras.tree.map_structure(lambda values: values[:1], x), x


def _check_targets(targets):
    """Raises a `ValueError` unless all models answer the same questions in the same way."""
    (first, of_first), *others = targets.items()
    for name, of_other in others:
        if {*of_other} != {*of_first}:
            raise ValueError(
                f"The runs answer different questions: {first} answers {', '.join(of_first)}, "
                f"{name} answers {', '.join(of_other)}. Compare runs with the same labels."
            )
        for answer, target in of_first.items():
            label = "" if answer == "head" else f" of {answer!r}"
            other = of_other[answer]
            if other.kind != target.kind:
                raise ValueError(
                    f"The runs have different kinds of answers{label}: that of {first} is "
                    f"{target.kind!r}, that of {name} {other.kind!r}."
                )
            mine, its = (getattr(each, "class_names", None) or [] for each in (target, other))
            if list(mine) != list(its):
                apart = sorted({*mine} ^ {*its}, key=str)
                what = (
                    f"only one of them knows {', '.join(map(repr, apart[:5]))}"
                    f"{', ...' if len(apart) > 5 else ''}"
                    if apart
                    else "their order differs"
                )
                raise ValueError(
                    f"The runs {first} and {name} have different lists of classes{label}: {what}. "
                    "Train them on the same classes."
                )


def _check_rows(records, base):
    """Raises a `ValueError` unless all records have as many rows, the same labels and weights."""
    counts = {name: len(rows) for name, rows in records.items()}
    if len({*counts.values()}) > 1:
        listed = ", ".join(f"{name} has {count:,}" for name, count in counts.items())
        raise ValueError(f"The models must be compared on the same rows; {listed}.")
    of_base = _facts(records[base])
    for name, rows in records.items():
        for fact, values in _facts(rows).items():
            if values != of_base.get(fact):
                raise ValueError(
                    f"{fact} of {base} and of {name} differ: models are compared on the same rows "
                    "in the same order."
                )


def _facts(records):
    """What the rows of all models must have in common, as texts by what it is called."""
    facts = {"The sample weights": repr(_listed(records.sample_weight))}
    for answer, column in records.label_columns.items():
        called = "The labels" if answer == "head" else f"The labels of {answer!r}"
        facts[called] = repr(_listed(column.labels))
    return facts


def _listed(values):
    return values.tolist() if isinstance(values, np.ndarray) else values


def _compared(targets, found, base, figure, resamples, seed):
    """What is said of one answer: dict of `figure`, `lower_is_better`, `rows` and `runs`."""
    judged = {
        name: Judged(targets[name], labels, predictions)
        for name, (labels, predictions, _) in found.items()
    }
    weights = found[base][2]
    of_figure = ResampledFigure([judged[base], *judged.values()], weights, figure, resamples, seed)
    runs = []
    for place, name in enumerate(judged, start=1):
        low, high = of_figure.interval(place) or (None, None)
        difference, bounds = of_figure.difference(place, 0)
        difference_low, difference_high = bounds or (None, None)
        is_real = None
        if name != base and bounds is not None:
            is_real = difference_low > 0 or difference_high < 0
        runs.append({
            "run": name,
            "value": of_figure.values[place],
            "low": low,
            "high": high,
            "difference": difference,
            "difference_low": difference_low,
            "difference_high": difference_high,
            "is_real": is_real,
            "figures": numbers_of(targets[name].figures(*found[name])),
        })  # fmt: skip
    return {
        "figure": of_figure.name,
        "lower_is_better": of_figure.lower_is_better,
        "rows": of_figure.rows,
        "runs": runs,
    }
