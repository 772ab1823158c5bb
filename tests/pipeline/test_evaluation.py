"""evaluate(), its report and its pictures."""

import json
import math
import sys

import keras
import numpy as np
import pytest
import sklearn.metrics

import mmzoo
from mmzoo import heads
from mmzoo.evaluation import Report, evaluate, plot_training_curves
from mmzoo.targets.label_shapes import check_labels
from mmzoo.utils import optional_packages

ROWS = 40
EASY_VQA = (
    "circle", "green", "red", "gray", "yes", "teal", "black",
    "rectangle", "yellow", "triangle", "brown", "blue", "no",
)  # fmt: skip


def echo_model(head):
    """A model that applies nothing but the activation of `head` to its input."""
    head = type(head).from_config({**head.get_config(), "name": "head"})
    model = keras.Sequential([keras.Input((head.units,)), head])
    head.dense.set_weights([np.eye(head.units, dtype="float32"), np.zeros(head.units, "float32")])
    return model


def batches(x, *others, size=16):
    """The rows as a list of batches, the last one shorter."""
    return [
        tuple(array[start : start + size] for array in (x, *others))
        for start in range(0, len(x), size)
    ]


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def text_model():
    return mmzoo.build_model(
        inputs={"text": mmzoo.Text(4, 10, encoder="bag")},
        head=heads.Softmax(class_names=["cat", "dog", "bird"]),
        dim=8,
    )


@pytest.fixture(scope="module")
def text_rows():
    random = np.random.default_rng(1)
    return {"text": random.integers(0, 10, (ROWS, 4))}, random.integers(0, 3, ROWS)


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


# The figures.


def test_multiclass_by_hand():
    # Predictions 0, 1, 1, 2 for the labels 0, 0, 1, 2.
    logits = np.log(np.array(
        [[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]], "float32"
    ))  # fmt: skip
    head = heads.Softmax(class_names=["cat", "dog", "bird"])
    report = evaluate(echo_model(head), [(logits, np.array([0, 0, 1, 2]))], verbose=False)
    assert (report.task, report.rows) == ("multiclass", 4)
    assert report.class_names == ["cat", "dog", "bird"]
    assert report.accuracy == 0.75
    assert report.confusion_matrix.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert report.log_loss == pytest.approx(-(3 * math.log(0.8) + math.log(0.3)) / 4, rel=1e-5)
    assert report.per_class["cat"]["precision"] == 1
    assert report.per_class["cat"]["recall"] == 0.5
    assert report.per_class["cat"]["f1"] == pytest.approx(2 / 3)
    assert report.per_class["cat"]["support"] == 2
    assert report.precision == pytest.approx({"micro": 0.75, "macro": 2.5 / 3, "weighted": 0.875})
    assert report.recall == pytest.approx({"micro": 0.75, "macro": 2.5 / 3, "weighted": 0.75})
    assert report.roc_auc == 1
    assert report.classes_left_out == []


def test_multiclass_agrees_with_sklearn(random):
    logits, labels = random.normal(size=(ROWS, 4)).astype("float32"), random.integers(0, 4, ROWS)
    weights = random.uniform(0.1, 2, ROWS)
    for given in (None, weights):
        extra = () if given is None else (given,)
        report = evaluate(
            echo_model(heads.Softmax(4)), batches(logits, labels, *extra), verbose=False
        )
        probabilities, predicted = softmax(logits.astype("float64")), logits.argmax(axis=1)
        metrics, weight = sklearn.metrics, {"sample_weight": given}
        assert report.class_names == ["0", "1", "2", "3"]
        assert report.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted, **weight))
        assert report.log_loss == pytest.approx(
            metrics.log_loss(labels, probabilities, **weight), rel=1e-5
        )
        for average in ("micro", "macro", "weighted"):
            assert report.f1[average] == pytest.approx(
                metrics.f1_score(labels, predicted, average=average, **weight)
            )
        for index in range(4):
            assert report.per_class[str(index)]["roc_auc"] == pytest.approx(
                metrics.roc_auc_score(labels == index, probabilities[:, index], **weight)
            )
        assert report.average_precision == pytest.approx(
            metrics.average_precision_score(np.eye(4)[labels], probabilities, **weight)
        )
        np.testing.assert_allclose(
            report.confusion_matrix, metrics.confusion_matrix(labels, predicted, **weight)
        )


def test_log_loss_is_the_loss_of_training(text_model, text_rows):
    report = evaluate(text_model, [text_rows], verbose=False)
    loss, accuracy = text_model.evaluate(*text_rows, verbose=0)
    assert report.log_loss == pytest.approx(loss, rel=1e-4)
    assert report.accuracy == pytest.approx(accuracy)


