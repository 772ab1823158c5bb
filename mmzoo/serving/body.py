"""read_body(): the body of a request, as far as it may be large."""

import zlib

from mmzoo.serving.errors import RequestError

#: What `zlib` is told to read gzip, which clients of TensorFlow Serving may send.
GZIP = 16 + zlib.MAX_WBITS


async def read_body(request, max_bytes):
    """Reads the body of a request.

    What is too large is read to its end and thrown away, part by part: a client that is still
    sending would not see an answer.

    Args:
        request: a `starlette.requests.Request`.
        max_bytes: how large it may be, after decompression.

    Returns:
        Bytes.

    Raises:
        RequestError: with 413 for a larger one, with 400 for what is no gzip though it says so, and
            with 415 for another encoding.
    """
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise RequestError(415, f"Content-Encoding {encoding!r} is not known; gzip is, and none.")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes and "expect" in request.headers:
        raise _too_large(max_bytes)  # the client waits for a word before it sends
    parts, size, more = [], 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise RequestError(499, "The client left before its request was complete.")
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size <= max_bytes:
            parts.append(part)
        else:
            parts.clear()
    if size > max_bytes:
        raise _too_large(max_bytes)
    body = b"".join(parts)
    return _decompressed(body, max_bytes) if encoding == "gzip" else body


def _decompressed(body, max_bytes):
    stream = zlib.decompressobj(GZIP)
    try:
        content = stream.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise RequestError(400, f"The body is no gzip, though it says so: {error}.") from None
    if len(content) > max_bytes:
        raise _too_large(max_bytes)
    if not stream.eof:
        raise RequestError(400, "The body is gzip that breaks off.")
    return content


def _too_large(max_bytes):
    return RequestError(
        413,
        f"The request is larger than {max_bytes / 2**20:g} MiB. Send fewer rows at a time, or "
        "start the server with a larger `--max-request-mb`.",
    )
