"""The notebooks run from top to bottom, at small size."""

import pathlib

import keras
import numpy as np
import PIL.Image
import pytest

NOTEBOOKS = sorted((pathlib.Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def make_stamps(folder):
    """60 stamps of two topics; two have each caption."""
    for topic, color in (("animals", 80), ("food", 160)):
        for number in range(30):
            stamp = folder / "stamps" / topic / f"{number}.png"
            stamp.parent.mkdir(parents=True, exist_ok=True)
            PIL.Image.fromarray(np.full((8, 8, 3), color + number, "uint8")).save(stamp)
            stamp.with_suffix(".txt").write_text(f"a {topic} {number // 2}")
            stamp.with_name(f"{number}_desc_fr.ogg").touch()


def small_backbones(folder):
    """Stamps of two topics, a preset of BERT and a CNN, all tiny."""
    from tests.pipeline.keras_hub_presets import bert

    bert(folder / "bert", hidden_dim=32, max_sequence_length=16)
    make_stamps(folder)
    pixels = keras.Input((None, None, 3))
    features = keras.layers.Conv2D(16, 9, 8)(keras.layers.Rescaling(1 / 255)(pixels))
    keras.Model(pixels, features).save(folder / "cnn.keras")


def make_voices(folder):
    """Half a second and more of noise for each stamp."""
    soundfile = pytest.importorskip("soundfile", reason="the extra `audio` is not installed")
    generator = np.random.default_rng(0)
    for number, path in enumerate(sorted((folder / "stamps").rglob("*.ogg"))):
        soundfile.write(path, generator.normal(scale=0.1, size=4000 + 50 * number), 8000)


def small_messages(folder):
    """The same with a voice to every stamp."""
    small_backbones(folder)
    make_voices(folder)


def small_digits(folder):
    """Two recordings of noise for each digit, one to train with and one to test with."""
    soundfile = pytest.importorskip("soundfile", reason="the extra `audio` is not installed")
    generator = np.random.default_rng(0)
    (folder / "recordings").mkdir()
    for digit in range(10):
        for number in (4, 5):
            path = folder / "recordings" / f"{digit}_anna_{number}.wav"
            soundfile.write(path, generator.normal(scale=0.1, size=3000), 8000)


#: Notebook -> what replaces its cell tagged "parameters", and what makes its data.
SMALL = {
    "01_quickstart": ('ROWS, EPOCHS, RUN = 400, 1, "run"', None),
    "02_fine_tune_a_backbone": (
        'STAMPS, MINILM, EFFICIENTNET = "stamps", "bert", "cnn.keras"\nSPLITS, EPOCHS = 1, 2',
        small_backbones,
    ),
    "03_your_own_data_to_serving": ('ROWS, EPOCHS, FOLDER = 120, 1, "shop"', None),
    "04_text_image_voice": (
        'STAMPS, MINILM, EFFICIENTNET = "stamps", "bert", "cnn.keras"\nEPOCHS = 1',
        small_messages,
    ),
    "05_answers_in_words": (
        'RECORDINGS = "recordings"\nROWS, EPOCHS = 200, 1',
        small_digits,
    ),
    "07_why_and_how_sure": ('ROWS, EPOCHS, RIGHT, RUN = 400, 1, 0.1, "run"', None),
}


@pytest.mark.slow
@pytest.mark.parametrize("stem", [path.stem for path in NOTEBOOKS])
def test_notebook(stem, tmp_path):
    path = NOTEBOOKS[0].with_stem(stem)
    parameters, make_data = SMALL[stem]
    if make_data is not None:
        make_data(tmp_path)
    nbclient = pytest.importorskip("nbclient", reason="the extra `notebook` is not installed")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("easy_vqa", reason="the extra `demo` is not installed")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = parameters
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_was_committed_with_outputs(path):
    nbformat = pytest.importorskip("nbformat", reason="the extra `notebook` is not installed")
    code = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert not [o for cell in code for o in cell.outputs if o.output_type == "error"]
