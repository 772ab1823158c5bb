"""Random splits of rows, class by class, whole groups at a time."""

import numpy as np


def split_rows(classes, fractions, generator):
    """Splits rows at random, each class by the same fractions.

    Args:
        classes: `(rows,)` class indices; all 0 where classes do not matter.
        fractions: shares of the rows, at most 1 in sum.
        generator: a `numpy.random.Generator`.

    Returns:
        A list with the sorted rows of each part. The sizes of the parts are the fractions rounded,
        and within one row of it in each class.

    Example:

    >>> split_rows(np.array([0, 0, 1, 1]), (0.5, 0.5), np.random.default_rng(1))
    [[0, 2], [1, 3]]
    """
    waiting = [
        list(generator.permutation(np.flatnonzero(classes == index)))
        for index in range(classes.max() + 1)
    ]
    sizes = np.array([len(rows) for rows in waiting])
    bounds = np.round(np.cumsum([0, *fractions]) * len(classes)).astype(int)
    parts = []
    for fraction, total in zip(fractions, np.diff(bounds), strict=True):
        left = np.array([len(rows) for rows in waiting])
        counts = _shares(fraction * sizes, total, left, generator)
        rows = [int(row) for rows, count in zip(waiting, counts, strict=True)
                for row in rows[:count]]  # fmt: skip
        waiting = [rows[count:] for rows, count in zip(waiting, counts, strict=True)]
        parts.append(sorted(rows))
    return parts


def split_labelled_rows(labels, fractions, generator):
    """Splits rows at random, where each may have several labels or none.

    The rarest label goes first, since there is the least choice: each of its rows to the part that
    lacks most of it. Then the rarest of what is left, and so on.

    Args:
        labels: `(rows, labels)` zeros and ones.
        fractions: shares of the rows, at most 1 in sum.
        generator: a `numpy.random.Generator`.

    Returns:
        A list with the sorted rows of each part.

    Example:

    >>> rows = np.array([[0, 1], [1, 1], [0, 1], [1, 1]])
    >>> [rows[part].sum(axis=0).tolist()
    ...  for part in split_labelled_rows(rows, (0.5, 0.5), np.random.default_rng(0))]
    [[1, 2], [1, 2]]

    Reference: Sechidis, Tsoumakas and Vlahavas 2011, On the stratification of multi-label data.
    """
    shares = np.array([*fractions, max(0.0, 1 - sum(fractions))])  # the last is of rows in no part
    labels = labels.astype(bool)
    room, missing = shares * len(labels), np.outer(shares, labels.sum(axis=0))
    part_of = np.full(len(labels), -1)
    while (waiting := generator.permutation(np.flatnonzero(part_of < 0))).size:
        left = labels[waiting].sum(axis=0)
        label = np.where(left > 0, left, np.inf).argmin() if left.any() else None
        for row in waiting if label is None else waiting[labels[waiting, label]]:
            lacks = room if label is None else missing[:, label]
            part = np.lexsort((generator.random(len(shares)), room, lacks))[-1]
            part_of[row] = part
            room[part] -= 1
            missing[part, labels[row]] -= 1
    return [np.flatnonzero(part_of == part).tolist() for part in range(len(fractions))]


def split_groups(classes, groups, fractions, generator):
    """Splits rows at random so that rows of one group stay together.

    The largest groups go first, each to the part whose classes it brings nearest to their shares.

    Args:
        classes: `(rows,)` class indices; all 0 where classes do not matter. Where a row may belong
            to several or none: `(rows, classes)` zeros and ones.
        groups: `(rows,)` group indices.
        fractions: shares of the rows, at most 1 in sum.
        generator: a `numpy.random.Generator`.

    Returns:
        A list with the sorted rows of each part.

    Example:

    >>> rows = np.zeros(4, int), np.array([0, 1, 0, 1]), (0.5, 0.5)
    >>> split_groups(*rows, np.random.default_rng(0))
    [[0, 2], [1, 3]]
    """
    if classes.ndim == 1:
        counts = np.zeros((groups.max() + 1, classes.max() + 1))
        np.add.at(counts, (groups, classes), 1)
    else:  # the last column counts the rows themselves
        counts = np.zeros((groups.max() + 1, classes.shape[1] + 1))
        np.add.at(counts, groups, np.pad(classes, [(0, 0), (0, 1)], constant_values=1))
    sizes = np.maximum(counts.sum(axis=0), 1)
    shares = [*fractions, max(0.0, 1 - sum(fractions))]  # the last is of rows in no part
    missing = np.outer(shares, sizes)
    part_of = np.zeros(len(counts), int)
    order = generator.permutation(len(counts))
    for group in order[np.argsort(-np.bincount(groups)[order], kind="stable")]:
        costs = (((missing - counts[group]) ** 2 - missing**2) / sizes**2).sum(axis=1)
        part_of[group] = costs.argmin()
        missing[part_of[group]] -= counts[group]
    return [np.flatnonzero(part_of[groups] == part).tolist() for part in range(len(fractions))]


def _shares(quotas, total, available, generator):
    """Whole numbers next to `quotas` that sum to `total`, none above `available`.

    The largest remainders are rounded up first, ties at random.
    """
    counts = np.minimum(np.floor(quotas + 1e-9).astype(int), available)
    order = np.lexsort((generator.random(len(quotas)), -(quotas - counts)))
    while counts.sum() < total:
        for group in order:
            if counts.sum() < total and counts[group] < available[group]:
                counts[group] += 1
    return counts
