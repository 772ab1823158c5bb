"""The command line, on small files."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas
import pytest
import tensorflow as tf
import yaml

from mmzoo import encoders, fusion, heads, recipes
from mmzoo.commands import main as command_line
from mmzoo.commands import names
from mmzoo.commands import train_run as module
from mmzoo.commands.column_options import ColumnOptions
from mmzoo.commands.labelled_records import labelled_records
from mmzoo.commands.trained_run import TrainedRun
from mmzoo.data import from_csv, from_dataframe
from mmzoo.modalities import Text
from mmzoo.preprocessor import Preprocessor
from mmzoo.saving import load
from mmzoo.version import __version__
from tests.pipeline.pages import Page
from tests.pipeline.raw import raw_columns, sound

TRAIN = {
    "--image": "photo",
    "--text": "title",
    "--epochs": "1",
    "--batch-size": "8",
    "--dim": "8",
    "--image-size": "8",
    "--text-length": "6",
    "--text-encoder": "bag",
    "--fusion": "sum",
}


def train(**options):
    """Runs `mmzoo train` with small options and these; its exit code."""
    options = {f"--{name.replace('_', '-')}": value for name, value in options.items()}
    return mmzoo("train", *(part for option in (TRAIN | options).items() for part in option))


def mmzoo(*arguments):
    """Runs the command line in this process; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["mmzoo", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            command_line.main()
    return stop.value.code


@pytest.fixture
def csv(tmp_path):
    columns, labels = raw_columns(60)
    for row, value in enumerate(columns["image"]):
        (tmp_path / f"{row}.png").write_bytes(value)
    table = pandas.DataFrame(
        {
            "photo": [f"{row}.png" for row in range(60)],
            "title": columns["text"],
            "category": labels,
            "price": np.linspace(1, 2, 60),
            "vector": [[row, -row] for row in range(60)],
        }
    )
    path = tmp_path / "rows.csv"
    table.to_csv(path, index=False)
    return path


@pytest.mark.end_to_end
def test_train_evaluate_predict_export(csv, tmp_path, capsys):
    run = tmp_path / "run"
    assert train(csv=csv, label="category", output=run) == 0
    assert {path.name for path in run.iterdir()} == {
        "config.yaml", "confusion_matrix.png", "history.csv", "metadata.json", "model",
        "predictions.csv", "reliability.png", "report.html", "report.json", "split.csv",
        "training_curves.png",
    }  # fmt: skip
    page = Page(run / "report.html")
    assert page.sections() == ["answer-1", "rows", "training", "data", "model"]
    assert len(page.all("article")) == 6 and len(page.all("img")) == 6
    assert "60 rows, 0 of them can't be used" in page.text and "batch_size" in page.text
    check_kept_files(run, pandas.read_csv(csv))
    assert 0 <= json.loads((run / "report.json").read_text())["accuracy"] <= 1
    printed = capsys.readouterr().out
    assert "Not calibrated: 6 labelled rows are too few to calibrate on; it takes 100." in printed

    (tmp_path / "elsewhere").mkdir()
    moved = shutil.copy(csv, tmp_path / "elsewhere")  # the pictures stay where they were
    page = tmp_path / "elsewhere" / "report.html"
    assert mmzoo("evaluate", run, "--csv", moved, "--html", page) == 0
    printed = capsys.readouterr().out
    assert f"The report is in {page}" in printed
    assert Page(page).sections() == ["answer-1", "rows", "training", "model"]
    assert len(Page(page).all("img")) > 48
    assert "accuracy" in printed and f"Files are taken from {tmp_path}, as in the" in printed

    folder = tmp_path / "where"
    options = ("--robustness", "--slice-by", "price", "--output", folder)
    assert mmzoo("evaluate", run, "--csv", csv, *options) == 0
    found = {path.stem: json.loads(path.read_text()) for path in folder.iterdir()}
    assert {*found} == {"report", "robustness", "slices"}
    assert found["report"]["accuracy"] == found["robustness"]["conditions"][0]["value"]
    assert {part["by"] for part in found["slices"]["slices"] + found["slices"]["left_out"]} == {
        "class", "price", "text characters",
    }  # fmt: skip
    assert mmzoo("evaluate", run, "--csv", csv, "--slice-by", "brand") == 1
    printed = capsys.readouterr()
    assert "Robustness: accuracy" in printed.out and "brand" in printed.err
    guess = ("--html", page, "--explain", "a guess")
    assert mmzoo("evaluate", run, "--csv", csv, *guess) == 1
    assert "--explain must be one of integrated_gradients" in capsys.readouterr().err

    folder = tmp_path / "why"
    options = ("--figure", "log_loss", "--output", folder)
    assert mmzoo("contributions", run, "--csv", csv, *options) == 0
    why = json.loads((folder / "contributions.json").read_text())
    assert why["figure"] == "log_loss" and set(why["shares"]) == {"image", "text"}
    assert sum(why["shares"].values()) == pytest.approx(why["everything"] - why["nothing"])
    assert (folder / "contributions.png").read_bytes().startswith(b"\x89PNG")
    options = ("--method", "gradients", "--rows", 2, "--output", folder)
    assert mmzoo("explain", run, "--csv", csv, *options) == 0
    why = json.loads((folder / "explanations.json").read_text())
    assert [{*row["totals"]} for row in why] == [{"image", "text"}] * 2
    assert (folder / "1.png").read_bytes().startswith(b"\x89PNG")

    output = tmp_path / "predictions.csv"
    assert mmzoo("predict", run, "--csv", csv, "--output", output) == 0
    predictions = pandas.read_csv(output)
    assert len(predictions) == 60
    assert set(predictions["predicted"]) <= {"red", "green", "blue"}

    assert mmzoo("export", run, tmp_path / "serving", "--version", "next") == 0
    answer = tf.saved_model.load(str(tmp_path / "serving" / "1")).signatures["serving_default"]
    outputs = answer(
        image=tf.constant([(tmp_path / "0.png").read_bytes()]),
        text=tf.constant([predictions["title"][0]]),
    )
    assert outputs["labels"][0, 0].numpy().decode() == predictions["predicted"][0]
    np.testing.assert_allclose(outputs["scores"][0, 0], predictions["score"][0], atol=1e-5)

    capsys.readouterr()
    options = ("--weights", "int8", "--warmup", "--csv", csv)
    assert mmzoo("export", run, tmp_path / "small", *options) == 0
    output = capsys.readouterr().out
    accuracies = re.search(r"^accuracy: (\S+) before, (\S+) after$", output, re.M).groups()
    assert abs(float(accuracies[0]) - float(accuracies[1])) < 0.1
    sizes = re.search(r"^size: (\S+) MB of weights before, (\S+) MB in all after$", output, re.M)
    assert all(0 < float(size) < 10 for size in sizes.groups())
    assert (tmp_path / "small" / "assets.extra" / "tf_serving_warmup_requests").exists()


def check_kept_files(run, table):
    """The folder says which row was in which part, what the test rows came to, and how."""
    split = pandas.read_csv(run / "split.csv")
    numbers = split["row"].str.extract(r"rows\.csv, row (\d+)$")[0].astype(int)
    assert sorted(numbers) == list(range(2, len(table) + 2))
    assert split["part"].value_counts().to_dict() == {"train": 48, "validation": 6, "test": 6}
    predictions = pandas.read_csv(run / "predictions.csv")
    assert predictions["row"].tolist() == split["row"][split["part"] == "test"].tolist()
    assert predictions["label"].tolist() == table["category"][numbers[-6:] - 2].tolist()
    right = (predictions["label"] == predictions["predicted"]).mean()
    assert right == pytest.approx(json.loads((run / "report.json").read_text())["accuracy"])
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["image"] == ["photo"] and config["epochs"] == 1 and config["fusion"] == "sum"
    assert config["mmzoo"] == __version__ and config["dtype"] is None


@pytest.mark.slow
def test_sounds(csv, tmp_path):
    table = pandas.read_csv(csv)
    for row in range(60):
        (tmp_path / f"{row}.wav").write_bytes(sound(row))
    table["voice"] = [f"{row}.wav" for row in range(60)]
    table.to_csv(csv, index=False)
    run = tmp_path / "run"
    options = {"audio": "voice", "audio_encoder": "dnn", "sample_rate": 4000, "seconds": 0.1}
    assert train(csv=csv, label="category", output=run, **options) == 0
    assert mmzoo("export", run, tmp_path / "serving") == 0
    answer = tf.saved_model.load(str(tmp_path / "serving")).signatures["serving_default"]
    assert {"audio", "image", "text"} == set(answer.structured_input_signature[1])


@pytest.mark.slow
def test_videos(csv, tmp_path):
    table = pandas.read_csv(csv)
    table["clip"] = [json.dumps([f"{row}.png", "0.png"]) for row in range(60)]
    table.to_csv(csv, index=False)
    run, output = tmp_path / "run", tmp_path / "predictions.csv"
    assert train(csv=csv, label="category", output=run, video="clip", frames=2) == 0
    assert mmzoo("predict", run, "--csv", csv, "--output", output) == 0
    assert len(pandas.read_csv(output)) == 60


@pytest.mark.slow
def test_numbers_are_a_regression(csv, tmp_path):
    run = tmp_path / "run"
    assert train(csv=csv, label="price", output=run, text_buckets=3) == 0
    assert json.loads((run / "report.json").read_text())["task"] == "regression"
    output = tmp_path / "predictions.csv"
    assert mmzoo("predict", run, "--csv", csv, "--output", output) == 0
    assert np.isfinite(pandas.read_csv(output)["value"]).all()


@pytest.mark.end_to_end
def test_several_answers(csv, tmp_path, capsys):
    """Of which a row may lack some; each is read, reported, predicted and exported as it is."""
    table = pandas.read_csv(csv, dtype=str)
    table["cheap"] = ["yes" if float(price) < 1.4 else "no" for price in table["price"]]
    table.loc[table.index % 7 == 0, "price"] = ""
    table.loc[5, "category"] = ""
    table.to_csv(csv, index=False)
    run, output = tmp_path / "run", tmp_path / "predictions.csv"
    options = ["--output", run, "--csv", csv, "--text", "title", "--text-encoder", "bag"]
    options += ["--label", "category", "--label", "price", "--regression", "price"]
    options += ["--label", "cheap", "--threshold", "f1", "--epochs", 2, "--dim", 8]
    assert mmzoo("train", *options, "--batch-size", 8) == 0
    printed = capsys.readouterr().out
    assert "category: Labels: 3 classes" in printed and "price: Labels: numbers from" in printed
    assert "Thresholds of cheap: yes 0." in printed
    report = json.loads((run / "report.json").read_text())
    assert report["category"]["task"] == "multiclass" and report["price"]["task"] == "regression"
    assert report["cheap"]["at_thresholds"]
    assert mmzoo("evaluate", run, "--csv", csv) == 0
    assert mmzoo("predict", run, "--csv", csv, "--output", output, "--all-scores") == 0
    predictions = pandas.read_csv(output)
    assert set(predictions["category_predicted"]) <= {"red", "green", "blue"}
    assert np.isfinite(predictions["price_value"]).all()
    scores = predictions[[f"category_score_{name}" for name in ("red", "green", "blue")]]
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(scores.max(axis=1), predictions["category_score"], atol=1e-6)
    limit = load(run / "model")[0].get_layer("cheap_head").thresholds[0]
    yes = predictions["cheap_score_yes"] >= limit
    assert ((predictions["cheap_predicted"] == "yes") == yes).all()
    assert mmzoo("export", run, tmp_path / "serving") == 0
    answer = tf.saved_model.load(str(tmp_path / "serving")).signatures["serving_default"]
    outputs = answer(text=tf.constant(table["title"][:5].tolist()))
    np.testing.assert_allclose(
        outputs["price_values"][:, 0], predictions["price_value"][:5], rtol=1e-4
    )


@pytest.mark.slow
def test_answers_in_words(csv, tmp_path, capsys):
    run = str(tmp_path / "run")
    words = {"head": "words", "answer_length": "5"}
    assert train(csv=csv, output=run, label="title", text="category", **words) == 0
    assert "Labels: for the head words." in capsys.readouterr().out
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["task"] == "text" and report["figures"]["wer"] >= 0
    table = pandas.read_csv(tmp_path / "run" / "predictions.csv")
    titles = set(pandas.read_csv(csv)["title"])
    assert set(table["label"]) <= titles
    assert list(table.columns) == ["row", "label", "predicted", "error"]
    assert mmzoo("predict", run, "--csv", csv, "--output", str(tmp_path / "p.csv")) == 0
    assert pandas.read_csv(tmp_path / "p.csv")["predicted"].notna().all()


def conll(path, texts=20):
    path.write_text("Ann B-per\nis O\nin O\nRome B-loc\n\nhello O\nBob B-per\n\n" * (texts // 2))
    return path


def test_labels_of_conll_are_tags(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(module, "train_run", lambda *parts, **options: seen.append(options))
    (tmp_path / "run").mkdir()
    path = conll(tmp_path / "train.conll")
    options = ["--data", path, "--text", 0, "--label", -1, "--output", tmp_path / "run"]
    assert mmzoo("train", *options) == 0
    assert isinstance(seen[0]["head"], heads.Tags) and seen[0]["inputs"]["text"].words == "spaces"


def test_conll_is_checked(tmp_path):
    options = ["--text", 0, "--label", -1, "--output", tmp_path / "check"]
    assert mmzoo("check", conll(tmp_path / "train.conll"), *options) == 0


@pytest.mark.end_to_end
def test_conll(tmp_path, capsys):
    run, path = tmp_path / "run", conll(tmp_path / "train.conll")
    options = ["--epochs", 1, "--dim", 8, "--output", run, "--data", path, "--batch-size", 4]
    assert mmzoo("train", *options, "--text", 0, "--label", -1, "--fusion", "sum") == 0
    assert json.loads((run / "report.json").read_text())["task"] == "tags"
    assert mmzoo("evaluate", run, "--data", path) == 0
    assert "token accuracy" in capsys.readouterr().out
    path.write_text("Ann\nis\nhere\n")
    assert mmzoo("predict", run, "--data", path, "--output", tmp_path / "p.csv") == 0
    assert len(pandas.read_csv(tmp_path / "p.csv")["tags"][0].split()) == 3


def test_labels_that_are_texts_are_read_again(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("title,caption\na,a red dot\nb,blue\n")
    inputs = {"text": Text(length=4, vocabulary_size=9)}
    preprocessor = Preprocessor(inputs, head=heads.Words(length=3))
    preprocessor.adapt(from_csv(path, {"text": "title"}, "caption"))
    metadata = {"columns": {"text": "title"}, "label": "caption", "root": None}
    trained = TrainedRun(None, preprocessor, metadata)
    assert trained.labelled_records(str(path)).labels == ["a red dot", "blue"]


@pytest.mark.slow
def test_columns_of_cells_and_vectors(csv, tmp_path, capsys):
    run = tmp_path / "run"
    options = ["--epochs", 1, "--dim", 8, "--output", run, "--csv", csv, "--label", "category"]
    options += ["--numeric", "price", "--categorical", "title", "--features", "vector"]
    options += ["--tabular-encoder", "mlp", "--fusion", "concat"]
    assert mmzoo("train", *options) == 0
    assert mmzoo("evaluate", run, "--csv", csv) == 0
    csv.write_text(csv.read_text().replace("1.0,", "dear,", 1))
    message = "row 2: column 'price' of 'tabular': 'dear' is not a number"
    assert mmzoo("evaluate", run, "--csv", csv) == 1
    assert message in capsys.readouterr().err
    output = tmp_path / "predictions.csv"
    assert mmzoo("predict", run, "--csv", csv, "--output", output) == 0
    printed = capsys.readouterr().out
    assert message in printed
    reason = "Without a prediction: column 'price' of 'tabular': a value is not a number (1 row)."
    assert printed.startswith(reason)
    errors = pandas.read_csv(output)["error"]
    assert message in errors[0] and errors[1:].isna().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"csv": "nowhere.csv"}, "No such file: nowhere.csv"),
        ({"label": "kind"}, "has no column 'kind'; it has: photo, title, category, price, vector"),
        ({"fusion": "summ"}, "Did you mean 'sum'"),
        ({"text_encoder": "bagg"}, "Did you mean 'bag'"),
        ({"head": "word"}, "Did you mean 'words'"),
        ({"head": "price=words"}, "--head price=words: it has to be LABEL=NAME"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(csv, tmp_path, capsys, change, message):
    options = {"csv": csv, "label": "category", "output": tmp_path / "run"}
    assert train(**(options | change)) == 1
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fusion": "summ"}, "Unknown fusion: 'summ'. Did you mean 'sum'?"),
        ({"text_encoder": "bagg"}, "Did you mean 'bag'"),
        ({"video_encoder": "vitt"}, "Did you mean 'vit'"),
        ({"augmentation": "flipp"}, "flipp"),
        ({"optional": "voice"}, "No such input: --optional voice"),
        ({"threshold": "f2"}, "--threshold f2: it must be f1, or"),
    ],
)
def test_mistakes_are_known_before_any_row_is_read(tmp_path, capsys, change, message):
    options = {"csv": tmp_path / "nowhere.csv", "label": "category", "output": tmp_path / "run"}
    assert train(**(options | change)) == 1
    assert message in capsys.readouterr().err


def test_a_misspelt_column_has_a_nearest_one(csv, tmp_path, capsys):
    assert train(csv=csv, label="categry", output=tmp_path / "run") == 1
    assert "Did you mean 'category'?" in capsys.readouterr().err


@pytest.mark.end_to_end
def test_what_can_not_be_read_in_any_row_is_said(csv, tmp_path, capsys):
    options = {"csv": csv, "label": "category", "output": tmp_path / "run", "numeric": "title"}
    assert train(**options, on_error="skip") == 1
    error = capsys.readouterr().err
    assert "All 60 rows" in error and "tabular: invalid in 60 rows, such as" in error
    assert "is not a number" in error and "row 2" in error


def test_labels_are_numbers_or_classes():
    one, several = ColumnOptions(text=["a"], regression=[""]), ColumnOptions(text=["a"])
    assert one._regression(["price"]) is True and several._regression(["price"]) is None
    several = ColumnOptions(text=["a"], regression=["price"], classes=["size"])
    kinds = {"kind": None, "price": True, "size": False}
    assert several._regression([*kinds]) == kinds
    with pytest.raises(ValueError, match="--regression price: that is no --label; these are: kind"):
        several._regression(["kind"])
    with pytest.raises(ValueError, match="can't be --regression and --classes"):
        ColumnOptions(text=["a"], regression=[""], classes=["price"])._regression(["price"])


def test_what_stands_between_labels():
    assert ColumnOptions(text=["a"], label_delimiter=["|"]).delimiter(["tags"]) == "|"
    options = ColumnOptions(text=["a"], label_delimiter=["tags=|"])
    assert options.delimiter(["kind", "tags"]) == {"tags": "|"}
    with pytest.raises(ValueError, match="NAME=TEXT, the name one of kind, price"):
        options.delimiter(["kind", "price"])


def test_inputs_are_called_as_their_columns_where_they_can_be():
    columns = ColumnOptions(
        image=["photo"], text=["title", "Body", "head", "title"], numeric=["price"]
    )
    assert columns.columns == {
        "image": "photo", "title": "title", "text_2": "Body", "text_3": "head", "text_4": "title",
        "tabular": ["price"],
    }  # fmt: skip
    options = ColumnOptions(text=["title", "body"], optional=["body"])
    assert [name for name, text in options.inputs().items() if text.optional] == ["body"]
    with pytest.raises(ValueError, match="at least one column"):
        _ = ColumnOptions().columns


@pytest.mark.end_to_end
def test_broken_pictures_are_found_before_the_training(csv, tmp_path, capsys):
    (tmp_path / "7.png").write_bytes(b"junk")
    run = tmp_path / "run"
    assert train(csv=csv, label="category", output=run) == 1
    assert "rows.csv, row 9 (7.png)" in capsys.readouterr().err
    assert not run.exists()


def test_an_error_of_a_dataset_is_one_line(monkeypatch, capsys):
    def fail(_):
        said = (
            r"Graph execution error:\n {{node Assert}} assertion failed: [mmzoo: b.csv, row 3: no]"
        )
        raise tf.errors.InvalidArgumentError(None, None, said + "\n [[Assert]]")

    monkeypatch.setattr(command_line, "app", fail)
    assert mmzoo("train") == 1
    assert capsys.readouterr().err == "Error: b.csv, row 3: no.\n"


def test_a_run_that_fails_before_its_first_checkpoint_leaves_nothing(tmp_path):
    for begun in (False, True):
        unfinished = tmp_path / f"{begun}.unfinished"
        (unfinished / "checkpoints" if begun else unfinished).mkdir(parents=True)
        with pytest.raises(ValueError, match="bad"), module._removed_unless_begun(unfinished):
            raise ValueError("bad")
        assert unfinished.exists() == begun


@pytest.mark.end_to_end
def test_a_box_that_is_not_in_its_picture_is_one_line(csv, tmp_path, capsys):
    height, width = tf.io.decode_image((tmp_path / "0.png").read_bytes()).shape[:2]
    table = pandas.read_csv(csv)
    table["place"] = [[0, 0, width + 42 * (row == 10), height] for row in range(60)]
    table.to_csv(csv, index=False)
    run = tmp_path / "run"
    assert train(csv=csv, label="place", output=run, head="box") == 1
    lines = capsys.readouterr().err.splitlines()
    (error,) = (line for line in lines if not line.startswith("Warning: "))
    assert "Bad label in 1 of 60 rows, column 'place'" in error
    assert "rows.csv, row 12: the box" in error and "does not lie in its picture" in error
    assert not run.exists() and not (tmp_path / "run.unfinished").exists()
    check = ["check", csv, "--image", "photo", "--label", "place", "--output", tmp_path / "check"]
    assert mmzoo(*check) == 0
    assert mmzoo(*check, "--head", "box") == 1
    assert "errors: label: 1" in capsys.readouterr().out
    assert "row 12,place,,error,label,the box [" in (
        (tmp_path / "check" / "bad_rows.csv").read_text().replace('"', "")
    )
    assert mmzoo(*check[:4], "--head", "box") == 1
    assert "--head needs --label" in capsys.readouterr().err


@pytest.mark.slow
def test_broken_pictures_are_left_out_or_absent(csv, tmp_path, capsys):
    (tmp_path / "7.png").write_bytes(b"junk")
    (tmp_path / "8.png").unlink()
    message = "No readable image in 2 of 60 rows"
    run = tmp_path / "run"
    options = {"csv": csv, "label": "category", "output": run, "optional": "image"}
    assert train(**options, on_error="missing") == 0
    printed = capsys.readouterr().out
    said = next(line for line in printed.splitlines() if line.startswith(message))
    assert "row 10 (8.png)" in said and said.endswith(": taken as absent.")
    assert mmzoo("evaluate", run, "--csv", csv) == 1
    assert "no such file" in capsys.readouterr().err
    assert mmzoo("evaluate", run, "--csv", csv, "--on-error", "skip") == 0
    printed = capsys.readouterr().out
    assert f"{message}: " in printed and "left out." in printed and "58 rows" in printed


def test_existing_output_is_refused_at_once(csv, tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    (run / "file").touch()
    assert train(csv=csv, label="category", output=run) == 1
    assert "not an empty folder" in capsys.readouterr().err


def test_rows_without_a_label_are_skipped(tmp_path):
    path, columns = tmp_path / "rows.csv", {"text": "title"}
    path.write_text("title,price,kind\na,1,x\nb,,y\nc,dear,\nd,inf,x\ne,2.5,y\n")
    with pytest.raises(ValueError, match=r"row 4 has 'dear'"):
        labelled_records(path, columns, "price", regression=True)
    records, note = labelled_records(path, columns, "price", None, "skip", regression=True)
    assert records.labels.tolist() == [1.0, 2.5] and records.column("text") == ["a", "e"]
    assert "No usable label in 3 of 5 rows" in note and "row 3, " in note and "row 5" in note
    assert records.describe(1).endswith("row 6")
    records, note = labelled_records(path, columns, "kind", None, "skip")
    assert records.labels == ["x", "y", "x", "y"] and "1 of 5 rows" in note
    with pytest.raises(ValueError, match="has no column 'kinds'"):
        labelled_records(path, columns, "kinds", None, "skip")
    lines = [{"title": "a", "price": 1}, {"title": "b"}, {"title": "c", "price": None}]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in [*lines, lines[0]]))
    records, note = labelled_records(path, columns, "price", None, "skip", regression=True)
    assert records.labels.tolist() == [1.0, 1.0] and "line 2" in note and "line 3" in note
    path.write_text('{"title": "a", "price": null}\n')
    with pytest.raises(ValueError, match="Not one of the 1 rows"):
        labelled_records(path, columns, "price", None, "skip", regression=True)


@pytest.mark.end_to_end
def test_skipped_rows_never_reach_the_training(csv, tmp_path, monkeypatch):
    (tmp_path / "7.png").write_bytes(b"junk")
    seen = []
    monkeypatch.setattr(
        module, "train_run", lambda *parts, **options: seen.append((parts, options))
    )
    (tmp_path / "run").mkdir()
    assert train(csv=csv, label="category", output=tmp_path / "run", on_error="skip") == 0
    [((*parts, _), options)] = seen
    table = pandas.read_csv(csv).drop(7)
    expected = from_dataframe(table, {"image": "photo"}, "category").split(0.8, 0.1, 0.1, seed=0)
    for part, wanted in zip(parts, expected, strict=True):
        assert part.column("image") == wanted.column("image")
    assert options["on_error"] == "raise"


@pytest.mark.slow
def test_skipping_rows_is_training_without_them(csv, tmp_path):
    """The same steps, batches, history and weights, to the bit."""
    table = pandas.read_csv(csv)
    table.drop([7, 20, 33]).to_csv(tmp_path / "good.csv", index=False)
    for row in (7, 20, 33):
        (tmp_path / f"{row}.png").write_bytes(b"junk")
    found = []
    for file, options in ((csv, {"on_error": "skip"}), (tmp_path / "good.csv", {})):
        run = tmp_path / f"run of {file.stem}"
        assert train(csv=file, label="category", output=run, epochs=2, **options) == 0
        model, _ = load(run / "model")
        found.append([(run / "history.csv").read_text(), model.optimizer.iterations, model.weights])
    (history, steps, weights), (expected, expected_steps, expected_weights) = found
    assert history == expected and int(steps) == int(expected_steps) == 2 * (46 // 8)
    for one, other in zip(weights, expected_weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_arguments_there_is_help(capsys):
    mmzoo()
    printed = capsys.readouterr()
    assert "Commands:" in printed.out + printed.err


def test_list(capsys):
    assert mmzoo("list") == 0
    output = capsys.readouterr().out
    assert "cnn_lstm_concat" in output and "cross_attention" in output
    assert mmzoo("list", "cnn_lstm_concat") == 0
    output = capsys.readouterr().out
    assert "measured: " in output and "gmu" not in output
    assert mmzoo("list", "cnn_lstm") == 1
    assert "Did you mean 'cnn_lstm_concat'?" in capsys.readouterr().err


def test_names_are_read_from_the_source_as_they_are():
    assert names.encoder_names() == {kind: encoders.names(kind) for kind in encoders.ENCODERS}
    assert names.fusion_names() == fusion.names() and names.head_names() == heads.names()
    for name, recipe in recipes.RECIPES.items():
        assert names.model_summary(name) == recipe.__doc__.split("\n")[0]


LIGHT = """
import sys, time
for arguments in ("--help", "--version", "list", "list gmu", "train --help", "check --help"):
    sys.argv = ["mmzoo", *arguments.split()]
    from mmzoo.__main__ import main
    try:
        main()
    except SystemExit as stop:
        assert not stop.code
print(sorted({"keras", "tensorflow", "numpy", "pandas", "rich"} & set(sys.modules)))
print(time.process_time())
"""


COMPLETE = "import sys; sys.argv = ['mmzoo']; from mmzoo.__main__ import main; main()"


def test_the_shell_completes_names():
    """Of commands, fusion blocks and models, and without a wait for TensorFlow."""
    for words, expected in (("mmzoo tr", "train"), ("mmzoo train --fusion per", "perceiver")):
        result = subprocess.run(
            [sys.executable, "-c", COMPLETE],
            capture_output=True, text=True, env={
                **os.environ, "_MMZOO_COMPLETE": "complete_bash", "COMP_WORDS": words,
                "COMP_CWORD": str(len(words.split()) - 1),
            },
        )  # fmt: skip
        assert expected in result.stdout.split(), result.stderr


def test_help_does_not_wait_for_tensorflow():
    """Six light commands in one process: 0.3 s of processor time are meant for one."""
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = ['mmzoo']{LIGHT}"],
        capture_output=True, text=True, env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    assert result.returncode == 0 and not result.stderr, result.stderr
    *lines, imported, seconds = result.stdout.splitlines()
    assert imported == "[]" and float(seconds) < 1
    assert f"mmzoo {__version__}" in lines and any("--show-completion" in line for line in lines)
    assert max(map(len, lines)) <= 80 and "\x1b" not in result.stdout
    assert not [line for line in lines if re.search(r"\w\.\.\.$", line)]  # too long a summary


def test_list_without_an_extra(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    monkeypatch.setenv("COLUMNS", "200")
    assert mmzoo("list") == 0
    output = capsys.readouterr().out
    assert "bert_resnet50_concat" in output and "[keras-hub]" in output


@pytest.mark.slow
def test_module():
    result = subprocess.run(
        [sys.executable, "-m", "mmzoo", "--help"], capture_output=True, text=True
    )
    assert result.returncode == 0 and "quickstart" in result.stdout


@pytest.mark.slow
def test_quickstart_small(tmp_path, capsys):
    pytest.importorskip("easy_vqa", reason="the extra `demo` is not installed")
    folder = tmp_path / "quickstart"
    assert mmzoo("quickstart", "--output", folder, "--rows", "400", "--epochs", "1") == 0
    output = capsys.readouterr().out
    assert "in a process without mmzoo" in output
    assert (folder / "answers.png").stat().st_size > 10_000
    assert (folder / "serving" / "saved_model.pb").exists()


@pytest.mark.slow
def test_train_says_what_it_takes_the_labels_for(csv, tmp_path, capsys):
    table = pandas.read_csv(csv)
    table["kind"] = ["Red", *["red", "blue"] * 29, "red"]
    table["flag"] = [0.0, 1.0] * 30
    table.to_csv(csv, index=False)
    (tmp_path / "7.png").write_bytes(b"junk")  # so that no training begins
    options = {"csv": csv, "output": tmp_path / "run"}
    assert train(**options, label="kind") == 1
    printed = capsys.readouterr().out
    assert "Labels: 3 classes, Red (1 row), blue (29 rows), red (30 rows)." in printed
    assert "'red' (30 rows) and 'Red' (1 row) differ only in case" in printed
    assert train(**options, label="flag") == 1
    assert "Labels: numbers from 0 to 1, to predict as they are" in capsys.readouterr().out
    arguments = [part for option in (TRAIN | {"--label": "flag"}).items() for part in option]
    assert mmzoo("train", *arguments, "--classes", "--csv", csv, "--output", tmp_path / "run") == 1
    assert "Labels: 2 classes, 0 (30 rows), 1 (30 rows)." in capsys.readouterr().out