def test_binary(random):
    logits, labels = random.normal(size=(ROWS, 1)).astype("float32"), random.integers(0, 2, ROWS)
    model = echo_model(heads.Sigmoid(class_names=["no", "yes"]))
    report = evaluate(model, batches(logits, labels), verbose=False)
    probabilities, predicted = sigmoid(logits[:, 0].astype("float64")), logits[:, 0] > 0
    metrics = sklearn.metrics
    assert report.task == "binary"
    assert report.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert report.per_class["yes"]["f1"] == pytest.approx(metrics.f1_score(labels, predicted))
    assert report.per_class["no"]["recall"] == pytest.approx(
        metrics.recall_score(labels, predicted, pos_label=0)
    )
    assert report.roc_auc == pytest.approx(metrics.roc_auc_score(labels, probabilities))
    assert report.average_precision == pytest.approx(
        metrics.average_precision_score(labels, probabilities)
    )
    assert report.log_loss == pytest.approx(metrics.log_loss(labels, probabilities), rel=1e-5)
    assert report.confusion_matrix.tolist() == metrics.confusion_matrix(labels, predicted).tolist()
    assert report.hamming_loss is None


def test_binary_at_one_half_is_no():
    report = evaluate(echo_model(heads.Sigmoid()), [(np.zeros((2, 1)), [0, 1])], verbose=False)
    assert report.confusion_matrix.tolist() == [[1, 0], [1, 0]]


def test_multilabel(random):
    logits = random.normal(size=(ROWS, 3)).astype("float32")
    labels = random.integers(0, 2, (ROWS, 3))
    report = evaluate(echo_model(heads.Sigmoid(units=3)), batches(logits, labels), verbose=False)
    probabilities, predicted = sigmoid(logits.astype("float64")), (logits > 0).astype(int)
    metrics = sklearn.metrics
    assert report.task == "multilabel"
    assert report.accuracy == pytest.approx((labels == predicted).all(axis=1).mean())
    assert report.hamming_loss == pytest.approx((labels != predicted).mean())
    for average in ("micro", "macro", "weighted"):
        assert report.recall[average] == pytest.approx(
            metrics.recall_score(labels, predicted, average=average)
        )
    assert report.roc_auc == pytest.approx(metrics.roc_auc_score(labels, probabilities))
    crossentropy = labels * np.log(probabilities) + (1 - labels) * np.log(1 - probabilities)
    assert report.log_loss == pytest.approx(-crossentropy.mean(), rel=1e-5)
    assert report.confusion_matrix.shape == (3, 2, 2)


def test_multilabel_where_nothing_is_set_or_predicted():
    model = echo_model(heads.Sigmoid(units=2))
    report = evaluate(model, [(np.full((3, 2), -5.0), np.zeros((3, 2)))], verbose=False)
    assert report.accuracy == 1
    assert report.f1 == {"micro": None, "macro": None, "weighted": None}
    assert report.roc_auc is None
    assert report.classes_left_out == ["0", "1"]
    assert "–" in str(report)


def test_regression():
    values, labels = np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 4.0, 4.0])
    report = evaluate(echo_model(heads.Regression()), [(values, labels)], verbose=False)
    assert report.task == "regression"
    assert report.mean_absolute_error == pytest.approx(2 / 3)
    assert report.root_mean_squared_error == pytest.approx(math.sqrt(4 / 3))
    assert report.r2 == pytest.approx(1 - 4 / 6)
    assert report.accuracy is None and report.class_names is None
    weighted = evaluate(
        echo_model(heads.Regression()), [(values, labels, [1.0, 0.0, 1.0])], verbose=False
    )
    assert (weighted.rows, weighted.mean_absolute_error, weighted.r2) == (2, 0, 1)


def test_regression_on_constant_targets_has_no_r2():
    model = echo_model(heads.Regression(units=2))
    values, labels = np.zeros((3, 2)), np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    report = evaluate(model, [(values, labels)], verbose=False)
    assert report.r2 is None
    assert report.mean_absolute_error == 3.5


