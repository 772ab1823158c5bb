"""TF-Hub modules: parity, training, saving, and what they need of preprocessing and export."""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.testing import TestCase

import mmzoo
from mmzoo.encoders import TFHub
from mmzoo.keras_compat import safe_mode
from mmzoo.saved_model import module_folder
from tests.parts import slow_among
from tests.pipeline import hub_modules
from tests.pipeline.raw import encoded, sound

VECTORS = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
PICTURES = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3)).astype("float32")
TEXTS = ["red circle", "a blue square", "it is green", "unheard"]
LABELS = np.array([0, 1, 2, 0])
IDS = {
    "input_word_ids": np.array([[2, 3, 4, 0], [2, 5, 0, 0]], "int32"),
    "input_mask": np.array([[1, 1, 1, 0], [1, 1, 0, 0]], "int32"),
    "input_type_ids": np.zeros((2, 4), "int32"),
}


def make(kind, folder):
    return getattr(hub_modules, f"save_{kind}")(str(folder))


@pytest.fixture
def pictures(tmp_path):
    return make("pictures", tmp_path / "pictures")


def picture_model(encoder, **options):
    inputs = {"image": mmzoo.Image(size=(8, 8), encoder=encoder)}
    keras.utils.set_random_seed(0)
    return mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(3), dim=8, **options)


def raw_module(folder):
    return tf.saved_model.load(folder)


# Parity with the raw module


def test_callable(pictures):
    encoder = TFHub(pictures, output_key="features")
    tokens, mask = encoder(PICTURES)
    np.testing.assert_allclose(tokens[:, 0], raw_module(pictures)(PICTURES)["features"], atol=1e-6)
    assert mask.shape == (4, 1) and mask.numpy().all()


@pytest.mark.parametrize("kind, key", [("signature", "scores"), ("version_1", "y")])
def test_signature_only(kind, key, tmp_path):
    folder = make(kind, tmp_path / kind)
    encoder = TFHub(folder, trainable=True)
    function = next(iter(raw_module(folder).signatures.values()))
    name = next(iter(function.structured_input_signature[1]))
    expected = function(**{name: tf.constant(VECTORS)})[key]
    np.testing.assert_allclose(encoder(VECTORS)[0][:, 0], expected, atol=1e-6)
    assert len(encoder.trainable_variables) == 1


def test_frozen_graph(tmp_path):
    folder = make("frozen", tmp_path / "frozen")
    tokens = TFHub(folder)(VECTORS)[0]
    np.testing.assert_allclose(tokens[:, 0], raw_module(folder)(VECTORS), atol=1e-6)
    with pytest.raises(ValueError, match="feature extraction only"):
        TFHub(folder, trainable=True)


def test_strings(tmp_path):
    folder = make("words", tmp_path / "words")
    tokens = TFHub(folder)(tf.constant(TEXTS))[0]
    np.testing.assert_allclose(tokens[:, 0], raw_module(folder)(TEXTS), atol=1e-6)


def test_dict_of_inputs_and_outputs(tmp_path):
    folder = make("bert", tmp_path / "bert")
    expected = raw_module(folder)(IDS)
    tokens, mask = TFHub(folder, output_key="sequence_output")(
        {"ids": IDS["input_word_ids"], "mask": IDS["input_mask"]}
    )
    np.testing.assert_allclose(tokens, expected["sequence_output"], atol=1e-6)
    np.testing.assert_array_equal(mask, IDS["input_mask"] == 1)
    pooled, _ = TFHub(folder, output_key="pooled_output")(IDS)
    np.testing.assert_allclose(pooled[:, 0], expected["pooled_output"], atol=1e-6)
    both, mask = TFHub(folder, output_key=["pooled_output", "sequence_output"])(
        IDS["input_word_ids"]
    )
    assert both.shape == (2, 5, 6)
    np.testing.assert_array_equal(mask[0], [True, True, True, True, False])


def test_feature_map_becomes_tokens_on_a_grid(pictures):
    encoder = TFHub(pictures, output_key="map")
    assert encoder(PICTURES)[0].shape == (4, 4, 6)
    assert encoder.grid == (2, 2)


