"""calibrate(), and how the report judges probabilities."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.commands import train_run
from mmzoo.commands.predict_file import predict_file
from mmzoo.commands.training_options import TrainingOptions
from mmzoo.evaluation import Report
from mmzoo.evaluation.calibrate import _Logits, _Wanted
from mmzoo.export.exported_model import ExportedModel
from mmzoo.heads import heads_of
from mmzoo.targets.intervals import half_widths, interval_figures
from mmzoo.targets.isotonic import along_points, isotonic_points
from mmzoo.targets.label_sets import in_label_set, label_set_figures, least_probability
from mmzoo.targets.reliability import of_labels, of_one_class, reliability_figures
from mmzoo.targets.selective import confidence_threshold, selective_figures
from mmzoo.targets.temperature import (
    FEWEST_OF_EACH,
    against_zero,
    best_temperature,
    best_temperatures,
    cross_entropies,
    softmax,
)
from mmzoo.testing import check_target
from tests.parts import slow_among

NAMES = ["cat", "dog", "bird"]
WIDTH = 6
FORMATS = ["savedmodel", "litert", "onnx"]
INPUTS = {"x": mmzoo.Features(WIDTH)}
HEADS = {
    "one": lambda: mmzoo.heads.Softmax(class_names=NAMES),
    "several": lambda: mmzoo.heads.Sigmoid(units=3, class_names=NAMES),
    "yes_no": lambda: mmzoo.heads.Sigmoid(class_names=["no", "yes"]),
}


def drawn(logits, temperature, seed=0):
    """Class indices out of `softmax(logits / temperature)`."""
    generator = np.random.default_rng(seed)  # or a generator
    cumulated = softmax(logits / temperature).cumsum(axis=1)
    return (generator.random((len(logits), 1)) > cumulated[:, :-1]).sum(axis=1)


def said(logits, temperatures, seed=0):
    """Labels that hold with `sigmoid(logits / temperatures)`, 0 or 1."""
    probabilities = 1 / (1 + np.exp(-logits / temperatures))
    return (np.random.default_rng(seed).random(logits.shape) < probabilities).astype(int)


def case(kind, temperature, rows=1500, fusion="sum"):
    """A model, its preprocessor, rows whose labels come of its logits at a temperature, and those.

    Args:
        kind: one of `HEADS`.
        temperature: by which the model is too sure.
        rows: how many.
        fusion: as in `mmzoo.build_model`.
    """
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, WIDTH)).astype("float32")
    inputs = INPUTS if fusion == "sum" else {**INPUTS, "z": mmzoo.Features(WIDTH)}
    columns = {name: (x[:, ::-1] if name == "z" else x).tolist() for name in inputs}
    head = HEADS[kind]()
    model = mmzoo.build_model(inputs=inputs, fusion=fusion, head=head, dim=8)
    (layer,) = heads_of(model).values()
    for variable in layer.dense.variables:
        variable.assign(generator.normal(0, 2, variable.shape))
    arrays = {name: np.array(values, "float32") for name, values in columns.items()}
    logits = layer.logits(keras.Model(model.input, layer.input).predict(arrays, verbose=0))
    logits = keras.ops.convert_to_numpy(logits).astype("float64")
    if kind == "one":
        labels = [NAMES[index] for index in drawn(logits, temperature)]
    elif kind == "several":
        labels = said(logits, temperature)
    else:
        labels = [["no", "yes"][index] for index in said(logits, temperature)[:, 0]]
    records = mmzoo.data.from_arrays(columns, labels)
    preprocessor = mmzoo.Preprocessor(inputs, head=head)
    preprocessor.adapt(records)
    return model, preprocessor, records, logits


# --- The figures ---


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_a_known_temperature_is_found(temperature):
    logits = np.random.default_rng(1).normal(0, 3, (20_000, 4))
    found = best_temperature(logits, drawn(logits, temperature))
    assert found == pytest.approx(temperature, rel=0.03)
    by_label = np.array([temperature, 2 * temperature])
    found = best_temperatures(logits[:, :2], said(logits[:, :2], by_label))
    assert found == pytest.approx(by_label, rel=0.06)


def test_the_log_loss_is_the_lowest_there_is():
    logits = np.random.default_rng(1).normal(0, 3, (500, 4))
    labels = drawn(logits, 2.0)
    found = best_temperature(logits, labels)
    losses = {t: cross_entropies(logits / t, labels).mean() for t in np.geomspace(0.2, 20, 400)}
    assert found == pytest.approx(min(losses, key=losses.get), rel=0.02)
    shifted = logits + np.random.default_rng(2).normal(0, 100, (500, 1))  # of no account
    assert best_temperature(shifted, labels) == pytest.approx(found, rel=1e-6)


def test_a_weight_of_two_is_two_rows_to_a_temperature():
    logits = np.random.default_rng(1).normal(0, 3, (4000, 3))
    labels = drawn(logits, 2.0)
    weights = np.ones(4000)
    weights[:1000] = 2
    again = np.concatenate([np.arange(1000), np.arange(4000)])
    weighted = best_temperature(logits, labels, weights)
    assert weighted == pytest.approx(best_temperature(logits[again], labels[again]), rel=1e-3)


@pytest.mark.parametrize("gap", [1.0, 30.0])
def test_rows_that_are_all_right_do_not_make_it_certain(gap):
    """Of 100 rows without a fault one more could be wrong; and the log loss does not rise."""
    labels = np.arange(100) % 2
    logits = gap * np.eye(2)[labels]
    sure = softmax(logits / best_temperature(logits, labels)).max()
    assert sure == pytest.approx(0.995, abs=1e-3) if gap == 1.0 else sure == softmax(logits).max()


def test_logits_without_information_keep_their_temperature():
    assert best_temperature(np.zeros((20, 3)), np.arange(20) % 3) == 1.0


def test_rare_labels_go_by_all_labels_together():
    logits = np.random.default_rng(1).normal(0, 3, (2000, 3))
    labels = said(logits, np.array([1.0, 3.0, 2.0]))
    labels[:, 2] = 0
    labels[: FEWEST_OF_EACH - 1, 2] = 1
    found = best_temperatures(logits, labels)
    assert found[0] == pytest.approx(1, rel=0.2) and found[1] == pytest.approx(3, rel=0.2)
    assert found[2] == best_temperature(against_zero(logits.reshape(-1)), labels.reshape(-1))


def test_what_is_calibrated_has_no_error():
    logits = np.random.default_rng(1).normal(0, 2, (30_000, 4))
    labels = drawn(logits, 1.0)
    found = of_one_class(labels, softmax(logits))
    assert found["expected_calibration_error"] < 0.01 and len(found["reliability"]) == 15
    masses = [of_bin["rows"] for of_bin in found["reliability"]]
    assert sum(masses) == 30_000 and max(masses) - min(masses) <= 1
    assert of_one_class(labels, softmax(3 * logits))["expected_calibration_error"] > 0.1
    several = said(logits, 1.0)
    found = of_labels(several, 1 / (1 + np.exp(-logits)))
    assert found["expected_calibration_error"] < 0.01


def test_rows_of_one_probability_are_one_bin():
    right = np.arange(300) % 10 < 7
    found = reliability_figures(np.full(300, 0.7), right, (right - 0.7) ** 2)
    assert found["expected_calibration_error"] == pytest.approx(0, abs=1e-12)
    assert [of_bin["rows"] for of_bin in found["reliability"]] == [300]
    assert found["brier_score"] == pytest.approx(0.21)


@pytest.mark.parametrize(("rows", "bins"), [(5, 1), (25, 2), (149, 14), (1000, 15)])
def test_few_rows_have_fewer_bins(rows, bins):
    confidence = np.linspace(0.5, 1, rows)
    found = reliability_figures(confidence, np.ones(rows, bool), (1 - confidence) ** 2)
    assert len(found["reliability"]) == bins


def test_brier_scores_are_those_of_sklearn():
    from sklearn.metrics import brier_score_loss

    generator = np.random.default_rng(0)
    probabilities, labels = generator.random((50, 2)), generator.integers(0, 2, (50, 2))
    weight = generator.random(50) + 0.1
    expected = [
        brier_score_loss(labels[:, k], probabilities[:, k], sample_weight=weight) for k in (0, 1)
    ]
    found = of_labels(labels, probabilities, weight)
    assert found["brier_score"] == pytest.approx(np.mean(expected))
    both = np.stack([1 - probabilities[:, 0], probabilities[:, 0]], axis=1)
    found = of_one_class(labels[:, 0], both, weight)["brier_score"]
    assert found == pytest.approx(2 * expected[0])


# --- Models ---


@pytest.mark.parametrize("kind", slow_among(HEADS, slow=["yes_no"]))
def test_the_temperature_of_a_model_is_found(kind):
    model, preprocessor, records, logits = case(kind, 3.0)
    dataset = records.to_dataset(preprocessor, 256)
    report = mmzoo.evaluate(model, dataset, verbose=False)  # its graph is traced from here on
    found = mmzoo.calibrate(model, preprocessor, records, batch_size=256)
    temperatures = found["temperature"]
    if kind == "several":
        assert [*temperatures] == NAMES
        temperatures = np.array([*temperatures.values()])
    assert temperatures == pytest.approx(3.0, rel=0.2)
    error = found["expected_calibration_error"]
    assert error["before"] > 0.07 and error["after"] < 0.06 and error["after"] < error["before"] / 2
    assert found["log_loss"]["after"] < found["log_loss"]["before"] and found["rows"] == 1500

    expected, before = (
        softmax(z) if kind == "one" else 1 / (1 + np.exp(-z))
        for z in (logits / temperatures, logits)
    )
    after = model.predict(dataset, verbose=0)
    np.testing.assert_allclose(after, expected, atol=1e-5)
    if kind == "one":
        np.testing.assert_array_equal(after.argmax(axis=1), before.argmax(axis=1))
    else:
        np.testing.assert_array_equal(after > 0.5, before > 0.5)
    again = mmzoo.evaluate(model, dataset, verbose=False)
    assert again.accuracy == report.accuracy
    for name, value in (("expected_calibration_error", error), ("log_loss", found["log_loss"])):
        assert getattr(report, name) == pytest.approx(value["before"], abs=2e-4)
        assert getattr(again, name) == pytest.approx(value["after"], abs=2e-4)


def test_calibrated_models_are_saved_and_loaded(tmp_path):
    model, preprocessor, records, logits = case("one", 3.0, rows=200)
    found = mmzoo.calibrate(model, preprocessor, records)
    after = mmzoo.predict(model, preprocessor, records)
    np.testing.assert_allclose(after, softmax(logits / found["temperature"]), atol=1e-5)
    mmzoo.save(model, preprocessor, tmp_path / "model")
    loaded, of_loaded = mmzoo.load(tmp_path / "model")
    np.testing.assert_array_equal(mmzoo.predict(loaded, of_loaded, records), after)
    assert loaded.get_layer("head").calibration == found
    # Once more: there is nothing left to do.
    again = mmzoo.calibrate(loaded, of_loaded, records)["temperature"]
    assert again == pytest.approx(1.0, abs=1e-3)


@pytest.mark.slow
def test_a_vector_a_modality():
    """Its logits are averaged."""
    model, preprocessor, records, logits = case("one", 3.0, rows=200, fusion="late")
    found = mmzoo.calibrate(model, preprocessor, records)
    after = mmzoo.predict(model, preprocessor, records)
    np.testing.assert_allclose(after, softmax(logits / found["temperature"]), atol=1e-5)


@pytest.mark.parametrize("format", slow_among(FORMATS, slow=["litert", "onnx"]))
def test_exported_probabilities_are_calibrated(format, tmp_path):
    modules = {"litert": "ai_edge_litert.interpreter", "onnx": "onnxruntime"}
    if format in modules:
        pytest.importorskip(modules[format], reason=f"the extra `{format}` is not installed")
    model, preprocessor, records, logits = case("one", 3.0, rows=300)
    temperature = mmzoo.calibrate(model, preprocessor, records)["temperature"]
    expected = softmax(logits / temperature)
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "out", format=format)
    x = np.array(records.column("x"), "float32")
    if format == "savedmodel":
        outputs = tf.saved_model.load(folder).signatures["serving_default"](x=tf.constant(x))
        found, scores = outputs["probabilities"], outputs["scores"].numpy()
        np.testing.assert_allclose(scores, -np.sort(-expected, axis=1), atol=1e-5)
    else:
        found = ExportedModel(folder, model.heads).predict_on_batch({"x": x})
    np.testing.assert_allclose(found, expected, atol=1e-5)
    card = (pathlib.Path(folder) / "model_card.md").read_text()
    assert f"calibrated, on 300 validation rows: temperature {temperature:.4g}, " in card


def test_a_model_that_is_not_calibrated_says_nothing_of_it():
    head = HEADS["one"]()
    assert "calibration" not in head.get_config()
    assert "calibration" not in head.target().card_facts()
    head.calibration = {"rows": 3}
    assert type(head).from_config(head.get_config()).calibration == {"rows": 3}


def test_training_on_forgets_the_note():
    model, preprocessor, records, _ = case("one", 3.0, rows=200)
    mmzoo.calibrate(model, preprocessor, records)
    model.compile_for_heads(jit_compile=False, run_eagerly=True)
    model.fit(records.to_dataset(preprocessor, 200), verbose=0)
    assert model.get_layer("head").calibration is None


@pytest.mark.parametrize("kind", slow_among(["several", "yes_no"], slow=["yes_no"]))
def test_thresholds_before_and_after(kind):
    """Those from before move along, and choose what they chose; those from after fit."""
    model, preprocessor, records, _ = case(kind, 3.0, rows=400)
    dataset = records.to_dataset(preprocessor, 128)
    earlier = mmzoo.choose_thresholds(model, dataset)
    before = mmzoo.evaluate(model, dataset, verbose=False)
    mmzoo.calibrate(model, preprocessor, records)
    moved = mmzoo.evaluate(model, dataset, verbose=False)
    assert moved.at_thresholds["thresholds"] != pytest.approx(earlier, abs=1e-3)
    for figure in ("accuracy", "precision", "recall", "f1"):
        assert moved.at_thresholds[figure] == before.at_thresholds[figure], figure
    mmzoo.choose_thresholds(model, dataset)
    chosen = mmzoo.evaluate(model, dataset, verbose=False)
    for figure in ("accuracy", "precision", "recall", "f1"):
        assert chosen.at_thresholds[figure] == before.at_thresholds[figure], figure


def test_thresholds_of_nothing_and_of_everything_stay():
    head = mmzoo.heads.Sigmoid(units=3, thresholds=[0, 0.5, 1])
    head.build((None, 4))
    head.scale_logits([0.5, 2, 3])
    assert head.thresholds == (0, 0.5, 1)


def several_answers(count=60):
    """A model of a class, a number, and a label that most rows lack; and its parts."""
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(count, WIDTH))
    labels = {
        "kind": [NAMES[row % 3] for row in range(count)],
        "price": x[:, 0].tolist(),
        "rare": [None if row > 9 else ["a", "b"][row % 2] for row in range(count)],
    }
    head = {
        "kind": mmzoo.heads.Softmax(class_names=NAMES),
        "price": mmzoo.heads.Regression(),
        "rare": mmzoo.heads.Softmax(class_names=["a", "b"]),
    }
    records = mmzoo.data.from_arrays({"x": x.tolist()}, labels)
    preprocessor = mmzoo.Preprocessor(INPUTS, head=head)
    preprocessor.adapt(records)
    return mmzoo.build_model(inputs=INPUTS, head=head, dim=8), preprocessor, records


def test_several_answers():
    model, preprocessor, records = several_answers()
    before = mmzoo.predict(model, preprocessor, records)
    with pytest.raises(ValueError, match=r"10 labelled rows of 'rare' are too few.*takes 15"):
        mmzoo.calibrate(model, preprocessor, records)
    same = mmzoo.predict(model, preprocessor, records)  # all or none
    np.testing.assert_array_equal(same["kind"], before["kind"])
    found = mmzoo.calibrate(model, preprocessor, records, fewest_rows=5)
    rows = {name: of_answer["rows"] for name, of_answer in found.items()}
    assert rows == {"kind": 60, "rare": 10}
    after = mmzoo.predict(model, preprocessor, records)
    assert np.abs(after["kind"] - before["kind"]).max() > 1e-3
    np.testing.assert_array_equal(after["price"], before["price"])
    only = mmzoo.calibrate(model, preprocessor, records, answer="kind")
    assert [*only] == ["kind"]
    with pytest.raises(ValueError, match=r"Regression has no probabilities.*evaluate"):
        mmzoo.calibrate(model, preprocessor, records, answer="price")
    with pytest.raises(ValueError, match="`answer` must be one of kind, price, rare"):
        mmzoo.calibrate(model, preprocessor, records, answer="cost")


def test_rows_that_cannot_be_calibrated_on():
    model, preprocessor, records, _ = case("one", 3.0, rows=60)
    before = mmzoo.predict(model, preprocessor, records)
    kinds = np.array(records.labels)
    with pytest.raises(ValueError, match="rows have no labels"):
        mmzoo.calibrate(model, preprocessor, records.unlabelled())
    with pytest.raises(ValueError, match=r"8 labelled rows are too few.*takes 15"):
        mmzoo.calibrate(model, preprocessor, records.take(np.arange(8)))
    with pytest.raises(ValueError, match=r"60 labelled rows are too few.*takes 100"):
        mmzoo.calibrate(model, preprocessor, records, fewest_rows=100)
    with pytest.raises(ValueError, match="All rows are of the class 'dog'"):
        dogs = records.take(np.flatnonzero(kinds == "dog"))
        mmzoo.calibrate(model, preprocessor, dogs, fewest_rows=1)
    np.testing.assert_array_equal(mmzoo.predict(model, preprocessor, records), before)


@pytest.mark.parametrize(
    ("kind", "message"), [("several", "said of all rows, or of none"), ("yes_no", "rows are 'no'")]
)
def test_labels_of_one_kind(kind, message):
    model, preprocessor, records, _ = case(kind, 3.0, rows=60)
    labels = np.tile([[1, 0, 0]], (60, 1)) if kind == "several" else ["no"] * 60
    names = NAMES if kind == "several" else ["no", "yes"]
    same = mmzoo.data.from_arrays({"x": records.column("x")}, labels, class_names=names)
    with pytest.raises(ValueError, match=message):
        mmzoo.calibrate(model, preprocessor, same)


@keras.saving.register_keras_serializable(package="test")
class Sharpened(mmzoo.heads.Softmax):
    """A head whose probabilities are not the softmax of its linear layer."""

    def activate(self, logits):
        return super().activate(5.0 * logits)


def test_heads_that_cannot_be_scaled():
    model, preprocessor, records, _ = case("one", 3.0, rows=60)
    own = mmzoo.build_model(inputs=INPUTS, head=Sharpened(class_names=NAMES), dim=8)
    with pytest.raises(ValueError, match=r"Sharpened makes probabilities .* way of its own"):
        mmzoo.calibrate(own, preprocessor, records)
    model.get_layer("head").dense.enable_lora(2)
    with pytest.raises(ValueError, match="has LoRA"):
        mmzoo.calibrate(model, preprocessor, records)


# --- The report ---


def test_the_report_has_a_table_and_a_picture(tmp_path):
    model, preprocessor, records, _ = case("yes_no", 3.0, rows=300)
    report = mmzoo.evaluate(model, records.to_dataset(preprocessor), verbose=False)
    assert len(report.reliability) == 15
    off = [abs(of_bin["confidence"] - of_bin["right"]) for of_bin in report.reliability]
    rows = [of_bin["rows"] for of_bin in report.reliability]
    assert report.expected_calibration_error == pytest.approx(np.average(off, weights=rows))
    text = str(report)
    for part in ("expected calibration error", "Brier score", "share of 'yes'"):
        assert part in text
    assert report.to_dict()["reliability"] == report.reliability
    report.plot_reliability(tmp_path / "reliability.png")
    assert (tmp_path / "reliability.png").stat().st_size > 5000
    with pytest.raises(ValueError, match="has no probabilities"):
        Report(task="regression", rows=3).plot_reliability()


# --- Label sets ---


@pytest.mark.parametrize(("alpha", "rows"), [(0.1, 99), (0.1, 500), (0.3, 37)])
def test_label_sets_hold_what_they_promise(alpha, rows):
    """On average over many draws of validation and of further rows, whatever the model is worth."""
    generator = np.random.default_rng(0)
    coverages = []
    for _ in range(200):
        logits = generator.normal(0, 2, (rows + 500, 4))
        probabilities = softmax(3 * logits + generator.normal(0, 1, logits.shape))  # a bad model
        labels = drawn(logits, 1.0, generator)
        least = least_probability(probabilities[:rows], labels[:rows], alpha)
        promise = {"alpha": alpha, "least_probability": least}
        found = label_set_figures(labels[rows:], probabilities[rows:], promise)
        coverages.append(found["coverage"])
    assert 1 - alpha - 0.005 < np.mean(coverages) < 1 - alpha + 2 / rows + 0.01


def test_label_sets_of_too_few_rows():
    probabilities = np.full((98, 2), 0.5)
    labels = np.zeros(98, int)
    with pytest.raises(ValueError, match=r"alpha=0.01 need at least 99 .* there are 98"):
        least_probability(probabilities, labels, 0.01)
    more = np.full((99, 2), 0.5), np.zeros(99, int)
    assert least_probability(*more, 0.01) == 0.5
    assert least_probability(probabilities[:50], labels[:50], 0.01, np.full(50, 2.0)) == 0.5
    for alpha in (0.1, 0.9):  # weights that are shares of a whole
        with pytest.raises(ValueError, match=r"there are 98, which weigh 0\.5"):
            least_probability(probabilities, labels, alpha, np.full(98, 0.5 / 98))


def test_a_label_set_is_never_empty():
    sets = in_label_set(np.array([[0.4, 0.35, 0.25], [0.95, 0.03, 0.02]]), 0.9)
    np.testing.assert_array_equal(sets, [[True, False, False], [True, False, False]])


@pytest.mark.parametrize("kind", slow_among(["one", "yes_no"], slow=["yes_no"]))
def test_label_sets_and_abstaining_are_answered_everywhere(kind, tmp_path):
    model, preprocessor, records, _ = case(kind, 3.0, rows=400)
    validation, wanted = records.take(np.arange(200)), {"one": 0.85, "yes_no": 0.8}[kind]
    found = mmzoo.calibrate(model, preprocessor, validation, alpha=0.2, abstain=wanted)
    abstaining = found["abstaining"]
    assert abstaining["accuracy"] >= abstaining["wanted"] == wanted
    assert 0.1 < abstaining["coverage"] < 0.9
    further = records.take(np.arange(200, 400))
    report = mmzoo.evaluate(model, further.to_dataset(preprocessor), verbose=False)
    assert report.label_sets["promised"] == pytest.approx(0.8)
    assert report.label_sets["coverage"] == pytest.approx(0.8, abs=0.1)
    assert "coverage promised" in str(report)
    target = mmzoo.heads.targets_of(model, preprocessor)["head"]
    prediction = mmzoo.predict(model, preprocessor, further)
    sets = [set(names.split("|")) for names in target.columns(prediction)["label_set"]]
    held = np.mean([label in names for label, names in zip(further.labels, sets, strict=True)])
    assert report.label_sets["coverage"] == pytest.approx(held)
    assert report.label_sets["mean_size"] == pytest.approx(np.mean([*map(len, sets)]))
    unsure = target.columns(prediction)["abstain"]
    answered = ~np.array(unsure)
    assert report.selective["coverage"] == pytest.approx(answered.mean())
    predicted = np.array(target.columns(prediction)["predicted"])
    right = (predicted == np.array(further.labels))[answered].mean()
    assert report.selective["accuracy"] == pytest.approx(right)
    assert right == pytest.approx(wanted, abs=0.1) and right > report.accuracy + 0.05
    assert "accuracy of answered rows" in str(report)
    missing = target.columns(np.full((1, prediction.shape[1]), np.nan))
    assert missing["label_set"] == missing["abstain"] == [None]

    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "out")
    x = tf.constant(np.array(further.column("x"), "float32"))
    outputs = tf.saved_model.load(folder).signatures["serving_default"](x=x)
    exported = [[name.decode() for name in row if name] for row in outputs["label_set"].numpy()]
    assert [*map(set, exported)] == sets
    assert [row[0] for row in exported] == [row[0].decode() for row in outputs["labels"].numpy()]
    assert outputs["abstain"].numpy().tolist() == unsure
    card = (pathlib.Path(folder) / "model_card.md").read_text()
    assert "| `label_set` |" in card and "hold the right class in 0.8 of rows" in card
    assert "| `abstain` |" in card and "abstains below a probability of" in card
    mmzoo.save(model, preprocessor, tmp_path / "model")
    loaded, _ = mmzoo.load(tmp_path / "model")
    assert loaded.get_layer("head").calibration == found
    names = target.class_names
    check_target(target, names, prediction[: len(names)])


def test_label_sets_that_cannot_be():
    model, preprocessor, records, _ = case("several", 3.0, rows=60)
    with pytest.raises(ValueError, match="for one class out of several"):
        mmzoo.calibrate(model, preprocessor, records, alpha=0.1)
    model, preprocessor, records = several_answers()
    with pytest.raises(ValueError, match=r"share between 0 and 1; received: 1.5"):
        mmzoo.calibrate(model, preprocessor, records, answer="kind", alpha=1.5)
    with pytest.raises(ValueError, match=r"Answer 'kind': .* at least 99 labelled rows"):
        mmzoo.calibrate(model, preprocessor, records, answer="kind", alpha=0.01)
    with pytest.raises(ValueError, match="do not leave it out"):
        train_run._check_doubt(model, TrainingOptions(alpha=0.1, calibration=False))


# --- Isotonic regression ---


def test_lines_follow_how_often_probabilities_are_right():
    """Whatever the shape, which no temperature has."""
    generator = np.random.default_rng(0)
    said = generator.random((20_000, 2)).astype("float32")
    true = np.stack([said[:, 0] ** 3, 0.3 + 0.4 * (said[:, 1] > 0.5)], axis=1)
    labels = (generator.random(said.shape) < true).astype(int)
    points = isotonic_points(said, labels, classes=2)
    found = keras.ops.convert_to_numpy(along_points(said, points))
    assert np.abs(found - true).mean() < 0.02
    for unit, (before, after) in enumerate(points):
        assert (np.diff(before) > 0).all() and (np.diff(after) >= 0).all()
        expected = np.interp(said[:, unit], before, after)
        np.testing.assert_allclose(found[:, unit], expected, atol=1e-3)  # steps are 1e-6 wide
        assert np.mean(np.abs(found[:, unit] - expected) < 1e-5) > 0.99
        assert after[0] > 0 and after[-1] < 1


def test_a_line_is_never_certain_and_rare_labels_go_by_all_together():
    said = np.tile(np.linspace(0, 1, 100, dtype="float32")[:, None], (1, 2))
    labels = (said > 0.5).astype(int)
    labels[:, 1] = 0
    labels[-3:, 1] = 1
    points = isotonic_points(said, labels, classes=2)
    assert points[0][1][0] == pytest.approx(0.5 / 101) and points[0][1][-1] == 1 - 0.5 / 101
    together = isotonic_points(said.reshape(-1, 1), labels.reshape(-1, 1), 2)[0]
    assert points[1][0] == together[0]
    constant = np.full((40, 1), 0.3, "float32")
    (line,) = isotonic_points(constant, np.arange(40)[:, None] % 2, 2)
    np.testing.assert_allclose(along_points(constant, [line]), 0.5)
    weights = np.where(labels[:, 0] == 1, 2.0, 1.0)
    again = np.repeat(np.arange(100), weights.astype(int))
    weighted = isotonic_points(said[:, :1], labels[:, :1], 2, weights)
    repeated = isotonic_points(said[again, :1], labels[again, :1], 2)
    np.testing.assert_allclose(weighted, repeated)


@pytest.mark.parametrize("kind", slow_among(HEADS, slow=["several", "yes_no"]))
def test_isotonic_regression_is_in_every_prediction(kind, tmp_path):
    model, preprocessor, records, logits = case(kind, 3.0)
    dataset = records.to_dataset(preprocessor, 256)
    report = mmzoo.evaluate(model, dataset, verbose=False)  # its graph is traced from here on
    before = mmzoo.predict(model, preprocessor, records)
    found = mmzoo.calibrate(model, preprocessor, records, method="isotonic")
    error = found["expected_calibration_error"]
    assert error["before"] > 0.07 and error["after"] < 0.05 and "temperature" not in found
    assert found["log_loss"]["after"] < found["log_loss"]["before"]
    after = mmzoo.predict(model, preprocessor, records)
    expected = np.stack(
        [
            np.interp(of_label, *points)
            for of_label, points in zip(before.T, found["isotonic"], strict=True)
        ],
        axis=1,
    )
    if kind == "one":
        expected /= expected.sum(axis=1, keepdims=True)
    assert np.mean(np.abs(after - expected) < 1e-4) > 0.99  # a rounding may be a step apart
    again = mmzoo.evaluate(model, dataset, verbose=False)
    assert report.expected_calibration_error == pytest.approx(error["before"], abs=1e-3)
    assert again.expected_calibration_error == pytest.approx(error["after"], abs=5e-3)
    if kind != "several":
        assert again.accuracy == pytest.approx(found["accuracy"]["after"], abs=5e-3)
        assert report.accuracy == found["accuracy"]["before"]

    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "out")
    x = np.array(records.column("x"), "float32")
    outputs = tf.saved_model.load(folder).signatures["serving_default"](x=tf.constant(x))
    assert np.mean(np.abs(outputs["probabilities"] - after) < 1e-4) > 0.99
    card = (pathlib.Path(folder) / "model_card.md").read_text()
    assert "calibrated, on 1,500 validation rows: isotonic regression, expected" in card
    mmzoo.save(model, preprocessor, tmp_path / "model")
    loaded, of_loaded = mmzoo.load(tmp_path / "model")
    np.testing.assert_array_equal(mmzoo.predict(loaded, of_loaded, records), after)
    # Done by a temperature instead, nothing of it is left; and so by training on.
    temperature = mmzoo.calibrate(model, preprocessor, records)["temperature"]
    temperature = [*temperature.values()] if kind == "several" else temperature
    expected = (softmax if kind == "one" else lambda z: 1 / (1 + np.exp(-z)))(
        logits / np.array(temperature)
    )
    np.testing.assert_allclose(mmzoo.predict(model, preprocessor, records), expected, atol=1e-5)
    model = loaded
    model.compile_for_heads(keras.optimizers.SGD(0.0), jit_compile=False)
    model.fit(records.to_dataset(preprocessor, 500), verbose=0)
    np.testing.assert_allclose(mmzoo.predict(model, preprocessor, records), before, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["litert", "onnx"])
def test_exported_probabilities_are_by_isotonic_regression(format, tmp_path):
    modules = {"litert": "ai_edge_litert.interpreter", "onnx": "onnxruntime"}
    pytest.importorskip(modules[format], reason=f"the extra `{format}` is not installed")
    model, preprocessor, records, _ = case("one", 3.0, rows=300)
    mmzoo.calibrate(model, preprocessor, records, method="isotonic")
    expected = mmzoo.predict(model, preprocessor, records)
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "out", format=format)
    x = np.array(records.column("x"), "float32")
    found = ExportedModel(folder, model.heads).predict_on_batch({"x": x})
    assert np.mean(np.abs(found - expected) < 1e-4) > 0.99


def test_promises_beside_isotonic_regression_hold():
    """They are made by other rows than the lines, which follow the rows they are made of: by the
    same ones label sets would hold their class in 0.85.
    """
    generator = np.random.default_rng(0)
    model = mmzoo.build_model(inputs=INPUTS, head=HEADS["one"](), dim=8)
    head, target = model.get_layer("head"), mmzoo.heads.targets_of(model)["head"]
    coverages, accuracies = [], []
    for _ in range(20):
        logits = generator.normal(0, 3, (1200, 3))
        labels = drawn(logits, 1.5, generator)
        wanted = _Wanted(alpha=0.1, abstain=0.8, method="isotonic", bins=15, fewest_rows=15)
        target.calibration = None
        note = _Logits(head, target).note(labels[:200], logits[:200], None, wanted)
        target.calibration = note
        probabilities = softmax(logits[200:]).astype("float32")
        found = target.figures(
            labels[200:],
            keras.ops.convert_to_numpy(target.along_points(probabilities, note["isotonic"])),
        )
        coverages.append(found["label_sets"]["coverage"])
        accuracies.append(found["selective"]["accuracy"])
    assert 0.89 < np.mean(coverages) < 0.93
    assert 0.79 < np.mean(accuracies) < 0.86


def test_isotonic_regression_that_cannot_be():
    model, preprocessor, records, _ = case("several", 3.0, rows=60)
    with pytest.raises(ValueError, match="said of all rows, or of none"):
        same = mmzoo.data.from_arrays(
            {"x": records.column("x")}, np.tile([[1, 0, 0]], (60, 1)), class_names=NAMES
        )
        mmzoo.calibrate(model, preprocessor, same, method="isotonic")
    with pytest.raises(ValueError, match=r"one of isotonic, temperature; received: 'platt'"):
        mmzoo.calibrate(model, preprocessor, records, method="platt")
    mmzoo.choose_thresholds(model, records.to_dataset(preprocessor))
    with pytest.raises(ValueError, match=r"has thresholds, and isotonic .* choose others"):
        mmzoo.calibrate(model, preprocessor, records, method="isotonic")


# --- Abstaining ---


@pytest.mark.parametrize("rows", [100, 1000])
def test_answered_rows_are_right_as_often_as_wanted(rows):
    """On average over many draws of validation and of further rows."""
    generator = np.random.default_rng(0)
    accuracies, coverages = [], []
    for _ in range(200):
        confidence = generator.uniform(0.5, 1, rows + 500)
        right = generator.random(rows + 500) < confidence
        threshold = confidence_threshold(confidence[:rows], right[:rows], 0.85)
        found = selective_figures(confidence[rows:], right[rows:], threshold)
        accuracies.append(found["accuracy"])
        coverages.append(found["coverage"])
    # Rows from 0.7 on are right in 0.85: six in ten.
    assert 0.845 < np.mean(accuracies) < 0.85 + 4 / rows + 0.005
    assert np.mean(coverages) == pytest.approx(0.6, abs=0.03 + 10 / rows)


def test_rows_of_one_confidence_are_answered_together():
    confidence = np.repeat([0.9, 0.8, 0.7], 20)
    right = np.repeat([True, True, False], 20)
    right[20:24] = False  # of the second group
    assert confidence_threshold(confidence, right, 0.85) == pytest.approx(0.75)
    assert confidence_threshold(confidence, right, 0.95) == pytest.approx(0.85)
    assert confidence_threshold(confidence, right, 0.5) == 0  # all are answered
    weights = np.where(right, 1.0, 10.0)
    assert confidence_threshold(confidence, right, 0.85, weights) == pytest.approx(0.85)
    with pytest.raises(ValueError, match=r"right in 0.99: the surest 20 are in 1, and a row more"):
        confidence_threshold(confidence, right, 0.99)
    assert selective_figures(confidence, right, 0.95)["accuracy"] is None


def test_abstaining_that_cannot_be(tmp_path):
    model, preprocessor, records, _ = case("yes_no", 3.0, rows=60)
    dataset = records.to_dataset(preprocessor)
    with pytest.raises(ValueError, match=r"`abstain` must be a share .* received: 1"):
        mmzoo.calibrate(model, preprocessor, records, abstain=1)
    with pytest.raises(ValueError, match=r"right in 0\.999: the surest"):
        mmzoo.calibrate(model, preprocessor, records, abstain=0.999)
    assert model.get_layer("head").calibration is None
    mmzoo.choose_thresholds(model, dataset)
    with pytest.raises(ValueError, match=r"head has a threshold, .* `head.thresholds = None`"):
        mmzoo.calibrate(model, preprocessor, records, abstain=0.7)
    model.get_layer("head").thresholds = None
    mmzoo.calibrate(model, preprocessor, records, abstain=0.7)
    with pytest.raises(ValueError, match="The head abstains"):
        mmzoo.choose_thresholds(model, dataset)
    with pytest.raises(ValueError, match="leave `threshold` or `abstain` out"):
        train_run._check_doubt(model, TrainingOptions(abstain=0.9, threshold="f1"))
    # In a table of columns of one type.
    pandas, parquet = pytest.importorskip("pandas"), pytest.importorskip("pyarrow.parquet")
    predict_file(model, preprocessor, records, tmp_path / "out.parquet", verbose=False)
    table = mmzoo.predict(model, preprocessor, records, as_table=True)
    written = pandas.read_parquet(tmp_path / "out.parquet")
    assert written["abstain"].tolist() == table["abstain"] and {*table["abstain"]} == {True, False}
    assert str(parquet.read_schema(tmp_path / "out.parquet").field("abstain").type) == "bool"


def test_abstaining_of_heads_that_do_not():
    model, preprocessor, records, _ = case("several", 3.0, rows=60)
    with pytest.raises(ValueError, match=r"abstains .* from one class out of several"):
        mmzoo.calibrate(model, preprocessor, records, abstain=0.9)


# --- Intervals ---


@pytest.mark.parametrize(("alpha", "rows"), [(0.1, 99), (0.1, 500), (0.3, 37)])
def test_conformal_intervals_hold_what_they_promise(alpha, rows):
    """On average over many draws, whatever the model is worth: here it errs to one side, too."""
    generator = np.random.default_rng(0)
    coverages = []
    for _ in range(200):
        residuals = generator.standard_t(2, (rows + 500, 2)) * [1, 100] + [1, 0]
        width = half_widths(residuals[:rows], alpha)
        further = residuals[rows:]
        found = interval_figures(further, -width, np.zeros_like(further) + width, alpha)
        coverages.append([of_output["coverage"] for of_output in found["outputs"]])
    for coverage in np.mean(coverages, axis=0):
        assert 1 - alpha - 0.005 < coverage < 1 - alpha + 2 / rows + 0.01


def test_gaussian_intervals_hold_what_they_promise_of_normal_errors():
    residuals = np.random.default_rng(0).normal(0, 3, (20_000, 1))
    assert half_widths(residuals, 0.05, "gaussian") == pytest.approx(1.96 * 3, rel=0.02)
    heavy = np.random.default_rng(0).standard_t(2, (20_000, 1))
    normal, conformal = (half_widths(heavy, 0.1, method) for method in ("gaussian", "conformal"))
    assert normal > 1.5 * conformal  # which is why it is not the default


def test_a_weight_of_two_is_two_rows_to_an_interval():
    residuals = np.random.default_rng(0).normal(size=(50, 1))
    weights = np.arange(50) % 2 + 1
    again = np.repeat(residuals, weights, axis=0)
    for method in ("conformal", "gaussian"):
        found = half_widths(residuals, 0.2, method, weights)
        assert found == pytest.approx(half_widths(again, 0.2, method))


def test_a_row_on_the_edge_is_inside():
    """Whose interval is computed in float32."""
    generator = np.random.default_rng(0)
    labels = generator.integers(1, 6, (99, 1)).astype("float64")
    for shift in generator.normal(size=20).astype("float32"):
        prediction = np.full((99, 1), 3, "float32") + shift
        width = half_widths(labels - prediction, 0.1)
        found = interval_figures(labels, prediction - width, prediction + width, 0.1)
        assert found["coverage"] >= 0.9
    with pytest.raises(ValueError, match=r"Intervals of alpha=0.01 need at least 99 .* are 98"):
        half_widths(labels[:98], 0.01)


def numbers(units=1, scale="standard", rows=400):
    """A model of numbers, its preprocessor, and rows whose labels are its answers and noise."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, WIDTH)).astype("float32")
    head = mmzoo.heads.Regression(units, scale=scale)
    model = mmzoo.build_model(inputs=INPUTS, head=head, dim=8)
    for variable in heads_of(model)["head"].dense.variables:
        variable.assign(generator.normal(0, 0.5, variable.shape))
    answers = model.predict({"x": x}, verbose=0).astype("float64")
    noise = generator.normal(0, [0.5, 2.0][:units], answers.shape)
    labels = answers * np.exp(noise) if scale == "log" else answers + noise
    labels = labels[:, 0] if units == 1 else labels
    records = mmzoo.data.from_arrays({"x": x.tolist()}, labels.astype("float32"))
    preprocessor = mmzoo.Preprocessor(INPUTS, head=head)
    preprocessor.adapt(records)
    return model, preprocessor, records


