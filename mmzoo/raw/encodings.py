"""Texts that are not in the encoding they should be in: what to say, and what would read them."""

import codecs

#: Byte order marks of encodings that are not UTF-8.
_MARKS = (b"\xff\xfe", b"\xfe\xff")


def check_no_utf16(where, beginning):
    """Raises a `ValueError` for a text that begins as UTF-16 does.

    Args:
        where: what the message calls the file, or a place in it.
        beginning: its first bytes.

    Example:

    >>> check_no_utf16("rows.csv, row 1", "title".encode("utf-16-le"))
    Traceback (most recent call last):
    ValueError: rows.csv, row 1: this is UTF-16, by its first bytes, not UTF-8:
    encoding='utf-16-le' (on the command line --encoding utf-16-le).
    """
    if beginning.startswith(_MARKS):
        encoding = "utf-16"
    elif 3 * beginning.count(0) > len(beginning):  # one may be a mistake
        encoding = "utf-16-be" if beginning.startswith(b"\0") else "utf-16-le"
    else:
        return
    raise ValueError(
        f"{where}: this is UTF-16, by its first bytes, not UTF-8: encoding={encoding!r} (on the "
        f"command line --encoding {encoding})."
    )


def wrong_encoding(where, encoded, encoding=None):
    """The error for bytes that can't be decoded.

    Args:
        where: what the message calls the place: file, row and column.
        encoded: the bytes.
        encoding: what they were taken for; `None`: UTF-8.

    Returns:
        A `ValueError` to raise, which says which encoding would do.

    Example:

    >>> print(wrong_encoding("rows.csv, row 2, column 'title'", b"caf\\xe9"))
    rows.csv, row 2, column 'title': byte 0xe9 in b'caf\\xe9' is not UTF-8. In Windows-1252 it
    would read 'café': encoding='cp1252' (on the command line --encoding cp1252).
    """
    name = "UTF-8" if encoding is None else encoding
    start, byte = 0, ""
    try:
        encoded.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        start, byte = error.start, f"byte 0x{encoded[error.start]:02x} in "
    shown = encoded[max(start - 20, 0) : start + 20]
    message = f"{where}: {byte}{shown!r} is not {name}."
    if encoding not in (None, "utf-8"):
        return ValueError(f"{message} Give another encoding=.")
    try:
        decoded = shown.decode("cp1252")
    except UnicodeDecodeError:
        return ValueError(f"{message} If you know the encoding: encoding=, --encoding.")
    return ValueError(
        f"{message} In Windows-1252 it would read {decoded!r}: encoding='cp1252' (on the command "
        "line --encoding cp1252)."
    )


def decoding(encoding):
    """What to give Python for an encoding: UTF-8 may begin with a mark, which is no text.

    Example:

    >>> decoding(None), decoding("UTF-8"), decoding("cp1252")
    ('utf-8-sig', 'utf-8-sig', 'cp1252')
    """
    is_utf8 = encoding is None or codecs.lookup(encoding).name == "utf-8"
    return "utf-8-sig" if is_utf8 else encoding


def check_encoding(encoding):
    """Raises a `ValueError` for an encoding that Python does not know."""
    try:
        "".encode(encoding or "utf-8")
    except LookupError:
        raise ValueError(
            f"Unknown encoding: {encoding!r}. Some are: utf-8, utf-16, cp1252, latin-1, gb18030, "
            "shift_jis."
        ) from None
