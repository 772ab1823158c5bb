"""Labels: several a row, their names and weights, and splits that heed them."""

import json

import numpy as np
import pandas
import pytest
import sklearn.utils.class_weight
import tensorflow as tf

import mmzoo
from mmzoo.commands.train_run import head_for
from mmzoo.data import from_arrays, from_csv, from_dataframe, from_generator, from_jsonl
from tests.pipeline.test_cli import mmzoo as command_line

TEXT = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
TITLES = ["a red ball", "a big red box", "a", "a box"]
TAGS = [["red", "round"], ["big", "red"], [], ["big"]]
NAMES = ["big", "red", "round"]
ENCODED = [[0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 0, 0]]


def of_arrays(folder):
    return from_arrays({"text": TITLES}, TAGS)


def of_dataframe(folder):
    return from_dataframe(pandas.DataFrame({"title": TITLES, "tags": TAGS}), *COLUMNS)


def of_csv(folder):
    cells = ["round | red", "red|big|red", "", "big|"]
    pandas.DataFrame({"title": TITLES, "tags": cells}).to_csv(folder / "rows.csv", index=False)
    return from_csv(folder / "rows.csv", *COLUMNS, label_delimiter="|")


def of_jsonl(folder):
    rows = [{"title": title, "tags": tags} for title, tags in zip(TITLES, TAGS, strict=True)]
    del rows[2]["tags"]  # no list, no labels
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return from_jsonl(folder / "rows.jsonl", *COLUMNS)


def of_generator(folder):
    rows = [
        {"title": title, "tags": ";".join(tags)} for title, tags in zip(TITLES, TAGS, strict=True)
    ]
    return from_generator(rows, *COLUMNS, label_delimiter=";")


def of_parquet(folder):
    pandas.DataFrame({"title": TITLES, "tags": TAGS}).to_parquet(folder / "rows.parquet")
    return mmzoo.data.from_parquet(folder / "rows.parquet", *COLUMNS)


COLUMNS = {"text": "title"}, "tags"


@pytest.mark.parametrize(
    "source", [of_arrays, of_dataframe, of_csv, of_jsonl, of_generator, of_parquet]
)
def test_several_labels_from_any_source(source, tmp_path):
    records = source(tmp_path)
    assert records.class_names == NAMES
    assert records.labels.dtype == "float32" and records.labels.tolist() == ENCODED


@pytest.mark.parametrize(
    ("labels", "class_names", "message"),
    [
        ([["a", "b"], ["c"]], ["a", "b"], "row 1: label 'c' is not one of the 2 classes: a, b"),
        ([["a"], []], None, "The only label that occurs is 'a'"),
        ([["a"], "b"], None, "equally long|must be numbers"),
    ],
)
def test_bad_lists_of_labels(labels, class_names, message):
    with pytest.raises(ValueError, match=message):
        from_arrays({"text": ["x", "y"]}, labels, class_names)


def test_labels_to_split_are_strings():
    table = pandas.DataFrame({"title": ["a", "b"], "tags": [1, 2]})
    with pytest.raises(ValueError, match=r"table, row 0: labels to split at '\|' must be"):
        from_dataframe(table, *COLUMNS, label_delimiter="|")


def test_labels_are_matched_by_name():
    """Rows to evaluate may have fewer labels than those to train on, and so another order."""
    preprocessor = mmzoo.Preprocessor(TEXT)
    preprocessor.adapt(of_arrays(None))
    fewer = from_arrays({"text": ["a", "b"]}, [["round"], ["big"]])
    ((_, labels),) = fewer.to_dataset(preprocessor)
    assert labels.numpy().tolist() == [[0, 0, 1], [1, 0, 0]]
    other = from_arrays({"text": ["a", "b"]}, [["round"], ["flat"]])
    with pytest.raises(ValueError, match="row 1: label 'flat' is not one of the 3 classes"):
        other.to_dataset(preprocessor)


