"""Pieces of words, learned from words: the vocabulary of WordPiece."""

import collections
import heapq
import itertools

#: What a piece begins with that continues a word, or follows the one before without a space.
JOINED = "##"


def learn_pieces(counts, most):
    """The pieces that words are made of: single characters, and what is often side by side.

    Again and again the two neighbours that are most frequent together become a piece, until there
    are enough. Of characters, the most frequent come first where there is not place for all.

    Args:
        counts: dict from word to how often it occurs. A word that follows the one before without a
            space begins with `##`.
        most: the most pieces.

    Returns:
        List of pieces, sorted.

    Example:

    >>> " ".join(learn_pieces({"playing": 4, "played": 3, "sing": 2}, most=14))
    '##a ##ay ##d ##e ##g ##i ##in ##l ##lay ##n ##y p play s'

    Reference: Sennrich et al. 2016, arXiv 1508.07909; Wu et al. 2016, arXiv 1609.08144.
    """
    words = [(characters(word), count) for word, count in sorted(counts.items())]
    alphabet = collections.Counter()
    pairs, places = collections.Counter(), collections.defaultdict(set)
    for index, (pieces, count) in enumerate(words):
        for piece in pieces:
            alphabet[piece] += count
        for pair in itertools.pairwise(pieces):
            pairs[pair] += count
            places[pair].add(index)
    learned = sorted(alphabet, key=lambda piece: (-alphabet[piece], piece))[:most]
    queue = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(queue)
    known = set(learned)
    while queue and len(learned) < most:
        negative, pair = heapq.heappop(queue)
        if -negative != pairs[pair]:  # counted anew since
            continue
        new = pair[0] + pair[1].removeprefix(JOINED)
        if new not in known:
            known.add(new)
            learned.append(new)
        changed = set()
        for index in sorted(places.pop(pair)):
            pieces, count = words[index]
            joint = _joined(pieces, pair, new)
            for old in itertools.pairwise(pieces):
                pairs[old] -= count
                changed.add(old)
            for fresh in itertools.pairwise(joint):
                pairs[fresh] += count
                places[fresh].add(index)
                changed.add(fresh)
            words[index] = joint, count
        for other in changed:
            if pairs[other] > 0:
                heapq.heappush(queue, (-pairs[other], other))
    return sorted(learned)


def characters(word):
    """A word as single characters, each a piece.

    Example:

    >>> characters("red"), characters("##ed")
    (['r', '##e', '##d'], ['##e', '##d'])
    """
    mark, (first, *rest) = _mark_and_text(word)
    return [mark + first, *(JOINED + character for character in rest)]


def pieces_of(word, known):
    """A word as the longest pieces, from its beginning on; `None` where there are none.

    Args:
        word: a word, with `##` in front where it follows the one before without a space.
        known: the pieces, in a set or dict.

    Example:

    >>> pieces_of("playing", {"play", "##i", "##ing", "p"}), pieces_of("red", {"r"})
    (['play', '##ing'], None)
    """
    mark, rest = _mark_and_text(word)
    pieces = []
    while rest:
        fits = (rest[:end] for end in range(len(rest), 0, -1) if mark + rest[:end] in known)
        piece = next(fits, None)
        if piece is None:
            return None
        pieces.append(mark + piece)
        mark, rest = JOINED, rest[len(piece) :]
    return pieces


def _mark_and_text(word):
    """`##` or nothing, and what stands behind it."""
    if word.startswith(JOINED) and len(word) > len(JOINED):
        return JOINED, word.removeprefix(JOINED)
    return "", word


def _joined(pieces, pair, new):
    joint, at = [], 0
    while at < len(pieces):
        if tuple(pieces[at : at + 2]) == pair:
            joint.append(new)
            at += 2
        else:
            joint.append(pieces[at])
            at += 1
    return joint
