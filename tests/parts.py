"""A tiny model for every registered part: what the property suite runs over.

A new encoder, fusion block, head or recipe appears here, and so in every test, by being registered.
"""

import dataclasses
import functools
import inspect

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.heads.place_head import PlaceHead
from mmzoo.testing.properties import answer
from mmzoo.testing.properties import disturb as disturb

#: Small values for the usual arguments; an argument that is not listed keeps its default.
TINY = {
    "blocks": 1,
    "depth": 1,
    "dim": 8,
    "embedding_dim": 8,
    "filters": [4, 8],
    "num_heads": 2,
    "num_latents": 3,
    "pair_units": [8, 8],
    "patch_size": 4,
    "subspace_dim": 4,
    "units": 8,
}
#: Where an argument of that name means something else, or (tensor) so few rectified units may all
#: be dead for an absent token, which is one and the same vector in every row.
TINY_OF_CLASS = {
    "AudioDNN": {"hidden_units": [8]},
    "Bottleneck": {"depth": 2},
    "FeaturesMLP": {"hidden_units": [16, 8]},
    "TabularMLP": {"hidden_units": [16, 8]},
    "Tensor": {"subspace_dim": 16},
    "TextCNN": {"filters": 4},
    "VideoFrames": {"frame_encoder": {"class_name": "cnn", "config": {"filters": [4, 8]}}},
}

CLASSES = 3
LENGTH = 6
WORDS = ["red", "green", "blue", "circle", "square", "is", "it", "a"]


def tiny(name, cls):
    """Config dict of a registered part, at a tiny size."""
    values = {**TINY, **TINY_OF_CLASS.get(cls.__name__, {})}
    parameters = inspect.signature(cls).parameters
    return {"class_name": name, "config": {k: v for k, v in values.items() if k in parameters}}


def image(encoder=None, **options):
    encoder = encoder or tiny("cnn", mmzoo.encoders.ImageCNN)
    return mmzoo.Image(size=(8, 8), encoder=encoder, **options)


def text(encoder=None, length=LENGTH, **options):
    encoder = encoder or tiny("transformer", mmzoo.encoders.TextTransformer)
    options = {"vocabulary": WORDS, **options}
    return mmzoo.Text(length=length, vocabulary_size=12, encoder=encoder, **options)


def tabular(encoder=None, **options):
    encoder = encoder or tiny("mlp", mmzoo.encoders.TabularMLP)
    columns = {
        "numeric": {"price": (20.0, 5.0), "weight": (0.5, 0.1)},
        "categorical": {"color": ["red", "green", "blue"], "shape": ["circle", "square"]},
    }
    return mmzoo.Tabular(encoder=encoder, **{**columns, **options})


def features(encoder=None, dim=(5, 3), **options):
    encoder = encoder or tiny("linear", mmzoo.encoders.FeaturesLinear)
    return mmzoo.Features(dim, encoder=encoder, **options)


def audio(encoder=None, seconds=0.1, **options):
    encoder = encoder or tiny("cnn", mmzoo.encoders.AudioCNN)
    return mmzoo.Audio(sample_rate=4000, seconds=seconds, encoder=encoder, **options)


def video(encoder=None, frames=4, **options):
    encoder = encoder or tiny("frames", mmzoo.encoders.VideoFrames)
    return mmzoo.Video(frames, size=(8, 8), encoder=encoder, **options)


MODALITIES = {
    "image": image,
    "text": text,
    "tabular": tabular,
    "features": features,
    "audio": audio,
    "video": video,
}
PARTNER = dict.fromkeys(MODALITIES, "text") | {"text": "image"}


def encoder_inputs(kind, name, length=LENGTH):
    made = {
        kind: MODALITIES[kind](tiny(name, mmzoo.encoders.ENCODERS[kind][name])),
        PARTNER[kind]: MODALITIES[PARTNER[kind]](),
    }
    if "text" in made:
        made["text"] = text(made["text"].encoder, length)
    return {"inputs": made, "head": mmzoo.heads.Softmax(CLASSES)}


def fusion_inputs(name, length=LENGTH):
    words = {"class_name": "bag", "config": {"embedding_dim": 8, "pooling": None}}
    inputs = {"image": image(optional=True), "text": text(words, length=length, optional=True)}
    fusion = tiny(name, mmzoo.fusion.FUSIONS[name])
    return {"inputs": inputs, "fusion": fusion, "head": mmzoo.heads.Softmax(CLASSES)}


def head_inputs(name, length=LENGTH):
    inputs = {"image": image(), "text": text(length=length)}
    cls = mmzoo.heads.HEADS[name]
    if issubclass(cls, PlaceHead):  # its tokens have to know what is asked for
        fusion = tiny("cross_attention", mmzoo.fusion.CrossAttention)
        return {"inputs": inputs, "fusion": fusion, "head": cls(hidden_units=16)}
    if name == "transcript":
        inputs["audio"] = audio(tiny("gru", mmzoo.encoders.AudioGRU))
        return {"inputs": inputs, "head": cls(alphabet="abc", hidden_units=16)}
    if issubclass(cls, mmzoo.heads.Tags):
        inputs["text"] = text(length=length, words="spaces")
        return {"inputs": inputs, "head": cls(tags=["B-x", "I-x", "O"])}
    if issubclass(cls, mmzoo.heads.Words):
        decoder = {
            "class_name": "transformer",
            "config": {"depth": 1, "num_heads": 2, "dropout": 0.0},
        }
        return {"inputs": inputs, "head": cls([*"abcdefgh"], length=4, decoder=decoder)}
    return {"inputs": inputs, "head": cls(units=CLASSES if name == "softmax" else 1)}


