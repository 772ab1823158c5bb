"""Exports compute in float32, and none is written that its own runtime does not answer well."""

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.export import check_export, exported_model
from mmzoo.export.exported_model import ExportedModel
from mmzoo.export.float32_copy import float32_copy
from mmzoo.heads import answering_model
from mmzoo.utils.optional_packages import needs
from tests.parts import PARTS, build, features, image, slow_among, tensors
from tests.pipeline.test_export_formats import STEEP, runtime
from tests.pipeline.test_serving import preprocessor_of

FORMATS = ("savedmodel", "litert", "onnx")
POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")
PICTURES = {"class_name": "cnn", "config": {"filters": [4]}}


def small(policy):
    keras.utils.set_random_seed(0)
    inputs = {"image": image(PICTURES, optional=True), "features": features()}
    head = mmzoo.heads.Softmax(3)
    model = mmzoo.build_model(inputs=inputs, fusion="gated", head=head, dim=8, dtype=policy)
    return model, mmzoo.Preprocessor(inputs)


@pytest.fixture(scope="module", params=POLICIES)
def of_policy(request):
    """A model and its preprocessor, made-up rows, and what it answers in float32."""
    model, preprocessor = small(request.param)
    wide, _ = small("float32")
    wide.set_weights(model.get_weights())
    x = tensors(model, rows=5)
    return model, preprocessor, x, wide.predict_on_batch(x)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.end_to_end
def test_every_format_of_every_policy_computes_in_float32(of_policy, format, tmp_path):
    runtime(format)
    model, preprocessor, x, expected = of_policy
    before = [variable.dtype for variable in model.variables], model.predict_on_batch(x)
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "out", format=format)
    answer = ExportedModel(folder, model.heads).predict_on_batch(x)
    np.testing.assert_allclose(answer, expected, atol=1e-6)
    assert [variable.dtype for variable in model.variables] == before[0]
    np.testing.assert_array_equal(model.predict_on_batch(x), before[1])
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("part", slow_among(PARTS, PARTS))
def test_every_part_of_every_format_and_policy(part, policy, format, tmp_path):
    runtime(format)
    model, arguments = build(part, dtype=policy)
    wide, _ = build(part, dtype="float32")
    wide.set_weights(model.get_weights())
    writes = model.get_layer("head").generates
    x = tensors(model, rows=5)
    folder = mmzoo.export_savedmodel(
        model, preprocessor_of(arguments), tmp_path / "out", format=format
    )
    answer = ExportedModel(folder, model.heads).predict_on_batch(x)
    expected = answering_model(wide).predict_on_batch(x)
    expected = expected.ids if writes else expected
    np.testing.assert_allclose(answer, expected, atol=STEEP.get(part, 1e-5))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "float16"])
def test_a_float32_copy_has_the_same_weights(policy):
    model, _ = small(policy)
    copy = float32_copy(model)
    assert {layer.compute_dtype for layer in copy._flatten_layers()} <= {"float32", "uint8"}
    for weight, own in zip(copy.weights, model.weights, strict=True):
        value = keras.ops.convert_to_numpy(keras.ops.cast(own, weight.dtype))
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)


def test_a_model_in_float32_is_not_copied():
    model, _ = small("float32")
    assert float32_copy(model) is model


class Otherwise:
    """A runtime with an answer of its own."""

    def __init__(self, change):
        self.change = change

    def __call__(self, folder, outputs):
        answer = exported_model._savedmodel(folder, outputs)
        return lambda x: {name: self.change(y) for name, y in answer(x).items()}


def refuse(folder, outputs):
    raise RuntimeError("no such kernel")


@pytest.mark.parametrize(
    ("weights", "way", "message"),
    [
        ("float32", Otherwise(lambda y: y * 1.01), "up to .* from the model's"),
        ("float16", Otherwise(lambda y: y * np.nan), "not finite"),
        ("float16", Otherwise(lambda y: y[:, :1]), r"shape \(2, 1\) instead of \(2, 3\)"),
        ("float32", refuse, "refuses what was exported.*no such kernel"),
    ],
)
def test_a_file_that_answers_otherwise_is_not_left(monkeypatch, tmp_path, weights, way, message):
    monkeypatch.setitem(exported_model.RUNTIMES, "savedmodel", way)
    inputs = {"features": features()}
    model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(3), dim=512)
    with pytest.raises(ValueError, match=message):
        mmzoo.export_savedmodel(
            model, mmzoo.Preprocessor(inputs), tmp_path / "out", weights=weights
        )
    assert not list(tmp_path.iterdir())


def test_without_the_runtime_a_warning_says_that_nothing_was_compared(monkeypatch, tmp_path):
    def missing(folder, outputs):
        raise ImportError(needs("ai_edge_litert", "litert", "No module named 'ai_edge_litert'"))

    monkeypatch.setitem(exported_model.RUNTIMES, "litert", missing)
    inputs = {"features": features()}
    model = mmzoo.build_model(inputs=inputs, head="sigmoid", dim=8)
    with pytest.warns(UserWarning, match=r"litert file was not compared.*mmzoo\[litert\]"):
        mmzoo.export_savedmodel(
            model, mmzoo.Preprocessor(inputs), tmp_path / "out", format="litert"
        )
    assert (tmp_path / "out" / "model.tflite").exists()


def test_the_made_up_batch_has_a_row_with_everything():
    model, preprocessor = small("float32")
    raw = {name: part.sample() for name, part in preprocessor.preprocessings.items()}
    batch = check_export._batch(model.input, preprocessor.checked_call(raw)[0])
    assert set(batch) == set(model.input)
    assert all(len(x) == 2 for x in batch.values())
    assert batch["image_present"].tolist()[1]  # the row of drawn numbers
    assert np.ptp(batch["image"][1]) > 200 and np.ptp(batch["features"][1]) > 0
