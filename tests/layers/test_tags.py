"""Tags: the chain against brute force, loss, metric and head. Runs on TensorFlow and on JAX."""

import itertools
import json

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.heads import tags_loss
from mmzoo.heads.tag_chain import best_path, log_partition, odds, path_score
from mmzoo.targets.tag_scheme import broken_rule, costs, scheme_of, spans_of

ROWS, LENGTH, DIM = 4, 5, 8
#: Words of each row.
WORDS = np.array([5, 3, 1, 0])
MASK = np.arange(LENGTH) < WORDS[:, None]
BIO = ["B-a", "B-b", "I-a", "I-b", "O"]
BMES = ["B", "M", "E", "S"]


def array(x):
    return ops.convert_to_numpy(x)


def chain(tags, seed=0, scale=2.0):
    """Random potentials of a chain of `tags` tags."""
    generator = np.random.default_rng(seed)
    shapes = (ROWS, LENGTH, tags), (tags + 1, tags), (tags,)
    return [scale * generator.normal(size=shape).astype("float32") for shape in shapes]


def brute_force(u, transitions, end):
    """All paths of one text, and their scores, in double precision."""
    length, tags = u.shape
    u, transitions, end = (np.float64(x) for x in (u, transitions, end))
    paths = np.array([*itertools.product(range(tags), repeat=length)])
    before = np.concatenate([np.full((len(paths), 1), tags), paths[:, :-1]], axis=1)
    scores = (u[np.arange(length), paths] + transitions[before, paths]).sum(axis=1)
    return paths, scores + end[paths[:, -1]]


@pytest.mark.parametrize("tags", [2, 5])
def test_the_chain_against_brute_force(tags):
    u, transitions, end = chain(tags)
    partition = array(log_partition(u, transitions, end, MASK))
    path = array(best_path(u, transitions, end, MASK))
    score = array(path_score(u, transitions, end, path, MASK))
    other = array(odds(u, transitions, end, path, MASK))
    for row, words in enumerate(WORDS[:3]):
        paths, scores = brute_force(u[row, :words], transitions, end)
        np.testing.assert_allclose(partition[row], np.logaddexp.reduce(scores), rtol=1e-5)
        np.testing.assert_array_equal(path[row, :words], paths[scores.argmax()])
        np.testing.assert_allclose(score[row], scores.max(), rtol=1e-5)
        for t, k in itertools.product(range(words), range(tags)):
            changed = path[row, :words].copy()
            changed[t] = k
            found = scores[(paths == changed).all(axis=1)].item()
            np.testing.assert_allclose(other[row, t, k], np.exp(found - scores.max()), rtol=1e-3)
    assert partition[3] == 0 and not path[3].any()


@pytest.mark.parametrize(("tags", "scheme"), [(BIO, "BIO"), (BMES, "BIOES")])
def test_the_best_path_that_breaks_no_rule(tags, scheme):
    u, transitions, end = chain(len(tags), seed=1)
    between, at_end = costs(tags)
    path = array(best_path(u, transitions + between, end + at_end, MASK))
    for row, words in enumerate(WORDS[:3]):
        paths, scores = brute_force(u[row, :words], transitions, end)
        good = [broken_rule([tags[i] for i in p], scheme) is None for p in paths]
        best = paths[good][scores[good].argmax()]
        np.testing.assert_array_equal(path[row, :words], best)


def test_long_texts_and_large_potentials_stay_exact():
    generator = np.random.default_rng(0)
    u = (20 * generator.normal(size=(1, 40, 3))).astype("float32")
    transitions, end = (20 * generator.normal(size=s).astype("float32") for s in ((4, 3), (3,)))
    forward = np.float64(transitions[3]) + u[0, 0]
    best = forward
    for words in np.float64(u[0, 1:]):
        forward = np.logaddexp.reduce(forward[:, None] + transitions[:3], axis=0) + words
        best = (best[:, None] + transitions[:3]).max(axis=0) + words
    mask = np.ones((1, 40), bool)
    partition = array(log_partition(u, transitions, end, mask))
    np.testing.assert_allclose(partition[0], np.logaddexp.reduce(forward + end), rtol=1e-5)
    path = best_path(u, transitions, end, mask)
    score = array(path_score(u, transitions, end, path, mask))
    np.testing.assert_allclose(score[0], (best + end).max(), rtol=1e-5)