CASES = {"one": (1, "standard"), "several on a log scale": (2, "log")}


@pytest.mark.parametrize("kind", slow_among(CASES, slow=["one"]))
def test_intervals_are_answered_everywhere(kind, tmp_path):
    units, scale = CASES[kind]
    model, preprocessor, records = numbers(units, scale)
    before = mmzoo.predict(model, preprocessor, records)
    validation, further = records.take(np.arange(200)), records.take(np.arange(200, 400))
    found = mmzoo.calibrate(model, preprocessor, validation, alpha=0.2)
    intervals = found["intervals"]
    assert intervals["method"] == "conformal" and 0.8 <= intervals["coverage"] < 0.82
    if scale == "log":  # the 80 % of normally distributed logarithms
        assert np.log(intervals["factor"]) / [0.5, 2.0] == pytest.approx(1.28, rel=0.15)
    else:
        assert intervals["half_width"] / 0.5 == pytest.approx(1.28, rel=0.15)
    prediction = mmzoo.predict(model, preprocessor, further)
    np.testing.assert_array_equal(prediction, before[200:])

    report = mmzoo.evaluate(model, further.to_dataset(preprocessor), verbose=False)
    table = mmzoo.predict(model, preprocessor, further, as_table=True)
    lower, upper = (
        np.stack([table[f"{end}_{unit}" if units > 1 else end] for unit in range(units)], axis=1)
        for end in ("lower", "upper")
    )
    labels = np.asarray(further.labels).reshape(200, units)
    held = ((labels >= lower) & (labels <= upper)).mean()
    assert report.intervals["promised"] == pytest.approx(0.8)
    assert report.intervals["coverage"] == pytest.approx(held) == pytest.approx(0.8, abs=0.1)
    assert report.intervals["mean_width"] == pytest.approx((upper - lower).mean(), rel=1e-5)
    assert len(report.intervals.get("outputs", ())) == (units if units > 1 else 0)
    assert "mean width" in str(report) and report.to_dict()["intervals"] == report.intervals

    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "out")
    x = tf.constant(np.array(further.column("x"), "float32"))
    outputs = tf.saved_model.load(folder).signatures["serving_default"](x=x)
    for name, expected in (("values", prediction), ("lower", lower), ("upper", upper)):
        np.testing.assert_allclose(outputs[name], expected, rtol=1e-5, atol=1e-5)
    card = (pathlib.Path(folder) / "model_card.md").read_text()
    assert "| `lower` |" in card and "holds the right number in 0.8 of rows (split" in card
    mmzoo.save(model, preprocessor, tmp_path / "model")
    loaded, of_loaded = mmzoo.load(tmp_path / "model")
    assert loaded.get_layer("head").calibration == found
    again = mmzoo.predict(loaded, of_loaded, further, as_table=True)
    assert [*again] == [*table]
    for name in table:
        np.testing.assert_array_equal(again[name], table[name])
    target = mmzoo.heads.targets_of(model, preprocessor)["head"]
    check_target(target, list(labels if units > 1 else labels[:, 0]), prediction)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["litert", "onnx"])
