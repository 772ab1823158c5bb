"""Save, load, predict, export: one model, the same numbers everywhere."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.commands.train_run import train_run
from mmzoo.heads import answering_model, targets_of
from mmzoo.prediction.predict import outputs_of_rows
from tests.parts import PARTS, audio, build, image, slow_but_daily, slow_for, text
from tests.pipeline.raw import raw_batch, raw_columns, signature_inputs


def preprocessor_of(part_arguments):
    recipe, inputs = part_arguments.get("recipe"), part_arguments["inputs"]
    head = part_arguments.get("head")
    if head is None and recipe is not None:
        head = mmzoo.recipes.get(recipe).head
    inputs = mmzoo.recipes.model_inputs(recipe, inputs)
    reads_tokens = isinstance(head, mmzoo.heads.Head) and head.reads_tokens
    # Of classes and numbers the head says enough; of others the preprocessor has to know.
    return mmzoo.Preprocessor(inputs, head=head if reads_tokens else None)


@pytest.fixture(scope="module")
def columns():
    return raw_columns(7)[0]


def make_pair():
    inputs = {"image": image(optional=True), "text": text()}
    head = mmzoo.heads.Softmax(class_names=["red", "green", "blue"])
    return mmzoo.build_model(inputs=inputs, head=head, dim=8), mmzoo.Preprocessor(inputs)


@pytest.fixture
def pair():
    return make_pair()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model, its preprocessor, the folder of their export, and what was loaded from there."""
    keras.utils.set_random_seed(0)
    pair = make_pair()
    folder = mmzoo.export_savedmodel(*pair, tmp_path_factory.mktemp("exported") / "serving")
    return *pair, folder, tf.saved_model.load(folder)


def served(loaded, **rows):
    answer = loaded.signatures["serving_default"]
    return {k: v.numpy() for k, v in answer(**{k: tf.constant(v) for k, v in rows.items()}).items()}


def with_every_subset(columns, optional):
    """`columns` with empty values: row after row another subset of the optional ones is there."""
    changed = dict(columns)
    for bit, key in enumerate(optional):
        changed[key] = [
            type(value)() if row >> bit & 1 else value for row, value in enumerate(columns[key])
        ]
    return changed


@slow_but_daily
@pytest.mark.end_to_end
def test_exported_model_equals_predict(part, tmp_path, columns):
    model, arguments = build(part)
    preprocessor = preprocessor_of(arguments)
    optional = [key for key, modality in preprocessor.inputs.items() if modality.optional]
    columns = {key: columns[key] for key in preprocessor.inputs}
    columns = with_every_subset(columns, optional)
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "serving")
    target = targets_of(model, preprocessor)["head"]
    predictions = outputs_of_rows(answering_model(model), preprocessor, columns)
    name, expected = target.main_output, target.prediction_itself(predictions)
    loaded = tf.saved_model.load(folder)
    for rows in (7, 1):  # any batch size
        batch = raw_batch(preprocessor, columns, rows)
        outputs = loaded.signatures["serving_default"](**signature_inputs(preprocessor, batch))
        np.testing.assert_allclose(outputs[name], expected[:rows], atol=1e-5)
        assert outputs["ok"].numpy().all()
    inputs = preprocessor(raw_batch(preprocessor, columns, 7))
    inputs = {key: tf.cast(x, model.input[key].dtype) for key, x in inputs.items()}
    np.testing.assert_allclose(loaded.signatures["tensors"](**inputs)[name], expected, atol=1e-5)


CLIENT = """
import json, sys
for name in ("mmzoo", "keras", "numpy.testing"):
    sys.modules[name] = None  # importing it would fail
import tensorflow as tf
answer = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
outputs = answer(image=tf.constant([open(sys.argv[2], "rb").read()] * 3 + [b""]),
                 text=tf.constant(["is it red", "紅", "?", "a"]))
print(json.dumps(outputs["probabilities"].numpy().tolist()))
"""


def test_weights_are_in_the_export_once(tmp_path):
    inputs = {"text": mmzoo.Text(length=4, vocabulary_size=5000, vocabulary=["red"], encoder="bag")}
    model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(class_names=["a", "b"]))
    folder = mmzoo.export_savedmodel(model, mmzoo.Preprocessor(inputs), tmp_path / "serving")
    variables = pathlib.Path(folder) / "variables" / "variables.data-00000-of-00001"
    assert variables.stat().st_size == pytest.approx(4 * model.count_params(), rel=0.01)


