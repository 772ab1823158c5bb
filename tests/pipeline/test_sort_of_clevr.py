"""Sort-of-CLEVR: the generator against its specification, done again the slow way."""

import math

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data.datasets.sort_of_clevr import ANSWERS, COLORS, SENTENCES, SortOfClevr

SCENES = SortOfClevr.generate(300, seed=0)


def objects(scene):
    """`[(x, y, "circle" or "rectangle")]` of a scene, in the order of the colours."""
    pairs = zip(SCENES.centres[scene], SCENES.circles[scene], strict=True)
    return [(int(x), int(y), "circle" if circle else "rectangle") for (x, y), circle in pairs]


def expected_answer(scene, color, subject, legacy=False):
    """The answer, from the wording of the specification."""
    things = objects(scene)
    x, y, shape = things[color]
    away = [(x - u) ** 2 + (y - v) ** 2 for u, v, _ in things]
    if subject == 0:
        return shape
    if subject in (1, 2):
        return "yes" if (x, y)[subject - 1] < 37.5 else "no"
    if subject == 3:
        away[color] = 999 if legacy else math.inf
        return things[away.index(min(away))][2]
    if subject == 4:
        return things[away.index(max(away))][2]
    return str(sum(other == shape for _, _, other in things) - 1)


def test_shapes_and_ranges():
    assert SCENES.pictures.shape == (300, 75, 75, 3) and SCENES.pictures.dtype == np.uint8
    assert SCENES.centres.min() >= 5 and SCENES.centres.max() < 70
    for scene in range(300):
        for i, (x, y, _) in enumerate(objects(scene)):
            for u, v, _ in objects(scene)[:i]:
                assert math.hypot(x - u, y - v) >= 10
    assert SCENES.relational.sum(axis=1).tolist() == [10] * 300
    counts = np.bincount(SCENES.colors.ravel() * 6 + SCENES.subjects.ravel(), minlength=36)
    assert counts.min() > 0.7 * 6000 / 36 and counts.max() < 1.3 * 6000 / 36


def test_pixels():
    """Each object, painted over the earlier ones, pixel by pixel."""
    for scene in range(5):
        picture = np.full((75, 75, 3), 255)
        for (x, y, shape), color in zip(objects(scene), COLORS.values(), strict=True):
            for v in range(y - 5, y + 6):
                for u in range(x - 5, x + 6):
                    if shape == "rectangle" or (u - x) ** 2 + (v - y) ** 2 <= 25:
                        picture[v, u] = color
        np.testing.assert_array_equal(SCENES.pictures[scene], picture)


@pytest.mark.parametrize("legacy", [False, True])
def test_answers(legacy):
    scenes = SortOfClevr.generate(300, seed=0, legacy=legacy)
    np.testing.assert_array_equal(scenes.pictures, SCENES.pictures)
    for scene in range(300):
        for column in range(20):
            color, subject = scenes.colors[scene, column], scenes.subjects[scene, column]
            answer = ANSWERS[scenes.answers[scene, column]]
            assert answer == expected_answer(scene, color, subject, legacy), (scene, column)
    if legacy:
        assert (scenes.answers != SCENES.answers).any()


def test_codes_and_sentences_say_the_same():
    for sentence, code, color, subject in zip(
        SCENES.questions.ravel(),
        SCENES.codes.reshape(-1, 11),
        SCENES.colors.ravel(),
        SCENES.subjects.ravel(),
        strict=True,
    ):
        assert code.sum() == 3
        assert np.flatnonzero(code).tolist() == [color, 6 + subject // 3, 8 + subject % 3]
        assert sentence == SENTENCES[subject].format(list(COLORS)[color])


def test_floors_are_those_of_the_paper():
    """What the questions alone give, and what knowing all shapes but no place gives."""
    scenes = SortOfClevr.generate(4000, seed=1)
    best, shapes = [], []
    for subject in (3, 4, 5):
        answers = scenes.answers[scenes.subjects == subject]
        best.append(np.bincount(answers).max() / len(answers))
    assert abs(np.mean(best) - 0.439) < 0.01
    # Nearest and furthest: the shape that most of the other five have.
    scene, column = np.nonzero(np.isin(scenes.subjects, (3, 4)))
    own = scenes.circles[scene, scenes.colors[scene, column]]
    others = scenes.circles[scene].sum(axis=1) - own
    guess = np.where(others >= 3, ANSWERS.index("circle"), ANSWERS.index("rectangle"))
    right = (guess == scenes.answers[scene, column]).mean()
    shapes = (2 * right + 1) / 3  # the count is known
    assert abs(shapes - 0.79) < 0.01


def test_legacy_takes_an_object_for_its_own_nearest_in_seven_percent():
    centres = SortOfClevr.generate(4000, seed=1).centres
    squared = ((centres[:, :, None] - centres[:, None]) ** 2).sum(axis=-1).astype(float)
    squared[:, np.arange(6), np.arange(6)] = np.inf
    assert abs((squared.min(axis=-1) > 999).mean() - 0.07) < 0.01


def test_records():
    records = mmzoo.data.sort_of_clevr(scenes=3, questions=4, seed=5)
    scenes = SortOfClevr.generate(3, questions=4, seed=5)
    assert len(records) == 12 and records.class_names == list(ANSWERS)
    for row in range(12):
        picture = tf.io.decode_png(records.columns["image"][row])
        np.testing.assert_array_equal(picture, scenes.pictures[row // 4])
    assert records.labels == [ANSWERS[answer] for answer in scenes.answers.ravel()]
    np.testing.assert_array_equal(np.stack(records.columns["code"]), scenes.codes.reshape(12, 11))
    again = mmzoo.data.sort_of_clevr(scenes=3, questions=4, seed=5)
    assert again.columns["image"] == records.columns["image"]
    other = mmzoo.data.sort_of_clevr(scenes=3, questions=4, seed=6)
    assert other.columns["image"] != records.columns["image"]


@pytest.mark.parametrize("arguments", [{"scenes": 0}, {"questions": 3}, {"questions": 0}])
def test_impossible_arguments(arguments):
    with pytest.raises(ValueError, match="even number of questions"):
        mmzoo.data.sort_of_clevr(**{"scenes": 2, **arguments})
