"""What schemathesis cannot know of this service."""

import time

import requests
import schemathesis

# A stream never ends by itself: read for so long, or so many events, and go.
STREAM_S = 0.5
STREAM_EVENTS = 2

_send = requests.adapters.HTTPAdapter.send


def _send_and_leave(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
    response = _send(self, request, stream=True, timeout=timeout, verify=verify, cert=cert, proxies=proxies)
    if response.headers.get("content-type") == "text/event-stream":
        read = b""
        until = time.monotonic() + STREAM_S
        while read.count(b"\n\n") < STREAM_EVENTS and time.monotonic() < until:
            read += response.raw.read1(65536)
        response._content = read[: read.rfind(b"\n\n") + 2]
        response._content_consumed = True
        response.close()
    elif not stream:
        response.content
    return response


requests.adapters.HTTPAdapter.send = _send_and_leave


def _is_short(value):
    """Ids have 128 bytes at most, of which JSON Schema knows nothing: it counts characters."""
    values = value if isinstance(value, list) else [value]
    return all(len(str(each).encode("utf-8", "surrogatepass")) <= 128 for each in values)


@schemathesis.hook
def filter_path_parameters(context, path_parameters):
    return all(map(_is_short, (path_parameters or {}).values()))
