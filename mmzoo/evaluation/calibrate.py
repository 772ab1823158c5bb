"""calibrate(): probabilities that are right as often as they say, and intervals of numbers."""

import dataclasses

import keras
import numpy as np

from mmzoo.data.as_records import as_records
from mmzoo.evaluation.evaluate import run_over
from mmzoo.heads import Head, heads_of, keep_calibrations, targets_of
from mmzoo.targets.isotonic import DIGITS
from mmzoo.targets.reliability import BINS, ERROR
from mmzoo.utils.checks import check_positive_integers


def calibrate(
    model,
    preprocessor,
    records,
    *,
    answer=None,
    alpha=None,
    abstain=None,
    method=None,
    bins=BINS,
    fewest_rows=None,
    batch_size=64,
    on_error="raise",
):
    """Makes the probabilities of a model as high as they are right, on validation rows.

    The logits of `mmzoo.heads.Softmax` are divided by one temperature, those of
    `mmzoo.heads.Sigmoid` by one a label: the one with the lowest log loss. The temperature goes
    into the weights of the head, so predictions, reports and every exported format have calibrated
    probabilities, and the likeliest class and what is above 0.5 stay what they are. Thresholds that
    were chosen before move along. What was found is kept with the head, for the model card, until
    the model is trained on.

    A label that fewer than 10 rows have, or lack, is divided by the temperature of all labels
    together. The log loss of these rows never rises: at worst the temperature is 1.

    `method="isotonic"` replaces the temperature by isotonic regression: how often probabilities are
    right becomes a rising line of any shape, a label each (of one class out of several each class
    against the others, and their sum is then made 1). It needs more rows, a thousand or so, and the
    likeliest class, what is above 0.5 and the order of rows may change, which `accuracy` tells of.
    The line is kept with the head, which predicts by it, also in every exported format. With
    `alpha` or `abstain` it is made of one half of the rows, and these are chosen by the other.

    With `alpha` there are label sets, too: all classes from a probability on, chosen so that the
    set of a further row out of the same source holds its class with a probability of at least
    `1 - alpha` (split conformal prediction). Tables and exported models then have `label_set`, and
    reports how often it holds the class. Numbers, as of `mmzoo.heads.Regression`, have intervals
    with the same promise, around each number and all of one width: `lower` and `upper`. Where the
    head has `scale="log"` they reach by a factor below and above.

    With `abstain=0.95` the model abstains where it is not sure: `abstain` is true where the
    likeliest class has a probability below a threshold, the lowest by which the other rows are
    answered rightly in that share.

    Args:
        model: what `mmzoo.build_model` returned, trained.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        records: labelled `mmzoo.data.Records` that were not trained on.
        answer: name of the answer, where there are several; `None`: all that have probabilities,
            and with `alpha` numbers.
        alpha: for one class out of several, or yes and no: share of rows whose class may be missing
            from their label set, such as 0.1; for numbers: share of rows whose number may lie
            outside of its interval. `None`: there are no label sets, and no intervals.
        abstain: for one class out of several, or yes and no: share of right ones that is wanted of
            the answered rows, such as 0.95; `None`: every row is answered.
        method: of numbers `"conformal"`, whose promise holds whatever the model is worth, or
            `"gaussian"`, for few rows, if their errors are distributed normally; of probabilities
            `"temperature"` or `"isotonic"`. `None`: the first of them. An answer that does not know
            it goes by its first.
        bins: most bins of the expected calibration error, see `mmzoo.Report`.
        fewest_rows: fewer labelled rows are an error; `None`: as many as `bins`.
        batch_size: rows a batch.
        on_error: what happens to rows that can't be read, as in `Records.to_dataset`.

    Returns:
        Dict of `rows`, and of what was found. Of probabilities: `temperature`, a float, or where
        there are several labels a dict from their names; or `isotonic`, the points of the lines,
        and for one class out of several `accuracy`; `expected_calibration_error` and `log_loss`
        (these three are dicts of `before` and `after`); with `alpha` `label_sets`, a dict of
        `alpha` and `least_probability`; with `abstain` `abstaining`, a dict of `wanted`,
        `threshold`, and the `coverage`, the share of rows answered, and `accuracy` of these rows.
        Of numbers: `intervals`, a dict of `alpha`, `method`, `half_width` (or `factor`), a float,
        or a list of one an output, and the `coverage` and `mean_width` on these rows. With several
        answers a dict of such dicts by the name of the answer.

    Raises:
        ValueError: for a head without probabilities or, with `alpha`, numbers; an `alpha` or
            `abstain` that is no share, or one that no answer has a use for, such as labels that are
            independent of each other; a head with thresholds, for abstaining, which does not go by
            them, and isotonic regression; an accuracy that can't be had; an unknown method; rows
            without labels, too few of them, rows of one class only; and as `mmzoo.evaluate`.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> rows = mmzoo.data.from_arrays({"text": ["red", "blue"] * 10}, ["warm", "cold"] * 10)
    >>> preprocessor = mmzoo.Preprocessor(inputs)
    >>> preprocessor.adapt(rows)
    >>> head = mmzoo.heads.Softmax(class_names=rows.class_names)
    >>> model = mmzoo.build_model(inputs=inputs, head=head, dim=8)
    >>> found = calibrate(model, preprocessor, rows)
    >>> found["log_loss"]["after"] <= found["log_loss"]["before"]
    True

    Reference: Guo et al. 2017, arXiv 1706.04599; of label sets: Sadinle et al. 2019, arXiv
    1609.00451; of intervals: Lei et al. 2018, arXiv 1604.04173; of abstaining: Geifman and El-Yaniv
    2017, arXiv 1705.08500; isotonic: Zadrozny and Elkan 2002.
    """
    check_positive_integers("bins", bins)
    heads = _heads(model, answer, alpha)
    targets = targets_of(model, preprocessor)
    wanted = _Wanted(alpha, abstain, method, bins, fewest_rows or bins)
    wanted.check({name: targets[name] for name in heads})
    records = as_records(records, preprocessor.inputs)
    if not records.label_columns:
        raise ValueError("The rows have no labels: how often an answer is right needs them.")
    if len(records) < wanted.fewest_rows:  # before any file is read
        raise _too_few(len(records), wanted.fewest_rows)
    dataset = records.to_dataset(preprocessor, batch_size, on_error=on_error)
    kept = {
        name: (_Logits if _has_probabilities(head) else _Numbers)(head, targets[name])
        for name, head in heads.items()
    }
    rows = _run_over(model, dataset, kept)
    # All or none: a mistake in one answer leaves the others as they are.
    found = {name: _found(name, kept[name], *rows[name], wanted) for name in kept}
    for each in kept.values():
        each.apply()
    keep_calibrations(model, found)
    return found["head"] if [*heads_of(model)] == ["head"] else found