def tiny_bert_resnet50_concat():
    """The recipe with other encoders: pretrained networks are tested by themselves."""
    keras_hub = pytest.importorskip("keras_hub", reason="the extra `keras-hub` is not installed")
    bert = keras_hub.models.BertBackbone(
        vocabulary_size=12,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=8,
        dropout=0.0,
    )
    recipe = mmzoo.recipes.bert_resnet50_concat({"text": bert})
    return dataclasses.replace(recipe, inputs={**recipe.inputs, "image": image()})


#: Recipes that are too large to be made as they are: name -> function that gives a small one.
SMALL_RECIPES = {"bert_resnet50_concat": tiny_bert_resnet50_concat}
#: Sizes of what a recipe reads, by kind of modality.
SMALL_MODALITIES = {
    "image": {"size": (32, 32)},
    "text": {"vocabulary": WORDS, "vocabulary_size": 12},
    "audio": {"sample_rate": 4000, "seconds": 0.1},
    "features": {},
    "video": {"frames": 4, "size": (8, 8)},
}
#: Sizes of a recipe's parts; without dropout, so that losses can be compared.
SMALL_PARTS = {**TINY, "dropout": 0, "hidden_units": 16, "patch_size": 8, "projection_units": 16}


def at_most(value, size):
    """A size out of a config, or each of a list of them, reduced to `size`."""
    size = max(size) if isinstance(size, list) else size
    return [min(v, size) for v in value] if isinstance(value, list) else min(value, size)


def small_part(identifier, registry):
    """A part of a recipe as its config dict at a tiny size; an instance as it is."""
    if isinstance(identifier, keras.layers.Layer):
        return identifier
    name = identifier if isinstance(identifier, str) else identifier["class_name"]
    config = {} if isinstance(identifier, str) else identifier["config"]
    sizes = {**SMALL_PARTS, **TINY_OF_CLASS.get(registry[name].__name__, {})}
    reduced = {
        key: at_most(value, sizes[key]) if key in sizes and value is not None else value
        for key, value in config.items()
        if key != "frame_encoder"
    }
    return {"class_name": name, "config": {**tiny(name, registry[name])["config"], **reduced}}


def recipe_inputs(name, length=None):
    recipe = SMALL_RECIPES.get(name, functools.partial(mmzoo.recipes.get, name))()
    inputs = {}
    for key, modality in recipe.inputs.items():
        sizes = dict(SMALL_MODALITIES[modality.kind])
        if modality.kind == "text":
            sizes["length"] = length or min(modality.length or LENGTH, 2 * LENGTH)
        elif modality.kind == "features":
            sizes["dim"] = (5, 3) if len(modality.shape) == 2 else 3
        encoder = small_part(modality.encoder, mmzoo.encoders.ENCODERS[modality.kind])
        inputs[key] = dataclasses.replace(modality, encoder=encoder, **sizes)
    fusion = small_part(recipe.fusion, mmzoo.fusion.FUSIONS)
    head = recipe.head
    if isinstance(head, mmzoo.heads.Tags):
        head = mmzoo.heads.Tags(tags=head.tags)
    if isinstance(head, mmzoo.heads.Words):
        decoder = type(head.decoder)(dropout=0.0)
        head = mmzoo.heads.Words([*"abcdefgh"], length=4, decoder=decoder)
    return {"recipe": recipe, "inputs": inputs, "fusion": fusion, "head": head}


#: The registered parts: id -> function that gives the arguments of `build_model`.
PARTS = {
    **{
        f"encoder-{kind}-{name}": functools.partial(encoder_inputs, kind, name)
        for kind, encoders in mmzoo.encoders.ENCODERS.items()
        for name in encoders
    },
    **{f"fusion-{name}": functools.partial(fusion_inputs, name) for name in mmzoo.fusion.names()},
    **{f"head-{name}": functools.partial(head_inputs, name) for name in mmzoo.heads.names()},
    **{f"recipe-{name}": functools.partial(recipe_inputs, name) for name in mmzoo.list_models()},
}

#: Recipes that differ from the parts they are made of in combination alone. Each is built by its
#: doctest; the properties are slow tests.
COMBINED = [
    f"recipe-{name}"
    for name in mmzoo.list_models()
    if name
    not in ("bert_resnet50_concat", "cnn_lstm_concat", "cnn_rnn_concat_softmax", "linear_sum")
]
#: What is trained, compiled by XLA and exported in the default run: a loop over time steps, a
#: spectrum, attention, and values in place of classes. For all others these are slow tests.
DAILY = ["encoder-text-gru", "encoder-text-transformer", "encoder-audio-cnn", "head-regression"]
#: Blocks that are part of a whole model in the default run; all others are in CI's own step.
DAILY_FUSIONS = ["concat", "gated_cross_attention"]
#: Likewise encoders: of every kind of modality one, of texts also a loop and attention.
DAILY_ENCODERS = [
    "image-cnn", "text-bag", "text-gru", "text-transformer", "audio-cnn", "features-mlp",
    "tabular-mlp", "video-frames",
]  # fmt: skip


