"""Several models beside each other on the same rows."""

import dataclasses
import json
import pathlib

import numpy as np
import pandas
import pytest

import mmzoo
from tests.pipeline.pages import Page
from tests.pipeline.test_cli import mmzoo as run_command

pytest.importorskip("sklearn")
INPUTS = {"place": mmzoo.Features(2)}


def rows(count=60, names=("left", "right"), seed=0):
    """Points, and on which side they lie."""
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(count, 2)).astype("float32")
    labels = [names[int(point[0] > 0)] for point in points]
    return mmzoo.data.from_arrays({"place": [*points]}, labels)


def model_of(records, coordinate=None, scale=1.0, head=None, **options):
    """A model, and where a coordinate is given one that says on which side of 0 it lies."""
    preprocessor = mmzoo.Preprocessor(INPUTS)
    preprocessor.adapt(records)
    head = head or mmzoo.heads.Softmax(class_names=records.class_names)
    model = mmzoo.build_model(inputs=INPUTS, fusion="concat", head=head, dim=4, **options)
    if coordinate is not None:
        for weight in model.trainable_weights:
            values = np.zeros(weight.shape)
            if weight.path.startswith("place_encoder") and weight.path.endswith("kernel"):
                values[[0, 1], [0, 1]] = scale
            elif weight.path.startswith("fusion") and weight.path.endswith("kernel"):
                values[coordinate, :2] = 1, -1
            elif weight.path.startswith("head") and weight.path.endswith("kernel"):
                values[[0, 1], [1, 0]] = 1
            weight.assign(values)
    return model, preprocessor


@pytest.fixture(scope="module")
def runs():
    """Models that look at the right coordinate, at the same ten times as surely, at the wrong."""
    records = rows()
    return {
        "good": (*model_of(records, 0), records),
        "sure": (*model_of(records, 0, scale=10.0), records),
        "bad": (*model_of(records, 1), records),
    }


@pytest.fixture(scope="module")
def report(runs):
    return mmzoo.compare(runs, verbose=False)


def of_run(report, name, answer="head"):
    return next(each for each in report.answers[answer]["runs"] if each["run"] == name)


def test_figures_are_those_of_evaluate_and_differences_real_or_not(runs, report):
    for name, (model, preprocessor, records) in runs.items():
        expected = mmzoo.evaluate(model, records.to_dataset(preprocessor), verbose=False)
        found = of_run(report, name)
        assert found["value"] == expected.accuracy
        assert found["low"] <= found["value"] <= found["high"]
        assert found["figures"]["log_loss"] == pytest.approx(expected.log_loss, rel=1e-5)
    good, sure, bad = (of_run(report, name) for name in runs)
    assert good["value"] == 1.0 and good["is_real"] is None and report.base == "good"
    # Other probabilities, but the same answers.
    assert (sure["difference"], sure["difference_low"], sure["difference_high"]) == (0, 0, 0)
    assert sure["is_real"] is False and sure["figures"] != good["figures"]
    assert bad["difference"] < -0.2 and bad["difference_high"] < 0 and bad["is_real"] is True


def test_another_figure_and_another_base(runs):
    found = mmzoo.compare(runs, "log_loss", base="bad", resamples=20, verbose=False)
    answer = found.answers["head"]
    assert answer["figure"] == "log_loss" and answer["lower_is_better"]
    assert of_run(found, "sure")["value"] < of_run(found, "good")["value"]
    assert of_run(found, "good")["is_real"] and of_run(found, "good")["difference_high"] < 0


def test_costs_are_those_of_the_models(runs, report):
    for cost, (model, _, _) in zip(report.costs, runs.values(), strict=True):
        assert cost["parameters"] == model.count_params() and cost["batch_rows"] == 60
        assert 0 < cost["row_milliseconds"] < 1e4 and 0 < cost["batch_milliseconds"] < 1e4


def test_reports_are_printed_saved_and_tables(report, tmp_path):
    printed = str(report)
    assert "accuracy (higher is better), 60 rows" in printed and "parameters" in printed
    assert "MB on disk" not in printed  # of runs in folders alone
    report.save(tmp_path / "comparison.json")
    assert json.loads((tmp_path / "comparison.json").read_text()) == report.to_dict()
    table = report.to_dataframe()
    assert table["run"].tolist() == ["good", "sure", "bad"]
    assert {"value", "difference_low", "log_loss", "parameters", "row_milliseconds"} <= {*table}


def test_names_of_answers_in_brackets_are_printed_as_they_are(report):
    named = dataclasses.replace(report, answers={"size [cm]": report.answers["head"]})
    assert "size [cm]: accuracy" in str(named)


