"""Files that want too much are refused before there is memory for it, and leave nothing behind."""

import json
import os
import zipfile

import keras
import pytest

import mmzoo
from mmzoo.encoders import applications
from mmzoo.keras_compat import safe_mode
from tests.parts import tiny


@pytest.fixture
def saved(tmp_path):
    encoder = tiny("bag", mmzoo.encoders.TextBag)
    words = ["red", "blue"]
    inputs = {"text": mmzoo.Text(4, vocabulary_size=9, vocabulary=words, encoder=encoder)}
    records = mmzoo.data.from_arrays({"text": ["red", "blue"] * 2}, ["a", "b"] * 2)
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(records)
    head = mmzoo.heads.Softmax(class_names=["a", "b"])
    model = mmzoo.build_model(inputs=inputs, head=head, dim=8)
    mmzoo.save(model, preprocessor, tmp_path / "model")
    return tmp_path / "model"


def change(folder, edit, **members):
    """Rewrites the model's file: `edit` changes its config, `members` are files besides."""
    file, changed = folder / "model.keras", folder / "changed"
    with (
        zipfile.ZipFile(file) as old,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                content = edit(config) or json.dumps(config)
            new.writestr(name, content)
        for name, content in members.items():
            new.writestr(name, content)
    os.replace(changed, file)


def layer(config, name):
    return next(x["config"] for x in config["config"]["layers"] if x["name"] == name)


@pytest.mark.parametrize(
    ("name", "argument"), [("text_encoder", "embedding_dim"), ("head", "units")]
)
@pytest.mark.parametrize("size", [10**10, 10**8])  # the second there might be memory for
def test_weights_that_are_too_large(saved, name, argument, size):
    good = saved.with_name("good")
    good.mkdir()
    for file in saved.iterdir():
        (good / file.name).write_bytes(file.read_bytes())
    changes = {argument: size, **({"class_names": None} if name == "head" else {})}
    change(saved, lambda config: layer(config, name).update(changes))
    with pytest.raises(ValueError, match=rf"more than 1,073,741,824 bytes, with {name}.*{size}"):
        mmzoo.load(saved)
    model, _ = mmzoo.load(good)
    assert model.count_params()


@pytest.mark.slow
def test_more_layers_than_any_network_has(saved):
    config = {"embedding_dim": 8, "depth": 10**9, "num_heads": 2, "vocabulary_size": 9}
    name = "mmzoo>TextTransformer"
    change(
        saved,
        lambda model: next(
            x for x in model["config"]["layers"] if x["name"] == "text_encoder"
        ).update(
            config={"name": "text_encoder", **config}, registered_name=name,
            class_name="TextTransformer", module="mmzoo.encoders.text_transformer",
        ),
    )  # fmt: skip
    with pytest.raises(ValueError, match="more than 4,096 layers"):
        mmzoo.load(saved)


def test_the_bound_can_be_set(saved):
    change(saved, lambda config: layer(config, "fusion").update({"dim": 10_000}))
    with pytest.raises(ValueError, match="take more than 400,000 bytes, with head"):
        mmzoo.load(saved, max_bytes=400_000)


def test_a_description_that_is_too_large(saved):
    change(saved, lambda config: " " * 2**27 + json.dumps(config))
    assert os.path.getsize(saved / "model.keras") < 2**20
    with pytest.raises(ValueError, match=r"config\.json has 134,\d+,\d+ bytes.*max_bytes="):
        mmzoo.load(saved)
    model, _ = mmzoo.load(saved, max_bytes=2**32)
    assert model.count_params()
    change(saved, lambda config: None)
    with (saved / "preprocessor.json").open("a") as file:
        file.write(" " * 2**27)
    with pytest.raises(ValueError, match=r"preprocessor\.json has"):
        mmzoo.load(saved)


def test_an_archive_that_unpacks_to_too_much(saved):
    change(saved, lambda config: None, **{"assets/zeros": bytes(2**20)})
    with pytest.raises(ValueError, match="would unpack to"):
        mmzoo.load(saved, max_bytes=2**20)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../outside", "leads out"),
        ("assets/../../outside", "leads out"),
        ("/outside", "leads out"),
        ("c:\\outside", "leads out"),
        ("config.json", "2 members called 'config.json'"),
    ],
)
def test_names_that_no_model_has(saved, name, message):
    change(saved, lambda config: None, **{name: "{}"})
    with pytest.raises(ValueError, match=message):
        mmzoo.load(saved)


def test_no_archive(saved):
    (saved / "model.keras").write_bytes(b"PK")
    with pytest.raises(ValueError, match="is damaged, or no model"):
        mmzoo.load(saved)
    os.remove(saved / "model.keras")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        mmzoo.load(saved)


@pytest.mark.parametrize("class_names", [["b", "a"], ["a", "b", "c"]])
def test_classes_that_are_not_those_of_the_model(saved, class_names):
    file = saved / "preprocessor.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "class_names": class_names}))
    with pytest.raises(ValueError, match=r"was changed: its `class_names` are"):
        mmzoo.load(saved)
    changed = json.dumps(content).replace('["a", "b"]', json.dumps(class_names))
    assert changed.count(json.dumps(class_names)) == 3  # in the targets, too
    file.write_text(changed)
    with pytest.raises(ValueError, match=r"do not fit|class names"):
        mmzoo.load(saved)


@pytest.mark.parametrize("weights", ["imagenet", "/etc/hostname", "/not/there"])
@pytest.mark.parametrize("enabled", [True, False])
def test_loading_takes_no_weights_from_elsewhere(weights, enabled, monkeypatch):
    asked = []

    def make(include_top, weights, input_shape):
        asked.append(weights)
        return keras.Sequential([keras.Input(input_shape), keras.layers.Conv2D(2, 3)])

    monkeypatch.setitem(applications.ARCHITECTURES, "VGG16", make)
    monkeypatch.setattr(keras.Sequential, "load_weights", asked.append)
    with safe_mode(enabled):
        encoder = mmzoo.encoders.Applications.from_config(
            {"architecture": "VGG16", "weights": weights, "name": "encoder"}
        )
        encoder.build((None, 32, 32, 3))
    assert asked == [None]


def test_safe_mode_fetches_no_preset():
    pytest.importorskip("keras_hub", reason="the extra `keras-hub` is not installed")
    for preset in ("bert_tiny_en_uncased", "hf://user/name", "/etc"):
        with safe_mode(True), pytest.raises(ValueError, match="names the preset"):
            mmzoo.encoders.KerasHub.from_config({"backbone": preset, "name": "encoder"})
