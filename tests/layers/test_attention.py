"""Our attention against Keras's: the same numbers and gradients, by other kernels."""

import keras
import numpy as np
import pytest
from keras import ops

from mmzoo.layers import MultiHeadAttention
from tests.layers.test_properties import gradients

QUERIES, KEYS, WIDTH = 5, 6, 8
VALID = np.arange(KEYS) < np.array([6, 4, 1, 0])[:, None]  # the last row may attend to nothing
MASKS = {
    "padding": np.repeat(VALID[:, None], QUERIES, axis=1),
    "each query": np.random.default_rng(2).random((4, QUERIES, KEYS)) < 0.6,
}


def model_of(layer, masked):
    """A model of a query and a value, and a mask, with fixed weights."""
    x = [keras.Input((length, WIDTH)) for length in (QUERIES, KEYS)]
    mask = keras.Input((QUERIES, KEYS), dtype="bool")
    model = keras.Model(
        [*x, mask] if masked else x, layer(*x, attention_mask=mask if masked else None)
    )
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(0, 0.3, w.shape) for w in model.get_weights()])
    model.compile(loss="mse")
    return model


def data(mask):
    generator = np.random.default_rng(0)
    x = [generator.normal(size=(4, length, WIDTH)).astype("float32") for length in (QUERIES, KEYS)]
    return x if mask is None else [*x, mask]


@pytest.fixture(params=["this backend", "fused"])
def way(request, monkeypatch):
    """How attention is computed here, and how on JAX, which any backend can do."""
    if request.param == "fused":
        monkeypatch.setattr(MultiHeadAttention, "fused", property(lambda self: True))


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("mask", [None, *MASKS.values()], ids=["no mask", *MASKS])
def test_numbers_and_gradients_are_those_of_keras(way, mask, dtype):
    if dtype == "mixed_float16" and keras.backend.backend() == "jax":
        pytest.skip("JAX has no float16 products on a CPU")
    x, y = data(mask), np.ones((4, QUERIES, WIDTH), "float32")
    theirs = model_of(keras.layers.MultiHeadAttention(2, 3), mask is not None)
    ours = model_of(MultiHeadAttention(2, 3, dtype=dtype), mask is not None)
    tolerance = 1e-5 if dtype == "float32" else 0.05
    expected, found = (ops.convert_to_numpy(ops.cast(m(x), "float32")) for m in (theirs, ours))
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=tolerance)
    expected, found = (list(gradients(m, x, y).values()) for m in (theirs, ours))
    assert len(found) == 8
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance, rtol=tolerance)


def test_large_float16_values_do_not_overflow():
    if keras.backend.backend() == "jax":
        pytest.skip("JAX has no float16 products on a CPU")
    from mmzoo.layers.multi_head_attention import _by_matrix_products

    tokens = ops.cast(np.full((1, 3, 1, 64), 60.0), "float16")  # 60 * 60 * 64 > 65504
    attended = ops.convert_to_numpy(_by_matrix_products(tokens, tokens, tokens, None))
    np.testing.assert_allclose(attended, 60.0)


@pytest.mark.parametrize(("keys", "flash"), [(6, None), (5, False)])
def test_masks_have_the_shape_that_the_fused_kernel_takes(monkeypatch, keys, flash):
    """cuDNN's, through JAX: `(B, 1, T, S)`; with gradients, even lengths."""
    seen = {}

    def attention(query, key, value, mask, flash_attention):
        seen.update(mask=tuple(mask.shape), flash=flash_attention)
        return query

    monkeypatch.setattr(MultiHeadAttention, "fused", property(lambda self: True))
    monkeypatch.setattr(ops, "dot_product_attention", attention)
    tokens, mask = np.ones((2, keys, 8), "float32"), np.ones((2, 1, keys), bool)
    MultiHeadAttention(2, 4)(tokens, tokens, attention_mask=mask)
    assert seen == {"mask": (2, 1, keys, keys), "flash": flash}


def test_what_is_unusual_is_left_to_keras():
    tokens = np.random.default_rng(0).normal(size=(2, 4, 8)).astype("float32")
    for options in {"use_causal_mask": True}, {"return_attention_scores": True}:
        theirs, ours = keras.layers.MultiHeadAttention(2, 4), MultiHeadAttention(2, 4)
        theirs(tokens, tokens)
        ours(tokens, tokens)
        ours.set_weights(theirs.get_weights())
        found, expected = (layer(tokens, tokens, **options) for layer in (ours, theirs))
        for one, other in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
