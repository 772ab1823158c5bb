"""Heads: one linear layer and its activation, with the loss and metrics that belong to it."""

import re

import numpy as np

from mmzoo.heads.answering_model import answering_model, inputs_of
from mmzoo.heads.box import Box
from mmzoo.heads.box_loss import BoxLoss
from mmzoo.heads.head import Head
from mmzoo.heads.losses import SigmoidCrossentropy, SoftmaxCrossentropy
from mmzoo.heads.mask import Mask
from mmzoo.heads.mask_loss import MaskLoss
from mmzoo.heads.mean_overlap import MeanOverlap
from mmzoo.heads.of_model import has_heads, heads_of, keep_calibrations, targets_of
from mmzoo.heads.regression import Regression
from mmzoo.heads.rows_left_out import RowsLeftOut
from mmzoo.heads.sigmoid import Sigmoid
from mmzoo.heads.softmax import Softmax
from mmzoo.heads.standardized_loss import StandardizedSquaredError
from mmzoo.heads.tag_accuracy import TagAccuracy
from mmzoo.heads.tags import Tags
from mmzoo.heads.tags_loss import TagsLoss
from mmzoo.heads.token_accuracy import TokenAccuracy
from mmzoo.heads.token_crossentropy import TokenCrossentropy
from mmzoo.heads.transcript import Transcript
from mmzoo.heads.transcript_loss import TranscriptLoss
from mmzoo.heads.transcript_match import TranscriptMatch
from mmzoo.heads.words import Words
from mmzoo.utils.identifiers import check_serializable, resolve
from mmzoo.utils.identifiers import register as add

#: The registered heads: name -> class.
HEADS = {
    "softmax": Softmax,
    "sigmoid": Sigmoid,
    "regression": Regression,
    "box": Box,
    "mask": Mask,
    "tags": Tags,
    "transcript": Transcript,
    "words": Words,
}


def names():
    """The registered names, sorted.

    Example:

    >>> names()
    ['box', 'mask', 'regression', 'sigmoid', 'softmax', 'tags', 'transcript', 'words']
    """
    return sorted(HEADS)


def register(name, head=None):
    """Gives a head from outside a name, which `build_model(head=...)` then takes.

    Args:
        name: the name.
        head: a subclass of `Head`, registered with Keras; `None`: a decorator is returned.

    Returns:
        The class, or the decorator.

    Raises:
        TypeError: when it is no head.
        ValueError: when the name is impossible or taken, or Keras could not load the head.

    Example:

    >>> register("softmax", Softmax) is HEADS["softmax"]
    True
    """
    return add(HEADS, "head", name, head, lambda cls: check_serializable("head", cls, Head))


def get(identifier):
    """Turns a string, config dict or instance into a head.

    Args:
        identifier: a name of `names()`, a config dict, or a `Head`.

    Returns:
        A `Head`.

    Raises:
        ValueError: for an unknown name; the message lists the known ones and the nearest.
        TypeError: for anything that is not an identifier.

    Example:

    >>> get({"class_name": "softmax", "config": {"units": 3}}).units
    3
    """
    return resolve(identifier, HEADS, "head", Head, name="head")


def for_labels(column):
    """The head that fits labels, where nobody says which.

    Args:
        column: `mmzoo.targets.label_column.LabelColumn`.

    Returns:
        `Softmax` for classes, `Sigmoid` for rows of zeros and ones, `Regression` for other numbers.

    Raises:
        ValueError: for labels that are contents of files, or lists of tags.
    """
    labels, names = column.labels, column.class_names
    if column.is_classes:
        return Softmax(class_names=names)
    if isinstance(labels, list):
        raise ValueError("The labels are files, or lists. Name the head that answers with such.")
    there = labels[~np.isnan(labels.reshape(len(labels), -1)).any(axis=1)]
    if labels.ndim == 2 and np.isin(there, (0, 1)).all():
        return Sigmoid(units=labels.shape[1], class_names=names)
    return Regression(units=1 if labels.ndim == 1 else labels.shape[1])


def are_several(head):
    """Whether it is a dict of heads by the name of their answer, rather than one head's config."""
    return isinstance(head, dict) and "class_name" not in head


def by_answer(head):
    """The heads of a model by the names of their answers.

    Args:
        head: an identifier of a head, or a dict of such by the name of an answer; `None`: none.

    Returns:
        Dict from the name of an answer to its `Head`; the name of an only one is `"head"`.

    Raises:
        ValueError: for an impossible name of an answer, an unknown name of a head.

    Example:

    >>> sorted(by_answer({"kind": Softmax(units=3), "price": "regression"}))
    ['kind', 'price']
    """
    if head is None:
        return {}
    if not are_several(head):
        return {"head": get(head)}
    for name in head:
        if not isinstance(name, str) or not re.fullmatch("[a-z][a-z0-9_]*", name) or name == "head":
            raise ValueError(
                f"The name of an answer must match [a-z][a-z0-9_]* and not be 'head'; received: "
                f"{name!r}."
            )
    if not head:
        raise ValueError("The dict of heads is empty.")
    return {name: get(each) for name, each in head.items()}


__all__ = [
    "HEADS",
    "Box",
    "BoxLoss",
    "Head",
    "Mask",
    "MaskLoss",
    "MeanOverlap",
    "Regression",
    "RowsLeftOut",
    "Sigmoid",
    "SigmoidCrossentropy",
    "Softmax",
    "SoftmaxCrossentropy",
    "StandardizedSquaredError",
    "TagAccuracy",
    "Tags",
    "TagsLoss",
    "TokenAccuracy",
    "TokenCrossentropy",
    "Transcript",
    "TranscriptLoss",
    "TranscriptMatch",
    "Words",
    "answering_model",
    "are_several",
    "by_answer",
    "for_labels",
    "get",
    "has_heads",
    "heads_of",
    "inputs_of",
    "keep_calibrations",
    "names",
    "register",
    "targets_of",
]
