"""The base class of modalities: what a raw value is, as pure configuration."""

import dataclasses
import os
from typing import ClassVar

import keras


@dataclasses.dataclass(frozen=True)
class Modality:
    """One input of a model: names its preprocessing and its encoder, and holds no state.

    A subclass is a frozen dataclass with the fields `encoder` (name, config dict, or any Keras
    layer or model) and `optional` (whether a value may be absent), and with `kind` (which encoders
    fit), `tensor()` or `tensors()` (what enters the model) and `preprocessing(name)` (what makes
    that of raw values). It is decorated with `keras.saving.register_keras_serializable`, so that
    what was saved with it can be loaded. What is learned from data lives in the `Preprocessor`.

    Example: see `docs/extending.md`, where a modality is written from scratch.
    """

    #: Kind of modality: which entry of `mmzoo.encoders.ENCODERS` its names come from.
    kind: ClassVar[str] = ""
    #: What the names of its files end in, lower case, such as `(".jpg", ".png")`: what
    #: `mmzoo.data.from_directory` looks for, once the modality is registered.
    endings: ClassVar[tuple] = ()
    #: The part that a layer gets alone which is no encoder of mmzoo's, and takes no dict; `None`:
    #: the dict of all parts, or the only one.
    main_part: ClassVar[str | None] = None
    #: What the exported model takes, in a few words.
    served: ClassVar[str] = ""
    #: Whether directed fusion blocks ask with this modality by default.
    text_like: ClassVar[bool] = False
    #: Whether a raw value that is a string is the path of a file.
    strings_are_paths: ClassVar[bool] = True

    @property
    def packages(self):
        """Packages that an exported graph with this modality needs, besides TensorFlow."""
        return ()

    def tensor(self):
        """Shape (without the batch) and dtype of the model's input.

        Returns:
            `(shape, dtype)`.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `tensor`.")

    def tensors(self):
        """All that enters the model.

        Returns:
            Dict from part to `(shape, dtype)`. Where there is one part, the encoder gets its
            tensor; where there are several, a dict of them.
        """
        return {self.kind: self.tensor()}

    def input_names(self, name):
        """Names of the model's inputs: the first part is called as the modality.

        Args:
            name: the modality's key.

        Returns:
            Dict from part to input name.
        """
        first, *others = self.tensors()
        return {first: name, **{part: f"{name}_{part}" for part in others}}

    def raw_names(self, name):
        """Names of the raw inputs in the exported signature.

        Args:
            name: the modality's key.

        Returns:
            A list of strings.
        """
        return [name]

    def served_counts(self):
        """What the exported model counts in each row, in outputs called `<name>_<count>`.

        Returns:
            Dict from a count to what it says; most modalities have none.
        """
        return {}

    def encoder_defaults(self):
        """Arguments that the modality fills in where its encoder leaves them open."""
        return {}

    def paths(self, value):
        """The files that a raw value names.

        Args:
            value: the raw value.

        Returns:
            A list of paths.
        """
        is_path = self.strings_are_paths and isinstance(value, (str, os.PathLike))
        return [value] if is_path else []

    def check_values(self, name, values, describe):
        """Raises an error, naming the row, for a raw value that can't be used.

        What shows only once a file is read is left to the preprocessing.

        Args:
            name: the modality's key, for messages.
            values: sequence of raw values; `None` where one is absent.
            describe: function from a position to what a message should call that row.
        """

    def check_learned(self, name, state):
        """Raises a `ValueError` if `state`, what was learned from data, lacks something.

        Args:
            name: the modality's key, for messages.
            state: what `Preprocessing.get_state` returned; empty where nothing was learned.
        """

    def preprocessing(self, name):
        """The TensorFlow half: turns raw values into the model's tensors.

        Args:
            name: the modality's key, for messages.

        Returns:
            A `mmzoo.preprocessing.Preprocessing`.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `preprocessing`.")

    def get_config(self):
        """The arguments as JSON-able values."""
        config = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if isinstance(self.encoder, keras.layers.Layer):
            config["encoder"] = keras.saving.serialize_keras_object(self.encoder)
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in config.items()
        }

    @classmethod
    def from_config(cls, config):
        """The modality with these arguments."""
        return cls(**config)


def augmentation_names(augmentation, known):
    """What a modality calls `augmentation`, as a tuple of names, or `None` for none.

    Raises a `ValueError` for a name that is not known.
    """
    names = (augmentation,) if isinstance(augmentation, str) else tuple(augmentation or ())
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"Unknown augmentation: {unknown}. Known: {', '.join(known)}.")
    return names or None
