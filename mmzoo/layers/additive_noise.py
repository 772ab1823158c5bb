"""Noise on sound in training."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mmzoo")
class AdditiveNoise(keras.layers.Layer):
    """Adds white noise to sound, row by row, in training only.

    Each row draws its ratio of signal to noise, uniformly in decibels; a silent row stays silent.

    Args:
        lowest_ratio: least ratio of the signal's power to the noise's, in dB.
        highest_ratio: largest ratio, in dB.
        seed: of the draws; `None`: Keras's global one.

    Call arguments:
        waveform: `(B, samples)` float.
        mask: `(B, samples)` bool, `True` where a sample is valid; only there is noise added.
            `None`: everywhere.
        training: whether to add noise.

    Returns:
        `(B, samples)`.

    Raises:
        ValueError: where the lowest ratio is above the highest.

    Example:

    >>> import numpy as np
    >>> waveform = np.sin(np.arange(1000.0, dtype="float32"))[None]
    >>> noisy = AdditiveNoise(20, 20, seed=0)(waveform, np.ones((1, 1000), bool), training=True)
    >>> bool(0.05 < np.std(noisy - waveform) < 0.1)  # a tenth of 0.71
    True
    """

    def __init__(self, lowest_ratio=10.0, highest_ratio=40.0, seed=None, **kwargs):
        super().__init__(autocast=False, **kwargs)  # half precision would round the samples
        if lowest_ratio > highest_ratio:
            raise ValueError(
                f"`lowest_ratio` must not be above `highest_ratio`; received: {lowest_ratio!r} and "
                f"{highest_ratio!r}."
            )
        self.lowest_ratio = lowest_ratio
        self.highest_ratio = highest_ratio
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, waveform, mask=None, training=None):
        if not training:
            return waveform
        waveform = ops.cast(waveform, "float32")
        if mask is None:
            mask = ops.ones_like(waveform, dtype="bool")
        power = ops.sum(ops.where(mask, ops.square(waveform), 0.0), axis=1, keepdims=True)
        power = power / ops.maximum(ops.sum(ops.cast(mask, "float32"), axis=1, keepdims=True), 1.0)
        ratios = keras.random.uniform(
            (ops.shape(waveform)[0], 1), self.lowest_ratio, self.highest_ratio, dtype="float32",
            seed=self.seed_generator,
        )  # fmt: skip
        noise = keras.random.normal(ops.shape(waveform), dtype="float32", seed=self.seed_generator)
        noise = noise * ops.sqrt(power * 10 ** (-ratios / 10))
        return waveform + ops.where(mask, noise, 0.0)

    def get_config(self):
        return {
            **super().get_config(),
            "lowest_ratio": self.lowest_ratio,
            "highest_ratio": self.highest_ratio,
            "seed": self.seed,
        }
