"""What the bytes of an encoded file say of it: its size in pixels, and whether it breaks off."""

import re

#: Markers of JPEG that begin a frame, all but those of tables and of arithmetic coding's like.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Markers that no length follows.
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xDA)})

#: Format -> how its files begin.
_BEGINNINGS = {
    name: re.compile(pattern, re.DOTALL)
    for name, pattern in {
        "JPEG": rb"\xff\xd8\xff",
        "PNG": rb"\x89PNG\r\n\x1a\n",
        "GIF": rb"GIF8",
        "BMP": rb"BM",
        "WebP": rb"RIFF....WEBP",
        "WAV": rb"(RIFF|RF64)....WAVE",
        "HEIC": rb"....ftyp(heic|heix|hevc|mif1|msf1)",
        "AVIF": rb"....ftypavi[fs]",
        "TIFF": rb"II\*\0|MM\0\*",
        "SVG": rb"<svg",
        "PDF": rb"%PDF",
        "FLAC": rb"fLaC",
        "Ogg": rb"OggS",
        "MP3": rb"ID3",
        "MP4": rb"....ftyp",
        "AIFF": rb"FORM....AIF",
    }.items()
}


def picture_size(encoded):
    """Height and width of a picture as stored, by its header.

    Args:
        encoded: bytes of a JPEG, PNG, GIF, BMP or WebP file.

    Returns:
        `(height, width)`, or `None` where the header can't be read.

    Example:

    >>> picture_size(b"GIF89a" + bytes([4, 0, 3, 0]))
    (3, 4)
    """
    if encoded[:3] == b"\xff\xd8\xff":
        return _jpeg_size(encoded)
    if encoded[:8] == b"\x89PNG\r\n\x1a\n" and len(encoded) >= 24:
        return _big(encoded[20:24]), _big(encoded[16:20])
    if encoded[:4] == b"GIF8" and len(encoded) >= 10:
        return _little(encoded[8:10]), _little(encoded[6:8])
    if encoded[:2] == b"BM" and len(encoded) >= 26:
        height = int.from_bytes(encoded[22:26], "little", signed=True)
        return abs(height), _little(encoded[18:22])
    if encoded[:4] == b"RIFF" and encoded[8:12] == b"WEBP" and len(encoded) >= 30:
        return _webp_size(encoded)
    return None


def pixel_weight(encoded):
    """How many times a pixel of a picture counts against `max_pixels`: what it takes to decode it.

    A JPEG's pixels count once. Those of a GIF count twice, those of a WebP three times, but for one
    that is lossy and nothing else. Those of a PNG count three times for being transparent, and
    twice each for having 16 bits and being interlaced.

    Args:
        encoded: bytes of a picture.

    Returns:
        An integer from 1 to 12.

    Example:

    >>> pixel_weight(b"GIF89a..."), pixel_weight(b"BM...")
    (2, 1)
    """
    if encoded[:4] == b"GIF8":
        return 2
    if encoded[:4] == b"RIFF":
        return 1 if encoded[12:16] == b"VP8 " else 3
    if encoded[:8] == b"\x89PNG\r\n\x1a\n" and len(encoded) >= 29:
        is_transparent = encoded[25] & 4 or b"tRNS" in encoded.partition(b"IDAT")[0]
        often = 2 ** ((encoded[24] == 16) + (encoded[28] > 0))
        return 3 * often if is_transparent else often
    return 1


def is_truncated(encoded):
    """Whether a file breaks off, by the end its format asks for or the length it states.

    Args:
        encoded: bytes of a JPEG, PNG, GIF or BMP file, or of WebP or WAV (RIFF).

    Returns:
        A bool; `False` for other formats.

    Example:

    >>> is_truncated(b"GIF89a..."), is_truncated(b"GIF89a...;"), is_truncated(b"no picture")
    (True, False, False)
    """
    if encoded[:3] == b"\xff\xd8\xff":
        return not encoded.rstrip(b"\0").endswith(b"\xff\xd9")
    if encoded[:8] == b"\x89PNG\r\n\x1a\n":
        return b"IEND" not in encoded[-64:]
    if encoded[:4] == b"GIF8":
        return not encoded.rstrip(b"\0").endswith(b";")
    if encoded[:4] == b"RIFF":
        return len(encoded) < 8 + _little(encoded[4:8])
    if encoded[:2] == b"BM":
        return len(encoded) < _little(encoded[2:6])
    return False


def format_name(encoded):
    """The format of a file, by how it begins.

    Args:
        encoded: bytes.

    Returns:
        Its name, or `None` for an unknown one.

    Example:

    >>> format_name(b"GIF89a"), format_name(b"....ftypheic"), format_name(b"<!DOCTYPE html>")
    ('GIF', 'HEIC', None)
    """
    return next((name for name, start in _BEGINNINGS.items() if start.match(encoded)), None)


def first_word(encoded):
    """How a message shows the beginning of a file: its first word, or bytes as Python writes them.

    Example:

    >>> first_word(b"<!DOCTYPE html>"), first_word(b"\\0\\1\\2")
    ('<!DOCTYPE', "b'\\\\x00\\\\x01\\\\x02'")
    """
    word = re.match(rb"[!-~]{3,24}", encoded)
    return word[0].decode() if word else repr(encoded[:8])


def _jpeg_size(encoded):
    """The size in the first segment that describes a frame."""
    position = 2
    while position + 9 <= len(encoded):
        filled = re.compile(rb"\xff+").match(encoded, position)
        if not filled or filled.end() >= len(encoded):
            return None
        position = filled.end() + 1
        marker = encoded[position - 1]
        if marker in _JPEG_FRAMES:
            size = encoded[position + 3 : position + 7]
            return (_big(size[:2]), _big(size[2:])) if len(size) == 4 else None
        if marker not in _JPEG_ALONE:
            position += _big(encoded[position : position + 2])
    return None


def _webp_size(encoded):
    kind = encoded[12:16]
    if kind == b"VP8X":
        return 1 + _little(encoded[27:30]), 1 + _little(encoded[24:27])
    if kind == b"VP8L":
        bits = _little(encoded[21:25])
        return 1 + (bits >> 14) % 2**14, 1 + bits % 2**14
    if kind == b"VP8 ":
        return _little(encoded[28:30]) % 2**14, _little(encoded[26:28]) % 2**14
    return None


def _big(digits):
    return int.from_bytes(digits, "big")


def _little(digits):
    return int.from_bytes(digits, "little")
