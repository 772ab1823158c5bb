"""The mean and deviation of a column of numbers, whatever their size."""

import math

import numpy as np

#: Below that a processor may take numbers for 0.
SMALLEST = 1e-290
#: What rounding leaves of a column of equal numbers: so many units in their last place, for a row,
#: growing with the square root of the number of rows.
ROUNDING = 4 * np.finfo("float64").eps


def mean_and_deviation(numbers):
    """What a column is normalised by.

    Args:
        numbers: float64 array, not empty, of finite numbers.

    Returns:
        `(mean, deviation, is_constant)`. Of a column that is constant up to rounding, the deviation
        is 1, or what can be told from the mean at all in float32.

    Example:

    >>> mean_and_deviation(np.array([1.0, 3.0]))
    (2.0, 1.0, False)
    >>> mean_and_deviation(np.full(60, 0.1))
    (0.1, 1.0, True)
    >>> mean_and_deviation(np.array([1e300, -1e300]))
    (0.0, 1e+300, False)
    """
    largest = float(np.abs(numbers).max())
    _, exponent = math.frexp(largest)
    # Squares of the numbers themselves could be infinite, or 0; a power of two rounds nothing.
    scaled = np.ldexp(numbers, -exponent)
    mean = float(np.ldexp(scaled.mean(), exponent))
    deviation = float(np.ldexp(scaled.std(), exponent))
    if deviation > max(SMALLEST, ROUNDING * math.sqrt(len(numbers)) * largest):
        return mean, deviation, False
    if numbers.min() == numbers.max():
        mean = float(numbers[0])
    return mean, max(1.0, abs(mean) * 2.0**-24), True
