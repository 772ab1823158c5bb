"""calibrate(): probabilities that are right as often as they say."""

import keras
import numpy as np

from mmzoo.data.as_records import as_records
from mmzoo.evaluation.evaluate import run_over
from mmzoo.heads import heads_of, targets_of
from mmzoo.targets.reliability import BINS, ERROR
from mmzoo.utils.checks import check_positive_integers


def calibrate(
    model,
    preprocessor,
    records,
    *,
    answer=None,
    alpha=None,
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

    With `alpha` there are label sets, too: all classes from a probability on, chosen so that the
    set of a further row out of the same source holds its class with a probability of at least
    `1 - alpha` (split conformal prediction). Tables and exported models then have `label_set`, and
    reports how often it holds the class.

    Args:
        model: what `mmzoo.build_model` returned, trained.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        records: labelled `mmzoo.data.Records` that were not trained on.
        answer: name of the answer, where there are several; `None`: all that have probabilities.
        alpha: for one class out of several, or yes and no: share of rows whose class may be missing
            from their label set, such as 0.1; `None`: there are no label sets.
        bins: most bins of the expected calibration error, see `mmzoo.Report`.
        fewest_rows: fewer labelled rows are an error; `None`: as many as `bins`.
        batch_size: rows a batch.
        on_error: what happens to rows that can't be read, as in `Records.to_dataset`.

    Returns:
        Dict of `temperature`, a float, or where there are several labels a dict from their names;
        `rows`; and `expected_calibration_error` and `log_loss`, each a dict of `before` and
        `after`; with `alpha` also `label_sets`, a dict of `alpha` and `least_probability`. With
        several answers a dict of such dicts by the name of the answer.

    Raises:
        ValueError: for a head without probabilities, an `alpha` that is no share, or one for labels
            that are independent of each other, rows without labels, too few of them, rows of
            one class only, and as `mmzoo.evaluate`.

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
    1609.00451.
    """
    check_positive_integers("bins", bins)
    heads = _heads(model, answer)
    targets = targets_of(model, preprocessor)
    check_alpha(alpha, {name: targets[name] for name in heads})
    records = as_records(records, preprocessor.inputs)
    if not records.label_columns:
        raise ValueError("The rows have no labels: how often an answer is right needs them.")
    fewest_rows = fewest_rows or bins
    if len(records) < fewest_rows:  # before any file is read
        raise _too_few(len(records), fewest_rows)
    dataset = records.to_dataset(preprocessor, batch_size, on_error=on_error)
    rows = _logits(model, dataset, {name: _Logits(heads[name], targets[name]) for name in heads})
    # All or none: a mistake in one answer leaves the others as they are.
    found = {
        name: _found(name, targets[name], *of_answer, alpha, bins, fewest_rows)
        for name, of_answer in rows.items()
    }
    for name, (temperatures, note) in found.items():
        heads[name].scale_logits(1 / np.asarray(temperatures))
        heads[name].calibration = note
    results = {name: note for name, (_, note) in found.items()}
    return results["head"] if [*heads_of(model)] == ["head"] else results


class FewRowsError(ValueError):
    """Rows that do not suffice to calibrate on."""


def calibrated_answers(model):
    """The names of the answers of a model that have probabilities to calibrate."""
    return [name for name, head in heads_of(model).items() if _has_probabilities(head)]


def check_alpha(alpha, targets):
    """Raises a `ValueError` for an `alpha` that is no share, or that no answer has a use for.

    Args:
        alpha: as for `calibrate`.
        targets: dict from the name of an answer to its target.
    """
    if alpha is None:
        return
    if not isinstance(alpha, (int, float)) or not 0 < alpha < 1:
        raise ValueError(f"`alpha` must be a share between 0 and 1; received: {alpha!r}.")
    if not any(hasattr(target, "least_probability") for target in targets.values()):
        raise ValueError(
            "Label sets (`alpha`) are for one class out of several, or yes and no: for the head "
            "mmzoo.heads.Softmax, or Sigmoid with one unit. Which of several labels hold is chosen "
            "by thresholds, see `mmzoo.choose_thresholds`."
        )


def _has_probabilities(head):
    return hasattr(head.target(), "temperatures")


def _heads(model, answer):
    """The heads to calibrate by the names of their answers."""
    heads, able = heads_of(model), calibrated_answers(model)
    if answer is None and able:
        return {name: heads[name] for name in able}
    if answer is not None and answer not in heads:
        raise ValueError(f"`answer` must be one of {', '.join(heads)}; received: {answer!r}.")
    if answer not in able:
        kinds = {type(heads[name]).__name__ for name in ([answer] if answer else heads)}
        raise ValueError(
            f"The head {' or '.join(sorted(kinds))} has no probabilities of classes to calibrate; "
            "mmzoo.heads.Softmax and mmzoo.heads.Sigmoid have. How good its answers are says "
            "`mmzoo.evaluate`."
        )
    return {answer: heads[answer]}


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
        self.head, self.target = head, target
        self.check_y = target.check_y

    def check_prediction(self, prediction, rows):
        self.target.check_prediction(prediction[1], rows)

    def condensed(self, prediction):
        fused, probabilities = prediction
        logits = keras.ops.convert_to_numpy(self.head.logits(fused)).astype("float64")
        if not np.allclose(self.target.probabilities(logits), probabilities, atol=1e-4):
            raise ValueError(
                f"The head {type(self.head).__name__} makes probabilities of its linear layer in a "
                "way of its own, so a temperature would not do what it should. Give it a target "
                "without `temperatures`, or the activation of mmzoo.heads.Softmax or Sigmoid."
            )
        return logits


def _logits(model, dataset, kept):
    """Labels, logits and sample weights by the name of the answer, see `run_over`."""
    heads = heads_of(model)
    network = keras.Model(
        model.input, {name: (heads[name].input, heads[name].output) for name in kept}
    )

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


def _found(name, target, labels, logits, sample_weight, alpha, bins, fewest_rows):
    """The temperatures of an answer, and the note of them."""
    if len(labels) < fewest_rows:
        raise _too_few(len(labels), fewest_rows, "" if name == "head" else f" of {name!r}")
    label_sets = {}
    try:
        temperatures = target.temperatures(labels, logits, sample_weight)
        if alpha is not None and hasattr(target, "least_probability"):
            least = target.least_probability(labels, logits / temperatures, alpha, sample_weight)
            label_sets = {"label_sets": {"alpha": alpha, "least_probability": least}}
    except ValueError as error:
        said = "" if name == "head" else f"Answer {name!r}: "
        raise FewRowsError(f"{said}{error}") from None
    before, after = (
        target.calibration_figures(labels, of_logits, sample_weight, bins)
        for of_logits in (logits, logits / temperatures)
    )
    temperature = temperatures[0]
    if len(temperatures) > 1:
        temperature = dict(zip(target.names(len(temperatures)), temperatures, strict=True))
    figures = {
        figure: {"before": before[figure], "after": after[figure]} for figure in (ERROR, "log_loss")
    }
    note = {"rows": len(labels), "temperature": temperature, **figures, **label_sets}
    return temperatures, note
