"""A text read from frames."""

import warnings

import keras
from keras import ops

from mmzoo.heads.head import Head, one_vector
from mmzoo.heads.logits import remember_logits
from mmzoo.heads.place_head import check_nothing_moves
from mmzoo.heads.rows_left_out import RowsLeftOut
from mmzoo.heads.transcript_loss import TranscriptLoss
from mmzoo.heads.transcript_match import TranscriptMatch
from mmzoo.targets.ctc import to_the_left
from mmzoo.targets.transcribed_text import TranscribedText, check_alphabet

#: What frames are looked for in, where nobody says: the first kind there is.
KINDS = ("audio", "video", "image")
#: How many rows a message names.
NAMED = 5


@keras.saving.register_keras_serializable(package="mmzoo")
class Transcript(Head):
    """What is said in a sound, shown in a video, or written in a picture, part by part.

    Every token of one modality, a frame, has a distribution over the alphabet and a blank; nobody
    has to say which frame belongs to which letter (connectionist temporal classification). A text
    needs as many frames as it has characters (or words), and one more between two that are the
    same: `build_model` makes frames of 20 ms with the encoder `"crnn"` of a `mmzoo.Audio`. Other
    modalities are read through the fused vector, and through the frames where the fusion block
    rewrites them.

    Labels are texts; of a list of them, each right, the first is learned, and `mmzoo.evaluate`
    judges by the nearest. Give the preprocessor the head, too, and this head the alphabet that it
    learned:

        preprocessor = mmzoo.Preprocessor(inputs, head=mmzoo.heads.Transcript())
        preprocessor.adapt(records)
        head = mmzoo.heads.Transcript(alphabet=preprocessor.targets["head"].alphabet)

    Rows whose text can't be learned, because it needs more frames than there are, cost nothing. The
    metric `rows_left_out` counts them, and `mmzoo.evaluate` says which they are.

    Args:
        alphabet: the characters of the texts, a string or a list; for words a list, or a string
            with spaces between them. `None`: what `Preprocessor.adapt` finds in the labels.
        unit: `"character"` or `"word"`.
        lowercase: whether texts are learned, and answered, in lower case.
        frames: name of the modality whose tokens are the frames; of a picture they are its columns,
            whose mean over the height is taken. `None`: the first sound, or else video, or else
            picture.
        beams: how many texts the search for the best one keeps. 1 takes the best of every frame;
            more look for the most probable text over all alignments, and answer the others, too.
            It may be set at any time: `model.get_layer("head").beams = 8`.
        hidden_units: width of the hidden layer over the frames.
        grid: `(height, width)` of a picture's tokens; `build_model` fills it in.

    Call arguments:
        fused: `(B, D)` float, or `(B, M, D)`, whose mean over `M` is taken.
        tokens: dict from modality name to `(B, T, D)` float, see `Fusion.contextualized`.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, T, K)` float32, `K` one more than the alphabet: probabilities of the blank and of the
        alphabet in its order, frame by frame. Frames that are there come first; behind them are
        zeros.

    Raises:
        ValueError: for an impossible or missing alphabet, when there is no such modality, its
            encoder gives one token for all, or its augmentation would move what is to be read.

    Example:

    >>> import numpy as np
    >>> tokens, mask = {"audio": np.ones((2, 6, 8), "float32")}, {"audio": np.ones((2, 6), bool)}
    >>> head = Transcript("abc", frames="audio")
    >>> tuple(head(np.ones((2, 8), "float32"), tokens, mask).shape)
    (2, 6, 4)

    Reference: Graves et al. 2006, "Connectionist Temporal Classification"; columns of pictures:
        Shi et al. 2015, arXiv 1507.05717 (CRNN).
    """

    reads_tokens = True
    score_names = None
    learned_argument = "alphabet"

    def __init__(
        self,
        alphabet=None,
        unit="character",
        lowercase=False,
        frames=None,
        beams=1,
        hidden_units=128,
        grid=None,
        **kwargs,
    ):
        alphabet = check_alphabet(alphabet, unit, lowercase)
        super().__init__(1 if alphabet is None else len(alphabet) + 1, **kwargs)
        # Layers
        dtype = self.dtype_policy
        self.frame_map = keras.layers.Dense(hidden_units, dtype=dtype, name="frame_map")
        self.vector_map = keras.layers.Dense(
            hidden_units, use_bias=False, dtype=dtype, name="vector_map"
        )
        # Config
        self.alphabet = alphabet
        self.unit = unit
        self.lowercase = lowercase
        self.frames = frames
        self.beams = beams
        self.hidden_units = hidden_units
        self.grid = None if grid is None else tuple(grid)
        #: The most frames a row can have; known once it was called.
        self.most_frames = None

    def build(self, *args, **shapes):
        """Nothing to build here: the layers inside get their weights as they are called."""

    def fitted_to(self, inputs, grids):
        found = [name for kind in KINDS for name, m in inputs.items() if m.kind == kind]
        name = (found or [None])[0] if self.frames is None else self.frames
        if name not in inputs:
            asked = "there is none" if name is None else f"received frames={name!r}"
            raise ValueError(
                "Transcript reads frames, the tokens of a sound, of a video, or of the columns of "
                f"a picture: {asked}; the inputs are {', '.join(inputs)}."
            )
        check_nothing_moves(name, inputs[name], "to be read", "text")
        config = {**self.get_config(), "frames": name, "grid": grids.get(name, self.grid)}
        return type(self).from_config(config)

    def call(self, fused, tokens, mask):
        if self.alphabet is None:
            raise ValueError(
                "Transcript has no alphabet. Let a preprocessor learn it, "
                "`mmzoo.Preprocessor(inputs, head=mmzoo.heads.Transcript()).adapt(records)`, and "
                "give `alphabet=preprocessor.targets['head'].alphabet`; or write it down."
            )
        if self.frames not in tokens:
            raise ValueError(
                f"There are no tokens of frames={self.frames!r}; there are: {', '.join(tokens)}."
            )
        frames, valid = tokens[self.frames], mask[self.frames]
        frames = ops.where(valid[..., None], frames, ops.zeros_like(frames))
        fused = one_vector(fused)
        hidden = ops.relu(self.frame_map(frames) + self.vector_map(fused)[:, None])
        if self.grid is not None:
            height, width = self.grid
            hidden = ops.mean(ops.reshape(hidden, (-1, height, width, self.hidden_units)), axis=1)
            valid = ops.any(ops.reshape(valid, (-1, height, width)), axis=1)
        if hidden.shape[1] == 1:
            raise ValueError(
                f"The encoder of {self.frames!r} gives one token a row, and a text needs a frame "
                "for each of its parts. Keep all tokens (pooling=None), or choose another encoder."
            )
        self.most_frames = hidden.shape[1]
        logits = to_the_left(self.dense(hidden), valid)
        count = ops.sum(ops.cast(valid, "int32"), axis=1, keepdims=True)
        there = (ops.arange(ops.shape(valid)[1], dtype="int32") < count)[..., None]
        probabilities = ops.where(there, ops.softmax(logits, axis=-1), 0.0)
        return remember_logits(probabilities, logits)

    def adapt(self, target):
        super().adapt(target)
        needs = getattr(target, "frames_needed", ())
        rows = [row for row, needed in enumerate(needs) if needed > (self.most_frames or needed)]
        if rows:
            named = ", ".join(f"row {row} ({needs[row]})" for row in rows[:NAMED])
            warnings.warn(
                f"{len(rows)} of {len(needs)} texts need more frames than the {self.most_frames} "
                f"that {self.frames!r} has, and are left out of the loss: {named}"
                f"{', ...' if len(rows) > NAMED else ''}. Give it a finer encoder, or more time.",
                stacklevel=3,
            )

    def target(self):
        return TranscribedText(self.alphabet, self.unit, self.lowercase, self.beams)

    def make_loss(self):
        return TranscriptLoss()

    def make_metrics(self):
        return [TranscriptMatch(), RowsLeftOut()]

    def get_config(self):
        config = super().get_config()
        del config["units"], config["class_names"]
        return {
            **config,
            "alphabet": self.alphabet,
            "unit": self.unit,
            "lowercase": self.lowercase,
            "frames": self.frames,
            "beams": self.beams,
            "hidden_units": self.hidden_units,
            "grid": None if self.grid is None else list(self.grid),
        }
