"""The TensorFlow half of a model, as one object: raw rows -> tensors."""

import dataclasses
import json
import warnings

import keras

from mmzoo import heads
from mmzoo.keras_compat import safe_mode as in_mode
from mmzoo.modalities import check_inputs
from mmzoo.raw.paths import resolve_path
from mmzoo.targets import OneClass, of_labels
from mmzoo.utils.atomic_files import atomic_file
from mmzoo.utils.checks import check_format_version

FORMAT_VERSION = 1


class Preprocessor:
    """Turns raw rows into the tensors a model takes, the same in training and when served.

    It holds what is learned from the training rows: vocabularies, the means and deviations of
    numbers, and the table of class names.

    Args:
        inputs: dict from modality name to modality, as for `mmzoo.build_model`.
        head: the head, or the dict of heads, of the model, as for `mmzoo.build_model`: it says what
            the labels are. `None`: they are what they look like.

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

    def __init__(self, inputs, head=None):
        check_inputs(inputs)
        self.inputs = dict(inputs)
        self._heads = heads.by_answer(head)
        #: Dict from the name of an answer (`"head"`, where there is only one) to its target.
        self.targets = {
            name: each.fitted_to(self.inputs, {}).target() for name, each in self._heads.items()
        }
        self._states = {}  # what a loaded preprocessor had learned, until `preprocessings` takes it
        self._preprocessings = None
        self._readers = None, {}  # what `prepared_readers` keeps, and for which states

    @property
    def parts(self):
        """What `preprocessings` was called; deprecated."""
        warnings.warn(
            "`Preprocessor.parts` is now `Preprocessor.preprocessings`.",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.preprocessings

    @property
    def preprocessings(self):
        """Dict from modality name to its `Preprocessing`; made when first asked for."""
        if self._preprocessings is None:
            self._preprocessings = {
                name: modality.preprocessing(name) for name, modality in self.inputs.items()
            }
            for name, state in self._states.items():
                self._preprocessings[name].set_state(state)
            for target in self.targets.values():
                if target.picture is not None:
                    self._preprocessings[target.picture].gives_placement = True
        return self._preprocessings

    def prepared_readers(self):
        """Dict that keeps functions traced of this preprocessor, as it is now.

        It is another, and empty, once something else has been learned.
        """
        states = self._learned()
        if self._readers[0] != states:
            self._readers = states, {}
        return self._readers[1]

    def adapt(self, records):
        """Learns from the training rows: vocabularies, statistics and class names.

        Warnings say where labels or categories differ only in case or in spaces at their ends, and
        which columns, or dimensions of vectors, are constant.

        Args:
            records: `mmzoo.data.Records`.

        Raises:
            ValueError: when a column is missing, a value can't be used, or there is nothing to
                learn from.
        """
        for name, part in self.preprocessings.items():
            values = records.column(name)
            self.inputs[name].check_values(name, values, records.describe)
            part.adapt(values)
            for note in part.notes(values):
                warnings.warn(note, stacklevel=2)
        if not self._heads:
            self.targets = {}
        self.check_answers(records)
        for name, column in records.label_columns.items():
            if not self._heads:
                self.targets[name] = target = of_labels(column.labels, column.class_names)
            else:
                target = self.targets[name]
                target.learn(column.class_names)
                target.adapt(self.checked_labels(name, records))
            for note in target.notes(column.labels, column.class_names):
                warnings.warn(note, stacklevel=2)

    def check_answers(self, records):
        """Raises a `ValueError` unless the records have labels for the answers of the heads."""
        if not self._heads or not records.label_columns:
            return
        if {*records.label_columns} != {*self.targets}:
            raise ValueError(
                f"The heads answer {', '.join(self.targets)}, but the records have labels of "
                f"{', '.join(records.label_columns)}. Name them alike: head={{...}}, label={{...}}."
            )

    @property
    def head(self):
        """The head, or dict of heads, that it was given, with what it learned, for `build_model`.

        `Words`, `Transcript` and `Tags` know their words, alphabet and tags then. `None` where it
        was given no head, or was loaded: the model that was saved beside it has them.

        Example:

        >>> import mmzoo
        >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=100)}
        >>> preprocessor = Preprocessor(inputs, head=mmzoo.heads.Words(length=3))
        >>> preprocessor.adapt(mmzoo.data.from_arrays({"text": ["red", "blue"]}, ["rot", "blau"]))
        >>> preprocessor.head.vocabulary
        ['blau', 'rot']
        """
        learned = {
            name: each.learned_from(self.targets[name]) for name, each in self._heads.items()
        }
        return learned.get("head") if {*learned} <= {"head"} else learned

    @property
    def class_names(self):
        """The names of the classes, in the order of the outputs; `None` where there are none.

        With several answers a dict by the name of the answer.
        """
        names = {
            name: getattr(target, "class_names", None) for name, target in self.targets.items()
        }
        return names.get("head") if {*names} <= {"head"} else names

    @class_names.setter
    def class_names(self, class_names):
        self.targets = {"head": OneClass(class_names)}

    def encode(self, records):
        """Labels of records -> what a pipeline takes rows out of.

        Args:
            records: labelled `mmzoo.data.Records`.

        Returns:
            `(y, present)`: dicts from the name of an answer to the encoded labels, see
            `mmzoo.targets.Target.encode`, and to `(rows,)` bool, whether there is a label.

        Raises:
            ValueError: for a label that is not of the kind that the target takes, or is outside the
                classes; names the row.
        """
        self.check_answers(records)
        y, present = {}, {}
        for name in records.label_columns:
            y[name], present[name] = self.encode_answer(name, records)
        return y, present

    def encode_answer(self, name, records):
        """As `encode`, of one answer.

        Args:
            name: name of the answer.
            records: labelled `mmzoo.data.Records`.

        Returns:
            `(y, present)` of that answer.
        """
        column, target = records.label_columns[name], self._target(name, records)
        labels = self.checked_labels(name, records)
        if target.strings_are_paths:
            root = records.root
            labels = [resolve_path(root, x) if isinstance(x, str) else x for x in labels]
        return column.encoded(labels, target, records.describe), target.present(labels)

    def checked_labels(self, name, records):
        """The labels of an answer as its target keeps them.

        Args:
            name: name of the answer.
            records: labelled `mmzoo.data.Records`.

        Raises:
            ValueError: for a label that is not of the kind that the target takes; names the row.
        """
        target = self._target(name, records)
        texts = None if target.text_name is None else records.column(target.text_name)
        return records.label_columns[name].checked(target, records.describe, texts)

    def _target(self, name, records):
        """The target of an answer; where nothing was learned yet, the one that labels suggest."""
        if name in self.targets:
            return self.targets[name]
        column = records.label_columns[name]
        classes = isinstance(column.labels, list)
        return of_labels(column.labels, None if classes else column.class_names)

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
            name: self.preprocessings[name].element(self.preprocessings[name].to_tensors(value))
            for name, value in row.items()
        }

    def batch(self, rows):
        """A batch of decoded rows -> the model's inputs.

        Args:
            rows: dict from modality name to what `element` returned, batched.

        Returns:
            Dict from model input name to `(B, ...)` tensor.
        """
        return self.checked_batch(rows)[0]

    def checked_batch(self, rows, readable=None):
        """As `batch`, and says which values are good.

        Args:
            rows: as for `batch`.
            readable: dict from modality name to `(B,)` bool: which values could be decoded; `None`:
                all.

        Returns:
            `(tensors, ok)`: the model's inputs, and a dict from modality name to `(B,)` bool:
            whether the value could be read and is there, where it has to be.
        """
        tensors, good = {}, {}
        for name, part in self.preprocessings.items():
            outputs, good[name] = part.batch(rows[name])
            tensors.update(outputs)
            if readable is not None:
                good[name] &= readable[name]
        return tensors, good

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
        tensors, good, _ = self.decoded_call(batch)
        return tensors, good

    def decoded_call(self, batch):
        """As `checked_call`, with what targets need to make answers of predictions.

        Returns:
            `(tensors, ok, decoded)`; the last a dict from modality name to what `element` returned,
            batched.
        """
        import tensorflow as tf

        from mmzoo.preprocessing.prepared import prepared_decode

        decoded, readable = {}, {}
        for name, part in self.preprocessings.items():
            if name not in batch:
                raise ValueError(f"The batch has no {name!r}; it has: {', '.join(batch)}.")
            values = part.to_tensors(batch[name])
            if part.works_on_elements and tf.executing_eagerly():  # traced once, not in every call
                values = tf.nest.map_structure(
                    lambda x: x if tf.is_tensor(x) else tf.convert_to_tensor(x), values
                )
                decoded[name], readable[name] = prepared_decode(part, values)(values)
                continue
            decoded[name], readable[name] = part.decode(values, num_parallel_calls=tf.data.AUTOTUNE)
        return (*self.checked_batch(decoded, readable), decoded)

    def raw_specs(self):
        """`tf.TensorSpec`s of a batch of raw rows, by modality name."""
        return {name: part.raw_spec() for name, part in self.preprocessings.items()}

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
        for name, part in self.preprocessings.items():
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
        target = self.targets.get("head", OneClass())
        return target.encode(list(labels), describe).tolist()

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
        targets = {
            name: {
                "class_name": keras.saving.get_registered_name(type(target)),
                "config": target.get_config(),
                "state": target.get_state(),
            }
            for name, target in self.targets.items()
        }
        return {
            "inputs": inputs,
            "states": self._learned(),
            "targets": targets,
            "class_names": self.class_names,
        }

    def _learned(self):
        """What was learned, by modality name."""
        if self._preprocessings is None:
            return self._states
        return {name: part.get_state() for name, part in self._preprocessings.items()}

    @classmethod
    def from_config(cls, config):
        """The preprocessor that `get_config` described."""
        inputs = {}
        for name, item in config["inputs"].items():
            modality_class = _registered("modality", name, item["class_name"])
            inputs[name] = modality_class.from_config(item["config"])
        preprocessor = cls(inputs)
        if "targets" not in config and config["class_names"]:  # a file from before there were any
            preprocessor.targets = {"head": OneClass(config["class_names"])}
        for name, item in config.get("targets", {}).items():
            target_class = _registered("target", name, item["class_name"])
            preprocessor.targets[name] = target_class.from_config(item["config"])
            preprocessor.targets[name].set_state(item["state"])
        if config["class_names"] != preprocessor.class_names:
            raise ValueError(
                f"The file was changed: its `class_names` are {config['class_names']}, those of "
                f"its targets {preprocessor.class_names}."
            )
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


def _registered(what, name, class_name):
    """The class that Keras knows by that name."""
    found = keras.saving.get_registered_object(class_name)
    if found is None:
        raise ValueError(
            f"The {what} {class_name!r} of {name!r} is not registered. Import the module that "
            "defines it, decorated with `keras.saving.register_keras_serializable`."
        )
    return found


def _from_config(cls, config):
    """What `pickle` and `copy` call. A pickle may run code anyway, so no safe mode."""
    with in_mode(False):
        return cls.from_config(config)
