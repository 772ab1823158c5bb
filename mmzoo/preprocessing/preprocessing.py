"""The base class of what turns the raw values of one modality into the model's tensors."""

import dataclasses
import os

import numpy as np
import tensorflow as tf

from mmzoo.preprocessing.explanation import explanation
from mmzoo.raw.file_heads import first_word, format_name, is_truncated
from mmzoo.raw.paths import describe_value, exists, resolve_path
from mmzoo.raw.stored_bytes import StoredBytes, read_stored


class Preprocessing:
    """Raw values of one modality -> tensors, in TensorFlow ops that train and serve alike.

    A subclass says how values are read and what becomes of them; that a value may be absent, or may
    be one that can't be decoded, is dealt with here. It implements

    * `tensors`: a batch of decoded values -> the model's tensors;
    * for files, which are decoded one by one: `works_on_elements = True`, `decode_value`, and
      `blank`, what stands for a value that is absent;
    * for what is faster in batches, such as text: `present` instead of these;
    * where raw values are no files, given as bytes or as paths: `column` and `raw_spec`;
    * where something is learned: `adapt`, `get_state` and `set_state`;
    * as it likes: `usable`, `augment`, `sample`, `fault`, `resources`, for `records.validate`
      `diagnosis`, `suspicions`, `size` and `check_column`, for `mmzoo.robustness` `corruptions`,
      for `mmzoo.slices` `traits`, and for `mmzoo.contributions` `components` and
      `keep_components`.

    Args:
        modality: the configuration.
        name: the modality's key, for messages and as the name of its tensor.

    Example: see `docs/extending.md`, where a modality from outside has one.
    """

    #: Whether values are decoded one by one, by `decode_value`.
    works_on_elements = False
    #: What `size` measures, for reports.
    size_name = "size"
    #: What a message calls its files, and which formats of `format_name` they may have.
    file_kind, formats = "file", ()

    def __init__(self, modality, name):
        self.modality = modality
        self.name = name
        self.prepared = {}  # functions of `mmzoo.preprocessing.prepared`

    def adapt(self, values):
        """Learns from the raw values of the training rows; nothing by default."""

    def notes(self, values):
        """What is suspicious about a column as a whole; nothing by default.

        Args:
            values: sequence of raw values that can be used; `None` where one is absent.

        Returns:
            A list of sentences.
        """
        return []

    def figures(self, values):
        """What `Records.validate` counts and measures in a column; nothing by default.

        Args:
            values: as in `notes`.

        Returns:
            JSON-able dict.
        """
        return {}

    def get_state(self):
        """What `adapt` learned, as JSON-able values."""
        return {}

    def set_state(self, state):
        """Takes over what `get_state` returned."""

    def resources(self):
        """TensorFlow objects, such as lookup tables, that an exported graph must carry."""
        return []

    def column(self, values, root):
        """A column of raw values as a tensor, and how to read one of its entries.

        By default values are files, given as bytes or as paths.

        Args:
            values: sequence of raw values; `None` where one is absent.
            root: folder that relative paths start from, or `None`.

        Returns:
            `(tensor, read)`: `tensor` has a row a value, `read` turns one row into what `element`
            takes.

        Raises:
            ValueError: for values that the modality does not take.
        """
        files = self.file_column(values, root)
        if files is None:
            value = next(value for value in values if value is not None)
            raise ValueError(
                f"Values of {self.name!r} must be bytes or paths of files; received a "
                f"{type(value).__name__}: {value!r:.100}."
            )
        return files

    def file_column(self, values, root):
        """What `column` returns for files, given as bytes or as paths: no bytes where absent.

        Args:
            values: sequence of bytes, of paths, or of `StoredBytes`; `None` where one is absent.
            root: folder that relative paths start from, or `None`.

        Returns:
            `(tensor, read)`; `None` where the values are neither.

        Raises:
            ValueError: when they are not all of one kind.
        """
        kinds = {_file_kind(value) for value in values if value is not None} or {"bytes"}
        if len(kinds) > 1:
            raise ValueError(
                f"Files of {self.name!r} must be of one kind; received: {', '.join(sorted(kinds))}."
            )
        (kind,) = kinds
        if kind == "bytes":
            return tf.constant([value or b"" for value in values], tf.string), tf.identity
        if kind == "stored bytes":
            return _stored_column(values)
        if kind != "paths":
            return None
        paths = ["" if value is None else resolve_path(root, value) for value in values]
        return tf.constant(paths, tf.string), _read_path

    def fault(self, value, root):
        """What a message says of a raw value that can't be read, behind the row: its file.

        Args:
            value: the raw value.
            root: folder that relative paths start from, or `None`.

        Returns:
            A string, empty where there is nothing to say.
        """
        return describe_value(value)

    def explanation(self, value, root):
        """Why a raw value can't be read.

        Args:
            value: the raw value.
            root: folder that relative paths start from, or `None`.

        Returns:
            `(kind, message)`, as a `mmzoo.data.Finding` has them.
        """
        return explanation(self, value, root)

    def reason(self, value, root):
        """As `explanation`, in one line without a full stop, as messages have it behind the row."""
        kind, message = self.explanation(value, root)
        message = message.removesuffix(".")
        return message if kind == "unreadable" else f"{kind}: {message}"

    def raw_spec(self):
        """`tf.TensorSpec` of a batch of raw values in the exported signature, or a dict of them.

        By default one string a row, such as the bytes of a file.
        """
        return tf.TensorSpec((None,), tf.string, name=self.name)

    def raw_batch(self, values, root=None):
        """Raw values as a client of the exported model sends them.

        Args:
            values: sequence of raw values, as for `column`.
            root: folder that relative paths start from, or `None`.

        Returns:
            What `raw_spec` describes: a tensor or a dict of them.

        Raises:
            ValueError: for values that the exported model does not take, such as arrays of pixels.
        """
        column, read = self.column(values, root)
        raw = [
            read(tf.nest.map_structure(lambda part, row=row: part[row], column))
            for row in range(len(values))
        ]
        if raw[0].dtype != self.raw_spec().dtype:
            raise ValueError(
                f"The exported model takes {self.name!r} as {self.modality.served}; received "
                f"{raw[0].dtype.name} arrays."
            )
        return tf.stack(raw)

    def sample(self):
        """A batch of one harmless raw value: what a request that warms up a server may hold."""

        def zeros(spec):
            return tf.zeros([size or 1 for size in spec.shape], spec.dtype)

        return tf.nest.map_structure(zeros, self.raw_spec())

    def to_tensors(self, values):
        """A raw value, or a batch of them, as what `element` takes or `decode`.

        Args:
            values: what `raw_spec` describes, with or without the batch.

        Returns:
            A tensor or a dict of tensors.
        """
        return tf.convert_to_tensor(values)

    def decode_value(self, value):
        """One raw value that is there, decoded. Fails, in the graph, if it can't be.

        Args:
            value: what `column`'s `read` returns: a scalar string or an array.

        Returns:
            A tensor, or a tuple of them, of static shapes.
        """
        return value

    def blank(self):
        """What stands for an absent value: something of the structure `decode_value` returns."""
        raise NotImplementedError(f"{type(self).__name__} must implement `blank`.")

    def is_absent(self, value):
        """Whether one raw value is absent: an empty string, or an array of nothing but NaN.

        Args:
            value: what `decode_value` takes.

        Returns:
            Scalar bool tensor.
        """
        if value.dtype == tf.string:
            return tf.reduce_all(tf.strings.length(value) == 0)
        missing = tf.math.is_nan(tf.cast(value, tf.float32))
        return (tf.size(value) > 0) & tf.reduce_all(missing)

    def element(self, value):
        """One raw value, decoded, and whether it is there. Fails, in the graph, if it can't be.

        Args:
            value: scalar string or array.

        Returns:
            What `decode_value` returns; where values are optional, `(decoded, present)`.
        """
        if not (self.works_on_elements and self.modality.optional):
            return self.decode_value(value)
        return tf.cond(
            self.is_absent(value), self._absent_element, lambda: (self.decode_value(value), True)
        )

    def _absent_element(self):
        """What `element` returns for an absent value."""
        return (self.blank(), False) if self.modality.optional else self.blank()

    def decode(self, values, read=tf.identity, num_parallel_calls=None):
        """`element` for a batch; a value that can't be decoded is blank and not ok.

        A graph has no `try`, but a dataset can ignore its errors. The whole batch is tried first;
        only if that fails is each value tried alone.

        Args:
            values: `(B, ...)` raw values.
            read: what turns one of them into what `element` takes.
            num_parallel_calls: values decoded at once; `None`: one, where whole batches already
                run in parallel.

        Returns:
            `(decoded, ok)`: what `batch` takes, and `(B,)` bool.
        """
        if not self.works_on_elements:
            return values, _all_true(values)
        rows = tf.data.Dataset.from_tensor_slices(values)
        alone = tf.data.Dataset.from_tensors((self._absent_element(), False))

        @tf.function(autograph=False)  # traced once, though two datasets call it
        def decode(value):
            return self.element(read(value)), True

        @tf.autograph.experimental.do_not_convert
        def decode_or_blank(value):
            tried = tf.data.Dataset.from_tensors(value).map(decode)
            return tried.ignore_errors().concatenate(alone).take(1)

        count = tf.maximum(rows.cardinality(), 1)
        # Without drop_remainder the rows behind an error would come out as a batch of their own.
        together = rows.map(decode, num_parallel_calls).batch(count, drop_remainder=True)
        one_by_one = rows.flat_map(decode_or_blank).batch(count)
        tried = together.ignore_errors().concatenate(one_by_one)
        tried = tried.concatenate(self._no_rows()).take(1)
        return tried.with_options(_once()).get_single_element()

    def _no_rows(self):
        """Dataset of one batch that has no rows, which `decode` returns where there are none."""
        row = tf.nest.map_structure(tf.convert_to_tensor, (self._absent_element(), True))
        return tf.data.Dataset.from_tensors(
            tf.nest.map_structure(lambda x: tf.zeros((0, *x.shape), x.dtype), row)
        )

    def augment(self, decoded, seeds):
        """Random changes to a batch of training rows; none by default.

        Args:
            decoded: a batch of what `decode_value` returned.
            seeds: `(B, 2)` int64; the same seeds give the same changes.

        Returns:
            What came in, changed.
        """
        return decoded

    def augment_batch(self, decoded, seeds):
        """`augment`, of what `decode` returned.

        Args:
            decoded: what `decode` returned.
            seeds: `(B, 2)` int64.

        Returns:
            What came in, changed.
        """
        values, present = self.split(decoded)
        changed = self.augment(values, seeds)
        return changed if values is decoded else (changed, present)

    def corruptions(self):
        """What may be wrong with values that can still be read, for `mmzoo.robustness`.

        Returns:
            Dict from a name to a `mmzoo.preprocessing.corruption.Corruption`; none by default.
        """
        return {}

    def corrupt_batch(self, decoded, change, strength, generators):
        """What `decode` returned, with every value changed.

        Args:
            decoded: what `decode` returned first.
            change: as in `mmzoo.preprocessing.corruption.Corruption`.
            strength: likewise.
            generators: `B` instances of `np.random.Generator`.

        Returns:
            What came in, changed.
        """
        values, present = self.split(decoded)
        arrays = tf.nest.map_structure(np.asarray, values)
        rows = [
            change(tf.nest.map_structure(lambda x, row=row: x[row], arrays), strength, generator)
            for row, generator in enumerate(generators)
        ]
        changed = tf.nest.map_structure(lambda *of_rows: tf.stack(of_rows), *rows)
        return changed if values is decoded else (changed, present)

    def components(self):
        """What a value consists of, for `mmzoo.contributions(within=...)`; nothing by default.

        Returns:
            Dict from the name of a component to what it is where it is left out, such as
            `"missing"`.
        """
        return {}

    def keep_components(self, values, kept):
        """Values with some of their components alone.

        Args:
            values: a batch of what `decode_value` returned.
            kept: `(components,)` bool array: which stay.

        Returns:
            What came in, changed; the same where all components that a value has stay.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `keep_components`.")

    def keep_components_of_batch(self, decoded, kept):
        """`keep_components`, of what `decode` returned; an optional value without any is absent.

        Args:
            decoded: what `decode` returned first.
            kept: as for `keep_components`.

        Returns:
            What came in, changed.
        """
        values, present = self.split(decoded)
        changed = self.keep_components(values, kept)
        return changed if values is decoded else (changed, present & bool(np.any(kept)))

    def traits(self, values):
        """What rows can be told apart by, for `mmzoo.slices`; nothing by default.

        Args:
            values: sequence of raw values; `None` where one is absent.

        Returns:
            Dict from a name to a list of as many strings or numbers; `None` where there is none.
        """
        return {}

    def split(self, decoded):
        """Values, and which of them are there.

        Args:
            decoded: what `decode` returned first.

        Returns:
            `(values, present)`: a batch of what `decode_value` returned, and `(B,)` bool.
        """
        if self.works_on_elements and self.modality.optional:
            return decoded
        return decoded, self.present(decoded)

    def present(self, decoded):
        """Which values of a batch are there, where they are not decoded one by one.

        Args:
            decoded: a batch of raw values.

        Returns:
            `(B,)` bool.
        """
        return _all_true(decoded)

    def usable(self, decoded):
        """Which values of a batch can be used, as far as it shows only now: all, by default.

        Args:
            decoded: a batch of what `decode_value` returned.

        Returns:
            `(B,)` bool; an absent value can be used.
        """
        return _all_true(decoded)

    def tensors(self, decoded):
        """A batch of decoded values -> the model's tensors.

        Args:
            decoded: a batch of what `decode_value` returned.

        Returns:
            Dict from part, as in `Modality.tensors`, to `(B, ...)` tensor.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `tensors`.")

    def batch(self, decoded):
        """A batch of decoded values -> the model's inputs, and which of them are good.

        Args:
            decoded: what `decode` returned first.

        Returns:
            `(tensors, ok)`: a dict of tensors with the model's input names, and `(B,)` bool:
            whether the value can be used and is there, where it has to be.
        """
        values, present = self.split(decoded)
        usable = self.usable(values)
        names = self.modality.input_names(self.name)
        tensors = {names[part]: tensor for part, tensor in self.tensors(values).items()}
        if self.modality.optional:
            return {**tensors, f"{self.name}_present": present & usable}, usable
        return tensors, present & usable

    def served_counts(self, tensors):
        """What a served answer counts for each row, besides whether it is ok; nothing by default.

        Args:
            tensors: what `batch` returned first.

        Returns:
            Dict from a name of `Modality.served_counts` to `(B,)` int32.
        """
        return {}

    def diagnosis(self, encoded):
        """Why a file can't be decoded, as far as its bytes say it.

        Args:
            encoded: its bytes.

        Returns:
            `(kind, message)`, such as `("truncated", "The file breaks off after 70 bytes.")`;
            `None` where they do not say it.
        """
        if not encoded:
            return "empty", "The file has no bytes."
        name = format_name(encoded)
        if self.formats and name is None:
            beginning = first_word(encoded)
            return "unreadable", f"Not a {self.file_kind}: begins with {beginning}."
        if self.formats and name not in self.formats:
            return "unreadable", f"Not a {self.file_kind} that mmzoo reads, but {name}. Convert it."
        if is_truncated(encoded):
            return "truncated", f"The file breaks off after {len(encoded):,} bytes."
        return None

    def suspicions(self, encoded, decoded):
        """What is strange about a value that could be decoded; nothing by default.

        Args:
            encoded: the bytes of its file, the first of several; `None` where it is no file.
            decoded: the first tensor that `decode_value` returned, as an array.

        Returns:
            List of `(kind, message)`, such as `("silent", "All samples are 0.")`.
        """
        return []

    def size(self, encoded):
        """How large a value is, for reports of the smallest, the median and the largest.

        Args:
            encoded: the bytes of its file.

        Returns:
            Tuple of integers, such as height and width; `None`, as by default, where that is of no
            interest.
        """

    def check_column(self, values, root, learn):
        """What can be said of all values together: `figures`, by default.

        Args:
            values: sequence of raw values that can be used, `None` where one is absent or can't be.
            root: folder that relative paths start from, or `None`.
            learn: whether to learn first what `adapt` learns.

        Returns:
            `(figures, findings)`: a dict of JSON-able figures, and a list of
            `(row, kind, message)` of values that are suspicious.
        """
        return self.figures(values), []