@pytest.mark.slow
def test_train_evaluate_predict(tmp_path):
    tags = ["|".join(TAGS[row % 4]) for row in range(40)]
    path = tmp_path / "rows.csv"
    pandas.DataFrame({"title": [TITLES[row % 4] for row in range(40)], "tags": tags}).to_csv(
        path, index=False
    )
    run, output = tmp_path / "run", tmp_path / "predictions.csv"
    options = ["--label-delimiter", "|", "--text-encoder", "bag", "--fusion", "sum", "--dim", 8]
    options += ["--epochs", 20, "--learning-rate", 0.05, "--batch-size", 8, "--text-length", 4]
    arguments = ["--csv", path, "--text", "title", "--label", "tags", "--output", run, *options]
    assert command_line("train", *arguments) == 0
    assert json.loads((run / "report.json").read_text())["task"] == "multilabel"
    assert command_line("evaluate", run, "--data", path) == 0
    assert command_line("predict", run, "--data", path, "--output", output) == 0
    predictions = pandas.read_csv(output, keep_default_na=False)
    expected = ["red|round", "big|red", "", "big"]
    assert predictions["predicted"].tolist() == [expected[row % 4] for row in range(40)]
    assert {f"score_{name}" for name in NAMES} < set(predictions)


def test_class_weight_is_that_of_scikit_learn():
    labels = np.random.default_rng(0).choice(["a", "b", "c"], 50, p=[0.7, 0.2, 0.1])
    records = from_arrays({"text": ["x"] * 50}, labels, class_names=["c", "b", "unseen", "a"])
    expected = sklearn.utils.class_weight.compute_class_weight(
        "balanced", classes=np.array(["c", "b", "a"]), y=labels
    )
    weight = records.class_weight()
    np.testing.assert_allclose([weight[0], weight[1], weight[3]], expected)
    assert weight[2] == 1  # whatever it is: no row has it
    preprocessor = mmzoo.Preprocessor(TEXT)
    preprocessor.adapt(records)
    model = mmzoo.build_model(inputs=TEXT, head=head_for(records), dim=4)
    model.fit(records.to_dataset(preprocessor), class_weight=weight, verbose=0)
    for other in (from_arrays({"text": ["x"]}), of_arrays(None)):
        with pytest.raises(ValueError, match="Class weights need one class a row"):
            other.class_weight()


def test_split_is_stratified_by_each_of_several_labels():
    generator = np.random.default_rng(0)
    shares = np.array([0.5, 0.2, 0.05, 0.02])
    labels = (generator.random((400, 4)) < shares).astype("float32")
    texts = [str(row) for row in range(400)]
    records = from_arrays({"text": texts}, labels, class_names=list("abcd"))
    parts = records.split(0.8, 0.1, 0.1, seed=1)
    assert sorted(text for part in parts for text in part.column("text")) == sorted(texts)
    for part, fraction in zip(parts, (0.8, 0.1, 0.1), strict=True):
        assert abs(len(part) - fraction * 400) <= 4
        assert (abs(part.labels.sum(axis=0) - fraction * labels.sum(axis=0)) <= 2).all()
    again = records.split(0.8, 0.1, 0.1, seed=1)
    assert [part.column("text") for part in parts] == [part.column("text") for part in again]
    other = records.split(0.8, 0.1, 0.1, seed=2)
    assert parts[1].column("text") != other[1].column("text")


def test_integers_as_targets_and_floats_as_classes():
    table = pandas.DataFrame({"title": ["a", "b", "c"], "n": [3.0, 10.0, 3.0]})
    numbers = from_dataframe(table, {"text": "title"}, "n")
    assert numbers.labels.tolist() == [3, 10, 3] and numbers.class_names is None
    classes = from_dataframe(table, {"text": "title"}, "n", regression=False)
    assert classes.labels == ["3", "10", "3"]
    table["n"] = ["3", "10", "cheap"]
    with pytest.raises(ValueError, match="must be numbers; table, row 2 has 'cheap'"):
        from_dataframe(table, {"text": "title"}, "n", regression=True)


