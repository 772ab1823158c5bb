"""LiteRT, ONNX, narrow weights and warm-up requests: each read back by what it is meant for."""

import contextlib
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.export.exported_model import ExportedModel
from mmzoo.heads import answering_model, heads_of
from tests.parts import (
    PARTS,
    audio,
    build,
    features,
    image,
    slow_among,
    slow_for,
    tabular,
    tensors,
    text,
    tiny,
)  # fmt: skip
from tests.pipeline.raw import raw_columns
from tests.pipeline.test_serving import preprocessor_of

#: Where a root of values near zero makes of a rounding error of 1e-7 one of 1e-4.
STEEP = {"fusion-mfb": 1e-3}
#: In the default run: a loop over time steps; log-mel frames, convolutions and attention.
DAILY = ("encoder-text-gru", "encoder-audio-cnn")


def runtime(format):
    modules = {"litert": "ai_edge_litert.interpreter", "onnx": "onnxruntime"}
    if format in modules:
        pytest.importorskip(modules[format], reason=f"the extra `{format}` is not installed")


@pytest.fixture
def pair():
    """Image and text with kernels that are large enough to be narrowed."""
    words = {"class_name": "cnn", "config": {"filters": 16, "embedding_dim": 128}}
    pictures = {"class_name": "cnn", "config": {"filters": [16, 32]}}
    inputs = {"image": image(pictures, optional=True), "text": text(words)}
    head = mmzoo.heads.Softmax(class_names=["red", "green", "blue"])
    model = mmzoo.build_model(inputs=inputs, fusion="gated", head=head, dim=64)
    return model, mmzoo.Preprocessor(inputs)


@slow_for(set(PARTS) - set(DAILY))
@pytest.mark.parametrize("format", ["litert", "onnx"])
@pytest.mark.end_to_end
def test_other_formats_predict_the_same(part, format, tmp_path):
    runtime(format)
    model, arguments = build(part)
    preprocessor = preprocessor_of(arguments)
    x = tensors(model, rows=5)
    expected = answering_model(model).predict_on_batch(x)
    expected = expected.ids if model.get_layer("head").generates else expected
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "out", format=format)
    exported = ExportedModel(folder, model.heads)
    for rows in (5, 1):
        answer = exported.predict_on_batch({name: values[:rows] for name, values in x.items()})
        np.testing.assert_allclose(answer, expected[:rows], atol=STEEP.get(part, 1e-5))


@pytest.mark.parametrize("several", slow_among([True, False], slow=[False]))
@pytest.mark.parametrize("decoder", slow_among(["transformer", "gru"], slow=["gru"]))
@pytest.mark.parametrize("format", ["litert", "onnx"])
@pytest.mark.end_to_end
def test_a_model_that_writes_is_two_functions(format, decoder, several, tmp_path):
    """And the loop around them, as the model card has it, writes what the model does."""
    runtime(format)
    inputs = {"image": image(optional=True), "text": text()}
    words = mmzoo.heads.Words(
        vocabulary=list("abcdefg"), length=5, decoder=decoder, sampling={"sampler": "beam"}
    )
    head = {"reply": words, "mood": mmzoo.heads.Softmax(3)} if several else words
    model = mmzoo.build_model(inputs=inputs, fusion="concat", head=head, dim=8)
    generator = np.random.default_rng(0)
    for variable in model.variables:  # so that texts differ
        variable.assign(variable + generator.normal(0, 0.7, variable.shape))
    preprocessor = mmzoo.Preprocessor(inputs, head=head)
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "out", format=format)
    x = tensors(model, rows=4)
    expected = answering_model(model, sampler="greedy").predict_on_batch(x)
    answer = ExportedModel(folder, heads_of(model)).predict_on_batch(x)
    if several:
        np.testing.assert_allclose(answer["mood"], expected["mood"], atol=1e-5)
        answer, expected = answer["reply"], expected["reply"]
    np.testing.assert_array_equal(answer, expected.ids)
    texts = [[words.vocabulary[token - 4] for token in row if token] for row in answer[:, 0]]
    assert len({*map(tuple, texts)}) > 1 and len({*map(len, texts), *map(len, map(set, texts))}) > 1

    card = (pathlib.Path(folder) / "model_card.md").read_text()
    rows = 1 if "B is 1:" in card else 4
    namespace = {"inputs": {}}
    for name, dtype in re.findall(r"^\| `(\w+)` \| \(B.*\) (\w+) \|$", card, re.M):
        namespace["inputs"][name] = x[name][:rows].astype(dtype)
    assert {*namespace["inputs"]} == {*x} - {f"{name}_previous" for name in heads_of(model)}
    with contextlib.chdir(folder):
        exec(re.search(r"```python\n(.*?)```", card, re.S).group(1), namespace)
    assert namespace["texts"] == texts[:rows]


def test_one_answer_may_be_written(tmp_path):
    inputs = {"text": text()}
    head = {name: mmzoo.heads.Words(vocabulary=["a"], length=2) for name in ("one", "two")}
    model = mmzoo.build_model(inputs=inputs, head=head, dim=8)
    with pytest.raises(ValueError, match="one answer that is written, but one, two all are"):
        mmzoo.export_savedmodel(
            model, mmzoo.Preprocessor(inputs, head=head), tmp_path / "out", format="onnx"
        )


def size(folder):
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file())


