"""The base class of heads: vector -> prediction, with its loss and metrics."""

import keras
import numpy as np
from keras import ops

from mmzoo.heads.logits import remember_logits
from mmzoo.layers import CompositeLayer
from mmzoo.targets import Values
from mmzoo.utils.checks import check_positive_integers


class Head(CompositeLayer):
    """One linear layer and its activation, always in float32.

    A subclass sets `activate`, `make_loss()` and `make_metrics()`; and `target()`, unless it
    predicts numbers that are answered as they are. One that predicts otherwise than by a linear
    layer sets `call`, and, where it reads tokens besides the vector, `reads_tokens = True`: it is
    then called as `head(fused, tokens, mask)`, see `mmzoo.fusion.Fusion.contextualized`.

    Args:
        units: number of outputs.
        class_names: their names, in order, or `None`.

    Call arguments:
        fused: `(B, D)` float, or `(B, M, D)`: one vector a modality, whose logits are averaged.

    Returns:
        `(B, units)` float32.
    """

    def __init__(self, units, class_names=None, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        if class_names is not None:
            class_names = [str(name) for name in class_names]
            repeated = sorted({name for name in class_names if class_names.count(name) > 1})
            if repeated:
                raise ValueError(f"`class_names` must be unique; repeated: {repeated}.")
        check_positive_integers("units", units)
        units = int(units)
        self.units = units
        self.dense = self.make_dense(units)
        self.class_names = class_names

    #: What `mmzoo.calibrate` found, or `None`. A note: the temperature is in the weights. Points of
    #: isotonic regression are in nothing else, and a call goes by them.
    calibration = None
    #: Whether it is called with the tokens, too.
    reads_tokens = False
    #: Whether it writes its answers step by step, by a method `generate`, rather than by a call.
    generates = False
    #: Name of the argument, and of the target's attribute, that is learned where it is `None`.
    learned_argument = None

    def make_dense(self, units):
        """The linear layer; `None` in a head that predicts otherwise."""
        return keras.layers.Dense(units, dtype=self.dtype_policy, name="dense")

    def input_tensors(self):
        """What it is called with besides, in training: inputs of the model, `<answer>_<part>`.

        Returns:
            Dict from the name of an argument of `call` to `(shape without the batch, dtype)`. Its
            target makes them, see `mmzoo.targets.Target.inputs`.
        """
        return {}

    def fitted_to(self, inputs, grids):
        """The head, with what it has to know of the inputs, such as which is the picture.

        Args:
            inputs: dict from modality name to modality.
            grids: dict from the name of a picture to `(rows, columns)` of its tokens.

        Returns:
            A head.
        """
        return self

    def learned_from(self, target, **others):
        """The head, with what it has to know of the training labels, see `learned_argument`.

        Args:
            target: the `mmzoo.targets.Target` that learned it.
            **others: further arguments of the head that change with it.

        Returns:
            A head.
        """
        name = self.learned_argument
        if name is None or getattr(self, name) is not None or getattr(target, name) is None:
            return self
        config = {**self.get_config(), name: getattr(target, name), **others}
        return type(self).from_config(config)

    def shared_parts(self):
        """Arguments that a copy of this head takes as they are: layers that have weights already.

        Returns:
            Dict from the name of an argument to its value.
        """
        return {}

    def token_mask(self, mask, inputs):
        """The mask of the tokens that it is called with, where it reads tokens.

        Args:
            mask: dict from modality name to `(B, T)` bool.
            inputs: dict from the name of an input of the model to its tensor.

        Returns:
            Such a dict.
        """
        return mask

    def target(self):
        """What its labels are, and what its predictions become.

        Returns:
            A new `mmzoo.targets.Target`.
        """
        return Values(self.units)

    def adapt(self, target):
        """Takes over what was learned from the labels of the training rows; `fit` calls it.

        Args:
            target: the `mmzoo.targets.Target` that learned it.

        Raises:
            ValueError: when the labels were read as something else than this head predicts.
        """
        self.target().check_fits(target)

    def learn(self, labels):
        """Learns from the labels of the training rows, where `fit` is given arrays.

        Args:
            labels: NumPy array, as `fit` takes it.
        """

    def activate(self, logits):
        """Logits -> prediction."""
        raise NotImplementedError(f"{type(self).__name__} must implement `activate`.")

    @property
    def score_names(self):
        """What `scores` can be asked for, by number: the classes, or the outputs.

        `None` where the prediction is no number, or class, of the whole row.
        """
        return self.class_names or [str(unit) for unit in range(self.units)]

    def answered(self, prediction):
        """Which of `score_names` was answered.

        Args:
            prediction: `(B, units)`, as a NumPy array.

        Returns:
            `(B,)` int; `None` where a prediction does not choose one of several numbers.
        """
        return np.zeros(len(prediction), int) if self.units == 1 else None

    def scores(self, prediction, asked):
        """How much speaks for one of `score_names`: what `mmzoo.attributions` shares out.

        Args:
            prediction: `(B, units)`, the very tensor that the head returned.
            asked: `(B,)` int, positions in `score_names`.

        Returns:
            `(B,)` float32: of a class the logarithm of its odds, which has no bounds; else the
            number itself.
        """
        return taken(prediction, asked)

    def make_loss(self):
        """The loss `build_model` compiles with."""
        raise NotImplementedError(f"{type(self).__name__} must implement `make_loss`.")

    def make_metrics(self):
        """The metrics `build_model` compiles with."""
        raise NotImplementedError(f"{type(self).__name__} must implement `make_metrics`.")

    def logits(self, fused):
        """The linear layer's outputs, before the activation.

        Args:
            fused: as for a call.

        Returns:
            `(B, units)` float32.
        """
        logits = self.dense(fused)
        return ops.mean(logits, axis=1) if len(logits.shape) == 3 else logits

    def scale_logits(self, factors):
        """Multiplies the weights of the linear layer, and so what it gives.

        Args:
            factors: a positive float, or `(units,)` of them.
        """
        factors = np.asarray(factors, "float64")
        for weight in (self.dense.kernel, self.dense.bias):
            if weight is not None:
                weight.assign(ops.convert_to_numpy(weight).astype("float64") * factors)

    @property
    def isotonic(self):
        """The points of isotonic regression, see `mmzoo.targets.isotonic`, or `None`."""
        return (self.calibration or {}).get("isotonic")

    def call(self, fused):
        logits = self.logits(fused)
        prediction = self.activate(logits)
        if self.isotonic is not None:
            return self.target().along_points(prediction, self.isotonic)
        return remember_logits(prediction, logits)

    def get_config(self):
        config = {**super().get_config(), "units": self.units, "class_names": self.class_names}
        return config if self.calibration is None else {**config, "calibration": self.calibration}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        calibration = config.pop("calibration", None)
        head = super().from_config(config)
        head.calibration = calibration
        return head


def taken(values, positions):
    """One of the values of each row.

    Args:
        values: `(B, N)`.
        positions: `(B,)` int.

    Returns:
        `(B,)`.
    """
    return ops.take_along_axis(values, ops.convert_to_tensor(positions)[:, None], axis=1)[:, 0]


def log_odds(probabilities):
    """The logarithm of the odds of each probability, where no logits are known.

    Args:
        probabilities: `(B, K)`.

    Returns:
        `(B, K)`.
    """
    kept = ops.clip(probabilities, keras.config.epsilon(), 1 - keras.config.epsilon())
    return ops.log(kept) - ops.log(1 - kept)


def one_vector(fused):
    """The fused vector of each row: where a block gives one a modality, their mean.

    Args:
        fused: `(B, D)` float, or `(B, M, D)`.

    Returns:
        `(B, D)`.
    """
    return ops.mean(fused, axis=1) if len(fused.shape) == 3 else fused


def check_class_names(units, class_names, allowed, head):
    """Raises where the number of class names does not fit the number of units."""
    if class_names is not None and len(class_names) not in allowed:
        raise ValueError(
            f"{head} with units={units} takes {' or '.join(map(str, sorted(allowed)))} class "
            f"names; received {len(class_names)}: {list(class_names)}."
        )
