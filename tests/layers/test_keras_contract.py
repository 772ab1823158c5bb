"""The contract of Keras's layers: `build` makes the weights, and Keras's own test passes."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops
from keras.src.testing import TestCase

import mmzoo
from mmzoo.heads.place_head import PlaceHead
from mmzoo.keras_compat import all_layers
from mmzoo.layers import CompositeLayer
from tests.parts import CLASSES, LENGTH, slow_among, tiny

GENERATOR = np.random.default_rng(0)
ROWS = 2
MASK = np.array([[True] * 3, [True, False, False]])
TOKENS = GENERATOR.normal(size=(ROWS, 3, 8)).astype("float32")

#: What the encoders of a kind take: a tensor alone, and a dict of tensors.
LONE_INPUTS = {
    "image": GENERATOR.uniform(0, 255, (ROWS, 8, 8, 3)).astype("float32"),
    "text": GENERATOR.integers(1, 10, (ROWS, LENGTH)).astype("int32"),
    "tabular": GENERATOR.normal(size=(ROWS, 2)).astype("float32"),
    "features": GENERATOR.normal(size=(ROWS, 5)).astype("float32"),
    "audio": GENERATOR.normal(size=(ROWS, 400)).astype("float32"),
    "video": GENERATOR.uniform(0, 255, (ROWS, 3, 8, 8, 3)).astype("float32"),
}
DICT_INPUTS = {
    "text": {
        "ids": LONE_INPUTS["text"],
        "mask": LONE_INPUTS["text"] > 3,
        "segments": LONE_INPUTS["text"] % 2,
    },
    "tabular": {"numbers": LONE_INPUTS["tabular"], "categories": np.ones((ROWS, 2), "int32")},
    "features": {"vectors": TOKENS, "mask": MASK},
    "audio": {"waveform": LONE_INPUTS["audio"], "mask": np.ones((ROWS, 400), bool)},
    "video": {"frames": LONE_INPUTS["video"], "mask": MASK},
}
#: Arguments that a modality gives its encoder.
OF_MODALITY = {
    "text": {"vocabulary_size": 12},
    "tabular": {"numbers": 2, "cardinalities": []},
    "audio": {"sample_rate": 4000, "mel_bins": 16},
}
BY_NAME = {"image": TOKENS, "text": TOKENS[:, :2]}
MASK_BY_NAME = {"image": MASK, "text": MASK[:, :2]}
#: The helper layers: class -> (arguments, what it is called with, a tensor or arguments).
HELPERS = {
    mmzoo.layers.AbsentToken: ({}, {"tokens": TOKENS, "mask": MASK, "present": MASK[:, 1]}),
    mmzoo.layers.AddVector: ({"dim": 6}, {"tokens": BY_NAME, "vector": TOKENS[:, 0]}),
    mmzoo.layers.AdditiveNoise: ({}, LONE_INPUTS["audio"]),
    mmzoo.layers.Conv2D: ({"filters": 4, "kernel_size": 1, "strides": 2}, LONE_INPUTS["image"]),
    mmzoo.layers.FiLMBlock: (
        {"dim": 8, "grid": (1, 3)},
        {"tokens": TOKENS, "mask": MASK, "gamma": TOKENS[:, :1], "beta": TOKENS[:, :1]},
    ),
    mmzoo.layers.LogMelSpectrogram: ({"sample_rate": 4000, "mel_bins": 16}, LONE_INPUTS["audio"]),
    mmzoo.layers.MLP: ({"hidden_units": [8, 4], "dropout": 0.5}, TOKENS),
    mmzoo.layers.ModalityDropout: ({}, {"present": {"image": MASK[:, 0], "text": MASK[:, 1]}}),
    mmzoo.layers.MultiHeadAttention: (
        {"num_heads": 2, "key_dim": 4},
        {"query_shape": (ROWS, 3, 8), "value_shape": (ROWS, 2, 8)},
    ),
    mmzoo.layers.NeutralInput: ({}, TOKENS),
    mmzoo.layers.PositionEmbedding: ({}, TOKENS),
    mmzoo.layers.ResidualBlock: ({"filters": 8, "strides": 2}, LONE_INPUTS["image"]),
    mmzoo.layers.SpecAugment: ({}, TOKENS),
    mmzoo.layers.TransformerBlock: ({"dim": 8, "num_heads": 2, "gated": True}, TOKENS),
    mmzoo.layers.WordBytes: ({"dim": 4}, GENERATOR.integers(0, 256, (ROWS, 3, 5)).astype("int32")),
}

#: That of `keras.applications` which is made soonest, and the smallest pictures it takes.
NETWORK = "VGG16"
PICTURES = GENERATOR.uniform(0, 255, (ROWS, 32, 32, 3)).astype("float32")


def foreign_layers():
    """id -> (a new layer, further arguments of an adapter, what it is called with)."""
    dense, encoder = keras.layers.Dense, mmzoo.encoders.FeaturesMLP
    projected = {"projection_units": 2, "pooling": "mean"}
    return {
        "vectors": (dense(3, name="inner"), {}, LONE_INPUTS["features"]),
        "map": (dense(3, name="inner"), projected, LONE_INPUTS["image"]),
        "part": (dense(3, name="inner"), {"main_part": "vectors"}, {"x": DICT_INPUTS["features"]}),
        "encoder": (encoder([4], name="inner"), {}, {"x": DICT_INPUTS["features"]}),
    }


def layer_cases():
    """id -> (class, arguments, what it is called with), of all registered parts."""
    cases = {}
    for kind, registry in mmzoo.encoders.ENCODERS.items():
        for name, cls in registry.items():
            arguments = {**tiny(name, cls)["config"], **OF_MODALITY.get(kind, {})}
            cases[f"encoder-{kind}-{name}"] = cls, arguments, LONE_INPUTS[kind]
            if kind in DICT_INPUTS:
                if kind == "tabular":
                    arguments = {**arguments, "cardinalities": [4, 3]}
                if name == "transformer" and kind == "text":
                    arguments = {**arguments, "segments": 2}
                cases[f"encoder-{kind}-{name}-dict"] = cls, arguments, {"x": DICT_INPUTS[kind]}
    for case, (layer, options, inputs) in foreign_layers().items():
        cases[f"adapter-{case}"] = mmzoo.encoders.Adapter, {"layer": layer, **options}, inputs
    arguments = {"architecture": NETWORK, "weights": None, "projection_units": 2}
    cases["applications"] = mmzoo.encoders.Applications, arguments, PICTURES
    for name, cls in mmzoo.decoders.DECODERS.items():
        inputs = {"x": TOKENS, "memory": TOKENS[:, :2], "memory_mask": MASK[:, :2]}
        cases[f"decoder-{name}"] = cls, tiny(name, cls)["config"], inputs
    for name, cls in mmzoo.heads.HEADS.items():
        if issubclass(cls, PlaceHead):
            arguments = {"image": "image", "grid": [1, BY_NAME["image"].shape[1]]}
            arguments |= {"size": [2, 6]} if name == "mask" else {}
            inputs = {"fused": TOKENS[:, 0], "tokens": BY_NAME, "mask": MASK_BY_NAME}
            cases[f"head-{name}"] = cls, arguments, inputs
        elif name == "transcript":
            arguments = {"alphabet": "abc", "frames": "image"}
            inputs = {"fused": TOKENS[:, 0], "tokens": BY_NAME, "mask": MASK_BY_NAME}
            cases[f"head-{name}"] = cls, arguments, inputs
        elif issubclass(cls, mmzoo.heads.Tags):
            inputs = {"fused": TOKENS[:, 0], "tokens": BY_NAME, "mask": MASK_BY_NAME}
            cases[f"head-{name}"] = cls, {"tags": ["a", "b"], "text": "text"}, inputs
        elif issubclass(cls, mmzoo.heads.Words):
            decoder = {"class_name": "transformer", "config": {"depth": 1, "dropout": 0.0}}
            arguments = {"vocabulary": ["a", "b"], "length": 2, "decoder": decoder}
            inputs = {"fused": TOKENS[:, 0], "tokens": BY_NAME, "mask": MASK_BY_NAME}
            inputs["previous"] = np.array([[2, 4, 5]] * ROWS)
            cases[f"head-{name}"] = cls, arguments, inputs
        else:
            cases[f"head-{name}"] = cls, {"units": CLASSES}, TOKENS[:, 0]
    for name, cls in mmzoo.fusion.FUSIONS.items():
        arguments = {**tiny(name, cls)["config"], "dim": 8, "dropout": 0.1}
        if "query" in inspect.signature(cls).parameters:
            arguments["query"] = "text"
        cases[f"fusion-{name}"] = cls, arguments, {"tokens": BY_NAME, "mask": MASK_BY_NAME}
    for cls, (arguments, inputs) in HELPERS.items():
        cases[f"layer-{cls.__name__}"] = cls, arguments, inputs
    return cases


CASES = layer_cases()
COMPOSITE = [case for case, (cls, _, _) in CASES.items() if issubclass(cls, CompositeLayer)]
#: Encoders of a dict, of which the smallest of each kind is enough for the default run, and what is
#: large.
REPEATED = {case for case in CASES if case.endswith("-dict")} - {
    "encoder-text-bag-dict",
    "encoder-tabular-mlp-dict",
    "encoder-features-linear-dict",
    "encoder-audio-dnn-dict",
    "encoder-video-frames-dict",
} | {"applications"}
#: Layers inside that only have weights when something special is asked for.
ON_DEMAND = ["add_vector"]
SAME_DAILY = ["encoder-text-transformer-dict", "fusion-mixture_of_experts", "layer-FiLMBlock"]
#: What Keras's test is run with in the default run: one of each kind.
DAILY = [
    "encoder-features-linear",
    "encoder-text-bag",
    "encoder-image-cnn",
    "adapter-part",
    "head-softmax",
    *(f"layer-{cls.__name__}" for cls in HELPERS if cls is not mmzoo.layers.TransformerBlock),
]


def shapes_of(inputs):
    return keras.tree.map_structure(lambda tensor: tensor.shape, inputs)


def made(case, seed=0):
    """A new layer of a case, with the initial values of that seed, and what it is called with."""
    keras.utils.set_random_seed(seed)
    cls, arguments, inputs = layer_cases()[case]  # where a layer is an argument, a new one
    return cls(**arguments, name="part"), inputs


def test_every_helper_layer_has_a_case():
    parts = [getattr(mmzoo.layers, name) for name in mmzoo.layers.__all__]
    layers = {part for part in parts if isinstance(part, type)} - {CompositeLayer}
    assert layers == set(HELPERS), "give new layers of mmzoo.layers a line in HELPERS"


def test_every_encoder_has_a_case():
    parts = [getattr(mmzoo.encoders, name) for name in mmzoo.encoders.__all__]
    layers = {part for part in parts if isinstance(part, type)} - {mmzoo.encoders.Encoder}
    elsewhere = {mmzoo.encoders.KerasHub, mmzoo.encoders.TFHub}  # which need other packages
    assert layers - elsewhere <= {cls for cls, _, _ in CASES.values()}


def arguments_of(inputs):
    """The arguments that a layer is called with, in their order."""
    return list(inputs.values()) if isinstance(inputs, dict) else [inputs]


@pytest.mark.parametrize("case", slow_among(COMPOSITE, slow=REPEATED))
def test_build_makes_all_weights(case):
    layer, inputs = made(case)
    layer.build(*map(shapes_of, arguments_of(inputs)))
    assert all(part.built for part in all_layers(layer) if part.name not in ON_DEMAND)
    paths = [weight.path for weight in layer.weights]
    assert all(path.startswith("part/") for path in paths) and len(set(paths)) == len(paths)
    before = [id(weight) for weight in layer.weights]
    layer(*arguments_of(inputs))
    assert [id(weight) for weight in layer.weights] == before


@pytest.mark.parametrize("case", slow_among(COMPOSITE, slow=set(COMPOSITE) - set(SAME_DAILY)))
def test_built_from_shapes_or_by_a_call_is_the_same(case):
    called, inputs = made(case)
    expected = called(*arguments_of(inputs))
    layer, _ = made(case)
    layer.build(*map(shapes_of, arguments_of(inputs)))
    assert [weight.path for weight in layer.weights] == [weight.path for weight in called.weights]
    for weight, right in zip(layer.weights, called.weights, strict=True):
        values, right = map(ops.convert_to_numpy, (weight, right))
        np.testing.assert_array_equal(values, right, weight.path)
    outputs = layer(*arguments_of(inputs))
    for output, right in zip(*map(keras.tree.flatten, (outputs, expected)), strict=True):
        np.testing.assert_array_equal(*map(ops.convert_to_numpy, (output, right)))


def test_shapes_by_name_and_without_the_mask():
    fusion = mmzoo.fusion.FUSIONS["film"](dim=8, query="text")
    fusion.build(tokens_shape={"image": (None, 4, 8), "text": (None, 3, 8)})
    assert fusion.weights and all(layer.built for layer in fusion.hidden_layers)
    block = mmzoo.layers.TransformerBlock(8, 2, cross_attention=True)
    block.build(tokens_shape=(None, 3, 8), context_shape=(None, 4, 8))
    assert block.context_norm.built
    absent = mmzoo.layers.AbsentToken()
    with pytest.raises(ValueError, match="needs the shapes of present"):
        absent.build((None, 3, 8))
    with pytest.raises(ValueError, match=r"takes the shapes of .* tokens, mask, present; .*colour"):
        absent.build(tokens_shape=(None, 3, 8), colour_shape=(None,))


def test_foreign_layers_are_built_in_their_adapter():
    adapter = mmzoo.encoders.Adapter(keras.layers.Conv2D(4, 3), projection_units=2)
    adapter.build((None, 8, 8, 3))
    assert [tuple(w.shape) for w in adapter.weights] == [(4, 2), (2,), (3, 3, 3, 4), (4,)]
    inputs = {
        "ids": keras.Input((6,), dtype="int32", name="ids"),
        "price": keras.Input((2,), name="price"),
    }
    network = keras.Model(inputs, inputs["price"] + ops.cast(inputs["ids"][:, :2] & 1, "float32"))
    adapter = mmzoo.encoders.Adapter(network, projection_units=3)
    adapter.build({"ids": (None, 6), "price": (None, 2)})  # bits are of integers
    assert [tuple(w.shape) for w in adapter.weights] == [(2, 3), (3,)]
    assert mmzoo.encoders.Adapter(adapter).input_dtypes == adapter.input_dtypes


def test_a_frozen_layer_is_frozen_once_it_is_built():
    layer = mmzoo.layers.MLP([8, 4], trainable=False)
    layer.build((None, 3))
    assert len(layer.weights) == 4 and not layer.trainable_weights
    layer = mmzoo.layers.MLP([8, 4])
    layer.build((None, 3))
    layer.hidden_layers[0].trainable = False
    again = mmzoo.layers.MLP.from_config(layer.get_config())
    again.build((None, 3))
    assert again.trainable_weights == again.hidden_layers[1].weights


@keras.saving.register_keras_serializable(package="tests")
class Classifier(keras.Model):
    """A model as Keras's guides have it: `build` builds the layers from shapes."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.encoder = mmzoo.encoders.ImageResNet(filters=[4, 8], blocks=1, pooling="mean")
        self.head = mmzoo.heads.Softmax(3)

    def build(self, input_shape):
        self.encoder.build(input_shape)
        self.head.build((None, 8))

    def call(self, x):
        return self.head(self.encoder(x)[0][:, 0])


