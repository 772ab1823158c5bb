"""Four pairs of encoders and how they are joined: with mmzoo, and written by hand in Keras.

`torch_pairs.py` has the same networks in PyTorch. Layers written by hand are called as mmzoo's are,
with `_` for `/`, so that weights can be copied by name, and losses compared step by step.
"""

import dataclasses
import re

import keras
import numpy as np
from keras import layers, ops

import mmzoo

CLASSES = 13
LEARNING_RATE, DECAY, EPSILON = 1e-3, 0.004, 1e-7


@dataclasses.dataclass(frozen=True)
class Pair:
    """Sizes of a pair.

    Args:
        image: image encoder: `"cnn"`, `"resnet50"` or `"vit"`.
        text: text encoder: `"lstm"` or `"transformer"`.
        fusion: `"concat"` or `"cross_attention"`.
        size: side of the pictures.
        length: tokens a text.
        vocabulary: number of token ids.
        dim: width of the tokens.
        heads: attention heads.
        hidden: width of the feed-forward networks.
        depth: transformer blocks an encoder.
        batch: rows a step on a CPU.
        filters: of the CNN.
        patch: side of the patches of the ViT.
        learning_rate: of AdamW.
    """

    image: str
    text: str
    fusion: str
    size: int
    length: int
    vocabulary: int
    dim: int
    heads: int
    hidden: int
    depth: int
    batch: int
    filters: tuple = (16, 32, 64)
    patch: int = 16
    learning_rate: float = LEARNING_RATE


_SMALL = {
    "size": 64, "length": 16, "vocabulary": 1000, "dim": 64, "heads": 4, "hidden": 128, "depth": 2,
    "batch": 64,
}  # fmt: skip
_LARGE = {
    "size": 224, "length": 128, "vocabulary": 30522, "dim": 768, "heads": 12, "hidden": 3072,
    "depth": 12, "batch": 2, "learning_rate": 1e-4,
}  # fmt: skip
_TINY = {
    "size": 32, "length": 8, "vocabulary": 50, "dim": 16, "heads": 2, "hidden": 32, "depth": 1,
    "batch": 4,
}  # fmt: skip

PAIRS = {
    "cnn_lstm_concat": Pair("cnn", "lstm", "concat", **_SMALL),
    "cnn_transformer_cross_attention": Pair("cnn", "transformer", "cross_attention", **_SMALL),
    "resnet50_bert_concat": Pair("resnet50", "transformer", "concat", **_LARGE),
    "vit_bert_cross_attention": Pair("vit", "transformer", "cross_attention", **_LARGE),
}


def pair(name, tiny=False, **changes):
    """The sizes of a pair; `tiny`: so small that a test can run it."""
    return dataclasses.replace(PAIRS[name], **{**(_TINY if tiny else {}), **changes})