def test_a_class_that_never_occurs():
    logits = np.array([[3.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0], [0.0, 1.0, 3.0, 0.0]])
    model = echo_model(heads.Softmax(class_names=["a", "b", "predicted", "never"]))
    report = evaluate(model, [(logits, [0, 1, 1])], verbose=False)
    assert report.per_class["predicted"]["precision"] == 0
    assert report.per_class["never"] == {
        "precision": None, "recall": None, "f1": None, "support": 0,
        "roc_auc": None, "average_precision": None,
    }  # fmt: skip
    assert report.classes_left_out == ["predicted", "never"]
    assert report.roc_auc == 1
    # As scikit-learn: the mean is over the classes that occur or are predicted.
    expected = sklearn.metrics.precision_score([0, 1, 1], [0, 1, 2], average="macro")
    assert report.precision["macro"] == pytest.approx(expected)


def test_saturated_probabilities_have_a_finite_log_loss():
    logits = np.array([[200.0], [-200.0]])
    report = evaluate(echo_model(heads.Sigmoid()), [(logits, [0, 1])], verbose=False)
    assert report.accuracy == 0
    assert 30 < report.log_loss < 40


# What datasets may look like.


@pytest.mark.parametrize(
    ("head", "labels", "shapes"),
    [
        (heads.Softmax(3), [0, 2, 1, 2], [
            lambda y: y, lambda y: y[:, None], lambda y: y.astype("float32"),
            lambda y: np.eye(3)[y], lambda y: np.eye(3, dtype=bool)[y],
        ]),
        (heads.Sigmoid(), [0, 1, 1, 0], [
            lambda y: y, lambda y: y[:, None], lambda y: y == 1, lambda y: y.astype("float32"),
        ]),
        (heads.Regression(), [0.5, 1.0, 2.0, -1.0], [lambda y: y, lambda y: y[:, None]]),
    ],
)  # fmt: skip
def test_labels_of_each_shape_give_the_same_report(random, head, labels, shapes):
    x, model = random.normal(size=(4, head.units)).astype("float32"), echo_model(head)
    reports = [
        evaluate(model, [(x, shape(np.array(labels)))], verbose=False).to_dict() for shape in shapes
    ]
    assert all(report == reports[0] for report in reports)


def test_datasets_of_each_kind_give_the_same_report(text_model, text_rows):
    tf = pytest.importorskip("tensorflow")
    x, y = text_rows
    size = 16

    class Batches(keras.utils.PyDataset):
        @property
        def num_batches(self):
            return math.ceil(ROWS / size)

        def __getitem__(self, index):
            rows = slice(index * size, (index + 1) * size)
            return {"text": x["text"][rows]}, y[rows]

    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(size)
    expected = evaluate(text_model, [text_rows], verbose=False).to_dict()
    unknown_length = dataset.filter(lambda x, y: True)
    for each in (dataset, unknown_length, list(dataset), iter(list(dataset)), Batches()):
        found = evaluate(text_model, each, verbose=False).to_dict()
        assert found["confusion_matrix"] == expected["confusion_matrix"]
        assert found["log_loss"] == pytest.approx(expected["log_loss"], rel=1e-5)


def test_batches_do_not_retrace():
    model = mmzoo.build_model(
        inputs={"text": mmzoo.Text(4, 10, encoder="bag")}, head=heads.Softmax(2), dim=8
    )
    traces = []
    model.get_layer("head").activate = lambda logits: traces.append(1) or keras.ops.softmax(logits)
    x, y = np.ones((48, 4), "int32"), np.zeros(48, "int32")
    dataset = [({"text": x[i : i + 8]}, y[i : i + 8]) for i in range(0, 48, 8)]
    evaluate(model, dataset, verbose=False)
    once = len(traces)
    evaluate(model, dataset, verbose=False)
    assert len(traces) == once <= 2


def test_rows_of_weight_zero_do_not_count(random):
    logits, labels = random.normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2])
    model = echo_model(heads.Softmax(3))
    weights = np.array([1.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    weighted = evaluate(model, [(logits, labels, weights)], verbose=False)
    kept = evaluate(model, [(logits[weights > 0], labels[weights > 0])], verbose=False)
    assert weighted.rows == 4
    assert weighted.to_dict() == kept.to_dict()


def test_a_weight_of_two_counts_as_two_rows(random):
    logits, labels = random.normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2])
    model = echo_model(heads.Softmax(3))
    repeats = np.array([1, 2, 1, 3, 1, 1])
    weighted = evaluate(model, [(logits, labels, repeats[:, None])], verbose=False).to_dict()
    repeated = evaluate(
        model, [(np.repeat(logits, repeats, 0), np.repeat(labels, repeats))], verbose=False
    ).to_dict()
    assert (weighted.pop("rows"), repeated.pop("rows")) == (6, 9)
    for name in ("accuracy", "log_loss", "roc_auc", "average_precision", "precision", "f1"):
        assert weighted[name] == pytest.approx(repeated[name])
    assert weighted["confusion_matrix"] == repeated["confusion_matrix"]


