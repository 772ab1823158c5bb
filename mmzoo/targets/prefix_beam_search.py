"""The most probable texts of frames, over all their alignments."""

from keras import ops

from mmzoo.layers.masking import IMPOSSIBLE
from mmzoo.targets.ctc import BLANK, LEAST, frames_of


def prefix_beam_search(prediction, beams):
    """The most probable texts: of each the sum over its alignments, as far as the beams keep them.

    All beams grow frame by frame. One that reaches the text of another in two ways, by staying and
    by growing, is one beam; with beams enough for every text the result is exact.

    Args:
        prediction: `(B, T, K)` float, probabilities; the blank is 0, and zeros are no frame.
        beams: how many texts are kept.

    Returns:
        `(ids, score)`: `(B, beams, T)` int32, best first, zeros behind each text; and
        `(B, beams)` float32, the logarithms of their probabilities, `-inf` where there is no
        further text.

    Example:

    >>> import numpy as np
    >>> frames = np.array([[[0.6, 0.4], [0.6, 0.4]]], "float32")
    >>> ids, score = prefix_beam_search(ops.convert_to_tensor(frames), beams=2)
    >>> ids.numpy().tolist(), [round(float(p), 2) for p in np.exp(score[0])]
    ([[[1, 0], [0, 0]]], [0.64, 0.36])

    Reference: Hannun et al. 2014, arXiv 1408.2873, algorithm 1, without a language model.
    """
    rows, length, classes = ops.shape(prediction)
    logs = ops.log(ops.maximum(ops.cast(prediction, "float32"), LEAST))
    frames = frames_of(prediction)
    places = ops.arange(length, dtype="int32")
    ends = {
        "blank": ops.where(ops.arange(beams) == 0, 0.0, IMPOSSIBLE),
        "part": ops.full((beams,), IMPOSSIBLE),
    }
    first = ops.zeros((rows, beams), "int32")
    state = (
        ops.zeros((), "int32"),
        ops.zeros((rows, beams, length), "int32"),
        first,
        *(ops.broadcast_to(ops.cast(x, "float32")[None], (rows, beams)) for x in ends.values()),
    )

    def go_on(t, *_):
        return t < ops.max(frames, initial=0)

    def step(t, ids, sizes, blank, part):
        log = ops.take(logs, t, axis=1)
        is_last = ops.equal(places, sizes[..., None] - 1)
        last = ops.sum(ops.where(is_last, ids, 0), axis=2)
        total = ops.logaddexp(blank, part)
        # What a beam comes to when it stays: by a blank, or by its last part once more.
        stays_blank = total + log[:, :1]
        stays_part = ops.where(sizes > 0, part + ops.take_along_axis(log, last, axis=1), IMPOSSIBLE)
        # And when it grows; by its last part only behind a blank.
        again = ops.equal(last[..., None], ops.arange(classes, dtype="int32"))
        grows = ops.where(again, blank[..., None], total[..., None]) + log[:, None]
        # Beam i that grows to what beam j is: j takes that over.
        parents = ops.where(is_last, 0, ids)
        same = ops.all(ops.equal(ids[:, :, None], parents[:, None]), axis=-1)
        same = same & ((sizes > 0) & (total > IMPOSSIBLE / 2))[:, None]
        by_last = ops.take_along_axis(grows, ops.broadcast_to(last[:, None], ops.shape(same)), 2)
        taken = ops.logsumexp(ops.where(same, by_last, IMPOSSIBLE), axis=1)
        stays_part = ops.logaddexp(stays_part, taken)
        gone = ops.matmul(ops.cast(same, "float32"), ops.cast(again, "float32")) > 0
        blanks = ops.arange(classes) == BLANK
        grows = ops.where(gone | blanks, IMPOSSIBLE, grows)
        # The best of all.
        stays = ops.logaddexp(stays_blank, stays_part)
        candidates = ops.concatenate([stays, ops.reshape(grows, (rows, -1))], axis=1)
        scores, chosen = ops.top_k(candidates, beams)
        chosen = ops.cast(chosen, "int32")
        stayed = chosen < beams
        parent = ops.where(stayed, chosen, (chosen - beams) // classes)
        new = ops.where(stayed, 0, (chosen - beams) % classes)

        def of_parent(values):
            return ops.take_along_axis(values, parent, axis=1)

        everywhere = ops.broadcast_to(parent[..., None], ops.shape(ids))
        old_sizes = of_parent(sizes)
        grown = ops.take_along_axis(ids, everywhere, axis=1)
        grown = ops.where(ops.equal(places, old_sizes[..., None]), new[..., None], grown)
        after = (
            grown,
            old_sizes + ops.cast(~stayed, "int32"),
            ops.where(stayed, of_parent(stays_blank), IMPOSSIBLE),
            ops.where(stayed, of_parent(stays_part), scores),
        )
        more = t < frames
        before = (ids, sizes, blank, part)
        kept = []
        for x, y in zip(after, before, strict=True):
            here = ops.reshape(more, (-1, *[1] * (len(y.shape) - 1)))
            kept.append(ops.reshape(ops.where(here, x, y), ops.shape(y)))
        return (t + 1, *kept)

    _, ids, _, blank, part = ops.while_loop(go_on, step, state, maximum_iterations=length)
    score = ops.logaddexp(blank, part)
    there = score > IMPOSSIBLE / 2
    ids = ops.where(there[..., None], ids, 0)
    return ids, ops.where(there, score, float("-inf"))
