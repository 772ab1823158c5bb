"""Batcher: rows of concurrent requests are computed together."""

import asyncio
import collections
import dataclasses
from typing import Any

import tensorflow as tf

from mmzoo.serving.arrays import concatenated
from mmzoo.serving.errors import RequestError


@dataclasses.dataclass(eq=False)
class _Part:
    """Rows of one request that are computed together.

    Args:
        columns: dict from the name of an input to an array `(B, ...)`.
        first: which row of the request its first one is.
        rows: how many there are.
        shapes: what other rows must have in common with it to be computed with it.
        arrived: when it came, as the event loop counts seconds.
        answer: future of its outputs.
    """

    columns: dict[str, Any]
    first: int
    rows: int
    shapes: Any
    arrived: float
    answer: asyncio.Future


@dataclasses.dataclass
class _FailedRows:
    """Rows of a request that can't be computed: dict from the row to an exception."""

    rows: dict[int, Exception]


class Batcher:
    """Answers the requests of one signature, several at a time.

    A batch starts when it is full, or when its oldest row has waited long enough, and a thread is
    free; while none is, rows gather. If a batch fails, its rows are computed one by one, so that no
    request fails because of another's rows. It lives in one event loop.

    Args:
        signature: a `Signature`.
        limits: `Limits`.
        executor: the `concurrent.futures.Executor` that computes.
        observe: function that is called with the number of rows of every batch.
    """

    def __init__(self, signature, limits, executor, observe=lambda rows: None):
        self.signature = signature
        self._limits = limits
        self._executor = executor
        self._observe = observe
        self._waiting = collections.deque()
        self._running = 0
        self._tasks = set()
        self._timer = None

    @property
    def waiting_rows(self):
        """How many rows wait to be computed."""
        return sum(part.rows for part in self._waiting if not part.answer.done())

    async def answer(self, columns, rows):
        """The outputs of a request.

        Args:
            columns: dict from the name of an input to an array, `(B, ...)` where it has rows.
            rows: how many rows there are.

        Returns:
            List of dicts from the name of an output to an array `(B, ...)`: those of a batch behind
            those of the one before.

        Raises:
            RequestError: when too many rows wait, or rows can't be computed.
        """
        self._check_room(rows)
        parts = self._divided(columns, rows)
        self._waiting.extend(parts)
        self._start_batches()
        futures = [part.answer for part in parts]
        await asyncio.gather(*futures)  # whoever is cancelled here cancels all of them
        answers = [future.result() for future in futures]
        failures = [answer for answer in answers if not isinstance(answer, dict)]
        if failures:
            raise _as_request_error(failures)
        return answers

    def _check_room(self, rows):
        most = self._limits.max_queued_rows
        if rows > most:
            raise RequestError(413, f"The request has {rows} rows; a request may have {most}.")
        waiting = self.waiting_rows
        if waiting + rows > most:
            raise RequestError(
                503, f"Too busy: {waiting} rows wait already, and {most} may. Try again later."
            )

    def _divided(self, columns, rows):
        """A request as parts that fit into a batch."""
        loop = asyncio.get_running_loop()
        size = self._limits.max_batch_size if self.signature.is_batched and rows else max(rows, 1)
        parts = []
        for first in range(0, max(rows, 1), size):
            part = columns
            if rows > size:
                part = {key: array[first : first + size] for key, array in columns.items()}
            count = min(size, rows - first)
            parts.append(
                _Part(part, first, count, self._shapes(part, rows), loop.time(),
                      loop.create_future())
            )  # fmt: skip
        return parts

    def _shapes(self, columns, rows):
        if not self.signature.is_batched or not rows:
            return object()  # like no other
        return tuple(
            array.shape[1:] if self.signature.fill(key) is None else None
            for key, array in columns.items()
        )

    def _start_batches(self):
        """Starts what is due, as long as a thread is free, and sets the clock for what is not."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while self._running < self._limits.batch_threads:
            self._drop_cancelled()
            if not self._waiting:
                return
            oldest = self._waiting[0]
            due = oldest.arrived + self._limits.max_delay_ms / 1000
            full = self.waiting_rows >= self._limits.max_batch_size
            if not full and self.signature.is_batched and loop.time() < due:
                self._timer = loop.call_at(due, self._start_batches)
                return
            self._running += 1
            task = loop.create_task(self._compute(self._next_batch()))
            self._tasks.add(task)  # the loop itself keeps no strong reference
            task.add_done_callback(self._tasks.discard)

    def _drop_cancelled(self):
        while self._waiting and self._waiting[0].answer.done():
            self._waiting.popleft()

    def _next_batch(self):
        """Takes the oldest part, and what may be computed with it and still fits."""
        batch, left, rows = [], [], 0
        while self._waiting and rows < self._limits.max_batch_size:
            part = self._waiting.popleft()
            if part.answer.done():  # cancelled: nobody waits for it
                continue
            alike = not batch or part.shapes == batch[0].shapes
            if batch and (not alike or rows + part.rows > self._limits.max_batch_size):
                left.append(part)
                continue
            batch.append(part)
            rows += part.rows
        self._waiting.extendleft(reversed(left))
        return batch

    async def _compute(self, batch):
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._executor, self._answers, batch)
        except Exception as error:
            answers = [error] * len(batch)
        finally:
            self._running -= 1
        for part, answer in zip(batch, answers, strict=True):
            if not part.answer.done():
                part.answer.set_result(answer)
        self._start_batches()

    def _answers(self, batch):
        """What each part of a batch comes to: a dict of arrays, or an exception."""
        rows = sum(part.rows for part in batch)
        self._observe(rows)
        try:
            outputs = self.signature([part.columns for part in batch])
            if len(batch) == 1:
                return [outputs]
            _check_rows(outputs, rows)
        except Exception as error:
            if len(batch) == 1 and (rows < 2 or not self.signature.is_batched):
                return [_FailedRows({batch[0].first: error})]
            return [self._row_by_row(part) for part in batch]
        answers, start = [], 0
        for part in batch:
            stop = start + part.rows
            answers.append({key: array[start:stop] for key, array in outputs.items()})
            start = stop
        return answers

    def _row_by_row(self, part):
        """The outputs of a part of a batch that failed, or which of its rows do."""
        answers, failures = [], {}
        for row in range(part.rows):
            columns = {key: array[row : row + 1] for key, array in part.columns.items()}
            try:
                answers.append(self.signature([columns]))
            except Exception as error:
                failures[part.first + row] = error
        return _FailedRows(failures) if failures else _concatenated(answers)


def _concatenated(answers):
    return {
        key: concatenated([answer[key] for answer in answers], b"" if x.dtype == object else 0)
        for key, x in answers[0].items()
    }


def _check_rows(outputs, rows):
    for key, array in outputs.items():
        if len(array) != rows:
            raise ValueError(f"the output {key!r} has {len(array)} rows for {rows}")


def _as_request_error(failures):
    """What a client is told of rows that can't be computed."""
    rows = {}
    for failure in failures:
        if not isinstance(failure, _FailedRows):
            return RequestError(500, f"The model failed: {_first_line(failure)}")
        rows |= failure.rows
    described = [f"row {row}: {_first_line(error)}" for row, error in list(rows.items())[:3]]
    more = f" (and {len(rows) - 3} more)" if len(rows) > 3 else ""
    status = 400 if all(_is_of_input(error) for error in rows.values()) else 500
    return RequestError(status, f"The model can't answer {'; '.join(described)}{more}.")


def _first_line(error):
    return str(getattr(error, "message", error)).strip().split("\n")[0][:300]


def _is_of_input(error):
    return isinstance(error, tf.errors.InvalidArgumentError)
