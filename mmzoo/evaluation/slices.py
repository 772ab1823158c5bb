"""slices(): how good a model is on parts of its rows, the worst first."""

import math

import numpy as np

from mmzoo.evaluation.evaluate import run_over
from mmzoo.evaluation.report_output import print_reports
from mmzoo.evaluation.resampled_figure import Judged, ResampledFigure
from mmzoo.evaluation.robustness import labelled_records
from mmzoo.evaluation.slices_report import SlicesReport
from mmzoo.heads import targets_of
from mmzoo.raw.absent import is_absent
from mmzoo.utils.checks import check_positive_integers
from mmzoo.utils.optional_packages import require
from mmzoo.utils.progress import track

#: Numbers with no more different values than that are categories.
MOST_CATEGORIES = 10


def slices(
    model,
    preprocessor,
    records,
    by=(),
    figure=None,
    *,
    bins=4,
    fewest_rows=20,
    resamples=None,
    batch_size=64,
    seed=0,
    verbose=True,
):
    """How good a model is on slices of its rows, with intervals, the worst first.

    Slices are made by the class, or by the size of a number that is to be predicted; by whether an
    optional modality is there; by what modalities tell rows apart by (`traits` of their
    preprocessing): the length of a text in characters, the columns of a table; and by the columns
    in `by`. Numbers are cut at their quantiles; where there are at most 10 different ones, each is
    a slice. The more slices there are, the more of them are bad by chance.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        records: labelled `mmzoo.data.Records` that were not trained on.
        by: names of further columns of the records, which the model need not read, such as
            `"country"`, read by `mmzoo.data.from_csv(..., columns={..., "country": "country"})`.
        figure: as for `mmzoo.robustness`.
        bins: into how many slices of about as many rows numbers are cut.
        fewest_rows: slices with fewer rows are left out, and counted.
        resamples: how often the rows of a slice are resampled; `None`: as for `mmzoo.robustness`.
            The interval of a share of rows, such as an accuracy, needs none: it is Wilson's.
        batch_size: rows a batch.
        seed: of the resampling.
        verbose: whether to print the report, and the progress where there is a terminal.

    Returns:
        `mmzoo.evaluation.SlicesReport`; with several answers a dict by the name of the answer.

    Raises:
        ValueError: for rows without labels, a column that the records do not have, values that
            can't be read, a figure that there is not, and as `mmzoo.evaluate`.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> columns = {"text": ["red", "blue"] * 20, "country": ["fr"] * 30 + ["de"] * 10}
    >>> rows = mmzoo.data.from_arrays(columns, ["warm", "cold"] * 20)
    >>> preprocessor = mmzoo.Preprocessor(inputs)
    >>> preprocessor.adapt(rows)
    >>> head = mmzoo.heads.Softmax(class_names=rows.class_names)
    >>> model = mmzoo.build_model(inputs=inputs, head=head, dim=8)
    >>> report = slices(model, preprocessor, rows, by=["country"], verbose=False)
    >>> sorted((each["by"], each["slice"], each["rows"]) for each in report.slices)[-1]
    ('text characters', '4', 20)
    >>> report.left_out
    [{'by': 'country', 'slice': 'de', 'rows': 10}]

    Reference: Chung et al. 2019, arXiv 1807.06068 (slice finding).
    """
    require("sklearn.metrics", extra="report")  # rather now than after a long run
    check_positive_integers("bins", bins)
    check_positive_integers("fewest_rows", fewest_rows)
    targets = targets_of(model, preprocessor)
    records = labelled_records(records, preprocessor.inputs)
    by = [by] if isinstance(by, str) else list(by)
    for column in by:
        records.column(column)  # an unknown one is rather said now than after a long run
    dataset = records.to_dataset(preprocessor, batch_size)
    if verbose:
        dataset = track(dataset, -(-len(records) // batch_size), "Evaluating")
    found, results = run_over(model, dataset, targets), {}
    traits = _traits(preprocessor, records, by)  # of values that can be read, as is known now
    for name, (labels, predictions, weights) in found.items():
        judged = [Judged(targets[name], labels, predictions)]
        of_figure = ResampledFigure(judged, weights, figure, resamples, seed)
        labelled = np.flatnonzero(_has_label(preprocessor, records, name))
        of_rows = {trait: [values[row] for row in labelled] for trait, values in traits.items()}
        of_rows = {**targets[name].traits(labels), **of_rows}
        results[name] = _report(of_figure, of_rows, bins, fewest_rows)
    if verbose:
        print_reports(results)
    return results["head"] if [*results] == ["head"] else results


def _traits(preprocessor, records, by):
    """Dict from what rows are told apart by to one value a row, `None` where there is none."""
    traits = {column: records.column(column) for column in by}
    for name, part in preprocessor.preprocessings.items():
        values = records.column(name)
        if preprocessor.inputs[name].optional:
            traits[name] = ["absent" if is_absent(value) else "present" for value in values]
        traits |= {f"{name} {trait}": found for trait, found in part.traits(values).items()}
    return traits


def _has_label(preprocessor, records, name):
    """Which rows count for an answer, as `run_over` has it."""
    counts = np.ones(len(records), bool)
    if records.several_answers:
        counts &= preprocessor.encode_answer(name, records)[1]
    if records.sample_weight is not None:
        counts &= records.sample_weight > 0
    return counts


def _report(of_figure, traits, bins, fewest_rows):
    """The `SlicesReport` of an answer."""
    found, left_out = [], []
    for by, values in traits.items():
        for name, rows in slices_of(values, bins).items():
            facts = {"by": by, "slice": name, "rows": len(rows)}
            if len(rows) < fewest_rows:
                left_out.append(facts)
                continue
            value, bounds = of_figure.of_rows(rows)
            low, high = bounds or (None, None)
            found.append({**facts, "value": value, "low": low, "high": high})
    sign = -1 if of_figure.lower_is_better else 1
    found.sort(key=lambda each: math.inf if math.isnan(each["value"]) else sign * each["value"])
    low, high = of_figure.interval(0) or (None, None)
    return SlicesReport(
        figure=of_figure.name,
        lower_is_better=of_figure.lower_is_better,
        rows=of_figure.rows,
        value=of_figure.values[0],
        low=low,
        high=high,
        slices=found,
        left_out=left_out,
        fewest_rows=fewest_rows,
    )


def slices_of(values, bins):
    """Which rows have which value, or a number between which bounds.

    Args:
        values: sequence of strings and numbers; absent ones are in no slice.
        bins: into how many slices of about as many rows numbers are cut, if there are more than 10
            different ones.

    Returns:
        Dict from the name of a slice to `(n,)` positions.

    Example:

    >>> slices_of(["a", "b", None, "a"], bins=2)
    {'a': array([0, 3]), 'b': array([1])}
    >>> slices_of(range(12), bins=2)
    {'0 to 5': array([0, 1, 2, 3, 4, 5]), '6 to 11': array([ 6,  7,  8,  9, 10, 11])}
    >>> slices_of([20240101, 20240102], bins=2)
    {'20240101': array([0]), '20240102': array([1])}
    """
    there = np.array([row for row, value in enumerate(values) if not is_absent(value)], int)
    kept = [values[row] for row in there]
    numbers = _as_numbers(kept)
    if numbers is None or len(np.unique(numbers)) <= MOST_CATEGORIES:
        keys = [str(value) for value in kept] if numbers is None else numbers.tolist()
        places = {key: [] for key in sorted(set(keys))}
        for row, key in zip(there, keys, strict=True):
            places[key].append(row)
        names = places if numbers is None else _shortest([(key,) for key in places])
        return {
            name: np.array(rows, int) for name, rows in zip(names, places.values(), strict=True)
        }
    edges = np.unique(np.quantile(numbers, np.arange(1, bins) / bins))
    bin_of = np.searchsorted(edges, numbers)
    inside = [bin_of == each for each in np.unique(bin_of)]
    names = _shortest([(numbers[rows].min(), numbers[rows].max()) for rows in inside])
    return {name: there[rows] for name, rows in zip(names, inside, strict=True)}


def _shortest(slices):
    """Names of slices by their numbers: with 6 digits, or with all if two would be the same."""
    for digits in (6, 17):
        names = [" to ".join(f"{number:.{digits}g}" for number in each) for each in slices]
        if len(set(names)) == len(names):
            break
    return names


def _as_numbers(values):
    """Values as floats, `None` where one of them is no finite number."""
    try:
        numbers = np.array([float(value) for value in values])
    except (TypeError, ValueError):
        return None
    return numbers if np.isfinite(numbers).all() else None
