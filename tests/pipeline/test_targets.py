"""Answers: several at once, numbers in any unit, thresholds, and heads of a user's own."""

import copy
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import mmzoo
from mmzoo.commands.predict_file import predict_file
from mmzoo.heads import Head, heads_of, targets_of
from mmzoo.targets import Numbers, Target, Values
from mmzoo.targets.class_weights import weighted_by_class
from mmzoo.training.fine_tuning.branches import branches_of

WORDS = ["red", "blue", "big", "small"]
INPUTS = {"text": mmzoo.Text(length=4, vocabulary_size=20, encoder="bag")}


def rows(count=96, seed=0):
    """Texts, what they cost, their kind, and which words they have."""
    generator = np.random.default_rng(seed)
    words = [generator.choice(WORDS, 3) for _ in range(count)]
    texts = [" ".join(three) for three in words]
    prices = [float(5000 * t.count("red") + 1000 * t.count("big") + 20_000) for t in texts]
    kinds = ["warm" if "red" in t else "cold" for t in texts]
    return texts, prices, kinds, [sorted({*three}) for three in words]


def trained(labels, head, epochs=12, rate=3e-2, **options):
    """Records, preprocessor and a small model trained on all rows."""
    keras.utils.set_random_seed(0)
    records = mmzoo.data.from_arrays({"text": rows()[0]}, labels)
    preprocessor = mmzoo.Preprocessor(INPUTS, head=head)
    preprocessor.adapt(records)
    model = mmzoo.build_model(
        inputs=INPUTS, head=head, dim=8, optimizer=keras.optimizers.Adam(rate)
    )
    model.fit(
        records.to_dataset(preprocessor, 32, training=True), epochs=epochs, verbose=0, **options
    )
    return records, preprocessor, model


# --- Numbers ---


@pytest.mark.end_to_end
def test_numbers_are_learned_as_well_in_any_unit():
    _, prices, *_ = rows()
    found = {}
    for unit in (1e-5, 1.0, 1e3):
        head = mmzoo.heads.Regression()
        records, preprocessor, model = trained([unit * price for price in prices], head)
        report = mmzoo.evaluate(model, records.to_dataset(preprocessor), verbose=False)
        found[unit] = report.r2
        # In its own unit wherever it is asked.
        values = mmzoo.predict(model, preprocessor, {"text": ["red red red", "small blue"]})
        assert 19_000 * unit < values[1, 0] < values[0, 0] < 40_000 * unit
        np.testing.assert_allclose(
            model.predict(records.to_dataset(preprocessor), verbose=0)[:, 0].mean(),
            unit * np.mean(prices),
            rtol=0.05,
        )
        assert report.mean_absolute_error < 0.1 * unit * np.std(prices) * 10
    assert min(found.values()) > 0.95
    assert max(found.values()) - min(found.values()) < 0.01


@pytest.mark.parametrize("scale", ["robust", "log"])
def test_other_scales(scale):
    _, prices, *_ = rows()
    records, preprocessor, model = trained(prices, mmzoo.heads.Regression(scale=scale))
    assert mmzoo.evaluate(model, records.to_dataset(preprocessor), verbose=False).r2 > 0.9


def test_a_scale_is_learned_once_and_stays(tmp_path):
    _, prices, *_ = rows()
    records, preprocessor, model = trained(prices, mmzoo.heads.Regression(), epochs=1)
    head = model.get_layer("head")
    assert float(head.rows) == len(records)
    np.testing.assert_allclose(head.centre, np.mean(prices), rtol=1e-6)
    other = mmzoo.data.from_arrays({"text": rows()[0]}, [price + 1e6 for price in prices])
    model.fit(other.to_dataset(preprocessor, 32), verbose=0)
    np.testing.assert_allclose(head.centre, np.mean(prices), rtol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.get_layer("head").centre, head.centre)


def test_numbers_in_arrays_have_a_scale_too():
    model = mmzoo.build_model(inputs=INPUTS, head="regression", dim=8)
    model.fit({"text": np.ones((8, 4), "int32")}, np.arange(8.0) * 1000, verbose=0)
    np.testing.assert_allclose(model.get_layer("head").centre, 3500)


def test_a_constant_number_has_the_spread_one():
    target = Numbers()
    target.adapt(target.check([0.1] * 60))
    assert target.get_state()["standard"][1] == [1.0]


