"""Tags of words, from raw texts, files and spans to what an exported model answers."""

import gzip
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.preprocessing.words import split_words
from mmzoo.raw.words import RULES, word_offsets
from mmzoo.tokenizers import WordPiece
from tests.parts import slow_among

BAG = {"class_name": "bag", "config": {"embedding_dim": 16, "pooling": None}}
#: Any kind of character, so that a string of them has every kind of word.
CHARACTERS = [*"ab .,\t\n東京😀'é\u0301-\u3000\u00a0\x1c\x85\U00030001"]
TEXTS = ["Ann is in New York", "is Bob in Rome ?", "hello", "Bob and Ann"]
TAGS = [
    ["B-per", "O", "O", "B-place", "I-place"],
    ["O", "B-per", "O", "B-place", "O"],
    ["O"],
    ["B-per", "O", "B-per"],
]


def inputs(**options):
    options = {"length": 8, "vocabulary_size": 50, "encoder": BAG, "words": "spaces", **options}
    return {"text": mmzoo.Text(**options)}


def records(texts=TEXTS, tags=TAGS, **columns):
    return mmzoo.data.from_arrays({"text": texts, **columns}, labels=tags)


def prepared(rows, head="tags", **options):
    preprocessor = mmzoo.Preprocessor(inputs(**options), head=head)
    preprocessor.adapt(rows)
    return preprocessor


def head_of(preprocessor, **options):
    return mmzoo.heads.Tags(tags=preprocessor.targets["head"].tags, **options)


def learned(target, labels, texts):
    """The tags that a target makes of labels."""
    return target.check_beside(labels, texts, "row {}".format)


@pytest.mark.parametrize("rule", RULES)
def test_words_in_graphs_are_those_of_python(rule):
    generator = np.random.default_rng(0)
    texts = ["".join(generator.choice(CHARACTERS, generator.integers(0, 12))) for _ in range(200)]
    found = [ragged.to_list() for ragged in split_words(tf.constant(texts), rule)]
    for text, words, starts, ends in zip(texts, *found, strict=True):
        offsets = word_offsets(text, rule)
        assert [*zip(starts, ends, strict=True)] == offsets
        assert [word.decode() for word in words] == [text[a:b] for a, b in offsets]


def test_a_token_a_word_and_its_bytes():
    text = inputs(words="spaces", word_bytes=3, vocabulary=["a", "new", ".", "don't"])["text"]
    part = text.preprocessing("text")
    tensors = part.tensors(tf.constant(["A New . don't", "ünx", " ", "b\0a"]))
    assert tensors["ids"].numpy()[:, :5].tolist() == [
        [2, 3, 4, 5, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]
    ]  # fmt: skip
    assert tensors["bytes"].shape == (4, 8, 3)
    assert tensors["bytes"][0, 1].numpy().tolist() == [*b"New"]
    assert tensors["bytes"][1, 0].numpy().tolist() == [*"ü".encode(), ord("n")]
    listed = part.column([["A", "New"], "A New"], None)[0]
    assert listed.numpy().tolist() == [b"A New"] * 2
    variable = inputs(length=None, word_bytes=3, vocabulary=["a"])["text"].preprocessing("text")
    assert variable.tensors(tf.constant(["a b", ""]))["bytes"].shape == (2, 2, 3)
    assert variable.tensors(tf.constant([""]))["bytes"].shape == (1, 1, 3)


def test_a_word_in_pieces():
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "new", "##er", "york", "!"]
    tokenizer = WordPiece(vocabulary, lowercase=True, strip_accents=True)
    text = mmzoo.Text(length=9, tokenizer=tokenizer, words="spaces", encoder=BAG)
    part = text.preprocessing("text")
    tensors = part.tensors(tf.constant(["Newer York! x", "", "\u0301 new"]))
    assert tensors["ids"].numpy()[0].tolist() == [2, 4, 5, 6, 7, 1, 3, 0, 0]
    assert tensors["starts"].numpy()[0].tolist() == [0, 1, 0, 1, 0, 1, 0, 0, 0]
    assert not tensors["starts"].numpy()[1].any()
    assert tensors["ids"].numpy()[2, :4].tolist() == [2, 1, 4, 3]  # an accent alone is a word, too
    cut = mmzoo.Text(length=4, tokenizer=tokenizer, words="spaces", encoder=BAG)
    tensors = cut.preprocessing("text").tensors(tf.constant(["newer york"]))
    assert tensors["ids"].numpy().tolist() == [[2, 4, 5, 3]]
    assert tensors["starts"].numpy().tolist() == [[0, 1, 0, 0]]