class FewRowsError(ValueError):
    """Rows that do not suffice to calibrate on."""


def calibrated_answers(model, alpha=None):
    """The names of the answers of a model that can be calibrated.

    Args:
        model: what `mmzoo.build_model` returned.
        alpha: as for `calibrate`; only with it there is something to be said of numbers.
    """
    return [
        name
        for name, head in heads_of(model).items()
        if _has_probabilities(head) or (alpha is not None and _has_intervals(head.target()))
    ]


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """What `calibrate` was asked for; see there."""

    alpha: float | None
    abstain: float | None
    method: str | None
    bins: int
    fewest_rows: int

    def check(self, targets):
        """Raises a `ValueError` for what is impossible, or of no use to any answer."""
        check_doubt(self.alpha, self.abstain, targets)
        known = {each for target in targets.values() for each in target.calibration_methods}
        if self.method is not None and self.method not in known:
            raise ValueError(
                f"`method` must be one of {', '.join(sorted(known))}; received: {self.method!r}."
            )

    def method_of(self, target):
        methods = target.calibration_methods
        return self.method if self.method in methods else next(iter(methods), None)


def check_doubt(alpha, abstain, targets):
    """Raises a `ValueError` for what is no share, or what no answer has a use for.

    Args:
        alpha: as for `calibrate`.
        abstain: as for `calibrate`.
        targets: dict from the name of an answer to its target.
    """
    for name, share in (("alpha", alpha), ("abstain", abstain)):
        if share is not None and (not isinstance(share, (int, float)) or not 0 < share < 1):
            raise ValueError(f"`{name}` must be a share between 0 and 1; received: {share!r}.")
    able = [*targets.values()]
    if alpha is not None and not any(_has_label_sets(t) or _has_intervals(t) for t in able):
        raise ValueError(
            "Label sets (`alpha`) are for one class out of several, or yes and no: for the head "
            "mmzoo.heads.Softmax, or Sigmoid with one unit; intervals are for numbers, the head "
            "Regression. Which of several labels hold is chosen by thresholds, see "
            "`mmzoo.choose_thresholds`."
        )
    if abstain is not None and not any(map(_abstains, able)):
        raise ValueError(
            "A model abstains (`abstain`) from one class out of several, or yes and no: with the "
            "head mmzoo.heads.Softmax, or Sigmoid with one unit. Numbers have intervals, see "
            "`alpha`; which of several labels hold is chosen by thresholds."
        )
    for name, target in targets.items():
        if abstain is not None and _abstains(target) and target.thresholds is not None:
            raise ValueError(
                f"{'' if name == 'head' else f'Answer {name!r}: '}The head has a threshold, "
                f"{target.thresholds[0]:.4g}, and abstaining goes by the likelier answer. Leave "
                "one of both out: `head.thresholds = None`, or no `abstain`."
            )


