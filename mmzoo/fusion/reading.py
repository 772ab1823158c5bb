"""Who reads whom in a fusion block of attention: what its weights mean."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Reading:
    """A block within which the tokens of some streams attend to those of others.

    Args:
        block: name of the `mmzoo.layers.TransformerBlock`.
        queries: names of the streams that attend, in the order in which they stand in a row.
        keys: names of the streams that are attended to, likewise.
    """

    block: str
    queries: tuple
    keys: tuple


@dataclasses.dataclass(frozen=True)
class Stage:
    """A step of a fusion block: copies, then readings of what is there before, then means.

    A stream is called as its modality; those of learned tokens have names with a space.

    Args:
        readings: list of `Reading`, at the same time.
        copies: dict from a new stream to the one that it starts as.
        means: dict from a stream to those that it becomes the mean of.
    """

    readings: tuple = ()
    copies: dict = dataclasses.field(default_factory=dict)
    means: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ReadingOrder:
    """The stages of a fusion block, and what becomes of them.

    Args:
        stages: list of `Stage`.
        fused: the streams whose mean tokens the fused vector is made of.
        learned: dict from a stream of learned tokens, there at the start, to their number.
    """

    stages: list
    fused: tuple
    learned: dict = dataclasses.field(default_factory=dict)


def stacked(readings):
    """Stages of one reading each.

    Args:
        readings: list of `(block, queries, keys)`.

    Returns:
        List of `Stage`.

    Example:

    >>> stacked([("block_0", ("text",), ("image",))])[0].readings[0].keys
    ('image',)
    """
    return [Stage((Reading(*reading),)) for reading in readings]
