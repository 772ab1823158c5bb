"""The zoo: named triples of inputs, fusion and head."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mmzoo.encoders import Applications, KerasHub, TFHub
from mmzoo.heads import Sigmoid, Softmax
from mmzoo.identifiers import unknown
from mmzoo.modalities import Features, Image, Tabular, Text
from mmzoo.optional import require


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What `build_model` needs to know of a model.

    Args:
        name: the recipe's name; the model is called so.
        inputs: dict from modality name to modality.
        fusion: fusion block: name, config dict or instance.
        head: head: name, config dict or instance.

    Example:

    >>> import mmzoo
    >>> text = mmzoo.Text(length=8, vocabulary_size=100)
    >>> recipe = Recipe("captions", {"text": text}, "concat", "sigmoid")
    >>> mmzoo.build_model(recipe).name
    'captions'
    """

    name: str
    inputs: Mapping[str, Any]
    fusion: Any
    head: Any


def cnn_lstm_concat():
    """A picture and a text of 100 words, yes or no.

    The first of the two Keras examples mmzoo grew from: one convolution and an LSTM, concatenated.
    100x100x3 picture: Conv2D(32, 3x3), max-pooling, flattened; text of 100 tokens: Embedding(10000,
    64), LSTM(64), Dense(64); Dense(64, relu); one sigmoid; binary cross-entropy.

    Returns:
        A `Recipe` with the inputs `image` and `text`.

    Example:

    >>> import mmzoo
    >>> mmzoo.build_model("cnn_lstm_concat").output_shape
    (None, 1)
    """
    image_encoder = {
        "class_name": "cnn",
        "config": {
            "filters": [32],
            "strides": 1,
            "pool_size": 2,
            "padding": "valid",
            "pooling": "flatten",
        },
    }
    text_encoder = {
        "class_name": "lstm",
        "config": {"embedding_dim": 64, "units": 64, "pooling": "last", "projection_units": 64},
    }
    return Recipe(
        name="cnn_lstm_concat",
        inputs={
            "image": Image(size=(100, 100), encoder=image_encoder),
            "text": Text(length=100, vocabulary_size=10_000, encoder=text_encoder),
        },
        fusion={"class_name": "concat", "config": {"hidden_units": [64]}},
        head=Sigmoid(units=1),
    )


def cnn_rnn_concat_softmax():
    """A picture and a text of any length, one class of ten.

    The second of the two Keras examples: a CNN over 224x224x3 and an RNN over text, each to
    Dense(1024, relu); concatenated; Dense(512, relu); softmax over 10; categorical cross-entropy.
    The example named its networks only `CNN` and `RNN`; here they are five strided convolutions
    with a global mean, and a GRU.

    Returns:
        A `Recipe` with the inputs `image` and `text` (variable length).

    Example:

    >>> import mmzoo
    >>> mmzoo.build_model("cnn_rnn_concat_softmax").output_shape
    (None, 10)
    """
    image_encoder = {
        "class_name": "cnn",
        "config": {
            "filters": [32, 64, 128, 256, 256],
            "pooling": "mean",
            "projection_units": 1024,
            "projection_activation": "relu",
        },
    }
    text_encoder = {
        "class_name": "gru",
        "config": {
            "embedding_dim": 128,
            "units": 256,
            "pooling": "last",
            "projection_units": 1024,
            "projection_activation": "relu",
        },
    }
    return Recipe(
        name="cnn_rnn_concat_softmax",
        inputs={
            "image": Image(size=(224, 224), encoder=image_encoder),
            "text": Text(length=None, vocabulary_size=10_000, encoder=text_encoder),
        },
        fusion={"class_name": "concat", "config": {"hidden_units": [512]}},
        head=Softmax(units=10),
    )