def test_weights_load_into_layers_that_were_only_built(tmp_path):
    x = LONE_INPUTS["image"]
    model = Classifier()
    expected = model(x)
    model.save_weights(tmp_path / "model.weights.h5")
    model.save(tmp_path / "model.keras")
    again = Classifier()
    again.build(x.shape)
    again.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(again(x), expected)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(x), expected)


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


#: Whatever convolves or pools.
CONVOLVING = [case for case in CASES if case.startswith(("encoder-image", "encoder-video"))] + [
    "encoder-audio-cnn",
    "encoder-audio-transformer",
    "encoder-text-cnn",
    "layer-Conv2D",
    "layer-FiLMBlock",
    "layer-ResidualBlock",
]
REST = [case for case in COMPOSITE if case not in CONVOLVING]


@pytest.mark.parametrize("case", [*CONVOLVING, *slow_among(REST, slow=REST)])
def test_channels_are_last_whatever_is_configured(case, channels_first):
    layer, inputs = made(case)
    outputs = layer(*arguments_of(inputs))
    keras.config.set_image_data_format("channels_last")
    layer, _ = made(case)
    expected = layer(*arguments_of(inputs))
    for output, right in zip(*map(keras.tree.flatten, (outputs, expected)), strict=True):
        np.testing.assert_array_equal(*map(ops.convert_to_numpy, (output, right)))


