"""KerasHub: backbones as encoders, with tiny random ones. Runs on TensorFlow and on JAX."""

import json

import keras
import numpy as np
import pytest
from keras.src.testing import TestCase

import mmzoo
from mmzoo.encoders import KerasHub
from tests.parts import predict

keras_hub = pytest.importorskip("keras_hub", reason="the extra `keras-hub` is not installed")
models = keras_hub.models

BACKEND = keras.backend.backend()
IDS = np.array([[2, 5, 7, 3, 0, 0], [2, 9, 11, 12, 6, 3]], "int32")
PICTURES = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
SOUNDS = np.random.default_rng(0).normal(size=(2, 16, 4)).astype("float32")
SMALL = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8}
TEXT = {"vocabulary_size": 20, "intermediate_dim": 16, "max_sequence_length": 6, **SMALL}


def clip_backbone():
    vision = models.CLIPVisionEncoder(
        patch_size=16, intermediate_dim=16, image_shape=(32, 32, 3), **SMALL
    )
    text = models.CLIPTextEncoder(embedding_dim=8, **TEXT)
    return models.CLIPBackbone(vision, text, projection_dim=4)


def siglip_backbone():
    vision = models.SigLIPVisionEncoder(
        patch_size=16, intermediate_dim=16, image_shape=(32, 32, 3), **SMALL
    )
    text = models.SigLIPTextEncoder(embedding_dim=8, **TEXT)
    return models.SigLIPBackbone(vision, text)


def resnet_backbone():
    return models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
    )


#: Name -> function that makes a tiny random backbone.
BACKBONES = {
    "bert": lambda: models.BertBackbone(**TEXT),
    "distil_bert": lambda: models.DistilBertBackbone(**TEXT),
    "roberta": lambda: models.RobertaBackbone(**TEXT),
    "t5": lambda: models.T5Backbone(vocabulary_size=20, intermediate_dim=16, **SMALL),
    "vit": lambda: models.ViTBackbone(image_shape=(32, 32, 3), patch_size=16, mlp_dim=16, **SMALL),
    "resnet": resnet_backbone,
    "clip": clip_backbone,
    "siglip": siglip_backbone,
    "whisper": lambda: models.WhisperBackbone(
        vocabulary_size=20,
        intermediate_dim=16,
        num_mels=4,
        max_encoder_sequence_length=16,
        max_decoder_sequence_length=6,
        **SMALL,
    ),
}
MASK = (IDS != 0).astype("int32")
WORDS = {"token_ids": IDS, "padding_mask": MASK}


def sentence(backbone, key="sequence_output"):
    return backbone({**WORDS, "segment_ids": np.zeros_like(IDS)})[key]


def decoded(backbone, sounds=SOUNDS):
    words = {"decoder_token_ids": IDS, "decoder_padding_mask": MASK}
    if isinstance(backbone, models.WhisperBackbone):
        return backbone({"encoder_features": sounds, **words})["encoder_sequence_output"]
    words = {"encoder_token_ids": IDS, "encoder_padding_mask": MASK, **words}
    return backbone(words)["encoder_sequence_output"]


#: What is tested: id -> (backbone, arguments of the encoder, its input, what it should return).
CASES = {
    "bert": ("bert", {}, IDS, sentence),
    "bert-pooled": (
        "bert", {"output_key": "pooled_output"}, IDS, lambda b: sentence(b, "pooled_output"),
    ),
    "distil_bert": ("distil_bert", {}, IDS, lambda b: b(WORDS)),
    "roberta": ("roberta", {}, IDS, lambda b: b(WORDS)),
    "t5": ("t5", {}, IDS, decoded),
    "vit": ("vit", {}, PICTURES, lambda b: b(PICTURES)),
    "resnet": ("resnet", {}, PICTURES, lambda b: b(PICTURES)),
    "resnet-pyramid": (
        "resnet", {"output_key": "P2"}, PICTURES,
        lambda b: keras.Model(b.input, b.pyramid_outputs["P2"])(PICTURES),
    ),
    "clip-image": (
        "clip", {"tower": "image"}, PICTURES, lambda b: b.vision_encoder({"images": PICTURES}),
    ),
    "clip-image-embedding": (
        "clip", {"tower": "image", "output_key": "embedding"}, PICTURES,
        lambda b: b.get_vision_embeddings(PICTURES),
    ),
    "clip-text": ("clip", {"tower": "text"}, IDS, lambda b: b.text_encoder({"token_ids": IDS})),
    "clip-text-embedding": (
        "clip", {"tower": "text", "output_key": "embedding"}, IDS,
        lambda b: b.get_text_embeddings(IDS),
    ),
    "siglip-image": (
        "siglip", {"tower": "image"}, PICTURES, lambda b: b.get_vision_embeddings(PICTURES),
    ),
    "siglip-text": ("siglip", {"tower": "text"}, IDS, lambda b: b.get_text_embeddings(IDS)),
    "whisper": ("whisper", {}, SOUNDS, decoded),
}  # fmt: skip
#: In the default run, one of each kind.
QUICK = ("bert", "clip-image-embedding")