def _has_probabilities(head):
    return hasattr(head.target(), "temperatures")


def _has_label_sets(target):
    return hasattr(target, "least_probability")


def _has_intervals(target):
    return hasattr(target, "intervals_of")


def _abstains(target):
    return hasattr(target, "abstaining_of")


def _heads(model, answer, alpha):
    """The heads to calibrate by the names of their answers."""
    heads, able = heads_of(model), calibrated_answers(model, alpha)
    if answer is None and able:
        return {name: heads[name] for name in able}
    if answer is not None and answer not in heads:
        raise ValueError(f"`answer` must be one of {', '.join(heads)}; received: {answer!r}.")
    if answer not in able:
        kinds = {type(heads[name]).__name__ for name in ([answer] if answer else heads)}
        raise ValueError(
            f"The head {' or '.join(sorted(kinds))} has no probabilities of classes to calibrate; "
            "mmzoo.heads.Softmax and mmzoo.heads.Sigmoid have. Numbers, as of "
            "mmzoo.heads.Regression, get intervals, with `alpha`. How good other answers are says "
            "`mmzoo.evaluate`."
        )
    return {answer: heads[answer]}


class _Numbers:
    """Stands where `run_over` takes a target, and keeps the predictions of the rows.

    Args:
        head: the head.
        target: its target.
    """

    def __init__(self, head, target):
        self.head, self.target = head, target
        self.tensors = head.output
        self.check_y = target.check_y
        self.check_prediction = target.check_prediction

    def condensed(self, prediction):
        return np.asarray(prediction, "float64").reshape(len(prediction), -1)

    def note(self, labels, predictions, sample_weight, wanted):
        """What is kept with the head."""
        method = wanted.method_of(self.target)
        intervals = self.target.intervals_of(
            labels, predictions, wanted.alpha, method, sample_weight
        )
        self.target.calibration = {"intervals": intervals}
        figures = self.target.interval_figures(labels, predictions.astype("float32"), sample_weight)
        measured = {name: figures[name] for name in ("coverage", "mean_width")}
        return {"rows": len(labels), "intervals": {**intervals, **measured}}

    def apply(self):
        """Nothing: the numbers stay what they are."""


