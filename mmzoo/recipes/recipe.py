"""What a recipe is made of."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What `build_model` needs to know of a model.

    Args:
        name: the recipe's name; the model is called so.
        inputs: dict from modality name to modality.
        fusion: fusion block: name, config dict or instance.
        head: head: name, config dict or instance.

    Example:

    >>> import mmzoo
    >>> text = mmzoo.Text(length=8, vocabulary_size=100)
    >>> recipe = Recipe("captions", {"text": text}, "concat", "sigmoid")
    >>> mmzoo.build_model(recipe).name
    'captions'
    """

    name: str
    inputs: Mapping[str, Any]
    fusion: Any
    head: Any


def part(name, **config):
    """The config dict of a registered encoder, fusion block or head.

    Example:

    >>> part("cnn", filters=[16, 32])
    {'class_name': 'cnn', 'config': {'filters': [16, 32]}}
    """
    return {"class_name": name, "config": config}