@pytest.mark.parametrize(
    ("labels", "head", "message"),
    [
        (["12", "cheap"], mmzoo.heads.Regression(), "row 1: the label 'cheap' is no number"),
        ([1.0, -2.0], mmzoo.heads.Regression(scale="log"), "row 1: .* not positive"),
        ([[1.0, 2.0], [3.0, 4.0]], mmzoo.heads.Regression(units=3), "3 numbers a row"),
        ([["a"], ["b"]], mmzoo.heads.Softmax(units=2), None),
        ([["a"], ["a", "b"]], mmzoo.heads.Softmax(units=2), "row 1: 2 labels, .* takes one"),
        (["a", "b"], mmzoo.heads.Sigmoid(units=2), "one label each"),
    ],
)
def test_labels_that_a_head_does_not_take(labels, head, message):
    records = mmzoo.data.from_arrays({"text": ["one", "two"]}, labels)
    preprocessor = mmzoo.Preprocessor(INPUTS, head=head)
    if message is None:
        preprocessor.adapt(records)
        return
    with pytest.raises(ValueError, match=message):
        preprocessor.adapt(records)


def test_integers_are_numbers_where_the_head_says_so():
    records = mmzoo.data.from_arrays({"text": ["one", "two", "three"]}, [1, 5, 7])
    preprocessor = mmzoo.Preprocessor(INPUTS, head=mmzoo.heads.Regression())
    preprocessor.adapt(records)
    (_, y), *_ = records.to_dataset(preprocessor)
    assert y.numpy().tolist() == [1, 5, 7]
    without_head = mmzoo.Preprocessor(INPUTS)
    without_head.adapt(records)
    model = mmzoo.build_model(inputs=INPUTS, head="regression", dim=8)
    with pytest.raises(ValueError, match="labels were read as classes"):
        model.fit(records.to_dataset(without_head), verbose=0)


# --- Several answers ---


def several():
    return {
        "kind": mmzoo.heads.Softmax(class_names=["cold", "warm"]),
        "price": mmzoo.heads.Regression(),
        "words": mmzoo.heads.Sigmoid(units=4, class_names=sorted(WORDS)),
    }


@pytest.fixture(scope="module")
def several_answers():
    _, prices, kinds, words = rows()
    kinds[0] = prices[1] = words[2] = None
    prices[3] = float("nan")
    return trained({"kind": kinds, "price": prices, "words": words}, several(), epochs=30)


@pytest.mark.end_to_end
def test_several_answers_are_learned_together(several_answers):
    records, preprocessor, model = several_answers
    report = mmzoo.evaluate(model, records.to_dataset(preprocessor), verbose=False)
    assert (report["kind"].rows, report["price"].rows, report["words"].rows) == (95, 94, 95)
    assert report["kind"].accuracy > 0.95
    assert report["price"].r2 > 0.9
    assert report["words"].f1["micro"] > 0.95
    assert "price:" in str(report)
    assert sorted(model.heads) == ["kind", "price", "words"]
    names = [layer.name for layer in branches_of(model)["head"]]
    assert names == ["kind_head", "price_head", "words_head"]


@pytest.mark.end_to_end
def test_a_row_without_a_label_costs_nothing_for_that_answer(several_answers):
    records, preprocessor, model = several_answers
    (x, y, weights), *_ = records.to_dataset(preprocessor, 4)
    assert weights["kind"].numpy().tolist() == [0, 1, 1, 1]
    assert weights["price"].numpy().tolist() == [1, 0, 1, 0]
    first = {name: values[:1] for name, values in y.items()}
    x = {name: values[:1] for name, values in x.items()}
    weight = {name: values[:1] for name, values in weights.items()}
    before = model.test_on_batch(x, first, weight, return_dict=True)
    first["kind"] = 1 - first["kind"]
    after = model.test_on_batch(x, first, weight, return_dict=True)
    assert before["loss"] == pytest.approx(after["loss"])