def bert_resnet50_concat(weights=None, tokenizer=None, trainable=None):
    """A picture and a text through ResNet-50 and BERT, concatenated, yes or no.

    The documents' PyTorch model, mended: BERT's pooled output of 768 rather than its output object,
    2048 of ResNet-50 after its mean, so Dense(512, relu) over 2816; no squeeze that drops a batch
    of one; and word pieces between [CLS] and [SEP]. 224x224x3 picture; text of 128 tokens, or
    of as many as the BERT takes; one sigmoid. Needs the extra `mmzoo[keras-hub]`.

    Args:
        weights: dict with `text`, what `mmzoo.encoders.KerasHub` takes (a preset, a folder, or a
            backbone, also of another size), and `image`, what `mmzoo.encoders.Applications` takes.
            What is not in it, and by default both, is random, of the size of BERT-base.
        tokenizer: as in `mmzoo.encoders.KerasHub`; `None`: the preset's, or, for a BERT without
            one, whole words, learned from the training rows.
        trainable: whether the networks train; `None`: only those with random weights.

    Returns:
        A `Recipe` with the inputs `image` and `text`.

    Raises:
        ImportError: when KerasHub is not installed.
        FileNotFoundError: when weights can't be found or downloaded.
        ValueError: for an unknown entry of `weights`.

    Example:

    ```python
    weights = {"text": "bert_base_en_uncased", "image": "imagenet"}
    recipe = mmzoo.recipes.bert_resnet50_concat(weights)
    model = mmzoo.build_model(recipe, head=mmzoo.heads.Softmax(units=3))
    ```

    Reference: https://arxiv.org/abs/1810.04805, https://arxiv.org/abs/1512.03385
    """
    weights = dict(weights or {})
    vocabulary_size = 30_522
    bert, resnet = weights.pop("text", None), weights.pop("image", None)
    if weights:
        raise unknown("entry of `weights`", next(iter(weights)), ("text", "image"))
    if bert is None:
        bert = require("keras_hub", "keras-hub").models.BertBackbone(
            vocabulary_size=vocabulary_size,
            num_layers=12,
            num_heads=12,
            hidden_dim=768,
            intermediate_dim=3072,
        )
    text = KerasHub(bert, output_key="pooled_output", tokenizer=tokenizer, trainable=trainable)
    text_options = {} if text.tokenizer else {"vocabulary_size": vocabulary_size}
    image = Applications("ResNet50", weights=resnet, pooling="mean", trainable=trainable)
    return Recipe(
        name="bert_resnet50_concat",
        inputs={
            "image": Image(size=(224, 224), encoder=image),
            "text": Text(length=min(128, text.max_length or 128), encoder=text, **text_options),
        },
        fusion={"class_name": "concat", "config": {"hidden_units": [512]}},
        head=Sigmoid(units=1),
    )


def linear_sum():
    """Features of a picture and of a text, a linear layer each, summed; one class of ten.

    The least that two frozen backbones need on top, such as both towers of CLIP: logits that are
    linear in what was computed beforehand. The linear layers are those of `sum`.

    Returns:
        A `Recipe` with the inputs `image_features` and `text_features`, 512 numbers each.

    Example:

    >>> import mmzoo
    >>> model = mmzoo.build_model("linear_sum", dim=16, head=mmzoo.heads.Softmax(units=3))
    >>> model.count_params() == 2 * (512 * 16 + 16) + 16 * 3 + 3
    True
    """
    as_it_is = {"class_name": "linear", "config": {"units": None}}
    return Recipe(
        name="linear_sum",
        inputs={
            "image_features": Features(512, encoder=as_it_is),
            "text_features": Features(512, encoder=as_it_is),
        },
        fusion="sum",
        head=Softmax(units=10),
    )


def ft_transformer_image_text(
    numeric=(),
    categorical=(),
    *,
    size=(224, 224),
    length=64,
    vocabulary_size=10_000,
    head="sigmoid",
):
    """A picture, a text and the columns of a table, whose tokens attend to each other.

    Columns become tokens by an FT-Transformer, words by a transformer, parts of the picture by a
    ResNet; one transformer over all of them.

    Args:
        numeric: as in `mmzoo.Tabular`.
        categorical: as in `mmzoo.Tabular`.
        size: `(height, width)` of the pictures.
        length: number of tokens of a text.
        vocabulary_size: as in `mmzoo.Text`.
        head: as in `mmzoo.build_model`.

    Returns:
        A `Recipe` with the inputs `image`, `text` and `tabular`, all optional.

    Raises:
        ValueError: when the table has no columns.

    Example:

    >>> import mmzoo
    >>> recipe = mmzoo.recipes.ft_transformer_image_text(["price"], ["brand"])
    >>> mmzoo.build_model(recipe, dim=64).output_shape
    (None, 1)

    Reference: Gorishniy et al. 2021, arXiv 2106.11959.
    """
    return Recipe(
        name="ft_transformer_image_text",
        inputs={
            "image": Image(size=size, encoder="resnet", optional=True),
            "text": Text(length, vocabulary_size, encoder="transformer", optional=True),
            "tabular": Tabular(numeric, categorical, encoder="ft_transformer", optional=True),
        },
        fusion="merged_attention",
        head=head,
    )