@pytest.mark.end_to_end
def test_a_model_that_reads_pieces(tmp_path):
    """A tag a word, however many tokens it has; the same after it was saved."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "new", "##er", "york", "!"]
    tokenizer = WordPiece(vocabulary, lowercase=True, strip_accents=True)
    made = {"text": mmzoo.Text(length=9, tokenizer=tokenizer, words="spaces", encoder=BAG)}
    head = mmzoo.heads.Tags(tags=["B-x", "I-x", "O"])
    preprocessor = mmzoo.Preprocessor(made, head=head)
    model = mmzoo.build_model(inputs=made, head=head, dim=8)
    asked = {"text": ["Newer York! x", "new", ["York", "newer"], "newer " * 9]}
    answers = mmzoo.predict(model, preprocessor, asked)
    # Of nine tokens two are the first and the last, and a word has two.
    assert [len(tags) for tags in answers] == [3, 1, 2, 4]
    mmzoo.save(model, preprocessor, tmp_path / "model")
    assert mmzoo.predict(*mmzoo.load(tmp_path / "model"), asked) == answers


def test_labels_in_every_form():
    target = mmzoo.targets.TagsOfWords("text", "punctuation", scheme="BIO")
    text = "Ann, in New York!"
    expected = ["B-per", "O", "O", "B-place", "I-place", "O"]
    spans = [[8, 16, "place"], [0, 3, "per"]]
    dicts = [{"start": 0, "end": 3, "label": "per"}, {"start": 8, "end": 16, "type": "place"}]
    labels = [expected, tuple(expected), " ".join(expected), np.array(expected), spans, dicts]
    assert learned(target, labels, [text] * 6) == [expected] * 6
    words = ["Ann", ",", "in", "New", "York", "!"]
    assert learned(target, [expected, None], [words, text]) == [expected, None]
    assert learned(target, [[]], [None]) == [None]
    bioes = mmzoo.targets.TagsOfWords(
        "text", "punctuation", ["B-place", "I-place", "E-place", "S-per", "O"]
    )
    assert learned(bioes, [spans], [text])[0] == ["S-per", "O", "O", "B-place", "E-place", "O"]
    characters = mmzoo.targets.TagsOfWords("text", "characters")
    assert learned(characters, ["B E S"], ["東京 都".encode()]) == [["B", "E", "S"]]


BAD = {
    "fewer": (["O"], "two words", "row 1: 1 tags for the 2 words of 'text', 'two words'"),
    "no words": (["O"], " ", "row 1: the text 'text' has no words, but 1 tags"),
    "begins inside": (["O", "I-per"], "a b", "row 1: word 1: 'I-per' can't stand behind 'O'"),
    "other type": (["B-per", "I-place"], "a b", "row 1: word 1: 'I-place' can't stand"),
    "unknown": (["O", "B-thing"], "a b", "row 1: the tag 'B-thing' is not one of the tags"),
    "no tag": (["O", None], "a b", "row 1: word 1: None is no tag"),
    "a number": (7, "a b", "row 1: the label 7 is no list of tags"),
    "outside": ([[0, 9, "per"]], "a b", r"row 1: the span \[0, 9\] of 'per' does not lie in"),
    "empty span": ([[1, 1, "per"]], "a b", r"row 1: the span \[1, 1\]"),
    "between": ([[1, 2, "per"]], "a b", r"row 1: there is no word in the span \[1, 2\]"),
    "twice": ([[0, 1, "per"], [0, 3, "per"]], "a b", "row 1: the word 'a' is in two spans"),
    "no span": ([[0, "x", "per"]], "a b", "row 1: .* is no span"),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_labels_are_named(bad):
    label, text, message = BAD[bad]
    target = mmzoo.targets.TagsOfWords(
        "text", "spaces", ["B-per", "B-place", "I-per", "I-place", "O"]
    )
    with pytest.raises(ValueError, match=message):
        learned(target, [["O"], label], ["word", text])


def test_other_things_that_can_not_be():
    with pytest.raises(ValueError, match="'New York', in the list of words of 'text', is not one"):
        prepared(records([["New York"], ["x"]], [["O"], ["B-x"]]))
    with pytest.raises(TypeError, match=r"A list of words needs Text\(words=...\)"):
        mmzoo.Preprocessor(inputs(words=None)).adapt(records([["New", "York"]], [["O", "O"]]))
    with pytest.raises(ValueError, match="All words have the tag 'O'"):
        prepared(records(["a b"], [["O", "O"]]))
    with pytest.raises(ValueError, match="words or into segments"):
        inputs(segments=2)
    with pytest.raises(ValueError, match="needs `words`"):
        inputs(words=None, word_bytes=3)
    with pytest.raises(ValueError, match="must be one of"):
        inputs(words="word")
    with pytest.raises(ValueError, match="does not say which words its tokens"):
        inputs(vocabulary_size=None, tokenizer=mmzoo.tokenizers.RawStrings())
    preprocessor = prepared(records())
    other = mmzoo.build_model(inputs=inputs(), head=mmzoo.heads.Tags(tags=["x", "y"]), dim=8)
    with pytest.raises(ValueError, match="tags of the head are"):
        mmzoo.predict(other, preprocessor, {"text": ["a"]})
    with pytest.raises(ValueError, match="never learned"):
        mmzoo.targets.TagsOfWords("text").encode([["O"]])


def test_texts_that_are_too_long_are_cut_and_counted():
    preprocessor = prepared(records(), length=3)
    with pytest.warns(UserWarning, match="2 of 4 texts 'text' have more words than length=3: 4 of"):
        data = records().to_dataset(preprocessor, batch_size=4)
    x, y = next(iter(data))
    assert x["text"].shape == y.shape == (4, 3)
    assert y.numpy()[2].tolist() == [preprocessor.targets["head"].tags.index("O"), -1, -1]
    model = mmzoo.build_model(inputs=preprocessor.inputs, head=head_of(preprocessor), dim=8)
    assert [len(row) for row in mmzoo.predict(model, preprocessor, {"text": TEXTS})] == [3, 3, 1, 3]


def test_figures_by_hand():
    pytest.importorskip("seqeval")
    target = mmzoo.targets.TagsOfWords("text", "spaces", ["B-a", "B-b", "I-a", "I-b", "O"])
    y = target.check_y(target.encode([["B-a", "I-a", "O"], ["B-b", "O"], ["O"]]))
    prediction = np.zeros((3, 2, 5), "float32")  # the last word of the first text was not read
    for row, tags in enumerate([[0, 2], [0, 4], [4]]):
        prediction[row, range(len(tags)), tags] = 0.5
    figures = target.figures(y, target.condensed(prediction))
    assert figures["token_accuracy"] == pytest.approx(4 / 6)
    assert figures["text_accuracy"] == pytest.approx(1 / 3)
    assert figures["words"] == 6 and figures["words_not_read"] == 1
    assert figures["confusions"] == [["O", None, 1], ["B-b", "B-a", 1]]
    assert figures["span_f1"] == pytest.approx(2 * 1 / (2 + 2))
    assert figures["per_class"]["a"]["precision"] == pytest.approx(0.5)
    assert figures["per_class"]["b"]["f1"] == 0 and figures["per_class"]["b"]["support"] == 1
    assert target.answers(prediction)[0] == ["B-a", "I-a"]
    assert target.answers(np.full((1, 2, 5), np.nan)) == [None]
    assert target.columns([["O", "B-a"], None]) == {"tags": ["O B-a", None]}


#: What a program without mmzoo does with an exported model.
CLIENT = """
import sys, json
import tensorflow as tf
texts = json.loads(sys.argv[2])
answer = tf.saved_model.load(sys.argv[1]).signatures["serving_default"](text=tf.constant(texts))
assert not any(name.startswith(("mmzoo", "keras.")) for name in sys.modules if "mmzoo" in name)
decode = lambda x: x.decode() if isinstance(x, bytes) else x
result = {name: tensor.numpy().tolist() for name, tensor in answer.items()}
print(json.dumps(result, default=decode))
"""


def served(folder, texts):
    """What the exported model answers where there is TensorFlow alone."""
    command = [sys.executable, "-c", CLIENT, str(folder), json.dumps(texts)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return json.loads(found.stdout.splitlines()[-1])


def spans_in(answer, row):
    of_row = (answer[name][row] for name in ("span_starts", "span_ends", "span_types"))
    return [span for span in zip(*of_row, strict=True) if span[0] >= 0]


@pytest.mark.parametrize(
    "form", slow_among(["strings", "lists", "softmax"], slow=["lists", "softmax"])
)
@pytest.mark.end_to_end
def test_the_whole_way(form, tmp_path):
    pytest.importorskip("seqeval")
    texts = [text.split() for text in TEXTS] if form == "lists" else TEXTS
    rows = records(texts)
    preprocessor = prepared(rows, word_bytes=6)
    head = head_of(preprocessor, crf=form != "softmax")
    model = mmzoo.build_model(inputs=preprocessor.inputs, head=head, dim=16, compile=False)
    model.compile_for_heads("adam")
    model.optimizer.learning_rate = 0.05
    data = rows.to_dataset(preprocessor, batch_size=4)
    model.fit(*next(iter(data)), epochs=40, verbose=0)
    report = mmzoo.evaluate(model, data, verbose=False)
    assert report.task == "tags" and report.rows == 4 and report.words == 14
    assert report.token_accuracy == 1 and report.span_f1 == 1 and report.text_accuracy == 1
    assert report.per_class["per"]["support"] == 4 and "place" in str(report)
    json.dumps(report.to_dict())

    asked = {"text": [*texts, "Bob", " \t"]}
    answers = mmzoo.predict(model, preprocessor, asked, batch_size=2)
    assert answers == [*TAGS, ["B-per"], []]
    mmzoo.save(model, preprocessor, tmp_path / "model")
    assert mmzoo.predict(*mmzoo.load(tmp_path / "model"), asked) == answers
    if form != "strings":
        return
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "serving")
    sent = ["  Ann is\u3000in New York", "hello", "😀 Ann", ""]
    answer = served(folder, sent)
    assert answer["ok"] == [True, True, True, False]
    words = [[word for word in row if word] for row in answer["tokens"]]
    assert words == [text.split() for text in sent]
    assert answer["tags"][0][:5] == TAGS[0] and answer["tags"][1][:2] == ["O", ""]
    assert spans_in(answer, 0) == [(2, 5, "per"), (12, 20, "place")]
    assert spans_in(answer, 2)[-1] == (2, 5, "per") and spans_in(answer, 3) == []
    assert sent[0][12:20] == "New York"
    assert all(0 < score <= 1 for score in answer["score"][:3]) and answer["score"][3] == 0
    card = (tmp_path / "serving" / "model_card.md").read_text()
    assert "code points" in card and "B-place" in card


def test_served_spans_are_those_of_python():
    from mmzoo.targets.tag_scheme import spans_of

    generator = np.random.default_rng(0)
    for tags in (["B-a", "I-a", "B-b", "I-b", "O"], ["B", "M", "E", "S"]):
        target = mmzoo.targets.TagsOfWords("text", "characters", tags)
        paths = generator.integers(0, len(tags), (20, 6))
        prediction = tf.constant(np.eye(len(tags), dtype="float32")[paths])
        answer = target.outputs(prediction, {"text": tf.constant(["abcdef"] * 19 + ["abc"])})
        answer = {
            name: [[x.decode() if isinstance(x, bytes) else x for x in row] for row in
                   tensor.numpy().tolist()]
            for name, tensor in answer.items() if name.startswith("span")
        }  # fmt: skip
        for row, path in enumerate(paths):
            path = path[: 3 if row == 19 else 6]
            assert spans_in(answer, row) == spans_of([tags[i] for i in path], target.spans)


@pytest.mark.slow  # the parts of it are tested by themselves
def test_context_and_another_answer():
    """A picture says which of two the same words are; a text may lack its tags, or be absent."""
    generator = np.random.default_rng(0)
    bright = generator.random(32) < 0.5
    pictures = [np.full((8, 8, 3), 255 * b, "uint8") for b in bright]
    tags = [["B-place" if b else "B-per", "O"] for b in bright]
    labels = {"tags": [None, *tags[1:]], "kind": ["yes" if b else "no" for b in bright]}
    image = mmzoo.Image(size=(8, 8), encoder={"class_name": "cnn", "config": {"filters": [4]}})
    heads = {"tags": mmzoo.heads.Tags(), "kind": mmzoo.heads.Softmax(class_names=["no", "yes"])}
    made = {"image": image, **inputs(optional=True)}
    rows = mmzoo.data.from_arrays(
        {"image": pictures, "text": [None, *["Washington came"] * 31]}, labels=labels
    )
    preprocessor = mmzoo.Preprocessor(made, head=heads)
    preprocessor.adapt(rows)
    heads["tags"] = mmzoo.heads.Tags(tags=preprocessor.targets["tags"].tags)
    model = mmzoo.build_model(inputs=made, head=heads, fusion="concat", dim=16, compile=False)
    model.compile_for_heads("adam")
    model.optimizer.learning_rate = 0.02
    data = rows.to_dataset(preprocessor, batch_size=32)
    model.fit(data, epochs=40, verbose=0)
    answers = mmzoo.predict(model, preprocessor, rows)
    assert answers["tags"] == [[], *tags[1:]] and answers["kind"].shape == (32, 2)


def test_conll(tmp_path):
    path = tmp_path / "train.conll"
    path.write_text(
        "-DOCSTART- -X- O\n\nin IN O\nNew NNP B-loc\nYork NNP I-loc\n. . O\n\n\nhello UH O\n"
    )
    rows = mmzoo.data.from_conll(path)
    assert rows.column("text") == [["in", "New", "York", "."], ["hello"]]
    assert rows.labels == [["O", "B-loc", "I-loc", "O"], ["O"]]
    assert rows.describe(1) == f"{path}, line 9"
    both = mmzoo.data.from_conll(path, {"words": 0}, {"pos": 1, "names": -1})
    assert both.labels["pos"] == [["IN", "NNP", "NNP", "."], ["UH"]]
    assert mmzoo.data.from_conll(path, label=None).labels is None
    y, present = prepared(rows).encode(rows)
    assert y["head"].tolist() == [[2, 0, 1, 2, *[-1] * 4], [2, *[-1] * 7]] and present["head"].all()
    universal = tmp_path / "ud.conllu"
    universal.write_text(
        "# text = du pain\n1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_\n1\tde\tde\tADP\t_\t_\t_\t_\t_\t_\n"
        "2\tle\tle\tDET\t_\t_\t_\t_\t_\t_\n3\tpain\tpain\tNOUN\t_\t_\t_\t_\t_\t_\n"
        "4\tblanc\tblanc\tADJ\t_\t_\t_\t_\t_\t_\n5\tet\tet\tCC\t_\t_\t_\t_\t_\t_\n"
        "6\tnoir\tnoir\tADJ\t_\t_\t_\t_\t_\t_\n"
    )
    rows = mmzoo.data.from_conll(universal, {"text": 1}, label=3)
    assert rows.column("text") == [["de", "le", "pain", "blanc", "et", "noir"]]
    assert rows.labels == [["ADP", "DET", "NOUN", "ADJ", "CC", "ADJ"]]
    bad = {
        "in O\nNew\n": "bad.conll, line 2: 1 columns, 'New', but 2 are asked for",
        "\n\n": "no texts",
        "a\t\tO\n": "column 1 is empty",
    }
    for content, message in bad.items():
        (tmp_path / "bad.conll").write_text(content)
        with pytest.raises(ValueError, match=message):
            mmzoo.data.from_conll(tmp_path / "bad.conll", {"text": 0, "x": 1}, separator=(
                "\t" if "\t" in content else None))  # fmt: skip
    (tmp_path / "latin.conll").write_bytes("Köln B-loc\nund O\nist O\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin.conll, line 1"):
        mmzoo.data.from_conll(tmp_path / "latin.conll")
    latin = mmzoo.data.from_conll(tmp_path / "latin.conll", encoding="latin-1")
    assert latin.column("text") == [["Köln", "und", "ist"]]
    path.write_text("in O\nRome I-loc\nx B-loc\n")
    with pytest.raises(ValueError, match=r"train.conll, line 1: word 1: 'I-loc' can't stand"):
        prepared(mmzoo.data.from_conll(path))


REPLICAS = """
import sys
import keras, numpy as np, tensorflow as tf
cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)
import mmzoo
from tests.pipeline.test_tags import head_of, prepared, records

