"""Properties that every registered part has. Pure Keras: runs on TensorFlow and on JAX."""

import keras
import numpy as np
import pytest
from keras import ops

from mmzoo.testing import properties
from tests.parts import (
    CLASSES,
    PARTS,
    build,
    disturb,
    labels,
    predict,
    slow_but_daily,
    tensors,
    whole_models_of,
)

BACKEND = keras.backend.backend()
#: XLA on the CPU of JAX has no float16 convolutions.
POLICIES = ["mixed_bfloat16"]
if BACKEND == "tensorflow":
    POLICIES.append(pytest.param("mixed_float16", marks=pytest.mark.slow))

#: Parts that may do something else with a text's padding; the text beside other encoders and before
#: heads is always the same one. Recipes are made of the others: slow tests.
READERS = [part for part in PARTS if part.startswith(("encoder-text-", "fusion-", "recipe-"))]
every_part, every_reader_of_text = whole_models_of(PARTS), whole_models_of(READERS)


def gradients(model, x, y):
    """Gradient of the compiled loss by every trainable weight, as NumPy, by path."""
    if "gradients_here" not in vars(model):  # tests of one model share what JAX compiles
        vars(model)["gradients_here"] = properties.gradient_function(
            model, lambda prediction, y: model.compute_loss(None, y, prediction)
        )
    return vars(model)["gradients_here"](x, ops.convert_to_tensor(y))


@every_part
def test_config_round_trip(model):
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        properties.assert_config_round_trips(layer)


@every_part
def test_save_and_load(model):
    properties.assert_saved_and_loaded(model, tensors(model))


@every_part
def test_symbolic_shapes_are_eager_shapes(model):
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    properties.assert_shapes_are_those_promised(layers, model.input, tensors(model))


@every_part
def test_every_weight_gets_a_gradient(model):
    disturb(model)
    properties.assert_gradients(gradients(model, tensors(model, rows=6), labels(model, 6)))


@every_part
@pytest.mark.parametrize("policy", POLICIES)
def test_mixed_precision(part, policy):
    model, _ = build(part, dtype=policy)
    x, y = tensors(model), labels(model)
    assert {weight.dtype for weight in model.trainable_variables} == {"float32"}
    assert model.get_layer("fusion").compute_dtype == policy.removeprefix("mixed_")
    prediction = predict(model, x)
    assert keras.backend.standardize_dtype(prediction.dtype) == "float32"
    assert np.isfinite(prediction).all()
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


@every_part
def test_rows_do_not_see_their_neighbours(model):
    disturb(model)
    x, other = tensors(model, rows=4, seed=0), tensors(model, rows=4, seed=1)
    mixed = {name: np.concatenate([x[name][:2], other[name][2:]]) for name in x}
    alone = {name: x[name][:1] for name in x}
    expected = predict(model, x)
    np.testing.assert_allclose(predict(model, mixed)[:2], expected[:2], atol=1e-5)
    np.testing.assert_allclose(predict(model, alone), expected[:1], atol=1e-5)


@slow_but_daily
@pytest.mark.end_to_end
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