def slow_among(values, slow, mark=pytest.mark.slow):
    """Values to parametrise with, of which those in `slow` are slow tests, or have the `mark`."""
    return [pytest.param(value, marks=mark) if value in slow else value for value in values]


def slow_for(parts):
    """Parametrises over all parts, with slow tests for some.

    All tests of a module run for one part, then all for the next one: they can share its model.
    """
    return pytest.mark.parametrize("part", slow_among(PARTS, parts), scope="module")


def whole_models_of(parts):
    """Parametrises over parts: slow tests of those that are combined, most others end to end.

    `check_fusion` tests all blocks by themselves, in the default run; so does `check_encoder` for
    the masks and the tokens of all encoders.
    """
    marks = dict.fromkeys(COMBINED, pytest.mark.slow)
    marks |= {f"fusion-{name}": pytest.mark.end_to_end for name in mmzoo.fusion.names()}
    marks |= {part: pytest.mark.end_to_end for part in PARTS if part.startswith("encoder-")}
    daily = [f"fusion-{name}" for name in DAILY_FUSIONS]
    for part in (*daily, *(f"encoder-{name}" for name in DAILY_ENCODERS)):
        del marks[part]
    return pytest.mark.parametrize(
        "part",
        [pytest.param(part, marks=marks[part]) if part in marks else part for part in parts],
        scope="module",
    )


slow_but_daily = slow_for(set(PARTS) - set(DAILY))


def build(part, seed=0, **options):
    """The tiny model of a part: `(model, arguments it was built with)`."""
    keras.utils.set_random_seed(seed)
    length = options.pop("length", None)
    arguments = PARTS[part](**({"length": length} if length else {}))
    return mmzoo.build_model(**{"dim": 8, **arguments, **options}), arguments


def tensors(model, rows=4, seed=0, padding=2):
    """Random inputs: 0-255, texts and sounds that end in padding, gaps, mixed presence."""
    generator = np.random.default_rng(seed)
    x = {}
    for name, tensor in model.input.items():
        shape = (rows, *tensor.shape[1:])
        if name.endswith("_mask"):
            lengths = generator.integers(1, shape[1] + 1, rows)
            x[name] = np.arange(shape[1]) < lengths[:, None]
        elif name.endswith("_segments"):
            x[name] = np.sort(generator.integers(0, 2, shape), axis=1).astype("int32")
        elif name == "tabular_categories":  # an id of each column's own, and some missing
            x[name] = generator.integers(0, 4, shape).astype("int32")
        elif name == "tabular":
            x[name] = generator.normal(size=shape).astype("float32")
            x[name][np.arange(rows)[:, None] % 3 == np.arange(shape[1])] = np.nan
        elif "features" in name and not name.endswith("_present"):
            x[name] = generator.normal(size=shape).astype("float32")
        elif tensor.dtype == "bool":
            x[name] = np.arange(rows) % 3 != len(x) % 3
        elif tensor.dtype == "int32":
            shape = (rows, shape[1] or LENGTH, *shape[2:])
            x[name] = generator.integers(1, 10, shape).astype("int32")
            lengths = generator.integers(2, shape[1] - padding + 1, rows)
            x[name][np.arange(shape[1]) >= lengths[:, None]] = 0
        else:
            x[name] = generator.uniform(0, 255, shape).astype("float32")
    return x


def labels(model, rows=4, seed=0):
    """Random labels that fit the head."""
    head = model.get_layer("head")
    generator = np.random.default_rng(seed)
    if isinstance(head, mmzoo.heads.Box):
        corners = generator.uniform(size=(rows, 2, 2)).astype("float32")
        return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    if isinstance(head, mmzoo.heads.Mask):
        return generator.integers(0, 2, (rows, *head.size), dtype="int16")
    if isinstance(head, mmzoo.heads.Transcript):
        return np.arange(2 * rows, dtype="int32").reshape(rows, 2) % head.units
    if isinstance(head, mmzoo.heads.Tags):  # of more words than there are
        return generator.integers(0, head.units, (rows, 4 * LENGTH), dtype="int16")
    if isinstance(head, mmzoo.heads.Words):
        return generator.integers(3, head.units, (rows, head.length + 1), dtype="int32")
    if isinstance(head, mmzoo.heads.Softmax):
        return np.arange(rows) % head.units
    if isinstance(head, mmzoo.heads.Sigmoid):
        answers = (np.arange(rows) % 2).astype("float32")
        return answers if head.units == 1 else np.tile(answers[:, None], head.units)
    return generator.normal(size=(rows, head.units)).astype("float32")


def predict(model, x):
    """Predictions as NumPy, without `model.predict`'s compilation."""
    return answer(model, x, training=False)
