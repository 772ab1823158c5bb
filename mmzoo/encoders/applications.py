"""The networks of keras.applications as encoders."""

import inspect
import os
from typing import ClassVar

import keras
from keras import ops

from mmzoo.encoders.encoder import Encoder
from mmzoo.layers import channels_last
from mmzoo.utils.identifiers import unknown
from mmzoo.utils.safe_mode import is_loading

#: The architectures: name -> function that makes the network.
ARCHITECTURES = {
    name: make for name, make in vars(keras.applications).items() if inspect.isfunction(make)
}
#: Smallest side, in pixels, of the pictures a family takes, where that is not 32.
SMALLEST = {"inception_resnet_v2": 75, "inception_v3": 75, "xception": 71}


@keras.saving.register_keras_serializable(package="mmzoo")
class Applications(Encoder):
    """A network of `keras.applications` without its classifier, pretrained or not.

    It takes pixels of 0-255, as all encoders of pictures do, and hands the network what
    `preprocess_input` of its family makes of them, in float32 under every precision policy. Gray
    pictures are repeated to three channels. The network is made for the size of the pictures, when
    that is known, and is then the attribute `network`.

    A frozen network runs in inference mode: BatchNorm neither normalises by the batch nor updates
    its statistics, and there is no stochastic depth. To fine-tune it, call
    `mmzoo.unfreeze(model, name, batch_normalization=False)`; or set `encoder.trainable = True`,
    freeze again what of `encoder.network.layers` shall stay as it is, BatchNorm for instance, and
    compile again.

    A saved model holds the network's graph and weights, and which of its layers are frozen: loading
    it takes neither the file nor the download that the weights came from.

    Args:
        architecture: name of a function of `keras.applications`, such as `"EfficientNetV2B0"`.
        weights: `"imagenet"`; path of a file that `keras.Model.load_weights` takes, of the network
            without its classifier; or `None`: random. With `"imagenet"`, and not with a path, Keras
            gives EfficientNetB0 to B7 one more rescaling, so ImageNet's own file belongs into
            Keras's cache.
        trainable: whether the network is trained; `None`: only if `weights` is `None`. A
            projection is trained in any case.
        **kwargs: `pooling`, `projection_units`, `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: `(B, H, W, 3)` or `(B, H, W, 1)`, values 0-255.

    Returns:
        `(tokens, mask)`: `(B, h * w, D)`, row by row from the top left, and `(B, h * w)`.

    Raises:
        ValueError: for an unknown architecture, weights that do not fit it, or pictures that are
            smaller than it takes.
        FileNotFoundError: when there is no such file, or ImageNet's can't be downloaded.

    Example:

    >>> import numpy as np
    >>> encoder = Applications("MobileNetV3Small", weights=None)
    >>> tokens, mask = encoder(np.zeros((2, 64, 64, 3)))
    >>> tuple(tokens.shape)
    (2, 4, 576)

    Reference: https://keras.io/api/applications
    """

    dimensions: ClassVar = {"x": ("batch", "height", "width", "channels")}

    def __init__(self, architecture, weights="imagenet", trainable=None, **kwargs):
        super().__init__(autocast=False, **kwargs)  # half precision would round the pixels
        if architecture not in ARCHITECTURES:
            raise unknown("architecture of keras.applications", architecture, ARCHITECTURES)
        if weights not in (None, "imagenet"):
            weights = os.fspath(weights)
            if not is_loading() and not os.path.exists(weights):
                raise FileNotFoundError(
                    '`weights` must be "imagenet", None or the path of a file; there is no '
                    f"{weights!r}."
                )
        self._network = None
        self.architecture = architecture
        self.family = ARCHITECTURES[architecture].__module__.rpartition(".")[2]
        self.pretrained = weights
        train_network = weights is None if trainable is None else trainable
        self.trainable = train_network or self.projection is not None
        self.train_network = train_network

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "trainable":  # also for a network that is not made yet
            self.train_network = value

    @property
    def network(self):
        """The model of `keras.applications`: preprocessed `(B, H, W, 3)` -> `(B, h, w, D)`."""
        if self._network is None:
            raise ValueError(
                f"{self.name!r} makes its {self.architecture} when it knows the size of the "
                "pictures: give it to mmzoo.build_model, call it, or call "
                "`encoder.build((None, height, width, 3))`."
            )
        return self._network

    def build(self, x_shape):
        if self._network is not None:  # it was loaded
            return
        if len(x_shape) != 4 or None in x_shape[1:] or x_shape[3] not in (1, 3):
            raise ValueError(
                f"{self.architecture} takes pictures of one size with 3 channels, or 1: (batch, "
                f"height, width, channels); received the shape {tuple(x_shape)}."
            )
        height, width = x_shape[1:3]
        smallest = SMALLEST.get(self.family, 32)
        if min(height, width) < smallest:
            raise ValueError(
                f"{self.architecture} takes pictures of at least {smallest} x {smallest} pixels; "
                f"received: {height} x {width}. Use a larger `size`, or another architecture."
            )
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.dtype_policy)  # keras.applications takes no `dtype`
        try:
            with channels_last():
                self._network = self._make_network((height, width, 3))
        finally:
            keras.config.set_dtype_policy(policy)
        self._network.trainable = self.train_network

    def _make_network(self, shape):
        """The network with its weights."""
        make = ARCHITECTURES[self.architecture]
        if is_loading():  # weights are in the file that is loaded, whatever its config names
            return make(include_top=False, weights=None, input_shape=shape)
        if self.pretrained is not None and _only_traced():
            raise ValueError(
                f"{self.name!r} can't load its weights while Keras traces the layer that holds it. "
                "Before that, call `encoder.build((None, height, width, channels))`."
            )
        if self.pretrained == "imagenet":
            try:
                return make(include_top=False, weights="imagenet", input_shape=shape)
            except Exception as error:  # `keras.utils.get_file` raises nothing more special
                raise FileNotFoundError(
                    f"The ImageNet weights of {self.architecture} are not in Keras's cache and "
                    f"can't be downloaded ({error}). Where they can, Keras writes the file into "
                    "~/.keras/models (or $KERAS_HOME/models): copy it into that folder here. Or "
                    "give `weights=` the path of weights of your own, or None for random ones."
                ) from error
        network = make(include_top=False, weights=None, input_shape=shape)
        if self.pretrained is not None:
            try:
                network.load_weights(self.pretrained)
            except Exception as error:  # of h5py, zipfile or Keras
                raise ValueError(
                    f"{self.pretrained} does not hold the weights of {self.architecture} without "
                    f"its classifier ({error}). `encoder.network.save_weights("
                    '"name.weights.h5")` writes such a file.'
                ) from error
        return network

    def encode(self, x, training=None):
        x = ops.cast(x, "float32")
        if x.shape[-1] == 1:
            x = ops.repeat(x, 3, axis=-1)
        preprocess_input = getattr(keras.applications, self.family).preprocess_input
        # A copy, because on torch it writes over its input.
        x = preprocess_input(ops.copy(x), data_format="channels_last")
        return self.tokens_of_map(self.network(x, training=training and self.network.trainable))

    def get_config(self):
        config = {**super().get_config(), "architecture": self.architecture}
        if self._network is None:
            return {**config, "weights": self.pretrained, "trainable": self.train_network}
        # Not by name alone: the graph depends on where the weights came from (EfficientNet), and
        # layers may have been frozen or quantised since.
        network = keras.saving.serialize_keras_object(self._network)
        return {**config, "weights": None, "network": network}

    @classmethod
    def from_config(cls, config):
        encoder = cls(**{key: value for key, value in config.items() if key != "network"})
        if "network" in config:
            encoder.trainable = config["trainable"]
            encoder._network = keras.saving.deserialize_keras_object(config["network"])
        return encoder


def _only_traced():
    """Whether Keras only traces: what is assigned to a variable then is lost."""
    try:
        keras.Variable(0.0)
    except ValueError:
        return True
    return False
