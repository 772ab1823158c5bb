"""Texts: standardisation, vocabulary, ids."""

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.preprocessing.text import standardize


def words(text):
    return standardize(tf.constant(text)).numpy().decode().split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Is there a RED circle?", ["is", "there", "a", "red", "circle"]),
        ("don't -- it’s", ["dont", "its"]),
        ("état d'été", ["état", "dété"]),
        ("價格是 100元!", ["價", "格", "是", "100", "元"]),
        ("カフェで珈琲。", ["カ", "フ", "ェ", "で", "珈", "琲"]),
        ("한국어", ["한", "국", "어"]),
        ("nice👍👍", ["nice", "👍", "👍"]),
        ("السلام عليكم", ["السلام", "عليكم"]),
        ("tab\tnew\nline\u00a0nbsp\u3000wide", ["tab", "new", "line", "nbsp", "wide"]),
        ("a\x00b", ["a", "b"]),
    ],
)
def test_standardize(text, expected):
    assert words(text) == expected


def test_bytes_that_are_no_text_do_not_fail():
    assert standardize(tf.constant(b"\xff\xfe red")).numpy().decode().split()[-1] == "red"


def preprocessor(texts=None, **options):
    made = mmzoo.Preprocessor(
        {"title": mmzoo.Text(**{"length": 4, "vocabulary_size": 6, **options})}
    )
    if texts is not None:
        made.adapt(mmzoo.data.from_arrays({"title": texts}))
    return made


def ids(made, texts):
    return made({"title": tf.constant(texts)})["title"].numpy().tolist()


def test_most_frequent_words_first_ties_in_alphabetical_order():
    made = preprocessor(["b a a c", "c a d e f"])
    assert made.preprocessings["title"].vocabulary == ["a", "c", "b", "d"]
    assert ids(made, ["a c b d e"]) == [[2, 3, 4, 5]]
    assert ids(made, ["z", "A!"]) == [[1, 0, 0, 0], [2, 0, 0, 0]]


def test_given_vocabulary_is_not_learned_again():
    made = preprocessor(["x y z"], vocabulary=["red", "blue"])
    assert ids(made, ["blue red x"]) == [[3, 2, 1, 0]]


def test_a_text_without_words_is_one_unknown_word():
    made = preprocessor(["a b"])
    tensors, ok = made.checked_call({"title": tf.constant(["?!", ""])})
    assert tensors["title"].numpy().tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]
    assert ok["title"].numpy().tolist() == [True, False]


def test_given_words_that_no_text_has():
    with pytest.raises(
        ValueError, match=r"'title' has words that no text will match.*'Red', 'a-b'"
    ):
        ids(preprocessor(vocabulary=["Red", "a-b", "ok"]), ["red"])


def test_variable_length():
    made = preprocessor(["a b c d e f g"], length=None, vocabulary_size=20)
    assert len(ids(made, ["a b c d e f g", "a"])[0]) == 7
    assert len(ids(made, ["a"])[0]) == 1
    assert ids(made, ["?"]) == [[1]]
    tensors, ok = made.checked_call({"title": tf.constant([""])})
    assert tensors["title"].numpy().tolist() == [[0]] and not ok["title"].numpy().any()


def test_a_batch_is_padded_to_the_smallest_bucket_that_fits():
    options = {"length": None, "vocabulary_size": 20, "segments": 2}
    made = preprocessor(["a b c d e f g"], buckets=(6, 2, 3), **options)
    fixed = preprocessor(["a b c d e f g"], **{**options, "length": 6})
    for texts, width in (["a", "b c"], 2), (["a b[SEP]c", ""], 3), (["a b c d"], 6), (["?"], 2):
        tensors = made.checked_call({"title": tf.constant(texts)})[0]
        expected = fixed.checked_call({"title": tf.constant(texts)})[0]
        assert set(tensors) == {"title", "title_segments"}
        for name, tensor in tensors.items():
            assert tensor.shape == (len(texts), width)
            np.testing.assert_array_equal(tensor, expected[name][:, :width])
    assert len(ids(made, ["a b c d e f g a b"])[0]) == 6
    assert made.inputs["title"].buckets == (2, 3, 6) and made.inputs["title"].longest == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 8, "buckets": (4, 8)}, "leave `length` out"),
        ({"length": None, "buckets": ()}, "is empty"),
        ({"length": None, "buckets": (4, 0)}, "positive integers"),
    ],
)
def test_impossible_buckets(options, message):
    with pytest.raises(ValueError, match=message):
        mmzoo.Text(vocabulary_size=9, **options)