def tfhub_image_text(
    image_handle,
    text_handle,
    text_preprocessor=None,
    *,
    size=None,
    output_keys=(None, None),
    trainable=False,
    head="sigmoid",
):
    """A picture and a text through two modules of TF-Hub, concatenated.

    Args:
        image_handle: handle or folder of an image module, such as a feature vector.
        text_handle: handle or folder of a text module: one that takes strings, or a BERT.
        text_preprocessor: handle or folder of the text module's preprocessing, if it has one.
        size: `(height, width)` of the pictures; `None`: that of the module, or `(224, 224)` where
            it takes any.
        output_keys: which output of the image and of the text module, where there are several.
        trainable: whether the modules train, or only what stands on them.
        head: as in `mmzoo.build_model`.

    Returns:
        A `Recipe` with the inputs `image` and `text`.

    Raises:
        FileNotFoundError: when a module can't be found or downloaded.

    Example:

    ```python
    recipe = mmzoo.recipes.tfhub_image_text(
        "https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/feature_vector/5",
        "https://tfhub.dev/google/nnlm-en-dim128/2",
        head=mmzoo.heads.Softmax(units=3),
    )
    model = mmzoo.build_model(recipe)
    ```
    """
    image_key, text_key = output_keys
    image = TFHub(image_handle, trainable=trainable, output_key=image_key)
    text = TFHub(
        text_handle, trainable=trainable, output_key=text_key, preprocessor=text_preprocessor
    )
    return Recipe(
        name="tfhub_image_text",
        inputs={
            "image": Image(size=size or image.module.picture_size or (224, 224), encoder=image),
            "text": Text(encoder=text),
        },
        fusion="concat",
        head=head,
    )


#: The recipes that need no arguments: name -> function.
RECIPES = {
    "bert_resnet50_concat": bert_resnet50_concat,
    "cnn_lstm_concat": cnn_lstm_concat,
    "cnn_rnn_concat_softmax": cnn_rnn_concat_softmax,
    "linear_sum": linear_sum,
}


def list_models():
    """The names that `build_model` takes, sorted.

    Returns:
        A list of strings.

    Example:

    >>> "cnn_lstm_concat" in list_models()
    True
    """
    return sorted(RECIPES)


def get(identifier):
    """Turns a name into a `Recipe`.

    Args:
        identifier: a name of `list_models()` or a `Recipe`.

    Returns:
        A `Recipe`.

    Raises:
        ValueError: for an unknown name; the message lists the known ones and the nearest.
        TypeError: for anything else.

    Example:

    >>> get("cnn_lstm_concat").fusion["class_name"]
    'concat'
    """
    if isinstance(identifier, Recipe):
        return identifier
    if not isinstance(identifier, str):
        raise TypeError(f"Expected the name of a recipe or a Recipe; received: {identifier!r}.")
    if identifier not in RECIPES:
        raise unknown("recipe", identifier, RECIPES)
    return RECIPES[identifier]()


def model_inputs(recipe, inputs):
    """The modalities of a model: the recipe's, and over them the user's.

    Args:
        recipe: name, `Recipe` or `None`.
        inputs: dict from modality name to modality, or `None`.

    Returns:
        Dict from modality name to modality.

    Example:

    >>> sorted(model_inputs("cnn_lstm_concat", None))
    ['image', 'text']
    """
    return {**({} if recipe is None else get(recipe).inputs), **(inputs or {})}
