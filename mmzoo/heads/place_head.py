"""The base class of heads that answer with a place in a picture."""

import keras
from keras import ops

from mmzoo.heads.head import Head, one_vector

#: Augmentations that move what is in a picture, so that its label would no longer be true.
MOVING = ("flip", "crop", "randaugment")


def check_nothing_moves(name, modality, asked, label):
    """Raises a `ValueError` where augmentation would move what a head is asked for.

    Args:
        name: name of the modality.
        modality: the modality.
        asked: what is asked for, in words: `"to be found"`.
        label: what says where it is, which augmentation leaves as it was.
    """
    moving = [each for each in getattr(modality, "augmentation", None) or () if each in MOVING]
    if moving:
        raise ValueError(
            f"The augmentation {', '.join(moving)} of {name!r} moves what is {asked}, but not its "
            f"{label}. Leave it out; 'color' moves nothing."
        )


class PlaceHead(Head):
    """Reads the tokens of one picture, each beside the fused vector.

    A subclass sets `call`, `make_loss()`, `make_metrics()` and `target()`.

    Args:
        units: see `Head`.
        image: name of the picture; `None`: the first.
        hidden_units: width of the hidden layer over the tokens.
        grid: `(height, width)` of the picture's tokens; `None`: `build_model` fills it in.
        **kwargs: those of `Head`.

    Call arguments:
        fused: `(B, D)` float, or `(B, M, D)`, whose mean over `M` is taken.
        tokens: dict from modality name to `(B, T, D)` float.
        mask: dict from modality name to `(B, T)` bool.
    """

    reads_tokens = True

    def __init__(self, units, image=None, hidden_units=128, grid=None, **kwargs):
        super().__init__(units, **kwargs)
        # Layers
        dtype = self.dtype_policy
        self.token_map = keras.layers.Dense(hidden_units, dtype=dtype, name="token_map")
        self.vector_map = keras.layers.Dense(
            hidden_units, use_bias=False, dtype=dtype, name="vector_map"
        )
        # Config
        self.image = image
        self.hidden_units = hidden_units
        self.grid = None if grid is None else tuple(grid)

    def build(self, *args, **shapes):
        """Nothing to build here: the layers inside get their weights as they are called."""

    def fitted_to(self, inputs, grids):
        pictures = [name for name, modality in inputs.items() if modality.kind == "image"]
        image = (pictures or [None])[0] if self.image is None else self.image
        if image not in pictures:
            named = "there is none" if image is None else f"received image={image!r}"
            raise ValueError(
                f"{type(self).__name__} answers with a place in a picture, an mmzoo.Image: "
                f"{named}; the inputs are {', '.join(inputs)}."
            )
        check_nothing_moves(image, inputs[image], "to be found", "label")
        return self.placed(image, inputs[image], grids.get(image, self.grid))

    def placed(self, image, modality, grid):
        """This head, for a picture of that name, with tokens on that grid (`None`: not known)."""
        return type(self).from_config({**self.get_config(), "image": image, "grid": grid})

    def hidden(self, fused, tokens, mask):
        """The picture's tokens, each beside the fused vector, `(B, T, hidden_units)`.

        Of a token that is masked nothing is seen.
        """
        if self.grid is None or self.image is None:
            raise ValueError(
                f"{type(self).__name__} does not know where the tokens of {self.image!r} lie. Let "
                "its encoder keep the feature map (pooling=None), and `mmzoo.build_model` make the "
                "model, or give `image` and `grid`."
            )
        fused = one_vector(fused)
        there = mask[self.image][..., None]
        tokens = ops.where(there, tokens[self.image], ops.zeros_like(tokens[self.image]))
        return ops.relu(self.token_map(tokens) + self.vector_map(fused)[:, None])

    def get_config(self):
        config = super().get_config()
        del config["units"]
        return {
            **config,
            "image": self.image,
            "hidden_units": self.hidden_units,
            "grid": None if self.grid is None else list(self.grid),
        }