def test_pictures_come_in_the_range_of_the_module(pictures):
    model = picture_model(TFHub(pictures, output_key="features"))
    encoder = keras.Model(model.input, model.get_layer("image_encoder").output[0])
    expected = raw_module(pictures)(PICTURES / 255)["features"]
    np.testing.assert_allclose(encoder(PICTURES)[:, 0], expected, atol=1e-6)
    around_zero = TFHub(pictures, output_key="features", value_range=(-1, 1))(PICTURES)[0]
    expected = raw_module(pictures)(PICTURES / 127.5 - 1)["features"]
    np.testing.assert_allclose(around_zero[:, 0], expected, atol=1e-5)


# Training


@pytest.mark.slow
@pytest.mark.parametrize("channel_axis", [False, True])
def test_sounds(channel_axis, tmp_path):
    encoder = TFHub(hub_modules.save_sounds(str(tmp_path / "module"), channel_axis), trainable=True)
    inputs = {"voice": mmzoo.Audio(4000, 0.1, encoder=encoder)}
    model = mmzoo.build_model(inputs=inputs, head="sigmoid", dim=8)
    pair = model, mmzoo.Preprocessor(inputs)
    tokens, _ = model.get_layer("voice_encoder").output
    assert tokens.shape[1:] == (4, 5)
    rows = {"voice": [sound(0), sound(1)]}
    folder = mmzoo.export_savedmodel(*pair, tmp_path / "serving")
    outputs = tf.saved_model.load(folder).signatures["serving_default"](
        voice=tf.constant(rows["voice"])
    )
    np.testing.assert_allclose(outputs["probabilities"], mmzoo.predict(*pair, rows), atol=1e-6)


def test_gradients_are_those_of_the_module(pictures):
    encoder = TFHub(pictures, output_key="features", trainable=True)
    module = raw_module(pictures)
    x = tf.constant(PICTURES / 255)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(encoder(x)[0] ** 2)
    found = tape.gradient(loss, [v.value for v in encoder.trainable_variables])
    variables = [module.kernel, module.bias, module.scale]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(module(x)["features"] ** 2)
    expected = tape.gradient(loss, variables)
    key = lambda g: (g.shape.rank, float(tf.reduce_sum(g)))  # noqa: E731
    for ours, theirs in zip(sorted(found, key=key), sorted(expected, key=key), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_only_what_the_output_depends_on_trains(pictures):
    assert len(TFHub(pictures, output_key="features", trainable=True).trainable_variables) == 3
    assert len(TFHub(pictures, output_key="other", trainable=True).trainable_variables) == 4
    encoder = TFHub(pictures, output_key="features", trainable=True)
    names = [variable.path for variable in encoder.variables]
    assert len(set(names)) == len(names) == 5 and not any(":" in name for name in names)


@pytest.mark.end_to_end
def test_fine_tuning_moves_every_variable_it_can(pictures):
    encoder = TFHub(pictures, output_key="features", trainable=True)
    model = picture_model(encoder, optimizer=keras.optimizers.Adam(0.01))
    before = [variable.numpy() for variable in encoder.variables]
    losses = model.fit(PICTURES, LABELS, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    names = [variable.path for variable in encoder.variables]
    moved = [(a != b.numpy()).any() for a, b in zip(before, encoder.variables, strict=True)]
    expected = ["elsewhere" not in name for name in names]  # moving_mean: training was passed on
    assert moved == expected


def test_frozen_stays_to_the_bit_and_can_be_released(pictures):
    encoder = TFHub(pictures, output_key="features")
    model = picture_model(encoder)
    before = [variable.numpy() for variable in encoder.variables]
    model.fit(PICTURES, LABELS, epochs=2, verbose=0)
    for old, new in zip(before, encoder.variables, strict=True):
        np.testing.assert_array_equal(old, new)
    model.get_layer("image_encoder").trainable = True
    model.compile("adam", model.get_layer("head").make_loss())
    model.fit(PICTURES, LABELS, verbose=0)
    assert (before[0] != encoder.variables[0].numpy()).any()


def test_regularisation_of_the_module_counts(pictures):
    encoder = TFHub(pictures, output_key="features", trainable=True)
    model = picture_model(encoder)
    model(PICTURES)
    kernel = next(v for v in encoder.variables if v.shape == (192, 6))
    np.testing.assert_allclose(sum(model.losses), 0.01 * np.sum(kernel.numpy() ** 2), rtol=1e-5)
    encoder.module.trainable = False
    assert sum(model.losses) == 0


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy, pictures):
    encoder = TFHub(pictures, output_key="features", trainable=True, dtype=policy)
    model = picture_model(encoder, dtype=policy)
    losses = model.fit(PICTURES, LABELS, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert encoder(PICTURES)[0].dtype == policy.removeprefix("mixed_")
    assert {variable.dtype for variable in encoder.variables} == {"float32"}


@pytest.mark.slow
def test_xla(pictures, tmp_path):
    model = picture_model(TFHub(pictures, output_key="features", trainable=True))
    model.compile("adam", model.get_layer("head").make_loss(), jit_compile=True)
    assert np.isfinite(model.fit(PICTURES, LABELS, verbose=0).history["loss"]).all()
    assert mmzoo.xla_report(model).compiled and not mmzoo.xla_report(model).blockers
    inputs = {"text": mmzoo.Text(encoder=TFHub(make("words", tmp_path / "words")))}
    model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(3), dim=8)
    report = mmzoo.xla_report(model)
    assert not report.compiled
    assert [kind for _, kind in report.blockers] == ["SavedModelLayer"]


# Saving


@pytest.mark.end_to_end
def test_a_saved_model_holds_the_module(pictures, tmp_path, monkeypatch):
    encoder = TFHub(pictures, output_key="features", trainable=True)
    model = picture_model(encoder)
    model.fit(PICTURES, LABELS, epochs=3, verbose=0)
    expected = model.predict(PICTURES, verbose=0)
    path = tmp_path / "model.keras"
    model.save(path)
    shutil.rmtree(pictures)
    with pytest.raises(ValueError, match="safe_mode=False"):
        keras.saving.load_model(path)
    monkeypatch.setattr(module_folder, "FOLDERS", {})  # as in another process
    loaded = keras.saving.load_model(path, safe_mode=False)
    np.testing.assert_array_equal(loaded.predict(PICTURES, verbose=0), expected)
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)
    assert len(loaded.trainable_variables) == len(model.trainable_variables)
    before = [variable.numpy() for variable in loaded.trainable_variables]
    loaded.fit(PICTURES, LABELS, verbose=0)
    moved = [
        (a != b.numpy()).any() for a, b in zip(before, loaded.trainable_variables, strict=True)
    ]
    assert all(moved)
    second = tmp_path / "second.keras"
    loaded.save(second)
    twice = keras.saving.load_model(second, safe_mode=False)
    np.testing.assert_array_equal(
        twice.predict(PICTURES, verbose=0), loaded.predict(PICTURES, verbose=0)
    )


