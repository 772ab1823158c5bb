"""Transcripts from raw labels to answers: sounds in, text out."""

import json
import warnings

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.commands.predict_file import predict_file
from tests.parts import text
from tests.pipeline.raw import picture, wav

RATE, SECONDS = 4000, 0.4
TONES = {"a": 300, "b": 700, "c": 1500}
#: A frame each 20 ms.
FRAMES = {"hidden_units": [32], "pooling": None, "mel_bins": 16, "stride_seconds": 0.02}


def spoken(word, seconds=0.08):
    """A WAV file: a tone for each letter, then a little silence."""
    time = np.arange(round(seconds * RATE)) / RATE
    loud = 8000 * (time < 0.75 * seconds)
    parts = [loud * np.sin(2 * np.pi * TONES[letter] * time) for letter in word]
    return wav(np.concatenate(parts).astype("int16"), RATE)


def audio(encoder=None, **options):
    encoder = encoder or {"class_name": "dnn", "config": FRAMES}
    return mmzoo.Audio(**{"sample_rate": RATE, "seconds": SECONDS, "encoder": encoder, **options})


def words(count=48, seed=0):
    generator = np.random.default_rng(seed)
    return ["".join(generator.choice([*"abc"], generator.integers(1, 5))) for _ in range(count)]


def prepared(labels, head=None, inputs=None, **columns):
    columns = columns or {"audio": [spoken(word) for word in labels]}
    records = mmzoo.data.from_arrays(columns, labels)
    inputs = inputs or {"audio": audio()}
    preprocessor = mmzoo.Preprocessor(inputs, head=head or mmzoo.heads.Transcript())
    preprocessor.adapt(records)
    return records, preprocessor


def built(preprocessor, alphabet=None, dim=8, **options):
    alphabet = alphabet or preprocessor.targets["head"].alphabet
    head = mmzoo.heads.Transcript(alphabet, hidden_units=32, **options)
    return mmzoo.build_model(inputs=preprocessor.inputs, head=head, fusion="sum", dim=dim)


@pytest.fixture(scope="module")
def learned():
    """Tones and their letters, learned: records, preprocessor and model."""
    import keras

    keras.utils.set_random_seed(0)
    labels = words(192)
    records, preprocessor = prepared(labels)
    model = built(preprocessor, dim=32)
    model.compile_for_heads(keras.optimizers.Adam(1e-2))
    history = model.fit(
        records.to_dataset(preprocessor, 32, training=True), epochs=12, verbose=0
    ).history
    return preprocessor, model, history


@pytest.mark.end_to_end
def test_tones_are_learned_and_read(learned, tmp_path):
    preprocessor, model, history = learned
    assert history["exact_match"][-1] > 0.9 and not any(history["rows_left_out"])
    unheard = words(32, seed=1)
    rows = mmzoo.data.from_arrays({"audio": [spoken(word) for word in unheard]}, unheard)
    report = mmzoo.evaluate(model, rows.to_dataset(preprocessor), verbose=False)
    assert report.task == "transcript" and report.cer < 0.1 and report.exact_match > 0.8
    answers = mmzoo.predict(model, preprocessor, {"audio": [spoken(word) for word in unheard]})
    right = [answer == word for answer, word in zip(answers, unheard, strict=True)]
    assert np.mean(right) == report.exact_match
    assert len(report.worst) == min(10, 32 - sum(right))
    assert json.loads(json.dumps(report.to_dict()))["figures"]["wer"] == report.wer
    assert "character error rate" in str(report)

    mmzoo.save(model, preprocessor, tmp_path / "model")
    loaded, again = mmzoo.load(tmp_path / "model")
    assert mmzoo.predict(loaded, again, rows) == answers
    loaded.get_layer("head").beams = 3
    searched = mmzoo.predict(loaded, again, rows.take(range(4)))
    folder = mmzoo.export_savedmodel(loaded, again, tmp_path / "serving")
    sounds = tf.constant([*(spoken(word) for word in unheard[:4]), b"broken"])
    outputs = tf.saved_model.load(folder).signatures["serving_default"](audio=sounds)
    assert [text.decode() for text in outputs["text"].numpy()[:4]] == searched
    assert outputs["ok"].numpy().tolist() == [True] * 4 + [False]
    scores = outputs["scores"].numpy()[:4]
    np.testing.assert_array_equal(outputs["score"].numpy()[:4], scores[:, 0])
    assert (scores[:, 0] > -0.5).all() and (scores < 1e-5).all() and (np.diff(scores) <= 0).all()
    np.testing.assert_array_equal(outputs["texts"].numpy()[:, 0], outputs["text"].numpy())
    card = (tmp_path / "serving" / "model_card.md").read_text()
    assert "Alphabet, a character each: `a`, `b`, `c`." in card and "`texts`" in card


