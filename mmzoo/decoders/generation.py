"""From a decoder to texts: greedy, by beams or by sampling, in one loop that ends early."""

import collections
import dataclasses
import math

import keras
from keras import ops

from mmzoo.decoders.writer import taken_rows
from mmzoo.layers.masking import IMPOSSIBLE
from mmzoo.tokenizers.vocabulary import END, PADDING, SPECIAL, START
from mmzoo.utils.by_backend import stateless_uniform

SAMPLERS = ("greedy", "beam", "sample")

#: What was generated: `ids`, `(B, K, L)` int32, the best first, each up to its end, then padding;
#: and `scores`, `(B, K)` float32, their log-probability by `length**length_penalty`.
Generated = collections.namedtuple("Generated", ["ids", "scores"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sampling:
    """How texts are generated.

    Args:
        sampler: `"greedy"`: the likeliest token at every step; `"beam"`: the likeliest texts found
            by keeping `beams` of them at every step; `"sample"`: drawn.
        beams: number of texts that `"beam"` keeps.
        length_penalty: a text of `n` tokens, its end included, scores `log p / n**length_penalty`:
            1 is the mean, 0 the sum, which prefers short texts.
        min_length: tokens before a text may end.
        max_length: tokens after which it must; `None`: the length of the decoder.
        no_repeat_ngram: no sequence of so many tokens comes twice; 0: any may.
        temperature: what logits are divided by before `"sample"` draws.
        top_k: draw among so many of the likeliest tokens; `None`: all.
        top_p: draw among the likeliest that together have this probability; `None`: all.
        seed: of the draws; the same seed draws the same texts.

    Raises:
        ValueError: for an unknown sampler or a number out of range.

    Example:

    >>> Sampling(sampler="beam", beams=2).texts
    2
    """

    sampler: str = "greedy"
    beams: int = 4
    length_penalty: float = 1.0
    min_length: int = 0
    max_length: int | None = None
    no_repeat_ngram: int = 0
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0

    def __post_init__(self):
        if self.sampler not in SAMPLERS:
            raise ValueError(
                f"`sampler` must be one of {', '.join(SAMPLERS)}; received: {self.sampler!r}."
            )
        least = {"beams": 1, "min_length": 0, "max_length": 1, "no_repeat_ngram": 0, "top_k": 1}
        for name, bound in least.items():
            value = getattr(self, name)
            if (value is None and name in ("max_length", "top_k")) or hasattr(value, "shape"):
                continue  # a tensor has its value when the graph runs
            if isinstance(value, bool) or not isinstance(value, int) or value < bound:
                raise ValueError(
                    f"`{name}` must be an integer from {bound} on; received: {value!r}."
                )
        if isinstance(self.temperature, (int, float)) and not self.temperature > 0:
            raise ValueError(f"`temperature` must be positive; received: {self.temperature}.")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"`top_p` must lie in (0, 1]; received: {self.top_p}.")

    @property
    def texts(self):
        """How many texts a row has."""
        return self.beams if self.sampler == "beam" else 1


def generate(step, state, rows, length, sampling, prefix=None, reorder=taken_rows):
    """Generates texts.

    Args:
        step: function `(ids, position, state) -> (logits, state)`: from `(R,)` int32, the tokens
            before, to `(R, V)`, where `R` is `rows` times `sampling.texts`; the texts of a row are
            neighbours.
        state: structure of tensors, what `step` begins with.
        rows: number of rows, an integer or a scalar tensor.
        length: the most tokens of a text without its end, an integer.
        sampling: `Sampling`.
        prefix: `(B, P)` int32, tokens that the texts begin with, padded with 0; `None`: none.
        reorder: as `Decoder.reorder`, for beams.

    Returns:
        `Generated`, of `length + 1` positions: the last has only an end.

    Reference: nucleus sampling: Holtzman et al. 2019, arXiv 1904.09751; length normalisation: Wu et
    al. 2016, arXiv 1609.08144, section 7.
    """
    beams, positions = sampling.texts, length + 1
    longest = length if sampling.max_length is None else ops.minimum(sampling.max_length, length)

    def body(position, ids, last, total, lengths, done, *state):
        logits, state = step(last, position, keras.tree.pack_sequence_as(structure, state))
        logs = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        words = logs.shape[-1]
        logs = ops.reshape(logs, (-1, beams, words))
        allowed = _allowed(words, position, ids, sampling, longest, prefix)
        # A sum, which is faster than a choice: beside `IMPOSSIBLE` a logarithm is nothing.
        logs = logs + ops.cast(~allowed, "float32") * IMPOSSIBLE
        grown = lengths + ops.cast(~done, "int32")
        if sampling.sampler == "beam":
            # The best of all are among the best that go on from each.
            each = min(beams, words)
            logs, tokens = ops.top_k(logs, each)
            # What is done goes on with padding, at no cost.
            at_no_cost = ops.where(ops.arange(each) == 0, 0.0, IMPOSSIBLE)
            logs = ops.where(done[..., None], at_no_cost, logs)
            tokens = ops.where(done[..., None], PADDING, ops.cast(tokens, "int32"))
            candidates = total[..., None] + logs
            normalised = candidates / _penalty(grown, sampling)[..., None]
            candidates, normalised, tokens = (
                ops.reshape(x, (-1, beams * each)) for x in (candidates, normalised, tokens)
            )
            _, best = ops.top_k(normalised, beams)
            best = ops.reshape(ops.cast(best, "int32"), (-1, beams))
            parent, token = best // each, ops.take_along_axis(tokens, best, axis=1)
            total = ops.take_along_axis(candidates, best, axis=1)
            grown, done = (ops.take_along_axis(x, parent, axis=1) for x in (grown, done))
            ids = ops.take_along_axis(ids, parent[..., None], axis=1)
            flat = ops.reshape(parent + beams * ops.arange(ops.shape(parent)[0])[:, None], (-1,))
            state = reorder(state, flat)
        else:
            scores = logs
            if sampling.sampler == "sample":
                scores = _drawn(logs, sampling, position)
            token = ops.cast(ops.argmax(scores, axis=-1), "int32")
            gain = ops.take_along_axis(logs, token[..., None], axis=-1)[..., 0]
            token = ops.where(done, PADDING, token)
            total = total + ops.where(done, 0.0, gain)
        here = ops.arange(positions) == position
        ids = ops.where(here, token[..., None], ids)
        done = done | (token == END)
        last = ops.reshape(token, (-1,))
        return position + 1, ids, last, total, grown, done, *keras.tree.flatten(state)

    structure = state
    first = ops.broadcast_to(
        ops.where(ops.arange(beams) == 0, 0.0, IMPOSSIBLE)[None], (rows, beams)
    )
    loop = (
        ops.convert_to_tensor(0, "int32"),
        ops.zeros((rows, beams, positions), "int32"),
        ops.full((rows * beams,), START, "int32"),
        first,
        ops.zeros((rows, beams), "int32"),
        ops.zeros((rows, beams), "bool"),
        *keras.tree.flatten(state),
    )
    _, ids, _, total, lengths, *_ = ops.while_loop(
        lambda position, ids, last, total, lengths, done, *_: ~ops.all(done),
        body,
        loop,
        maximum_iterations=positions,
    )
    ids = ops.where(ids == END, PADDING, ids)
    return Generated(ids, total / _penalty(lengths, sampling))


def _penalty(lengths, sampling):
    return ops.maximum(ops.cast(lengths, "float32"), 1.0) ** sampling.length_penalty


def _allowed(words, position, ids, sampling, longest, prefix):
    """`(B or 1, K or 1, V)` bool: which tokens may come at a position."""
    word = ops.arange(words, dtype="int32")
    is_word = word >= ops.where(position < longest, SPECIAL, words)
    ends = word == ops.where(position >= ops.minimum(sampling.min_length, longest), END, -1)
    allowed = (is_word | ends)[None, None]
    if sampling.no_repeat_ngram:
        repeats = _repeats(words, position, ids, sampling.no_repeat_ngram)
        allowed = allowed & ~(repeats & is_word[None, None])
    if prefix is not None:
        count = prefix.shape[1]
        given = ops.take(ops.cast(prefix, "int32"), ops.minimum(position, count - 1), axis=1)
        forced = (given != PADDING) & (position < count)
        allowed = ops.where(forced[:, None, None], (word == given[:, None])[:, None], allowed)
    return allowed


def _repeats(words, position, ids, size):
    """`(B, K, V)` bool: which tokens would end a sequence of that size that was there before."""
    windows = ids.shape[-1] - size + 1
    same = ops.ones((1, 1, windows), "bool")
    for offset in range(size - 1):
        at = ops.maximum(position - (size - 1) + offset, 0)
        latest = ops.take(ids, at, axis=-1)[..., None]
        same = same & (ids[..., offset : offset + windows] == latest)
    complete = ops.arange(windows) + size - 1 < position
    found = ops.where(same & complete, ids[..., size - 1 :], PADDING)
    return ops.any(found[..., None] == ops.arange(words, dtype="int32"), axis=-2)


def _drawn(logs, sampling, position):
    """Scores whose largest is a draw."""
    logits = logs / sampling.temperature
    if sampling.top_k is not None:
        kept, _ = ops.top_k(logits, min(sampling.top_k, logits.shape[-1]))
        logits = ops.where(logits >= kept[..., -1:], logits, IMPOSSIBLE)
    if sampling.top_p is not None:
        ordered = ops.flip(ops.sort(logits, axis=-1), axis=-1)
        shares = ops.softmax(ordered, axis=-1)
        before = ops.cumsum(shares, axis=-1) - shares
        least = ops.min(
            ops.where(before < sampling.top_p, ordered, math.inf), axis=-1, keepdims=True
        )
        logits = ops.where(logits >= least, logits, IMPOSSIBLE)
    noise = stateless_uniform(ops.shape(logits), sampling.seed, position)
    return logits - ops.log(-ops.log(noise))  # Gumbel: the largest is a draw of the softmax