def test_schemes():
    assert scheme_of(["O", "B-x", "S-x"]) == "BIOES" and scheme_of(["NN", "VB"]) is None
    assert scheme_of(["O", "I-x"]) is None and scheme_of(BIO, None) is None
    with pytest.raises(ValueError, match="NN are none of the scheme BIO"):
        scheme_of(["B-x", "NN"], "BIO")
    with pytest.raises(ValueError, match="must be one of"):
        scheme_of(BIO, "IOB")
    assert spans_of(["B", "M", "E", "S"], "BIOES") == [(0, 3, "span"), (3, 4, "span")]
    assert spans_of(["I-a", "I-b", "O", "I-b"], "BIO") == [(0, 1, "a"), (1, 2, "b"), (3, 4, "b")]
    assert broken_rule(["B-a", "I-b"], "BIO") == 1 and broken_rule(["B", "M"], "BIOES") == 2


def test_spans_are_those_of_seqeval():
    entities = pytest.importorskip("seqeval.metrics.sequence_labeling").get_entities
    generator = np.random.default_rng(0)
    for _ in range(50):
        tags = [BIO[i] for i in generator.integers(len(BIO), size=7)]
        expected = [(start, end + 1, kind) for kind, start, end in entities(tags)]
        assert spans_of(tags, "BIO") == expected


def fused(seed=0, rows=ROWS):
    """What a fusion block hands to a head that reads tokens, at random."""
    generator = np.random.default_rng(seed)
    lengths = {"image": 2, "text": LENGTH}
    tokens = {
        name: generator.normal(size=(rows, length, DIM)).astype("float32")
        for name, length in lengths.items()
    }
    mask = {"image": np.ones((rows, 2), bool), "text": MASK[:rows]}
    return generator.normal(size=(rows, DIM)).astype("float32"), tokens, mask


def made(**options):
    """A head with random weights."""
    head = mmzoo.heads.Tags(**{"tags": BIO, "text": "text", **options})
    head(*fused())
    generator = np.random.default_rng(1)
    for weight in head.trainable_variables:
        weight.assign(generator.normal(size=weight.shape).astype("float32"))
    return head


def labels(seed=0):
    y = np.random.default_rng(seed).integers(0, len(BIO), (ROWS, LENGTH))
    return np.where(MASK, y, -1).astype("int16")


def potentials(head, vector, tokens):
    u = tokens["text"] @ array(head.dense.kernel) + array(head.dense.bias)
    u = np.float64(u + (vector @ array(head.vector_map.kernel))[:, None])
    return u - np.logaddexp.reduce(u, axis=-1, keepdims=True)


@pytest.mark.parametrize("crf", [True, False])
def test_loss_and_prediction_against_brute_force(crf):
    head = made(crf=crf)
    vector, tokens, mask = fused()
    prediction = head(vector, tokens, mask)
    assert keras.backend.standardize_dtype(prediction.dtype) == "float32"
    y = labels()
    losses = array(mmzoo.heads.TagsLoss(reduction="none")(y, prediction))
    prediction = array(prediction)
    u = potentials(head, vector, tokens)
    free = np.zeros((6, 5)), np.zeros(5)
    transitions, end = (array(head.transitions), array(head.end)) if crf else free
    for row, words in enumerate(WORDS[:3]):
        paths, scores = brute_force(u[row, :words], transitions, end)
        scores = scores - np.logaddexp.reduce(scores)
        gold = scores[(paths == y[row, :words]).all(axis=1)].item()
        np.testing.assert_allclose(losses[row], -gold * ROWS / WORDS.sum(), rtol=1e-4)
        good = [broken_rule([BIO[i] for i in path], "BIO") is None for path in paths]
        best = paths[good][scores[good].argmax()]
        np.testing.assert_array_equal(prediction[row, :words].argmax(axis=-1), best)
        score = np.exp(scores[good].max() / words)
        np.testing.assert_allclose(prediction[row, :words].max(axis=-1), score, rtol=1e-4)
    assert losses[3] == 0 and not prediction[~MASK].any()


