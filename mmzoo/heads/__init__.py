"""Heads: one linear layer and its activation, with the loss and metrics that belong to it."""

from mmzoo.heads.head import Head
from mmzoo.heads.losses import SigmoidCrossentropy, SoftmaxCrossentropy
from mmzoo.heads.regression import Regression
from mmzoo.heads.sigmoid import Sigmoid
from mmzoo.heads.softmax import Softmax
from mmzoo.utils.identifiers import resolve

#: The registered heads: name -> class.
HEADS = {
    "softmax": Softmax,
    "sigmoid": Sigmoid,
    "regression": Regression,
}


def names():
    """The registered names, sorted.

    Example:

    >>> names()
    ['regression', 'sigmoid', 'softmax']
    """
    return sorted(HEADS)


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


__all__ = [
    "HEADS",
    "Head",
    "Regression",
    "Sigmoid",
    "SigmoidCrossentropy",
    "Softmax",
    "SoftmaxCrossentropy",
    "get",
    "names",
]
