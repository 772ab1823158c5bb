"""The reductions over tokens, against NumPy."""

import numpy as np
import pytest
from keras import ops

from mmzoo import layers

TOKENS = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], bool)


@pytest.mark.parametrize("length", [5, 1])
@pytest.mark.parametrize(
    ("reduce", "expected"),
    [
        (layers.masked_mean, lambda valid: valid.mean(axis=0)),
        (layers.masked_max, lambda valid: valid.max(axis=0)),
        (layers.last_token, lambda valid: valid[-1]),
    ],
)
def test_reductions(reduce, expected, length):
    tokens, mask = TOKENS[:, :length], MASK[:, :length]
    result = ops.convert_to_numpy(reduce(tokens, mask))
    for row in (0, 1):
        np.testing.assert_allclose(result[row], expected(tokens[row][mask[row]]), rtol=1e-6)
    without = tokens[2, 0] if reduce is layers.last_token else np.zeros(4)
    np.testing.assert_array_equal(result[2], without)


def test_nan_in_padding_does_not_leak():
    tokens = np.where(MASK[..., None], TOKENS, np.nan).astype("float32")
    for reduce in (layers.masked_mean, layers.masked_max, layers.flatten_tokens):
        assert np.isfinite(ops.convert_to_numpy(reduce(tokens, MASK))).all()


def test_mean_of_many_half_precision_tokens_does_not_overflow():
    tokens = ops.cast(np.full((1, 4096, 1), 100.0), "float16")
    mean = layers.masked_mean(tokens, np.ones((1, 4096), bool))
    assert float(ops.convert_to_numpy(mean)[0, 0]) == 100.0
