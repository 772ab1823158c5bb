"""Why a value can't be read: the same reason in every message, however it is found."""

import collections

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.prediction.good_rows import predict_good_rows
from mmzoo.preprocessing.image import ImagePreprocessing
from tests.pipeline.raw import encoded, sound
from tests.pipeline.test_audio import riff

PNG, WAV = encoded(np.full((10, 12, 3), 50)), sound()
PICTURE = mmzoo.Image(size=(6, 6))


def ones(*shape):
    return np.ones(shape, "uint8")


PICTURES = {
    "channels first": (ones(3, 10, 10), "shape (3, 10, 10): channels first; transpose it"),
    "channels": (ones(10, 9, 5), "shape (10, 9, 5): a picture has 1 to 4 channels"),
    "truncated": (PNG[:40], "truncated: The file breaks off after 40 bytes"),
    "empty": (b"", "empty: The file has no bytes"),
    "a web page": (b"<!DOCTYPE html><p>404", "Not a picture: begins with <!DOCTYPE"),
    "HEIC": (b"\0\0\0\x18ftypheic", "Not a picture that mmzoo reads, but HEIC. Convert it"),
    "a sound": (WAV, "Not a picture that mmzoo reads, but WAV. Convert it"),
    "too large": (
        encoded(np.full((30, 40, 3), 50)),
        "too large: 30 x 40 pixels are more than max_pixels=1000",
    ),
    "chunks": (
        PNG[:33] + b"\0\0\0\0abCd\0\0\0\0" * 2000 + PNG[33:],
        "The picture breaks off, or has too many chunks.",
    ),
}
SOUNDS = {
    "half": (WAV[: len(WAV) // 2], "truncated: The file breaks off after 422 bytes"),
    "a picture": (PNG, "Not a sound that mmzoo reads, but PNG. Convert it"),
    "JSON": (b'{"detail": 404}', 'Not a sound: begins with {"detail":'),
    "no samples": (riff(b""), "No samples, or no numbers."),
}


def test_the_reason_is_said():
    part = mmzoo.Preprocessor({"x": mmzoo.Image(size=6, max_pixels=1000)}).preprocessings["x"]
    for name, (value, reason) in PICTURES.items():
        assert part.reason(value, None) == reason.removesuffix("."), name
    part = mmzoo.Preprocessor({"x": mmzoo.Audio(sample_rate=4000, seconds=0.05)}).preprocessings[
        "x"
    ]
    for name, (value, reason) in SOUNDS.items():
        assert part.reason(value, None) == reason.removesuffix("."), name
    part = mmzoo.Preprocessor({"x": mmzoo.Video(frames=2, size=6)}).preprocessings["x"]
    assert part.reason([PNG, b"<html>"], None) == "Not a picture: begins with <html>"


def test_every_way_to_read_says_it():
    records = mmzoo.data.from_arrays({"x": [ones(4, 4, 3), ones(3, 10, 10)]})
    preprocessor = mmzoo.Preprocessor({"x": PICTURE})
    reason = r"1: shape \(3, 10, 10\): channels first; transpose it"
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"no readable x in row {reason}"):
        list(records.to_dataset(preprocessor))
    report = records.validate(preprocessor.inputs, preprocessor)
    with pytest.raises(ValueError, match=f"No readable x in 1 of 2 rows: row {reason}"):
        report.check()
    with pytest.raises(ValueError, match=reason):
        records.to_dataset(preprocessor, cache=True)


@pytest.mark.end_to_end
def test_several_reasons(tmp_path, caplog):
    for name, content in {"a.png": PNG, "b.png": b"<html>", "c.png": b"<html>"}.items():
        (tmp_path / name).write_bytes(content)
    inputs = {"photo": PICTURE}
    preprocessor = mmzoo.Preprocessor(inputs)

    def logged(*names):
        records = mmzoo.data.from_arrays({"photo": names}, root=tmp_path)
        list(records.to_dataset(preprocessor, on_error="skip"))
        return caplog.messages[-1]

    assert logged("a.png", "b.png", "c.png").endswith(
        "2 of 3 rows: row 1 (b.png); row 2 (c.png): Not a picture: begins with <html>: left out."
    )
    message = logged("b.png", "a.png", "nope.png")
    assert "row 0 (b.png); row 2 (nope.png) - row 0: Not a picture" in message
    assert "row 2: missing file: No such file: " in message


@pytest.mark.end_to_end
def test_a_row_that_is_not_predicted_has_a_reason_and_the_next_part_is_prepared(monkeypatch):
    calls = []
    decode = ImagePreprocessing.decode_value
    monkeypatch.setattr(
        ImagePreprocessing, "decode_value", lambda *args: calls.append(args) or decode(*args)
    )
    inputs = {"photo": PICTURE, "text": mmzoo.Text(length=2, vocabulary_size=9, vocabulary=["a"])}
    pair = mmzoo.build_model(inputs=inputs, head="regression", dim=4), mmzoo.Preprocessor(inputs)
    columns = {"photo": [PNG, PNG[:40], None, PNG], "text": ["a", "a", "a", None]}
    answers, errors = predict_good_rows(*pair, mmzoo.data.from_arrays(columns))
    np.testing.assert_array_equal(np.isfinite(answers["head"][:, 0]), [True, False, False, False])
    assert errors == [
        None,
        "row 1: 'photo' can't be read: truncated: The file breaks off after 40 bytes",
        "row 2: 'photo' has no value, and is not optional",
        "row 3: 'text' has no value, and is not optional",
    ]
    assert calls
    calls.clear()
    alone = mmzoo.data.from_arrays({"photo": [PNG] * 3, "text": ["a"] * 3})
    again, errors = predict_good_rows(*pair, alone)
    assert errors == [None] * 3 and not calls  # the graph is that of the part before
    np.testing.assert_allclose(again["head"], np.repeat(answers["head"][:1], 3, axis=0), atol=1e-6)


@pytest.mark.end_to_end
def test_predictions_are_traced_once(monkeypatch):
    inputs = {
        "text": mmzoo.Text(length=2, vocabulary_size=9, encoder="bag"),
        "table": mmzoo.Tabular(numeric=["size"], categorical=["kind"], optional=True),
        "voice": mmzoo.Audio(sample_rate=4000, seconds=0.05, encoder="dnn"),
        "vector": mmzoo.Features(2),
    }
    traces = collections.Counter()

    def count(owner, method):
        function = getattr(owner, method)

        def counted(*args, **kwargs):
            traces[owner.__name__, method] += 1
            return function(*args, **kwargs)

        monkeypatch.setattr(owner, method, counted)

    preprocessor = mmzoo.Preprocessor(inputs)
    for part in preprocessor.preprocessings.values():
        count(type(part), "tensors")
        if "decode_value" in vars(type(part)):
            count(type(part), "decode_value")

    def rows(count, word="red"):
        return {
            "text": [f"{word} {i}" for i in range(count)],
            "table": [{"size": i, "kind": f"{word} {i % 2}"} for i in range(count)],
            "voice": [WAV] * count,
            "vector": np.arange(2.0 * count).reshape(count, 2),
        }

    preprocessor.adapt(mmzoo.data.from_arrays(rows(4)))
    model = mmzoo.build_model(inputs=inputs, head="regression", dim=4)
    expected = model.predict(mmzoo.data.from_arrays(rows(3)).to_dataset(preprocessor), verbose=0)
    traces.clear()
    predictions = mmzoo.predict(model, preprocessor, rows(3))
    np.testing.assert_allclose(predictions, expected, atol=1e-6)
    once = dict(traces)
    assert once["TextPreprocessing", "tensors"] == 1
    for count_rows in (2, 5):
        mmzoo.predict(model, preprocessor, rows(count_rows))
        mmzoo.embed(model, preprocessor, rows(count_rows))
        predict_good_rows(model, preprocessor, mmzoo.data.from_arrays(rows(count_rows)))
    assert dict(traces) == once
    preprocessor.adapt(mmzoo.data.from_arrays(rows(4, word="blue")))  # other words have ids now
    expected = model.predict(
        mmzoo.data.from_arrays(rows(3, "blue")).to_dataset(preprocessor), verbose=0
    )
    again = mmzoo.predict(model, preprocessor, rows(3, "blue"))
    np.testing.assert_allclose(again, expected, atol=1e-6)


def test_an_array_of_another_rank_is_named():
    records = mmzoo.data.from_arrays({"photo": [np.ones((4, 4)), np.ones(7)]})
    with pytest.raises(ValueError, match=r"row 1: 'photo' is an array of shape \(7,\)"):
        records.to_dataset(mmzoo.Preprocessor({"photo": PICTURE}))
