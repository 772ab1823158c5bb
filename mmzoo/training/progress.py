"""Progress: how far a training is, how fast, and when it will be done."""

import keras

from mmzoo.utils.optional_packages import require


class Progress(keras.callbacks.Callback):
    """A bar over the whole training, with rows a second and the time left; a line an epoch.

    Args:
        batch_size: rows a step.
        console: `rich.console.Console`; `None`: one on standard output.

    Raises:
        ImportError: when rich is missing.

    Example:

    ```python
    model.fit(dataset, epochs=10, verbose=0, callbacks=[mmzoo.training.Progress(batch_size=64)])
    ```
    """

    def __init__(self, batch_size, console=None):
        super().__init__()
        progress = require("rich.progress", "report")
        self._batch_size = batch_size
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TextColumn("{task.fields[rate]:,.0f} rows/s"),
            progress.TimeRemainingColumn(elapsed_when_finished=True, compact=True),
            console=console,
            speed_estimate_period=120,
        )

    def on_train_begin(self, logs=None):
        self._bar.add_task("", total=None, rate=0.0)
        self._bar.start()

    def on_epoch_begin(self, epoch, logs=None):
        epochs, steps = self.params["epochs"], self.params.get("steps")
        self._bar.update(
            self._task.id,
            description=f"epoch {epoch + 1}/{epochs}",
            total=steps and epochs * steps,
            completed=epoch * (steps or 0),
        )

    def on_train_batch_end(self, batch, logs=None):
        self._bar.advance(self._task.id)
        speed = self._task.speed or 0.0
        self._bar.update(self._task.id, rate=speed * self._batch_size)

    def on_epoch_end(self, epoch, logs=None):
        figures = "  ".join(f"{name} {float(value):.4f}" for name, value in (logs or {}).items())
        self._bar.console.print(f"epoch {epoch + 1}: {figures}", highlight=False)

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Takes the bar away; after an error as well, of which Keras tells no callback."""
        self._bar.stop()
        for task in list(self._bar.tasks):
            self._bar.remove_task(task.id)

    @property
    def _task(self):
        return self._bar.tasks[0]
