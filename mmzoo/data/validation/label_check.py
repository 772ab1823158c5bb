"""What is wrong with labels, as the targets of the heads find it."""

import re
import warnings

from mmzoo.data.pipeline.parallel_map import parallel_map, without_tuner
from mmzoo.utils.readable_errors import readable


class LabelCheck:
    """The labels of one answer under examination, by what training does with them.

    Args:
        records: labelled `mmzoo.data.Records`.
        preprocessor: a `mmzoo.Preprocessor` that was made with the heads.
        name: name of the answer.
    """

    def __init__(self, records, preprocessor, name):
        self.records, self.preprocessor, self.name = records, preprocessor, name
        self.column, self.target = records.label_columns[name], preprocessor.targets[name]
        #: What messages call the column of the labels.
        self.column_name = "label" if name == "head" else name
        if self.column.source is not None:
            self.column_name = self.column.source[0]
        self.errors = {}  # row -> what is wrong with its label
        self.notes = []

    def run(self, pictures):
        """Finds what is wrong, and what is suspicious.

        Args:
            pictures: dict from the name of a picture to `(shape, placements)`: `(H, W, C)` as the
                model sees it, and `(rows, 8)` float64, zeros where one is absent or can't be read.

        Raises:
            ValueError: for what is wrong with the labels as a whole.
        """
        self.target.learn(self.column.class_names)
        rows = self._good_rows(self.preprocessor.checked_labels, range(len(self.records)))
        if not rows:
            return
        labels = self.preprocessor.checked_labels(self.name, self.records.take(rows))
        self.target.adapt(labels)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            rows = self._good_rows(self.preprocessor.encode_answer, rows)
            if rows and self.target.picture in pictures:
                self._find_misplaced(rows, *pictures[self.target.picture])
        self.notes = list(dict.fromkeys(str(warning.message) for warning in caught))
        self.notes += self.target.validation_notes(self.column.labels, self.column.class_names)

    def _good_rows(self, function, rows):
        """The rows with whose labels a function does not fail; of the others, why."""
        if self._error(function, rows) is None:
            return list(rows)
        found = {row: self._error(function, [row]) for row in rows}
        found = {row: error for row, error in found.items() if self._names(error, row)}
        good = [row for row in rows if row not in found]
        # What is wrong only beside the labels of other rows, or with all of them.
        while good and (error := self._error(function, good)) is not None:
            row = next((row for row in good if self._names(error, row)), None)
            if row is None:
                raise ValueError(error)
            found[row] = error
            good.remove(row)
        for row, error in found.items():
            self._found(row, error)
        return good

    def _error(self, function, rows):
        """What a function says of the labels of some rows; `None`: nothing."""
        try:
            function(self.name, self.records.take(rows))
        except (ValueError, TypeError, FileNotFoundError) as error:
            return str(error)
        return None

    def _names(self, error, row):
        """Whether a message is about a row rather than about all labels."""
        where = re.escape(self.records.describe(row))
        return error is not None and re.search(rf"{where}(?!\d)", error) is not None

    def _find_misplaced(self, rows, shape, placements):
        """Holds each place against its picture, by what makes the batches of a training."""
        import tensorflow as tf

        y, _ = self.preprocessor.encode_answer(self.name, self.records.take(rows))
        y = tf.nest.map_structure(tf.constant, y)
        placements = tf.constant(placements[rows])

        def check(position):
            of_row, placement = tf.nest.map_structure(
                lambda values: tf.gather(values, position[None]), (y, placements)
            )
            decoded = {self.target.picture: (tf.zeros((1, *shape)), placement)}
            return tf.nest.flatten(self.target.batch(of_row, decoded))[0]

        checked = iter(without_tuner(parallel_map(tf.data.Dataset.range(len(rows)), check)))
        for row in rows:
            try:
                next(checked)
            except tf.errors.InvalidArgumentError as error:
                message = readable(error)
                if message is error:
                    raise
                self._found(row, str(message))

    def _found(self, row, message):
        """Notes an error, without what its finding says of row and column."""
        message = message.removeprefix(self.records.describe(row))
        message = message.removeprefix(f", column {self.column_name!r}").removeprefix(": ")
        if self.column.source is not None:
            column, name = self.column.source
            message = message.replace(f" (column {column!r} of {name}).", ".")
        self.errors[row] = message
