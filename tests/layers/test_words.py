"""The head that writes: its decoders, its loss and its ways to generate. On TensorFlow and JAX."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.decoders import Sampling, generate
from mmzoo.tokenizers.vocabulary import END, PADDING, SPECIAL, START, UNKNOWN

ROWS, DIM, LENGTH = 3, 8, 3
WORDS = ["a", "b", "c", "d", "e"]
UNITS = SPECIAL + len(WORDS)


def fused(rows=ROWS, seed=0):
    """What a fusion block hands to a head that reads tokens, at random."""
    generator = np.random.default_rng(seed)
    lengths = {"image": 5, "text": 3}
    tokens = {
        name: generator.normal(size=(rows, length, DIM)).astype("float32")
        for name, length in lengths.items()
    }
    mask = {name: np.ones((rows, length), bool) for name, length in lengths.items()}
    mask["text"][0, 1:] = False
    return generator.normal(size=(rows, DIM)).astype("float32"), tokens, mask


def head_of(decoder="transformer", length=LENGTH, **options):
    config = {"dropout": 0.0} | ({"num_heads": 2} if decoder == "transformer" else {})
    head = mmzoo.heads.Words(
        WORDS, length=length, decoder={"class_name": decoder, "config": config}, **options
    )
    head(*fused(), np.full((ROWS, length + 1), START))
    # Far from even, so that sequences differ.
    generator = np.random.default_rng(1)
    head.set_weights([w + generator.normal(size=w.shape) * 0.7 for w in head.get_weights()])
    return head


def array(x):
    return ops.convert_to_numpy(x)


def log_probabilities(head, sequences, inputs, row):
    """Of each sequence the log-probabilities of its tokens, all from one teacher-forced call."""
    previous = np.full((len(sequences), head.length + 1), PADDING)
    previous[:, 0] = START
    for number, sequence in enumerate(sequences):
        previous[number, 1 : len(sequence)] = sequence[:-1]
    repeated = keras.tree.map_structure(
        lambda x: np.repeat(x[row : row + 1], len(sequences), axis=0), inputs
    )
    shares = array(head(*repeated, previous))
    return [
        np.log([shares[number, at, token] for at, token in enumerate(sequence)])
        for number, sequence in enumerate(sequences)
    ]


def all_sequences(length=LENGTH):
    """Every answer there is: up to `length` words and the end."""
    for count in range(length + 1):
        for words in itertools.product(range(SPECIAL, UNITS), repeat=count):
            yield [*words, END]


@pytest.mark.parametrize("decoder", mmzoo.decoders.names())
def test_step_by_step_as_all_at_once(decoder):
    head = head_of(decoder, length=5)
    inputs = fused()
    previous = np.random.default_rng(2).integers(SPECIAL, UNITS, size=(ROWS, 6))
    previous[:, 0] = START
    at_once = array(head(*inputs, previous))
    memory, memory_mask = head._memory(*inputs)
    read, state = head.decoder.start(memory, memory_mask, 6)
    for position in range(6):
        embedded = head._embedded(previous[:, position]) + memory[:, 0]
        hidden, state = head.decoder.step(embedded, position, read, state)
        shares = array(ops.softmax(head._logits(hidden)))
        np.testing.assert_allclose(shares, at_once[:, position], atol=1e-5)


@pytest.mark.parametrize("sampling", [{}, {"sampler": "beam", "beams": 3}])
def test_long_texts_are_scored_as_all_at_once(sampling):
    """With the last position filled."""
    length = 35
    head, inputs = head_of(length=length), fused()
    found = head.generate(*inputs, min_length=length, **sampling)
    ids, scores = array(found.ids), array(found.scores)
    for row in range(ROWS):
        sequences = [[*text[:-1], END] for text in ids[row].tolist()]
        assert len({tuple(sequence) for sequence in sequences}) == len(sequences)
        logs = log_probabilities(head, sequences, inputs, row)
        np.testing.assert_allclose(scores[row], [x.mean() for x in logs], rtol=1e-4)


@pytest.mark.parametrize("decoder", mmzoo.decoders.names())
def test_no_word_is_told_from_a_later_one(decoder):
    head, inputs = head_of(decoder, length=5), fused()
    previous = np.random.default_rng(2).integers(SPECIAL, UNITS, size=(ROWS, 6))
    changed = previous.copy()
    changed[:, 3:] = END
    one, other = (array(head(*inputs, x)) for x in (previous, changed))
    np.testing.assert_allclose(one[:, :3], other[:, :3], atol=1e-6)
    assert np.abs(one[:, 3:] - other[:, 3:]).max() > 1e-3


@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("decoder", mmzoo.decoders.names())
def test_enough_beams_find_the_best_of_all_sequences(decoder, penalty):
    head, inputs = head_of(decoder), fused()
    found = head.generate(*inputs, sampler="beam", beams=150, length_penalty=penalty)
    ids, scores = array(found.ids), array(found.scores)
    for row in range(ROWS):
        sequences = list(all_sequences())
        logs = log_probabilities(head, sequences, inputs, row)
        expected = sorted(
            ((x.sum() / len(x) ** penalty, y) for x, y in zip(logs, sequences, strict=True)),
            reverse=True,
        )
        for place in range(5):
            score, sequence = expected[place]
            np.testing.assert_allclose(scores[row, place], score, rtol=1e-4)
            padded = sequence[:-1] + [PADDING] * (LENGTH + 2 - len(sequence))
            assert ids[row, place].tolist() == padded


@pytest.mark.parametrize("beams", [2, 4])
def test_fewer_beams_by_hand(beams):
    """The same search in Python: `beams` at a time, what has ended stays as it is."""
    head, inputs = head_of(length=4), fused()
    found = head.generate(*inputs, sampler="beam", beams=beams)
    for row in range(ROWS):
        kept = [([], 0.0)]
        for position in range(5):
            ended = [pair for pair in kept if pair[0][-1:] == [END]]
            tokens = range(END, UNITS if position < 4 else END + 1)
            longer = [
                ([*words, token], total)
                for words, total in kept
                for token in tokens
                if words[-1:] != [END]
            ]
            logs = log_probabilities(head, [words for words, _ in longer], inputs, row)
            grown = [
                (words, total + of[-1]) for (words, total), of in zip(longer, logs, strict=True)
            ]
            grown += ended
            if not longer:
                break
            kept = sorted(grown, key=lambda pair: -pair[1] / len(pair[0]))[:beams]
        expected = [total / len(words) for words, total in kept]
        np.testing.assert_allclose(array(found.scores)[row], expected, rtol=1e-4)
        best = kept[0][0][:-1]
        assert array(found.ids)[row, 0].tolist() == best + [PADDING] * (5 - len(best))


@pytest.mark.parametrize("decoder", mmzoo.decoders.names())
def test_one_beam_is_greedy(decoder):
    head, inputs = head_of(decoder, length=6), fused()
    greedy, beam = head.generate(*inputs), head.generate(*inputs, sampler="beam", beams=1)
    assert array(greedy.ids).tolist() == array(beam.ids).tolist()
    np.testing.assert_allclose(array(greedy.scores), array(beam.scores), rtol=1e-5)


@pytest.mark.end_to_end
def test_lengths_repeats_and_prefixes():
    head, inputs = head_of(length=8), fused()

    def counts(**sampling):
        return (array(head.generate(*inputs, **sampling).ids) != PADDING).sum(axis=-1)

    assert (counts(min_length=5) >= 5).all() and (counts(max_length=2) <= 2).all()
    for sampler in ("greedy", "beam", "sample"):
        settings = {"sampler": sampler, "min_length": 8, "no_repeat_ngram": 2, "beams": 2}
        for ids in array(head.generate(*inputs, **settings).ids).reshape(-1, 9):
            pairs = list(itertools.pairwise(ids[ids != PADDING].tolist()))
            assert len(set(pairs)) == len(pairs) and len(pairs) > 3
        prefix = np.array([[8, 4], [5, PADDING], [PADDING, PADDING]])
        ids = array(head.generate(*inputs, prefix=prefix, sampler=sampler).ids)
        assert (ids[0, :, :2] == [8, 4]).all() and (ids[1, :, 0] == 5).all()
    free = head.generate(*inputs)
    assert (
        array(head.generate(*inputs, prefix=prefix).ids)[2].tolist() == array(free.ids)[2].tolist()
    )


def test_draws_follow_the_probabilities():
    rows = 4000
    logits = np.log([0.0001, 0.0001, 0.0001, 0.1, 0.5, 0.25, 0.15]).astype("float32")

    def shares(**settings):
        found = generate(
            lambda ids, position, state: (ops.convert_to_tensor(np.tile(logits, (rows, 1))), state),
            [], rows, 1, Sampling(sampler="sample", **settings),
        )  # fmt: skip
        counts = np.bincount(array(found.ids)[:, 0, 0], minlength=7)
        return counts / rows

    np.testing.assert_allclose(shares()[[0, 4, 5, 6]], [0.1, 0.5, 0.25, 0.15], atol=0.03)
    assert (shares() == shares()).all() and (shares() != shares(seed=1)).any()
    colder = np.array([0.1, 0.5, 0.25, 0.15]) ** 2
    np.testing.assert_allclose(
        shares(temperature=0.5)[[0, 4, 5, 6]], colder / colder.sum(), atol=0.03
    )
    np.testing.assert_allclose(shares(top_k=2)[[4, 5]], [2 / 3, 1 / 3], atol=0.03)
    np.testing.assert_allclose(shares(top_p=0.6)[[4, 5]], [2 / 3, 1 / 3], atol=0.03)
    assert shares(top_p=0.4)[4] == 1


def test_a_rows_answer_is_its_own():
    head, inputs = head_of(length=6), fused()
    for sampler in ("greedy", "beam", "sample"):
        together = array(head.generate(*inputs, sampler=sampler).ids)
        other = fused(seed=5)
        other[0][0], other[1]["image"][0], other[1]["text"][0] = (
            inputs[0][0], inputs[1]["image"][0], inputs[1]["text"][0],
        )  # fmt: skip
        other[1]["text"][0, 1:] = 99.0  # padding
        assert array(head.generate(*other, sampler=sampler).ids)[0].tolist() == together[0].tolist()


def test_the_loss_by_hand():
    head, inputs = head_of(), fused()
    y = np.array([[4, 5, END, 0], [6, END, 0, 0], [0, 0, 0, 0]])
    previous = np.concatenate([np.full((ROWS, 1), START), y[:, :-1]], axis=1)
    prediction = head(*inputs, previous)
    logs = np.log(array(prediction))
    each = [-logs[r, t, y[r, t]] for r in range(2) for t in range(4) if y[r, t]]
    loss = mmzoo.heads.TokenCrossentropy()
    np.testing.assert_allclose(float(loss(y, prediction)), np.mean(each), rtol=1e-5)
    of_rows = array(mmzoo.heads.TokenCrossentropy(reduction="none")(y, prediction))
    np.testing.assert_allclose(of_rows, [np.mean(each[:3]), np.mean(each[3:]), 0], rtol=1e-5)
    weighted = float(loss(y, prediction, np.array([2.0, 0.0, 1.0])))
    np.testing.assert_allclose(weighted, 2 * np.sum(each[:3]) / 5, rtol=1e-5)
    smooth = float(mmzoo.heads.TokenCrossentropy(0.2)(y, prediction))
    even = [-logs[r, t, END:].mean() for r in range(2) for t in range(4) if y[r, t]]
    np.testing.assert_allclose(smooth, 0.8 * np.mean(each) + 0.2 * np.mean(even), rtol=1e-5)
    # A word that was not learned is the unknown one, as from probabilities without their logits.
    other = np.where(y == 6, 999, y)
    expected = np.where(y == 6, UNKNOWN, y)
    plain = np.asarray(array(prediction))
    np.testing.assert_allclose(float(loss(other, plain)), float(loss(expected, plain)), rtol=1e-5)
    accuracy = mmzoo.heads.TokenAccuracy()
    accuracy.update_state(y, prediction)
    right = [logs[r, t].argmax() == y[r, t] for r in range(2) for t in range(4) if y[r, t]]
    np.testing.assert_allclose(float(accuracy.result()), np.mean(right))


def model_of(decoder="transformer", dtype=None, **options):
    inputs = {
        "image": mmzoo.Image((8, 8), encoder={"class_name": "cnn", "config": {"filters": [4]}}),
        "text": mmzoo.Text(length=3, vocabulary_size=9, encoder="bag", optional=True),
    }
    config = {"num_heads": 2} if decoder == "transformer" else {}
    head = mmzoo.heads.Words(
        WORDS, length=LENGTH, decoder={"class_name": decoder, "config": config}, **options
    )
    return mmzoo.build_model(inputs=inputs, head=head, dim=8, dtype=dtype)


def batch(rows=6):
    generator = np.random.default_rng(0)
    y = generator.integers(SPECIAL, UNITS, size=(rows, LENGTH + 1))
    y[:, -1] = END
    x = {
        "image": generator.uniform(0, 255, size=(rows, 8, 8, 3)).astype("float32"),
        "text": generator.integers(1, 9, size=(rows, 3)).astype("int32"),
        "text_present": np.arange(rows) % 2 == 0,
        "head_previous": np.concatenate([np.full((rows, 1), START), y[:, :-1]], 1).astype("int32"),
    }
    return x, y.astype("int32")


@pytest.mark.parametrize(
    ("decoder", "dtype"), [("transformer", "float32"), ("gru", "mixed_bfloat16")]
)
@pytest.mark.end_to_end
def test_a_model_learns_is_saved_and_writes_the_same(decoder, dtype, tmp_path):
    x, y = batch()
    model = model_of(decoder, dtype)
    assert model.output_shape == (None, LENGTH + 1, UNITS) and model.output.dtype == "float32"
    model.compile_for_heads(keras.optimizers.Adam(0.02))
    first = model.evaluate(x, y, verbose=0)[0]
    model.fit(x, y, epochs=25, batch_size=6, verbose=0)
    assert model.evaluate(x, y, verbose=0)[0] < first / 2
    gone = [w.path for w in model.trainable_weights if not np.isfinite(array(w)).all()]
    assert not gone
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    written = [mmzoo.heads.answering_model(each).predict(x, verbose=0) for each in (model, loaded)]
    assert written[0].ids.tolist() == written[1].ids.tolist()
    np.testing.assert_allclose(written[0].scores, written[1].scores, rtol=1e-4)


@pytest.mark.end_to_end
def test_compiled_by_xla():
    x, y = batch()
    model = model_of()
    model.compile_for_heads("adam", jit_compile=True)
    model.fit(x, y, batch_size=6, verbose=0)
    network = mmzoo.heads.answering_model(model, sampler="beam", beams=2)
    plain = network.predict(x, verbose=0)
    network.compile(jit_compile=True)
    assert network.predict(x, verbose=0).ids.tolist() == plain.ids.tolist()


def test_config_and_shapes():
    head = head_of("gru", unit="character", sampling={"sampler": "beam"}, label_smoothing=0.1)
    again = mmzoo.heads.Words.from_config(head.get_config())
    assert again.get_config() == head.get_config()
    again.build((None, DIM), {"image": (None, 5, DIM)}, {"image": (None, 5)}, (None, 4))
    assert len(again.weights) == len(head.weights) - 2  # the map of a second input
    for wrong, message in [
        ({"vocabulary_size": 7}, "9 ids"),
        ({"unit": "letter"}, "letter"),
        ({"length": 0}, "length"),
        ({"decoder": "transformr"}, "Did you mean 'transformer'"),
        ({"sampling": {"sampler": "best"}}, "best"),
        ({"sampling": {"top_p": 0}}, "top_p"),
        ({"sampling": {"beams": 0}}, "beams"),
    ]:
        with pytest.raises(ValueError, match=message):
            mmzoo.heads.Words(WORDS, **wrong)
    with pytest.raises(ValueError, match="num_heads"):
        mmzoo.heads.Words(WORDS, decoder={"class_name": "transformer", "config": {"num_heads": 3}})(
            *fused(), np.full((ROWS, 33), START)
        )


def test_a_decoder_without_blocks_is_refused():
    with pytest.raises(ValueError, match="depth"):
        mmzoo.decoders.TransformerDecoder(depth=0)
