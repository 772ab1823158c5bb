"""docs/extending.md runs, and a modality from outside goes everywhere that mmzoo's own ones go."""

import contextlib
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.commands.predict_file import predict_file

PAGE = pathlib.Path(mmzoo.__file__).parent.parent / "docs" / "extending.md"


@pytest.fixture(scope="module")
def registries():
    """What is registered by a test is forgotten after it."""
    known = [
        mmzoo.modalities.MODALITIES, mmzoo.encoders.ENCODERS, mmzoo.encoders.ENCODERS["image"],
        mmzoo.fusion.FUSIONS, mmzoo.heads.HEADS, mmzoo.recipes.RECIPES,
    ]  # fmt: skip
    before = [dict(registry) for registry in known]
    yield
    for registry, content in zip(known, before, strict=True):
        registry.clear()
        registry.update(content)


@pytest.fixture(scope="module")
def page(registries, tmp_path_factory):
    """What the snippets of the page defined, all of which ran in an empty folder."""
    namespace = {"__name__": "extending"}
    with contextlib.chdir(tmp_path_factory.mktemp("extending")):
        for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL):
            exec(compile(snippet, str(PAGE), "exec"), namespace)
        yield namespace


@pytest.mark.end_to_end
def test_a_modality_from_outside(page):
    records, preprocessor, model = page["records"], page["preprocessor"], page["model"]
    assert list(records.columns) == ["text", "cloud"]
    assert page["report"].rows == 24 and page["probabilities"].shape == (1, 2)
    outputs = page["outputs"]
    assert outputs["cloud_ok"].numpy().all() and outputs["labels"].numpy()[0, 0] in (
        b"ball",
        b"cube",
    )
    assert isinstance(preprocessor.inputs["cloud"], page["PointCloud"])
    assert isinstance(model.get_layer("cloud_encoder"), page["PointNet"])

    # What was exported answers as the model does, also of values that are absent or broken.
    cloud = pathlib.Path("shapes/cube/1.xyz").read_bytes()
    served = page["served"].signatures["serving_default"]
    outputs = served(cloud=tf.constant([cloud, b"", b"no cloud"]), text=tf.constant(["red"] * 3))
    assert outputs["cloud_ok"].numpy().tolist() == [True, True, False]
    expected = mmzoo.predict(
        model, preprocessor, [{"cloud": value, "text": "red"} for value in (cloud, None)]
    )
    np.testing.assert_allclose(outputs["probabilities"][:2], expected, atol=1e-5)
    card = pathlib.Path("shapes_serving/model_card.md").read_text()
    assert "| `cloud` | (B,) string | bytes of an XYZ file, a point a line | yes |" in card

    # Check: what is wrong, what is strange, and how large the files are.
    pathlib.Path("flat.xyz").write_text("0 0 1\n0 1 1\n0 2 3")
    pathlib.Path("words.xyz").write_text("no numbers at all")
    pathlib.Path("empty.xyz").write_text("")
    values = ["shapes/cube/1.xyz", "flat.xyz", "words.xyz", "empty.xyz", "gone.xyz", None]
    rows = mmzoo.data.from_arrays({"cloud": values})
    found = rows.validate({"cloud": page["PointCloud"](points=8)})
    assert [(finding.row, finding.kind) for finding in found.findings] == [
        (1, "flat"), (2, "unreadable"), (3, "empty"), (4, "missing file"), (5, "absent"),
    ]  # fmt: skip
    assert "points: smallest 3, median 40, largest 40" in str(found)
    assert "StringToNumber" in found.findings[1].message or "no" in found.findings[1].message

    # Rows in files, with one that can't be read.
    lines = ["cloud,title", "shapes/ball/0.xyz,red", "words.xyz,red", ",blue"]
    pathlib.Path("rows.csv").write_text("\n".join(lines))
    columns = {"cloud": "cloud", "text": "title"}
    result = predict_file(model, preprocessor, "rows.csv", "predicted.csv", columns)
    assert (result.rows, result.bad) == (3, 1)

    # TFRecords, a cache on disk, and modality dropout.
    records.write_tfrecords("packed")
    again = mmzoo.data.from_tfrecords("packed")
    for options in ({}, {"cache": "decoded"}):
        batch, _ = next(iter(again.to_dataset(preprocessor, batch_size=24, **options)))
        want, _ = next(iter(records.to_dataset(preprocessor, batch_size=24)))
        for name, tensor in want.items():
            np.testing.assert_array_equal(batch[name], tensor, err_msg=name)
    mmzoo.build_model(
        inputs=preprocessor.inputs | {"cloud": page["PointCloud"](optional=True)},
        head=mmzoo.heads.Softmax(2), modality_dropout=0.5,
    )  # fmt: skip


@pytest.mark.end_to_end
def test_a_layer_that_takes_no_dict_gets_the_main_part(page):
    @keras.saving.register_keras_serializable(package="shop")
    class Named(page["PointCloud"]):
        main_part = "points"

    inputs = {"cloud": Named(points=8, encoder=keras.layers.Dense(4))}
    model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(2), dim=8)
    model.save("model.keras")
    loaded = keras.saving.load_model("model.keras")
    x = {"cloud": np.ones((2, 8, 3), "float32"), "cloud_mask": np.ones((2, 8), bool)}
    np.testing.assert_array_equal(loaded(x), model(x))


def test_what_can_not_be_registered(registries):
    class Block(mmzoo.fusion.Sum):
        pass

    with pytest.raises(ValueError, match=r"Block could be saved, but not loaded. Decorate it"):
        mmzoo.fusion.register("block", Block)
    keras.saving.register_keras_serializable(package="shop")(Block)
    mmzoo.fusion.register("block")(Block)
    assert "block" in mmzoo.fusion.names() and type(mmzoo.fusion.get("block")) is Block
    with pytest.raises(ValueError, match="There is a fusion called 'sum' already"):
        mmzoo.fusion.register("sum", Block)
    with pytest.raises(ValueError, match="can't be the name of a fusion"):
        mmzoo.fusion.register("My block", Block)
    with pytest.raises(TypeError, match="A fusion block is a subclass of Fusion"):
        mmzoo.fusion.register("dense", keras.layers.Dense)
    with pytest.raises(TypeError, match="An encoder is a subclass of Layer"):
        mmzoo.encoders.register("image", "number", 3)
    mmzoo.encoders.register("smell", "dense", keras.layers.Dense)
    assert mmzoo.encoders.names("smell") == ["dense"]
    with pytest.raises(ValueError, match="There is a kind of modality called 'image' already"):

        @mmzoo.modalities.register
        @keras.saving.register_keras_serializable(package="shop")
        class Picture(mmzoo.Image):
            pass

    with pytest.raises(TypeError, match="needs weights"):
        mmzoo.recipes.register("mine", lambda weights: None)

    @mmzoo.recipes.register("mine")
    def mine():
        text = mmzoo.Text(length=4, vocabulary_size=9, encoder="bag")
        return mmzoo.Recipe("mine", {"text": text}, "sum", mmzoo.heads.Softmax(2))

    assert "mine" in mmzoo.list_models() and mmzoo.build_model("mine").name == "mine"
