"""Dropping whole modalities in training."""

import keras
from keras import ops

from mmzoo.layers.composite_layer import CompositeLayer


@keras.saving.register_keras_serializable(package="mmzoo")
class ModalityDropout(CompositeLayer):
    """Marks present modalities as absent at random, row by row, in training only.

    A model that never missed an input in training does not know what to do without it. Given to
    `mmzoo.build_model` as `modality_dropout=`. A dropped modality is an absent one in every
    respect: its content has no influence, and its learned absent token stands in.

    Args:
        rate: probability to drop a modality: one for all, or a dict by modality name (others are
            not dropped).
        keep_one: whether a row keeps at least one of the modalities it has: where all were drawn,
            one of them, each as likely, stays. So less is dropped than `rate` says: of two
            modalities at 0.5 each in 3 of 8 rows. `False` is right where the model has another
            input that is always there.
        seed: of the draws; `None`: Keras's global one.

    Call arguments:
        present: dict from modality name to `(B,)` bool.
        training: whether to drop.

    Returns:
        Dict of `(B,)` bool, each `present` or less.

    Raises:
        ValueError: for a rate outside [0, 1], or of a modality that is not there.

    Example:

    >>> import numpy as np
    >>> present = {"image": np.ones(4, bool), "text": np.ones(4, bool)}
    >>> kept = ModalityDropout(0.9)(present, training=True)
    >>> bool(np.all(np.array(kept["image"]) | np.array(kept["text"])))
    True

    Reference: Neverova et al. 2014, arXiv 1501.00102 (ModDrop).
    """

    def __init__(self, rate=0.2, keep_one=True, seed=None, **kwargs):
        super().__init__(**kwargs)
        for value in rate.values() if isinstance(rate, dict) else (rate,):
            if not 0 <= value <= 1:
                raise ValueError(f"`rate` must be from 0 to 1; received: {rate!r}.")
        self.rate = dict(rate) if isinstance(rate, dict) else rate
        self.keep_one = keep_one
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, present, training=None):
        names = sorted(present)
        rates = self.rate if isinstance(self.rate, dict) else dict.fromkeys(names, self.rate)
        unknown = sorted(set(rates) - set(names))
        if unknown:
            raise ValueError(
                f"Only optional modalities can be dropped; `rate` names {unknown}, and those are "
                f"{names}."
            )
        if not training:
            return dict(present)
        there = ops.stack([present[name] for name in names], axis=1)
        draws = keras.random.uniform(ops.shape(there), seed=self.seed_generator)
        limits = ops.convert_to_tensor([float(rates.get(name, 0)) for name in names])
        kept = there & (draws >= limits)
        if self.keep_one:
            # Where none is left, each draw is uniform below its rate; the relatively highest stays.
            relative = draws / ops.maximum(limits, 1e-9)
            highest = ops.argmax(ops.where(there, relative, -1.0), axis=1)
            stays = ops.cast(ops.one_hot(highest, len(names)), "bool") & there
            kept = kept | (stays & ~ops.any(kept, axis=1, keepdims=True))
        return {name: kept[:, i] for i, name in enumerate(names)}

    def get_config(self):
        return {
            **super().get_config(),
            "rate": self.rate,
            "keep_one": self.keep_one,
            "seed": self.seed,
        }
