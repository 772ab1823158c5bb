"""What could not be read in one pass over the rows, said at its end."""

import itertools
import logging

import tensorflow as tf

from mmzoo.preprocessing.python_call import python_call

logger = logging.getLogger("mmzoo")


class UnreadableReport:
    """Collects the rows with values that can't be read, and logs them when a pass ends.

    Every iterator over the dataset is a pass of its own.

    Args:
        summary: function from a modality name and a list of positions to a message.
        action: what happened to them, for the message.
        batches: how many batches a pass has.
    """

    def __init__(self, summary, action, batches):
        self.summary = summary
        self.action = action
        self.batches = batches
        self._numbers = itertools.count()
        self._notes = {}  # number of the pass -> a note a batch: bad rows of every modality

    def passes(self, one_pass):
        """A dataset that is made anew for every pass.

        Args:
            one_pass: function from the number of a pass to its dataset.

        Returns:
            Dataset of the same elements, of unknown cardinality.
        """

        def begin():
            number = next(self._numbers)
            self._notes[number] = []
            return number

        number = tf.data.Dataset.from_tensors(0)
        as_it_is = tf.autograph.experimental.do_not_convert
        number = number.map(as_it_is(lambda _: python_call(begin, [], tf.int64)))
        return number.flat_map(as_it_is(one_pass))

    def note(self, number, rows, good):
        """An op that remembers the bad values of a batch.

        Args:
            number: of the pass, scalar int64.
            rows: `(B,)` int64 positions.
            good: dict from modality name to `(B,)` bool.
        """

        def remember(number, *bad):
            number = int(number)
            notes = self._notes[number]
            notes.append([rows.numpy().tolist() for rows in bad])
            if len(notes) == self.batches and self._notes.pop(number, None):
                self._log(good, notes)

        bad = [tf.boolean_mask(rows, ~ok) for ok in good.values()]
        return python_call(remember, [number, *bad], [])

    def _log(self, names, notes):
        for name, batches in zip(names, zip(*notes, strict=True), strict=True):
            rows = sorted(itertools.chain.from_iterable(batches))
            if rows:
                logger.warning("%s: %s.", self.summary(name, rows), self.action)
