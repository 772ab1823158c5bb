"""The backbones of KerasHub as encoders."""

import functools
import os

import keras
import numpy as np
from keras import ops

from mmzoo.encoders.encoder import Encoder
from mmzoo.keras_compat import all_layers
from mmzoo.layers import channels_last, whisper_log_mel
from mmzoo.tokenizers import Tokenizer, from_keras_hub
from mmzoo.utils.identifiers import unknown
from mmzoo.utils.optional_packages import require
from mmzoo.utils.safe_mode import check_nothing_fetched

#: What backbones call the tensors of a `mmzoo.Text`.
TEXT_INPUTS = {"ids": "token_ids", "mask": "padding_mask", "segments": "segment_ids"}
#: The dimensions of pictures.
PICTURES = ("batch", "height", "width", "channels")
#: How the names of what the encoder of an encoder-decoder takes begin.
PREFIX = "encoder_"


@keras.saving.register_keras_serializable(package="mmzoo")
class KerasHub(Encoder):
    """A backbone of KerasHub: BERT, ViT, CLIP, Whisper and their like, pretrained or not.

    Needs the extra `mmzoo[keras-hub]`. In a `mmzoo.Text` it brings the preset's own tokenizer;
    pixels come as 0-255 and are scaled, in float32 under every precision policy, as the preset's
    image converter does it. Gray pictures are repeated to three channels. Frozen, the backbone runs
    in inference mode: no dropout, BatchNorm's statistics stay.

    Only the part of the backbone that the chosen output depends on is kept, as the attribute
    `network`. A saved model holds its graph and weights: loading it takes KerasHub, but neither the
    preset nor a download, and is allowed in safe mode.

    Args:
        backbone: what `keras_hub.models.Backbone.from_preset` takes: the name of a preset, a handle
            such as `"hf://user/name"`, or a folder; or a `keras_hub.models.Backbone`.
        tower: which half of a backbone of pictures and texts (CLIP, SigLIP): `"image"` or `"text"`.
            Of encoder-decoders (Whisper, T5) it is always the encoder.
        output_key: which of several outputs: `"sequence_output"`, `"pooled_output"`; of CLIP
            `"sequence_output"` or `"embedding"`, the projected one; of convolutional networks also
            a level of their pyramid, `"P2"`, `"P3"`, ... `None`: the only one, or
            `"sequence_output"`.
        trainable: whether the backbone is trained; `None`: not if it comes from a preset, and else
            as it is. A projection is trained in any case.
        value_range: `(lowest, highest)` value that pixels of 0 and 255 become, each a number or
            one a channel. `None`: that of the preset's image converter; without preset, `(0, 1)` in
            a `mmzoo.Image`, and otherwise what comes in stays as it is.
        tokenizer: a `keras_hub.tokenizers.Tokenizer` or a `mmzoo.tokenizers.Tokenizer`; `None`:
            that of the preset.
        audio_converter: a `keras_hub.layers.WhisperAudioConverter`, which makes what the backbone
            takes of a waveform; `None`: that of the preset.
        **kwargs: `pooling`, `projection_units`, `projection_activation`, `name`, `dtype`; the dtype
            is that of a preset, too.

    Call arguments:
        x: token ids `(B, T)`, where 0 is padding, or a dict of `ids`, `mask` and `segments`;
            pictures `(B, H, W, 3)` or `(B, H, W, 1)`; a waveform `(B, samples)` of the audio
            converter's sample rate, or the features that an audio backbone takes. A dict of what
            the backbone itself calls its inputs will do, too.

    Returns:
        `(tokens, mask)`. An output of rank 2 is one token; of rank 4 it is a feature map of `H * W`
        tokens. Patches of a ViT begin with its class token, so they are a line, not a grid.

    Raises:
        ImportError: when KerasHub is not installed.
        ValueError: for a preset that is not there, a tower or an output that the backbone does not
            have, a preset of pictures that does not tell their range, or tensors that the backbone
            can't take.

    Example:

    >>> import keras_hub, numpy as np
    >>> backbone = keras_hub.models.BertBackbone(
    ...     vocabulary_size=20, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
    ... )
    >>> tokens, mask = KerasHub(backbone)(np.array([[2, 5, 7, 3, 0]]))
    >>> tuple(tokens.shape), keras.ops.convert_to_numpy(mask)[0].tolist()
    ((1, 5, 8), [True, True, True, True, False])

    Reference: https://keras.io/keras_hub/presets
    """

    def __init__(
        self,
        backbone,
        tower=None,
        output_key=None,
        trainable=None,
        value_range=None,
        tokenizer=None,
        audio_converter=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # half precision would round the pixels
        keras_hub = require("keras_hub", "keras-hub")
        preset = None if isinstance(backbone, keras.Model) else os.fspath(backbone)
        if preset is not None:
            check_nothing_fetched(f"The config of {self.name!r} names the preset {preset!r}")
            with channels_last():
                backbone = keras_hub.models.Backbone.from_preset(
                    preset, dtype=self.dtype_policy.name
                )
            trainable = bool(trainable)
        train_network = backbone.trainable if trainable is None else trainable
        self.network = _network(backbone, tower, output_key)
        self.tower = tower
        self.output_key = output_key
        self.value_range = value_range
        if preset is not None and value_range is None and "images" in self._inputs():
            self.value_range = _value_range(preset)
        if preset is not None and audio_converter is None and "features" in self._inputs():
            audio_converter = _converter(keras_hub.layers.AudioConverter, preset)
        if isinstance(audio_converter, dict):
            audio_converter = keras.saving.deserialize_keras_object(audio_converter)
        self.audio_converter = audio_converter
        self._preset, self._tokenizer = preset, tokenizer
        if not (train_network and backbone.trainable):  # that would free what is frozen inside
            for layer in (self.network, *self.network.layers):
                layer.trainable = train_network
        if not train_network and self.projection is None:
            self.trainable = False

    @property
    def input_dtypes(self):
        """As of any encoder: what belongs to a text is integers."""
        return {"x": "int32"} if "token_ids" in self._inputs() else super().input_dtypes

    @property
    def dimensions(self):
        """As of any encoder: those of a text, or of pictures. Sounds come in several forms."""
        inputs = self._inputs()
        if "token_ids" in inputs:
            return dict.fromkeys(("x", "ids", "mask", "segments"), ("batch", "length"))
        return dict.fromkeys(("x", "images") if "images" in inputs else (), PICTURES)

    @functools.cached_property
    def tokenizer(self):
        """What a `mmzoo.Text` with this encoder does to strings; `None`: what it always does."""
        tokenizer = self._tokenizer
        if tokenizer is None and self._preset is not None and "token_ids" in self._inputs():
            keras_hub = require("keras_hub", "keras-hub")
            try:
                tokenizer = keras_hub.tokenizers.Tokenizer.from_preset(self._preset)
            except FileNotFoundError:  # a preset that is a backbone alone
                return None
        if tokenizer is None or isinstance(tokenizer, Tokenizer):
            return tokenizer
        return from_keras_hub(tokenizer, self.max_length)

    @property
    def sample_rate(self):
        """Samples a second of the waveforms it takes; `None`: it takes none."""
        return getattr(self.audio_converter, "sampling_rate", None)

    def fill(self, value_range=None):
        """Takes over what the modality knows where this encoder was not told."""
        if self.value_range is None:
            self.value_range = value_range

    def encode(self, x, training=None):
        inputs, mask = self._inputs(), None
        if not isinstance(x, dict):
            x = {"ids" if "token_ids" in inputs else next(iter(inputs)): x}
        x = {TEXT_INPUTS.get(name, name.removeprefix(PREFIX)): x[name] for name in x}
        if "token_ids" in x:
            present = ops.cast(ops.not_equal(x["token_ids"], 0), "int32")
            x = {"padding_mask": present, "segment_ids": ops.zeros_like(x["token_ids"]), **x}
            mask = ops.cast(x["padding_mask"], "bool")
            length = x["token_ids"].shape[1]
            if None not in (length, self.max_length) and length > self.max_length:
                raise ValueError(
                    f"{self.network.name!r} takes texts of at most {self.max_length} tokens; "
                    f"received: {length}. Give the `mmzoo.Text` a smaller `length`."
                )
        sound = x.get("waveform", x.get("features"))
        if self.audio_converter is not None and sound is not None and len(sound.shape) == 2:
            converter = self.audio_converter
            x["features"] = whisper_log_mel(
                sound,
                converter.mel_filters,
                converter.num_fft_bins,
                converter.stride,
                converter.num_samples,
            )
        missing = sorted(set(inputs) - set(x))
        if missing:
            raise ValueError(
                f"The {type(self.network).__name__} {self.network.name!r} takes "
                f"{', '.join(inputs)}; received no {', '.join(missing)}."
            )
        if "images" in inputs:
            x["images"] = self._pixels(x["images"], inputs["images"].shape)
        if isinstance(self.network.input, dict):
            x = {name: x[name.removeprefix(PREFIX)] for name in self.network.input}
        else:
            x = x["images"]
        output = self.network(x, training=training and self.network.trainable)
        rank = len(output.shape)
        if rank == 4:
            return self.tokens_of_map(output)
        tokens = output[:, None] if rank == 2 else output
        if rank == 2 or mask is None:
            mask = ops.ones(ops.shape(tokens)[:2], dtype="bool")
        return tokens, mask

    @functools.cached_property
    def max_length(self):
        """The most tokens of a text that there are positions for; `None`: any number."""
        layers = all_layers(self.network)
        return min(
            (x.sequence_length for x in layers if hasattr(x, "sequence_length")), default=None
        )

    def _inputs(self):
        """What the network takes: name -> symbolic tensor."""
        return _named(self.network.input)

    def _pixels(self, x, shape):
        """Pixels of 0-255 as the backbone expects them."""
        if x.shape[-1] == 1 and shape[-1] == 3:
            x = ops.repeat(x, 3, axis=-1)
        if any(a not in (None, b) for a, b in zip(shape[1:], x.shape[1:], strict=True)):
            raise ValueError(
                f"{self.network.name!r} takes pictures of (height, width, channels) = "
                f"{tuple(shape[1:])}; received: {tuple(x.shape[1:])}. Give the `mmzoo.Image` that "
                "`size`."
            )
        x = ops.cast(x, "float32")
        if self.value_range is None:
            return x
        lowest, highest = (ops.convert_to_tensor(v, "float32") for v in self.value_range)
        return x * ((highest - lowest) / 255) + lowest

    def get_config(self):
        return {
            **super().get_config(),
            "backbone": keras.saving.serialize_keras_object(self.network),
            "tower": self.tower,
            "output_key": self.output_key,
            "trainable": None if self.network.trainable else False,
            "value_range": self.value_range,
            "audio_converter": self.audio_converter
            and keras.saving.serialize_keras_object(self.audio_converter),
        }

    @classmethod
    def from_config(cls, config):
        require("keras_hub", "keras-hub")  # registers its layers
        backbone = keras.saving.deserialize_keras_object(config["backbone"])
        return cls(**{**config, "backbone": backbone})


def _network(backbone, tower, output_key):
    """The part of a backbone that one output depends on."""
    if not hasattr(backbone, "from_preset"):  # it is that part already, of a loaded model
        return backbone
    inputs, outputs = _parts(backbone, tower)
    outputs.update(getattr(backbone, "pyramid_outputs", {}))
    if output_key is None:
        output_key = "sequence_output" if "sequence_output" in outputs else next(iter(outputs))
    if output_key not in outputs:
        raise unknown(f"output of a {type(backbone).__name__}", output_key, outputs)
    if outputs[output_key] is backbone.output:
        return backbone
    return keras.Model(inputs, outputs[output_key], name=backbone.name)


def _parts(backbone, tower):
    """Symbolic inputs and outputs, by name, of the tower of a backbone."""
    kind = type(backbone).__name__
    if hasattr(backbone, "get_text_embeddings"):
        towers = {
            "image": ("images", backbone.vision_encoder, backbone.get_vision_embeddings),
            "text": ("token_ids", backbone.text_encoder, backbone.get_text_embeddings),
        }
        if tower not in towers:
            raise ValueError(
                f'A {kind} reads pictures and texts: give `tower="image"` or `tower="text"`; '
                f"received: {tower!r}."
            )
        name, encoder, embed = towers[tower]
        inputs = {name: backbone.input[name]}
        outputs = {"embedding": embed(inputs[name])}
        if len(encoder.output.shape) == 3:  # SigLIP's is the embedding already
            outputs["sequence_output"] = encoder(inputs)
        return inputs, outputs
    inputs, outputs = backbone.input, backbone.output
    outputs = dict(outputs) if isinstance(outputs, dict) else {"sequence_output": outputs}
    if "encoder_sequence_output" in outputs:  # of an encoder-decoder
        inputs = {name: x for name, x in inputs.items() if name.startswith(PREFIX)}
        outputs = {"sequence_output": outputs["encoder_sequence_output"]}
    names = _named(inputs)
    reads = "text" if "token_ids" in names else "image" if "images" in names else "audio"
    if tower not in (None, reads):
        raise ValueError(f"A {kind} has one tower, {reads!r}; received: tower={tower!r}.")
    return inputs, outputs


def _named(inputs):
    """The inputs of a network by name; one without a name takes pictures."""
    if not isinstance(inputs, dict):
        return {"images": inputs}
    return {name.removeprefix(PREFIX): x for name, x in inputs.items()}


def _value_range(preset):
    """What pixels of 0 and 255 become in the image converter of a preset."""
    import keras_hub

    converter = _converter(keras_hub.layers.ImageConverter, preset)
    if converter is None:
        raise ValueError(
            f"{preset} has no image converter that tells how its backbone expects pixels. Give "
            "`value_range=(lowest, highest)`: what pixels of 0 and of 255 shall become."
        )
    scale = np.asarray(1.0 if converter.scale is None else converter.scale)
    offset = np.asarray(0.0 if converter.offset is None else converter.offset)
    return [bound.tolist() for bound in (offset + 0 * scale, 255 * scale + offset)]


def _converter(kind, preset):
    """The converter of a preset, or `None` where it has none."""
    try:
        return kind.from_preset(preset)
    except FileNotFoundError:
        return None
