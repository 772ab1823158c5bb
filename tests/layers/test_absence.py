"""An absent modality has exactly no influence, whatever stands in its place."""

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from tests.layers.test_properties import gradients
from tests.parts import build, disturb, image, labels, predict, tensors, text, whole_models_of

every_fusion = whole_models_of([f"fusion-{name}" for name in mmzoo.fusion.names()])


def replaced(x, name, value):
    """`x` with `value` in the rows where `name` is absent."""
    changed = {key: np.array(values) for key, values in x.items()}
    changed[name][~x[f"{name}_present"]] = value
    return changed


@every_fusion
def test_content_of_an_absent_modality_changes_nothing(model):
    x, y = tensors(model), labels(model)
    prediction, slopes = predict(model, x), gradients(model, x, y)
    for name, value in (("image", np.nan), ("image", 255.0), ("text", 7)):
        changed = replaced(x, name, value)
        np.testing.assert_array_equal(predict(model, changed), prediction)
        for path, slope in gradients(model, changed, y).items():
            np.testing.assert_array_equal(slope, slopes[path], err_msg=f"{name}={value}: {path}")


def test_batch_normalization_does_not_see_it_either():
    encoder = mmzoo.encoders.ImageResNet(filters=(4, 8), blocks=1, normalization="batch")
    outputs, statistics = [], []
    for value in (0.0, np.nan):
        keras.utils.set_random_seed(0)
        template = type(encoder).from_config(encoder.get_config())
        model = mmzoo.build_model(
            inputs={"image": image(template, optional=True), "text": text()},
            head=mmzoo.heads.Softmax(3),
            dim=8,
        )
        x = replaced(tensors(model, rows=6), "image", value)
        outputs.append(ops.convert_to_numpy(model(x, training=True)))
        statistics.append([ops.convert_to_numpy(v) for v in model.non_trainable_variables])
    np.testing.assert_array_equal(outputs[0], outputs[1])
    for one, other in zip(*statistics, strict=True):
        np.testing.assert_array_equal(one, other)


@every_fusion
@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)]
)
def test_all_absent_is_the_prior_and_finite(part, dtype):
    model, _ = build(part, dtype=dtype)
    absent = {f"{name}_present": np.zeros(4, bool) for name in ("image", "text")}
    prediction = predict(model, {**tensors(model), **absent})
    assert np.isfinite(prediction).all()
    np.testing.assert_array_equal(predict(model, {**tensors(model, seed=1), **absent}), prediction)
    for path, gradient in gradients(model, {**tensors(model), **absent}, labels(model)).items():
        assert np.isfinite(gradient).all(), path
    # From row to row only the rounding differs.
    np.testing.assert_allclose(prediction, np.tile(prediction[:1], (len(prediction), 1)), rtol=1e-5)


@every_fusion
def test_presence_matters(model):
    disturb(model)  # a gate that starts closed is opened
    x = tensors(model)
    there = {**x, "image_present": np.ones(4, bool)}
    gone = {**x, "image_present": np.zeros(4, bool)}
    assert not np.allclose(predict(model, there), predict(model, gone))