def test_files_without_intervals_say_how_to_make_them(format, tmp_path):
    modules = {"litert": "ai_edge_litert.interpreter", "onnx": "onnxruntime"}
    pytest.importorskip(modules[format], reason=f"the extra `{format}` is not installed")
    model, preprocessor, records = numbers()
    width = mmzoo.calibrate(model, preprocessor, records, alpha=0.2)["intervals"]["half_width"]
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "out", format=format)
    card = (pathlib.Path(folder) / "model_card.md").read_text()
    assert "A SavedModel also has `lower`, `upper`: here the client makes them." in card
    assert f"the answer ± {width:.4g} holds" in card
    x = np.array(records.column("x"), "float32")
    values = ExportedModel(folder, model.heads).predict_on_batch({"x": x})
    np.testing.assert_allclose(values, mmzoo.predict(model, preprocessor, records), atol=1e-5)


def test_intervals_of_a_model_with_several_answers(capsys):
    model, preprocessor, records = several_answers(120)
    found = mmzoo.calibrate(
        model, preprocessor, records, answer="price", alpha=0.1, method="gaussian"
    )["price"]["intervals"]
    assert found["method"] == "gaussian" and found["half_width"] > 0
    report = mmzoo.evaluate(model, records.to_dataset(preprocessor), verbose=False)["price"]
    assert report.intervals["coverage"] == pytest.approx(found["coverage"])
    options = TrainingOptions(alpha=0.1)
    train_run._calibrate(model, preprocessor, records, options, 2)
    printed = capsys.readouterr().out
    note = model.get_layer("price_head").calibration
    width = note["intervals"]["half_width"]
    assert (
        f"Calibrated (price) on 120 validation rows: the answer ± {width:.4g} holds the right "
        "number in 0.9 of rows (split conformal).\n" in printed
    )
    assert "Calibrated (kind) on 120" in printed and "in 0.9 of rows" in printed
    columns = mmzoo.predict(model, preprocessor, records, as_table=True)
    assert {"kind_label_set", "price_value", "price_lower", "price_upper"} <= {*columns}
    model.compile_for_heads(jit_compile=False, run_eagerly=True)
    model.fit(records.to_dataset(preprocessor, 120), verbose=0)
    assert model.get_layer("price_head").calibration is None


