"""What could not be read in one pass over the rows, said at its end."""

import itertools
import logging

import tensorflow as tf

logger = logging.getLogger("mmzoo")


class UnreadableReport:
    """Collects the rows with values that can't be read, and logs them when a pass ends.

    Every iterator over the dataset is a pass of its own.

    Args:
        summary: function from a modality name and a list of positions to a message.
        action: what happened to them, for the message.
    """

    def __init__(self, summary, action):
        self.summary = summary
        self.action = action
        self._numbers = itertools.count()
        self._bad = {}  # number of the pass -> modality name -> positions

    def note(self, number, rows, good):
        """An op that remembers bad values.

        Args:
            number: of the pass, scalar int64.
            rows: `(B,)` int64 positions.
            good: dict from modality name to `(B,)` bool.
        """

        def remember(number, rows, *good_values):
            for name, ok in zip(good, good_values, strict=True):
                bad = rows.numpy()[~ok.numpy()].tolist()
                self._bad[int(number)].setdefault(name, []).extend(bad)

        all_good = tf.reduce_all(tf.stack(list(good.values())))
        arguments = [number, rows, *good.values()]
        return tf.cond(all_good, tf.no_op, lambda: tf.py_function(remember, arguments, []))

    def passes(self, one_pass):
        """A dataset that is made anew for every pass.

        Args:
            one_pass: function from the number of a pass to its dataset.

        Returns:
            Dataset of the same elements, of unknown cardinality.
        """

        def begin():
            number = next(self._numbers)
            self._bad[number] = {}
            return number

        def end(number):
            for name, rows in sorted(self._bad.pop(int(number)).items()):
                if rows:
                    logger.warning("%s: %s.", self.summary(name, sorted(rows)), self.action)
            return 0

        def reported(number):
            dataset = one_pass(number)
            ended = tf.data.Dataset.from_tensors(number)
            ended = ended.map(lambda number: tf.py_function(end, [number], tf.int64))
            return dataset.concatenate(ended.flat_map(dataset.take))

        number = tf.data.Dataset.from_tensors(0)
        number = number.map(lambda _: tf.py_function(begin, [], tf.int64))
        return number.flat_map(lambda number: reported(tf.ensure_shape(number, ())))