@pytest.mark.end_to_end
def test_several_answers_go_all_the_way(several_answers, tmp_path):
    records, preprocessor, model = several_answers
    mmzoo.save(model, preprocessor, tmp_path / "model")
    loaded, again = mmzoo.load(tmp_path / "model")
    texts = {"text": ["red big", "blue small", "big big"]}
    expected = mmzoo.predict(model, preprocessor, texts)
    for name, answer in mmzoo.predict(loaded, again, texts).items():
        np.testing.assert_allclose(answer, expected[name], rtol=1e-5)
    folder = mmzoo.export_savedmodel(loaded, again, tmp_path / "serving")
    served = tf.saved_model.load(folder).signatures["serving_default"]
    outputs = served(text=tf.constant(texts["text"]))
    np.testing.assert_allclose(outputs["price_values"], expected["price"], rtol=1e-5)
    np.testing.assert_allclose(outputs["kind_probabilities"], expected["kind"], atol=1e-5)
    assert outputs["kind_labels"][0, 0].numpy() == b"warm"
    assert {*outputs["words_chosen"][0].numpy()} == {b"red", b"big", b""}
    card = (pathlib.Path(folder) / "model_card.md").read_text()
    assert "`price_values`" in card and "`kind`: Classes: `cold`, `warm`." in card
    result = predict_file(loaded, again, records.take(range(5)), tmp_path / "out.csv")
    header = (tmp_path / "out.csv").read_text().splitlines()[0]
    assert result.bad == 0 and "kind_predicted" in header and "price_value" in header
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    x = again(texts)
    np.testing.assert_allclose(clone(x)["price"], model(x)["price"], rtol=1e-5)


def test_weights_of_losses_and_classes():
    _, prices, kinds, _ = rows()
    labels = {"kind": kinds, "price": prices}
    heads = {name: several()[name] for name in labels}
    records = mmzoo.data.from_arrays({"text": rows()[0]}, labels)
    weights = {"kind": records.class_weight("kind")}
    trained(labels, heads, epochs=1, class_weight=weights)
    model = mmzoo.build_model(inputs=INPUTS, head=heads, dim=8, loss_weights={"price": 2.0})
    x = {"text": np.ones((2, 4), "int32")}
    y = {"kind": np.array([0, 1]), "price": np.array([1.0, 2.0])}
    found = model.test_on_batch(x, y, return_dict=True)
    assert found["loss"] == pytest.approx(found["kind_loss"] + 2 * found["price_loss"], rel=1e-5)
    model.fit(x, y, class_weight={"kind": {0: 1.0, 1: 3.0}}, verbose=0)
    with pytest.raises(ValueError, match="loss_weights"):
        mmzoo.build_model(inputs=INPUTS, head="regression", loss_weights={"price": 2.0})
    with pytest.raises(ValueError, match=r"'prize': 2.0}; the answers are: kind, price"):
        mmzoo.build_model(inputs=INPUTS, head=heads, dim=8, loss_weights={"prize": 2.0})


def test_class_weights_of_several_answers_are_those_of_one():
    heads = {"kind": mmzoo.heads.Softmax(3), "sure": mmzoo.heads.Sigmoid()}
    model = mmzoo.build_model(inputs=INPUTS, head=heads, dim=8)
    x = {"text": np.ones((4, 4), "int32")}
    y = {"kind": np.array([0, 1, 1, 2]), "sure": np.array([[0], [1], [1], [0]])}
    class_weight = {"kind": {1: 3.0}, "sure": {1: 0.5}}
    wanted = {"kind": [1, 3, 3, 1], "sure": [1, 0.5, 0.5, 1]}
    one_hot = {**y, "kind": np.eye(3)[y["kind"]]}
    for labels in (y, one_hot):
        _, options = weighted_by_class(x, labels, class_weight, model.heads, {})
        dataset = tf.data.Dataset.from_tensor_slices((x, labels)).batch(4)
        dataset, _ = weighted_by_class(dataset, None, class_weight, model.heads, {})
        for found in (options["sample_weight"], next(iter(dataset))[2]):
            for name, weights in wanted.items():
                np.testing.assert_array_equal(found[name], weights)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"kinds": {0: 2.0}}, "answer 'kinds'; the model's are: kind, price, words"),
        ({"price": {0: 2.0}}, "'price' is answered by Regression"),
        ({"words": {0: 2.0}}, "'words' is answered by Sigmoid"),
        ({"kind": {2: 2.0}}, "class index 2; its 2 classes have 0 to 1"),
        ({"kind": 2.0}, "dict from class index to weight"),
    ],
)
def test_impossible_class_weights(class_weight, message):
    model = mmzoo.build_model(inputs=INPUTS, head=several(), dim=8)
    with pytest.raises(ValueError, match=message):
        model.fit({"text": np.ones((2, 4), "int32")}, {}, class_weight=class_weight)