def test_intervals_that_cannot_be():
    model, preprocessor, records = numbers(rows=60)
    with pytest.raises(ValueError, match=r"get intervals, with `alpha`"):
        mmzoo.calibrate(model, preprocessor, records)
    with pytest.raises(ValueError, match=r"one of conformal, gaussian; received: 'temperature'"):
        mmzoo.calibrate(model, preprocessor, records, alpha=0.1, method="temperature")
    with pytest.raises(ValueError, match=r"8 labelled rows are too few.*takes 15"):
        mmzoo.calibrate(model, preprocessor, records.take(np.arange(8)), alpha=0.1)
    with pytest.raises(ValueError, match=r"Intervals of alpha=0.01 need at least 99"):
        mmzoo.calibrate(model, preprocessor, records, alpha=0.01)
    assert model.get_layer("head").calibration is None


# --- mmzoo train ---


def test_a_training_says_what_calibration_changed(capsys):
    model, preprocessor, records, _ = case("one", 3.0, rows=120)
    train_run._calibrate(model, preprocessor, records.take(np.arange(99)), TrainingOptions(), 2)
    assert model.get_layer("head").calibration is None
    assert "Not calibrated: 99 labelled rows are too few" in capsys.readouterr().out
    train_run._calibrate(model, preprocessor, records, TrainingOptions(), 2)
    note = model.get_layer("head").calibration
    assert capsys.readouterr().out == (
        f"Calibrated on 120 validation rows: temperature {note['temperature']:.4g}, expected "
        "calibration error from {before:.4g} to {after:.4g}, log loss from ".format(
            **note["expected_calibration_error"]
        )
        + "{before:.4g} to {after:.4g}.\n".format(**note["log_loss"])
    )


