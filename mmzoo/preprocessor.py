"""The TensorFlow half of a model, as one object: raw rows -> tensors."""

import dataclasses
import json
import warnings

import keras

from mmzoo.data.labels import class_counts, known_names
from mmzoo.keras_compat import safe_mode as in_mode
from mmzoo.modalities import check_inputs
from mmzoo.raw.spelling import spelling_notes
from mmzoo.utils.atomic_files import atomic_file
from mmzoo.utils.checks import check_format_version
from mmzoo.utils.identifiers import nearest_hint

FORMAT_VERSION = 1


class Preprocessor:
    """Turns raw rows into the tensors a model takes, the same in training and when served.

    It holds what is learned from the training rows: vocabularies, the means and deviations of
    numbers, and the table of class names.

    Args:
        inputs: dict from modality name to modality, as for `mmzoo.build_model`.

    Raises:
        ValueError: for an impossible modality name.
        TypeError: where a value is not a modality.

    Example:

    >>> import mmzoo
    >>> preprocessor = Preprocessor({"text": mmzoo.Text(length=4, vocabulary_size=100)})
    >>> preprocessor.adapt(mmzoo.data.from_arrays({"text": ["a red circle", "a blue circle"]}))
    >>> preprocessor({"text": ["a green circle"]})["text"].numpy().tolist()
    [[2, 1, 3, 0]]
    """

    def __init__(self, inputs):
        check_inputs(inputs)
        self.inputs = dict(inputs)
        self.class_names = None
        self._states = {}  # what a loaded preprocessor had learned, until `parts` takes it
        self._parts = None

    @property
    def parts(self):
        """Dict from modality name to its `Preprocessing`; made when first asked for."""
        if self._parts is None:
            self._parts = {
                name: modality.preprocessing(name) for name, modality in self.inputs.items()
            }
            for name, state in self._states.items():
                self._parts[name].set_state(state)
        return self._parts

    def adapt(self, records):
        """Learns from the training rows: vocabularies, statistics and class names.

        A warning says where labels differ only in case or in spaces at their ends.

        Args:
            records: `mmzoo.data.Records`.

        Raises:
            ValueError: when a column is missing, a value can't be used, or there is nothing to
                learn from.
        """
        for name, part in self.parts.items():
            values = records.column(name)
            self.inputs[name].check_values(name, values, records.describe)
            part.adapt(values)
        self.class_names = records.class_names
        counts = class_counts(records.labels, records.class_names)
        for note in spelling_notes(counts or {}, "labels"):
            warnings.warn(note, stacklevel=2)

    def check_adapted(self):
        """Raises a `ValueError` if something that has to be learned was not.

        Needs no TensorFlow, so that a model can be saved where there is none.
        """
        states = self._learned()
        for name, modality in self.inputs.items():
            modality.check_learned(name, states.get(name, {}))

    def element(self, row):
        """Decodes one row: what has to be done a row at a time.

        Args:
            row: dict from modality name to a scalar string (encoded bytes, text), an array, or a
                dict of cells (a table); some of the modalities will do.

        Returns:
            Dict of what `batch` takes, once batched.

        Raises:
            KeyError: for a name that is not a modality.
            tf.errors.InvalidArgumentError: when a value can't be decoded.
        """
        return {
            name: self.parts[name].element(self.parts[name].to_tensors(value))
            for name, value in row.items()
        }

    def batch(self, rows):
        """A batch of decoded rows -> the model's inputs.

        Args:
            rows: dict from modality name to what `element` returned, batched.

        Returns:
            Dict from model input name to `(B, ...)` tensor.
        """
        tensors = {}
        for name, part in self.parts.items():
            tensors.update(part.batch(rows[name])[0])
        return tensors

    def __call__(self, batch):
        """A batch of raw rows -> the model's inputs.

        Args:
            batch: dict from modality name to `(B,)` raw values: encoded bytes, strings; `(B, ...)`
                vectors; a dict of columns for a table.

        Returns:
            Dict from model input name to `(B, ...)` tensor.

        Raises:
            ValueError: when a modality is missing from the batch.
            tf.errors.InvalidArgumentError: when a value can't be read, or is empty but not
                optional; names modality and rows.
        """
        import tensorflow as tf

        tensors, good = self.checked_call(batch)
        asserts = [
            tf.debugging.Assert(
                tf.reduce_all(ok),
                [f"mmzoo: no readable {name} in rows", tf.where(~ok)[:, 0]],
            )
            for name, ok in good.items()
        ]
        with tf.control_dependencies([op for op in asserts if op is not None]):
            return tf.nest.map_structure(tf.identity, tensors)

    def checked_call(self, batch):
        """As calling it, but says which values are good instead of raising.

        Returns:
            `(tensors, ok)`: the model's inputs, and a dict from modality name to `(B,)` bool.
        """
        import tensorflow as tf

        tensors, good = {}, {}
        for name, part in self.parts.items():
            if name not in batch:
                raise ValueError(f"The batch has no {name!r}; it has: {', '.join(batch)}.")
            decoded, readable = part.decode(
                part.to_tensors(batch[name]), num_parallel_calls=tf.data.AUTOTUNE
            )
            outputs, filled = part.batch(decoded)
            tensors.update(outputs)
            good[name] = readable & filled
        return tensors, good

    def raw_specs(self):
        """`tf.TensorSpec`s of a batch of raw rows, by modality name."""
        return {name: part.raw_spec() for name, part in self.parts.items()}

    def raw_batch(self, records):
        """The rows of records as a client of the exported model sends them.

        Args:
            records: `mmzoo.data.Records`; or `None` for one harmless row.

        Returns:
            Dict from the name of an input of the signature to a tensor, `(B,)` or `(B, ...)`.

        Raises:
            ValueError: for a missing column, or values that the exported model does not take.
        """
        import tensorflow as tf

        batch = {}
        for name, part in self.parts.items():
            raw = (
                part.sample()
                if records is None
                else (part.raw_batch(records.column(name), records.root))
            )
            specs = tf.nest.flatten(part.raw_spec())
            batch.update((s.name, x) for s, x in zip(specs, tf.nest.flatten(raw), strict=True))
        return batch

    def encode_labels(self, labels, describe):
        """Class labels -> indices into `class_names`.

        Args:
            labels: sequence of labels.
            describe: function from a position to how a message should call that row.

        Returns:
            List of ints.

        Raises:
            ValueError: for a label outside the classes, or when there is no table yet.
        """
        if self.class_names is None:
            raise ValueError(
                "The preprocessor has no class names. Call `preprocessor.adapt(records)` with the "
                "labelled training rows."
            )
        table = {name: index for index, name in enumerate(self.class_names)}
        known = known_names(self.class_names)
        try:
            return [table[known(str(label))] for label in labels]
        except KeyError:
            row, label = next((i, x) for i, x in enumerate(labels) if known(str(x)) is None)
            known = ", ".join(self.class_names[:20]) + (", ..." if len(table) > 20 else "")
            raise ValueError(
                f"{describe(row)}: label {str(label)!r} is not one of the {len(table)} classes the "
                f"preprocessor knows: {known}.{nearest_hint(label, table)}"
            ) from None

    def get_config(self):
        """Everything as JSON-able values.

        An encoder that is a layer or model is left out: preprocessing does not need it.
        """
        inputs = {}
        for name, modality in self.inputs.items():
            if isinstance(modality.encoder, keras.layers.Layer):
                modality = dataclasses.replace(modality, encoder=None)
            inputs[name] = {
                "class_name": keras.saving.get_registered_name(type(modality)),
                "config": modality.get_config(),
            }
        return {"inputs": inputs, "states": self._learned(), "class_names": self.class_names}

    def _learned(self):
        """What was learned, by modality name."""
        if self._parts is None:
            return self._states
        return {name: part.get_state() for name, part in self._parts.items()}

    @classmethod
    def from_config(cls, config):
        """The preprocessor that `get_config` described."""
        inputs = {}
        for name, item in config["inputs"].items():
            modality_class = keras.saving.get_registered_object(item["class_name"])
            if modality_class is None:
                raise ValueError(
                    f"The modality {item['class_name']!r} of {name!r} is not registered. Import "
                    "the module that defines it, decorated with "
                    "`keras.saving.register_keras_serializable`."
                )
            inputs[name] = modality_class.from_config(item["config"])
        preprocessor = cls(inputs)
        preprocessor.class_names = config["class_names"]
        preprocessor._states = config["states"]
        return preprocessor

    def __reduce__(self):
        """By its config: TensorFlow's tables can't be pickled or copied, but made again."""
        return _from_config, (type(self), self.get_config())

    def save(self, path):
        """Writes the preprocessor to one JSON file.

        Args:
            path: file to write; written to a temporary name first.
        """
        content = {"format_version": FORMAT_VERSION, **self.get_config()}
        with atomic_file(path) as file:
            file.write(json.dumps(content, ensure_ascii=False, indent=1).encode())

    @classmethod
    def load(cls, path, safe_mode=True):
        """Reads what `save` wrote.

        Args:
            path: the JSON file.
            safe_mode: whether to refuse a preprocessor that holds code (a TF-Hub module).

        Returns:
            A `Preprocessor`.

        Raises:
            ValueError: for a file of a newer format.
        """
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        check_format_version(path, content.get("format_version"), FORMAT_VERSION)
        with in_mode(safe_mode):
            return cls.from_config(content)


def _from_config(cls, config):
    """What `pickle` and `copy` call. A pickle may run code anyway, so no safe mode."""
    with in_mode(False):
        return cls.from_config(config)
