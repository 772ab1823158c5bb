"""Which targets made the labels of a dataset."""

import weakref

from mmzoo.keras_compat import input_datasets

_TARGETS = weakref.WeakKeyDictionary()
_SOURCES = weakref.WeakKeyDictionary()


def remember_targets(dataset, targets):
    """Notes the targets that encoded the labels of a `tf.data.Dataset`.

    Args:
        dataset: the dataset.
        targets: dict from the name of an answer to its target.

    Returns:
        The dataset.
    """
    _TARGETS[dataset] = targets
    return dataset


def targets_of_dataset(dataset):
    """The targets that encoded the labels of a dataset, or of one that it was made from.

    Args:
        dataset: a `tf.data.Dataset`, or anything else.

    Returns:
        Dict from the name of an answer to its target; `None` where it is not known.
    """
    waiting = [dataset]
    while waiting:
        dataset = waiting.pop()
        try:
            known = _TARGETS.get(dataset)
        except TypeError:  # nothing that a weak reference can be made to
            known = None
        if known is not None:
            return known
        waiting += input_datasets(dataset)
    return None


def remember_source(dataset, records, preprocessor):
    """Notes the rows that are in a `tf.data.Dataset`.

    Args:
        dataset: the dataset.
        records: the `mmzoo.data.Records` that it was made from.
        preprocessor: the `mmzoo.Preprocessor` that made it.

    Returns:
        The dataset.
    """
    _SOURCES[dataset] = records, preprocessor
    return dataset


def source_of_dataset(dataset):
    """What `remember_source` noted of this dataset, not of one that it was made from.

    Returns:
        `(records, preprocessor)`; `None` where it is not known.
    """
    try:
        return _SOURCES.get(dataset)
    except TypeError:  # nothing that a weak reference can be made to
        return None


def check_labels(targets, dataset):
    """Raises a `ValueError` where a dataset's labels are other classes than those of the heads.

    Args:
        targets: dict from the name of an answer to the target of its head.
        dataset: as for `targets_of_dataset`.
    """
    made_by = targets_of_dataset(dataset) or {}
    for name, target in targets.items():
        target.check_fits(made_by.get(name))
