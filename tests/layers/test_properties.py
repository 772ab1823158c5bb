"""Properties that every registered part has. Pure Keras: runs on TensorFlow and on JAX."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tests.parts import (
    CLASSES,
    PARTS,
    as_json,
    build,
    disturb,
    labels,
    predict,
    slow_among,
    slow_but_daily,
    slow_if_combined,
    tensors,
)

BACKEND = keras.backend.backend()
#: XLA on the CPU of JAX has no float16 convolutions.
POLICIES = ["mixed_bfloat16"]
if BACKEND == "tensorflow":
    POLICIES.append(pytest.param("mixed_float16", marks=pytest.mark.slow))

#: Parts that may do something else with a text's padding; the text beside other encoders and before
#: heads is always the same one. Recipes are made of the others: slow tests.
READERS = [part for part in PARTS if part.startswith(("encoder-text-", "fusion-", "recipe-"))]
RECIPES = [part for part in READERS if part.startswith("recipe-")]
every_reader_of_text = pytest.mark.parametrize(
    "part", slow_among(READERS, slow=RECIPES), scope="module"
)

# Trainable weights whose gradient is zero by mathematics, by the end of their path:
EXEMPT = {
    # Attention weights are a softmax over the keys; what the key bias adds to a query's scores is
    # the same for every key, and a softmax does not see it.
    "attention/key/bias": "softmax is invariant to a constant",
}


def gradients(model, x, y):
    """Gradient of the compiled loss by every trainable weight, as NumPy, by path."""
    weights = model.trainable_variables
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = model.compute_loss(x, ops.convert_to_tensor(y), model(x, training=True))
        values = tape.gradient(loss, [weight.value for weight in weights])
        values = [None if v is None else tf.convert_to_tensor(v) for v in values]
    else:
        import jax

        def loss(trainable):
            state = model.non_trainable_variables
            prediction, _ = model.stateless_call(
                trainable, [v.value for v in state], x, training=True
            )
            return model.compute_loss(x, ops.convert_to_tensor(y), prediction)

        values = jax.jit(jax.grad(loss))([weight.value for weight in weights])
    return {
        weight.path: None if value is None else ops.convert_to_numpy(value)
        for weight, value in zip(weights, values, strict=True)
    }


@slow_if_combined
def test_config_round_trip(model):
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        config = layer.get_config()
        again = type(layer).from_config(json.loads(json.dumps(config))).get_config()
        assert as_json(again, sort_keys=True) == as_json(config, sort_keys=True)


@slow_if_combined
def test_save_and_load(model, tmp_path):
    x = tensors(model)
    expected = predict(model, x)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")  # safe_mode is on by default
    np.testing.assert_array_equal(predict(loaded, x), expected)
    assert as_json(loaded.get_config()) == as_json(model.get_config())


@slow_if_combined
def test_symbolic_shapes_are_eager_shapes(model):
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    inspector = keras.Model(model.input, [layer.output for layer in layers])
    rows = 3
    for layer, values in zip(layers, inspector(tensors(model, rows)), strict=True):
        symbolic = keras.tree.flatten(layer.output)
        for tensor, value in zip(symbolic, keras.tree.flatten(values), strict=True):
            expected = tuple(
                actual if size is None else size
                for size, actual in zip(tensor.shape, value.shape, strict=True)
            )
            assert tuple(value.shape) == expected and value.shape[0] == rows
            assert keras.backend.standardize_dtype(value.dtype) == tensor.dtype


@slow_if_combined
def test_every_weight_gets_a_gradient(model):
    disturb(model)
    for path, gradient in gradients(model, tensors(model, rows=6), labels(model, 6)).items():
        assert gradient is not None, f"{path} is not connected to the loss"
        assert np.isfinite(gradient).all(), path
        if not any(path.endswith(end) for end in EXEMPT):
            assert np.abs(gradient).max() > 0, f"{path} has no gradient"


@slow_if_combined
@pytest.mark.parametrize("policy", POLICIES)
def test_mixed_precision(part, policy):
    model, _ = build(part, dtype=policy)
    x, y = tensors(model), labels(model)
    assert {weight.dtype for weight in model.trainable_variables} == {"float32"}
    assert model.get_layer("fusion").compute_dtype == policy.removeprefix("mixed_")
    prediction = model(x, training=False)
    assert keras.backend.standardize_dtype(prediction.dtype) == "float32"
    assert np.isfinite(ops.convert_to_numpy(prediction)).all()
    for path, gradient in gradients(model, x, y).items():
        assert np.isfinite(gradient).all() and gradient.dtype == "float32", path


@every_reader_of_text
def test_padding_changes_nothing(part, model):
    if "text" not in model.input:
        pytest.skip("no text to pad")
    disturb(model)
    x = tensors(model, padding=0)
    length = x["text"].shape[1]
    longer, _ = build(part, length=2 * length)
    longer.set_weights(model.get_weights())
    of_text = [name for name in ("text", "text_segments") if name in x]
    padded = {**x, **{name: np.pad(x[name], [(0, 0), (0, length)]) for name in of_text}}
    np.testing.assert_allclose(predict(longer, padded), predict(model, x), atol=1e-5)


@slow_if_combined
def test_rows_do_not_see_their_neighbours(model):
    disturb(model)
    x, other = tensors(model, rows=4, seed=0), tensors(model, rows=4, seed=1)
    mixed = {name: np.concatenate([x[name][:2], other[name][2:]]) for name in x}
    alone = {name: x[name][:1] for name in x}
    expected = predict(model, x)
    np.testing.assert_allclose(predict(model, mixed)[:2], expected[:2], atol=1e-5)
    np.testing.assert_allclose(predict(model, alone), expected[:1], atol=1e-5)


@slow_but_daily
def test_overfits_one_batch(part):
    model, _ = build(part, dim=16)  # of 8 hidden units a seed may leave too few alive
    loss = model.get_layer("head").make_loss()
    model.compile(keras.optimizers.Adam(0.01), loss=loss)
    x, y = tensors(model, rows=CLASSES * 2), labels(model, rows=CLASSES * 2)
    if "image_present" in x:  # rows that are absent altogether can't be told apart
        x["image_present"][:] = True
    order = np.tile(np.arange(CLASSES * 2), 25)
    data = {name: values[order] for name, values in x.items()}
    history = [float(loss(y, model(x, training=False)))]
    while len(history) < 9 and history[-1] >= 0.05:
        fit = model.fit(data, y[order], batch_size=CLASSES * 2, shuffle=False, verbose=0)
        history += fit.history["loss"]
    assert history[-1] < 0.05 < history[0], history
