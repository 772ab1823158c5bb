"""Rows of records beside what a model answered, and which of them a page shows."""

import dataclasses
from typing import Any

import numpy as np

from mmzoo.heads import targets_of
from mmzoo.prediction.good_rows import predict_good_rows
from mmzoo.raw.paths import resolve_path

#: How many rows a page shows at most: the worst of all answers together, some at random, those that
#: can't be read, and of each confusion.
WORST, RANDOM, UNREADABLE, OF_EACH_KEY, OF_KEYS = 48, 24, 8, 2, 60


@dataclasses.dataclass
class JudgedAnswer:
    """One answer to all rows.

    Args:
        target: the `mmzoo.targets.Target`.
        rows: list of `mmzoo.targets.compared.Compared`.
        said_at: what `Target.said_at` returned.
    """

    target: Any
    rows: list
    said_at: tuple | None


def judged_rows(model, preprocessor, records, predicted=None):
    """What a model says of labelled rows, beside their labels.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        records: labelled `mmzoo.data.Records`.
        predicted: what `predict_good_rows` returned for them, or `None`: they are predicted now.

    Returns:
        `(answers, errors)`: dict from the name of an answer to a `JudgedAnswer`, of those that the
        records have labels for; and a list of what is wrong with a row, `None` for good ones.
    """
    answers, errors = predicted or predict_good_rows(model, preprocessor, records)
    judged = {}
    for name, target in targets_of(model, preprocessor).items():
        if name not in records.label_columns:
            continue
        labels = preprocessor.checked_labels(name, records)
        if target.strings_are_paths:
            labels = [resolve_path(records.root, x) if isinstance(x, str) else x for x in labels]
        beside = None if target.text_name is None else records.column(target.text_name)
        rows = target.compared(labels, answers[name], beside)
        judged[name] = JudgedAnswer(target, rows, target.said_at(labels, answers[name]))
    return judged, errors


def chosen_rows(judged, errors, seed=0):
    """Which rows a page shows, the ones to show first in front.

    Args:
        judged: dict from the name of an answer to a `JudgedAnswer`.
        errors: what is wrong with each row, or `None`.
        seed: of the random ones.

    Returns:
        `(rows, worst, random)`: positions of all rows to show; dict from the name of an answer to
        the positions of its worst rows, the worst first; and the positions of the random ones.
    """
    worst = {}
    for name, answer in judged.items():
        losses = np.array([np.nan if row.loss is None else row.loss for row in answer.rows])
        order = np.argsort(-losses, kind="stable")  # NaN come last
        worst[name] = order[: np.isfinite(losses).sum()][: WORST // len(judged)].tolist()
    count = len(errors)
    drawn = np.random.default_rng(seed).permutation(count)[:RANDOM].tolist()
    unreadable = [row for row, error in enumerate(errors) if error is not None][:UNREADABLE]
    first = [row for of_answer in worst.values() for row in of_answer[:12]]
    every = [row for of_answer in worst.values() for row in of_answer]
    examples = [row for answer in judged.values() for row in _examples(answer)]
    rows = dict.fromkeys([*first, *drawn[:12], *unreadable, *every, *drawn, *examples])
    return list(rows), worst, drawn


def _examples(answer):
    """The worst rows of each key, those of the keys that most rows have first."""
    of_key = {}
    for row, compared in enumerate(answer.rows):
        if compared.right is False:
            for key in compared.keys:
                of_key.setdefault(key, []).append(row)
    found = []
    for rows in sorted(of_key.values(), key=len, reverse=True):
        found += sorted(rows, key=lambda row: -(answer.rows[row].loss or 0))[:OF_EACH_KEY]
    right = {}
    for row, compared in enumerate(answer.rows):
        if compared.right:
            for key in compared.keys:
                right.setdefault(key, row)
    return list(dict.fromkeys([*found, *right.values()]))[:OF_KEYS]
