"""Answers in words, from raw rows to a served SavedModel."""

import json
import os
import pathlib
import subprocess
import sys
import unicodedata

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.export.exported_model import ExportedModel
from mmzoo.heads import heads_of
from mmzoo.targets.text_figures import text_figures

COLORS, SHAPES = ("red", "blue", "green"), ("circle", "square")
ROWS = [(color, shape, number) for color in COLORS for shape in SHAPES for number in range(3)]
COLUMNS = {
    "text": [f"{color} {shape}" for color, shape, _ in ROWS],
    "numbers": [[float(number)] for *_, number in ROWS],
}
TEXTS = [f"It's a {color} {shape}, number {number}." for color, shape, number in ROWS]
INPUTS = {
    "text": mmzoo.Text(
        length=4,
        vocabulary_size=12,
        encoder={"class_name": "bag", "config": {"pooling": None, "embedding_dim": 16}},
    ),
    "numbers": mmzoo.Features(1, optional=True),
}
HEAD = {"length": 8, "decoder": {"class_name": "transformer", "config": {"depth": 1}}}


def prepared(labels, head, columns=COLUMNS):
    records = mmzoo.data.from_arrays(columns, labels)
    preprocessor = mmzoo.Preprocessor(INPUTS, head=head)
    preprocessor.adapt(records)
    return records, preprocessor


@pytest.fixture(scope="module")
def trained():
    """A model that has learned all rows by heart, of one text and a class beside."""
    keras.utils.set_random_seed(0)
    labels = {"caption": [*TEXTS[:-1], None], "kind": [shape for _, shape, _ in ROWS]}
    kind = mmzoo.heads.Softmax(class_names=SHAPES)
    records, preprocessor = prepared(labels, {"caption": mmzoo.heads.Words(**HEAD), "kind": kind})
    words = preprocessor.targets["caption"].vocabulary
    model = mmzoo.build_model(
        inputs=INPUTS,
        head={"caption": mmzoo.heads.Words(words, **HEAD), "kind": kind},
        dim=32,
        optimizer=keras.optimizers.Adam(5e-3),
    )
    dataset = records.to_dataset(preprocessor, batch_size=len(ROWS))
    model.fit(dataset.repeat(130), epochs=1, steps_per_epoch=130, verbose=0)
    return model, preprocessor, records


@pytest.mark.end_to_end
def test_what_was_learned_is_said(trained):
    model, preprocessor, _ = trained
    answers = mmzoo.predict(model, preprocessor, COLUMNS)
    assert answers["caption"][:-1] == TEXTS[:-1]
    assert answers["kind"].shape == (len(ROWS), 2)
    report = mmzoo.evaluate(model, trained[2].to_dataset(preprocessor), verbose=False)
    assert report["caption"].rows == len(ROWS) - 1  # one row lacks its text
    assert report["caption"].exact_match == 1 and report["caption"].cer == 0
    assert 1 <= report["caption"].perplexity < 1.3
    assert report["caption"].worst == report["caption"].confusions == []


@pytest.mark.end_to_end
def test_ways_to_write(trained):
    model, preprocessor, _ = trained
    rows = {name: values[:4] for name, values in COLUMNS.items()}
    beams = mmzoo.generate(model, preprocessor, rows, "beam", beams=3, all_texts=True)["caption"]
    assert [texts[0][0] for texts in beams] == TEXTS[:4]
    assert all(len(texts) == 3 and texts[0][1] >= texts[1][1] >= texts[2][1] for texts in beams)
    hot = {"temperature": 3.0, "seed": 1}
    one, again, other = (
        mmzoo.generate(model, preprocessor, rows, "sample", **{**hot, **more})["caption"]
        for more in ({}, {}, {"seed": 2})
    )
    assert one == again != other
    prefixes = ["It's a blue square,", "", "It's", "It's a green"]
    answers = mmzoo.generate(model, preprocessor, rows, prefix=prefixes, batch_size=3)["caption"]
    assert all(answer.startswith(given) for answer, given in zip(answers, prefixes, strict=True))
    assert answers[1] == TEXTS[1]
    short = mmzoo.generate(model, preprocessor, rows, length=3)["caption"]
    assert short == ["It's a red"] * 4
    with pytest.raises(ValueError, match="yellow"):
        mmzoo.generate(model, preprocessor, rows, prefix="yellow")
    with pytest.raises(ValueError, match="2 prefixes for 4 rows"):
        mmzoo.generate(model, preprocessor, rows, prefix=["It's", "a"])


