"""Limits: how much a server takes at once, and how long."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """What bounds the memory and the time that requests take.

    Args:
        max_batch_size: rows that are computed together at most; a request with more is divided.
        max_delay_ms: how long a row waits for others to be computed with, in milliseconds.
        batch_threads: batches that are computed at once.
        max_queued_rows: rows that wait at most; a request that comes then is refused with 503.
        max_request_mb: largest body of a request, in MiB, after decompression.
        max_requests: requests at once, those that are still being sent included; others are refused
            with 503. Times `max_request_mb` it is the most memory that bodies take: 8 GiB, unless
            one of both is lowered.
        timeout_s: seconds from the first byte of a request to its answer.

    Example:

    >>> Limits(max_request_mb=0.5).max_request_bytes
    524288
    """

    max_batch_size: int = 32
    max_delay_ms: float = 5.0
    batch_threads: int = 2
    max_queued_rows: int = 1024
    max_request_mb: float = 32.0
    max_requests: int = 256
    timeout_s: float = 30.0

    @property
    def max_request_bytes(self):
        """The largest body, in bytes."""
        return int(self.max_request_mb * 2**20)