def test_several_answers_from_a_file(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("title,kind,price\na cat,cat,3\na dog,,5\nno pet,none,\n")
    records = mmzoo.data.from_csv(
        path, {"text": "title"}, label={"what": "kind", "cost": "price"}, regression=["cost"]
    )
    assert records.labels["what"] == ["cat", None, "none"]
    np.testing.assert_array_equal(records.labels["cost"], [3, 5, np.nan])
    assert records.class_names == {"what": ["cat", "none"], "cost": None}
    records.write_tfrecords(str(tmp_path / "shards"))
    again = mmzoo.data.from_tfrecords(str(tmp_path / "shards"))
    assert again.labels["what"] == records.labels["what"]
    np.testing.assert_array_equal(again.labels["cost"], records.labels["cost"])
    with pytest.raises(ValueError, match=r"no column .prize."):
        mmzoo.data.from_csv(path, {"text": "title"}, label=["kind", "prize"])
    with pytest.raises(ValueError, match=r"Labels of .cost.: .*row 2"):
        mmzoo.data.from_csv(
            path, {"text": "title"}, label={"cost": "kind", "what": "title"}, regression=["cost"]
        )


def test_no_label_is_an_answer_and_none_is_none():
    records = mmzoo.data.from_arrays(
        {"text": list("abc")}, {"tags": [["x"], [], None], "size": [1.0, 2.0, 3.0]},
        class_names={"tags": ["x", "y"]},
    )  # fmt: skip
    np.testing.assert_array_equal(records.labels["tags"], [[1, 0], [0, 0], [np.nan] * 2])


def test_an_answer_without_any_label():
    with pytest.raises(ValueError, match="Labels of 'price': There is no label in any row"):
        mmzoo.data.from_arrays(
            {"text": ["a", "b"]}, {"kind": ["x", "y"], "price": [None, float("nan")]}
        )


# --- Thresholds ---


def test_thresholds_are_chosen_kept_and_used(tmp_path):
    *_, words = rows()
    head = mmzoo.heads.Sigmoid(units=4, class_names=sorted(WORDS))
    records, preprocessor, model = trained(words, head, epochs=1)
    dataset = records.to_dataset(preprocessor)
    probabilities = model.predict(dataset, verbose=0)
    chosen = mmzoo.choose_thresholds(model, dataset, by={"recall": 0.9})
    report = mmzoo.evaluate(model, dataset, verbose=False)
    assert report.at_thresholds["thresholds"] == pytest.approx(chosen)
    truth = records.labels.astype(bool)
    for column, threshold in enumerate(chosen.values()):
        said = probabilities[:, column] >= np.float32(threshold)
        assert (said & truth[:, column]).sum() / truth[:, column].sum() >= 0.9
    assert "With the thresholds chosen" in str(report)
    mmzoo.save(model, preprocessor, tmp_path / "model")
    loaded, again = mmzoo.load(tmp_path / "model")
    assert loaded.get_layer("head").thresholds == pytest.approx(tuple(chosen.values()))
    folder = mmzoo.export_savedmodel(loaded, again, tmp_path / "serving")
    outputs = tf.saved_model.load(folder).signatures["serving_default"](
        text=tf.constant(records.column("text")[:6])
    )
    for row in range(6):
        over = probabilities[row] >= np.array([*chosen.values()], "float32")
        names = {name.decode() for name in outputs["chosen"][row].numpy() if name}
        assert names == {name for name, yes in zip(sorted(WORDS), over, strict=True) if yes}
    assert "with a probability from" in (pathlib.Path(folder) / "model_card.md").read_text()


def test_thresholds_by_f1_are_the_best_there_are():
    from sklearn.metrics import f1_score

    from mmzoo.targets.figures import best_thresholds

    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, (40, 1))
    probabilities = np.clip(labels * 0.2 + generator.random((40, 1)) * 0.8, 0, 1)
    (threshold,) = best_thresholds(labels, probabilities, "f1")
    found = f1_score(labels[:, 0], probabilities[:, 0] >= threshold)
    every = [f1_score(labels[:, 0], probabilities[:, 0] >= p) for p in probabilities[:, 0]]
    assert found == pytest.approx(max(every))


