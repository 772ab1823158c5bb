"""From the positions of rows to batches: read, decode, leave out or mend, augment, batch."""

import functools
import os

import numpy as np
import tensorflow as tf

from mmzoo.data import bad_rows
from mmzoo.data.pipeline import decoded_cache
from mmzoo.data.pipeline.decoder import decoder
from mmzoo.data.pipeline.on_error import may_fail
from mmzoo.data.pipeline.parallel_map import parallel_map, without_tuner
from mmzoo.data.pipeline.row_order import in_order, shuffled
from mmzoo.data.pipeline.row_reader import row_reader
from mmzoo.data.pipeline.unreadable import UnreadableReport
from mmzoo.data.problems import raw_problems
from mmzoo.preprocessing.python_call import python_call


class Pipeline:
    """Makes the dataset of `Records.to_dataset`, which explains the arguments.

    By default all rows are there once, as they are and in their order.

    Args:
        records: the `mmzoo.data.Records`.
        preprocessor: an adapted `mmzoo.Preprocessor`.
        batch_size: rows a batch.
        training: whether to shuffle, augment and keep all batches of one shape.
        seed: of shuffling and augmentation.
        cache: `False`, `True`, `"memory"` or a folder.
        on_error: `"raise"`, `"skip"` or `"missing"`.
        shard: `(index, count)`.
    """

    def __init__(
        self,
        records,
        preprocessor,
        batch_size,
        training=False,
        seed=0,
        cache=False,
        on_error="raise",
        shard=(0, 1),
    ):
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"`batch_size` must be a positive integer; received: {batch_size!r}.")
        self.records = records
        self.preprocessor = preprocessor
        self.batch_size = batch_size
        self.on_error = on_error
        self.may_fail = may_fail(on_error, preprocessor.inputs)
        self.training, self.seed, self.shard = training, seed, shard
        self.encoded = self._encoded_labels()
        #: Modality name -> list of `RawProblem`: what is wrong without reading a file, where values
        #: may fail.
        self.problems = {}
        #: Modality name -> `(column, read, usable)`: the raw values, how to read one of them, and
        #: which of them may be used.
        self.raw = {name: self._raw_column(name) for name in preprocessor.inputs}
        self.columns = {name: self._column(name, cache) for name in preprocessor.inputs}

    def dataset(self, epoch=None, first_step=0):
        """The dataset of batches, of an epoch from one of its steps on."""
        self.first_step = first_step
        self.rows, self.drop_remainder = self._rows(epoch)
        if self.on_error == "raise":
            batches = parallel_map(self.rows, self._read_and_finish)
            return without_tuner(batches)
        action = "left out" if self.on_error == "skip" else "taken as absent"
        batches = int(self.rows.cardinality())
        report = UnreadableReport(self._unreadable_message, action, batches)
        make = self._skipping if self.on_error == "skip" else self._with_absent
        dataset = report.passes(functools.partial(make, report))
        if self.on_error == "missing":
            dataset = dataset.apply(tf.data.experimental.assert_cardinality(batches))
        return without_tuner(dataset)

    def decoded_dataset(self, others=None):
        """Dataset of all rows in batches, with what was decoded of them and of other rows.

        Args:
            others: `(N,)` positions: of each row the one whose values come along; `None`: none.

        Returns:
            Dataset of `(rows, decoded, decoded of others, batch)`: positions, dicts by modality
            name, and what `dataset` has.
        """

        def read(rows):
            decoded = self._read(rows)[0]
            of_others = {} if others is None else self._read(tf.gather(others, rows))[0]
            return rows, decoded, of_others, self._finish(decoded, rows)

        return without_tuner(parallel_map(self._rows(None)[0], read))

    def checked_dataset(self):
        """Dataset of all rows in batches: `(x, ok, decoded)`, see `Preprocessor.decoded_call`.

        Their graph is traced once for a preprocessor, see `row_reader`.
        """
        reader, read = self._reader()
        batches = parallel_map(self._rows(None)[0], lambda rows: reader.in_dataset(rows, read))
        return without_tuner(batches)

    def input_dataset(self):
        """As `checked_dataset`, but of `x` alone; fails where a value can't be used."""
        reader, read = self._reader()

        def read_good(rows):
            x, good, decoded = read(rows)
            for name, ok in good.items():
                if not tf.reduce_all(ok):
                    bad = tf.boolean_mask(rows, ~ok).numpy()
                    raise ValueError(self._no_readable(name, bad))
            return x, good, decoded

        def inputs(rows):
            return reader.in_dataset(rows, read_good)[0]

        return without_tuner(parallel_map(self._rows(None)[0], inputs))

    def _reader(self):
        """A `row_reader`, and the function of eager positions that calls it."""
        reader = row_reader(self.preprocessor, {name: raw[:2] for name, raw in self.raw.items()})

        def read(rows):
            taken, usable = {}, {}
            for name, (column, _, good) in self.raw.items():
                taken[name] = tf.nest.map_structure(lambda x: tf.gather(x, rows), column)
                usable[name] = tf.gather(good, rows)
            return reader((taken, usable))

        return reader, read

    def _rows(self, epoch):
        """Dataset of batches of positions, and whether their last one may not be short."""
        count = len(self.records)
        if not self.training:
            return in_order(count, self.shard).batch(self.batch_size), False
        rows = shuffled(count, self.seed, self.shard, epoch, self.batch_size)
        whole = count // (self.batch_size * self.shard[1])  # batches that every shard can fill
        if not whole:
            return rows.batch(self.batch_size), False
        if self.on_error == "skip":  # steps are those of good rows: `_skipping` counts them
            return rows.batch(self.batch_size), True
        rows = rows.take(whole * self.batch_size).batch(self.batch_size, drop_remainder=True)
        return rows.skip(self.first_step), True

    def _raw_column(self, name):
        """`(column, read, usable)` of one modality."""
        part = self.preprocessor.preprocessings[name]
        values = self.records.column(name)
        usable = np.ones(len(values), bool)
        if name in self.may_fail:
            problems = self.problems[name] = raw_problems(name, part.modality, self.records)
            usable[[problem.row for problem in problems]] = False
            values = [value if ok else None for value, ok in zip(values, usable, strict=True)]
        return (*part.column(values, self.records.root), usable)

    def _column(self, name, cache):
        """Function from a batch of positions to `(decoded, ok)` of one modality."""
        part = self.preprocessor.preprocessings[name]
        column, read, usable = self.raw[name]

        if part.works_on_elements:
            decode_rows = decoder(part, column, read)
        else:

            def decode_rows(rows):
                return part.decode(tf.nest.map_structure(lambda x: tf.gather(x, rows), column))

        def decode(rows):
            decoded, ok = decode_rows(rows)
            return decoded, ok & tf.gather(usable, rows)

        if not cache or not part.works_on_elements:
            return decode
        if cache is True or cache == "memory":
            kept = decoded_cache.in_memory(decode, len(usable))
        else:
            values = [
                value if ok else None
                for value, ok in zip(self.records.column(name), usable, strict=True)
            ]
            kept = decoded_cache.on_disk(decode, part, values, self.records.root, os.fspath(cache))
        if kept is None:
            return decode
        bad = np.flatnonzero(~kept[1].numpy())
        if bad.size and name not in self.may_fail:
            raise ValueError(f"{self._unreadable_message(name, bad.tolist())}.")
        return lambda rows: tf.nest.map_structure(lambda values: tf.gather(values, rows), kept)

    def _decoded(self, rows):
        """A batch of positions -> `(decoded, ok)`, two dicts by modality name."""
        decoded, good = {}, {}
        for name, column in self.columns.items():
            decoded[name], good[name] = column(rows)
        return decoded, good

    def _read(self, rows):
        """As `_decoded`; fails where values must not."""
        decoded, good = self._decoded(rows)
        checks = [
            self._raise_unreadable(name, rows, ok)
            for name, ok in good.items()
            if name not in self.may_fail
        ]
        with tf.control_dependencies(checks):
            return tf.nest.map_structure(tf.identity, (decoded, good))

    def _finish(self, decoded, rows, seeds=None):
        """What was decoded -> a batch as `fit` takes it."""
        if seeds is not None:
            decoded = {
                name: part.augment_batch(decoded[name], seeds)
                for name, part in self.preprocessor.preprocessings.items()
            }
        x = self.preprocessor.batch(decoded)
        if self.encoded is None:
            return x
        y, weights = self.encoded
        y = tf.nest.map_structure(lambda values: tf.gather(values, rows), y)
        for name, target in self.preprocessor.targets.items():
            if name in y:
                y[name] = target.batch(y[name], decoded)
                x |= {f"{name}_{part}": of_head for part, of_head in target.inputs(y[name]).items()}
        if not self.records.several_answers:
            (y,) = y.values()
        if weights is None:
            return x, y
        return x, y, tf.nest.map_structure(lambda values: tf.gather(values, rows), weights)

    def _read_and_finish(self, rows, *seeds):
        return self._finish(self._read(rows)[0], rows, *seeds)

    def _read_and_note(self, report, number, rows, *seeds):
        """`((decoded, rows, *seeds), ok)`; the report knows of what is not ok."""
        decoded, good = self._read(rows)
        with tf.control_dependencies([report.note(number, rows, good)]):
            return tf.nest.map_structure(tf.identity, (decoded, rows, *seeds)), good

    def _with_absent(self, report, number):
        """One pass, in which values that can't be read are absent."""

        def read_and_finish(*rows):
            return self._finish(*self._read_and_note(report, number, *rows)[0])

        return parallel_map(self.rows, read_and_finish)

    def _skipping(self, report, number):
        """One pass without the rows that can't be read."""

        def read_good(*rows):
            values, good = self._read_and_note(report, number, *rows)
            all_good = tf.reduce_all(tf.stack(list(good.values())), axis=0)
            return tf.nest.map_structure(lambda x: tf.boolean_mask(x, all_good), values)

        kept = parallel_map(self.rows, read_good).rebatch(self.batch_size, self.drop_remainder)
        return parallel_map(kept.skip(self.first_step), self._finish)

    def _unreadable_message(self, name, rows):
        return bad_rows.unreadable_message(
            self.records, name, rows, self.preprocessor.preprocessings[name]
        )

    def _no_readable(self, name, rows):
        part = self.preprocessor.preprocessings[name]
        described = bad_rows.describe_rows(self.records, name, rows, part=part)
        return f"mmzoo: no readable {name} in {described}"

    def _raise_unreadable(self, name, rows, ok):
        """An op that fails, naming row and file, unless all values could be read."""

        def fail():
            message = python_call(
                lambda bad: self._no_readable(name, bad.numpy()),
                [tf.boolean_mask(rows, ~ok)],
                tf.string,
            )
            return tf.debugging.Assert(False, [message])

        return tf.cond(tf.reduce_all(ok), tf.no_op, fail)

    def _encoded_labels(self):
        """`(y, weights)` of all rows as tensors; `None` where there are no labels.

        `y` is a dict by the name of an answer. With several answers so are the weights, and a row
        without a label has the weight 0 for it.
        """
        if not self.records.label_columns:
            return None
        y, present = self.preprocessor.encode(self.records)
        y = tf.nest.map_structure(tf.constant, y)
        weights = self.records.sample_weight
        if self.records.several_answers and not all(there.all() for there in present.values()):
            weights = 1.0 if weights is None else weights
            weights = {name: there * weights for name, there in present.items()}
        elif self.records.several_answers and weights is not None:
            weights = dict.fromkeys(y, weights)
        if weights is not None:
            weights = tf.nest.map_structure(lambda rows: tf.constant(rows, tf.float32), weights)
        return y, weights