@pytest.mark.end_to_end
def test_a_process_with_tensorflow_alone(exported, tmp_path, columns):
    *pair, folder, _ = exported
    (tmp_path / "a.png").write_bytes(columns["image"][0])
    result = subprocess.run(
        [sys.executable, "-I", "-c", CLIENT, folder, str(tmp_path / "a.png")],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": ""},
    )  # fmt: skip
    rows = {
        "image": [columns["image"][0]] * 3 + [None],
        "text": ["is it red", "紅", "?", "a"],
    }
    expected = mmzoo.predict(*pair, rows)
    np.testing.assert_allclose(json.loads(result.stdout), expected, atol=1e-5)


@pytest.mark.end_to_end
def test_a_bad_row_leaves_the_others_alone(exported, columns):
    pictures = [columns["image"][0], b"junk", b"", columns["image"][1]]
    outputs = served(exported[-1], image=pictures, text=["red", "red", "red", ""])
    assert outputs["image_ok"].tolist() == [True, False, True, True]
    assert outputs["text_ok"].tolist() == [True, True, True, False]
    assert outputs["ok"].tolist() == [True, False, True, False]
    clean = served(exported[-1], image=pictures[:1], text=["red"])
    np.testing.assert_allclose(outputs["probabilities"][:1], clean["probabilities"], atol=1e-6)
    # A picture that can't be read is an absent one.
    np.testing.assert_array_equal(outputs["probabilities"][1], outputs["probabilities"][2])


@pytest.mark.end_to_end
def test_a_request_of_no_rows_has_answers_of_no_rows(tmp_path):
    inputs = {"photo": image(), "text": text(), "voice": audio(optional=True)}
    model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(3), dim=8)
    folder = mmzoo.export_savedmodel(model, mmzoo.Preprocessor(inputs), tmp_path / "serving")
    loaded = tf.saved_model.load(folder)
    for signature in loaded.signatures.values():
        specs = signature.structured_input_signature[1].values()
        empty = {x.name: tf.zeros([size or 0 for size in x.shape], x.dtype) for x in specs}
        for name, output in signature(**empty).items():
            assert output.shape[0] == 0 and output.dtype == signature.output_dtypes[name]


@pytest.mark.end_to_end
def test_labels_and_scores_are_the_best_classes(exported, columns):
    outputs = served(exported[-1], image=columns["image"][:2], text=["a", "b"])
    order = np.argsort(-outputs["probabilities"], axis=1)
    names = np.array([b"red", b"green", b"blue"])
    assert outputs["labels"].tolist() == names[order].tolist()
    np.testing.assert_array_equal(
        outputs["scores"], np.take_along_axis(outputs["probabilities"], order, axis=1)
    )


@pytest.mark.slow
def test_replies_answer_the_labels(tmp_path, columns):
    replies = {"red": "Stop.", "green": "走吧!", "blue": ""}
    inputs = {"image": image(), "text": text()}
    recipe = mmzoo.recipes.customer_service(replies)
    recipe = mmzoo.Recipe("signals", inputs, recipe.fusion, recipe.head)
    model, preprocessor = mmzoo.build_model(recipe, dim=8), mmzoo.Preprocessor(inputs)
    mmzoo.save(model, preprocessor, tmp_path / "model")
    folder = mmzoo.export_savedmodel(*mmzoo.load(tmp_path / "model"), tmp_path / "serving")
    loaded = tf.saved_model.load(folder)
    outputs = served(loaded, image=columns["image"][:3], text=["red", "is it", "a"])
    expected = [[replies[name.decode()] for name in row] for row in outputs["labels"]]
    assert [[reply.decode() for reply in row] for row in outputs["replies"]] == expected
    assert "| `replies` | (B, 3) |" in (tmp_path / "serving" / "model_card.md").read_text()


@pytest.mark.end_to_end
def test_binary_labels_are_no_and_yes(tmp_path):
    inputs = {"text": text()}
    head = mmzoo.heads.Sigmoid(class_names=["no", "yes"])
    model = mmzoo.build_model(inputs=inputs, head=head, dim=8)
    folder = mmzoo.export_savedmodel(model, mmzoo.Preprocessor(inputs), tmp_path / "serving")
    outputs = served(tf.saved_model.load(folder), text=["red", "is it"])
    yes = outputs["probabilities"][:, 0]
    assert [row[0] == b"yes" for row in outputs["labels"]] == (yes > 0.5).tolist()
    np.testing.assert_allclose(outputs["scores"].sum(axis=1), 1, rtol=1e-6)


