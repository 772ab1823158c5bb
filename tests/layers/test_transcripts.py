"""Transcripts: their search, head, loss and metrics. Pure Keras: on TensorFlow and on JAX."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.heads import RowsLeftOut, Transcript, TranscriptLoss, TranscriptMatch
from mmzoo.heads.alignments import log_sum_of_alignments
from mmzoo.targets.ctc import best_alignment, frames_needed, frames_of
from mmzoo.targets.prefix_beam_search import prefix_beam_search
from mmzoo.testing import check_target
from mmzoo.testing.properties import disturb
from tests.layers.test_places import array, slope
from tests.parts import slow_among

ROWS, FRAMES, DIM = 3, 6, 8


def distributions(shape=(4, 5, 3), seed=0):
    """Frames at random; of the second row there are three, of the last none."""
    frames = np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), shape[:-1])
    frames[1, 3:], frames[-1] = 0, 0
    return frames.astype("float32")


def texts_of(frames):
    """Every text that a row of frames can be -> its probability, over all alignments."""
    count, found = int((frames.sum(axis=-1) > 0).sum()), {}
    for path in itertools.product(range(frames.shape[1]), repeat=count):
        text = tuple(part for part, _ in itertools.groupby(path) if part)
        found[text] = found.get(text, 0) + np.prod([frames[t, k] for t, k in enumerate(path)])
    return found


def searched(frames, beams):
    """What the search finds: a list of dicts from text to probability, a row each."""
    ids, scores = map(array, prefix_beam_search(ops.convert_to_tensor(frames), beams))
    rows = []
    for row, of_row in zip(ids, scores, strict=True):
        assert (np.diff(of_row[np.isfinite(of_row)]) <= 0).all()
        pairs = [(tuple(int(i) for i in text if i), s) for text, s in zip(row, of_row, strict=True)]
        rows.append({text: np.exp(score) for text, score in pairs if np.isfinite(score)})
        assert len(rows[-1]) == np.isfinite(of_row).sum()  # no text twice
    return rows


def test_the_search_against_all_alignments():
    frames = distributions((3, 5, 3))
    for found, row in zip(searched(frames, beams=26), frames, strict=True):
        expected = texts_of(row)
        assert set(found) == set(expected)
        best = sorted(expected, key=expected.get, reverse=True)
        assert list(found) == best
        np.testing.assert_allclose([found[t] for t in best], [expected[t] for t in best], rtol=1e-4)


def test_few_beams_find_the_most_probable_text_where_the_best_alignment_does_not():
    frames = np.tile(np.array([0.6, 0.4], "float32"), (1, 2, 1))
    assert not array(best_alignment(ops.convert_to_tensor(frames))[0]).any()
    assert searched(frames, beams=2) == [{(1,): pytest.approx(0.64), (): pytest.approx(0.36)}]
    frames = distributions((20, 5, 3), seed=1)
    for found, row in zip(searched(frames, beams=3), frames, strict=True):
        expected = texts_of(row)
        assert all(p <= expected[text] * (1 + 1e-5) for text, p in found.items())
        assert next(iter(found.values())) > 0.5 * max(expected.values())


def test_the_best_alignment():
    ids = [[1, 1, 0, 1, 2, 2], [0, 0, 0, 0, 0, 0], [2, 1, 2, 1, 0, 1]]
    frames = np.eye(3, dtype="float32")[ids] * 0.8 + 0.1
    found, score = best_alignment(ops.convert_to_tensor(frames))
    assert array(found).tolist() == [[1, 1, 2, 0, 0, 0], [0] * 6, [2, 1, 2, 1, 1, 0]]
    np.testing.assert_allclose(array(score), 6 * np.log(0.9), rtol=1e-5)


def test_the_loss_against_all_alignments_and_what_costs_nothing():
    frames = distributions()
    loss = TranscriptLoss(reduction="none")
    texts = [(1,), (1, 2), (2, 2), (1, 1, 2), (1, 2, 1, 2), (1, 2, 1, 2, 1), (1, 1, 1, 1)]
    y = np.zeros((len(texts), 7), "int32")
    for row, text in zip(y, texts, strict=True):
        row[: len(text)] = text
    needed = [len(text) + (np.diff(text) == 0).sum() for text in texts]
    assert array(frames_needed(y)).tolist() == needed
    each, every = np.repeat(y, 4, axis=0), np.tile(frames, (len(texts), 1, 1))
    probabilities = [texts_of(row).get(text, 1.0) for text in texts for row in frames]
    np.testing.assert_allclose(
        array(loss(each, every)), -np.log(probabilities), rtol=1e-4, atol=1e-6
    )
    y = np.array([[0, 0], [1, -1], [1, 2], [1, 2]])
    losses = array(loss(y, frames))
    assert losses[[0, 1, 3]].tolist() == [0, 0, 0] and losses[2] > 0
    metric = RowsLeftOut()
    for _ in range(2):
        metric.update_state(y, frames)
    assert float(metric.result()) == 4  # a row without a text is none that is left out
    metric.update_state(y, frames, sample_weight=np.array([1, 0, 1, 1.0]))
    assert float(metric.result()) == 5


def test_the_loss_and_its_gradient_are_those_of_keras():
    generator = np.random.default_rng(0)
    logits = 4 * generator.normal(size=(4, 40, 6)).astype("float32")
    logits[0] *= 20  # sure of what is wrong
    frames, lengths = np.array([40, 38, 25, 1]), np.array([12, 9, 3, 1])
    logits = np.where(np.arange(40)[:, None] < frames[:, None, None], logits, 0)
    y = np.where(np.arange(12) < lengths[:, None], generator.integers(1, 4, (4, 12)), 0)
    logs = array(ops.log_softmax(logits, axis=-1))

    def ours(x):
        return -ops.sum(log_sum_of_alignments(y, ops.log_softmax(x, axis=-1), frames))

    def theirs(x):
        return ops.sum(ops.ctc_loss(y, x, lengths, frames, mask_index=0))

    np.testing.assert_allclose(
        -array(log_sum_of_alignments(y, logs, frames)),
        array(ops.ctc_loss(y, logits, lengths, frames, mask_index=0)),
        rtol=1e-5,
    )
    np.testing.assert_allclose(slope(ours, logits), slope(theirs, logits), atol=2e-4)


def test_the_loss_does_not_depend_on_padding_and_leaves_it_without_gradient():
    frames, y = distributions((3, 5, 3)), np.array([[1, 2], [2, 2], [1, 0]])
    frames[2] = frames[0]
    loss = TranscriptLoss(reduction="none")
    expected = array(loss(y, frames))
    longer = np.pad(frames, [(0, 0), (0, 7), (0, 0)])
    np.testing.assert_allclose(
        array(loss(np.pad(y, [(0, 0), (0, 4)]), longer)), expected, rtol=1e-5
    )
    y[2] = 2, -1
    gradient = slope(lambda x: ops.sum(loss(y, x)), longer)
    assert np.isfinite(gradient).all() and np.abs(gradient[:2, :3]).max() > 0
    assert not gradient[0, 5:].any() and not gradient[1, 3:].any() and not gradient[2].any()


def head_and_inputs(seed=0, **options):
    head = Transcript("abc", frames="audio", hidden_units=16, **options)
    generator = np.random.default_rng(seed)
    lengths = {"audio": FRAMES, "text": 4}
    tokens = {
        name: generator.normal(size=(ROWS, length, DIM)).astype("float32")
        for name, length in lengths.items()
    }
    mask = {name: np.ones((ROWS, length), bool) for name, length in lengths.items()}
    mask["audio"][1, 4:] = False
    arguments = generator.normal(size=(ROWS, DIM)).astype("float32"), tokens, mask
    head(*arguments)
    disturb(head, scale=0.5)
    return head, arguments


def test_the_head_heeds_vector_and_frames():
    head, (vector, tokens, mask) = head_and_inputs()
    expected = array(head(vector, tokens, mask))
    assert expected.dtype == np.float32 and expected.shape == (ROWS, FRAMES, 4)
    for changed in (-vector, tokens), (vector, {**tokens, "audio": -tokens["audio"]}):
        assert not np.allclose(array(head(*changed, mask)), expected)
    text = {**tokens, "text": -tokens["text"]}
    np.testing.assert_array_equal(array(head(vector, text, mask)), expected)


def test_frames_that_are_there_come_first_and_the_others_are_zeros():
    head, (vector, tokens, mask) = head_and_inputs()
    whole = array(head(vector, tokens, {**mask, "audio": np.ones_like(mask["audio"])}))
    np.testing.assert_allclose(whole.sum(axis=-1), 1, rtol=1e-5)
    mask["audio"] = np.array([[1, 0, 1, 1, 0, 0], [1] * 6, [0] * 6], bool)
    found = array(head(vector, tokens, mask))
    assert array(frames_of(found)).tolist() == [3, 6, 0]
    np.testing.assert_allclose(found[0, :3], whole[0, [0, 2, 3]], rtol=1e-5)
    np.testing.assert_allclose(found[1], whole[1], rtol=1e-5)
    assert not found[0, 3:].any() and not found[2].any()
    other = {**tokens, "audio": np.where(mask["audio"][..., None], tokens["audio"], 9.0)}
    np.testing.assert_array_equal(array(head(vector, other, mask)), found)


def test_a_head_that_is_wrong_and_sure_has_a_gradient():
    head, (vector, tokens, mask) = head_and_inputs()
    head.dense.kernel.assign(np.zeros(head.dense.kernel.shape))
    head.dense.bias.assign([0.0, 40.0, 0.0, 0.0])
    y = np.full((ROWS, 1), 2)
    loss = array(TranscriptLoss(reduction="none")(y, head(vector, tokens, mask)))
    # One frame is 2, the others are blank or 2.
    assert (loss > 38 * array(frames_of(head(vector, tokens, mask)))).all()


def test_columns_of_a_picture():
    generator = np.random.default_rng(0)
    head = Transcript("abc", frames="image", grid=(2, 3), hidden_units=16)
    tokens = {"image": generator.normal(size=(ROWS, 6, DIM)).astype("float32")}
    mask = {"image": np.ones((ROWS, 6), bool)}
    vector = generator.normal(size=(ROWS, DIM)).astype("float32")
    before = array(head(vector, tokens, mask))
    assert before.shape == (ROWS, 3, 4)
    tokens["image"][:, 4] += 1.0  # second row, second column
    differs = (array(head(vector, tokens, mask)) != before).any(axis=(0, 2))
    assert differs.tolist() == [False, True, False]


@pytest.mark.slow
def test_the_search_is_compiled():
    frames = ops.convert_to_tensor(distributions((3, 5, 3)))

    def search(x):
        return prefix_beam_search(x, 3)

    expected = [array(x) for x in search(frames)]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(search, jit_compile=True, autograph=False)
    else:
        import jax

        compiled = jax.jit(search)
    for one, other in zip(compiled(frames), expected, strict=True):
        np.testing.assert_allclose(array(one), other, rtol=1e-4)


def test_the_share_of_texts_that_are_right():
    ids = [[1, 1, 0, 1], [0, 0, 2, 2], [1, 2, 0, 0]]
    frames = np.eye(3, dtype="float32")[ids]
    metric = TranscriptMatch()
    for y in ([[1, 1], [2, 0], [1, 1]], [[1, 1, 1, 0, 0], [2] + [0] * 4, [1, 2, -1, 0, 0]]):
        metric.update_state(np.array(y), frames)
    assert float(metric.result()) == pytest.approx(3 / 6)
    assert TranscriptMatch.from_config(metric.get_config()).name == "exact_match"


@pytest.mark.parametrize("beams", slow_among([1, 4], slow=[4]))
def test_properties_of_the_target(beams):
    pytest.importorskip("jiwer")
    target = mmzoo.targets.TranscribedText(list("ab "), beams=beams)
    frames = distributions((3, 6, 4))
    frames[-1] = frames[0]
    # Only on TensorFlow there are exported graphs.
    leave_out = [] if keras.backend.backend() == "tensorflow" else ["outputs_are_as_described"]
    wrong = ["  ", ["a", " "], ["a", ["b"]], {"a": "b"}]
    check_target(target, ["ab a", "b", "aa"], frames, wrong=wrong, leave_out=leave_out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alphabet": ""}, "is empty"),
        ({"alphabet": "aba"}, r"unique; received twice: \['a'\]"),
        ({"alphabet": ["ab"]}, "must be characters"),
        ({"alphabet": ["a", "\t"]}, "must be characters"),
        ({"alphabet": ["one two"], "unit": "word"}, "must be words"),
        ({"alphabet": "aB", "lowercase": True}, "no text has 'B'"),
        ({"unit": "syllable"}, "must be one of character, word"),
    ],
)
def test_impossible_alphabets(options, message):
    with pytest.raises(ValueError, match=message):
        Transcript(**options)


def test_heads_that_can_not_read():
    _, (vector, tokens, mask) = head_and_inputs()
    with pytest.raises(ValueError, match=r"no alphabet.*targets\['head'\].alphabet"):
        Transcript(frames="audio")(vector, tokens, mask)
    with pytest.raises(ValueError, match=r"no tokens of frames='sound'; there are: audio, text"):
        Transcript("abc", frames="sound")(vector, tokens, mask)
    one = {name: x[:, :1] for name, x in tokens.items()}
    with pytest.raises(ValueError, match="gives one token a row"):
        Transcript("abc", frames="audio")(vector, one, {name: x[:, :1] for name, x in mask.items()})
