"""Encoders: tensors of one modality -> tokens and their mask, in pure Keras."""

import keras

from mmzoo.encoders.adapter import Adapter
from mmzoo.encoders.applications import Applications
from mmzoo.encoders.audio_cnn import AudioCNN
from mmzoo.encoders.audio_crnn import AudioCRNN
from mmzoo.encoders.audio_dnn import AudioDNN
from mmzoo.encoders.audio_gru import AudioGRU
from mmzoo.encoders.audio_transformer import AudioTransformer
from mmzoo.encoders.encoder import Encoder
from mmzoo.encoders.features_linear import FeaturesLinear
from mmzoo.encoders.features_mlp import FeaturesMLP
from mmzoo.encoders.features_transformer import FeaturesTransformer
from mmzoo.encoders.image_cnn import ImageCNN
from mmzoo.encoders.image_resnet import ImageResNet
from mmzoo.encoders.image_vit import ImageViT
from mmzoo.encoders.keras_hub import KerasHub
from mmzoo.encoders.tabular_ft_transformer import TabularFTTransformer
from mmzoo.encoders.tabular_mlp import TabularMLP
from mmzoo.encoders.text_bag import TextBag
from mmzoo.encoders.text_cnn import TextCNN
from mmzoo.encoders.text_gru import TextGRU
from mmzoo.encoders.text_lstm import TextLSTM
from mmzoo.encoders.text_transformer import TextTransformer
from mmzoo.encoders.tf_hub import TFHub
from mmzoo.encoders.video_frames import VideoFrames
from mmzoo.utils.identifiers import check_serializable, resolve, unknown
from mmzoo.utils.identifiers import register as add

#: The registered encoders: kind of modality -> name -> class.
ENCODERS = {
    "image": {
        "cnn": ImageCNN,
        "resnet": ImageResNet,
        "vit": ImageViT,
    },
    "text": {
        "bag": TextBag,
        "cnn": TextCNN,
        "lstm": TextLSTM,
        "gru": TextGRU,
        "transformer": TextTransformer,
    },
    "tabular": {
        "mlp": TabularMLP,
        "ft_transformer": TabularFTTransformer,
    },
    "features": {
        "linear": FeaturesLinear,
        "mlp": FeaturesMLP,
        "transformer": FeaturesTransformer,
    },
    "audio": {
        "cnn": AudioCNN,
        "crnn": AudioCRNN,
        "dnn": AudioDNN,
        "gru": AudioGRU,
        "transformer": AudioTransformer,
    },
    "video": {
        "frames": VideoFrames,
    },
}


def names(kind):
    """The registered encoder names of a kind of modality.

    Args:
        kind: `"image"`, `"text"`, ...

    Returns:
        A sorted list of strings.

    Raises:
        ValueError: for an unknown kind.

    Example:

    >>> names("image")
    ['cnn', 'resnet', 'vit']
    """
    if kind not in ENCODERS:
        raise unknown("kind of encoder", kind, ENCODERS)
    return sorted(ENCODERS[kind])


def register(kind, name, encoder=None):
    """Gives an encoder from outside a name, for modalities of a kind.

    Args:
        kind: kind of modality, `"image"`, `"text"`, ...; one from outside, too.
        name: the name, as a modality's `encoder=` then takes it.
        encoder: a subclass of `Encoder`, or of another Keras layer, registered with Keras; `None`:
            a decorator is returned.

    Returns:
        The class, or the decorator.

    Raises:
        TypeError: when it is no layer.
        ValueError: when the name is impossible or taken, or Keras could not load the encoder.

    Example:

    >>> register("image", "cnn", ImageCNN) is ENCODERS["image"]["cnn"]
    True
    """

    def check(cls):
        check_serializable("encoder", cls, keras.layers.Layer)
        ENCODERS[kind] = registry

    registry = ENCODERS.get(kind, {})
    return add(registry, f"{kind} encoder", name, encoder, check)


def get(identifier, kind, name=None, dtype=None, main_part=None, **defaults):
    """Turns a string, config dict or instance into an encoder.

    Args:
        identifier: a name of `names(kind)`, a config dict, or any Keras layer or model.
        kind: kind of modality, `"image"`, `"text"`, ...
        name: name of the layer to make.
        dtype: dtype or dtype policy of a layer made here.
        main_part: the part that a layer which is no encoder, and takes no dict, gets alone.
        **defaults: arguments the modality fills in, such as `vocabulary_size`.

    Returns:
        An `Encoder` called `name`. An instance is wrapped in an `Adapter` of that name, so that
        it keeps its own and can be shared.

    Raises:
        ValueError: for an unknown name; the message lists the known ones and the nearest.
        TypeError: for anything that is not an identifier.

    Example:

    >>> get("lstm", "text", name="title_encoder", vocabulary_size=100).name
    'title_encoder'
    """
    if identifier is None:
        raise ValueError(
            f"A modality of kind {kind!r} has no encoder. A preprocessor is saved without encoders "
            "that are layers: give `encoder=` again."
        )
    registry = ENCODERS.get(kind, {})
    encoder = resolve(
        identifier, registry, f"{kind} encoder", keras.layers.Layer, name=name, dtype=dtype,
        **defaults,
    )  # fmt: skip
    if isinstance(encoder, Adapter) and encoder.main_part is None:
        encoder.main_part = main_part
    if isinstance(encoder, Encoder) and (name is None or encoder.name == name):
        return encoder
    return Adapter(encoder, main_part=main_part, name=name, dtype=dtype)


__all__ = [
    "ENCODERS",
    "Adapter",
    "Applications",
    "AudioCNN",
    "AudioCRNN",
    "AudioDNN",
    "AudioGRU",
    "AudioTransformer",
    "Encoder",
    "FeaturesLinear",
    "FeaturesMLP",
    "FeaturesTransformer",
    "ImageCNN",
    "ImageResNet",
    "ImageViT",
    "KerasHub",
    "TFHub",
    "TabularFTTransformer",
    "TabularMLP",
    "TextBag",
    "TextCNN",
    "TextGRU",
    "TextLSTM",
    "TextTransformer",
    "VideoFrames",
    "get",
    "names",
    "register",
]