def test_training_goes_on_after_loading(tmp_path):
    """Without dropout, to the bit."""
    encoder = TFHub(make("signature", tmp_path / "signature"), trainable=True)
    x = keras.Input((4,), name="x")
    tokens, _ = encoder(x)
    model = keras.Model(x, keras.layers.Dense(1)(tokens[:, 0]))
    model.compile("adam", "mse")
    y = np.ones((4, 1), "float32")
    model.fit(VECTORS, y, epochs=2, verbose=0, shuffle=False)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=False)
    for each in (model, loaded):
        each.fit(VECTORS, y, epochs=3, verbose=0, shuffle=False)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", ["signature", "version_1", "frozen"])
def test_every_kind_is_saved(kind, tmp_path):
    folder = make(kind, tmp_path / kind)
    x = keras.Input((4,), name="x")
    model = keras.Model(x, TFHub(folder)(x)[0])
    expected = model.predict(VECTORS, verbose=0)
    model.save(tmp_path / "model.keras")
    shutil.rmtree(folder)
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_array_equal(loaded.predict(VECTORS, verbose=0), expected)


@pytest.mark.end_to_end
def test_copies_and_several_of_one_module(pictures):
    first = TFHub(pictures, output_key="features", trainable=True)
    second = TFHub(pictures, output_key="features", trainable=True)
    inputs = {
        "front": mmzoo.Image(size=(8, 8), encoder=first),
        "back": mmzoo.Image(size=(8, 8), encoder=second),
    }
    model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(3), dim=8)
    first.variables[0].assign(first.variables[0] + 1)
    assert (first.variables[0].numpy() != second.variables[0].numpy()).any()
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    x = {"front": PICTURES, "back": PICTURES[::-1]}
    np.testing.assert_array_equal(clone.predict(x, verbose=0), model.predict(x, verbose=0))
    json.dumps(model.get_config())
    uncalled = TFHub(pictures, output_key="features")
    copy = TFHub.from_config(uncalled.get_config())
    np.testing.assert_array_equal(copy(PICTURES)[0], uncalled(PICTURES)[0])


