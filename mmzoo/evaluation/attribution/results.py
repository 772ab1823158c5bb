"""What mmzoo.attributions found: arrays, a table, pictures."""

import dataclasses
from typing import Any

import numpy as np

from mmzoo.evaluation.attribution.drawing import RowPictures
from mmzoo.evaluation.report_output import as_text, write_json
from mmzoo.utils.optional_packages import require


@dataclasses.dataclass(eq=False, kw_only=True, repr=False)
class Attributions(RowPictures):
    """Which parts of each input speak for, or against, what a model answered.

    Args:
        answer: name of the answer.
        method: as for `mmzoo.attributions`.
        asked: list of what was explained in each row: a class, or the number of an output.
        scores: `(rows,)`: how much speaks for it, of a class the logarithm of its odds.
        baselines: `(rows,)`: the score of values that say nothing; `None` but for
            `"integrated_gradients"`.
        values: dict from modality to a list of arrays, one a row, over its elements.
        elements: dict from modality to a list of `Elements`, which say what the entries are.
        records: the rows, for pictures.
        preprocessor: likewise.

    Example: see `mmzoo.attributions`.
    """

    answer: str
    method: str
    asked: list
    scores: np.ndarray
    baselines: np.ndarray | None
    values: dict
    elements: dict
    records: Any
    preprocessor: Any

    @property
    def signed(self):
        """Whether what speaks against has a minus."""
        return self.method != "gradients"

    @property
    def gaps(self):
        """`(rows,)`: the sum of all shares minus the difference that they share out.

        `None` but for `"integrated_gradients"`; more `steps` make it smaller.
        """
        if self.baselines is None:
            return None
        total = sum(self.totals(name) for name in self.values)
        return total - (self.scores.astype("float64") - self.baselines)

    def totals(self, name):
        """What the elements of a modality come to together.

        Args:
            name: name of a modality.

        Returns:
            `(rows,)` float64.
        """
        return np.array([array.sum(dtype="float64") for array in self.values[name]])

    def to_dict(self):
        """Plain Python values, fit for JSON: a list with a dict a row.

        Words and cells come with their shares; of pictures, sounds and sequences the sum alone, as
        their maps are arrays: see `values`.
        """
        rows = []
        for row, asked in enumerate(self.asked):
            found = {"answer": self.answer, "asked": asked, "score": float(self.scores[row])}
            if self.baselines is not None:
                found |= {"baseline": float(self.baselines[row]), "gap": float(self.gaps[row])}
            found["totals"] = {name: float(self.totals(name)[row]) for name in self.values}
            found["parts"] = {}
            for name, arrays in self.values.items():
                elements = self.elements[name][row]
                if elements.names is None:
                    continue
                found["parts"][name] = [
                    {"name": part, "share": float(share)}
                    for part, share in zip(elements.names, arrays[row], strict=True)
                ]
                for position, part in enumerate(found["parts"][name]):
                    if elements.offsets is not None:
                        part["start"], part["end"] = elements.offsets[position]
                    if elements.cells is not None:
                        part["cell"] = elements.cells[position]
            rows.append(found)
        return rows

    def save(self, path):
        """Writes `to_dict()` as JSON.

        Args:
            path: a file; its folder is made if needed.
        """
        write_json(self.to_dict(), path)

    def heading(self, row):
        kind = self.method.replace("_", " ")
        return f"{self.asked[row]}: {self.scores[row]:.3g} ({kind})"

    def __len__(self):
        return len(self.asked)

    def __repr__(self):
        return f"<Attributions by {self.method} of {len(self)} rows: {', '.join(self.values)}>"

    def __str__(self):
        return as_text(self)

    def __rich__(self):
        table = require("rich.table", extra="report").Table
        title = f"Attributions by {self.method.replace('_', ' ')}"
        table = table(title=title, title_justify="left", title_style="bold", box=None)
        for name in ("row", "asked", "score", *self.values, *(["gap"] if self.signed else [])):
            table.add_column(name, justify="left" if name == "asked" else "right")
        gaps = self.gaps
        for row, asked in enumerate(self.asked[:20]):
            totals = [f"{self.totals(name)[row]:+.4g}" for name in self.values]
            gap = [] if not self.signed else ["" if gaps is None else f"{gaps[row]:.1g}"]
            table.add_row(str(row), asked, f"{self.scores[row]:.4g}", *totals, *gap)
        if len(self) > 20:
            table.add_row("...")
        return table