@pytest.mark.end_to_end
def test_buckets_change_lengths_and_nothing_else(tmp_path):
    """The same rows in the same order, the same answers, saved, loaded and served."""
    texts = [" ".join(["red", "blue", "a"][: 1 + i % 3] * (1 + i % 5)) for i in range(20)]
    records = mmzoo.data.from_arrays({"text": texts}, ["x", "y"] * 10)
    encoder = {"class_name": "transformer", "config": {"embedding_dim": 8, "depth": 1}}
    answers, batches, weights = {}, {}, None
    for name, options in {"buckets": {"buckets": (3, 6, 15)}, "length": {"length": 15}}.items():
        inputs = {"text": mmzoo.Text(vocabulary_size=9, encoder=encoder, **options)}
        made = mmzoo.Preprocessor(inputs)
        made.adapt(records)
        model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(2), dim=8)
        weights = weights or model.get_weights()
        model.set_weights(weights)
        answers[name] = mmzoo.predict(model, made, records, batch_size=4)
        dataset = records.to_dataset(made, 4, training=True, epoch=3, first_step=2)
        batches[name] = [(x["text"].numpy(), y.numpy()) for x, y in dataset]
        if name == "buckets":
            mmzoo.save(model, made, tmp_path / "model")
            folder = mmzoo.export_savedmodel(model, made, tmp_path / "serving")
    np.testing.assert_allclose(answers["buckets"], answers["length"], atol=1e-6)
    for (short, classes), (full, same_classes) in zip(*batches.values(), strict=True):
        np.testing.assert_array_equal(classes, same_classes)
        padded = np.pad(short, [(0, 0), (0, full.shape[1] - short.shape[1])])
        np.testing.assert_array_equal(padded, full)
    model, loaded = mmzoo.load(tmp_path / "model")
    assert loaded.inputs["text"].buckets == (3, 6, 15)
    np.testing.assert_allclose(mmzoo.predict(model, loaded, records), answers["length"], atol=1e-6)
    served = tf.saved_model.load(folder).signatures["serving_default"]
    for rows in slice(0, 1), slice(0, 20):
        outputs = served(text=tf.constant(texts[rows]))["probabilities"]
        np.testing.assert_allclose(outputs, answers["length"][rows], atol=1e-6)
    with pytest.raises(ValueError, match=r"length of text varies.*Give it a length"):
        records.to_dataset(loaded, 4, training=True, shard=(0, 2))


def test_optional_text():
    made = preprocessor(["a b"], optional=True)
    tensors, ok = made.checked_call({"title": tf.constant(["a", ""])})
    assert tensors["title_present"].numpy().tolist() == [True, False]
    assert ok["title"].numpy().tolist() == [True, True]


def test_vocabulary_never_learned():
    with pytest.raises(ValueError, match=r"vocabulary of 'title' was never learned.*adapt"):
        ids(preprocessor(), ["a"])


def test_nothing_to_learn_from():
    with pytest.raises(ValueError, match="No words to learn the vocabulary of 'title' from"):
        preprocessor(["?", "!"])


def test_save_and_load(tmp_path):
    made = preprocessor(["紅色 red", "red"])
    made.save(tmp_path / "preprocessor.json")
    loaded = mmzoo.Preprocessor.load(tmp_path / "preprocessor.json")
    assert loaded.get_config() == made.get_config()
    assert ids(loaded, ["red 紅 x"]) == ids(made, ["red 紅 x"])


def test_a_number_is_no_text():
    records = mmzoo.data.from_arrays({"title": ["a", 3]})
    for use in (records.to_dataset, lambda made: made.adapt(records)):
        with pytest.raises(TypeError, match="row 1: texts of 'title' must be strings; received: 3"):
            use(preprocessor(["a"]))


def test_parts_of_a_text():
    modality = mmzoo.Text(length=6, vocabulary_size=10, segments=2, optional=True)
    rows = [["a red", "circle"], "a red[SEP]circle", ["a", "", "red a"], "[SEP]", ["", None], "a"]
    records = mmzoo.data.from_arrays({"text": rows})
    preprocessor = mmzoo.Preprocessor({"text": modality})
    preprocessor.adapt(records)
    assert preprocessor.preprocessings["text"].vocabulary == ["a", "red", "circle"]
    x = {
        name: t.numpy().tolist() for name, t in next(iter(records.to_dataset(preprocessor))).items()
    }
    assert x["text"][0] == x["text"][1] == [2, 3, 4, 0, 0, 0]
    assert x["text_segments"][0] == x["text_segments"][1] == [0, 0, 1, 0, 0, 0]
    assert x["text"][2] == [2, 3, 2, 0, 0, 0] and x["text_segments"][2] == [0, 1, 1, 0, 0, 0]
    assert x["text"][3] == [1, 0, 0, 0, 0, 0]
    assert x["text_present"] == [True] * 4 + [False, True]
    table = [{"title": "a red", "body": "circle"}] * 6
    pairs = next(iter(mmzoo.data.from_arrays({"text": table}).to_dataset(preprocessor)))
    assert pairs["text"][0].numpy().tolist() == x["text"][0]
    batch = preprocessor({"text": rows[:2]})
    assert batch["text_segments"].numpy().tolist() == x["text_segments"][:2]
    with pytest.raises(
        TypeError, match=r"row 0: texts of 'text' must be strings; received: \['a', 3\]"
    ):
        mmzoo.data.from_arrays({"text": [["a", 3]]}).to_dataset(preprocessor)


def test_the_transformer_sees_the_parts():
    modality = mmzoo.Text(4, 10, vocabulary=["a", "b"], segments=2)
    model = mmzoo.build_model(inputs={"text": modality}, head="sigmoid", dim=8)
    ids = np.array([[2, 3, 2, 0]], "int32")
    predictions = [
        model({"text": ids, "text_segments": np.array([segments], "int32")})[0, 0].numpy()
        for segments in ([0, 0, 0, 0], [0, 0, 1, 0])
    ]
    assert predictions[0] != predictions[1]
    encoder = mmzoo.encoders.TextTransformer(vocabulary_size=10, embedding_dim=8, segments=2)
    parts = {"ids": ids, "segments": np.zeros((1, 4), "int32")}
    np.testing.assert_array_equal(encoder(ids)[0], encoder(parts)[0])