def test_its_config_is_what_it_was_made_with(tmp_path):
    arguments = {"handle": make("bert", tmp_path), "output_key": "sequence_output"}
    x = {"x": {"ids": IDS["input_word_ids"], "mask": IDS["input_mask"] > 0}}
    with safe_mode(False):  # what Keras's test deserialises names a module, which is code
        TestCase().run_layer_test(TFHub, arguments, input_data=x, run_training_check=False)


@pytest.mark.end_to_end
def test_of_keras_with_training(pictures):
    arguments = {"handle": pictures, "output_key": "features", "trainable": True}
    with safe_mode(False):
        TestCase().run_layer_test(TFHub, arguments, input_data=PICTURES)


# The whole way: raw rows, records, export


def text_encoders(folder):
    return {
        "strings": TFHub(make("words", folder / "words"), trainable=True),
        "preprocessor": TFHub(
            make("bert", folder / "bert"),
            trainable=True,
            output_key="sequence_output",
            preprocessor=make("tokens", folder / "tokens"),
        ),
    }


@pytest.mark.parametrize("kind", slow_among(["strings", "preprocessor"], slow=["preprocessor"]))
@pytest.mark.parametrize("optional", slow_among([False, True], slow=[False]))
@pytest.mark.end_to_end
def test_texts_from_raw_rows_to_the_export(kind, optional, tmp_path):
    encoder = text_encoders(tmp_path)[kind]
    inputs = {
        "image": mmzoo.Image(size=(8, 8), encoder="cnn"),
        "text": mmzoo.Text(encoder=encoder, optional=optional),
    }
    if kind == "preprocessor":
        assert inputs["text"].input_names("text") == {
            "ids": "text", "mask": "text_mask", "segments": "text_segments"
        }  # fmt: skip
    columns = {
        "image": [encoded(picture.astype("uint8"), "PNG") for picture in PICTURES],
        "text": ["", *TEXTS[1:]] if optional else TEXTS,
    }
    records = mmzoo.data.from_arrays(columns, labels=["x", "y", "z", "x"])
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(records)
    model = mmzoo.build_model(
        inputs=inputs, head=mmzoo.heads.Softmax(class_names=records.class_names), dim=8
    )
    dataset = records.to_dataset(preprocessor, batch_size=4, training=True)
    assert np.isfinite(model.fit(dataset, verbose=0).history["loss"]).all()
    expected = mmzoo.predict(model, preprocessor, columns)
    mmzoo.save(model, preprocessor, tmp_path / "saved")
    with pytest.raises(ValueError, match="safe_mode=False"):
        mmzoo.load(tmp_path / "saved")
    loaded = mmzoo.load(tmp_path / "saved", safe_mode=False)
    np.testing.assert_array_equal(mmzoo.predict(*loaded, columns), expected)
    folder = mmzoo.export_savedmodel(*loaded, tmp_path / "served")
    served = tf.saved_model.load(folder).signatures["serving_default"]
    outputs = served(**{name: tf.constant(values) for name, values in columns.items()})
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-6)
    assert outputs["ok"].numpy().all()


def test_a_tokenizer_with_an_encoder_of_mmzoo(tmp_path):
    tokenizer = mmzoo.tokenizers.HubPreprocessor(make("tokens", tmp_path / "tokens"))
    encoder = mmzoo.encoders.TextTransformer(vocabulary_size=16, embedding_dim=8, depth=1)
    text = mmzoo.Text(encoder=encoder, tokenizer=tokenizer)
    model = mmzoo.build_model(inputs={"text": text}, head=mmzoo.heads.Softmax(3), dim=8)
    preprocessor = mmzoo.Preprocessor({"text": text})
    assert mmzoo.predict(model, preprocessor, {"text": TEXTS}).shape == (4, 3)
    with pytest.raises(ValueError, match="makes texts of length 6; received length=9"):
        mmzoo.Text(length=9, encoder=encoder, tokenizer=tokenizer)
    with pytest.raises(ValueError, match="vocabulary of its own"):
        mmzoo.Text(vocabulary_size=9, encoder=encoder, tokenizer=tokenizer)