@pytest.mark.parametrize("arguments", [{"strides": 1, "pool_size": 2}, {"normalization": "batch"}])
def test_pools_and_norms_know_where_channels_are(arguments, channels_first):
    tokens, _ = mmzoo.encoders.ImageCNN(filters=[4, 8], **arguments)(LONE_INPUTS["image"])
    assert tokens.shape == (ROWS, 4, 8)


def test_networks_of_keras_have_channels_last(channels_first):
    x = GENERATOR.uniform(0, 255, (1, 32, 32, 3)).astype("float32")

    def tokens():  # of a network that subtracts a mean of its own from each channel
        keras.utils.set_random_seed(0)
        encoder = mmzoo.encoders.Applications("VGG16", weights=None)
        tokens, _ = encoder(x)
        assert encoder.network.input_shape == (None, 32, 32, 3)
        return ops.convert_to_numpy(tokens)

    first = tokens()
    assert keras.config.image_data_format() == "channels_first"
    keras.config.set_image_data_format("channels_last")
    np.testing.assert_array_equal(first, tokens())


WRONG_RANKS = {
    "image": (
        LONE_INPUTS["image"][0],
        r"\(batch, height, width, channels\).*\(8, 8, 3\).*x\[None\]",
    ),
    "text": (LONE_INPUTS["text"][0], r"\(batch, length\).*received x of shape \(6,\)"),
    "tabular": (LONE_INPUTS["tabular"][0], r"\(batch, columns\).*received x of shape \(2,\)"),
    "features": (
        TOKENS,
        r"a dict of vectors \(batch, steps, dim\).*received x of shape \(2, 3, 8\)",
    ),
    "audio": (LONE_INPUTS["audio"][..., None], r"\(batch, samples\).*x of shape \(2, 400, 1\)"),
    "video": ({"frames": LONE_INPUTS["image"], "mask": MASK}, r"frames \(batch, frames, height"),
}


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("encoder-")])
def test_a_wrong_rank_is_named(case):
    layer, _ = made(case)
    x, message = WRONG_RANKS[case.split("-")[1]]
    with pytest.raises(ValueError, match=message):
        layer(x)
    with pytest.raises(ValueError, match=message):
        made(case)[0].build(shapes_of(x))


@pytest.mark.parametrize("case", slow_among(CASES, slow=set(CASES) - set(DAILY)))
def test_of_keras(case):
    cls, arguments, inputs = layer_cases()[case]
    options = {"input_data": inputs}
    if case == "layer-MultiHeadAttention":
        options = {"input_shape": inputs}
    elif case == "layer-NeutralInput":  # Keras's test has no place for a second argument
        options.update(call_kwargs={"present": MASK[:, 1]}, run_mixed_precision_check=False)
    # For training Keras hands over one tensor.
    training = not isinstance(inputs, dict) and "call_kwargs" not in options
    TestCase().run_layer_test(cls, arguments, run_training_check=training, **options)
