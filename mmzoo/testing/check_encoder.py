"""check_encoder(): what an encoder promises."""

import keras
import numpy as np
from keras import ops

from mmzoo.testing.properties import (
    answer,
    assert_config_round_trips,
    assert_gradients,
    assert_half_precision,
    assert_saved_and_loaded,
    assert_shapes_are_those_promised,
    build_with,
    copy_of,
    disturb,
    gradients,
    run_properties,
    symbolic,
    weighted_sum,
)

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


class EncoderCase:
    """An encoder with something to encode.

    Args:
        encoder: a `mmzoo.encoders.Encoder`.
        x: what it takes: an array of some rows, or a dict of arrays.
        without_gradient: ends of the paths of weights that need no gradient.
    """

    def __init__(self, encoder, x, without_gradient=()):
        self.encoder = encoder
        self.x = keras.tree.map_structure(np.asarray, x)
        self.rows = len(keras.tree.flatten(self.x)[0])
        if self.rows < 2:
            raise ValueError("Give two rows or more, so that one can be another's neighbour.")
        self.without_gradient = without_gradient
        keras.utils.set_random_seed(0)
        inputs = (
            {part: symbolic(array, part) for part, array in self.x.items()}
            if isinstance(self.x, dict)
            else symbolic(self.x, "x")
        )
        self.layer = copy_of(encoder)
        tokens, mask = self.layer(inputs)
        self.model = keras.Model(inputs, {"tokens": tokens, "mask": mask})
        disturb(self.model)

    def __str__(self):
        return f"{type(self.encoder).__name__} {self.encoder.name!r}"

    def __call__(self, x):
        """`(tokens, mask)` as arrays."""
        outputs = answer(self.model, x, training=False)
        return outputs["tokens"], outputs["mask"]


def returns_tokens_and_their_mask(case):
    tokens, mask = answer(case.layer, case.x)
    assert len(tokens.shape) == 3 and tokens.shape[0] == case.rows, (
        f"tokens have the shape {tuple(tokens.shape)}; expected: (B, T, D)"
    )
    assert tuple(mask.shape) == tuple(tokens.shape[:2]), (
        f"the mask has the shape {tuple(mask.shape)}, the tokens {tuple(tokens.shape)}"
    )
    dtype = keras.backend.standardize_dtype(mask.dtype)
    assert dtype == "bool", f"the mask is {dtype}; expected: bool"
    assert mask.any(axis=1).all(), "a row has no valid token"


def config_round_trips(case):
    assert_config_round_trips(case.layer)


def is_saved_and_loaded(case):
    assert_saved_and_loaded(case.model, case.x)


def shapes_are_those_promised(case):
    assert_shapes_are_those_promised([case.layer], case.model.input, case.x)


def every_weight_gets_a_gradient(case):
    def loss(outputs):
        valid = ops.cast(outputs["mask"], "float32")[..., None]
        return weighted_sum(ops.cast(outputs["tokens"], "float32") * valid)

    assert_gradients(gradients(case.model, case.x, loss), case.without_gradient)


def what_is_masked_has_no_influence(case):
    """Values that the input's own mask leaves out, in the tensors that are as long as it."""
    if not isinstance(case.x, dict) or "mask" not in case.x:
        return
    valid, generator = case.x["mask"].astype(bool), np.random.default_rng(7)
    changed = dict(case.x)
    for part, values in case.x.items():
        if part == "mask" or values.shape[:2] != valid.shape or values.dtype.kind != "f":
            continue
        noise = generator.normal(size=values.shape).astype(values.dtype)
        outside = ~valid.reshape(valid.shape + (1,) * (values.ndim - 2))
        changed[part] = np.where(outside, noise, values)
    tokens, mask = case(case.x)
    again, mask_again = case(changed)
    np.testing.assert_array_equal(mask_again, mask)
    np.testing.assert_allclose(again[mask], tokens[mask], **CLOSE)


def rows_do_not_see_their_neighbours(case):
    tokens, mask = case(case.x)
    turned = keras.tree.map_structure(lambda values: values[::-1].copy(), case.x)
    alone = keras.tree.map_structure(lambda values: values[:1], case.x)
    for rows, place in ((turned, -1), (alone, 0)):
        again, mask_again = case(rows)
        np.testing.assert_array_equal(mask_again[place], mask[0])
        np.testing.assert_allclose(again[place][mask[0]], tokens[0][mask[0]], **CLOSE)


def half_precision_is_finite(case):
    keras.utils.set_random_seed(0)
    layer = copy_of(case.encoder, dtype="mixed_bfloat16")
    build_with(layer, case.x)
    tokens, _ = answer(layer, case.x)
    assert_half_precision(layer, tokens)


#: What every encoder is held to: name -> function of an `EncoderCase`.
ENCODER_PROPERTIES = {
    function.__name__: function
    for function in (
        returns_tokens_and_their_mask,
        config_round_trips,
        is_saved_and_loaded,
        shapes_are_those_promised,
        every_weight_gets_a_gradient,
        what_is_masked_has_no_influence,
        rows_do_not_see_their_neighbours,
        half_precision_is_finite,
    )
}


def check_encoder(encoder, x, without_gradient=(), leave_out=()):
    """Asserts that an encoder has every property of mmzoo's own.

    Tokens `(B, T, D)` and their mask; a config that round-trips; a saved model that answers alike
    when it is loaded; shapes as Keras was promised them; a gradient for every weight; no influence
    of what is masked, or of other rows; half precision.

    Args:
        encoder: a `mmzoo.encoders.Encoder`; it is copied, never called.
        x: what it takes, of two rows or more: an array, or a dict of arrays. Values should differ.
        without_gradient: ends of the paths of weights whose gradient may be zero, such as the
            embeddings of words that do not occur.
        leave_out: names of properties, out of `ENCODER_PROPERTIES`, that do not hold on purpose.

    Raises:
        AssertionError: names the property that does not hold.
        ValueError: for a single row.

    Example:

    >>> import mmzoo
    >>> x = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    >>> check_encoder(mmzoo.encoders.FeaturesMLP(hidden_units=(8, 4)), x)
    """
    case = EncoderCase(encoder, x, without_gradient)
    run_properties(ENCODER_PROPERTIES, case, leave_out)