@pytest.mark.end_to_end
def test_what_writes_is_compiled_once_for_a_model(trained):
    model, preprocessor, _ = trained
    network = mmzoo.heads.answering_model(model)
    assert mmzoo.heads.answering_model(model) is network
    mmzoo.predict(model, preprocessor, COLUMNS)
    compiled = network.predict_function
    mmzoo.predict(model, preprocessor, COLUMNS)
    assert mmzoo.heads.answering_model(model) is network
    assert network.predict_function is compiled is not None
    other = mmzoo.heads.answering_model(model, sampler="beam", beams=2)
    assert other is not network and other.sampling == {"sampler": "beam", "beams": 2}
    head = model.get_layer("caption_head")
    before = mmzoo.heads.answering_model(model)
    head.sampling["max_length"] = 3
    try:
        assert mmzoo.predict(model, preprocessor, COLUMNS)["caption"][0] == "It's a red"
    finally:
        del head.sampling["max_length"]
    assert before is not other


def test_each_way_to_write_is_compiled_once(monkeypatch):
    _, preprocessor = prepared(TEXTS, mmzoo.heads.Words(**HEAD))
    model = mmzoo.build_model(inputs=INPUTS, head=preprocessor.head, dim=8)
    monkeypatch.setattr(sys.modules["mmzoo.heads.answering_model"], "MOST_KEPT", 2)
    ways = [{"sampler": "greedy"}, {"sampler": "beam", "beams": 3}]
    networks = [mmzoo.heads.answering_model(model, **way) for way in ways]
    assert [mmzoo.heads.answering_model(model, **way) for way in ways] == networks
    mmzoo.heads.answering_model(model, sampler="beam", beams=9)  # one more than are kept
    assert mmzoo.heads.answering_model(model, **ways[1]) is networks[1]
    assert mmzoo.heads.answering_model(model, **ways[0]) is not networks[0]

    used = []

    def spied(model, **sampling):
        used.append(mmzoo.heads.answering_model(model, **sampling))
        return used[-1]

    monkeypatch.setattr(sys.modules["mmzoo.prediction.generate"], "answering_model", spied)
    rows = {name: values[:2] for name, values in COLUMNS.items()}
    drawn = [
        mmzoo.generate(model, preprocessor, rows, "sample", seed=seed, temperature=2.0)
        for seed in (1, 2, 1, 3)
    ]
    assert drawn[0] == drawn[2] != drawn[1] and drawn[3] not in drawn[:3]
    assert {*map(id, used)} == {id(used[0])}
    assert used[0].predict_function.experimental_get_tracing_count() == 1


def test_what_writes_is_made_anew_for_other_variables():
    model = mmzoo.build_model(inputs=INPUTS, head=mmzoo.heads.Words(["a"], **HEAD), dim=8)
    before = mmzoo.heads.answering_model(model)
    mmzoo.enable_lora(model, rank=1, branches="text")
    after = mmzoo.heads.answering_model(model)
    assert after is not before and mmzoo.heads.answering_model(model) is after


@pytest.mark.end_to_end
def test_saved_and_loaded(trained, tmp_path):
    model, preprocessor, _ = trained
    mmzoo.save(model, preprocessor, tmp_path / "model")
    assert mmzoo.predict(*mmzoo.load(tmp_path / "model"), COLUMNS)["caption"][:-1] == TEXTS[:-1]


CLIENT = """
import json, sys
for name in ("mmzoo", "keras"):
    sys.modules[name] = None  # importing it would fail
import tensorflow as tf
served = tf.saved_model.load(sys.argv[1])
rows = json.loads(sys.argv[2])
rows = {"text": tf.constant(rows["text"]), "numbers": tf.constant(rows["numbers"], tf.float32)}
answers = served.signatures["serving_default"](**rows)
drawn = served.signatures["generate"](
    **rows, seed=tf.constant(3), temperature=tf.constant(2.0), max_length=tf.constant(4)
)
print(json.dumps({
    "texts": [text.decode() for text in answers["caption_text"].numpy()],
    "scores": answers["caption_score"].numpy().tolist(),
    "ok": answers["ok"].numpy().tolist(),
    "drawn": [text.decode() for text in drawn["caption_text"].numpy()],
    "labels": [labels[0].decode() for labels in answers["kind_labels"].numpy()],
}))
"""