def test_the_loss_is_a_mean_over_words_and_heeds_neither_padding_nor_rows_without_a_label():
    head, loss, y = made(), mmzoo.heads.TagsLoss(), labels()
    vector, tokens, mask = fused()
    expected = float(loss(y, head(vector, tokens, mask)))
    longer = {n: np.pad(x, [(0, 0), (0, 3), (0, 0)], constant_values=7) for n, x in tokens.items()}
    longer_mask = {name: np.pad(valid, [(0, 0), (0, 3)]) for name, valid in mask.items()}
    padded = head(vector, longer, longer_mask)
    np.testing.assert_allclose(float(loss(y, padded)), expected, rtol=1e-5)
    wider = np.pad(y, [(0, 0), (0, 9)], constant_values=-1)
    np.testing.assert_allclose(float(loss(wider, padded)), expected, rtol=1e-5)
    sums = mmzoo.heads.TagsLoss(reduction="none")
    of_rows = array(sums(y, head(vector, tokens, mask))) * WORDS.sum() / ROWS
    np.testing.assert_allclose(of_rows.sum() / WORDS.sum(), expected, rtol=1e-5)
    without = y.copy()
    without[0] = -1
    found = float(loss(without, head(vector, tokens, mask)))
    np.testing.assert_allclose(found, of_rows[1:].sum() / WORDS[1:].sum(), rtol=1e-5)
    weight = np.array([0, 1, 1, 1], "float32")
    weighted = float(loss(without, head(vector, tokens, mask), sample_weight=weight))
    np.testing.assert_allclose(weighted, found, rtol=1e-5)


def test_the_loss_counts_the_words_of_all_replicas(monkeypatch):
    head, loss, y = made(), mmzoo.heads.TagsLoss(), labels()
    expected = float(loss(y, head(*fused())))
    monkeypatch.setattr(tags_loss, "mean_over_replicas", lambda words: 4 * words)
    np.testing.assert_allclose(float(loss(y, head(*fused()))), expected / 4, rtol=1e-5)


def test_a_text_that_is_wrong_and_sure_has_a_gradient():
    head = made()
    head.dense.kernel.assign(0 * head.dense.kernel)
    head.vector_map.kernel.assign(0 * head.vector_map.kernel)
    for weight in (head.transitions, head.end):
        weight.assign(0 * weight)
    head.dense.bias.assign([40.0, 0, 0, 0, 0])
    y = np.where(MASK, 4, -1)
    loss = mmzoo.heads.TagsLoss()
    np.testing.assert_allclose(float(loss(y, head(*fused()))), 40.0, rtol=1e-5)
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss(y, head(*fused()))
    gradient = tape.gradient(value, head.dense.bias.value).numpy()
    np.testing.assert_allclose(gradient, [1, 0, 0, 0, -1], atol=1e-4)


def test_texts_do_not_see_their_neighbours_and_other_inputs_only_come_by_the_vector():
    head = made()
    vector, tokens, mask = fused()
    expected = array(head(vector, tokens, mask))
    alone = array(head(vector[1:2], {n: x[1:2] for n, x in tokens.items()},
                       {n: x[1:2] for n, x in mask.items()}))  # fmt: skip
    np.testing.assert_allclose(alone, expected[1:2], rtol=1e-4, atol=1e-6)
    image = {**tokens, "image": -tokens["image"]}
    np.testing.assert_array_equal(array(head(vector, image, mask)), expected)
    assert not np.allclose(array(head(-vector, tokens, mask)), expected)
    several = np.stack([vector - 1, vector + 1], axis=1)
    np.testing.assert_allclose(array(head(several, tokens, mask)), expected, rtol=1e-4, atol=1e-6)


def test_pieces_of_words_are_passed_over():
    head, whole = made(pieces=True), made()
    vector, tokens, mask = fused()
    where = np.array([1, 2, 4, 7, 8])  # the tokens that begin a word
    longer = np.random.default_rng(5).normal(size=(ROWS, 10, DIM)).astype("float32")
    longer[:, where] = tokens["text"]
    starts = np.zeros((ROWS, 10), bool)
    starts[:, where] = MASK
    found = array(head(vector, {**tokens, "text": longer}, {**mask, "text": starts}))
    np.testing.assert_allclose(found[:, :LENGTH], array(whole(vector, tokens, mask)), rtol=1e-5)
    assert not found[:, LENGTH:].any()