def test_an_uncompiled_model(text_rows):
    model = mmzoo.build_model(
        inputs={"text": mmzoo.Text(4, 10, encoder="bag")},
        head=heads.Softmax(3), dim=8, compile=False,
    )  # fmt: skip
    assert evaluate(model, [text_rows], verbose=False).rows == ROWS


# Errors.


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 3], "The labels 3 lie outside the classes"),
        ([-1, 0], "The labels -1 lie outside"),
        ([0.5, 0], "The labels 0.5 lie outside"),
        ([np.nan, 0], "1 labels .* are NaN"),
        (["cat", "dog"], "must be numbers"),
        ([[0, 1, 1], [1, 0, 0]], "must be one-hot"),
        ([[0, 1], [1, 0]], "must have the shape"),
        (1, "must have the shape"),
    ],
)
def test_wrong_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        check_labels(np.array(labels), "multiclass", 3, ["cat", "dog", "bird"])


@pytest.mark.parametrize(
    ("task", "units", "labels"),
    [("binary", 1, [0, 2]), ("multilabel", 2, [0, 1]), ("regression", 2, [0.0, 1.0])],
)
def test_wrong_labels_of_other_tasks(task, units, labels):
    with pytest.raises(ValueError, match=r"outside the classes|must have the shape"):
        check_labels(labels, task, units)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ([], "is empty"),
        ([(np.zeros((2, 3)),)], "labels are missing"),
        ([np.zeros((2, 3))], "labels are missing"),
        ([(np.full((2, 3), np.nan), [0, 1])], "predictions are NaN"),
        ([(np.zeros((2, 3)), [0, 1, 2])], "must predict one array of shape"),
        ([(np.zeros((2, 3)), [0, 1], [1.0, np.nan])], "sample_weight"),
        ([(np.zeros((2, 3)), [0, 1], [1.0])], "sample_weight"),
        ([(np.zeros((2, 3)), [0, 1], [0.0, 0.0])], "sample_weight 0"),
    ],
)
def test_wrong_datasets(dataset, message):
    with pytest.raises(ValueError, match=message):
        evaluate(echo_model(heads.Softmax(3)), dataset, verbose=False)


def test_endless_datasets():
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensors((np.zeros((2, 3)), [0, 1])).repeat()
    with pytest.raises(ValueError, match="endless"):
        evaluate(echo_model(heads.Softmax(3)), dataset, verbose=False)


def test_models_without_a_head():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="layer named 'head'"):
        evaluate(model, [], verbose=False)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="head")])
    with pytest.raises(ValueError, match="its is a Dense"):
        evaluate(model, [], verbose=False)
    with pytest.raises(TypeError, match=r"keras\.Model"):
        evaluate("model", [])


def test_a_missing_package_says_how_to_install_it(monkeypatch, text_model, text_rows):
    with pytest.raises(ImportError, match=r'pip install "mmzoo\[report\]"'):
        optional_packages.require("no_such_package.inside", extra="report")
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    with pytest.raises(ImportError, match=r'sklearn.*pip install "mmzoo\[report\]"'):
        evaluate(text_model, [text_rows])


# The report.


def reports():
    """One report a task, small."""
    random = np.random.default_rng(2)
    for head, labels in (
        (heads.Softmax(3), random.integers(0, 2, ROWS)),
        (heads.Sigmoid(), random.integers(0, 2, ROWS)),
        (heads.Sigmoid(2, class_names=["[bold]", "二"]), random.integers(0, 2, (ROWS, 2))),
        (heads.Regression(), random.normal(size=ROWS)),
    ):
        x = random.normal(size=(ROWS, head.units))
        yield evaluate(echo_model(head), [(x, labels)], verbose=False)


def test_json_round_trip(tmp_path):
    for report in reports():
        path = tmp_path / "folder" / f"{report.task}.json"
        report.save(path)
        text = path.read_text(encoding="utf-8")
        assert json.loads(text) == report.to_dict()
        assert "NaN" not in text
        assert json.loads(text)["task"] == report.task


def test_printed_report(capsys, text_model, text_rows):
    report = evaluate(text_model, [text_rows])
    printed = capsys.readouterr().out
    for words in ("Multiclass, 40 rows", "log loss", "bird", "macro average", "support"):
        assert words in printed
        assert words in str(report)
    evaluate(text_model, [text_rows], verbose=False)
    assert not capsys.readouterr().out