@pytest.mark.end_to_end
def test_the_recipe_of_two_modules(pictures, tmp_path):
    recipe = mmzoo.recipes.tfhub_image_text(
        pictures,
        make("bert", tmp_path / "bert"),
        make("tokens", tmp_path / "tokens"),
        output_keys=("features", "pooled_output"),
        head=mmzoo.heads.Softmax(3),
    )
    assert recipe.inputs["image"].size == (8, 8)
    model = mmzoo.build_model(recipe)
    frozen = {"image_encoder", "text_encoder"}
    assert not any(v.path.split("/")[0] in frozen for v in model.trainable_variables)
    columns = {"image": [encoded(p.astype("uint8"), "PNG") for p in PICTURES], "text": TEXTS}
    assert mmzoo.predict(model, mmzoo.Preprocessor(recipe.inputs), columns).shape == (4, 3)


# Errors


def test_errors(pictures, tmp_path):
    with pytest.raises(ValueError, match="several outputs: features, map, other"):
        TFHub(pictures)
    with pytest.raises(ValueError, match="no output 'feature'"):
        TFHub(pictures, output_key="feature")
    with pytest.raises(ValueError, match="no signature 'serve'"):
        TFHub(make("signature", tmp_path / "signature"), signature="serve")
    with pytest.raises(FileNotFoundError, match="no folder"):
        TFHub(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"no saved_model\.pb"):
        TFHub(tmp_path)
    encoder = TFHub(pictures, output_key="features")
    with pytest.raises(ValueError, match=r"shape \(None, 8, 8, 3\); received shape"):
        encoder(np.zeros((2, 9, 9, 3), "float32"))


def test_handles_are_resolved_in_the_cache(pictures, tmp_path, monkeypatch):
    handle = "https://tfhub.dev/somebody/something/1"
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))

    def offline(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.OpenerDirector.open", offline)
    with pytest.raises(FileNotFoundError, match="TFHUB_CACHE_DIR"):
        TFHub(handle)
    # Where `tensorflow_hub` keeps what it has downloaded.
    cached = tmp_path / "cache" / hashlib.sha1(handle.encode()).hexdigest()
    shutil.copytree(pictures, cached)
    assert TFHub(handle, output_key="features")(PICTURES)[0].shape == (4, 1, 6)


def test_a_newer_setuptools_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pkg_resources", None)
    for name in [name for name in sys.modules if name.startswith("tensorflow_hub")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match="setuptools<81"):
        TFHub("https://tfhub.dev/somebody/something/1")


@pytest.mark.slow
def test_a_module_trained_by_others():
    """basic-pitch 0.4.0, from its PyPI wheel: waveforms -> notes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder]
        done = subprocess.run([*command, "basic-pitch==0.4.0"], capture_output=True)
        if done.returncode:
            pytest.skip("basic-pitch can't be downloaded")
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        zipfile.ZipFile(wheel).extractall(folder)
        path = f"{folder}/basic_pitch/saved_models/icassp_2022/nmp"
        encoder = TFHub(path, output_key=["note", "onset"], trainable=True)
        assert len(encoder.trainable_variables) == 18
        x = np.random.default_rng(0).normal(size=(2, 43844, 1)).astype("float32") / 10
        expected = raw_module(path)(x)
        tokens, _ = encoder(x)
        np.testing.assert_allclose(tokens[:, :172], expected["note"], atol=1e-6)
        np.testing.assert_allclose(tokens[:, 172:], expected["onset"], atol=1e-6)
        inputs = keras.Input((43844, 1), name="x")
        model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(encoder(inputs)[0]))
        model.compile("adam", "mse")
        y = np.ones((2, 88), "float32")
        before = [variable.numpy() for variable in encoder.trainable_variables]
        losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        for old, new in zip(before, encoder.trainable_variables, strict=True):
            assert (old != new.numpy()).any(), new.path
        model.save(f"{folder}/model.keras")
        loaded = keras.saving.load_model(f"{folder}/model.keras", safe_mode=False)
        np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