@pytest.fixture(
    params=[c if c in QUICK else pytest.param(c, marks=pytest.mark.slow) for c in CASES]
)
def case(request):
    """`(encoder, x, what the raw backbone makes of x)`."""
    name, options, x, raw = CASES[request.param]
    backbone = BACKBONES[name]()
    expected = numpy(raw(backbone))
    return KerasHub(backbone, **options), x, expected


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def model_of(encoder, x):
    """A classifier on top of the mean token."""
    inputs = keras.Input(x.shape[1:], dtype=x.dtype.name, name="x")
    tokens, _ = encoder(inputs)
    tokens = keras.layers.GlobalAveragePooling1D()(tokens)
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(tokens))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    eagerly = BACKEND == "tensorflow"  # tracing takes longer than a few steps do
    model.compile(keras.optimizers.Adam(1e-3), loss, run_eagerly=eagerly)
    return model


def fit(model, x, epochs=1):
    """Trains; returns the loss, without dropout, before and after."""
    y = np.array([0, 1])
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=epochs, verbose=0)
    return before, model.evaluate(x, y, verbose=0)


def test_equals_the_raw_backbone(case):
    encoder, x, expected = case
    tokens, mask = encoder(x)
    np.testing.assert_allclose(numpy(tokens).ravel(), expected.ravel(), atol=1e-6)
    assert tokens.shape[:2] == mask.shape and tokens.shape[-1] == expected.shape[-1]
    assert encoder.grid == (expected.shape[1:3] if expected.ndim == 4 else None)
    words = x is IDS and expected.ndim == 3
    np.testing.assert_array_equal(numpy(mask), IDS != 0 if words else np.ones(mask.shape, bool))


def test_a_saved_model_holds_the_network(case, tmp_path):
    encoder, x, _ = case
    model = model_of(encoder, x)
    fit(model, x)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")  # safe_mode is on by default
    np.testing.assert_array_equal(predict(loaded, x), predict(model, x))
    again = next(layer for layer in loaded.layers if isinstance(layer, KerasHub))
    assert json.dumps(again.get_config()) == json.dumps(encoder.get_config())
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)


def test_whisper_hears_waveforms(tmp_path):
    converter = keras_hub.layers.WhisperAudioConverter(num_mels=4, stride=1000, max_audio_length=1)
    backbone = BACKBONES["whisper"]()
    encoder = KerasHub(backbone, audio_converter=converter)
    assert encoder.sample_rate == 16_000
    time = np.arange(12_000) / 16_000
    sound = np.stack([np.sin(2 * np.pi * 440 * time), 0 * time]).astype("float32")
    expected = decoded(backbone, numpy(converter(sound)))
    np.testing.assert_allclose(numpy(encoder(sound)[0]), numpy(expected), atol=1e-5)
    model = model_of(encoder, sound)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(loaded, sound), predict(model, sound))


@pytest.mark.end_to_end
def test_frozen_it_stays_to_the_bit_and_fine_tuned_all_of_it_moves(case):
    encoder, x, _ = case
    encoder.trainable = False
    model = model_of(encoder, x)
    before = encoder.get_weights()
    fit(model, x, epochs=2)
    for old, new in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    encoder.trainable = True
    model.compile(model.optimizer.__class__(1e-3), model.loss, run_eagerly=model.run_eagerly)
    assert encoder.trainable_variables
    before_tuning, after_tuning = fit(model, x, epochs=10)
    assert after_tuning < before_tuning
    for variable, old in zip(encoder.weights, before, strict=True):
        moves = variable.trainable and not untouched(variable)
        assert (numpy(variable) != old).any() or not moves, variable.path


def untouched(variable):
    """The bias of keys has no influence on attention."""
    return variable.path.endswith(("key/bias", "key_dense/bias"))


def test_what_is_trained():
    for trainable, options, expected in [
        (None, {}, True),
        (False, {}, False),
        (None, {"projection_units": 4}, True),
        (False, {"projection_units": 4}, False),
    ]:
        encoder = KerasHub(BACKBONES["bert"](), trainable=trainable, **options)
        encoder(IDS)
        for each in (encoder, KerasHub.from_config(encoder.get_config())):
            each(IDS)
            assert each.network.trainable == expected
            assert bool(each.network.trainable_variables) == expected
            assert len(each.trainable_variables) - len(each.network.trainable_variables) == (
                2 if options else 0
            )
    frozen = BACKBONES["bert"]()
    frozen.trainable = False
    assert KerasHub(frozen).trainable_variables == []
    assert KerasHub(frozen, trainable=True).trainable_variables
    whisper = KerasHub(BACKBONES["whisper"]())  # its sinusoids are no weights to train
    assert len(whisper.trainable_variables) == len(whisper.weights) - 1