def test_yes_no_goes_by_its_threshold():
    *_, kinds, _ = rows()
    head = mmzoo.heads.Sigmoid(class_names=["cold", "warm"])
    records, preprocessor, model = trained(kinds, head, epochs=1)
    mmzoo.choose_thresholds(model, records.to_dataset(preprocessor), by={"precision": 1.0})
    (threshold,) = model.get_layer("head").thresholds
    target = targets_of(model)["head"]
    columns = target.columns(np.array([[threshold + 0.01], [threshold - 0.01]], "float32"))
    assert columns["predicted"] == ["warm", "cold"]
    scores = target.score_columns(np.array([[0.25], [np.nan]], "float32"))
    assert scores["score_warm"][0] == 0.25 and scores["score_cold"][0] == 0.75
    assert np.isnan(scores["score_cold"][1])


@pytest.mark.parametrize(
    ("head", "by", "message"),
    [
        (mmzoo.heads.Softmax(class_names=["cold", "warm"]), "f1", "has no thresholds"),
        (mmzoo.heads.Sigmoid(class_names=["cold", "warm"]), "accuracy", "are chosen by"),
        (mmzoo.heads.Sigmoid(class_names=["cold", "warm"]), {"recall": 2}, "in \\(0, 1\\]"),
    ],
)
def test_thresholds_that_cannot_be_chosen(head, by, message):
    model = mmzoo.build_model(inputs=INPUTS, head=head, dim=8)
    batch = {"text": np.ones((2, 4), "int32")}, np.array([0, 1])
    with pytest.raises(ValueError, match=message):
        mmzoo.choose_thresholds(model, [batch], by=by)
    with pytest.raises(ValueError, match=r"empty|no thresholds"):
        mmzoo.choose_thresholds(model, [])


# --- A head of one's own ---


@keras.saving.register_keras_serializable(package="test_targets")
class Rate(Head):
    """A Poisson rate: a positive number that has no classes."""

    def __init__(self, units=1, **kwargs):
        super().__init__(units, **kwargs)

    def activate(self, logits):
        return ops.exp(logits)

    def make_loss(self):
        return keras.losses.Poisson()

    def make_metrics(self):
        return []


@keras.saving.register_keras_serializable(package="test_targets")
class Grade(Target):
    """A grade from A to C, predicted as a number from 0 to 2."""

    kind = "grade"
    main_output = "grade_points"

    def check(self, labels, describe="row {}".format):
        for row, label in enumerate(labels):
            if label not in ("A", "B", "C"):
                raise ValueError(f"{describe(row)}: {label!r} is no grade.")
        return list(labels)

    def encode(self, labels, describe="row {}".format):
        return np.array(["ABC".index(label) for label in labels], "float32")

    def outputs(self, prediction, decoded=None):
        letters = tf.constant(["A", "B", "C"])
        place = tf.cast(tf.clip_by_value(tf.round(prediction[:, 0]), 0, 2), tf.int32)
        return {"grade_points": prediction, "grade": tf.gather(letters, place)}

    def describe_outputs(self):
        return {"grade_points": ("(B, 1)", "0 is A"), "grade": ("(B,)", "the letter")}

    def columns(self, prediction, delimiter="|"):
        letters = [
            None if np.isnan(p) else "ABC"[int(np.clip(round(p), 0, 2))] for p in prediction[:, 0]
        ]
        return {"grade": letters}

    def check_y(self, y):
        return np.asarray(y)

    def figures(self, y, prediction, sample_weight=None):
        return {"task": "grade", "right": float(np.mean(np.round(prediction[:, 0]) == y))}


@keras.saving.register_keras_serializable(package="test_targets")
class Graded(mmzoo.heads.Regression):
    def __init__(self, scale=None, **kwargs):
        super().__init__(scale=scale, **kwargs)

    def target(self):
        return Grade()


