"""Rows of raw values, and the tf.data pipeline made of them."""

import os

import numpy as np

from mmzoo.data.absent import is_absent
from mmzoo.data.labels import aligned, balanced_weights, checked_labels
from mmzoo.data.splitting import split_groups, split_labelled_rows, split_rows
from mmzoo.files import exists, file_paths

#: How many bad rows a message lists.
LISTED = 5
#: What to do about values that can't be read.
ON_ERROR = ("raise", "skip", "missing")


class Records:
    """Rows of mixed raw data: paths, encoded bytes, strings, numbers. Never decoded pixels.

    Made by the functions `mmzoo.data.from_...`.

    Args:
        columns: dict from modality name to a sequence of raw values, all of one length. Those of a
            table are dicts from column to cell, or together one dict of columns.
        labels: sequence of labels: strings, booleans or integers (classes), lists of strings
            (several labels a row, or none), floats (numbers), or rows of numbers `(rows, units)`.
            Integers as targets of a regression: give them as floats. `None`: unlabelled.
        class_names: names of the classes in the order of their indices; `None`: those that occur,
            sorted. For rows of numbers: the names of their columns. Lists of strings are kept as
            rows of zeros and ones, `(rows, classes)`.
        sample_weight: sequence of finite floats, not negative, or `None`. Needs labels.
        root: folder that relative paths start from.
        describe: function from a position to what a message should call that row.

    Raises:
        ValueError: for no rows, columns of different lengths, labels that are absent or NaN,
            labels outside `class_names`, one class only, or impossible weights.
        TypeError: where a column is one value rather than a sequence.
    """

    def __init__(
        self,
        columns,
        labels=None,
        class_names=None,
        sample_weight=None,
        root=None,
        describe="row {}".format,
    ):
        for name, values in columns.items():
            if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
                raise TypeError(
                    f"Column {name!r} must be a sequence of values, one a row; received one value: "
                    f"{values!r}."
                )
        self.columns = {
            name: [_without_absent(value) for value in _as_rows(name, values)]
            for name, values in columns.items()
        }
        self.root = root
        self.describe = describe
        lengths = {name: len(values) for name, values in self.columns.items()}
        for name, values in (("labels", labels), ("sample_weight", sample_weight)):
            if values is not None:
                lengths[name] = len(values)
        if len(set(lengths.values())) > 1:
            raise ValueError(f"Columns must have one length; received: {lengths}.")
        if not self.columns or not all(lengths.values()):
            raise ValueError("There are no rows.")
        self.labels, self.class_names = checked_labels(labels, class_names, describe)
        self.sample_weight = self._checked_weights(sample_weight)

    def _checked_weights(self, sample_weight):
        """Weights as float32, or `None`."""
        if sample_weight is None:
            return None
        if self.labels is None:
            raise ValueError("`sample_weight` needs labels: it weighs their loss.")
        weights = np.asarray(sample_weight, "float32")
        bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if bad.size:
            raise ValueError(
                f"{self.describe(int(bad[0]))}: the sample weight {weights[bad[0]]} is not "
                "a finite number from 0 on."
            )
        return weights

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __repr__(self):
        classes = f", {len(self.class_names)} classes" if self.class_names else ""
        return f"<Records: {len(self)} rows, {', '.join(self.columns)}{classes}>"

    def column(self, name):
        """The raw values of one column, `None` where one is absent.

        Args:
            name: modality name.

        Returns:
            A list.

        Raises:
            ValueError: when there is no such column.
        """
        if name not in self.columns:
            raise ValueError(f"The records have no column {name!r}; they have: "
                             f"{', '.join(self.columns)}.")  # fmt: skip
        return self.columns[name]

    def take(self, rows):
        """The records of some rows.

        Args:
            rows: sequence of positions, counted from 0.

        Returns:
            `Records` with the same classes.
        """
        rows = [int(row) for row in rows]
        describe = self.describe
        taken = object.__new__(Records)
        taken.columns = {
            name: [values[row] for row in rows] for name, values in self.columns.items()
        }
        taken.root = self.root
        taken.describe = lambda row: describe(rows[row])
        taken.class_names = self.class_names
        taken.sample_weight = None if self.sample_weight is None else self.sample_weight[rows]
        if isinstance(self.labels, list):
            taken.labels = [self.labels[row] for row in rows]
        else:
            taken.labels = None if self.labels is None else self.labels[rows]
        return taken

    def class_weight(self):
        """Weights for `model.fit(class_weight=...)` that make every class count the same.

        Returns:
            Dict from class index to `rows / (classes * rows of the class)`; 1 for a class without
            rows.

        Raises:
            ValueError: where the rows do not have one class each.

        Example:

        >>> import mmzoo
        >>> records = mmzoo.data.from_arrays({"text": ["a", "b", "c", "d"]}, labels=list("xxxy"))
        >>> records.class_weight()
        {0: 0.6666666666666666, 1: 2.0}
        """
        if not isinstance(self.labels, list):
            found = "none" if self.labels is None else f"labels of shape {self.labels.shape}"
            raise ValueError(f"Class weights need one class a row; the records have {found}.")
        return balanced_weights(self.labels, self.class_names)

    def content_groups(self, *names):
        """Groups of rows that share a value: for `split(groups=...)`, so that no copy straddles it.

        Files are compared by their bytes, whatever their names, all other values as they are. Rows
        that share a value with the same row are in one group, too; absent values are not shared.
        Every file is read once.

        Args:
            *names: the columns to compare; none: all.

        Returns:
            A list with the number of the group of each row.

        Raises:
            ValueError: when there is no such column.
            FileNotFoundError: for a path that does not exist; names the row.

        Example:

        >>> import mmzoo
        >>> records = mmzoo.data.from_arrays({"text": ["a", "b", "a"], "image": [b"1", b"2", b"2"]})
        >>> records.content_groups("text"), records.content_groups()
        ([0, 1, 0], [0, 0, 0])
        """
        from mmzoo.data.content import content_groups

        return content_groups(self, names or tuple(self.columns))

    def write_tfrecords(self, folder, shards=1, paths=None):
        """Writes the rows, with the bytes of their files, to TFRecord files.

        `mmzoo.data.from_tfrecords(folder)` reads them back. Every file is written under another
        name first and then renamed; a call that was interrupted goes on with the files that lack
        when it is repeated.

        Args:
            folder: where to write; a local path or a URL that `tf.io.gfile` knows.
            shards: number of files.
            paths: names of the columns whose strings are paths of files; `None`: those whose first
                value is the path of a file that exists.

        Raises:
            ValueError: for an impossible number of shards, values that can't be written, or a
                folder with shards of other rows.
            FileNotFoundError: for a path that does not exist; names the row.
        """
        from mmzoo.data.write_tfrecords import write_tfrecords

        write_tfrecords(self, folder, shards, paths)

    def split(self, *fractions, seed=0, stratify=True, groups=None):
        """Splits the rows at random, class by class.

        Args:
            *fractions: shares of the rows, at most 1 in sum.
            seed: the same seed gives the same split.
            stratify: whether every part gets its share of every class; with groups, or several
                labels a row, as nearly as they allow.
            groups: what must stay together in one part, such as the pictures of one product: the
                name of a column, or a sequence of one value a row, such as
                `records.content_groups("image")`. `None`: each row is on its own.

        Returns:
            A list of `Records`, one a fraction, each in the order of the rows.

        Raises:
            ValueError: for impossible fractions, a part that would be empty, or groups of another
                number than there are rows.

        Example:

        >>> import mmzoo
        >>> texts = [f"text {i}" for i in range(10)]
        >>> records = mmzoo.data.from_arrays({"text": texts}, labels=["a", "b"] * 5)
        >>> [len(part) for part in records.split(0.8, 0.2)]
        [8, 2]
        """
        if not fractions or min(fractions) <= 0 or sum(fractions) > 1 + 1e-6:
            raise ValueError(
                f"Fractions must be positive and at most 1 in sum; received: {fractions}."
            )
        membership = self._membership() if stratify else np.zeros(len(self), int)
        generator = np.random.default_rng(seed)
        if groups is None:
            split = split_rows if membership.ndim == 1 else split_labelled_rows
            parts = split(membership, fractions, generator)
        else:
            groups = self.column(groups) if isinstance(groups, str) else list(groups)
            if len(groups) != len(self):
                raise ValueError(f"There are {len(self)} rows, but {len(groups)} in `groups`.")
            index = {value: i for i, value in enumerate(dict.fromkeys(groups))}
            groups = np.array([index[value] for value in groups])
            parts = split_groups(membership, groups, fractions, generator)
        if not all(parts):
            raise ValueError(
                f"Splitting {len(self)} rows by {fractions} leaves a part without rows."
            )
        return [self.take(rows) for rows in parts]

    def _membership(self):
        """Class indices `(rows,)`, or where a row may have several, zeros and ones by class."""
        if isinstance(self.labels, list):
            index = {name: i for i, name in enumerate(self.class_names)}
            return np.array([index[label] for label in self.labels])
        if self.labels is not None and self.labels.ndim == 2 and np.isin(self.labels, (0, 1)).all():
            return self.labels
        return np.zeros(len(self), int)

    def check(self, inputs):
        """Checks what needs no file to be read: columns, cells, vectors, whether files exist.

        Args:
            inputs: dict from modality name to modality.

        Raises:
            ValueError: for a missing column, an absent value of a modality that is not optional, a
                cell that is no number, or a vector of another width; names the rows.
            FileNotFoundError: for a path that does not exist; names the rows.
        """
        for name, modality in inputs.items():
            values = self.column(name)
            absent = [row for row, value in enumerate(values) if value is None]
            if absent and not modality.optional:
                raise ValueError(
                    f"{name!r} is not optional, but has no value in {self._listed(absent)}. Leave "
                    f"these rows out, or make it optional: {type(modality).__name__}(..., "
                    "optional=True)."
                )
            modality.check_values(name, values, self.describe)
            if not modality.strings_are_paths:
                continue
            missing = {
                row: path
                for row, value in enumerate(values)
                for path in file_paths(value, self.root)
                if not exists(path)
            }
            if missing:
                raise FileNotFoundError(
                    f"{name!r}: no such file: {next(iter(missing.values()))} (and "
                    f"{len(missing) - 1} more), in {self._listed(list(missing))}. Relative paths "
                    f"start from root={self.root!r}."
                )

    def _listed(self, rows):
        more = f" and {len(rows) - LISTED} more" if len(rows) > LISTED else ""
        return ", ".join(self.describe(row) for row in rows[:LISTED]) + more

    def validate(self, inputs):
        """Reads and decodes every value, and says which can't be.

        Args:
            inputs: dict from modality name to modality.

        Returns:
            The number of rows, all of them good.

        Raises:
            ValueError: when values can't be read; names the rows, and the files if there are.
            FileNotFoundError: for a path that does not exist.
        """
        import tensorflow as tf

        from mmzoo.preprocessing import Preprocessor

        self.check(inputs)
        preprocessor = Preprocessor(inputs)
        rows = tf.data.Dataset.range(len(self)).batch(32)
        decode = self._decoder(preprocessor)
        bad = {name: [] for name in inputs}
        dataset = rows.map(lambda row: (row, decode(row)[1]), num_parallel_calls=tf.data.AUTOTUNE)
        for batch, good in dataset.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
            for name, ok in good.items():
                bad[name] += batch[~ok].tolist()
        messages = [self._summary(name, rows) for name, rows in bad.items() if rows]
        if messages:
            raise ValueError(" ".join(messages))
        return len(self)

    def _summary(self, name, rows):
        described = "; ".join(self._described(name, row) for row in rows[:LISTED])
        return f"No readable {name} in {len(rows)} of {len(self)} rows: {described}"

    def _described(self, name, row):
        value = self.columns[name][row]
        is_path = isinstance(value, (str, os.PathLike))
        return self.describe(row) + (f" ({value})" if is_path else "")

    def _decoder(self, preprocessor):
        """Function from a batch of positions to `(decoded, ok)`, two dicts by modality name."""
        import tensorflow as tf

        columns = {
            name: part.column(self.column(name), self.root)
            for name, part in preprocessor.parts.items()
        }

        def decode(rows):
            decoded, good = {}, {}
            for name, (values, read) in columns.items():
                taken = tf.nest.map_structure(lambda column: tf.gather(column, rows), values)
                decoded[name], good[name] = preprocessor.parts[name].decode(taken, read)
            return decoded, good

        return decode

    def _checked_decoder(self, preprocessor, required):
        """As `_decoder`, but fails where a value of the `required` modalities can't be read."""
        import tensorflow as tf

        decode = self._decoder(preprocessor)

        def checked(rows):
            decoded, good = decode(rows)
            checks = [self._raise_unreadable(name, rows, good[name]) for name in required]
            with tf.control_dependencies(checks):
                return tf.nest.map_structure(tf.identity, (decoded, good))

        return checked

    def _cached(self, decode):
        """Decodes every row now; then a function from a batch of positions to what came out."""
        import tensorflow as tf

        rows = tf.data.Dataset.range(len(self)).batch(256)
        batches = list(rows.map(decode, num_parallel_calls=tf.data.AUTOTUNE))
        whole = tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *batches)
        return lambda rows: tf.nest.map_structure(lambda values: tf.gather(values, rows), whole)

    def to_dataset(
        self,
        preprocessor,
        batch_size=32,
        training=False,
        seed=0,
        cache=False,
        on_error="raise",
    ):
        """A `tf.data.Dataset` of batches for `fit`, `evaluate` and `predict`.

        Decoding runs in parallel and after the shuffle, text a batch at a time. The same seed
        gives the same batches.

        Args:
            preprocessor: an adapted `mmzoo.Preprocessor`.
            batch_size: rows a batch.
            training: shuffles anew every epoch, augments, and drops the last short batch (unless
                it is the only one), so that all batches have one static shape.
            seed: of shuffling and augmentation.
            cache: decodes every row once, now, and keeps it in memory; augmentation still differs
                from epoch to epoch.
            on_error: what happens to a row with a value that can't be read. `"raise"`: an error
                names it. `"skip"`: it is left out, and the batches are filled up with those behind
                it. `"missing"`: the value is absent, where the modality is optional; elsewhere it
                is an error. What was skipped or missing is logged at the end of every pass.

        Returns:
            Dataset of `inputs`, `(inputs, labels)` or `(inputs, labels, sample_weight)`; `inputs`
            is a dict of tensors, `labels` are int32 classes `(B,)` or float32 numbers.

        Raises:
            ValueError: for a missing column, an absent value of a modality that is not optional,
                a label the preprocessor does not know, an unknown `on_error`, or `"missing"`
                without an optional modality.
            FileNotFoundError: for a path that does not exist.
            tf.errors.InvalidArgumentError: while reading, when a value can't be decoded; names
                the row and the file.
        """
        import tensorflow as tf

        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"`batch_size` must be a positive integer; received: {batch_size!r}.")
        preprocessor.check_adapted()
        self.check(preprocessor.inputs)
        optional = [name for name, modality in preprocessor.inputs.items() if modality.optional]
        if on_error not in ON_ERROR or (on_error == "missing" and not optional):
            raise ValueError(
                f"`on_error` must be one of {', '.join(ON_ERROR)}, 'missing' only where a modality "
                f"is optional; received: {on_error!r}, optional: {optional}."
            )
        may_fail = {"raise": [], "skip": preprocessor.inputs, "missing": optional}[on_error]
        required = [name for name in preprocessor.inputs if name not in may_fail]
        decode = self._checked_decoder(preprocessor, required)
        decode = self._cached(decode) if cache else decode
        targets = self._targets(preprocessor)
        rows = self._shuffled(seed) if training else tf.data.Dataset.range(len(self))
        drop_remainder = training and len(self) >= batch_size
        rows = rows.batch(batch_size, drop_remainder=drop_remainder and on_error != "skip")

        def finish(decoded, rows, seeds=None):
            if seeds is not None:
                decoded = {
                    name: part.augment(decoded[name], seeds)
                    for name, part in preprocessor.parts.items()
                }
            gathered = [tf.gather(target, rows) for target in targets]
            x = preprocessor.batch(decoded)
            return (x, *gathered) if gathered else x

        def mapped(dataset, function):
            return dataset.map(function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

        if on_error == "raise":
            batches = mapped(rows, lambda rows, *seeds: finish(decode(rows)[0], rows, *seeds))
            return batches.prefetch(tf.data.AUTOTUNE)

        from mmzoo.data.unreadable import UnreadableReport

        action = "left out" if on_error == "skip" else "taken as absent"
        report = UnreadableReport(self._summary, action, batches=int(rows.cardinality()))

        def one_pass(number):
            def read(rows, *seeds):
                decoded, good = decode(rows)
                with tf.control_dependencies([report.note(number, rows, good)]):
                    return tf.nest.map_structure(tf.identity, (decoded, rows, *seeds)), good

            if on_error == "missing":
                return mapped(rows, lambda *rows: finish(*read(*rows)[0]))

            def read_good(*rows):
                values, good = read(*rows)
                all_good = tf.reduce_all(tf.stack(list(good.values())), axis=0)
                return tf.nest.map_structure(lambda x: tf.boolean_mask(x, all_good), values)

            kept = mapped(rows, read_good).rebatch(batch_size, drop_remainder=drop_remainder)
            return mapped(kept, finish)

        batches = report.passes(one_pass)
        if on_error == "missing":
            batches = batches.apply(tf.data.experimental.assert_cardinality(rows.cardinality()))
        return batches.prefetch(tf.data.AUTOTUNE)

    def _shuffled(self, seed):
        """Dataset of `(row, seeds)`: another order and other seeds every time it is iterated.

        Both are a function of `seed` and the number of the epoch alone, not of Keras's global seed
        or the parallelism. The seeds, `(2,)` int64, are what augmentation of the row draws from.
        """
        import tensorflow as tf

        count = len(self)
        epochs = tf.Variable(-1, dtype=tf.int64, trainable=False)

        def epoch(_):
            number = epochs.assign_add(1)
            order = tf.random.experimental.stateless_shuffle(
                tf.range(count, dtype=tf.int64), seed=tf.stack([tf.cast(seed, tf.int64), number])
            )
            first = tf.fill([count], tf.cast(seed, tf.int64))
            seeds = tf.stack([first, order + number * count], axis=1)
            return tf.data.Dataset.from_tensor_slices((order, seeds))

        dataset = tf.data.Dataset.from_tensors(0).flat_map(epoch)
        return dataset.apply(tf.data.experimental.assert_cardinality(count))

    def _raise_unreadable(self, name, rows, ok):
        """An op that fails, naming row and file, unless all values could be read."""
        import tensorflow as tf

        def message(rows):
            described = "; ".join(self._described(name, int(row)) for row in rows[:LISTED])
            return f"mmzoo: no readable {name} in {described}"

        def fail():
            text = tf.py_function(message, [tf.boolean_mask(rows, ~ok)], tf.string)
            return tf.debugging.Assert(False, [text])

        return tf.cond(tf.reduce_all(ok), tf.no_op, fail)

    def _targets(self, preprocessor):
        """Labels and sample weights as tensors, as far as there are any."""
        import tensorflow as tf

        if self.labels is None:
            return []
        if not isinstance(self.labels, list):
            labels, known = self.labels, preprocessor.class_names
            if self.class_names is not None and known is not None:
                labels = aligned(labels, self.class_names, known, self.describe)
            targets = [tf.constant(labels, tf.float32)]
        else:
            indices = preprocessor.encode_labels(self.labels, self.describe)
            targets = [tf.constant(indices, tf.int32)]
        if self.sample_weight is not None:
            targets.append(tf.constant(self.sample_weight, tf.float32))
        return targets


def _as_rows(name, values):
    """A table that is given by columns (a dict, a DataFrame), as a list of dicts, one a row."""
    if hasattr(values, "columns"):
        return values.to_dict("records")
    if not isinstance(values, dict):
        return values
    lengths = {column: len(cells) for column, cells in values.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"The columns of {name!r} must have one length; received: {lengths}.")
    return [dict(zip(values, cells, strict=True)) for cells in zip(*values.values(), strict=True)]


def _without_absent(value):
    """The value, or `None` where it is absent; so with the cells of a row of a table."""
    if is_absent(value):
        return None
    if isinstance(value, dict):
        return {column: None if is_absent(cell) else cell for column, cell in value.items()}
    return value
