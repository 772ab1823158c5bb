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


@pytest.fixture(params=slow_among(CASES, {*CASES} - {*DAILY}, pytest.mark.end_to_end))
def old(request, tmp_path):
    """`(name, model, preprocessor, arrays, facts)`."""
    with zipfile.ZipFile(FILES / f"{request.param}.zip") as archive:
        archive.extractall(tmp_path)
    with np.load(FILES / f"{request.param}.npz") as file:
        arrays = dict(file)
    return request.param, *mmzoo.load(tmp_path), arrays, json.loads(str(arrays.pop("facts")))


def test_there_are_files_of_all_kinds():
    assert CASES == [
        "frozen", "layerwise_adamw", "mixed_float16", "regression", "sigmoid", "softmax",
    ]  # fmt: skip


def test_old_files_load(old):
    name, model, preprocessor, arrays, facts = old
    model.run_eagerly = True  # so small, they are traced longer than they run
    tolerance = {"rtol": 1e-2, "atol": 1e-2} if name == "mixed_float16" else {"atol": 1e-5}
    rows = {
        key: cells if isinstance(cells, dict) else [as_raw(cell) for cell in cells]
        for key, cells in facts["rows"].items()
    }
    x = {key.removeprefix("x/"): value for key, value in arrays.items() if key.startswith("x/")}
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
    loss = model.train_on_batch(x, arrays["y"], return_dict=True)["loss"]
    np.testing.assert_allclose(loss, arrays["losses"][0], rtol=1e-2 if "16" in name else 1e-4)


def as_raw(cell):
    """A cell of the stored rows, as it was."""
    return base64.b64decode(cell["base64"]) if isinstance(cell, dict) else cell
