"""find_learning_rate(): how the loss falls while the learning rate rises."""

import dataclasses

import keras
import numpy as np

from mmzoo.training.fine_tuning.recompile import other_optimizer
from mmzoo.utils.optional_packages import require

#: A loss so many times the lowest one ends the search.
DIVERGED = 4.0
#: Where the loss is lowest it is about to rise; this many times less is a rate to train with.
BELOW_LOWEST = 10.0


@dataclasses.dataclass(frozen=True)
class LearningRateSearch:
    """What `find_learning_rate` found.

    Args:
        rates: learning rate of each step, rising.
        losses: the loss at that step, smoothed.
        suggestion: a tenth of the rate with the lowest loss.
    """

    rates: np.ndarray
    losses: np.ndarray
    suggestion: float

    def __str__(self):
        lowest = self.rates[self.losses.argmin()]
        return (
            f"Learning rate {self.suggestion:.1e}, a tenth of that with the lowest loss "
            f"({lowest:.1e}, of {len(self.rates)} steps)."
        )

    def plot(self, path=None):
        """Draws the loss against the rate.

        Args:
            path: PNG file to write, or `None`.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ImportError: when matplotlib is missing.
        """
        require("matplotlib", "report")
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        axes.plot(self.rates, self.losses, color="#1f77b4")
        axes.axvline(self.suggestion, color="#d62728", linestyle="--")
        axes.annotate(
            f"{self.suggestion:.1e}",
            (self.suggestion, axes.get_ylim()[1]),
            xytext=(4, -12),
            textcoords="offset points",
            color="#d62728",
        )
        axes.set(xscale="log", xlabel="learning rate", ylabel="training loss, smoothed")
        axes.spines[["top", "right"]].set_visible(False)
        if path is not None:
            figure.savefig(path, dpi=120)
        return figure


def find_learning_rate(model, dataset, low=1e-6, high=1.0, steps=100, smoothing=0.9, verbose=0):
    """Trains a few steps with a learning rate that rises from step to step, and looks at the loss.

    The model, its optimizer and its seeds are afterwards as before.

    Args:
        model: a compiled `keras.Model`.
        dataset: `tf.data.Dataset` of training batches, repeated if it is shorter than `steps`.
        low: first learning rate.
        high: last one, if the loss does not diverge before.
        steps: number of steps, at least 10.
        smoothing: how much of the smoothed loss remains at a step, from 0 to less than 1.
        verbose: as in `keras.Model.fit`.

    Returns:
        A `LearningRateSearch`; print it, or call its `plot()`.

    Raises:
        ValueError: for impossible rates or steps, or a loss that diverges at once.

    Example:

    >>> import mmzoo
    >>> records = mmzoo.data.from_arrays({"text": ["a cat", "a dog"] * 8}, ["cat", "dog"] * 8)
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> preprocessor = mmzoo.Preprocessor(inputs)
    >>> preprocessor.adapt(records)
    >>> model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(units=2))
    >>> dataset = records.to_dataset(preprocessor, batch_size=8, training=True)
    >>> search = find_learning_rate(model, dataset, steps=20)
    >>> search.suggestion < 1.0
    True

    Reference: Smith 2017, arXiv 1506.01186, section 3.3.
    """
    if not 0 < low < high or steps < 10 or not 0 <= smoothing < 1:
        raise ValueError(
            "Expected 0 < low < high, at least 10 steps, and 0 <= smoothing < 1; received: "
            f"low={low}, high={high}, steps={steps}, smoothing={smoothing}."
        )
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    schedule = keras.optimizers.schedules.ExponentialDecay(low, steps - 1, high / low)
    config = {**optimizer.get_config(), "learning_rate": schedule, "use_ema": False}
    config["gradient_accumulation_steps"] = None
    trial = type(optimizer).from_config(config)
    if model.optimizer is not optimizer:
        trial = keras.optimizers.LossScaleOptimizer(trial)
    before = [np.asarray(variable) for variable in model.variables]
    losses = _Losses(smoothing)
    try:
        with other_optimizer(model, trial):
            model.fit(
                dataset.repeat(),
                steps_per_epoch=steps,
                shuffle=False,
                callbacks=[losses],
                verbose=verbose,
            )
    finally:
        for variable, value in zip(model.variables, before, strict=True):
            variable.assign(value)
    smoothed = np.array(losses.smoothed)
    if len(smoothed) < 10:
        raise ValueError(
            f"The loss diverged within {len(smoothed)} steps. Begin with a lower `low`."
        )
    rates = low * (high / low) ** (np.arange(len(smoothed)) / (steps - 1))
    suggestion = float(rates[smoothed.argmin()]) / BELOW_LOWEST
    return LearningRateSearch(rates, smoothed, suggestion)


class _Losses(keras.callbacks.Callback):
    """Collects the loss of each batch, smoothed and freed of the bias to its beginning at zero."""

    def __init__(self, smoothing):
        super().__init__()
        self.smoothing = smoothing
        self.smoothed = []
        self._sum = self._average = 0.0

    def on_train_batch_end(self, batch, logs=None):
        total = float(logs["loss"]) * (batch + 1)  # Keras reports the mean of all batches
        loss, self._sum = total - self._sum, total
        self._average = self.smoothing * self._average + (1 - self.smoothing) * loss
        corrected = self._average / (1 - self.smoothing ** (batch + 1))
        if not np.isfinite(corrected) or corrected > DIVERGED * min([*self.smoothed, corrected]):
            self.model.stop_training = True
        else:
            self.smoothed.append(corrected)