def test_printed_reports_of_each_task():
    multiclass, binary, multilabel, regression = map(str, reports())
    assert "1 of 3 classes left out" in multiclass
    assert "Binary, 40 rows" in binary
    assert "Hamming loss" in multilabel and "[bold]" in multilabel and "二" in multilabel
    assert "R²" in regression and "macro" not in regression
    assert repr(next(reports())).startswith("<Report of multiclass on 40 rows: accuracy=")


def test_printed_report_of_many_classes(random):
    logits, labels = random.normal(size=(400, 60)), random.integers(0, 60, 400)
    report = evaluate(echo_model(heads.Softmax(60)), [(logits, labels)], verbose=False)
    assert "and 20 rarer ones" in str(report)


# The pictures.


def made_up_report(class_names, random):
    classes = len(class_names)
    counts = random.integers(0, 2000, (classes, classes))
    counts[classes // 2] = 0
    return Report(
        task="multiclass", rows=int(counts.sum()), class_names=class_names, accuracy=0.5,
        confusion_matrix=counts,
    )  # fmt: skip


@pytest.mark.parametrize(
    "class_names",
    [["no", "yes"], list(EASY_VQA), [f"a class with a long name: ${i}$" for i in range(30)]],
)
def test_confusion_matrix_picture(tmp_path, random, class_names):
    path = tmp_path / "pictures" / "confusion_matrix.png"
    figure = made_up_report(class_names, random).plot_confusion_matrix(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 5000
    axes, bar = figure.axes
    assert len(axes.get_xticklabels()) == len(axes.get_yticklabels()) == len(class_names)
    assert "never occurs" in bar.get_ylabel()
    labels = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert not any(labels[i].overlaps(labels[i + 1]) for i in range(len(labels) - 1))


def test_confusion_matrix_picture_of_many_classes_and_weights(tmp_path, random):
    figure = made_up_report([str(i) for i in range(100)], random).plot_confusion_matrix()
    assert not figure.axes[0].texts
    report = made_up_report(["no", "yes"], random)
    report.confusion_matrix = np.array([[0.25, 0.0], [1.0, 1234.0]])
    texts = [text.get_text() for text in report.plot_confusion_matrix().axes[0].texts]
    assert texts == ["0.25", "1", "1,234"]


def test_confusion_matrix_picture_where_there_is_none():
    _, _, multilabel, regression = reports()
    with pytest.raises(ValueError, match=r"report\.per_class"):
        multilabel.plot_confusion_matrix()
    with pytest.raises(ValueError, match="no classes"):
        regression.plot_confusion_matrix()


def test_training_curves_of_a_history(tmp_path, text_rows):
    model = mmzoo.build_model(
        inputs={"text": mmzoo.Text(4, 10, encoder="bag")}, head=heads.Softmax(3), dim=8
    )
    history = model.fit(
        *text_rows, validation_data=text_rows, validation_freq=2, epochs=5, initial_epoch=1,
        verbose=0,
    )  # fmt: skip
    path = tmp_path / "curves.png"
    figure = plot_training_curves(history, path, validation_freq=2)
    assert path.stat().st_size > 5000
    loss, accuracy = figure.axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    training, validation, best = loss.lines
    assert training.get_xdata().tolist() == [2, 3, 4, 5]
    assert validation.get_xdata().tolist() == [2, 4]
    assert best.get_xdata()[0] in (2, 4)
    with pytest.raises(ValueError, match="validation_freq"):
        plot_training_curves(history)


def test_training_curves_of_a_dict():
    curves = {
        "accuracy": [0.1, 0.2],
        "learning_rate": [1, 1],
        "loss": [2, float("nan")],
        "x": [1, 2],
    }
    figure = plot_training_curves(curves)
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ["loss", "accuracy", "x", "learning rate"]
    figure = plot_training_curves({"loss": [1.0, 2.0], "val_loss": [float("nan")] * 2})
    assert len(figure.axes[0].lines) == 2


@pytest.mark.parametrize("empty", [{}, {"loss": []}, {"val_loss": [1.0]}])
def test_training_curves_of_nothing(empty):
    with pytest.raises(ValueError, match="empty"):
        plot_training_curves(empty)
    with pytest.raises(TypeError, match="history"):
        plot_training_curves([1.0])


def test_pictures_do_not_touch_pyplot(random):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    plot_training_curves({"loss": [1.0]})
    made_up_report(["no", "yes"], random).plot_confusion_matrix()
    assert pyplot.get_fignums() == before
