"""As much HTTP/1.1 as the load generator and the receiver need: where a message ends, and a number in it.

Cheap on purpose: both share the cores with the server that they measure. No pipelining, no chunks: neither the server nor
libcurl uses them here, and a message that does is seen by ``whole`` never ending, so a run fails instead of lying.
"""

_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


def whole(data: bytes) -> tuple[int, int] | None:
    """(where the body begins, where it ends) once all of a message is there."""
    head = data.find(_END)
    if head < 0:
        return None
    begin = head + len(_END)
    place = data.find(b"\r\nContent-Length:", 0, head)  # libcurl's spelling
    if place < 0:
        place = data.find(b"\r\ncontent-length:", 0, head)  # uvicorn's
    length = 0
    if place >= 0:
        line = place + len(_LENGTH)
        stop = data.find(b"\r", line)
        length = int(data[line:stop])
    end = begin + length
    return (begin, end) if len(data) >= end else None


def number(data: bytes, key: bytes, begin: int = 0, end: int | None = None) -> int:
    """The whole number behind ``key`` (such as ``"sms_id":``), 0 where there is none."""
    stop = len(data) if end is None else end
    place = data.find(key, begin, stop)
    if place < 0:
        return 0
    start = place = place + len(key)
    while place < stop and 48 <= data[place] <= 57:
        place += 1
    return int(data[start:place]) if place > start else 0


def request(method: str, path: str, bearer: str, body: bytes = b"") -> bytes:
    """A request's bytes, made before the clock runs."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {bearer}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
