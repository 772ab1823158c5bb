"""Where the values of a modality are numbers first, so that a gradient can be taken."""

import contextlib
import functools

import keras
import numpy as np
from keras import ops

from mmzoo.keras_compat import all_layers, replaced_calls
from mmzoo.layers import LogMelSpectrogram, WordBytes


class Points:
    """The first float tensors of each modality within a model, by name.

    Pixels, numbers and vectors are inputs of the model. Words and categories are ids: their points
    are what the embeddings inside the encoder give for them. The points of sounds are log-mel
    frames, where the encoder makes such, since these do not depend on loudness, so that there is no
    path from silence; otherwise the waveform. Layers are called eagerly, within a context in which
    their results are noted, or replaced (`mmzoo.keras_compat.replaced_calls`): model and weights
    stay as they are.

    Args:
        network: the model that is explained, from a dict of tensors to a prediction.
        inputs: dict from modality name to modality.

    Raises:
        ValueError: for a modality that enters as ids, but whose encoder has no embedding.
    """

    def __init__(self, network, inputs):
        self.network, self.modalities = network, inputs
        self.inputs = {}  # modality -> names of float inputs
        self.layers = {}  # modality -> layers inside the encoder
        for name, modality in inputs.items():
            names = modality.input_names(name)
            dtypes = {names[part]: dtype for part, (_, dtype) in modality.tensors().items()}
            encoder = network.get_layer(f"{name}_encoder")
            inside = all_layers(encoder)
            frames = [layer for layer in inside if isinstance(layer, LogMelSpectrogram)]
            embeddings = _embeddings(inside) if "int32" in dtypes.values() else []
            self.layers[name] = frames or embeddings
            self.inputs[name] = (
                [] if frames else [key for key, dtype in dtypes.items() if dtype == "float32"]
            )
            if not self.layers[name] and not self.inputs[name]:
                raise ValueError(
                    f"{name!r} enters the model as {', '.join(dict.fromkeys(dtypes.values()))}, "
                    f"and its encoder, {type(encoder).__name__}, has no embedding that a gradient "
                    "could be taken of. Use method='occlusion', which asks the model alone."
                )

    def read(self, x):
        """The prediction of a batch, and the values of all points.

        Args:
            x: dict of arrays.

        Returns:
            `(prediction, values)`: what the network gives, and a dict from the name of a point,
            `"modality/number"`, to a `(B, ...)` float32 array.
        """
        values = {}
        for name, keys in self.inputs.items():
            values |= {f"{name}/{key}": np.asarray(x[key], "float32") for key in keys}
        noted = {}
        with self._watched(lambda key, value: noted.setdefault(key, value)):
            prediction = self.network(x, training=False)
        values |= {key: ops.convert_to_numpy(ops.cast(x, "float32")) for key, x in noted.items()}
        return prediction, values

    def call(self, x, values):
        """The prediction with other values of the points.

        Args:
            x: dict of arrays, or tensors.
            values: dict as `read` returns, of tensors.

        Returns:
            What the network gives.
        """
        x = {key: ops.convert_to_tensor(value) for key, value in x.items()}
        for name, keys in self.inputs.items():
            x |= {key: values[f"{name}/{key}"] for key in keys}
        with self._watched(lambda key, value: ops.cast(values[key], value.dtype)):
            return self.network(x, training=False)

    def of(self, name, values):
        """The points of one modality, those of its inputs first.

        Args:
            name: name of the modality.
            values: dict as `read` returns.

        Returns:
            List of `(point, value)`.
        """
        return [(key, x) for key, x in values.items() if key.split("/")[0] == name]

    @contextlib.contextmanager
    def _watched(self, change):
        """A context in which `change(key, value)` stands in the place of a layer's result."""
        current, calls = [], {}

        def encode(name, call, *args, **kwargs):
            current.append(name)
            try:
                return call(*args, **kwargs)
            finally:
                current.pop()

        def look_up(layer, call, *args, **kwargs):
            result = call(*args, **kwargs)
            name = current[-1] if current else None
            if layer not in self.layers.get(name, ()):
                return result
            calls[name] = calls.get(name, 0) + 1  # an encoder may call a layer twice
            key = f"{name}/call {calls[name]}"
            if isinstance(result, (tuple, list)):  # frames and their mask
                return (change(key, result[0]), *result[1:])
            return change(key, result)

        encoders = {self.network.get_layer(f"{name}_encoder"): name for name in self.modalities}
        functions = {layer: functools.partial(encode, name) for layer, name in encoders.items()}
        for layers in self.layers.values():
            functions |= {layer: functools.partial(look_up, layer) for layer in layers}
        with replaced_calls(functions):
            yield


def _embeddings(layers):
    """The embeddings among layers; of the bytes of words their vector a word."""
    of_bytes = [layer for layer in layers if isinstance(layer, WordBytes)]
    inside = {id(layer) for each in of_bytes for layer in all_layers(each)}
    return of_bytes + [
        layer
        for layer in layers
        if isinstance(layer, keras.layers.Embedding) and id(layer) not in inside
    ]