@pytest.mark.slow
def test_versions_and_folders(pair, tmp_path):
    for version, expected in [("next", "1"), (7, "7"), ("next", "8")]:
        folder = mmzoo.export_savedmodel(*pair, tmp_path / "serving", version=version)
        assert folder == str(tmp_path / "serving" / expected)
    with pytest.raises(FileExistsError, match="not an empty folder"):
        mmzoo.export_savedmodel(*pair, tmp_path / "serving")
    with pytest.raises(FileExistsError):
        mmzoo.export_savedmodel(*pair, tmp_path / "serving", version=7)
    with pytest.raises(ValueError, match="version"):
        mmzoo.export_savedmodel(*pair, tmp_path / "serving", version="latest")
    assert sorted(os.listdir(tmp_path / "serving")) == ["1", "7", "8"]


@pytest.mark.end_to_end
def test_the_artefact_says_what_it_is(exported):
    model, preprocessor, folder, loaded = exported
    card = (pathlib.Path(folder) / "model_card.md").read_text()
    signature = loaded.signatures["serving_default"]
    names = [line.split("`")[1] for line in card.splitlines() if line.startswith("| `")]
    inputs = signature.structured_input_signature[1]
    assert sorted(names) == sorted([*inputs, *signature.structured_outputs])
    assert f"{model.count_params():,} parameters" in card and "It needs TensorFlow alone." in card
    extra = pathlib.Path(folder) / "assets.extra"
    about = json.loads((extra / "model.json").read_text())
    assert about["versions"]["mmzoo"] == mmzoo.__version__
    assert about["class_names"] == ["red", "green", "blue"]
    again = mmzoo.Preprocessor.load(extra / "preprocessor.json")
    assert again.get_config() == preprocessor.get_config()


@pytest.mark.parametrize("write", [mmzoo.export_savedmodel, mmzoo.save])
def test_an_interrupted_write_leaves_nothing(pair, tmp_path, monkeypatch, write):
    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(keras.export.ExportArchive()), "write_out", fail)
    monkeypatch.setattr(mmzoo.Preprocessor, "save", fail)
    with pytest.raises(KeyboardInterrupt):
        write(*pair, tmp_path / "folder")
    assert os.listdir(tmp_path) == []


#: The layers' own round trips are tested for every part; here it is the folder of model and
#: preprocessor, where most parts are alike.
ALIKE = set(PARTS) - {"head-regression"}


@slow_for(ALIKE)
@pytest.mark.end_to_end
def test_save_and_load(part, tmp_path, columns):
    model, arguments = build(part)
    preprocessor = preprocessor_of(arguments)
    if preprocessor.targets == {}:
        preprocessor.class_names = getattr(model.get_layer("head"), "class_names", None)
    mmzoo.save(model, preprocessor, tmp_path / "model")
    loaded, again = mmzoo.load(tmp_path / "model")
    expected = mmzoo.predict(model, preprocessor, columns)
    answers = mmzoo.predict(loaded, again, columns)
    if isinstance(expected, list):  # texts, tags
        assert answers == expected
    else:
        np.testing.assert_array_equal(answers, expected)
    assert loaded.compiled
    mmzoo.save(loaded, again, tmp_path / "model")  # its own folder may be replaced


