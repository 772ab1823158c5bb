"""What the first format's code saved still loads, predicts the same and trains on the same.

The files in `tests/fixtures/format_1` come from `tests/fixtures/write_format_1.py`.
"""

import base64
import json
import pathlib
import zipfile

import numpy as np
import pytest

import mmzoo
from tests.parts import predict, slow_among

FILES = pathlib.Path(__file__).parent.parent / "fixtures" / "format_1"
CASES = sorted(path.stem for path in FILES.glob("*.zip"))


DAILY = ("regression", "sigmoid", "softmax")


def unpacked(name, folder):
    """`(arrays, facts)` of a case, whose files are put into a folder."""
    with zipfile.ZipFile(FILES / f"{name}.zip") as archive:
        archive.extractall(folder)
    with np.load(FILES / f"{name}.npz") as file:
        arrays = dict(file)
    return arrays, json.loads(str(arrays.pop("facts")))


def tensors_in(arrays):
    return {key.removeprefix("x/"): value for key, value in arrays.items() if key.startswith("x/")}


@pytest.fixture(params=slow_among(CASES, {*CASES} - {*DAILY}, pytest.mark.end_to_end))
def old(request, tmp_path):
    """`(name, model, preprocessor, arrays, facts)`."""
    arrays, facts = unpacked(request.param, tmp_path)
    return request.param, *mmzoo.load(tmp_path), arrays, facts


def test_there_are_files_of_all_kinds():
    assert CASES == [
        "adapter", "frozen", "layerwise_adamw", "mixed_float16", "regression", "sigmoid", "softmax",
        "tfrecords", "video",
    ]  # fmt: skip


def test_old_files_load(old):
    name, model, preprocessor, arrays, facts = old
    model.run_eagerly = True  # so small, they are traced longer than they run
    tolerance = {"rtol": 1e-2, "atol": 1e-2} if name == "mixed_float16" else {"atol": 1e-5}
    rows = {
        key: cells if isinstance(cells, dict) else as_raw(cells)
        for key, cells in facts["rows"].items()
    }
    x = tensors_in(arrays)
    expected = arrays["predictions"]
    np.testing.assert_allclose(predict(model, x), expected, **tolerance)
    np.testing.assert_allclose(mmzoo.predict(model, preprocessor, rows), expected, **tolerance)

    trainable = sorted(bool(weight.trainable) for weight in model.weights)
    assert trainable == sorted(facts["trainable"].values())
    for weight in model.weights:
        if weight.path in facts["trainable"]:
            assert weight.trainable == facts["trainable"][weight.path], weight.path

    assert type(model) is mmzoo.MultimodalModel
    assert (model.dtype_policy.name == "mixed_float16") == (name == "mixed_float16")
    assert type(model.optimizer).__name__ == facts["optimizer"]
    assert int(model.optimizer.iterations) == facts["iterations"]
    if name == "softmax":  # whose modality dropout draws
        return
    weights = arrays.get("weights")
    loss = model.train_on_batch(x, arrays["y"], weights, return_dict=True)["loss"]
    np.testing.assert_allclose(loss, arrays["losses"][0], rtol=1e-2 if "16" in name else 1e-4)


def as_raw(cells):
    """A cell of the stored rows, or a list of them, as it was."""
    if isinstance(cells, list):
        return [as_raw(cell) for cell in cells]
    return base64.b64decode(cells["base64"]) if isinstance(cells, dict) else cells


def test_a_layer_given_twice_is_still_shared(tmp_path):
    arrays, _ = unpacked("adapter", tmp_path)
    model, preprocessor = mmzoo.load(tmp_path)
    front, back = (model.get_layer(f"{name}_encoder").layer for name in ("image", "back"))
    assert front is back and front.name == "network"
    mmzoo.save(model, preprocessor, tmp_path / "again")
    again, _ = mmzoo.load(tmp_path / "again")
    assert again.get_layer("image_encoder").layer is again.get_layer("back_encoder").layer
    for each in (model, again):
        answers = predict(each, tensors_in(arrays))
        np.testing.assert_allclose(answers, arrays["predictions"], atol=1e-5)


def test_old_tfrecords_give_the_same_tensors(tmp_path):
    arrays, facts = unpacked("tfrecords", tmp_path)
    records = mmzoo.data.from_tfrecords(tmp_path / "tfrecords")
    assert records.class_names == ["blue", "green", "red"]
    table = facts["rows"]["tabular"]
    rows = [dict(zip(table, cells, strict=True)) for cells in zip(*table.values(), strict=True)]
    assert list(records.columns["tabular"]) == rows
    preprocessor = mmzoo.Preprocessor.load(tmp_path / "preprocessor.json")
    x, y, weights = next(records.to_dataset(preprocessor, batch_size=6).as_numpy_iterator())
    expected = tensors_in(arrays)
    assert x.keys() == expected.keys()
    for name, tensor in x.items():
        np.testing.assert_allclose(tensor, expected[name], atol=1e-5, err_msg=name)
    np.testing.assert_array_equal(y, arrays["y"])
    np.testing.assert_array_equal(weights, arrays["weights"])
