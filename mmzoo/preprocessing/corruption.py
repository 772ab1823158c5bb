"""Corruptions: what may be wrong with values that can still be read."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mmzoo.utils.optional_packages import require


class Corruption(NamedTuple):
    """One way in which values of a modality may be worse than those that were trained on.

    Args:
        change: function of a decoded value (arrays, or what structure of arrays `decode_value`
            makes), a strength and a `np.random.Generator`; returns a value of the same structure,
            shapes and dtypes. What it draws does not depend on the strength, so that a stronger
            corruption is the same one, only more.
        strengths: those that `mmzoo.robustness` tries, the weakest first.
        shown: what a table says of a strength, such as `"{:g} dB"` or `"{:.0%} of letters"`.

    Example:

    >>> louder = Corruption(lambda value, strength, generator: value * strength, (2.0,), "x {:g}")
    >>> louder.change(np.ones(2), 2.0, None).tolist(), louder.describe(2.0)
    ([2.0, 2.0], 'x 2')
    """

    change: Callable
    strengths: tuple
    shown: str

    def describe(self, strength):
        """What a table says of a strength."""
        return self.shown.format(strength).replace("%", " %")


def noisy_pixels(pixels, deviation, generator):
    """Adds normal noise to pixels.

    Args:
        pixels: array of values 0-255.
        deviation: standard deviation, as a share of 255.
        generator: `np.random.Generator`.

    Returns:
        An array of the same shape and dtype.

    Reference: Hendrycks and Dietterich 2019, arXiv 1903.12261.
    """
    noise = generator.standard_normal(pixels.shape, "float32")
    return np.clip(np.round(pixels + 255 * deviation * noise), 0, 255).astype(pixels.dtype)


def blurred_pixels(pixels, deviation):
    """Blurs pictures with a Gaussian.

    Args:
        pixels: `(..., height, width, channels)` array.
        deviation: standard deviation, as a share of the shorter side.

    Returns:
        An array of the same shape and dtype.
    """
    sigma = deviation * min(pixels.shape[-3:-1])
    sigmas = (0,) * (pixels.ndim - 3) + (sigma, sigma, 0)
    filters = require("scipy.ndimage", extra="report")
    blurred = filters.gaussian_filter(pixels.astype("float32"), sigmas, mode="nearest")
    return np.round(blurred).astype(pixels.dtype)


def noisy_numbers(numbers, decibels, generator):
    """Adds white noise of a signal-to-noise ratio.

    Args:
        numbers: array of floats; NaN is left out of its power, and stays.
        decibels: power of the numbers over that of the noise.
        generator: `np.random.Generator`.

    Returns:
        An array of the same shape and dtype.

    Example:

    >>> noisy_numbers(np.zeros(3), 10, np.random.default_rng(0)).tolist()
    [0.0, 0.0, 0.0]
    """
    noise = generator.standard_normal(numbers.shape)
    squares = np.square(numbers[~np.isnan(numbers)], dtype="float64")
    power = squares.mean() if squares.size else 0.0
    return (numbers + noise * np.sqrt(power * 10 ** (-decibels / 10))).astype(numbers.dtype)


def mistyped(text, share, generator, keeps_length=False):
    """A text with typing errors: two letters swapped, one left out, one too many, another one.

    Only letters and digits are typed wrongly, so words stay apart. Wrong letters are letters of
    the same text, so that it stays in its script.

    Args:
        text: a string.
        share: of letters and digits, in [0, 1].
        generator: `np.random.Generator`.
        keeps_length: whether letters are only swapped and replaced.

    Returns:
        A string.

    Reference: Belinkov and Bisk 2018, arXiv 1711.02173.

    Example:

    >>> mistyped("the quick brown fox", 0.2, np.random.default_rng(3))
    'hte quick brown fx'
    """
    letters = [character for character in text if character.isalnum()]
    typed, place = [], 0
    for_each = generator.random((len(text), 3))
    while place < len(text):
        character, (chance, kind, which) = text[place], for_each[place]
        place += 1
        if chance >= share or not character.isalnum():
            typed.append(character)
            continue
        other = letters[int(which * len(letters))]
        followed = text[place : place + 1].isalnum()
        kind = ("swap", "replace", "drop", "insert")[int(kind * (2 if keeps_length else 4))]
        if kind == "swap" and followed:
            typed += [text[place], character]
            place += 1
        elif kind == "drop" and (followed or (typed and typed[-1].isalnum())):
            continue
        elif kind == "insert":
            typed += [character, other]
        else:
            typed.append(other)
    return "".join(typed)