def test_a_training_calibrates_each_answer_it_can(capsys):
    model, preprocessor, records = several_answers(120)
    train_run._calibrate(model, preprocessor, records, TrainingOptions(), 2)
    printed = capsys.readouterr().out
    assert "Calibrated (kind) on 120 validation rows" in printed and "price" not in printed
    assert "Not calibrated (rare): 10 labelled rows of 'rare' are too few" in printed


@pytest.mark.slow
@pytest.mark.parametrize("calibration", [True, False])
def test_train_run_calibrates(calibration, tmp_path):
    """Before thresholds are chosen; what is left is the calibrated model."""
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(800, WIDTH))
    noisy = x[:, 0] + np.random.default_rng(1).normal(size=800)
    labels = ["yes" if value > 0 else "no" for value in noisy]
    records = mmzoo.data.from_arrays({"x": x.tolist()}, labels)
    model, _, report = train_run.train_run(
        *records.split(0.5, 0.25, 0.25), tmp_path / "run", inputs=INPUTS, fusion="sum", dim=8,
        head=mmzoo.heads.Sigmoid(class_names=["no", "yes"]), epochs=2, threshold="f1",
        calibration=calibration, alpha=0.1 if calibration else None, verbose=0,
    )  # fmt: skip
    note = model.get_layer("head").calibration
    assert (note is not None) == calibration == (report.label_sets is not None)
    assert report.expected_calibration_error < (0.15 if calibration else 1)
    assert (tmp_path / "run" / "reliability.png").exists()
    loaded, _ = mmzoo.load(tmp_path / "run" / "model")
    assert loaded.get_layer("head").calibration == note
    arguments = (tmp_path / "run" / "config.yaml").read_text()
    assert f"calibration: {str(calibration).lower()}" in arguments