@pytest.mark.end_to_end
def test_a_process_with_tensorflow_alone_writes(trained, tmp_path):
    model, preprocessor, _ = trained
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "serving")
    texts = [*COLUMNS["text"][:3], "", COLUMNS["text"][4]]  # one row is broken
    rows = {"text": texts, "numbers": COLUMNS["numbers"][:5]}
    result = subprocess.run(
        [sys.executable, "-I", "-c", CLIENT, folder, json.dumps(rows)],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": ""},
    )  # fmt: skip
    answers = json.loads(result.stdout)
    good = [0, 1, 2, 4]
    assert [answers["texts"][row] for row in good] == [TEXTS[row] for row in good]
    assert answers["ok"] == [True, True, True, False, True]
    assert answers["labels"][0] == "circle"
    expected = mmzoo.generate(
        model, preprocessor, {name: [values[row] for row in good] for name, values in rows.items()},
        all_texts=True,
    )["caption"]  # fmt: skip
    np.testing.assert_allclose(
        [answers["scores"][row] for row in good], [texts[0][1] for texts in expected], atol=1e-4
    )
    assert all(len(text.split()) <= 4 for text in answers["drawn"])
    card = pathlib.Path(folder, "model_card.md").read_text()
    assert (
        "`caption_text`" in card and f"of {len(preprocessor.targets['caption'].vocabulary)}" in card
    )


@pytest.mark.end_to_end
def test_narrow_weights_and_other_formats(trained, tmp_path):
    model, preprocessor, _ = trained
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "int8", weights="int8")
    served = tf.saved_model.load(folder).signatures["serving_default"]
    rows = preprocessor.raw_batch(mmzoo.data.from_arrays(COLUMNS))
    answers = [text.decode() for text in served(**rows)["caption_text"].numpy()]
    assert sum(map(str.__eq__, answers, TEXTS)) > len(TEXTS) / 2
    options = {"format": "litert", "weights": "int8"}
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "litert", **options)
    x, _ = preprocessor.checked_call({name: tf.constant(COLUMNS[name]) for name in COLUMNS})
    written = ExportedModel(folder, heads_of(model)).predict_on_batch(
        {name: tensor.numpy() for name, tensor in x.items()}
    )
    answers = preprocessor.targets["caption"].answers(written["caption"])
    assert sum(map(str.__eq__, answers, TEXTS)) > len(TEXTS) / 2


