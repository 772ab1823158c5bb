"""Masking bands of a spectrogram in training."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mmzoo")
class SpecAugment(keras.layers.Layer):
    """Sets random stretches of time and bands of frequency to zero, row by row, in training only.

    A stretch is up to `time_fraction` of the row's valid frames long, a band up to
    `frequency_fraction` of the bins wide, each uniformly and at a uniform place. Zero is the mean
    of standardised frames. Time is not warped, which the paper found to matter least.

    Args:
        time_masks: number of stretches.
        time_fraction: longest stretch, as a share of the valid frames.
        frequency_masks: number of bands.
        frequency_fraction: widest band, as a share of the bins.
        seed: of the draws; `None`: Keras's global one.

    Call arguments:
        frames: `(B, T, bins)` float.
        mask: `(B, T)` bool, `True` where a frame is valid; valid frames come first.
            `None`: all are.
        training: whether to mask.

    Returns:
        `(B, T, bins)`.

    Raises:
        ValueError: for a fraction outside [0, 1].

    Example:

    >>> import numpy as np
    >>> frames, mask = np.ones((2, 50, 16), "float32"), np.ones((2, 50), bool)
    >>> augmented = SpecAugment(seed=0)(frames, mask, training=True)
    >>> float(keras.ops.min(augmented)), float(keras.ops.max(augmented))
    (0.0, 1.0)

    Reference: Park et al. 2019, arXiv 1904.08779; stretches by length: 2019, 1912.05533.
    """

    def __init__(
        self,
        time_masks=2,
        time_fraction=0.15,
        frequency_masks=2,
        frequency_fraction=0.2,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for fraction in (time_fraction, frequency_fraction):
            if not 0 <= fraction <= 1:
                raise ValueError(f"Fractions must be from 0 to 1; received: {fraction!r}.")
        self.time_masks = time_masks
        self.time_fraction = time_fraction
        self.frequency_masks = frequency_masks
        self.frequency_fraction = frequency_fraction
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, frames, mask=None, training=None):
        if not training:
            return frames
        rows, length, bins = ops.shape(frames)
        if mask is None:
            lengths = ops.full((rows,), float(length))
        else:
            lengths = ops.sum(ops.cast(mask, "float32"), axis=1)
        widths = ops.full((rows,), float(bins))
        hidden = (
            self._covered(length, lengths, self.time_masks, self.time_fraction)[:, :, None]
            | self._covered(bins, widths, self.frequency_masks, self.frequency_fraction)[:, None]
        )
        return ops.where(hidden, ops.zeros_like(frames), frames)

    def _covered(self, size, lengths, count, fraction):
        """What `count` random intervals cover of the first `lengths` of `size` places.

        Args:
            size: number of places.
            lengths: `(B,)` float32.
            count: number of intervals.
            fraction: longest interval, as a share of `lengths`.

        Returns:
            `(B, size)` bool.
        """
        shape = (2, ops.shape(lengths)[0], count)
        draws = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        widths = ops.round(draws[0] * fraction * lengths[:, None])
        starts = ops.floor(draws[1] * (lengths[:, None] - widths + 1))
        places = ops.arange(size, dtype="float32")[:, None]
        inside = (places >= starts[:, None]) & (places < (starts + widths)[:, None])
        return ops.any(inside, axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "time_masks": self.time_masks,
            "time_fraction": self.time_fraction,
            "frequency_masks": self.frequency_masks,
            "frequency_fraction": self.frequency_fraction,
            "seed": self.seed,
        }
