"""layerwise_multipliers(): how fast each layer learns, from its depth or from its name."""

import math
import numbers
import re

from mmzoo.training.fine_tuning.branches import branches_of, layers_with_weights
from mmzoo.utils.identifiers import unknown


class LayerwiseMultipliers:
    """A factor of the learning rate for each of some weights.

    Args:
        weights: list of `keras.Variable`.
        factors: list of as many numbers.

    Call arguments:
        weight: one of `weights`.

    Returns:
        Its factor.

    Raises:
        ValueError: for any other weight.
    """

    def __init__(self, weights, factors):
        self.weights = list(weights)
        self._factors = {id(w): float(f) for w, f in zip(self.weights, factors, strict=True)}

    def __call__(self, weight):
        if id(weight) not in self._factors:
            raise ValueError(
                f"There is no learning-rate multiplier for {weight.path!r}. Compile the model "
                "again, with `multipliers=mmzoo.training.layerwise_multipliers(model, ...)`."
            )
        return self._factors[id(weight)]

    def of_trainable(self):
        """List of the factors of the weights that are trainable now."""
        return [self(weight) for weight in self.weights if weight.trainable]


def layerwise_multipliers(model, decay=0.9, patterns=None):
    """Multipliers of the learning rate that fall from the top of each encoder to its bottom.

    Head and fusion, which are new where the encoders are pretrained, learn at the full rate; the
    top layer of an encoder at `decay` of it, the next at `decay ** 2`, and so on. A layer is what
    the table of `mmzoo.branch_table` counts: a transformer block is one. Networks of a hundred
    layers need a `decay` near 1.

    Args:
        model: what `mmzoo.build_model` returned. Frozen weights have multipliers, too, for when
            they will be trained.
        decay: factor from layer to layer, over 0 and up to 1; or a dict of factors by modality,
            where the others keep the full rate.
        patterns: dict from regular expression to multiplier, from 0 on, which replaces that of the
            weights in whose path it is found; the last one that is found counts. Paths start with
            the names of the model's layers: `"image_encoder/block_0/attention/query/kernel"`.

    Returns:
        `LayerwiseMultipliers`, for `mmzoo.training.LayerwiseAdamW`.

    Raises:
        ValueError: for numbers out of range, an unknown modality, or a pattern that is found in no
            path.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="transformer")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> multipliers = layerwise_multipliers(model, decay=0.5, patterns={"^head/.*bias": 2.0})
    >>> multipliers(model.get_layer("text_encoder").norm.gamma)
    0.5
    >>> multipliers(model.get_layer("text_encoder").embedding.embeddings)
    0.0625

    Reference: Howard and Ruder 2018, arXiv 1801.06146 (discriminative fine-tuning); Clark et al.
    2020, 2003.10555; Bao et al. 2021, 2106.08254 (layer-wise decay).
    """
    found = branches_of(model)
    encoders = {name: roots for name, roots in found.items() if name not in ("fusion", "head")}
    decays = decay if isinstance(decay, dict) else dict.fromkeys(encoders, decay)
    for name, factor in decays.items():
        if name not in encoders:
            raise unknown("modality in `decay`", name, encoders)
        if not _is_number(factor) or not 0 < factor <= 1:
            raise ValueError(f"`decay` takes numbers over 0 and up to 1; received: {factor!r}.")
    factors = {id(weight): 1.0 for weight in model.weights}
    for name, factor in decays.items():
        layers = layers_with_weights(encoders[name])
        for depth, (_, weights) in enumerate(reversed(layers), start=1):
            factors.update((id(weight), factor**depth) for weight in weights)
    paths = [
        (_path(root, weight), weight)
        for roots in found.values()
        for root in roots
        for weight in root.weights
    ]
    for pattern, factor in (patterns or {}).items():
        if not _is_number(factor) or not 0 <= factor < math.inf:
            raise ValueError(
                f"`patterns` takes multipliers from 0 on; received for {pattern!r}: {factor!r}."
            )
        matching = [weight for path, weight in paths if re.search(pattern, path)]
        if not matching:
            raise ValueError(
                f"The pattern {pattern!r} is found in no path of a weight. Paths are such as: "
                f"{', '.join(path for path, _ in paths[:: max(1, len(paths) // 5)])}."
            )
        factors.update((id(weight), factor) for weight in matching)
    return LayerwiseMultipliers(model.weights, [factors[id(w)] for w in model.weights])


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _path(root, weight):
    """The path of a weight, which for one inside a foreign network lacks the encoder's name."""
    start = f"{root.name}/"
    return weight.path if weight.path.startswith(start) else start + weight.path