class _Logits:
    """Stands where `run_over` takes a target, and keeps the logits of the rows.

    Args:
        head: the head.
        target: its target.
    """

    def __init__(self, head, target):
        dense = head.dense
        if getattr(dense, "lora_enabled", False) or getattr(dense, "quantization_mode", None):
            raise ValueError(
                "The head has LoRA, or is quantized, so it can't be scaled. Calibrate before it is "
                "quantized, and after `mmzoo.training.merge_lora(model)`."
            )
        self.head, self.target, self.temperatures = head, target, None
        self.tensors = head.input, head.output
        self.check_y = target.check_y

    def check_prediction(self, prediction, rows):
        self.target.check_prediction(prediction[1], rows)

    def condensed(self, prediction):
        fused, probabilities = prediction
        logits = keras.ops.convert_to_numpy(self.head.logits(fused)).astype("float64")
        expected, points = self.target.probabilities(logits), self.head.isotonic
        if points is not None:
            expected = self._along(expected, points)
        # Where they are by isotonic regression, a step of it may lie between two roundings.
        apart = np.abs(expected - probabilities).max(axis=1)
        if (apart > 1e-4).mean() > (0.0 if points is None else 0.1):
            raise ValueError(
                f"The head {type(self.head).__name__} makes probabilities of its linear layer in a "
                "way of its own, so a temperature would not do what it should. Give it a target "
                "without `temperatures`, or the activation of mmzoo.heads.Softmax or Sigmoid."
            )
        return logits

    def note(self, labels, logits, sample_weight, wanted):
        """What is kept with the head."""
        target, method = self.target, wanted.method_of(self.target)
        self._check_thresholds(method)
        target.check_varied(labels)
        before = logits
        if self.head.isotonic is not None:
            before = self._after_isotonic(logits, self.head.isotonic)
        note, figures = {"rows": len(labels)}, target.calibration_figures
        rows = slice(None)  # those that label sets and abstaining are chosen by
        if method == "isotonic":
            self._check_call()
            line_rows, rows = self._shared_out(len(labels), wanted)
            target.check_varied(labels[line_rows])
            probabilities = target.probabilities(logits[line_rows]).astype("float32")
            weights = None if sample_weight is None else sample_weight[line_rows]
            points = target.isotonic_points(labels[line_rows], probabilities, weights)
            after = self._after_isotonic(logits, points)
            note["isotonic"] = points
            if hasattr(target, "accuracy"):  # which a temperature does not change
                rights = (target.accuracy(labels, each, sample_weight) for each in (before, after))
                note["accuracy"] = dict(zip(("before", "after"), rights, strict=True))
        else:
            self.temperatures = np.asarray(target.temperatures(labels, logits, sample_weight))
            after = logits / self.temperatures
            note["temperature"] = self._by_label(self.temperatures.tolist())
        before, now = (
            figures(labels, each, sample_weight, wanted.bins) for each in (before, after)
        )
        for figure in (ERROR, "log_loss"):
            note[figure] = {"before": before[figure], "after": now[figure]}
        labels, after = labels[rows], after[rows]
        sample_weight = None if sample_weight is None else sample_weight[rows]
        if wanted.alpha is not None and _has_label_sets(target):
            least = target.least_probability(labels, after, wanted.alpha, sample_weight)
            if method == "isotonic":  # many rows have that very probability, up to rounding
                least -= 10.0**-DIGITS
            note["label_sets"] = {"alpha": wanted.alpha, "least_probability": least}
        if wanted.abstain is not None and _abstains(target):
            found = target.abstaining_of(labels, after, wanted.abstain, sample_weight)
            note["abstaining"] = found
        return note

    def _shared_out(self, count, wanted):
        """The rows that isotonic regression takes, and those that promises are made by.

        Its lines follow the rows they were made of, which so say nothing of further ones. (One
        temperature hardly does.)
        """
        if (wanted.alpha is None or not _has_label_sets(self.target)) and (
            wanted.abstain is None or not _abstains(self.target)
        ):
            return slice(None), slice(None)
        order = np.random.default_rng(0).permutation(count)
        return np.sort(order[: count // 2]), np.sort(order[count // 2 :])

    def apply(self):
        """Scales the weights of the head."""
        if self.temperatures is not None:
            self.head.scale_logits(1 / self.temperatures)

    def _along(self, probabilities, points):
        found = self.target.along_points(probabilities.astype("float32"), points)
        return keras.ops.convert_to_numpy(found).astype("float64")

    def _after_isotonic(self, logits, points):
        """Logits that have the probabilities of isotonic regression."""
        return self.target.logits_of(self._along(self.target.probabilities(logits), points))

    def _by_label(self, temperatures):
        """A temperature, or a dict from the names of labels."""
        if len(temperatures) == 1:
            return temperatures[0]
        return dict(zip(self.target.names(len(temperatures)), temperatures, strict=True))

    def _check_thresholds(self, method):
        """Raises a `ValueError` where thresholds would not choose what they chose."""
        if "isotonic" in (method, *(self.target.calibration or ())) and self.target.thresholds:
            raise ValueError(
                "The head has thresholds, and isotonic regression, which comes or goes, makes many "
                "probabilities one, so they would choose others. Choose them anew, afterwards: "
                "`head.thresholds = None` before."
            )

    def _check_call(self):
        if type(self.head).call is not Head.call:
            raise ValueError(
                f"The head {type(self.head).__name__} has a `call` of its own, which knows nothing "
                "of isotonic regression. Override `activate` instead, or take the temperature."
            )


def _run_over(model, dataset, kept):
    """Labels, what is kept, and sample weights by the name of the answer, see `run_over`."""
    network = keras.Model(model.input, {name: each.tensors for name, each in kept.items()})

    def batches():
        for batch in dataset:
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
            if isinstance(y, dict):
                y = {name: y[name] for name in kept}
            yield x, y, sample_weight

    return run_over(network, batches(), kept)


def _too_few(rows, fewest_rows, of_answer=""):
    return FewRowsError(
        f"{rows} labelled rows{of_answer} are too few to calibrate on; it takes {fewest_rows}."
    )


def _found(name, kept, labels, values, sample_weight, wanted):
    """What is found of an answer, which is kept with its head."""
    if len(labels) < wanted.fewest_rows:
        of_answer = "" if name == "head" else f" of {name!r}"
        raise _too_few(len(labels), wanted.fewest_rows, of_answer)
    try:
        return kept.note(labels, values, sample_weight, wanted)
    except ValueError as error:
        said = "" if name == "head" else f"Answer {name!r}: "
        raise FewRowsError(f"{said}{error}") from None
