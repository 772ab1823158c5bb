"""choose_thresholds(): from which probability on the answer is yes."""

import warnings

import numpy as np

from mmzoo.evaluation.evaluate import run_over
from mmzoo.heads import heads_of, targets_of


def choose_thresholds(model, dataset, by="f1", per_class=True, answer=None):
    """Chooses the thresholds of a sigmoid on validation rows, and keeps them with the head.

    What the model predicts stays as it is. `mmzoo.predict_file` and the output `chosen` of an
    exported model go by the thresholds, and `mmzoo.evaluate` reports both: at 0.5 and at them.

    Args:
        model: what `mmzoo.build_model` returned, with a head that has thresholds.
        dataset: labelled batches of rows that were not trained on, as for `mmzoo.evaluate`.
        by: `"f1"`: the highest F1; `{"precision": 0.9}`: the highest recall with at least that
            precision; `{"recall": 0.9}`: the highest precision with at least that recall.
        per_class: whether each label has its own threshold; else one for all.
        answer: name of the answer, where there are several.

    Returns:
        Dict from the name of a label to its threshold.

    Warns:
        UserWarning: which labels all these rows have, or none; of such a label there is nothing to
            choose, and its threshold stays 0.5 where each has its own.

    Raises:
        ValueError: for a head without thresholds, or one that abstains, another `by`, or no rows.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Sigmoid(units=2), dim=8)
    >>> batch = {"text": np.array([[2, 0, 0, 0], [3, 0, 0, 0]])}, np.array([[0, 1], [1, 0]])
    >>> sorted(choose_thresholds(model, [batch]))
    ['0', '1']

    Reference: Lipton et al. 2014, arXiv 1402.1892, on thresholds and F1.
    """
    heads, targets = heads_of(model), targets_of(model)
    if answer is None and len(heads) == 1:
        answer = next(iter(heads))
    if answer not in heads:
        raise ValueError(f"`answer` must be one of {', '.join(heads)}; received: {answer!r}.")
    head, target = heads[answer], targets[answer]
    if not hasattr(target, "choose_thresholds"):
        raise ValueError(
            f"The head {type(head).__name__} has no thresholds; mmzoo.heads.Sigmoid has."
        )
    if getattr(target, "abstaining", None) is not None:
        raise ValueError(
            "The head abstains, which goes by the likelier answer, so thresholds would not do. "
            "Calibrate anew without `abstain` first."
        )
    labels, predictions, sample_weight = run_over(model, dataset, targets)[answer]
    chosen = target.choose_thresholds(labels, predictions, by, per_class, sample_weight)
    head.thresholds = chosen
    names = target.names(max(2, len(chosen)))[-len(chosen) :]
    share = np.asarray(labels, "float64").reshape(len(labels), -1).mean(axis=0)
    same = [name for name, of_label in zip(names, share, strict=True) if of_label in (0.0, 1.0)]
    if same:
        warnings.warn(
            f"No threshold can be chosen for {', '.join(map(repr, same))} of {answer!r}: all "
            f"{len(labels)} rows are alike in it. Choose on rows of which some have it and some "
            "have not.",
            stacklevel=2,
        )
    return dict(zip(names, np.asarray(chosen).tolist(), strict=True))
