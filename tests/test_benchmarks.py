"""What the numbers of the benchmarks rest on."""

import importlib
import pathlib

import numpy as np
import pytest
from keras import ops

from mmzoo.data.sort_of_clevr import COLORS, RADIUS, SortOfClevr, _truth
from tests.parts import disturb

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
    results = serving.run(batches=(1, 3), rounds=2, calls=3)
    assert [(r["way"], r["batch_size"], r["calls"]) for r in results] == [
        ("raw", 1, 6), ("by hand", 1, 6), ("raw", 3, 4), ("by hand", 3, 4),
    ]  # fmt: skip
    for record in results:
        assert 0 < record["p50_seconds"] <= record["p99_seconds"]
        assert record["largest_difference"] < 1e-3
    assert "| 3 |" in serving.table(results)


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
    assert script.table(results).count("\n") == 4
    torch_photos = pytest.importorskip("torch") and script.TorchPhotos(paths, draft=True)
    assert len(torch_photos) == 12 and torch_photos[0].shape == (32, 32, 3)