@pytest.mark.end_to_end
def test_a_file_of_transcripts(learned, tmp_path):
    preprocessor, model, _ = learned
    rows = mmzoo.data.from_arrays({"audio": [*map(spoken, words(3)), b"broken"]})
    predict_file(model, preprocessor, rows, tmp_path / "out.csv")
    header, *lines = (tmp_path / "out.csv").read_text().splitlines()
    assert header == "row,predicted,error" and lines[3].startswith("row 3,,")
    answers = mmzoo.predict(model, preprocessor, rows.take(range(3)))
    assert [line.split(",")[1] for line in lines[:3]] == answers


@pytest.mark.end_to_end
def test_rows_that_do_not_fit_are_counted_and_named():
    labels = ["ab", "abcabcabcabcabcabcabcabc", "cccccccccccc", "a"]
    sounds = [spoken("ab"), spoken("abca"), spoken("abca"), spoken("a", seconds=0.02)]
    records, preprocessor = prepared(labels, audio=sounds)
    model = built(preprocessor)
    data = records.to_dataset(preprocessor, batch_size=4)
    with pytest.warns(UserWarning, match=r"2 of 4 texts need more frames than the 20 .*row 1 \(24"):
        history = model.fit(data, verbose=0).history
    assert history["rows_left_out"] == [2] and history["loss"][0] < 100
    report = mmzoo.evaluate(model, data, verbose=False)
    assert report.rows_left_out == 2 and report.rows_without_frames == 0
    assert report.left_out == [
        {"row": 1, "frames": 16, "frames_needed": 24},
        {"row": 2, "frames": 16, "frames_needed": 23},
    ]