def test_pages_show_the_same_and_load_nothing(report, tmp_path):
    report.to_html(tmp_path / "new" / "compared.html")
    page = Page(tmp_path / "new" / "compared.html")
    assert page.sections() == ["figures", "cost"] and page.open == []
    assert "good and sure and bad compared" in page.text and "60 rows" in page.text
    for each in report.figure_lines("head"):
        assert " ".join(" ".join(each).split()) in page.text
    assert page.text.count("yes worse") == 1 and "no worse" not in page.text
    for tag, attributes in page.elements:
        assert tag not in ("link", "img", "iframe")
        assert (attributes.get("src") or attributes.get("href") or "#").startswith("#")


def test_what_can_not_be_compared(runs):
    records = rows()
    good = runs["good"]
    with pytest.raises(ValueError, match="At least two models"):
        mmzoo.compare({"good": good})
    with pytest.raises(ValueError, match="`base` must be one of good, sure, bad; received: 'best'"):
        mmzoo.compare(runs, base="best")
    others = rows(names=("left", "rechts"))
    with pytest.raises(ValueError, match=r"a and b have different lists of classes: only one .*'r"):
        mmzoo.compare({"a": good, "b": (*model_of(others), others)})
    numbers = mmzoo.data.from_arrays({"place": records.column("place")}, [0.5] * 60)
    model = model_of(numbers, head=mmzoo.heads.Regression())
    with pytest.raises(ValueError, match="different kinds of answers: that of a is 'class'"):
        mmzoo.compare({"a": good, "b": (*model, numbers)})
    with pytest.raises(ValueError, match="same rows; a has 60, b has 59"):
        mmzoo.compare({"a": good, "b": (*good[:2], records.take(range(59)))})
    with pytest.raises(ValueError, match="The labels of a and of b differ"):
        mmzoo.compare({"a": good, "b": (*good[:2], records.take(range(59, -1, -1)))})
    with pytest.raises(ValueError, match="have no labels"):
        mmzoo.compare({"a": good, "b": (*good[:2], records.unlabelled())})


@pytest.mark.end_to_end
def test_runs_of_the_command_line(tmp_path, capsys):
    """On their own test rows, where these are the same, and on other rows."""
    generator = np.random.default_rng(0)
    labels = generator.choice(["cold", "warm"], 60)
    table = pandas.DataFrame({
        "title": [{"cold": "azure", "warm": "crimson"}[label] + " thing" for label in labels],
        "price": generator.uniform(0, 1, 60),
        "kind": labels,
    })  # fmt: skip
    csv = tmp_path / "rows.csv"
    table.to_csv(csv, index=False, sep=";")
    more = tmp_path / "more.csv"
    table[:20].to_csv(more, index=False)
    small = ("--dim", 8, "--epochs", 2, "--batch-size", 8, "--text-length", 4, "--text-encoder",
             "bag", "--fusion", "concat", "--learning-rate", 0.05)  # fmt: skip
    columns = {
        "text": ("--text", "title"),
        "table": ("--numeric", "price", "--tabular-encoder", "mlp"),
        "seed": ("--text", "title", "--seed", 1),
    }
    folders = {name: tmp_path / name for name in columns}
    for name, options in columns.items():
        train = (
            "train",
            "--csv",
            csv,
            "--separator",
            ";",
            "--label",
            "kind",
            "--output",
            folders[name],
        )
        assert run_command(*train, *options, *small) == 0

    output = tmp_path / "compared"
    both = folders["text"], folders["table"]
    capsys.readouterr()
    page = tmp_path / "compared.html"
    assert run_command("compare", *both, "--output", output, "--html", page) == 0
    assert Page(page).sections() == ["figures", "cost"] and "MB on disk" in Page(page).text
    printed = capsys.readouterr().out
    assert "accuracy (higher is better), 6 rows" in printed and "MB on disk" in printed
    found = json.loads((output / "comparison.json").read_text())
    for each in found["answers"]["head"]["runs"]:
        own = json.loads((pathlib.Path(each["run"]) / "report.json").read_text())
        assert each["value"] == own["accuracy"]
    for cost in found["costs"]:
        size = sum(x.stat().st_size for x in (pathlib.Path(cost["run"]) / "model").rglob("*"))
        assert cost["megabytes"] == pytest.approx(size / 1e6, rel=0.2)
        assert 0 < cost["training_seconds"] < 600
    assert len(pandas.read_csv(output / "comparison.csv")) == 2

    # Another seed, other test rows: only rows that are given are the same.
    assert run_command("compare", folders["text"], folders["seed"]) == 1
    assert "tested on different rows" in capsys.readouterr().err
    assert run_command("compare", folders["text"], folders["seed"], "--csv", more) == 0
    assert "20 rows" in capsys.readouterr().out
    assert run_command("compare", folders["text"], folders["text"]) == 1
    assert "named twice" in capsys.readouterr().err
    assert run_command("compare", folders["text"]) == 1
    assert "two runs or more" in capsys.readouterr().err
    table[:30].to_csv(csv, index=False, sep=";")
    assert run_command("compare", *both) == 1
    assert "it has changed since" in capsys.readouterr().err
    csv.unlink()
    assert run_command("compare", *both) == 1
    assert "is not there" in capsys.readouterr().err