def test_frozen_there_is_no_dropout():
    encoder = KerasHub(BACKBONES["bert"](), trainable=False)
    np.testing.assert_array_equal(*(numpy(encoder(IDS, training=t)[0]) for t in (True, False)))
    encoder.trainable = True
    assert (numpy(encoder(IDS, training=True)[0]) != numpy(encoder(IDS)[0])).any()


@pytest.mark.parametrize("value_range", [(-1, 1), ([-1.0, 0.0, 1.0], [1.0, 2.0, 3.0])])
def test_pixels_are_scaled_once(value_range):
    vit = BACKBONES["vit"]()
    lowest, highest = np.float32(value_range)
    expected = numpy(vit(PICTURES / 255 * (highest - lowest) + lowest))
    encoder = KerasHub(vit, value_range=value_range)
    np.testing.assert_allclose(numpy(encoder(PICTURES)[0]), expected, atol=1e-5)
    gray = PICTURES[..., :1]
    same = encoder(np.repeat(gray, 3, axis=-1))[0]
    np.testing.assert_array_equal(numpy(encoder(gray)[0]), numpy(same))


def test_mixed_precision():
    vit = models.ViTBackbone(
        (32, 32, 3), patch_size=16, mlp_dim=16, dtype="mixed_bfloat16", **SMALL
    )
    tokens, _ = KerasHub(vit, value_range=(0, 1), dtype="mixed_bfloat16")(PICTURES)
    assert keras.backend.standardize_dtype(tokens.dtype) == "bfloat16"
    assert {weight.dtype for weight in vit.weights} == {"float32"}


def test_both_towers_in_one_model():
    clip = clip_backbone()
    inputs = {
        "image": mmzoo.Image(32, encoder=KerasHub(clip, tower="image"), optional=True),
        "text": mmzoo.Text(6, vocabulary_size=20, encoder=KerasHub(clip, tower="text")),
    }
    model = mmzoo.build_model(inputs=inputs, fusion="cross_attention", head="sigmoid", dim=8)
    assert model.get_layer("image_encoder").layer.value_range == (0.0, 1.0)
    x = {"image": PICTURES.copy(), "image_present": np.array([True, False]), "text": IDS}
    expected = predict(model, x)
    x["image"][1] = np.nan
    np.testing.assert_array_equal(predict(model, x), expected)
    assert np.isfinite(expected).all()
    trained = {id(variable) for variable in model.trainable_variables}
    towers = [clip.vision_encoder, clip.text_encoder]
    assert trained > {id(v) for tower in towers for v in tower.trainable_variables}


def test_errors():
    bert, clip, vit = BACKBONES["bert"](), clip_backbone(), BACKBONES["vit"]()
    for make, message in [
        (lambda: KerasHub(bert, output_key="pooled"), "Did you mean 'pooled_output'"),
        (lambda: KerasHub(bert, tower="image"), "has one tower, 'text'"),
        (lambda: KerasHub(clip), 'give `tower="image"` or `tower="text"`; received: None'),
        (lambda: KerasHub(clip, tower="audio"), "received: 'audio'"),
        (lambda: KerasHub(bert)(np.ones((1, 7), "int32")), "at most 6 tokens; received: 7"),
        (lambda: KerasHub(vit)(PICTURES[:, :16]), r"\(32, 32, 3\); received: \(16, 32, 3\)"),
        (
            lambda: KerasHub(vit)(PICTURES[0]),
            r"channels\).*received x of shape \(32, 32, 3\)",
        ),
        (lambda: KerasHub(bert)(IDS[0]), r"takes x \(batch, length\).*x of shape \(6,\)"),
        (lambda: KerasHub(vit)({"pixels": PICTURES}), "takes images; received no images"),
        (lambda: KerasHub("./nowhere"), "Unknown preset.*nowhere"),
    ]:
        with pytest.raises(ValueError, match=f"(?s){message}"):
            make()


def test_build_makes_the_projection():
    encoder = KerasHub(BACKBONES["bert"](), projection_units=4, name="part")
    encoder.build({"ids": (None, 6), "mask": (None, 6)})
    assert tuple(encoder.projection.kernel.shape) == (8, 4)
    assert encoder.projection.kernel.path == "part/projection/kernel"


def test_of_keras():
    text = {"ids": IDS, "mask": IDS > 0}
    options = {"input_data": {"x": text}, "run_training_check": False}
    TestCase().run_layer_test(KerasHub, {"backbone": BACKBONES["bert"]()}, **options)


@pytest.mark.end_to_end
def test_of_keras_with_training():
    TestCase().run_layer_test(KerasHub, {"backbone": BACKBONES["vit"]()}, input_data=PICTURES)