def batch(p, rows=None, seed=0):
    """Pictures `(B, size, size, 3)` uint8, token ids `(B, length)` that end in padding, labels."""
    rows, generator = rows or p.batch, np.random.default_rng(seed)
    image = generator.integers(0, 256, (rows, p.size, p.size, 3), "uint8")
    text = generator.integers(1, p.vocabulary, (rows, p.length)).astype("int32")
    text[np.arange(p.length) >= generator.integers(p.length // 2, p.length + 1, (rows, 1))] = 0
    return image, text, generator.integers(0, CLASSES, rows).astype("int32")


def optimizer(p):
    return keras.optimizers.AdamW(p.learning_rate, weight_decay=DECAY, epsilon=EPSILON)


def mmzoo_model(p, dtype=None, **options):
    """The pair as a user of mmzoo builds it."""
    transformer = {"num_heads": p.heads, "hidden_dim": p.hidden}
    encoders = {
        "cnn": ("cnn", {"filters": list(p.filters), "pool_size": [None, None, 2]}),
        "vit": ("vit", {"dim": p.dim, "depth": p.depth, "patch_size": p.patch, **transformer}),
        "lstm": ("lstm", {"embedding_dim": p.dim, "units": p.dim, "pooling": "last"}),
        "transformer": (
            "transformer", {"embedding_dim": p.dim, "depth": p.depth, **transformer},
        ),
        "concat": ("concat", {}),
        "cross_attention": (
            "cross_attention", {"depth": 1, "hidden_units": [p.dim], **transformer},
        ),
    }  # fmt: skip

    def part(name):
        return dict(zip(("class_name", "config"), encoders[name], strict=True))

    if p.image == "resnet50":
        image = mmzoo.encoders.Applications("ResNet50", weights=None, dtype=dtype)
    else:
        image = part(p.image)
    return mmzoo.build_model(
        inputs={
            "image": mmzoo.Image((p.size, p.size), encoder=image),
            "text": mmzoo.Text(p.length, vocabulary_size=p.vocabulary, encoder=part(p.text)),
        },
        fusion=part(p.fusion),
        head=mmzoo.heads.Softmax(CLASSES),
        dim=p.dim,
        optimizer=optimizer(p),
        dtype=dtype,
        name="mmzoo",
        **options,
    )


def keras_model(p):
    """The pair as one writes it by hand."""
    image = keras.Input((p.size, p.size, 3), name="image")
    text = keras.Input((p.length,), dtype="int32", name="text")
    mask = ops.not_equal(text, 0)
    image_tokens = {"cnn": _cnn, "resnet50": _resnet50, "vit": _vit}[p.image](p, image)
    text_tokens = layers.Embedding(p.vocabulary, p.dim, name="text_encoder_embedding")(text)
    if p.text == "lstm":
        lstm = layers.LSTM(p.dim, use_cudnn=False, name="text_encoder_recurrent")
        text_tokens = lstm(text_tokens, mask=mask)
    else:
        text_tokens = text_tokens * p.dim**0.5 + _positions(p)
        for i in range(p.depth):
            text_tokens = _block(p, f"text_encoder_block_{i}", text_tokens, mask=mask)
        text_tokens = _norm("text_encoder_norm")(text_tokens)
    if p.fusion == "cross_attention":
        image_tokens = _norm("fusion_image_input_norm")(image_tokens)
        text_tokens = _norm("fusion_text_input_norm")(text_tokens)
        image_tokens, text_tokens = (
            _block(p, "fusion_image_block_0", image_tokens, text_tokens, mask),
            _block(p, "fusion_text_block_0", text_tokens, image_tokens),
        )
        image_tokens = _norm("fusion_image_norm")(image_tokens)
        text_tokens = _norm("fusion_text_norm")(text_tokens)
    fused = [layers.GlobalAveragePooling1D()(image_tokens)]
    if p.text == "lstm":
        fused.append(text_tokens)
    else:
        weights = ops.cast(mask, text_tokens.dtype)[..., None]
        fused.append(ops.sum(text_tokens * weights, axis=1) / ops.sum(weights, axis=1))
    fused = layers.Concatenate()(fused)
    if p.fusion == "cross_attention":
        fused = layers.Dense(p.dim, name="fusion_joint")(fused)
    fused = layers.Dense(p.dim, activation="relu", name="fusion_hidden_0")(fused)
    prediction = layers.Dense(CLASSES, activation="softmax", name="head_dense")(fused)
    model = keras.Model({"image": image, "text": text}, prediction, name="keras")
    model.compile(optimizer(p), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _norm(name):
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def _cnn(p, image):
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    for i, filters in enumerate(p.filters):
        name = f"image_encoder_convolution_{i}"
        x = layers.Conv2D(filters, 3, 2, padding="same", activation="relu", name=name)(x)
    x = layers.Reshape((-1, p.filters[-1]))(layers.MaxPooling2D(2)(x))
    if p.fusion == "concat" or p.filters[-1] == p.dim:
        return x
    return layers.Dense(p.dim, name="image_projection")(x)


def _resnet50(p, image):
    x = keras.applications.resnet50.preprocess_input(image)
    network = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(p.size, p.size, 3), name="image_encoder"
    )
    return layers.Reshape((-1, 2048))(network(x))


def _vit(p, image):
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.Conv2D(p.dim, p.patch, p.patch, name="image_encoder_patches")(x)
    count = (p.size // p.patch) ** 2
    x = layers.Reshape((count, p.dim))(x)
    x = _LearnedPositions(name="image_encoder_positions")(x)
    for i in range(p.depth):
        x = _block(p, f"image_encoder_block_{i}", x)
    return _norm("image_encoder_norm")(x)


class _LearnedPositions(layers.Layer):
    def build(self, shape):
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.positions = self.add_weight(
            shape=tuple(shape[1:]), initializer=initializer, name="positions"
        )

    def call(self, x):
        return x + ops.cast(self.positions, x.dtype)


def _positions(p):
    """Sinusoids, `(length, dim)`: sines of all frequencies, then cosines."""
    return ops.convert_to_numpy(mmzoo.layers.sinusoidal_positions(p.length, p.dim))


def _block(p, name, tokens, context=None, mask=None):
    """A pre-norm transformer block; `mask` is that of what is attended to."""
    query = _norm(f"{name}_attention_norm")(tokens)
    value = query if context is None else _norm(f"{name}_context_norm")(context)
    attention = layers.MultiHeadAttention(p.heads, p.dim // p.heads, name=f"{name}_attention")
    mask = None if mask is None else mask[:, None]
    tokens = tokens + attention(query, value, attention_mask=mask)
    hidden = _norm(f"{name}_feedforward_norm")(tokens)
    hidden = layers.Dense(p.hidden, activation="gelu", name=f"{name}_feedforward_hidden")(hidden)
    return tokens + layers.Dense(p.dim, name=f"{name}_feedforward_output")(hidden)


def weights_by_name(model):
    """Trainable weights as arrays, by their path with `_` for `/`."""
    return {_name(weight): ops.convert_to_numpy(weight) for weight in model.trainable_variables}


def _name(weight):
    """The name of a weight; `keras.applications` gives its layers names of their own."""
    name = weight.path.replace("/", "_")
    return re.sub(r"^(image_encoder_)?(applications_)?(?=conv\d_)", "image_encoder_", name)


def copy_weights(source, target):
    """Copies all weights that are trained from one Keras model to another, by name."""
    weights = weights_by_name(source)
    for weight in target.trainable_variables:
        weight.assign(weights.pop(_name(weight)))
    if weights:
        raise ValueError(f"{target.name} has no {sorted(weights)}.")