@pytest.mark.parametrize("saved_before", [False, True])
def test_save_does_not_overwrite_something_else(pair, tmp_path, saved_before):
    if saved_before:
        mmzoo.save(*pair, tmp_path)
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError):
        mmzoo.save(*pair, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_load_says_what_is_wrong(pair, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"not a model saved by mmzoo\.save"):
        mmzoo.load(tmp_path)
    mmzoo.save(*pair, tmp_path / "model")
    (tmp_path / "model" / "mmzoo.json").write_text('{"format_version": 99}')
    with pytest.raises(ValueError, match="format version 99"):
        mmzoo.load(tmp_path / "model")


def test_model_and_preprocessor_must_fit(pair, tmp_path):
    model, preprocessor = pair
    other = mmzoo.Preprocessor({"text": text()})
    for function in (mmzoo.save, mmzoo.export_savedmodel, mmzoo.predict):
        with pytest.raises(ValueError, match="do not fit"):
            function(model, other, tmp_path / "x")
    larger = {"image": mmzoo.Image(size=(9, 9), optional=True), "text": text()}
    with pytest.raises(ValueError, match=r"shape \(9, 9, 3\)"):
        mmzoo.save(model, mmzoo.Preprocessor(larger), tmp_path / "x")
    preprocessor.class_names = ["a", "b"]
    with pytest.raises(ValueError, match="3 units, the preprocessor knows 2"):
        mmzoo.save(model, preprocessor, tmp_path / "x")
    preprocessor.class_names = ["blue", "green", "red"]  # sorted, but the head has another order
    with pytest.raises(ValueError, match=r"class_names=records\.class_names"):
        mmzoo.export_savedmodel(model, preprocessor, tmp_path / "x")
    unlearned = {"image": image(optional=True), "text": text(vocabulary=None)}
    with pytest.raises(ValueError, match="never learned"):
        mmzoo.export_savedmodel(model, mmzoo.Preprocessor(unlearned), tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.end_to_end
def test_numbers_read_as_classes_are_refused(tmp_path):
    inputs = {"text": text()}
    records = mmzoo.data.from_arrays({"text": ["a", "b"] * 10}, labels=[100, 250] * 10)
    preprocessor = mmzoo.Preprocessor(inputs)  # by themselves integers are classes
    preprocessor.adapt(records)
    model = mmzoo.build_model(inputs=inputs, head="regression", dim=8)
    for call in (mmzoo.save, mmzoo.export_savedmodel):
        with pytest.raises(ValueError, match="labels were read as classes"):
            call(model, preprocessor, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    # Where the head is known from the start they are the numbers that it asks for.
    *_, report = train_run(
        *[records] * 3, tmp_path / "run", inputs=inputs, head="regression", epochs=1, verbose=0
    )
    assert report.task == "regression" and report.mean_absolute_error > 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ({"image": ["nope.png"], "text": ["a"]}, FileNotFoundError, "nope.png.*row 0"),
        (
            {"image": [b"1", b"2"], "text": ["a", "b"]},
            ValueError,
            "No readable image in row 0; row",
        ),
        ([{"image": b"", "text": "a"}, {"text": ""}], ValueError, "'text' is not optional.*row 1"),
        ({"image": [b""]}, ValueError, "no column 'text'"),
        ([{"image": b"", "txt": "a"}], ValueError, r"does not take: \['txt'\]"),
        ({"image": [b""], "text": "a text"}, TypeError, "Column 'text' must be a sequence"),
        ({"image": [], "text": []}, ValueError, "no rows"),
    ],
)
def test_predict_says_which_row(pair, rows, error, message):
    with pytest.raises(error, match=message):
        mmzoo.predict(*pair, rows)


@pytest.mark.slow
def test_any_batch_size_in_one_artefact(exported, columns):
    answer = exported[-1].signatures["serving_default"]
    pictures, texts = [*columns["image"], b"junk", b""], ["red", "is it", "?", "a blue one"]
    alone = answer(image=tf.constant(pictures), text=tf.fill([len(pictures)], texts[1]))
    for rows in (1, 2, 3, 31, 256, 1024):
        taken = np.arange(rows) % len(pictures)
        outputs = answer(
            image=tf.constant([pictures[i] for i in taken]), text=tf.fill([rows], texts[1])
        )
        assert outputs["image_ok"].numpy().tolist() == [pictures[i] != b"junk" for i in taken]
        expected = alone["probabilities"].numpy()[taken]
        np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)


@pytest.mark.slow
def test_saved_model_cli(exported, tmp_path, columns):
    """The command that TensorFlow installs, a client that knows nothing of mmzoo."""
    *pair, folder, _ = exported
    np.savez(
        tmp_path / "rows.npz",
        image=np.array([columns["image"][0], columns["image"][1]], "S"),
        text=np.array([b"is it red", b"a"]),
    )
    command = [
        sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "run", "--dir", folder,
        "--tag_set", "serve", "--signature_def", "serving_default", "--outdir", str(tmp_path),
        "--inputs", f"image={tmp_path}/rows.npz[image];text={tmp_path}/rows.npz[text]",
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, check=True)
    expected = mmzoo.predict(*pair, {"image": columns["image"][:2], "text": ["is it red", "a"]})
    np.testing.assert_allclose(np.load(tmp_path / "probabilities.npy"), expected, atol=1e-5)
    assert np.load(tmp_path / "ok.npy").tolist() == [True, True]
