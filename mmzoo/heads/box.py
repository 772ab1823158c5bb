"""One place in a picture."""

import keras
import numpy as np
from keras import ops

from mmzoo.heads.box_loss import BoxLoss
from mmzoo.heads.mean_overlap import MeanOverlap
from mmzoo.heads.place_head import PlaceHead
from mmzoo.layers.masking import IMPOSSIBLE
from mmzoo.targets.box_in_picture import BoxInPicture


@keras.saving.register_keras_serializable(package="mmzoo")
class Box(PlaceHead):
    """One place in a picture: the box around what the other inputs name.

    Labels are `[x0, y0, x1, y1]` in pixels of the picture as it was sent, before its EXIF
    orientation turns it, from its upper left corner: the first pixel reaches from 0 to 1. The model
    learns and predicts boxes in shares of the picture it sees; answers of `mmzoo.predict` and of an
    exported model are in pixels as sent. Give the preprocessor the head, too:
    `mmzoo.Preprocessor(inputs, head=head)`.

    Every token of the picture proposes a box, relative to its own place on the grid, and says how
    much it is to be believed; the answer is the mean of the proposals, weighted by a softmax.

    Args:
        image: name of the picture; `None`: the first.
        hidden_units: width of the hidden layer over the tokens.
        grid: `(height, width)` of the picture's tokens; `None`: `build_model` fills it in.
        l1: weight of the distances in the loss, see `mmzoo.heads.BoxLoss`.
        giou: weight of the overlap.

    Call arguments:
        fused: `(B, D)` float.
        tokens: dict from modality name to `(B, T, D)` float, see `Fusion.contextualized`.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, 4)` float32, in shares of the picture's width and height; zeros where it is absent.

    Raises:
        ValueError: when there is no such picture, its tokens lie on no grid, or its augmentation
            would move what is to be found.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 6, 8), "float32"), "text": np.ones((2, 3, 8), "float32")}
    >>> mask = {"image": np.ones((2, 6), bool), "text": np.ones((2, 3), bool)}
    >>> head = Box(image="image", grid=(2, 3))
    >>> tuple(head(np.ones((2, 8), "float32"), tokens, mask).shape)
    (2, 4)

    Reference: proposals: Tian et al. 2019, arXiv 1904.01355 (FCOS); the task: Deng et al. 2021,
        arXiv 2104.08541 (TransVG).
    """

    score_names = ("x0", "y0", "x1", "y1")

    def __init__(self, image=None, hidden_units=128, grid=None, l1=5.0, giou=2.0, **kwargs):
        super().__init__(4, image, hidden_units, grid, **kwargs)
        # Layers. At the start every token proposes a box around itself, and all count alike.
        self.dense.kernel_initializer = keras.initializers.Zeros()
        self.score = keras.layers.Dense(
            1, kernel_initializer="zeros", use_bias=False, dtype=self.dtype_policy, name="score"
        )
        # Config
        self.l1 = l1
        self.giou = giou

    def call(self, fused, tokens, mask):
        hidden = self.hidden(fused, tokens, mask)
        mask = mask[self.image]
        scores = ops.where(mask, self.score(hidden)[..., 0], IMPOSSIBLE)
        shares = ops.softmax(scores, axis=-1)[..., None]
        height, width = self.grid
        proposals = self.dense(hidden)
        # A token knows its own place: what it adds to that is in units of its size.
        offsets = proposals[..., :2] * ops.convert_to_tensor([1 / width, 1 / height], "float32")
        centres = ops.convert_to_tensor(_centres(self.grid), "float32")
        centres = ops.sum(shares * (centres + offsets), axis=1)
        sides = ops.sum(shares * ops.sigmoid(proposals[..., 2:]), axis=1)
        boxes = ops.concatenate([centres - sides / 2, centres + sides / 2], axis=-1)
        return ops.where(ops.any(mask, axis=1, keepdims=True), boxes, ops.zeros_like(boxes))

    def target(self):
        return BoxInPicture(self.image)

    def make_loss(self):
        return BoxLoss(self.l1, self.giou)

    def make_metrics(self):
        return [MeanOverlap("box")]

    def get_config(self):
        config = super().get_config()
        del config["class_names"]
        return {**config, "l1": self.l1, "giou": self.giou}


def _centres(grid):
    """`(height * width, 2)`: x and y of the middles of a grid's cells, in shares."""
    height, width = grid
    y, x = np.mgrid[:height, :width]
    return np.stack([(x.ravel() + 0.5) / width, (y.ravel() + 0.5) / height], axis=-1)