@pytest.mark.end_to_end
def test_texts_that_are_cut_and_words_that_are_not_known():
    head = mmzoo.heads.Words(length=4, vocabulary_size=7)  # three words
    _, preprocessor = prepared(["a b", "a c c", "c b a"] * 6, head)
    target = preprocessor.targets["head"]
    assert target.vocabulary == ["a", "b", "c"]
    with pytest.warns(UserWarning, match="1 of 2 texts .* row 1, has 5 words"):
        y = target.encode(["b d", "a a a a a"])
    assert y[1].tolist() == [4, 4, 4, 4, 0] and y[0, 1] >= 7
    given = target.inputs(tf.constant(y))["previous"].numpy()
    assert given.tolist() == [[2, 5, 1, 3, 0], [2, 4, 4, 4, 4]]
    # A report still knows the word, so an answer can't be right by chance.
    model = mmzoo.build_model(
        inputs=INPUTS, head=mmzoo.heads.Words(["a", "b", "c"], length=4), dim=8
    )
    labels = ["a zebra", "a b"] * (len(ROWS) // 2)
    dataset = mmzoo.data.from_arrays(COLUMNS, labels).to_dataset(preprocessor)
    report = mmzoo.evaluate(model, dataset, verbose=False)
    assert "a zebra" in {row["truth"] for row in report.worst}
    assert report.exact_match <= 0.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't do -- it's 3.5!", ["Don't", "do", "-", "##-", "it's", "3", "##.", "##5", "##!"]),
        ("红色的圆 and 2 кота", ["红", "##色", "##的", "##圆", "and", "2", "кота"]),
        ("(##) #a", ["(", "###", "###", "##)", "#", "##a"]),
        ("👩‍🚀 e\u0301te\u0301", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("unit", ["word", "character", "wordpiece"])
def test_texts_come_back_as_they_were(text, words, unit):
    vocabulary = mmzoo.tokenizers.Vocabulary(unit)
    vocabulary.adapt([text], most=100)
    if unit == "word" and words:
        assert vocabulary.split(text) == words
    ids = vocabulary.ids(text)
    normal = unicodedata.normalize("NFC", text)
    assert vocabulary.text(ids) == normal
    in_graph = vocabulary.texts_in_graph(tf.constant([[*ids, 0, 0]])).numpy()
    assert in_graph[0].decode() == normal


def test_pieces_make_words_that_were_never_met():
    vocabulary = mmzoo.tokenizers.Vocabulary("wordpiece")
    vocabulary.adapt(["playing, walking", "played walked", "play walk!", "talk"], most=30)
    pieces = [vocabulary.words[index - 4] for index in vocabulary.ids("talked")]
    assert pieces == ["talk", "##ed"] and "talked" not in vocabulary.words
    assert vocabulary.text(vocabulary.ids("talked, talking!")) == "talked, talking!"
    assert vocabulary.ids("talkb", unknown=lambda word: 99 if word == "talkb" else 0) == [99]
    fewer = mmzoo.tokenizers.Vocabulary("wordpiece")
    fewer.adapt(["aaaa bbb c"], most=3)
    assert fewer.words == ["##a", "##b", "a"]  # the most frequent characters


@pytest.mark.end_to_end
def test_a_row_may_have_several_right_texts(trained):
    model, preprocessor, _ = trained
    kinds = [shape for _, shape, _ in ROWS]
    several = [["Something else.", text] if row % 2 else [text] for row, text in enumerate(TEXTS)]
    several[-1] = None
    report = mmzoo.evaluate(model, _captioned(several, kinds, preprocessor), verbose=False)
    alone = mmzoo.evaluate(
        model, _captioned([*TEXTS[:-1], None], kinds, preprocessor), verbose=False
    )
    for name in ("exact_match", "token_f1", "chrf", "bleu", "cer", "wer"):
        assert getattr(report["caption"], name) == getattr(alone["caption"], name), name
    # The model learns the first.
    turned = [label and label[::-1] for label in several]
    losses = [
        model.evaluate(_captioned(labels, kinds, preprocessor), return_dict=True, verbose=0)
        for labels in (turned, [*TEXTS[:-1], None])
    ]
    assert losses[0]["caption_loss"] == pytest.approx(losses[1]["caption_loss"], rel=1e-5)


def _captioned(captions, kinds, preprocessor):
    records = mmzoo.data.from_arrays(COLUMNS, {"caption": captions, "kind": kinds})
    return records.to_dataset(preprocessor, batch_size=len(ROWS))


def test_many_texts_in_lists_are_no_classes():
    lists = [[f"text {2 * row}", f"text {2 * row + 1}"] for row in range(600)]
    records = mmzoo.data.from_arrays({"text": ["a"] * 600}, lists)
    assert records.class_names is None and list(records.labels) == lists


def test_figures_of_several_references_by_hand():
    figures = text_figures([["a b", "c d e"], ["f"]], ["c d x", "f"], str.split)
    assert figures["exact_match"] == 0.5
    assert figures["token_f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert figures["wer"] == pytest.approx(1 / 4)
    assert figures["confusions"] == [{"truth": "c d e", "answer": "c d x", "rows": 1}]


def test_figures_by_hand():
    head = mmzoo.heads.Words(["a", "b", "##."], length=3)
    target = head.target()
    y = target.encode(["a b", "b", "a."])
    ids = np.array([[[4, 5, 0, 0]], [[4, 0, 0, 0]], [[4, 6, 0, 0]]])
    figures = target.figures(y, ids)
    assert figures["exact_match"] == pytest.approx(2 / 3)
    assert figures["token_f1"] == pytest.approx(2 / 3)
    assert figures["wer"] == pytest.approx(1 / 4) and figures["cer"] == pytest.approx(1 / 6)
    assert figures["lengths"] == {"1": 1, "2": 2}
    assert figures["confusions"] == [{"truth": "b", "answer": "a", "rows": 1}]
    assert [row["row"] for row in figures["worst"]] == [1]
    assert "perplexity" not in figures
    prediction = np.full((3, 4, 7), 1 / 7)
    judged = target.judged(y, prediction, mmzoo.decoders.Generated(ids, None))
    assert target.figures(y, judged)["perplexity"] == pytest.approx(7)


def test_bad_labels():
    head = mmzoo.heads.Words(length=3)
    with pytest.raises(ValueError, match=r"row 1: .*only white space"):
        prepared(["a"] + ["  "] * 17, head)
    with pytest.raises(ValueError, match="row 0: a text is wanted; received a list"):
        mmzoo.targets.TextTarget().check([["a", ["b"]]])
    with pytest.raises(ValueError, match="row 0: a text is wanted; received a dict"):
        mmzoo.targets.TextTarget().check([{"text": "a"}])
    with pytest.raises(ValueError, match="no text in any row"):
        mmzoo.targets.TextTarget().check([None, None])
    with pytest.raises(ValueError, match=r"row 0.*not UTF-8"):
        mmzoo.targets.TextTarget().check([b"\xff\xfe"])
    assert mmzoo.targets.TextTarget().check([b"caf\xc3\xa9", 7, None]) == ["café", "7", None]


@pytest.mark.end_to_end
def test_what_does_not_fit():
    preprocessor = mmzoo.Preprocessor(INPUTS, head=mmzoo.heads.Words(length=3))
    records = mmzoo.data.from_arrays(COLUMNS, TEXTS)
    with pytest.raises(ValueError, match="words of the answers are not known"):
        mmzoo.Preprocessor({"numbers": INPUTS["numbers"]}, head=mmzoo.heads.Words(length=3)).encode(
            records
        )
    with pytest.warns(UserWarning, match="longer than length=3"):
        preprocessor.adapt(records)
        preprocessor.encode(records)
    words = preprocessor.targets["head"].vocabulary

    def model(**options):
        return mmzoo.build_model(inputs=INPUTS, head=mmzoo.heads.Words(**options), dim=8)

    for options, message in [
        (
            {"vocabulary": words, "length": 4},
            "head has length=4, the preprocessor length=3|head_previous",
        ),
        ({"vocabulary": words[1:], "length": 3}, "head knows"),
        ({"vocabulary_size": 6, "length": 3}, "vocabulary_size=6"),
        ({"vocabulary": words, "length": 3, "lowercase": True}, "lowercase=True"),
    ]:
        with pytest.raises(ValueError, match=message):
            mmzoo.predict(model(**options), preprocessor, COLUMNS)
    classes = mmzoo.Preprocessor(INPUTS)
    classes.adapt(records)
    with pytest.raises(ValueError, match=r"head answers with a text.*head=head"):
        mmzoo.predict(model(vocabulary=words, length=3), classes, COLUMNS)
    plain = mmzoo.build_model(inputs=INPUTS, head=mmzoo.heads.Softmax(class_names=TEXTS), dim=8)
    with pytest.raises(ValueError, match="no head that writes"):
        mmzoo.generate(plain, classes, COLUMNS)


REPLICAS = """
import sys
import keras, numpy as np, tensorflow as tf
cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)
import mmzoo
from tests.pipeline.test_words import COLUMNS, HEAD, INPUTS, TEXTS, prepared

texts = [text if row % 2 else text.split(",")[0] for row, text in enumerate(TEXTS)]
results = []
for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    keras.utils.set_random_seed(0)
    decoder = {"class_name": "transformer", "config": {"depth": 1, "dropout": 0.0}}
    head = {**HEAD, "decoder": decoder}
    records, preprocessor = prepared(texts, mmzoo.heads.Words(**head))
    with strategy.scope():
        words = preprocessor.targets["head"].vocabulary
        model = mmzoo.build_model(
            inputs=INPUTS, head=mmzoo.heads.Words(words, **head), dim=16,
            optimizer=keras.optimizers.SGD(0.1),
        )
        dataset = records.to_dataset(preprocessor, batch_size=len(texts))
        history = model.fit(dataset, epochs=3, verbose=0)
    results.append(([np.asarray(w) for w in model.weights], history.history["loss"]))
(one, losses), (two, other_losses) = results
for a, b in zip(one, two):
    np.testing.assert_allclose(a, b, atol=1e-5)
np.testing.assert_allclose(losses, other_losses, rtol=1e-4)
"""


@pytest.mark.slow
def test_two_replicas_train_as_one():
    """Rows of unequal lengths: the mean is over the tokens of the whole batch."""
    root = pathlib.Path(__file__).parent.parent.parent
    subprocess.run([sys.executable, "-c", REPLICAS], check=True, cwd=root)