@pytest.mark.slow
@pytest.mark.parametrize("format", ["savedmodel", pytest.param("litert", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("weights", "tolerance"),
    [pytest.param("float16", 2e-3, marks=pytest.mark.slow), ("int8", 3e-2)],
)
def test_narrow_weights(pair, tmp_path, format, weights, tolerance):
    runtime(format)
    model, preprocessor = pair
    x = tensors(model, rows=5)
    expected = model.predict_on_batch(x)
    before = [keras.ops.convert_to_numpy(variable).copy() for variable in model.variables]
    folder = mmzoo.export_savedmodel(
        model, preprocessor, tmp_path / "narrow", format=format, weights=weights
    )
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)
    answer = ExportedModel(folder, model.heads).predict_on_batch(x)
    assert 0 < np.abs(answer - expected).max() < tolerance
    np.testing.assert_array_equal(model.predict_on_batch(x), expected)
    if format == "savedmodel":
        large = sum(v.size for v in map(np.asarray, before) if v.ndim > 1 and v.size >= 1024)
        stored = size(pathlib.Path(folder) / "variables")
        bytes_each = {"float16": 2, "int8": 1.13}[weights]  # scales, at most an eighth
        others = 4 * (model.count_params() - large)
        assert stored < bytes_each * large + others + 20_000
        answer = tf.saved_model.load(folder).signatures["serving_default"]
        outputs = answer(image=tf.constant([b""]), text=tf.constant(["red"]))
        expected = mmzoo.predict(model, preprocessor, {"image": [b""], "text": ["red"]})
        np.testing.assert_allclose(outputs["probabilities"], expected, atol=tolerance)
    else:
        wide = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "wide", format=format)
        files = [pathlib.Path(path, "model.tflite").stat().st_size for path in (folder, wide)]
        assert files[0] < files[1] * {"float16": 0.75, "int8": 0.6}[weights]


@keras.saving.register_keras_serializable(package="tests")
class InverseError(keras.layers.Layer):
    """An op that neither LiteRT nor ONNX has."""

    def call(self, x):
        return keras.ops.erfinv(keras.ops.mean(x, axis=(1, 2)) / 300)


@pytest.mark.parametrize("format", ["litert", "onnx"])
def test_an_op_that_a_format_lacks_is_named(tmp_path, format):
    runtime(format)
    inputs = {"image": image(InverseError(name="inverse"))}
    model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    with pytest.raises(ValueError, match=r"Erfinv \(.*image_encoder.*erfinv"):
        mmzoo.export_savedmodel(model, mmzoo.Preprocessor(inputs), tmp_path / "out", format=format)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "tflite"}, "`format` must be one of savedmodel, litert, onnx"),
        ({"weights": "int4"}, "`weights` must be one of float32, float16, int8"),
        ({"format": "onnx", "weights": "int8"}, "onnxruntime.quantization"),
        ({"format": "litert", "warmup": True}, "TensorFlow Serving"),
    ],
)
def test_impossible_choices(pair, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        mmzoo.export_savedmodel(*pair, tmp_path / "out", **options)
    assert not list(tmp_path.iterdir())


def read_warmup(folder):
    """The requests of an export, by the messages' own parser."""
    apis = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    path = pathlib.Path(folder) / "assets.extra" / "tf_serving_warmup_requests"
    logs = [apis.PredictionLog.FromString(x.numpy()) for x in tf.data.TFRecordDataset(str(path))]
    return [log.predict_log.request for log in logs]


@pytest.mark.slow
@pytest.mark.parametrize("warmup", ["made up", pytest.param("rows", marks=pytest.mark.slow)])
def test_warmup_requests_replay(tmp_path, warmup):
    inputs = {
        "image": image(optional=True),
        "text": text("bag"),
        "audio": audio(tiny("dnn", mmzoo.encoders.AudioDNN)),
        "tabular": tabular(),
        "features": features(),
    }
    model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(3), dim=8)
    preprocessor = mmzoo.Preprocessor(inputs)
    rows = {name: values for name, values in raw_columns(3)[0].items() if name in inputs}
    (tmp_path / "a.png").write_bytes(rows["image"][0])
    rows["image"] = [str(tmp_path / "a.png"), "", str(tmp_path / "a.png")]
    options = {"warmup": True if warmup == "made up" else rows}
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "serving", **options)
    requests = read_warmup(folder)
    assert len(requests) == (1 if warmup == "made up" else 3)
    signatures = tf.saved_model.load(folder).signatures
    answers = []
    for request in requests:
        assert request.model_spec.name == model.name
        values = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        outputs = signatures[request.model_spec.signature_name](
            **{name: tf.constant(value) for name, value in values.items()}
        )
        assert outputs["ok"].numpy().tolist() == [True]
        answers.append(outputs["probabilities"].numpy())
    if warmup == "rows":
        expected = mmzoo.predict(model, preprocessor, rows)
        np.testing.assert_allclose(np.concatenate(answers), expected, atol=1e-5)


def test_warmup_rows_are_what_a_client_sends(pair, tmp_path):
    rows = {"image": [np.zeros((8, 8, 3), "uint8")], "text": ["red"]}
    with pytest.raises(ValueError, match=r"takes 'image' as .*; received uint8 arrays"):
        mmzoo.export_savedmodel(*pair, tmp_path / "serving", warmup=rows)
    with pytest.raises(FileNotFoundError, match=r"nope.png.*row 0"):
        rows = {"image": ["nope.png"], "text": ["red"]}
        mmzoo.export_savedmodel(*pair, tmp_path / "serving", warmup=rows)
    assert not list(tmp_path.iterdir())
