"""The base class of what writes step by step: how several texts are made of what was read once."""

import keras
from keras import ops

from mmzoo.layers import CompositeLayer


class Writer(CompositeLayer):
    """What decoders and language models have in common; a subclass implements `start`."""

    def start_texts(self, memory, memory_mask, length, texts):
        """What generation begins with where several texts are made of what was read once.

        Override it, and `reorder`, where that can be done without a copy a text.

        Args:
            memory: `(B, S, D)` float.
            memory_mask: `(B, S)` bool.
            length: as for `start`.
            texts: how many texts a row has, an integer; they are neighbours: `R` is `B` times that.

        Returns:
            As `start`.
        """
        return self.start(*repeated_rows(texts, memory, memory_mask), length)

    def reorder(self, state, parents):
        """The state of texts that go on from others of the same row.

        Args:
            state: what the last step returned.
            parents: `(R,)` int32, the number of the text that each goes on from.

        Returns:
            The new state, of the same shapes.
        """
        return taken_rows(state, parents)


def taken_rows(structure, rows):
    """The rows of every tensor of a structure.

    Args:
        structure: structure of tensors `(R, ...)`.
        rows: int32 tensor, numbers of rows.

    Returns:
        Structure of tensors.
    """
    return keras.tree.map_structure(lambda x: ops.take(x, rows, axis=0), structure)


def repeated_rows(texts, *tensors):
    """Every row as often as it has texts, which are neighbours.

    Args:
        texts: integer.
        *tensors: `(B, ...)` each.

    Returns:
        List of tensors `(B * texts, ...)`.
    """
    return [ops.repeat(x, texts, axis=0) if texts > 1 else x for x in tensors]