rows = records()
preprocessor = prepared(rows)
strategies = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
for crf in (True, False):
    results = []
    for strategy in strategies:
        keras.utils.set_random_seed(0)
        with strategy.scope():
            model = mmzoo.build_model(
                inputs=preprocessor.inputs, head=head_of(preprocessor, crf=crf), fusion="sum",
                dim=8, optimizer=keras.optimizers.SGD(0.1),
            )
            dataset = rows.to_dataset(preprocessor, batch_size=len(rows))
            history = model.fit(dataset, epochs=3, verbose=0)
        results.append(([np.asarray(w) for w in model.weights], history.history["loss"]))
    (one, losses), (two, other_losses) = results
    for a, b in zip(one, two):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(losses, other_losses, rtol=1e-4)
"""


@pytest.mark.slow
def test_two_replicas_train_as_one():
    """Texts of unequal lengths: the mean is over the words of the whole batch."""
    root = pathlib.Path(__file__).parent.parent.parent
    subprocess.run([sys.executable, "-c", REPLICAS], check=True, cwd=root)


@pytest.mark.parametrize("ending", [".conll", ".IOB", ".bio", ".conllu", ".conll.gz"])
def test_conll_by_its_ending(tmp_path, ending):
    path = tmp_path / f"train{ending}"
    content = "in IN O\nNew NNP B-loc\nYork NNP I-loc\n. . O\n\nhi UH O\n".encode("utf-16")
    path.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    options = {"encoding": "utf-16", "missing_labels": "skip", "root": "photos"}
    rows = mmzoo.data.from_file(path, {"text": "0"}, "-1", **options)
    assert rows.column("text") == [["in", "New", "York", "."], ["hi"]] and rows.root == "photos"
    assert rows.labels == [["O", "B-loc", "I-loc", "O"], ["O"]]
    both = mmzoo.data.from_file(path, {"text": 0}, {"pos": 1, "names": "2"}, encoding="utf-16")
    assert both.labels == {"pos": [["IN", "NNP", "NNP", "."], ["UH"]], "names": rows.labels}
    assert mmzoo.data.from_file(path, {"text": 0}, encoding="utf-16").labels is None


def test_options_that_conll_has_and_has_not(tmp_path):
    path = tmp_path / "train.conll"
    path.write_text("#c\na b|O\nc|O\n")
    rows = mmzoo.data.from_file(
        path, {"text": 0}, 1, separator="|", comment="#", sample_weight=[0.5]
    )
    assert rows.column("text") == [["a b", "c"]] and rows.sample_weight.tolist() == [0.5]
    for arguments, options, message in [
        (({"text": "title"}, 1), {}, "are numbers, counted from 0; received: 'title'"),
        (({"text": 0, "table": ["1"]}, None), {}, r"counted from 0; received: \['1'\]"),
        (({"text": 0}, ["0", "1"]), {}, r"have no names that answers could have.*label=\{'pos'"),
        (({"text": 0}, 1), {"regression": True}, "labels are tags: regression= does not apply"),
        (({"text": 0}, 1), {"label_delimiter": "|"}, "label_delimiter= does not apply to it"),
    ]:
        with pytest.raises(ValueError, match=message):
            mmzoo.data.from_file(path, *arguments, **options)


def test_json_lines(tmp_path):
    lists, spans = tmp_path / "lists.jsonl", tmp_path / "spans.jsonl"
    rows = [{"words": t.split(), "tags": tags} for t, tags in zip(TEXTS, TAGS, strict=True)]
    lists.write_text("\n".join(map(json.dumps, rows)))
    of_lists = mmzoo.data.from_jsonl(lists, {"text": "words"}, label="tags")
    found = [[[0, 3, "per"], [10, 18, "place"]], [[3, 6, "per"], [10, 14, "place"]], [],
             [[0, 3, "per"], [8, 11, "per"]]]  # fmt: skip
    rows = [{"text": t, "spans": s} for t, s in zip(TEXTS, found, strict=True)]
    spans.write_text("\n".join(map(json.dumps, rows)))
    of_spans = mmzoo.data.from_jsonl(spans, {"text": "text"}, label="spans")
    encoded = [prepared(rows).encode(rows)[0]["head"] for rows in (of_lists, of_spans)]
    np.testing.assert_array_equal(*encoded)
    assert [len(part) for part in of_spans.split(0.5, 0.5)] == [2, 2]
    assert of_spans.validate(inputs()).findings == []
