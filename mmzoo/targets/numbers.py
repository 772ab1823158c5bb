"""Numbers that are trained on a standard scale and answered in their own unit."""

import keras
import numpy as np

from mmzoo.targets.intervals import half_widths
from mmzoo.targets.values import Values, one_or_several

#: How the scale of numbers is learned; `None`: not at all.
SCALES = ("standard", "robust", "log")
#: The standard deviation of a normal distribution is its interquartile range over this.
QUARTILES_TO_DEVIATION = 1.3489795
#: A deviation below that share of the mean is the rounding of float32, in which labels are held.
ROUNDING = 1e-7


def check_scale(scale):
    """Raises a `ValueError` for a scale that does not exist."""
    if scale is not None and scale not in SCALES:
        raise ValueError(
            f"`scale` must be one of {', '.join(SCALES)}, or None; received: {scale!r}."
        )


@keras.saving.register_keras_serializable(package="mmzoo")
class Numbers(Values):
    """Numbers with a scale: `value = centre + spread * prediction of the network`.

    The scale is learned from the training rows, in double precision, and goes to the head, which
    computes with it. So `model.predict`, reports and exported models have the unit of the labels,
    whatever it is, and the network learns numbers around 0.

    Args:
        units: numbers a row.
        scale: `"standard"`: mean and standard deviation; `"robust"`: median and interquartile
            range, for heavy tails; `"log"`: mean and standard deviation of the logarithm, for
            positive numbers of several magnitudes; `None`: numbers as they are.

    Example:

    >>> target = Numbers(units=1)
    >>> target.adapt(target.check([10.0, 20.0, 30.0]))
    >>> target.get_state()["standard"]
    [[20.0], [8.16496580927726]]
    """

    kind = "numbers"

    def __init__(self, units=1, scale="standard"):
        super().__init__(units)
        check_scale(scale)
        self.scale = scale
        self.scales = {}
        self.rows = 0

    def get_config(self):
        return {"units": self.units, "scale": self.scale}

    def check(self, labels, describe="row {}".format):
        numbers = super().check(labels, describe)
        if self.scale == "log":
            low = (numbers.reshape(len(numbers), -1) <= 0).any(axis=1)
            if low.any():
                row = int(low.argmax())
                raise ValueError(
                    f"{describe(row)}: the label {labels[row]!r} is not positive, and scale='log' "
                    "takes logarithms. Choose scale='standard' or 'robust'."
                )
        return numbers

    def adapt(self, labels):
        numbers = np.asarray(labels, "float64").reshape(len(labels), -1)
        self.rows = int((~np.isnan(numbers).any(axis=1)).sum())
        self.scales = {"standard": _scale(numbers), "robust": _robust_scale(numbers)}
        if np.nanmin(numbers) > 0:
            self.scales["log"] = _scale(np.log(numbers))

    def get_state(self):
        return {"rows": self.rows, **self.scales} if self.scales else {}

    def set_state(self, state):
        self.rows = state.get("rows", 0)
        self.scales = {name: state[name] for name in SCALES if name in state}

    def encode(self, labels, describe="row {}".format):
        if isinstance(labels, list):
            labels = self.check(labels, describe)
        # A row without a label costs nothing, but its loss must be a number.
        return np.where(np.isnan(labels), 1, labels).astype("float32")

    def intervals_of(self, y, prediction, alpha, method, sample_weight=None):
        """As of `Values`; with `scale="log"` of logarithms, and then `factor` says by how much the
        lower end is below the number, and the upper above, in place of `half_width`.
        """
        if self.scale != "log":
            return super().intervals_of(y, prediction, alpha, method, sample_weight)
        if not (y > 0).all():
            raise ValueError("Not all labels are positive, and scale='log' takes logarithms.")
        residuals = np.log(y) - np.log(np.maximum(prediction, np.finfo("float32").tiny))
        widths = half_widths(residuals, alpha, method, sample_weight)
        factors = np.exp(widths.astype("float64")) * (1 + ROUNDING)
        return {"alpha": alpha, "method": method, "factor": one_or_several(factors)}

    def bounds(self, prediction):
        if "factor" not in self.intervals:
            return super().bounds(prediction)
        factor = np.reshape(self.intervals["factor"], -1).astype("float32")
        return prediction / factor, prediction * factor


def _scale(numbers):
    """`[centre, spread]`, two lists of a number a column: mean and standard deviation."""
    return _usable(np.nanmean(numbers, axis=0), np.nanstd(numbers, axis=0))


def _robust_scale(numbers):
    """Likewise: median, and the deviation that the interquartile range tells of."""
    low, centre, high = np.nanquantile(numbers, (0.25, 0.5, 0.75), axis=0)
    spread = (high - low) / QUARTILES_TO_DEVIATION
    # More than half of the rows alike: the others still have a spread.
    return _usable(centre, np.where(spread > 0, spread, np.nanstd(numbers, axis=0)))


def _usable(centre, spread):
    """As lists; a column that is constant up to rounding has the spread 1."""
    spread = np.where(spread <= ROUNDING * np.abs(centre), 1.0, spread)
    return [centre.tolist(), spread.tolist()]
