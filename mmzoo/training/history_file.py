"""HistoryFile: the figures of all epochs in a CSV file."""

import csv
import io

import keras

from mmzoo.utils.atomic_files import atomic_file


class HistoryFile(keras.callbacks.Callback):
    """Writes a line an epoch; anew each time, so that it is right after a restart as well.

    Keras's `CSVLogger` appends, and a process that was killed between that and its checkpoint
    appends an epoch twice.

    Args:
        path: CSV file to write.

    Example:

    ```python
    model.fit(dataset, epochs=10, callbacks=[HistoryFile("history.csv")])
    ```
    """

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        history = self.model.history
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", *history.history])
        writer.writerows(zip(history.epoch, *history.history.values(), strict=True))
        with atomic_file(self.path) as file:
            file.write(text.getvalue().encode())


def read_history(path):
    """What a `HistoryFile` wrote.

    Args:
        path: the CSV file.

    Returns:
        Dict from the name of a figure to a list, one value an epoch.
    """
    with open(path, encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    names = [name for name in (lines[0] if lines else ()) if name != "epoch"]
    return {name: [float(line[name]) for line in lines if line[name]] for name in names}