class TorchTensor:
    """What is used of a `torch.Tensor`, which is no array while it has gradients."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.values

    def __len__(self):
        return len(self.values)

    def __array__(self, *_, **__):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


LABELS = {
    "bytes": [b"cat", b"dog", b"cat"],
    "an array of bytes": np.array([b"cat", b"dog", b"cat"]),
    "an array of objects": np.array(["cat", b"dog", np.str_("cat")], object),
    "a series with an index of its own": pandas.Series(["cat", "dog", "cat"], index=[7, 8, 9]),
    "a categorical": pandas.Categorical(["cat", "dog", "cat"]),
    "TensorFlow": tf.constant(["cat", "dog", "cat"]),
    "scalars of TensorFlow": [tf.constant("cat"), tf.constant("dog"), tf.constant("cat")],
}
INDICES = {
    "integers": [0, 1, 0],
    "an array": np.array([0, 1, 0], "int64"),
    "a column of them": pandas.Series([0, 1, 0]),
    "floats that are whole": [0.0, 1.0, 0.0],
    "booleans": [False, True, False],
    "TensorFlow": tf.constant([0, 1, 0]),
    "scalars of TensorFlow": list(tf.constant([0, 1, 0])),
    "PyTorch": TorchTensor([0, 1, 0]),
    "scalars of PyTorch": [TorchTensor(0), TorchTensor(1), TorchTensor(0)],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_of_any_library_are_names(labels):
    records = from_arrays({"text": ["a", "b", "c"]}, labels)
    assert records.class_names == ["cat", "dog"] and records.labels == ["cat", "dog", "cat"]


@pytest.mark.parametrize("labels", INDICES.values(), ids=INDICES)
def test_integers_beside_class_names_are_indices(labels):
    records = from_arrays({"text": ["a", "b", "c"]}, labels, class_names=["zebra", "ant"])
    assert records.class_names == ["zebra", "ant"] and records.labels == ["zebra", "ant", "zebra"]


def test_lists_of_integers_beside_class_names_are_indices():
    rows = [[0, 2], [], [1]]
    for labels in (rows, list(map(np.array, rows)), tf.ragged.constant(rows)):
        records = from_arrays({"text": ["a", "b", "c"]}, labels, class_names=NAMES)
        assert records.labels.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    as_numbers = from_arrays({"text": ["a", "b"]}, [[0, 1, 1], [1, 0, 0]], class_names=NAMES)
    assert as_numbers.labels.tolist() == [[0, 1, 1], [1, 0, 0]]  # one number for each class
    names = tf.ragged.constant([["red", "big"], [], ["round"]])
    assert from_arrays({"text": ["a", "b", "c"]}, names).labels.tolist() == [
        [1, 1, 0], [0, 0, 0], [0, 0, 1],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "class_names", "message"),
    [
        ([0, 1, 2], ["a", "b"], "row 2: label 2 is not an index of the 2 classes, .* from 0: a, b"),
        ([0, -1, 1], ["a", "b"], "row 1: label -1 is not an index of the 2 classes"),
        ([0.5, 1, 0], ["a", "b"], "row 0: label 0.5 is not an index"),
        ([0, 1, 2], ["1", "2", "3"], "row 0: label '0' is not one of the 3 classes: 1, 2, 3"),
        (["a", "b", "a"], ["a", "b", "a"], "Class names must differ; received twice: a"),
        (["a", b"\xff", "a"], None, r"row 1: the label b'\\xff' is not UTF-8"),
        (["a", {"b": 1}, "a"], None, "row 1: a label must be a string, a number or a list of str"),
        ([[0], [1, 2], []], None, "equally long.* by their index, give `class_names=`"),
        (tf.constant("cat"), None, "Labels must be a sequence, one a row"),
    ],
)
def test_labels_that_mean_no_class(labels, class_names, message):
    with pytest.raises(ValueError, match=message):
        from_arrays({"text": ["x", "y", "z"]}, labels, class_names)


def test_one_class_whatever_the_file_writes_for_it():
    """3 in Parquet is 3.0 behind a missing cell in pandas, and "3.0" in a CSV file."""
    preprocessor = mmzoo.Preprocessor(TEXT)
    preprocessor.adapt(from_arrays({"text": ["a", "b"]}, ["3", "true"]))
    for labels in (["3.0", "TRUE"], ["3", "True"], [3, True], [np.int8(3), np.True_]):
        ((_, y),) = from_arrays({"text": ["a", "b"]}, labels).to_dataset(preprocessor)
        assert y.numpy().tolist() == [0, 1]
    sources = (["10", "2", "2"], [10, 2, 2], np.array([10, 2, 2]), ["10", 2, "2"])
    for labels in sources:
        assert from_arrays({"text": ["a", "b", "c"]}, labels).class_names == ["2", "10"]


def test_many_integers_are_rather_numbers(tmp_path, recwarn):
    table = pandas.DataFrame({"title": ["a"] * 300, "n": [row % 60 for row in range(300)]})
    table.to_csv(tmp_path / "rows.csv", index=False)
    table.to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    table.to_parquet(tmp_path / "rows.parquet")
    columns = {"text": "title"}
    for path in ("rows.csv", "rows.jsonl", "rows.parquet"):
        with pytest.warns(UserWarning, match="60 different .* regression=True, .* --regression"):
            assert len(mmzoo.data.from_file(tmp_path / path, columns, "n").class_names) == 60
    with pytest.warns(UserWarning, match="60 different integers in 300 rows"):
        from_arrays({"text": ["a"] * 300}, table["n"])
    recwarn.clear()
    for path in ("rows.csv", "rows.jsonl", "rows.parquet"):
        classes = mmzoo.data.from_file(tmp_path / path, columns, "n", regression=False)
        assert classes.class_names[:3] == ["0", "1", "2"] and len(classes.class_names) == 60
        numbers = mmzoo.data.from_file(tmp_path / path, columns, "n", regression=True)
        assert numbers.class_names is None
    from_arrays({"text": ["a"] * 300}, [row % 10 for row in range(300)])
    assert not [warning for warning in recwarn if "different" in str(warning.message)]


def test_regression_false_makes_classes_of_decimals(tmp_path):
    table = pandas.DataFrame({"title": ["a", "b", "c"], "n": [0.0, 1.0, 0.0]})
    table.to_csv(tmp_path / "rows.csv", index=False)
    table.to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    table.to_parquet(tmp_path / "rows.parquet")
    for path in ("rows.csv", "rows.jsonl", "rows.parquet"):
        numbers = mmzoo.data.from_file(tmp_path / path, {"text": "title"}, "n")
        classes = mmzoo.data.from_file(tmp_path / path, {"text": "title"}, "n", regression=False)
        assert numbers.class_names is None or path == "rows.jsonl"  # which pandas writes as 0
        assert classes.class_names == ["0", "1"] and classes.labels == ["0", "1", "0"]


def test_labels_that_differ_only_in_case_or_spaces():
    labels = ["cat"] * 3 + ["Cat", "cat ", "dog", "dog", "owl"]
    records = from_arrays({"text": ["a"] * 8}, labels)
    notes = records.validate(TEXT).notes
    assert notes == [
        "The labels 'cat' (3 rows), 'Cat' (1 row) and 'cat ' (1 row) differ only in case or in "
        "spaces at their ends.",
        "The classes 'Cat', 'cat ', 'owl' have only one row each.",
    ]
    preprocessor = mmzoo.Preprocessor(TEXT)
    with pytest.warns(UserWarning, match=r"'cat' \(3 rows\), 'Cat' \(1 row\)"):
        preprocessor.adapt(records)
    several = from_arrays({"text": ["a"] * 3}, [["Red", "big"], ["red", "big"], ["red"]])
    assert several.validate(TEXT).notes == [
        "The labels 'red' (2 rows) and 'Red' (1 row) differ only in case or in spaces at their "
        "ends.",
        "The class 'Red' has only one row.",
    ]


@pytest.mark.parametrize("write", [json.dumps, str])
def test_lists_of_labels_in_a_cell(write, tmp_path):
    """As JSON, or as pandas writes lists; each would be a class of its own."""
    table = pandas.DataFrame({"title": TITLES, "tags": [write(tags) for tags in TAGS]})
    table.loc[2, "tags"] = ""
    table["box"] = [write([row, 1.5]) for row in range(4)]
    table.to_csv(tmp_path / "rows.csv", index=False)
    records = from_csv(tmp_path / "rows.csv", *COLUMNS)
    assert records.class_names == NAMES and records.labels.tolist() == ENCODED
    boxes = from_csv(tmp_path / "rows.csv", {"text": "title"}, "box")
    assert boxes.labels.tolist() == [[row, 1.5] for row in range(4)]
    table["tags"] = ["[x]", "[y]", "[x]", "[y]"]  # no lists, but names in brackets
    table.to_csv(tmp_path / "rows.csv", index=False)
    assert from_csv(tmp_path / "rows.csv", *COLUMNS).class_names == ["[x]", "[y]"]


@pytest.mark.parametrize(
    ("labels", "class_names", "expected"),
    [
        (np.array([[3], [5], [3]], "uint8"), None, ["3", "5", "3"]),  # as Keras has CIFAR-10's
        (np.array([[0], [1], [0]]), ["cat", "dog"], ["cat", "dog", "cat"]),
        (np.array([["cat"], ["dog"], ["cat"]]), None, ["cat", "dog", "cat"]),
        (tf.constant([[0], [1], [0]]), ["cat", "dog"], ["cat", "dog", "cat"]),
        (pandas.DataFrame({"y": ["cat", "dog", "cat"]}), None, ["cat", "dog", "cat"]),
        (np.array([[0.5], [1.5], [2.5]]), None, [[0.5], [1.5], [2.5]]),
    ],
)
def test_a_column_of_labels(labels, class_names, expected):
    """One class a row, not several; floats are numbers to predict."""
    records = from_arrays({"text": ["a", "b", "c"]}, labels, class_names)
    assert np.array_equal(records.labels, expected)


def test_sample_weights_that_are_none():
    with pytest.raises(ValueError, match="row 1: the sample weight 'heavy' is not a number"):
        from_arrays({"text": ["a", "b"]}, ["x", "y"], sample_weight=["1", "heavy"])
    assert from_arrays({"text": ["a", "b"]}, ["x", "y"], sample_weight=["1", "2"]).sample_weight[1]
    with pytest.raises(ValueError, match=r"one number a row; received the shape \(2, 1\)"):
        from_arrays({"text": ["a", "b"]}, ["x", "y"], sample_weight=[[1], [2]])


def test_numbers_to_predict_that_are_constant():
    records = from_arrays({"text": ["a"] * 5}, [0.1] * 5)
    note = "The labels are constant: 0.1 in all 5 rows. There is nothing to learn."
    assert records.validate(TEXT).notes == [note]
    several = from_arrays({"text": ["a"] * 2}, [[1, 2], [1, 3]], class_names=["width", "height"])
    note = "The labels in width are constant: 1 in all 2 rows. There is nothing to learn."
    assert several.validate(TEXT).notes == [note]


@pytest.mark.parametrize(
    ("trained", "given", "expected"),
    [
        ([1, 2, 3], [1.0, 3.0], ["1", "3"]),
        (["1", "2", "3"], np.float32([3, 1]), ["3", "1"]),
        (["0.5", "1.5", "2"], [1.5, 2.0], ["1.5", "2"]),
        ([1, 2, 3], [[2.0], [3.0]], ["2", "3"]),
        (["a", "b", "c"], [2.0, 0.0], ["c", "a"]),  # indices
        ([1, 2, 3], [1.5, 2.0], "row 0: label '1.5' is not one of the 3"),
        (["a", "b", "c"], [1.0, 5.0], "row 1: the label 5 is no class"),
    ],
)
def test_numbers_are_the_classes_that_another_file_wrote_otherwise(trained, given, expected):
    """3.0, where another file has 3, is no index: the wrong class, and nothing said so."""
    inputs = {"x": mmzoo.Features(1)}
    preprocessor = mmzoo.Preprocessor(inputs)
    training = mmzoo.data.from_arrays({"x": [[0.0]] * len(trained)}, trained)
    preprocessor.adapt(training)
    records = mmzoo.data.from_arrays({"x": [[0.0]] * len(given)}, given)
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            records.to_dataset(preprocessor)
        return
    (_, y), *_ = records.to_dataset(preprocessor).as_numpy_iterator()
    assert [training.class_names[int(index)] for index in y] == expected
