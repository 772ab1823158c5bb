"""The sum over all alignments of a text with frames: the recurrence of the CTC loss.

Between the parts of a text, before and behind them, there may be blanks; a place of this longer row
is reached from itself, from the one before, and, over a blank, from the part before unless it is
the same. So a frame costs as many steps as the text is long; `tf.nn.ctc_loss`, and so
`keras.ops.ctc_loss` on TensorFlow, takes their square.
"""

import keras
from keras import ops

from mmzoo.layers.masking import IMPOSSIBLE
from mmzoo.targets.ctc import BLANK


def log_sum_of_alignments(ids, logs, frames):
    """The logarithm of the probability of a text, over all its alignments.

    Args:
        ids: `(B, L)` int32 from 1 on, zeros behind the text.
        logs: `(B, T, K)` float32, logarithms of probabilities; 0 is the blank.
        frames: `(B,)` int32, how many of the frames count.

    Returns:
        `(B,)` float32; about -1e30 where the text needs more frames.

    Example:

    >>> import numpy as np
    >>> half = np.log(np.full((1, 2, 2), 0.5, "float32"))
    >>> found = log_sum_of_alignments(np.array([[1, 0]]), half, np.array([2]))
    >>> round(float(np.exp(found[0])), 4)  # three of the four
    0.75

    Reference: Graves et al. 2006, "Connectionist Temporal Classification".
    """
    ids = ops.convert_to_tensor(ids)
    rows, length = ops.shape(ids)[0], ids.shape[1]
    places = ops.reshape(ops.stack([ops.full_like(ids, BLANK), ids], axis=-1), (-1, 2 * length))
    places = ops.pad(places, [(0, 0), (0, 1)], constant_values=BLANK)
    before = ops.pad(places[:, :-2], [(0, 0), (2, 0)], constant_values=BLANK)
    over_blank = ops.where((places != BLANK) & (places != before), 0.0, IMPOSSIBLE)
    seen = ops.take_along_axis(logs, places[:, None], axis=2)
    valid = ops.arange(logs.shape[1], dtype="int32") < frames[:, None]
    # Before the first frame nothing but the first blank was reached, at no cost.
    start = ops.tile(ops.where(ops.arange(2 * length + 1) == 0, 0.0, IMPOSSIBLE)[None], (rows, 1))
    cell = _Cell(over_blank, 2 * length + 1)
    chain = keras.layers.RNN(cell, dtype="float32", name="alignments")
    reached = chain(seen, mask=valid, initial_state=[start])
    # The text is over in its last part, or in the blank behind it.
    last = 2 * ops.sum(ops.cast(ids != BLANK, "int32"), axis=1, keepdims=True)
    ends = ops.concatenate([last, ops.maximum(last - 1, 0)], axis=1)
    ended = ops.take_along_axis(reached, ends, axis=1)
    return ops.logaddexp(ended[:, 0], ops.where(last[:, 0] > 0, ended[:, 1], IMPOSSIBLE))


class _Cell(keras.layers.Layer):
    """One frame: from the places that were reached to those that are."""

    def __init__(self, over_blank, size):
        super().__init__(dtype="float32", name="cell")
        self.over_blank = over_blank
        self.state_size = self.output_size = size

    def call(self, inputs, states):
        stayed = states[0]
        moved = ops.pad(stayed, [(0, 0), (2, 0)], constant_values=IMPOSSIBLE)
        step, leap = moved[:, 1:-1], moved[:, :-2] + self.over_blank
        largest = ops.stop_gradient(ops.maximum(ops.maximum(stayed, step), leap))
        total = ops.exp(stayed - largest) + ops.exp(step - largest) + ops.exp(leap - largest)
        state = largest + ops.log(total) + inputs
        return state, [state]
