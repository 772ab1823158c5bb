"""Predictions of a model by the names of its answers."""


def by_answer(targets, predictions):
    """Predictions of a model as a dict by the name of the answer.

    Args:
        targets: dict from the name of an answer to its target.
        predictions: what the model predicts: an array or tensor, or a dict of them.
    """
    return predictions if isinstance(predictions, dict) else dict.fromkeys(targets, predictions)


def answer_columns(targets, answers, delimiter="|", all_scores=False):
    """What a table says of answers.

    Args:
        targets: dict from the name of an answer to its target.
        answers: dict from the name of an answer to the answers of all rows, see
            `mmzoo.prediction.good_rows.predict_good_rows`.
        delimiter: what stands between the labels of a row, where there may be several.
        all_scores: whether to add the probability of every class.

    Returns:
        Dict from name to a column, see `mmzoo.targets.Target.columns`. With several answers the
        name of the answer stands before it, `<answer>_<column>`.

    Example:

    >>> import numpy as np
    >>> from mmzoo.targets import OneClass
    >>> answer_columns({"head": OneClass(["no", "yes"])}, {"head": np.array([[0.25, 0.75]])})
    {'predicted': ['yes'], 'score': array([0.75])}
    """
    columns = {}
    for name, of_answer in answers.items():
        found = targets[name].columns(of_answer, delimiter)
        if all_scores:
            found |= targets[name].score_columns(of_answer)
        prefix = "" if name == "head" else f"{name}_"
        columns |= {f"{prefix}{column}": values for column, values in found.items()}
    return columns