def test_a_head_of_ones_own_answers_values_everywhere(tmp_path):
    counts = [float(text.count("red")) for text in rows()[0]]
    records, preprocessor, model = trained(counts, Rate(), epochs=1)
    report = mmzoo.evaluate(model, records.to_dataset(preprocessor), verbose=False)
    assert report.task == "regression" and report.class_names is None
    mmzoo.save(model, preprocessor, tmp_path / "model")
    loaded, again = mmzoo.load(tmp_path / "model")
    folder = mmzoo.export_savedmodel(loaded, again, tmp_path / "serving")
    served = tf.saved_model.load(folder).signatures["serving_default"]
    outputs = served(text=tf.constant(["red red red", "blue"]))
    expected = mmzoo.predict(model, preprocessor, {"text": ["red red red", "blue"]})
    np.testing.assert_allclose(outputs["values"], expected, rtol=1e-5)
    assert sorted(outputs) == ["ok", "text_ok", "values"]
    predict_file(loaded, again, records.take(range(3)), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == "row,value,error"
    card = (pathlib.Path(folder) / "model_card.md").read_text()
    assert "`values`" in card and "Classes" not in card
    assert isinstance(targets_of(loaded)["head"], Values)


@pytest.mark.end_to_end
def test_a_target_of_ones_own_goes_all_the_way(tmp_path):
    grades = ["ABC"[min(2, text.count("red"))] for text in rows()[0]]
    records, preprocessor, model = trained(grades, Graded(), epochs=30)
    report = mmzoo.evaluate(model, records.to_dataset(preprocessor), verbose=False)
    assert report.right > 0.9
    assert "right" in str(report)
    mmzoo.save(model, preprocessor, tmp_path / "model")
    loaded, again = mmzoo.load(tmp_path / "model")
    assert isinstance(copy.deepcopy(again).targets["head"], Grade)
    folder = mmzoo.export_savedmodel(loaded, again, tmp_path / "serving")
    served = tf.saved_model.load(folder).signatures["serving_default"]
    grade = served(text=tf.constant(["blue small", "red red red"]))["grade"]
    assert grade.numpy().tolist() == [b"A", b"C"]
    predict_file(loaded, again, records.take(range(3)), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().startswith("row,grade,error")
    assert "the letter" in (pathlib.Path(folder) / "model_card.md").read_text()
    wrong = mmzoo.data.from_arrays({"text": ["a", "b"]}, ["A", "D"])
    with pytest.raises(ValueError, match="row 1: 'D' is no grade"):
        wrong.to_dataset(preprocessor)


def test_labels_that_all_rows_have_are_named_where_thresholds_are_chosen():
    head = mmzoo.heads.Sigmoid(units=2, class_names=["new", "old"])
    model = mmzoo.build_model(inputs=INPUTS, head=head, dim=8)
    batch = {"text": np.array([[2, 0, 0, 0], [3, 0, 0, 0]])}, np.array([[0, 1], [1, 1]])
    with pytest.warns(UserWarning, match=r"'old' of 'head': all 2 rows are alike"):
        assert mmzoo.choose_thresholds(model, [batch])["old"] == 0.5


def test_classes_in_another_order_are_known_at_the_first_batch():
    *_, kinds, _ = rows()
    records = mmzoo.data.from_arrays({"text": rows()[0]}, kinds)
    preprocessor = mmzoo.Preprocessor(INPUTS)
    preprocessor.adapt(records)
    head = mmzoo.heads.Softmax(class_names=["warm", "cold"])
    model = mmzoo.build_model(inputs=INPUTS, head=head, dim=8)
    dataset = records.to_dataset(preprocessor)
    arrays = next(dataset.as_numpy_iterator())
    ways = [
        model.fit,
        model.evaluate,
        lambda data: mmzoo.evaluate(model, data),
        lambda data: model.fit(*arrays, validation_data=data, verbose=0),
    ]
    for call in ways:
        for data in (dataset, dataset.take(2).prefetch(1)):
            with pytest.raises(ValueError, match="the head's classes are"):
                call(data)


def test_no_code_outside_asks_which_head_it_has():
    root = pathlib.Path(mmzoo.__file__).parent
    classes = "|".join(cls.__name__ for cls in mmzoo.heads.HEADS.values())
    asks = re.compile(rf"isinstance\((?:\w+\.)*head\b|isinstance\([^)]*\b(?:{classes})\b")
    for question in ("part, Tags)", "\n    layer, (int, mmzoo.heads.Words)\n)", "model.head, Own)"):
        assert asks.search(f"isinstance({question}")
    for path in root.rglob("*.py"):
        if path.relative_to(root).parts[0] not in ("heads", "targets", "testing"):
            assert not (found := asks.findall(path.read_text())), f"{path}: {found}"


def test_heads_of_a_model_without_any():
    model = keras.Sequential([keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="must have a layer named 'head'"):
        heads_of(model)
