"""Names to addresses, in threads of its own, remembered for a while."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from ipaddress import ip_address

from ringback.domain.endpoints import Fault
from ringback.domain.networks import Address, Location
from ringback.domain.times import MINUTE, SECOND

FRESH = MINUTE
STALE = 10 * MINUTE  # so long an old answer will do while a new one is being fetched
_FAILURE_REMEMBERED = SECOND
_THREADS = 16
_MAX_NAMES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Either addresses, or why there are none."""

    at: int
    addresses: tuple[Address, ...] = ()
    fault: Fault | None = None
    error: str | None = None
    temporary: bool = False


def resolve(location: Location, now: int) -> Resolution:
    """Here and now, with nothing remembered. It may take as long as the system's resolver likes."""
    if location.address is not None:
        return Resolution(at=now, addresses=(location.address,))
    return _fetch(location.host, location.port, now)


def _fetch(host: str, port: int, now: int) -> Resolution:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as exc:
        temporary = exc.errno == socket.EAI_AGAIN
        words = f"cannot look up {host}: {exc.strerror or exc}"
        return Resolution(
            at=now, fault=Fault.OURS if temporary else Fault.DNS, error=words, temporary=temporary
        )
    except (OSError, UnicodeError) as exc:
        return Resolution(at=now, fault=Fault.OURS, error=f"cannot look up {host}: {exc}")
    addresses = dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found)
    return Resolution(at=now, addresses=tuple(addresses))


class Resolver:
    """``done(key)`` is called in one of its threads when an answer for (host, port) has come."""

    def __init__(self, now: Callable[[], int], done: Callable[[tuple[str, int]], None]) -> None:
        self._now = now
        self._done = done
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolver")
        self._known: dict[tuple[str, int], Resolution] = {}
        self._asked: set[tuple[str, int]] = set()
        self._last_success = 0

    def look_up(self, location: Location) -> Resolution | None:
        """What is known; None: ``done`` will tell when there is something."""
        now = self._now()
        if location.address is not None:
            return Resolution(at=now, addresses=(location.address,))
        key = (location.host, location.port)
        known = self._known.get(key)
        age = now - known.at if known is not None else STALE
        if known is None or age >= (FRESH if known.addresses else _FAILURE_REMEMBERED):
            self._ask(key)
        if known is not None and age < (STALE if known.addresses else _FAILURE_REMEMBERED):
            return known
        return None

    def _ask(self, key: tuple[str, int]) -> None:
        if key not in self._asked:
            self._asked.add(key)
            self._threads.submit(self._resolve, key)

    def _resolve(self, key: tuple[str, int]) -> None:
        # Known since the answer came: counted from the question, a slow failure would be too old to be told, and asked for again.
        resolution = replace(_fetch(*key, self._now()), at=self._now())
        if resolution.addresses:
            self._last_success = resolution.at
        elif resolution.temporary and resolution.at - self._last_success < MINUTE:
            # "Try again" is our own resolver's trouble when it answers nobody, and the name's servers' when it answers others.
            resolution = replace(resolution, fault=Fault.DNS)
        if len(self._known) >= _MAX_NAMES:
            self._known.clear()
        self._known[key] = resolution
        self._asked.discard(key)
        self._done(key)

    def forget(self, location: Location) -> None:
        self._known.pop((location.host, location.port), None)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
