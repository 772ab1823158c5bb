"""Sort-of-CLEVR: relational questions about drawn scenes, generated."""

import dataclasses
import functools

import numpy as np

from mmzoo.data.sources.from_arrays import from_arrays

SIDE = 75
RADIUS = 5
COLORS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "orange": (255, 156, 0),
    "gray": (128, 128, 128),
    "yellow": (255, 255, 0),
}
ANSWERS = ("yes", "no", "rectangle", "circle", "0", "1", "2", "3", "4", "5")
#: One sentence a question: three about an object alone, three about its relations.
SENTENCES = (
    "what shape is the {} object?",
    "is the {} object left of the middle?",
    "is the {} object above the middle?",
    "what shape is the object nearest to the {} one?",
    "what shape is the object furthest from the {} one?",
    "how many other objects have the shape of the {} one?",
)
#: Questions an object alone can answer come first among the six.
RELATIONAL_FROM = 3


@dataclasses.dataclass(frozen=True, eq=False)
class SortOfClevr:
    """Scenes of Sort-of-CLEVR as arrays; `N` scenes with `Q` questions each.

    Attributes:
        pictures: `(N, 75, 75, 3)` uint8.
        centres: `(N, 6, 2)` int, x and y of the objects in pixels, in the order of `COLORS`.
        circles: `(N, 6)` bool: a circle, or else a square.
        colors: `(N, Q)` int: which object a question is about.
        subjects: `(N, Q)` int: which of `SENTENCES` it asks; from 3 on they are relational.
        answers: `(N, Q)` int, positions in `ANSWERS`.

    Example:

    >>> scenes = SortOfClevr.generate(scenes=2, seed=0)
    >>> scenes.pictures.shape, scenes.codes.shape
    ((2, 75, 75, 3), (2, 20, 11))
    """

    pictures: np.ndarray
    centres: np.ndarray
    circles: np.ndarray
    colors: np.ndarray
    subjects: np.ndarray
    answers: np.ndarray

    @classmethod
    def generate(cls, scenes, questions=20, seed=0, legacy=False):
        """Draws scenes and asks about them; see `sort_of_clevr`."""
        if scenes < 1 or questions < 2 or questions % 2:
            raise ValueError(
                "There must be at least one scene, and an even number of questions, half of them "
                f"relational; received scenes={scenes!r}, questions={questions!r}."
            )
        generator = np.random.default_rng(seed)
        centres = _centres(generator, scenes)
        circles = generator.random((scenes, len(COLORS))) < 0.5
        colors = generator.integers(len(COLORS), size=(scenes, questions))
        subjects = generator.integers(RELATIONAL_FROM, size=(scenes, questions))
        subjects[:, questions // 2 :] += RELATIONAL_FROM
        truth = _truth(centres, circles, legacy)
        answers = truth[np.arange(scenes)[:, None], colors, subjects]
        return cls(_draw(centres, circles), centres, circles, colors, subjects, answers)

    @property
    def relational(self):
        """`(N, Q)` bool: whether a question is about the relations between objects."""
        return self.subjects >= RELATIONAL_FROM

    @functools.cached_property
    def codes(self):
        """`(N, Q, 11)` float32, the paper's code of a question.

        One-hot: the colour (6), not relational or relational (2), which of its three questions (3).
        """
        kind = self.relational.astype(int)
        one_hot = [np.eye(len(COLORS)), np.eye(2), np.eye(RELATIONAL_FROM)]
        parts = [self.colors, kind, self.subjects % RELATIONAL_FROM]
        pairs = zip(one_hot, parts, strict=True)
        return np.concatenate([table[part] for table, part in pairs], axis=-1).astype("float32")

    @property
    def questions(self):
        """`(N, Q)` array of English sentences."""
        names = list(COLORS)
        table = np.array([[text.format(name) for text in SENTENCES] for name in names], object)
        return table[self.colors, self.subjects]

    def records(self):
        """One row a question.

        Returns:
            `Records` with the columns `image` (PNG bytes), `question` (sentence) and `code`.
        """
        import tensorflow as tf

        scenes, questions = self.answers.shape
        encoded = [tf.io.encode_png(picture).numpy() for picture in self.pictures]
        return from_arrays(
            {
                "image": [png for png in encoded for _ in range(questions)],
                "question": self.questions.ravel().tolist(),
                "code": list(self.codes.reshape(scenes * questions, -1)),
            },
            labels=[ANSWERS[answer] for answer in self.answers.ravel()],
            class_names=ANSWERS,
        )


def sort_of_clevr(scenes=9800, questions=20, seed=0, legacy=False):
    """Questions about scenes of six objects, half of them about relations between objects.

    A scene has 75x75 pixels, a white background and one object of each of six colours, a square or
    a circle of radius 5, at centres at least 10 pixels apart. Asked are, with colour and question
    drawn at random: its shape; whether it is left of, or above, the middle; the shape of the
    object nearest to it and of the one furthest from it; how many others have its shape.

    Args:
        scenes: number of pictures; the paper has 9,800 to train on and 200 to test.
        questions: number of questions a picture: the first half not relational, the second half
            relational.
        seed: the same seed gives the same scenes and questions.
        legacy: the de-facto generator gives an object the squared distance 999 to itself, and so
            takes it for its own nearest where all others are further than 31.6 pixels. `True`
            reproduces that.

    Returns:
        `Records`, `scenes * questions` rows, with the columns `image` (PNG bytes), `question`
        (an English sentence) and `code` (the paper's vector of 11 numbers), and 10 answers.

    Raises:
        ValueError: for no scenes, or a number of questions that is not even.

    Example:

    >>> records = sort_of_clevr(scenes=5)
    >>> len(records), records.columns["question"][0]
    (100, 'what shape is the yellow object?')

    Source: Santoro et al. 2017, arXiv 1706.01427, section 5.3.
    """
    return SortOfClevr.generate(scenes, questions, seed, legacy).records()


def _centres(generator, scenes):
    """`(scenes, 6, 2)` centres, placed one after another where there is room."""
    centres = np.zeros((scenes, len(COLORS), 2), int)
    for number in range(len(COLORS)):
        waiting = np.arange(scenes)
        while waiting.size:
            tried = generator.integers(RADIUS, SIDE - RADIUS, size=(waiting.size, 2))
            placed = centres[waiting, :number]
            squared = ((placed - tried[:, None]) ** 2).sum(axis=-1)
            free = (squared >= (2 * RADIUS) ** 2).all(axis=1)
            centres[waiting[free], number] = tried[free]
            waiting = waiting[~free]
    return centres


def _draw(centres, circles):
    """`(N, 75, 75, 3)` uint8 pictures; later colours cover earlier ones."""
    pictures = np.full((len(centres), SIDE, SIDE, 3), 255, "uint8")
    dy, dx = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1].reshape(2, -1)
    disc = dx**2 + dy**2 <= RADIUS**2
    for number, color in enumerate(COLORS.values()):
        drawn = np.where(circles[:, number, None], disc, True)  # (N, 121)
        scene, pixel = np.nonzero(drawn)
        x = centres[scene, number, 0] + dx[pixel]
        y = centres[scene, number, 1] + dy[pixel]
        pictures[scene, y, x] = color
    return pictures


def _truth(centres, circles, legacy):
    """`(N, 6, 6)` int: the answer to every question about every object."""
    count = len(COLORS)
    squared = ((centres[:, :, None] - centres[:, None]) ** 2).sum(axis=-1)  # (N, 6, 6)
    itself = np.eye(count, dtype=bool)
    nearest = np.where(itself, 999 if legacy else np.inf, squared).argmin(axis=-1)
    furthest = squared.argmax(axis=-1)
    shape = np.where(circles, ANSWERS.index("circle"), ANSWERS.index("rectangle"))
    same = (circles[:, :, None] == circles[:, None]).sum(axis=-1) - 1
    yes_or_no = np.where(centres < SIDE / 2, ANSWERS.index("yes"), ANSWERS.index("no"))
    answers = [
        shape,
        yes_or_no[..., 0],
        yes_or_no[..., 1],
        np.take_along_axis(shape, nearest, axis=1),
        np.take_along_axis(shape, furthest, axis=1),
        ANSWERS.index("0") + same,
    ]
    return np.stack(answers, axis=-1)
