"""What mmzoo.attention found: weights by layer, rollout, maps of words over a picture."""

import dataclasses
from typing import Any

import numpy as np

from mmzoo.evaluation.attribution.drawing import RowPictures
from mmzoo.evaluation.attribution.elements import Elements


@dataclasses.dataclass(frozen=True, eq=False)
class Tokens:
    """The tokens of a modality in one row, as the fusion block gets them.

    Args:
        mask: `(T,)` bool: which are no padding.
        elements: `Elements` of those.
        grid: `(rows, columns)` of a picture's tokens, or `None`.
    """

    mask: np.ndarray
    elements: Elements
    grid: tuple | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """What a layer attends to in one row.

    Args:
        weights: `(heads, T, S)` float32: rows sum to 1, or to 0 where nothing may be attended to.
        queries: dict from what attends, a modality or learned tokens, to the number of its tokens,
            which stand one behind the other; `None` where it is not known.
        keys: likewise, of what is attended to.
    """

    weights: np.ndarray
    queries: dict | None
    keys: dict | None

    def between(self, query, key):
        """The weights from the tokens of one to those of another.

        Args:
            query: name of what attends.
            key: name of what is attended to.

        Returns:
            `(heads, T, S)`, or `None` where they do not meet here.
        """
        if self.queries is None or key not in self.keys:
            return None
        if f"{query} from {key}" in self.queries:  # a stream of its own for each pair
            query = f"{query} from {key}"
        if query not in self.queries:
            return None
        return self.weights[:, _place(self.queries, query)][:, :, _place(self.keys, key)]


@dataclasses.dataclass(eq=False, kw_only=True, repr=False)
class AttentionMaps(RowPictures):
    """What the layers of attention of a model attend to, row by row.

    Args:
        rows: list with a dict a row, from the path of a layer, `"fusion/block_0"`,
            `"text_encoder/block_1"`, to its `Layer`. Padding is left out, and so are encoders of
            modalities that are absent.
        tokens: list with a dict a row, from modality to its `Tokens`.
        rollouts: list with a dict a row, from modality to `(T,)` float64: how much of the fused
            vector comes from each of its tokens, through all layers. All modalities together sum to
            1, less what comes from a block's learned tokens. Where the fusion block does not
            attend, each encoder that does is told by itself, and sums to 1.
        records: the rows, for pictures.
        preprocessor: likewise.

    Example: see `mmzoo.attention`.
    """

    rows: list = dataclasses.field(default_factory=list)
    tokens: list = dataclasses.field(default_factory=list)
    rollouts: list = dataclasses.field(default_factory=list)
    records: Any = None
    preprocessor: Any = None
    signed = False

    @property
    def layers(self):
        """The paths of all layers, in the order in which they are called."""
        return [*dict.fromkeys(path for layers in self.rows for path in layers)]

    def map(self, row, query, key, layer=None, head=None):
        """How the tokens of one modality attend to those of another.

        Args:
            row: number of the row.
            query: name of the modality, or learned tokens, that attends.
            key: name of what is attended to.
            layer: path of a layer; `None`: the mean of all in which the two meet.
            head: number of a head; `None`: the mean of all.

        Returns:
            `(T, S)` float64; `(T, rows, columns)` where the tokens of `key` lie on a grid.

        Raises:
            ValueError: for a layer that there is not, or two that do not meet.
        """
        layers = self.rows[row]
        if layer is not None and layer not in layers:
            raise ValueError(f"There is no layer {layer!r}; there are: {', '.join(layers)}.")
        chosen = layers.values() if layer is None else [layers[layer]]
        found = [w for w in (each.between(query, key) for each in chosen) if w is not None]
        if not found:
            pairs = {f"{q} to {k}" for each in layers.values() if each.queries
                     for q in each.queries for k in each.keys}  # fmt: skip
            raise ValueError(
                f"{query!r} attends to {key!r} in no layer"
                f"{f' called {layer!r}' if layer else ''}; there are: {', '.join(sorted(pairs))}."
            )
        found = [w.mean(axis=0, dtype="float64") if head is None else w[head] for w in found]
        return self._on_grid(row, key, np.mean(found, axis=0))

    def rollout(self, row, name):
        """How much of the fused vector comes from each token of a modality.

        Args:
            row: number of the row.
            name: name of the modality.

        Returns:
            `(T,)` float64; `(rows, columns)` where the tokens lie on a grid.

        Raises:
            ValueError: for a modality whose tokens no attention reaches.
        """
        if name not in self.rollouts[row]:
            raise ValueError(
                f"No layer of attention reads the tokens of {name!r}; there is a rollout of: "
                f"{', '.join(self.rollouts[row]) or 'none'}. mmzoo.attributions explains it."
            )
        return self._on_grid(row, name, self.rollouts[row][name])

    def _on_grid(self, row, name, array):
        tokens = self.tokens[row].get(name)
        if tokens is None or tokens.grid is None or array.shape[-1] != np.prod(tokens.grid):
            return array
        return array.reshape(*array.shape[:-1], *tokens.grid)

    @property
    def values(self):
        """The rollouts as `Attributions.values`: dict from modality to a list of arrays."""
        return {name: [self.rollout(row, name) for row in range(len(self))]
                for name in self.rollouts[0]}  # fmt: skip

    @property
    def elements(self):
        """Dict from modality to a list of `Elements`, one a row."""
        return {name: [tokens[name].elements for tokens in self.tokens]
                for name in self.rollouts[0]}  # fmt: skip

    def to_dict(self):
        """The rollouts as plain Python values, fit for JSON: a list with a dict a row."""
        return [
            {
                name: {
                    "names": self.tokens[row][name].elements.names,
                    "grid": self.tokens[row][name].grid,
                    "rollout": share.tolist(),
                }
                for name, share in shares.items()
            }
            for row, shares in enumerate(self.rollouts)
        ]

    def heading(self, row):
        return "attention rollout"

    def __len__(self):
        return len(self.rows)

    def __repr__(self):
        return f"<AttentionMaps of {len(self)} rows: {', '.join(self.layers)}>"


def _place(parts, name):
    names = [*parts]
    start = sum(parts[each] for each in names[: names.index(name)])
    return slice(start, start + parts[name])
