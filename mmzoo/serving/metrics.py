"""Metrics: what Prometheus reads of a server."""

from mmzoo.utils.optional_packages import require

#: Upper ends of the histograms' intervals: seconds of a request, rows of a batch.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counters and histograms of one server.

    Args:
        model: a `ServedModel`.

    Raises:
        ImportError: when `prometheus_client`, of the extra `serve`, is missing.
    """

    def __init__(self, model):
        client = require("prometheus_client", "serve")
        self._generate = client.generate_latest
        self.content_type = client.CONTENT_TYPE_LATEST
        self._registry = client.CollectorRegistry()
        options = {"registry": self._registry}
        self._requests = client.Counter(
            "mmzoo_serve_requests", "Requests for predictions, by HTTP status", ["code"], **options
        )
        self._seconds = client.Histogram(
            "mmzoo_serve_request_seconds", "Time from a request to its answer", buckets=SECONDS,
            **options,
        )  # fmt: skip
        self._batch_rows = client.Histogram(
            "mmzoo_serve_batch_rows", "Rows computed together", buckets=ROWS, **options
        )
        self._rows = client.Counter(
            "mmzoo_serve_rows", "Rows answered, by the output `ok` of a model of mmzoo", ["ok"],
            **options,
        )  # fmt: skip
        client.Gauge(
            "mmzoo_serve_waiting_rows", "Rows that wait to be computed", **options
        ).set_function(lambda: model.waiting_rows)
        client.Gauge(
            "mmzoo_serve_latest_version", "Number of the newest version that answers", **options
        ).set_function(lambda: max(model.versions, default=0))
        client.ProcessCollector(registry=self._registry)

    def observe_request(self, code, seconds):
        """Counts a request, with its HTTP status and the time that it took."""
        self._requests.labels(str(code)).inc()
        self._seconds.observe(seconds)

    def observe_batch(self, rows):
        """Counts a batch of so many rows."""
        self._batch_rows.observe(rows)

    def observe_rows(self, batches):
        """Counts the rows of an answer: list of dicts of arrays."""
        for batch in batches:
            good = batch.get("ok")
            if good is not None and good.dtype == bool and good.ndim == 1:
                self._rows.labels("true").inc(int(good.sum()))
                self._rows.labels("false").inc(int((~good).sum()))

    def text(self):
        """Everything in Prometheus's text format, bytes."""
        return self._generate(self._registry)
