"""Where a webhook may go: a table of forbidden networks, and what counts as a plain URL.

Allowed is global unicast and nothing else, unless the operator opens a network. ``ipaddress.is_global`` is
not used: Python 3.11 calls 64:ff9b::7f00:1 (127.0.0.1 behind NAT64), fec0::1, 224.0.0.1 and others global.
The caller resolves a name once, passes *all* addresses through check_addresses and connects to one of them.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TypeAlias
from urllib.parse import quote

from ringback.domain.problems import Problem

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

SETTING = "RINGBACK_ALLOW_WEBHOOKS_TO"
MAX_URL_LENGTH = 2_000
DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?]*)(?P<path>.*)", re.IGNORECASE | re.ASCII)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
# What inet_aton takes as the last part of an address (WHATWG URL, "ends in a number"); no top-level domain is one.
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forbidden:
    """A network that webhooks do not go to: what it is, and which document says so."""

    network: Network
    name: str
    source: str


def _forbidden(network: str, name: str, source: str) -> Forbidden:
    return Forbidden(network=ip_network(network), name=name, source=source)


# Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries and the RFCs they name; for clouds the
# vendors' documents. Where rows overlap the narrowest one gives the name. IPv4 inside IPv6 is forbidden
# whatever it embeds: no public endpoint needs it, and each form is a second way to write a private address.
FORBIDDEN: tuple[Forbidden, ...] = (
    _forbidden("0.0.0.0/8", "this network", "RFC 791"),
    _forbidden("10.0.0.0/8", "private", "RFC 1918"),
    _forbidden("100.64.0.0/10", "carrier-grade NAT", "RFC 6598"),
    _forbidden("100.100.100.200/32", "cloud metadata", "Alibaba Cloud"),
    _forbidden("127.0.0.0/8", "loopback", "RFC 1122"),
    _forbidden("168.63.129.16/32", "cloud platform channel", "Microsoft Azure"),
    _forbidden("169.254.0.0/16", "link-local", "RFC 3927"),
    _forbidden("169.254.169.254/32", "cloud metadata", "AWS, Azure, Google Cloud and others"),
    _forbidden("172.16.0.0/12", "private", "RFC 1918"),
    _forbidden("192.0.0.0/24", "IETF protocol assignments", "RFC 6890"),
    _forbidden("192.0.2.0/24", "documentation", "RFC 5737"),
    _forbidden("192.31.196.0/24", "AS112 anycast", "RFC 7535"),
    _forbidden("192.52.193.0/24", "AMT anycast", "RFC 7450"),
    _forbidden("192.88.99.0/24", "6to4 relay anycast", "RFC 7526"),
    _forbidden("192.168.0.0/16", "private", "RFC 1918"),
    _forbidden("192.175.48.0/24", "AS112 anycast", "RFC 7534"),
    _forbidden("198.18.0.0/15", "benchmarking", "RFC 2544"),
    _forbidden("198.51.100.0/24", "documentation", "RFC 5737"),
    _forbidden("203.0.113.0/24", "documentation", "RFC 5737"),
    _forbidden("224.0.0.0/4", "multicast", "RFC 1112"),
    _forbidden("240.0.0.0/4", "reserved", "RFC 1112"),
    _forbidden("255.255.255.255/32", "broadcast", "RFC 919"),
    # Everything outside 2000::/3, and then by name.
    _forbidden("::/3", "outside of global unicast", "RFC 4291"),
    _forbidden("4000::/2", "outside of global unicast", "RFC 4291"),
    _forbidden("8000::/1", "outside of global unicast", "RFC 4291"),
    _forbidden("::/96", "IPv4-compatible", "RFC 4291"),
    _forbidden("::/128", "unspecified", "RFC 4291"),
    _forbidden("::1/128", "loopback", "RFC 4291"),
    _forbidden("::ffff:0:0/96", "IPv4-mapped", "RFC 4291"),
    _forbidden("::ffff:0:0:0/96", "IPv4-translated", "RFC 2765"),
    _forbidden("64:ff9b::/96", "NAT64", "RFC 6052"),
    _forbidden("64:ff9b:1::/48", "local NAT64", "RFC 8215"),
    _forbidden("100::/64", "discard-only", "RFC 6666"),
    _forbidden("100:0:0:1::/64", "dummy prefix", "RFC 9780"),
    _forbidden("2001::/23", "IETF protocol assignments", "RFC 2928"),
    _forbidden("2001::/32", "Teredo", "RFC 4380"),
    _forbidden("2001:2::/48", "benchmarking", "RFC 5180"),
    _forbidden("2001:3::/32", "AMT anycast", "RFC 7450"),
    _forbidden("2001:4:112::/48", "AS112 anycast", "RFC 7535"),
    _forbidden("2001:10::/28", "ORCHID", "RFC 4843"),
    _forbidden("2001:20::/28", "ORCHIDv2", "RFC 7343"),
    _forbidden("2001:30::/28", "drone remote ID", "RFC 9374"),
    _forbidden("2001:db8::/32", "documentation", "RFC 3849"),
    _forbidden("2002::/16", "6to4", "RFC 3056"),
    _forbidden("2620:4f:8000::/48", "AS112 anycast", "RFC 7534"),
    _forbidden("3ffe::/16", "former 6bone", "RFC 3701"),
    _forbidden("3fff::/20", "documentation", "RFC 9637"),
    _forbidden("5f00::/16", "SRv6 segment identifiers", "RFC 9602"),
    _forbidden("fc00::/7", "private (unique local)", "RFC 4193"),
    _forbidden("fd00:ec2::254/128", "cloud metadata", "AWS"),
    _forbidden("fd20:ce::254/128", "cloud metadata", "Google Cloud"),
    _forbidden("fe80::/10", "link-local", "RFC 4291"),
    _forbidden("fec0::/10", "site-local", "RFC 3879"),
    _forbidden("ff00::/8", "multicast", "RFC 4291"),
)

WORDS = {
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    "loopback": ("127.0.0.0/8", "::1/128"),
}
"""Words that stand for networks in the setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A URL taken apart.

    ``url`` is ASCII and normalised: this, not the text that was typed, is to be requested. ``host`` is a lower-case
    name in A-labels without trailing dot, or an address without brackets; then ``address`` is set too.
    """

    url: str
    scheme: str
    host: str
    port: int
    address: Address | None


def refusal(address: Address, allowed: Sequence[Network]) -> str | None:
    """Why no webhook goes to ``address``, such as ``"10.0.0.0/8 (private, RFC 1918)"``; None: it may.

    ``allowed`` opens exactly its networks, whatever the table says of them. An IPv4-mapped address is opened by
    the IPv4 network it maps into as well, because that is where the kernel would connect to.
    """
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if any(address in network or (mapped is not None and mapped in network) for network in allowed):
        return None
    rows = [row for row in FORBIDDEN if address in row.network]
    if not rows:
        return None
    row = max(rows, key=lambda row: row.network.prefixlen)
    return f"{row.network} ({row.name}, {row.source})"


def parse_networks(text: str) -> tuple[Network, ...]:
    """The networks of a comma-separated list of CIDRs, addresses and WORDS, in order, each once.

    Raises ValueError with words for the operator.
    """
    items = [item.strip().lower() for item in text.split(",")]
    parts = [part for item in items if item for part in WORDS.get(item, (item,))]
    return tuple(dict.fromkeys(_network(part) for part in parts))


def check_addresses(
    location: Location,
    addresses: Sequence[Address],
    allowed: Sequence[Network],
) -> None:
    """Refuses a location when any of the addresses that it resolved to is forbidden, or when there is none.

    Any, not all: who answers with a public and a private address leaves to chance where the webhook goes.
    Raises Problem("webhook_address_refused").
    """
    if not addresses:
        raise Problem(
            "webhook_address_refused", f"{location.host} does not resolve to any address", field="url"
        )
    for address in addresses:
        if (reason := refusal(address, allowed)) is not None:
            raise Problem(
                "webhook_address_refused",
                f"{location.host} is {'in' if location.address else f'{address}, which is in'} {reason}."
                " If webhooks may go there, "
                f"the setting {SETTING}={address} opens it (or name a whole network there)",
                field="url",
            )


def parse_url(text: str) -> Location:
    """The location that a user's URL names. Raises Problem("invalid") for all but a plain http or https URL.

    Strict where parsers differ (user info, zones, backslashes, disguised IPv4): what this function and the
    HTTP client might read in two ways is refused. Non-ASCII in path and query is percent-encoded as UTF-8.
    """
    if len(text) > MAX_URL_LENGTH:
        raise _invalid(f"is longer than {MAX_URL_LENGTH} characters")
    if any(character == "\\" or _is_invisible(character) for character in text):
        raise _invalid("contains white space, an invisible character or a backslash")
    if "#" in text:
        raise _invalid("contains a fragment (#…), which is never sent to a server")
    parts = _URL.fullmatch(text)
    if parts is None:
        raise _invalid("does not begin with http:// or https://")
    scheme = parts["scheme"].lower()
    host, port = _authority(parts["authority"], DEFAULT_PORTS[scheme])
    address = None if isinstance(host, str) else host
    shown = f"[{host}]" if isinstance(host, IPv6Address) else str(host)
    shown_port = "" if port == DEFAULT_PORTS[scheme] else f":{port}"
    path = "".join(character if character.isascii() else quote(character) for character in parts["path"])
    url = f"{scheme}://{shown}{shown_port}{path if path.startswith('/') else '/' + path}"
    if len(url) > MAX_URL_LENGTH:
        raise _invalid(f"is longer than {MAX_URL_LENGTH} characters once it is encoded")
    return Location(url=url, scheme=scheme, host=str(host), port=port, address=address)


def _network(text: str) -> Network:
    example = "write it as 10.0.0.0/8, fd00::/8, 192.168.1.7, private or loopback"
    # ip_network also takes netmasks, host masks and zones: more ways to mistype than anybody needs
    if not re.fullmatch(r"[0-9a-f.:]+(/[0-9]{1,3})?", text):
        raise ValueError(f"{text!r} is not a network: {example}")
    try:
        network = ip_network(text, strict=False)
    except ValueError as exc:
        raise ValueError(f"{text!r} is not a network: {example}") from exc
    address, slash, _ = text.partition("/")
    if slash and ip_network(address).network_address != network.network_address:
        raise ValueError(f"{text!r} is an address inside a network: write {network} or {address}")
    return network


def _invalid(why: str) -> Problem:
    return Problem("invalid", f"The URL {why}", field="url")


def _is_invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character).startswith("C")


def _authority(text: str, default_port: int) -> tuple[str | Address, int]:
    if "@" in text:
        raise _invalid("contains a user name (…@host), which hides the host")
    if "%" in text:
        raise _invalid("contains a % in its host: write the host plainly, without a zone")
    parts = _AUTHORITY.fullmatch(text)
    if parts is None:
        raise _invalid("has no host, or a host or port that cannot be read")
    port = default_port if parts["port"] is None else int(parts["port"])
    if not 0 < port < 65_536:
        raise _invalid("has a port that is not between 1 and 65535")
    return _host(parts["host"]), port


def _host(text: str) -> str | Address:
    if text.startswith("["):
        try:
            return IPv6Address(text[1:-1])
        except ValueError as exc:
            raise _invalid("has something in square brackets that is not an IPv6 address") from exc
    name = _a_labels(text).removesuffix(".")
    if _NUMERIC_LABEL.fullmatch(name.rpartition(".")[2]):
        try:
            return IPv4Address(name)
        except ValueError as exc:
            raise _invalid("has a number as host: write an IPv4 address as four decimal numbers") from exc
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise _invalid("has a host that is not a host name")
    return name


def _a_labels(name: str) -> str:
    """The name in lower-case ASCII, its other labels as ``xn--…``.

    Refused is what the codec would not give back as it came: full-width digits, other dots, and letters
    such as ß, which two versions of IDNA send to two different domains.
    """
    lower = name.lower()
    if name.isascii():
        return lower
    try:
        ascii_name = lower.encode("idna")
        stable = unicodedata.normalize("NFKC", name) == name and ascii_name.decode("idna") == lower
    except UnicodeError as exc:
        raise _invalid("has a host that is not an international domain name") from exc
    if not stable:
        raise _invalid("has a host with look-alike characters: write it in its plain or its xn-- form")
    return ascii_name.decode("ascii")
