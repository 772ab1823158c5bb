"""Targets: what a raw label is, and what a prediction becomes. The mirror image of modalities."""

import numpy as np

from mmzoo.targets.box_in_picture import BoxInPicture
from mmzoo.targets.class_target import ClassTarget
from mmzoo.targets.mask_of_picture import MaskOfPicture
from mmzoo.targets.numbers import Numbers
from mmzoo.targets.one_class import OneClass
from mmzoo.targets.several_classes import SeveralClasses
from mmzoo.targets.tags_of_words import TagsOfWords
from mmzoo.targets.target import Target
from mmzoo.targets.text_target import TextTarget
from mmzoo.targets.transcribed_text import TranscribedText
from mmzoo.targets.values import Values
from mmzoo.targets.yes_no import YesNo
from mmzoo.utils.identifiers import check_serializable
from mmzoo.utils.identifiers import register as add

#: The registered targets: kind -> class.
TARGETS = {
    target.kind: target
    for target in (
        Values,
        Numbers,
        OneClass,
        YesNo,
        SeveralClasses,
        BoxInPicture,
        MaskOfPicture,
        TagsOfWords,
        TranscribedText,
        TextTarget,
    )
}


def names():
    """The registered kinds, sorted.

    Example:

    >>> "class" in names()
    True
    """
    return sorted(TARGETS)


def register(target):
    """Makes a target from outside known by its kind; a head's `target()` needs no registration.

    Args:
        target: a subclass of `Target` with a `kind` of its own, registered with Keras.

    Returns:
        The class, so that this can be a decorator.

    Raises:
        TypeError: when it is no target.
        ValueError: when its kind is taken, is no name, or Keras could not load it.

    Example:

    >>> register(OneClass) is TARGETS["class"]
    True
    """

    def check(target):
        check_serializable("target", target, Target)

    check(target)
    return add(TARGETS, "kind of target", target.kind, target, check)


def of_labels(labels, class_names):
    """The target that labels suggest, where no head says what they are.

    Args:
        labels: labels as `mmzoo.data.Records` keeps them.
        class_names: names of the classes, or `None`.

    Returns:
        A `Target` that has learned from them.

    Example:

    >>> of_labels(["b", "a"], ["a", "b"]).kind, of_labels(np.array([0.5, 2.0]), None).kind
    ('class', 'numbers')
    """
    if isinstance(labels, list):
        return OneClass(class_names)
    if labels.ndim == 2 and (class_names is not None or np.isin(labels, (0, 1)).all()):
        return SeveralClasses(class_names, labels.shape[1])
    target = Numbers(1 if labels.ndim == 1 else labels.shape[1])
    target.adapt(labels)
    return target


__all__ = [
    "TARGETS",
    "BoxInPicture",
    "ClassTarget",
    "MaskOfPicture",
    "Numbers",
    "OneClass",
    "SeveralClasses",
    "TagsOfWords",
    "Target",
    "TextTarget",
    "TranscribedText",
    "Values",
    "YesNo",
    "names",
    "of_labels",
    "register",
]