def _once():
    """Options of a dataset that is made for one batch: rewriting it costs more than it brings."""
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    options.autotune.enabled = False
    return options


def _all_true(decoded):
    return tf.ones(tf.shape(tf.nest.flatten(decoded)[0])[:1], tf.bool)


def _file_kind(value):
    """How a raw value gives a file; anything else is no file."""
    if isinstance(value, bytes):
        return "bytes"
    if isinstance(value, StoredBytes):
        return "stored bytes"
    return "paths" if isinstance(value, (str, os.PathLike)) else "other values"


def _read_path(path):
    return tf.cond(tf.equal(path, ""), lambda: tf.constant(b""), lambda: tf.io.read_file(path))


@dataclasses.dataclass(frozen=True)
class _ReadStored:
    """Reads a value from the file among `paths` that it is stored in."""

    paths: tuple

    def __call__(self, where):
        file, offset, position, length = tf.unstack(where)
        return tf.cond(
            length < 0,
            lambda: tf.constant(b""),
            lambda: read_stored(tf.gather(tf.constant(self.paths), file), offset, position, length),
        )


def _stored_column(values):
    """What `file_column` returns for `StoredBytes`."""
    index = {path: i for i, path in enumerate({value.path: None for value in values if value})}
    for path in index:
        if not exists(path):
            raise FileNotFoundError(
                f"{path} is gone, which records were read from. Read them again."
            )
    where = [
        (0, 0, 0, -1) if value is None
        else (index[value.path], value.offset, value.position, value.length)
        for value in values
    ]  # fmt: skip
    return tf.constant(np.array(where, "int64")), _ReadStored(tuple(index))
