"""HTTP itself: what aiohttp cannot read as a request is refused in our own form, and without a traceback in the log.

aiohttp closes a connection that has sent no whole header after `keepalive_timeout`, however much of it trickles in.
"""

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from gateway.errors import fault
from gateway.wire import encode


class Protocol(RequestHandler):
    """One connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, and close: nobody knows where the next request would begin."""
        if status >= 500:
            return super().handle_error(request, status, exc, message)
        if request.writer.output_size > 0:
            raise ConnectionError("part of an answer was sent already")
        body = encode(fault("MALFORMED", msg="this is no HTTP request"), "json")
        response = web.Response(status=400, body=body, content_type="application/json")
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return Protocol(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """An application on our own `Protocol`."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory, **made._kwargs)
