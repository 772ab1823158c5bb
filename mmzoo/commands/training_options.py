"""TrainingOptions: how `train_run` trains."""

import dataclasses
import os


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How to train, whatever the model.

    Args:
        epochs: passes over the training rows.
        batch_size: rows a step.
        learning_rate: peak of the schedule.
        seed: of weights, shuffling and augmentation.
        cache: whether to keep the decoded training rows, as in `Records.to_dataset`.
        on_error: what happens to rows that can't be read, as in `Records.to_dataset`. With
            `"skip"` all are read once before, so that the steps are those of the others alone.
        dtype: as in `mmzoo.build_model`, such as `"mixed_bfloat16"`.
        patience: epochs without a lower validation loss after which training ends; `None`: all
            epochs are trained.
        gradient_accumulation: steps whose gradients make one update of the weights, or `None`.
        clip_norm: largest norm of all gradients together, or `None`.
        ema: momentum of an exponential moving average of the weights, such as 0.999, which is kept
            at the end instead of the best epoch's weights; or `None`.
        threshold: what the thresholds of yes/no and of several labels are chosen by, on the
            validation rows, as `by` of `mmzoo.choose_thresholds`; `None`: they stay 0.5.
        calibration: whether the probabilities of classes are calibrated on the validation rows, by
            `mmzoo.calibrate`, where at least 100 of them have a label.
        alpha: share of rows whose class may be missing from their label set, or whose number may
            lie outside of its interval, as for `mmzoo.calibrate`; `None`: there are none of them.
        abstain: share of right ones that is wanted of the answered rows, as for
            `mmzoo.calibrate`; `None`: every row is answered.
        save_every: steps between two checkpoints; `None`: one an epoch.
        resume: whether to go on with an unfinished run.
        tensorboard: whether to write logs for TensorBoard, to `tensorboard/`.

    Example:

    >>> TrainingOptions(epochs=3).batch_size
    64
    """

    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    seed: int = 0
    cache: bool | str | os.PathLike = False
    on_error: str = "raise"
    dtype: str | None = None
    patience: int | None = None
    gradient_accumulation: int | None = None
    clip_norm: float | None = None
    ema: float | None = None
    threshold: str | dict | None = None
    calibration: bool = True
    alpha: float | None = None
    abstain: float | None = None
    save_every: int | None = None
    resume: bool = False
    tensorboard: bool = False
