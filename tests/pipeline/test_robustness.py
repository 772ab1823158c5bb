"""How good a model is where values are absent, corrupted or swapped."""

import json

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.evaluation.resampled_figure import Judged, ResampledFigure
from mmzoo.preprocessing.corruption import blurred_pixels, mistyped, noisy_numbers, noisy_pixels
from mmzoo.targets import Numbers, OneClass
from tests.pipeline.raw import sound

pytest.importorskip("sklearn")
CNN = {"class_name": "cnn", "config": {"filters": [4]}}


@pytest.fixture(scope="module")
def warm():
    """A model that tells the class by the text alone, and its rows, pictures among them."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    texts = [
        f"{colour} {thing}"
        for colour, thing in zip(
            generator.choice(["crimson", "azure"], 120),
            generator.choice(["circle", "square"], 120),
            strict=True,
        )
    ]
    pixels = generator.integers(0, 256, (120, 8, 8, 3), "uint8")
    inputs = {
        "image": mmzoo.Image(size=8, encoder=CNN, optional=True),
        "text": mmzoo.Text(length=4, vocabulary_size=9, encoder="bag", optional=True),
        "place": mmzoo.Features(2),
    }
    columns = {"image": [*pixels], "text": texts, "place": [*generator.normal(size=(120, 2))]}
    labels = ["warm" if "crimson" in text else "cold" for text in texts]
    rows = mmzoo.data.from_arrays(columns, labels)
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(rows)
    model = mmzoo.build_model(
        inputs=inputs, fusion="concat", head=mmzoo.heads.Softmax(class_names=rows.class_names),
        dim=8, modality_dropout=0.2, compile=False,
    )  # fmt: skip
    for layer in model.layers:  # so that it ignores pictures to the bit
        if layer.name in ("image_encoder", "image_absent", "image_projection"):
            layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
            layer.trainable = False
    model.compile(keras.optimizers.Adam(3e-2), mmzoo.heads.SoftmaxCrossentropy(), jit_compile=False)
    (batch,) = rows.to_dataset(preprocessor, 120)
    model.fit(*batch, batch_size=60, epochs=15, verbose=0)
    return model, preprocessor, rows, columns, labels


@pytest.fixture(scope="module")
def report(warm):
    return mmzoo.robustness(*warm[:3], resamples=200, verbose=False)


def by_change(report, modality):
    """Dict from a change to its conditions, the weakest first."""
    found = {}
    for condition in report.conditions:
        if condition["modality"] == modality:
            found.setdefault(condition["change"], []).append(condition)
    return found


def test_clean_rows_and_absent_values_are_as_evaluated(warm, report):
    model, preprocessor, rows, columns, labels = warm
    clean = report.conditions[0]
    expected = mmzoo.evaluate(model, rows.to_dataset(preprocessor), verbose=False)
    assert report.figure == "accuracy" and clean["change"] == "none"
    assert report.clean == clean["value"] == expected.accuracy > 0.95
    assert clean["figures"]["log_loss"] == pytest.approx(expected.log_loss, rel=1e-5)
    assert clean["figures"]["f1.macro"] == pytest.approx(expected.f1["macro"])
    assert (clean["difference"], clean["low"], clean["high"]) == (0, 0, 0)

    *_, absent = by_change(report, "text")["absent"]
    assert absent["strength"] == 1.0
    without = mmzoo.data.from_arrays({**columns, "text": [None] * 120}, labels)
    expected = mmzoo.evaluate(model, without.to_dataset(preprocessor), verbose=False)
    assert absent["value"] == expected.accuracy
    assert absent["figures"]["log_loss"] == pytest.approx(expected.log_loss, rel=1e-5)


def test_what_the_model_reads_hurts_and_what_it_ignores_does_not(report):
    of_image, of_text = by_change(report, "image"), by_change(report, "text")
    assert [*of_image] == ["absent", "noise", "blur", "swapped"]
    for conditions in of_image.values():
        for condition in conditions:
            assert (condition["difference"], condition["low"], condition["high"]) == (0, 0, 0)
            assert condition["figures"] == report.conditions[0]["figures"]
            assert not report.is_worse(condition)
    for change in ("absent", "typos", "swapped"):
        values = [condition["value"] for condition in of_text[change]]
        assert values[-1] < report.clean - 0.1 and report.is_worse(of_text[change][-1])
        assert values == sorted(values, reverse=True)  # more of the same is worse
    halved = of_text["absent"][2]
    assert halved["shown"] == "50 % of rows" and halved["low"] <= halved["difference"]
    assert halved["difference"] <= halved["high"] < 0
    # What is always there can't be absent, and the report says so.
    assert [*by_change(report, "place")] == ["noise", "swapped"]
    assert report.notes == ["Not optional, so never absent: place."]


def test_seeds_repeat_and_batches_do_not_matter(warm, report):
    small = warm[2].take(range(30))
    first, again, other = (
        mmzoo.robustness(*warm[:2], small, resamples=0, verbose=False, **options).to_dataframe()
        for options in ({}, {"batch_size": 7}, {"seed": 1})
    )
    assert first["value"].tolist() == again["value"].tolist()
    np.testing.assert_allclose(first["log_loss"], again["log_loss"], rtol=1e-5)
    assert first["log_loss"].tolist() != other["log_loss"].tolist()
    assert first["low"].isna().all()


def test_reports_are_printed_saved_and_tables(report, tmp_path):
    printed = str(report)
    assert "Robustness: accuracy (higher is better), 120 rows" in printed
    assert "typos 20 % of letters" in printed and "Not optional" in printed
    assert max(map(len, printed.splitlines())) <= 100
    report.save(tmp_path / "robustness.json")
    assert json.loads((tmp_path / "robustness.json").read_text()) == report.to_dict()
    table = report.to_dataframe()
    assert len(table) == len(report.conditions) == 1 + 11 + 9 + 4
    assert {"modality", "change", "strength", "value", "low", "log_loss"} <= {*table}
    assert "at worst" in repr(report)


def test_what_can_not_be_asked(warm):
    model, preprocessor, rows, columns, _ = warm
    with pytest.raises(ValueError, match=r"have no labels: .* `label=...`"):
        mmzoo.robustness(model, preprocessor, columns)
    with pytest.raises(ValueError, match="no figure 'r2'; there are: accuracy"):
        mmzoo.robustness(model, preprocessor, rows.take([0, 1]), "r2", verbose=False)
    with pytest.raises(ValueError, match="At least two rows"):
        mmzoo.robustness(model, preprocessor, rows.take([0]))
    with pytest.raises(ValueError, match="`shares` must lie between 0 and 1"):
        mmzoo.robustness(model, preprocessor, rows, shares=[10])


def test_another_figure_is_computed_anew(warm):
    some = warm[2].take(range(24))
    found = mmzoo.robustness(
        *warm[:2], some, "log_loss", shares=[], resamples=3, verbose=False
    )  # fmt: skip
    assert found.figure == "log_loss" and found.lower_is_better
    worst = max(found.conditions, key=lambda condition: condition["value"])
    assert worst["modality"] == "text" and worst["low"] > 0 and found.is_worse(worst)
    assert found.conditions[0]["value"] == found.conditions[0]["figures"]["log_loss"]


@pytest.mark.end_to_end
def test_every_kind_of_answer_and_input():
    """Several answers, of which rows lack some: numbers, words, tags; sounds and tables."""
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(["red", "blue", "big"], 3)) for _ in range(12)]
    inputs = {
        "text": mmzoo.Text(length=4, vocabulary_size=9, words="spaces", optional=True),
        "audio": mmzoo.Audio(sample_rate=8000, seconds=0.1, encoder="dnn"),
        "table": mmzoo.Tabular(numeric=["price"], categorical=["brand"], optional=True),
    }
    columns = {
        "text": texts,
        "audio": [sound(row) for row in range(12)],
        "table": {"price": [*map(float, range(12))], "brand": ["a", "b", None] * 4},
    }
    labels = {
        "price": [None, *map(float, range(11))],
        "words": [text.split()[0] for text in texts],
        "tags": [["C" if word != "big" else "S" for word in text.split()] for text in texts],
        "labels": [sorted({*text.split()}) for text in texts],
    }
    head = {
        "price": mmzoo.heads.Regression(),
        "words": mmzoo.heads.Words(length=2),
        "tags": mmzoo.heads.Tags(text="text"),
        "labels": mmzoo.heads.Sigmoid(units=3, class_names=["big", "blue", "red"]),
    }
    rows = mmzoo.data.from_arrays(columns, labels)
    preprocessor = mmzoo.Preprocessor(inputs, head=head)
    preprocessor.adapt(rows)
    model = mmzoo.build_model(inputs=inputs, head=preprocessor.head, dim=8)
    found = mmzoo.robustness(model, preprocessor, rows, resamples=20, verbose=False)
    figures = {name: report.figure for name, report in found.items()}
    assert figures == {
        "price": "mean_absolute_error", "words": "exact_match", "tags": "token_accuracy",
        "labels": "accuracy",
    }  # fmt: skip
    evaluated = mmzoo.evaluate(model, rows.to_dataset(preprocessor), verbose=False)
    for name, report in found.items():
        assert report.clean == pytest.approx(getattr(evaluated[name], report.figure), rel=1e-4)
        assert report.rows == (11 if name == "price" else 12)
        assert {*by_change(report, "audio")} == {"noise", "swapped"}
        assert {*by_change(report, "table")} == {"absent", "missing", "noise", "swapped"}
        tells_of_text = {*by_change(report, "text")}
        assert tells_of_text == ({"typos"} if name == "tags" else {"absent", "typos", "swapped"})
    assert any("about a part of 'text'" in note for note in found["tags"].notes)
    parts = mmzoo.slices(model, preprocessor, rows, fewest_rows=3, resamples=20, verbose=False)
    assert {each["by"] for each in parts["labels"].slices} >= {"label red", "table brand"}
    assert parts["price"].lower_is_better and parts["price"].rows == 11
    values = [each["value"] for each in parts["price"].slices]
    assert values == sorted(values, reverse=True)


# --- Corruptions ---


def test_typos_grow_and_keep_words_apart():
    text = "The quick brown fox jumps over [it], 42 times; дом и сад"
    at = {share: mistyped(text, share, np.random.default_rng(1)) for share in (0, 0.1, 0.3, 1)}
    assert at[0] == text != at[0.1] != at[0.3] != at[1]

    def unlike(typed):
        return sum(a != b for a, b in zip(text.split(), typed.split(), strict=True))

    assert 0 < unlike(at[0.1]) < unlike(at[0.3])
    assert {*at[1]} <= {*text}
    kept = mistyped(text, 1, np.random.default_rng(1), keeps_length=True)
    assert len(kept) == len(text) and kept != text
    assert [c for c in kept if not c.isalnum()] == [c for c in text if not c.isalnum()]
    assert mistyped("...", 1, np.random.default_rng(0)) == "..."


def test_noise_has_the_strength_it_says():
    gray = np.full((64, 64, 3), 128, "uint8")
    noisy = noisy_pixels(gray, 0.1, np.random.default_rng(0))
    assert noisy.dtype == np.uint8 and noisy.std() == pytest.approx(25.5, rel=0.05)
    wave = np.sin(np.arange(10_000)).astype("float32")
    noise = noisy_numbers(wave, 10, np.random.default_rng(0)) - wave
    assert 10 * np.log10((wave**2).mean() / (noise**2).mean()) == pytest.approx(10, abs=0.2)
    gap = np.array([[1.0, 2.0], [np.nan, np.nan]])
    assert np.isnan(noisy_numbers(gap, 10, np.random.default_rng(0))).sum() == 2
    stripes = np.zeros((16, 16, 1), "uint8")
    stripes[:, ::2] = 200
    assert blurred_pixels(stripes, 0.1)[:, 5:-5].std() < 0.1 * stripes.std()
    assert (blurred_pixels(gray, 0.1) == 128).all()


def test_missing_cells_leave_one():
    modality = mmzoo.Tabular(numeric={"a": (0, 2)}, categorical={"b": ["x"], "c": ["y"]})
    part = mmzoo.Preprocessor({"table": modality}).preprocessings["table"]
    cells = {"numbers": np.array([3.0]), "categories": np.array([b"x", b""], object)}
    change = part.corruptions()["missing"].change
    left = [change(cells, 1.0, np.random.default_rng(seed)) for seed in range(8)]
    counts = [(~np.isnan(each["numbers"])).sum() + (each["categories"] != b"").sum()
              for each in left]  # fmt: skip
    assert counts == [1] * 8 and len({str(each["numbers"]) for each in left}) == 2
    noisy = part.corruptions()["noise"].change
    added = [
        noisy(cells, 0.5, np.random.default_rng(seed))["numbers"][0] - 3 for seed in range(400)
    ]
    assert np.std(added) == pytest.approx(1, rel=0.1)  # half of a deviation of 2


# --- Intervals ---


def test_paired_intervals_hold_what_they_say():
    """Of 200 samples the true difference lies in about 95 % of the intervals."""
    generator = np.random.default_rng(0)
    held, widths = 0, []
    for _ in range(200):
        hard = generator.random(80)
        right = [hard < 0.8, hard + 0.05 * generator.normal(size=80) < 0.7]
        predictions = [np.eye(2)[each.astype(int)] for each in right]
        judged = [Judged(OneClass(["a", "b"]), np.ones(80, int), each) for each in predictions]
        figure = ResampledFigure(judged, resamples=100)
        low, high = figure.difference(1, 0)[1]
        held += low <= -0.1 <= high
        widths.append(high - low)
    assert 0.88 < held / 200 <= 1.0
    apart = np.sqrt(0.8 * 0.2 / 80 + 0.7 * 0.3 / 80) * 2 * 1.96  # if the rows were not the same
    assert np.mean(widths) < 0.8 * apart


def test_figures_of_means_and_others_agree():
    generator = np.random.default_rng(0)
    y = generator.normal(size=(50, 1))
    predictions = [y + 0.1, y + generator.normal(size=(50, 1))]
    weights = generator.uniform(0.5, 2, 50)
    options = {"resamples": 40, "seed": 3}
    judged = [Judged(Numbers(1), y, each) for each in predictions]
    mean = ResampledFigure(judged, weights, **options)
    mean.is_mean = False  # the same samples, computed anew
    anew = mean._resampled(np.arange(50))
    np.testing.assert_allclose(anew, mean._draws, rtol=1e-9)
    other = ResampledFigure(judged, weights, "r2", **options)
    assert other.values[0] > other.values[1] and not other.lower_is_better
