"""The suite for users' own parts finds what is wrong with one. Runs on TensorFlow and on JAX."""

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.testing import check_encoder, check_fusion


def registered(cls):
    return keras.saving.register_keras_serializable(package="wrong")(cls)


def vectors(tokens):
    return ops.stack([ops.mean(tokens[name], axis=1) for name in tokens], axis=0)


class Mean(mmzoo.fusion.Fusion):
    """Padding counts as much as tokens."""

    def fuse(self, tokens, mask):
        return ops.mean(vectors(tokens), axis=0)


class Batch(mmzoo.fusion.Sum):
    """A row has something of the others."""

    def fuse(self, tokens, mask):
        fused = super().fuse(tokens, mask)
        return fused - ops.mean(fused, axis=0, keepdims=True)


class Lost(mmzoo.fusion.Sum):
    """The config is not what the constructor takes."""

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def get_config(self):
        return {**super().get_config(), "scale": [self.scale]}


class Idle(mmzoo.fusion.Sum):
    """A weight has no part in the answer."""

    def build(self, tokens_shape):
        super().build(tokens_shape)
        self.idle = self.add_weight(shape=(2,), name="idle")


class Matrix(mmzoo.fusion.Sum):
    """No vector."""

    def fuse(self, tokens, mask):
        return super().fuse(tokens, mask)[:, None, :, None]


class Overflow(mmzoo.fusion.Sum):
    """Absence divides by zero."""

    def fuse(self, tokens, mask):
        there = ops.cast(ops.any(mask["text"], axis=1), "float32")
        return super().fuse(tokens, mask) / there[:, None]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Mean, "padding_has_no_influence"),
        (Batch, "rows_do_not_see_their_neighbours"),
        (Lost, "config_round_trips"),
        (Idle, r"every_weight_gets_a_gradient.*idle (is not connected|has no gradient)"),
        (Matrix, r"returns_one_vector_a_row.*shape \(3, 1, 8, 1\)"),
        (Overflow, r"an_absent_modality_has_no_influence"),
    ],
)
def test_wrong_fusion_blocks(wrong, message):
    block = registered(wrong)(dim=8)
    with pytest.raises(AssertionError, match=rf"(?s){wrong.__name__}.* lacks .*{message}"):
        check_fusion(block)


def test_what_is_wrong_on_purpose_is_left_out():
    properties = ["padding_has_no_influence", "longer_padding_changes_nothing"]
    check_fusion(
        registered(Mean)(dim=8), leave_out=[*properties, "an_absent_modality_has_no_influence"]
    )
    with pytest.raises(ValueError, match="No such property"):
        check_fusion(mmzoo.fusion.Sum(dim=8), leave_out=["paddign"])
    with pytest.raises(ValueError, match="dim"):
        check_fusion(mmzoo.fusion.Sum())


class Peeks(mmzoo.encoders.FeaturesMLP):
    """What is masked is in the tokens."""

    def contextualize(self, tokens, mask):
        return super().contextualize(tokens, mask) + ops.mean(tokens, axis=(1, 2), keepdims=True)


class NoMask(mmzoo.encoders.FeaturesMLP):
    """The mask is made of numbers."""

    def encode(self, x, training=None):
        tokens, mask = super().encode(x)
        return tokens, ops.cast(mask, "float32")


class Flat(mmzoo.encoders.FeaturesMLP):
    """One vector in place of tokens."""

    def encode(self, x, training=None):
        tokens, mask = super().encode(x)
        return tokens[:, 0], mask


X = {
    "vectors": np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32"),
    "mask": np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]], bool),
}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Peeks, "what_is_masked_has_no_influence"),
        (NoMask, r"the mask is float32"),
        (Flat, r"tokens have the shape \(3, 8\)"),
    ],
)
def test_wrong_encoders(wrong, message):
    encoder = registered(wrong)(hidden_units=(8,))
    with pytest.raises(AssertionError, match=rf"(?s){wrong.__name__}.* lacks .*{message}"):
        check_encoder(encoder, X)


def test_one_row_has_no_neighbour():
    with pytest.raises(ValueError, match="two rows"):
        check_encoder(mmzoo.encoders.FeaturesMLP(), X["vectors"][:1, 0])
