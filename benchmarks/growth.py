"""How the cost of a fusion block grows, from the records of `fusion_cost`."""

import math

#: The case that every sweep of `fusion_cost` goes through.
MIDDLE = {"tokens": 64, "dim": 64, "modalities": 2}


def growth(results, contender, axis="tokens", figure="flops"):
    """The power of an axis that a cost grows with, between its two largest values."""
    case = {key: value for key, value in MIDDLE.items() if key != axis}
    points = sorted(
        (r[axis], r[figure])
        for r in results
        if r["contender"] == contender and all(r[k] == v for k, v in case.items())
    )
    (x0, y0), (x1, y1) = points[-2:]
    return math.log(y1 / y0) / math.log(x1 / x0)
