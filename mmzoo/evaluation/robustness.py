"""robustness(): how good a model is where values are absent, noisy, mistyped or of other rows."""

import zlib

import keras
import numpy as np

from mmzoo.data.as_records import as_records
from mmzoo.evaluation.figure_names import numbers_of
from mmzoo.evaluation.report_output import print_reports
from mmzoo.evaluation.resampled_figure import Judged, ResampledFigure
from mmzoo.evaluation.robustness_report import RobustnessReport
from mmzoo.evaluation.run_over_variants import run_over_variants
from mmzoo.heads import targets_of
from mmzoo.utils.optional_packages import require
from mmzoo.utils.progress import track

#: Shares of values that are absent, as is tried, besides all of them.
SHARES = (0.1, 0.3, 0.5)
#: Conditions that no modality has to name.
ABSENT, SWAPPED = "absent", "swapped"


def robustness(
    model,
    preprocessor,
    records,
    figure=None,
    *,
    shares=SHARES,
    resamples=None,
    batch_size=64,
    seed=0,
    verbose=True,
):
    """How good a model still is where one of its modalities is absent, corrupted or swapped.

    The rows are evaluated as they are (clean), and then with one modality changed at a time:

    * absent in some rows, and in all, where the modality is optional;
    * corrupted as its preprocessing names it (`corruptions`), in several strengths: noise and blur
      of pictures and of frames, noise of sounds and of vectors, typos of texts, noise and missing
      cells of tables;
    * swapped: each row has the value of another row.

    Values are corrupted once they are decoded, as the model would see them. The same seed gives the
    same corruptions, whatever the batch size.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        records: labelled `mmzoo.data.Records` that were not trained on.
        figure: name of a figure of the report, such as `"log_loss"` or `"f1.macro"`; `None`: the
            foremost one that is a mean over rows: accuracy, mean absolute error, exact match,
            token accuracy, character error rate, mean intersection over union.
        shares: of rows in which a modality is absent, besides all rows.
        resamples: how often rows are resampled for the intervals; `None`: 1,000 times, or 50 where
            the figure is no mean over rows; 0: no intervals.
        batch_size: rows a batch.
        seed: of the corruptions, the choice of rows and the resampling.
        verbose: whether to print the report, and the progress where there is a terminal.

    Returns:
        `mmzoo.evaluation.RobustnessReport`; with several answers a dict by the name of the answer.

    Raises:
        ValueError: for rows without labels, fewer than two rows, shares that are none, values that
            can't be read, a figure that there is not, and as `mmzoo.evaluate`.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag", optional=True)}
    >>> rows = mmzoo.data.from_arrays({"text": ["red", "blue"] * 10}, ["warm", "cold"] * 10)
    >>> preprocessor = mmzoo.Preprocessor(inputs)
    >>> preprocessor.adapt(rows)
    >>> head = mmzoo.heads.Softmax(class_names=rows.class_names)
    >>> model = mmzoo.build_model(inputs=inputs, head=head, dim=8)
    >>> report = robustness(model, preprocessor, rows, verbose=False)
    >>> [(each["change"], each["shown"]) for each in report.conditions[:3]]
    [('none', ''), ('absent', '10 % of rows'), ('absent', '30 % of rows')]

    Reference: Hendrycks and Dietterich 2019, arXiv 1903.12261; of absent modalities, Ma et al.
    2022, arXiv 2204.05454.
    """
    require("sklearn.metrics", extra="report")  # rather now than after a long run
    if not all(0 < share < 1 for share in shares):
        raise ValueError(f"`shares` must lie between 0 and 1; received: {shares!r}.")
    inputs, targets = preprocessor.inputs, targets_of(model, preprocessor)
    records = labelled_records(records, inputs)
    if len(records) < 2:
        raise ValueError(f"At least two rows are needed; received {len(records)}.")
    conditions = _conditions(preprocessor, sorted({*shares, 1.0}))
    batches = _batches(preprocessor, records, conditions, batch_size, seed)
    if verbose:
        total = -(-len(records) // batch_size) * (1 + len(conditions))
        batches = track(batches, total, "Changing modalities")
    found = run_over_variants(model, batches, targets, 1 + len(conditions))
    results = {
        name: _report(
            targets[name], inputs, conditions, *of_answer, figure=figure, resamples=resamples,
            seed=seed,
        )
        for name, of_answer in found.items()
    }  # fmt: skip
    if verbose:
        print_reports(results)
    return results["head"] if [*results] == ["head"] else results


def labelled_records(records, inputs):
    """Rows in any form as records; a `ValueError` where they have no labels."""
    records = as_records(records, inputs)
    if not records.label_columns:
        raise ValueError(
            "The rows have no labels: how good answers are needs them. Read the rows with "
            "`label=...`, such as mmzoo.data.from_csv(path, columns, label='category')."
        )
    return records


class _Condition:
    """One modality in one condition.

    Args:
        modality: its name.
        change: what is done to it.
        strength: how much, or `None`.
        shown: what a table says of that.
    """

    def __init__(self, modality, change, strength, shown):
        self.modality, self.change, self.strength = modality, change, strength
        self.shown = shown

    def generator(self, seed, row):
        """What draws for a row: the same for all strengths and in every order of the rows."""
        name = zlib.crc32(f"{self.modality} {self.change}".encode())
        return np.random.default_rng([seed, name, int(row)])

    def suits(self, target):
        """Whether answers are comparable: those about a part of a modality need that modality."""
        about = (target.picture, target.text_name)
        return self.change not in (ABSENT, SWAPPED) or self.modality not in about


def _conditions(preprocessor, shares):
    """All conditions besides the clean one."""
    conditions = []
    for name, part in preprocessor.preprocessings.items():
        if preprocessor.inputs[name].optional:
            conditions += [
                _Condition(name, ABSENT, share, f"{100 * share:g} % of rows") for share in shares
            ]
        for change, corruption in part.corruptions().items():
            conditions += [
                _Condition(name, change, strength, corruption.describe(strength))
                for strength in corruption.strengths
            ]
        conditions.append(_Condition(name, SWAPPED, None, ""))
    return conditions


def _batches(preprocessor, records, conditions, batch_size, seed):
    """Each batch as it is, and then once for every condition."""
    from mmzoo.data.pipeline.pipeline import Pipeline

    preprocessor.check_adapted()
    records.check(preprocessor.inputs)
    generator = np.random.default_rng(seed)
    count = len(records)
    order = generator.permutation(count)
    others = np.empty(count, "int64")
    others[order] = np.roll(order, 1)  # by a shift no row keeps its own value
    ranks = {name: generator.permutation(count) for name in preprocessor.inputs}
    pipeline = Pipeline(records, preprocessor, batch_size)
    for rows, decoded, of_others, batch in pipeline.decoded_dataset(others):
        x, *labels = batch
        yield x, *labels
        for condition in conditions:
            name = condition.modality
            part = preprocessor.preprocessings[name]
            if condition.change == ABSENT:
                absent = ranks[name][rows.numpy()] < round(condition.strength * count)
                present = f"{name}_present"
                yield {**x, present: np.asarray(x[present]) & ~absent}, *labels
                continue
            if condition.change == SWAPPED:
                changed = of_others[name]
            else:
                changed = part.corrupt_batch(
                    decoded[name],
                    part.corruptions()[condition.change].change,
                    condition.strength,
                    [condition.generator(seed, row) for row in rows.numpy()],
                )
            yield {**x, **part.batch(changed)[0]}, *labels


def _report(target, inputs, conditions, labels, predictions, weights, figure, resamples, seed):
    """The `RobustnessReport` of an answer."""
    shown = [*enumerate((None, *conditions))]
    shown = [(place, c) for place, c in shown if c is None or c.suits(target)]
    kept = [
        keras.tree.map_structure(lambda x, place=place: x[place], predictions) for place, _ in shown
    ]
    judged = [Judged(target, labels, prediction) for prediction in kept]
    of_figure = ResampledFigure(judged, weights, figure, resamples, seed)
    rows = []
    for place, (_, condition) in enumerate(shown):
        difference, bounds = of_figure.difference(place, 0)
        low, high = bounds or (None, None)
        rows.append({
            "modality": condition.modality if condition else None,
            "change": condition.change if condition else "none",
            "strength": condition.strength if condition else None,
            "shown": condition.shown if condition else "",
            "value": of_figure.values[place],
            "difference": difference,
            "low": low,
            "high": high,
            "figures": numbers_of(target.figures(labels, kept[place], weights)),
        })  # fmt: skip
    return RobustnessReport(
        figure=of_figure.name,
        lower_is_better=of_figure.lower_is_better,
        rows=len(labels),
        conditions=rows,
        notes=_notes(target, inputs, conditions),
    )


def _notes(target, inputs, conditions):
    """What was left out, and why."""
    needed = [name for name, modality in inputs.items() if not modality.optional]
    about = {c.modality for c in conditions if not c.suits(target)}
    plain = [name for name in inputs if {c.change for c in conditions if c.modality == name} <= {
        ABSENT, SWAPPED}]  # fmt: skip
    notes = []
    if needed:
        notes.append(f"Not optional, so never absent: {', '.join(needed)}.")
    notes += [
        f"The answer is about a part of {name!r}, which is neither absent nor swapped."
        for name in sorted(about)
    ]
    if plain:
        notes.append(f"Without corruptions of their own: {', '.join(plain)}.")
    return notes