def test_characters_that_the_alphabet_lacks_are_named_and_count_as_errors():
    _, preprocessor = prepared(["ab", "ba"])
    other = mmzoo.data.from_arrays({"audio": [spoken("ab")] * 3}, ["ab", "axyx", "bz"])
    with pytest.warns(
        UserWarning, match=r"2 of 3 texts .*'x' \(2\), 'y' \(1\), 'z' \(1\).*row 1, row 2"
    ):
        data = other.to_dataset(preprocessor, batch_size=3)
    model = built(preprocessor)
    report = mmzoo.evaluate(model, data, verbose=False)
    assert [row["row"] for row in report.left_out] == [1, 2] and report.exact_match < 0.5
    target = preprocessor.targets["head"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert target.text(target.encode(["axy"])[0]) == "a" + 2 * "\N{REPLACEMENT CHARACTER}"


def test_texts_in_every_form():
    target = mmzoo.targets.TranscribedText(lowercase=True)
    labels = ["  Zwei \n E\N{COMBINING ACUTE ACCENT}", 12, b"x y", 7.0, np.str_("A")]
    records = mmzoo.data.from_arrays({"audio": [b"1"] * 5}, labels)
    texts = records.label_columns["head"].checked(target, records.describe)
    assert texts == ["zwei \N{LATIN SMALL LETTER E WITH ACUTE}", "12", "x y", "7", "a"]
    of_words = mmzoo.targets.TranscribedText("zero one two", unit="word", beams=2)
    y = of_words.encode(["two  zero", "one"])
    assert y.tolist() == [[3, 1], [2, 0]] and of_words.text(y[0]) == "two zero"
    frames = np.eye(4, dtype="float32")[[[3, 3, 0, 1], [2, 2, 2, 2]]]
    assert of_words.answers(frames) == ["two zero", "one"]
    for beams in (1, 2):  # in a graph, of any number of rows
        of_words.beams = beams
        outputs = tf.function(of_words.outputs, autograph=False, input_signature=[
            tf.TensorSpec((None, 4, 4))])  # fmt: skip
        assert outputs(frames)["text"].numpy().tolist() == [b"two zero", b"one"]
        assert outputs(frames[:0])["text"].shape == (0,)


def test_a_row_may_have_several_right_texts():
    """The first is learned; what counts is the nearest to the answer."""
    pytest.importorskip("jiwer")
    labels = [["ab", "ba", "c"], "b", ["a"], None]
    target = mmzoo.targets.TranscribedText()
    target.adapt(target.check(labels))
    assert target.alphabet == ["a", "b", "c"] and target.frames_needed == [2, 1, 1, 0]
    y = target.encode(labels)
    rest = [[text] + [0] * 6 for text in (2, 1, 0)]
    assert y.tolist() == [[1, 2, -2, 2, 1, -2, 3], *rest]
    assert target.encode([["ab"], "b"]).tolist() == [[1, 2], [2, 0]]
    with pytest.warns(UserWarning, match=r"1 of 3 texts .* 'x' \(1\).*errors: row 0\."):
        assert target.encode([["ab", "ax"], "b"])[0].tolist() == [1, 2, -2, 1, -1]

    prediction = np.eye(4, dtype="float32")[[[2, 0, 1], [2, 0, 1], [1, 0, 0]]]  # ba, ba, a
    figures = target.figures(target.check_y(y[:3]), prediction)
    assert figures["exact_match"] == pytest.approx(2 / 3) and figures["left_out"] == []
    assert figures["cer"] == pytest.approx(1 / 4) and figures["wer"] == pytest.approx(1 / 3)
    assert figures["worst"] == [{"row": 1, "truth": "b", "answer": "ba", "errors": 1}]
    first = np.array([[1, 2], [2, 0], [1, 0]])
    assert target.figures(first, prediction)["cer"] == pytest.approx(3 / 4)
    for part in (
        mmzoo.heads.TranscriptLoss(),
        lambda *both: mmzoo.heads.TranscriptMatch()(*both),
        lambda *both: mmzoo.heads.RowsLeftOut()(*both),
    ):
        assert float(part(y[:3], prediction)) == float(part(first, prediction))
    # Keras traces for any length once it saw two.
    loss = tf.function(mmzoo.heads.TranscriptLoss(), input_signature=[
        tf.TensorSpec((3, None), "int32"), tf.TensorSpec((3, 3, 4))])  # fmt: skip
    expected = mmzoo.heads.TranscriptLoss()(first, prediction)
    assert float(loss(y[:3], prediction)) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.end_to_end
def test_a_model_of_several_right_texts():
    labels = [["ab", "ba"], ["b"], ["c", "a", "b"], ["a"]]
    sounds = [spoken("ab")] * 4
    records, preprocessor = prepared(labels, audio=sounds)
    model = built(preprocessor)
    alone = mmzoo.data.from_arrays({"audio": sounds}, [of_row[0] for of_row in labels])
    losses = [model.evaluate(rows.to_dataset(preprocessor), verbose=0) for rows in (records, alone)]
    assert losses[0] == pytest.approx(losses[1])
    model.fit(records.to_dataset(preprocessor, 2, training=True), verbose=0)
    answers = mmzoo.predict(model, preprocessor, {"audio": sounds})
    several = [[f"a{answer}", answer or "a"] for answer in answers]
    judged = mmzoo.data.from_arrays({"audio": sounds}, [*several[:3], ["abcabc"]])
    report = mmzoo.evaluate(model, judged.to_dataset(preprocessor), verbose=False)
    assert report.rows == 4 and report.exact_match == np.mean([bool(x) for x in answers[:3]] + [0])


def test_where_there_is_no_frame():
    labels = ["ab", "ba", "c"]
    _, preprocessor = prepared(labels, inputs={"audio": audio(optional=True)})
    model = built(preprocessor)
    silence = wav(np.zeros(800, "int16"), RATE)
    asked = {"audio": [spoken("ab"), None, silence]}
    answers = mmzoo.predict(model, preprocessor, asked)
    assert answers[1] is None and isinstance(answers[0], str) and isinstance(answers[2], str)
    rows = mmzoo.data.from_arrays(asked, labels)
    report = mmzoo.evaluate(model, rows.to_dataset(preprocessor), verbose=False)
    assert report.rows_without_frames == 1
    assert report.left_out == [{"row": 1, "frames": 0, "frames_needed": 2}]
    prediction = model(preprocessor({"audio": [asked["audio"][0], b"", silence]}))
    outputs = preprocessor.targets["head"].outputs(prediction)
    assert outputs["frames"].numpy().tolist() == [8, 0, 10]
    assert outputs["text"].numpy()[1] == b"" and np.isnan(outputs["score"].numpy()[1])
    assert np.isfinite(outputs["score"].numpy()[[0, 2]]).all()
    assert [each.decode() or None for each in outputs["text"].numpy()] == [
        a or None for a in answers
    ]


@pytest.mark.end_to_end
def test_a_transcript_beside_another_answer_with_a_text_as_context():
    heads = {
        "said": mmzoo.heads.Transcript("abc", lowercase=True),
        "kind": mmzoo.heads.Softmax(class_names=["x", "y"]),
    }
    labels = {"said": ["ab", None, "C", "a"], "kind": ["x", "y", "x", "y"]}
    columns = {"audio": [spoken("ab")] * 4, "text": ["a circle"] * 4}
    words = {"class_name": "bag", "config": {"embedding_dim": 8, "pooling": None}}
    inputs = {"audio": audio(), "text": text(words)}
    records, preprocessor = prepared(labels, heads, inputs, **columns)
    model = mmzoo.build_model(inputs=inputs, head=heads, fusion="cross_attention", dim=8)
    x, y, weights = next(iter(records.to_dataset(preprocessor, batch_size=4)))
    assert weights["said"].numpy().tolist() == [1, 0, 1, 1]
    assert np.isfinite(model.train_on_batch(x, y, weights)).all()
    reports = mmzoo.evaluate(model, records.to_dataset(preprocessor), verbose=False)
    assert reports["said"].rows == 3 and reports["said"].cer >= 0
    answers = mmzoo.predict(model, preprocessor, columns)
    assert len(answers["said"]) == 4 and answers["kind"].shape == (4, 2)


@pytest.mark.end_to_end
def test_columns_of_a_picture_and_frames_of_a_video():
    encoder = {"class_name": "cnn", "config": {"filters": [4, 8], "pool_size": None}}
    image = mmzoo.Image(size=(16, 32), encoder=encoder)
    video = mmzoo.Video(8, size=(8, 8), encoder={"class_name": "frames", "config": {
        "frame_encoder": encoder, "dim": 8, "num_heads": 2}})  # fmt: skip
    for inputs, columns in (
        ({"image": image}, {"image": [picture("red"), picture("blue")]}),
        (
            {"image": image, "video": video},
            {"image": [picture("red")] * 2, "video": [[picture("red")] * 5] * 2},
        ),
    ):
        records, preprocessor = prepared(["ab", "b"], inputs=inputs, **columns)
        model = built(preprocessor)
        frames = "video" if "video" in inputs else "image"
        assert model.get_layer("head").frames == frames
        x, y = next(iter(records.to_dataset(preprocessor)))
        prediction = model(x).numpy()
        assert np.isfinite(mmzoo.heads.TranscriptLoss()(y, model(x)))
        count = (prediction > 0).any(axis=-1).sum(axis=1)
        assert (count == (5 if "video" in inputs else prediction.shape[1])).all()
        assert prediction.shape[1] == (8 if "video" in inputs else model.get_layer("head").grid[1])


def test_what_can_not_be():
    inputs = {"audio": audio()}
    never = mmzoo.Preprocessor(inputs, head="transcript")
    records = mmzoo.data.from_arrays({"audio": [spoken("a")] * 2}, ["a", "b"])
    with pytest.raises(ValueError, match=r"alphabet of the texts was never learned.*adapt"):
        records.to_dataset(never)
    with pytest.raises(ValueError, match="row 1: the label is an empty text"):
        never.adapt(mmzoo.data.from_arrays({"audio": [spoken("a")] * 2}, ["a", "  "]))
    with pytest.raises(ValueError, match="row 1: the label is missing"):
        mmzoo.data.from_arrays({"audio": [spoken("a")] * 2}, ["a", ""])
    with pytest.raises(ValueError, match="has no alphabet"):
        mmzoo.build_model(inputs=inputs, head="transcript", dim=8)
    for head, others in (
        (mmzoo.heads.Transcript(frames="voice"), inputs),
        (mmzoo.heads.Transcript(), {"text": text()}),
    ):
        with pytest.raises(ValueError, match=r"Transcript reads frames.*the inputs are"):
            mmzoo.Preprocessor(others, head=head)
    flipped = {"image": mmzoo.Image(size=(8, 8), augmentation=["flip", "color"])}
    with pytest.raises(ValueError, match="flip of 'image' moves what is to be read"):
        mmzoo.Preprocessor(flipped, head="transcript")
    pooled = {"class_name": "gru", "config": {"units": 4, "pooling": "last"}}
    with pytest.raises(ValueError, match="gives one token a row"):
        mmzoo.build_model(
            inputs={"audio": audio(pooled)}, head=mmzoo.heads.Transcript("ab"), fusion="sum", dim=8
        )
    model = built(never, alphabet="ab")
    asked = {"audio": [spoken("a")]}
    with pytest.raises(ValueError, match="never learned"):
        mmzoo.predict(model, never, asked)
    _, preprocessor = prepared(["abc", "ba"])
    with pytest.raises(ValueError, match="alphabets differ in 'c'"):
        mmzoo.predict(model, preprocessor, asked)
    classes = mmzoo.Preprocessor(inputs)
    classes.adapt(records)
    with pytest.raises(ValueError, match=r"read as class.*same head"):
        mmzoo.predict(model, classes, asked)