def test_answers_that_tie_break_no_rule():
    head = mmzoo.heads.Tags(tags=BMES, text="text", crf=False)
    head(*fused())
    for weight in head.trainable_variables:
        weight.assign(0 * weight)
    path = array(head(*fused())).argmax(axis=-1)
    for row, words in enumerate(WORDS):
        assert broken_rule([BMES[i] for i in path[row, :words]], "BIOES") is None


def test_the_head_round_trips():
    head = made(crf=False, scheme=None)
    again = type(head).from_config(json.loads(json.dumps(head.get_config())))
    again(*fused())
    again.set_weights(head.get_weights())
    np.testing.assert_array_equal(array(again(*fused())), array(head(*fused())))
    assert again.get_config() == head.get_config()


def test_the_metric_is_a_mean_over_words():
    y = np.array([[0, 1, 2], [2, -1, -1], [1, 1, -1]])
    prediction = np.zeros((3, 2, 3), "float32")  # the third word of the first row was not read
    prediction[0, [0, 1], [0, 1]] = prediction[1, 0, 0] = prediction[2, 0, 1] = 0.5
    metric = mmzoo.heads.TagAccuracy()
    metric.update_state(y, prediction)
    np.testing.assert_allclose(float(metric.result()), 3 / 6)
    metric.reset_state()
    metric.update_state(y, prediction, sample_weight=np.array([0, 1, 1.0]))
    np.testing.assert_allclose(float(metric.result()), 1 / 3)
    metric.update_state(y[:, :2], np.pad(prediction, [(0, 0), (0, 4), (0, 0)]))


def inputs(**options):
    words = {"class_name": "bag", "config": {"embedding_dim": 8, "pooling": None}}
    options = {"length": 6, "vocabulary_size": 10, "encoder": words, "words": "spaces", **options}
    encoder = {"class_name": "cnn", "config": {"filters": [4]}}
    image = mmzoo.Image(size=(8, 8), encoder=encoder, optional=True)
    return {"text": mmzoo.Text(**options), "image": image}


def test_what_can_not_be():
    with pytest.raises(ValueError, match="does not know its tags"):
        mmzoo.build_model(inputs=inputs(), head="tags", dim=8)
    head = mmzoo.heads.Tags(tags=BIO)
    with pytest.raises(ValueError, match="there is none; the inputs are text, image"):
        mmzoo.build_model(inputs=inputs(words=None), head=head, dim=8)
    with pytest.raises(ValueError, match="received text='image'"):
        head = mmzoo.heads.Tags(tags=BIO, text="image")
        mmzoo.build_model(inputs=inputs(), head=head, dim=8)
    with pytest.raises(ValueError, match=r"its encoder gives 1.*pooling=None"):
        mmzoo.build_model(inputs=inputs(encoder="bag"), head=mmzoo.heads.Tags(tags=BIO), dim=8)
    with pytest.raises(ValueError, match="unique"):
        mmzoo.heads.Tags(tags=["O", "O"])
    with pytest.raises(ValueError, match="C-x are none of the scheme BIO"):
        mmzoo.heads.Tags(tags=["B-x", "C-x"], scheme="BIO")


@pytest.mark.slow  # quick siblings: the properties of heads
@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float32"])
def test_a_model_learns_and_is_compiled(dtype):
    """By XLA, whole, in one step with the metric; in every policy."""
    keras.utils.set_random_seed(0)
    model = mmzoo.build_model(
        inputs=inputs(length=None, word_bytes=4), head=mmzoo.heads.Tags(tags=BIO), fusion="gated",
        dim=8, dtype=dtype, compile=False,
    )  # fmt: skip
    model.compile_for_heads(keras.optimizers.Adam(0.05), jit_compile=True)
    generator = np.random.default_rng(0)
    ids = np.where(MASK, generator.integers(2, 10, (ROWS, LENGTH)), 0).astype("int32")
    x = {
        "text": ids,
        "text_bytes": np.repeat(ids[:, :, None], 4, axis=2),
        "image": np.zeros((ROWS, 8, 8, 3), "float32"),
        "image_present": np.array([True, False, True, True]),
    }
    before, after = (
        model.fit(x, labels(), batch_size=ROWS, epochs=epochs, verbose=0).history
        for epochs in (1, 30)
    )
    assert after["loss"][-1] < before["loss"][0] / 2
    assert after["tag_accuracy"][-1] > before["tag_accuracy"][0]
