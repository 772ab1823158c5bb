"""RequestError: what a client is told instead of an answer."""


class RequestError(Exception):
    """A request that gets no answer.

    Args:
        status: the HTTP status code, such as 400.
        message: the reason, for whoever wrote the client.
    """

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status
        self.message = message
