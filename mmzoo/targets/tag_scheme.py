"""How tags write spans: B, I, O; with E and S; or not at all."""

import numpy as np

#: Letters of other spellings (BMES, BILOU, BIOES with M for I).
SAME = {"M": "I", "L": "E", "U": "S", "W": "S"}
SCHEMES = ("BIO", "BIOES")
#: What a tag costs where it can't stand.
FORBIDDEN = -1e4
#: What a span without a type is called.
SPAN = "span"


def letter_and_type(tag):
    """`("B", "place")` of `"B-place"`; the letter is one of B, I, E, S, O, or `None`.

    Example:

    >>> letter_and_type("I-place"), letter_and_type("M"), letter_and_type("O")
    (('I', 'place'), ('I', 'span'), ('O', None))
    >>> letter_and_type("noun")
    (None, None)
    """
    letter, dash, kind = tag.partition("-")
    letter = SAME.get(letter.upper(), letter.upper())
    if letter == "O" and not dash:
        return "O", None
    if letter in ("B", "I", "E", "S") and bool(dash) == bool(kind):
        return letter, kind or SPAN
    return None, None


def scheme_of(tags, scheme="auto"):
    """The scheme of tags.

    Args:
        tags: sequence of tags.
        scheme: `"BIO"`, `"BIOES"`, `None`, or `"auto"`: by the tags.

    Returns:
        `"BIO"`, `"BIOES"` or `None`.

    Raises:
        ValueError: for another scheme, or tags that are none of it.

    Example:

    >>> scheme_of(["O", "B-per", "I-per"]), scheme_of(["B", "M", "E", "S"]), scheme_of(["NN"])
    ('BIO', 'BIOES', None)
    """
    if scheme is None:
        return None
    if scheme not in (*SCHEMES, "auto"):
        raise ValueError(
            f"`scheme` must be one of {SCHEMES}, 'auto' or None; received: {scheme!r}."
        )
    letters = {tag: letter_and_type(tag)[0] for tag in tags}
    strange = [
        tag
        for tag, letter in letters.items()
        if letter is None or (scheme == "BIO" and letter in "ES")
    ]
    if scheme != "auto":
        if strange:
            raise ValueError(f"The tags {', '.join(strange[:5])} are none of the scheme {scheme}.")
        return scheme
    known = {*letters.values()}
    if strange or "B" not in known:  # "I" or "S" alone may well be names of something else
        return None
    return "BIOES" if known & {"E", "S"} else "BIO"


def may_follow(tag, following, scheme):
    """Whether a tag may stand behind another; `None` stands for the beginning and the end.

    Example:

    >>> may_follow("B-per", "I-per", "BIO"), may_follow("O", "I-per", "BIO")
    (True, False)
    >>> may_follow("B", "S", "BIOES"), may_follow(None, "B", "BIOES"), may_follow("B", None, "BIO")
    (False, True, True)
    """
    if scheme is None:
        return True
    before, kind = ("O", None) if tag is None else letter_and_type(tag)
    after, next_kind = ("O", None) if following is None else letter_and_type(following)
    continues = after in ("I", "E")
    is_open = before in ("B", "I")
    if continues:
        return is_open and kind == next_kind
    return scheme == "BIO" or not is_open


def costs(tags, scheme="auto"):
    """What decoding adds to the potentials of a chain, so that no answer breaks the rules.

    Args:
        tags: the `K` tags.
        scheme: as for `scheme_of`.

    Returns:
        `(between, at_end)`: float32 arrays `(K + 1, K)`, the last row for the first word, and
        `(K,)`; 0 where a tag may stand.

    Example:

    >>> between, at_end = costs(["B-per", "I-per", "O"])
    >>> (between < 0).astype(int).tolist(), at_end.tolist()
    ([[0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 1, 0]], [0.0, 0.0, 0.0])
    """
    scheme = scheme_of(tags, scheme)
    between = [[may_follow(one, other, scheme) for other in tags] for one in (*tags, None)]
    at_end = [may_follow(tag, None, scheme) for tag in tags]
    cost = np.float32([0, FORBIDDEN])
    return cost[1 - np.array(between, int)], cost[1 - np.array(at_end, int)]


def broken_rule(tags, scheme):
    """The position of the first tag of a sequence that can't stand there, or `None`.

    Of a span that does not end it is the number of tags.

    Example:

    >>> broken_rule(["O", "I-per"], "BIO"), broken_rule(["B", "I"], "BIOES"), broken_rule([], "BIO")
    (1, 2, None)
    """
    pairs = zip((None, *tags), (*tags, None), strict=True)
    for position, (tag, following) in enumerate(pairs):
        if not may_follow(tag, following, scheme):
            return position
    return None


def spans_of(tags, scheme):
    """The spans that tags write.

    Args:
        tags: sequence of tags; one that breaks the rules begins a span of its own.
        scheme: `"BIO"`, `"BIOES"` or `None`.

    Returns:
        List of `(first word, word behind the last, type)`.

    Example:

    >>> spans_of(["O", "B-per", "I-per", "B-place"], "BIO")
    [(1, 3, 'per'), (3, 4, 'place')]
    """
    spans = []
    ended = True  # whether the span before, if it was one, is over
    for position, tag in enumerate(tags if scheme else ()):
        letter, kind = letter_and_type(tag)
        if letter == "O":
            ended = True
            continue
        if letter in ("I", "E") and not ended and spans[-1][2] == kind:
            spans[-1] = (spans[-1][0], position + 1, kind)
        else:
            spans.append((position, position + 1, kind))
        ended = letter in ("E", "S")
    return spans
