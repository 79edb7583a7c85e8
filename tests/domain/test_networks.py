"""Where a webhook may not go: the addresses and URL forms of contracts/delivery.md section 5, and more."""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringback.domain.networks import (
    FORBIDDEN,
    MAX_URL_LENGTH,
    Address,
    Forbidden,
    Location,
    Network,
    check_addresses,
    parse_networks,
    parse_url,
    refusal,
)
from ringback.domain.problems import Problem

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")


def outcome(address: str, allowed: str = "") -> str | None:
    return refusal(ip_address(address), parse_networks(allowed))


@pytest.mark.parametrize(
    ("address", "name"),
    [
        pytest.param("64:ff9b::7f00:1", "NAT64", id="contract: NAT64"),
        pytest.param("2002:7f00:1::1", "6to4", id="contract: 6to4"),
        pytest.param("::7f00:1", "IPv4-compatible", id="contract: IPv4-compatible"),
        pytest.param("::ffff:0:7f00:1", "IPv4-translated", id="contract: IPv4-translated"),
        pytest.param("fec0::1", "site-local", id="contract: site-local"),
        pytest.param("192.88.99.1", "6to4 relay anycast", id="contract: 6to4 relay"),
        pytest.param("224.0.0.1", "multicast", id="contract: multicast"),
        pytest.param("5f00::1", "SRv6 segment identifiers", id="contract: SRv6"),
        pytest.param("192.0.0.8", "IETF protocol assignments", id="contract: dummy address"),
        pytest.param("0.0.0.0", "this network", id="any"),  # noqa: S104 -- refused, not bound to
        pytest.param("10.1.2.3", "private", id="private 10"),
        pytest.param("172.31.255.255", "private", id="private 172"),
        pytest.param("192.168.1.1", "private", id="private 192"),
        pytest.param("127.0.0.1", "loopback", id="loopback"),
        pytest.param("169.254.1.1", "link-local", id="link-local"),
        pytest.param("169.254.169.254", "cloud metadata", id="metadata"),
        pytest.param("100.100.100.200", "cloud metadata", id="metadata in CGN space"),
        pytest.param("100.64.0.1", "carrier-grade NAT", id="CGN"),
        pytest.param("168.63.129.16", "cloud platform channel", id="Azure's host"),
        pytest.param("198.19.255.255", "benchmarking", id="benchmarking"),
        pytest.param("203.0.113.9", "documentation", id="documentation"),
        pytest.param("239.255.255.255", "multicast", id="multicast, the last"),
        pytest.param("255.255.255.254", "reserved", id="reserved"),
        pytest.param("255.255.255.255", "broadcast", id="broadcast"),
        pytest.param("::", "unspecified", id="v6 any"),
        pytest.param("::1", "loopback", id="v6 loopback"),
        pytest.param("::ffff:8.8.8.8", "IPv4-mapped", id="mapped, whatever it embeds"),
        pytest.param("64:ff9b::808:808", "NAT64", id="NAT64, whatever it embeds"),
        pytest.param("64:ff9b:1::1", "local NAT64", id="local NAT64"),
        pytest.param("2001:0:808:808::1", "Teredo", id="Teredo"),
        pytest.param("2001:db8::1", "documentation", id="v6 documentation"),
        pytest.param("3fff::1", "documentation", id="v6 documentation, the newer"),
        pytest.param("fd00:ec2::254", "cloud metadata", id="v6 metadata of AWS"),
        pytest.param("fd20:ce::254", "cloud metadata", id="v6 metadata of Google"),
        pytest.param("fd12::1", "private (unique local)", id="v6 private"),
        pytest.param("fe80::1", "link-local", id="v6 link-local"),
        pytest.param("fe80::1%eth0", "link-local", id="v6 link-local with a zone"),
        pytest.param("ff02::1", "multicast", id="v6 multicast"),
        pytest.param("1fff::1", "outside of global unicast", id="v6 below 2000::/3"),
        pytest.param("4000::1", "outside of global unicast", id="v6 above 2000::/3"),
        pytest.param("8000::1", "outside of global unicast", id="v6 upper half"),
    ],
)
def test_forbidden(address: str, name: str) -> None:
    reason = outcome(address)
    assert reason is not None
    assert f"({name}, " in reason


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "9.255.255.255", "11.0.0.0", "172.32.0.0", "223.255.255.255", "2606:4700::1111"]
)
def test_global_unicast_is_open(address: str) -> None:
    assert outcome(address) is None


@pytest.mark.parametrize("row", FORBIDDEN, ids=lambda row: f"{row.network} {row.name}")
def test_a_row_covers_its_network_and_no_more(row: Forbidden) -> None:
    first, last = row.network.network_address, row.network.broadcast_address
    assert refusal(first, ()) is not None
    assert refusal(last, ()) is not None
    assert refusal(first, (row.network,)) is None
    assert refusal(last, (row.network,)) is None
    bits = row.network.max_prefixlen
    beside = [type(first)(value % 2**bits) for value in (int(first) - 1, int(last) + 1)]
    for address in beside:
        assert (refusal(address, ()) is None) == (not any(address in other.network for other in FORBIDDEN))


@given(ADDRESSES)
def test_never_more_open_than_the_standard_library(address: Address) -> None:
    if not address.is_global or address.is_multicast:
        assert refusal(address, ()) is not None
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST_V6:
        assert refusal(address, ()) is not None


@given(ADDRESSES, ADDRESSES, st.integers(0, 32))
def test_allowed_opens_exactly_its_network(address: Address, inside: Address, prefix: int) -> None:
    network = ip_network(f"{inside}/{prefix}", strict=False)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    opened = address in network or (mapped is not None and mapped in network)
    assert refusal(address, (network,)) == (None if opened else refusal(address, ()))


@pytest.mark.parametrize(
    ("address", "allowed", "is_open"),
    [
        pytest.param("10.0.0.5", "10.0.0.0/8", True, id="inside"),
        pytest.param("10.0.0.5", "10.0.0.5", True, id="this address"),
        pytest.param("10.0.0.6", "10.0.0.5", False, id="its neighbour"),
        pytest.param("127.0.0.1", "10.0.0.0/8", False, id="another network"),
        pytest.param("::1", "0.0.0.0/0", False, id="all of IPv4 is nothing of IPv6"),
        pytest.param("::ffff:10.0.0.5", "10.0.0.0/8", True, id="mapped, by its IPv4 network"),
        pytest.param("::ffff:10.0.0.5", "::ffff:a00:0/104", True, id="mapped, by its IPv6 network"),
        pytest.param("::ffff:10.0.0.5", "127.0.0.0/8", False, id="mapped, by another network"),
        pytest.param("::10.0.0.5", "10.0.0.0/8", False, id="compatible, by its IPv4 network"),
        pytest.param("64:ff9b::10.0.0.5", "10.0.0.0/8", False, id="NAT64, by its IPv4 network"),
        pytest.param("192.168.7.7", "private", True, id="private"),
        pytest.param("fd00::7", "private", True, id="private, IPv6"),
        pytest.param("127.0.0.1", "private", False, id="private is not loopback"),
        pytest.param("::1", "loopback", True, id="loopback"),
    ],
)
def test_allowed(address: str, allowed: str, *, is_open: bool) -> None:
    assert (outcome(address, allowed) is None) == is_open


PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (), id="empty"),
        pytest.param(" , ,", (), id="commas only"),
        pytest.param("10.0.0.0/8,127.0.0.0/8", ("10.0.0.0/8", "127.0.0.0/8"), id="contract"),
        pytest.param(
            " FD00::/8 , 192.168.1.7 ", ("fd00::/8", "192.168.1.7/32"), id="spaces, capitals, address"
        ),
        pytest.param("Private", PRIVATE, id="private"),
        pytest.param("loopback,::1", ("127.0.0.0/8", "::1/128"), id="loopback, one twice"),
        pytest.param("0.0.0.0/0", ("0.0.0.0/0",), id="everything"),
    ],
)
def test_parse_networks(text: str, expected: tuple[str, ...]) -> None:
    assert parse_networks(text) == tuple(ip_network(network) for network in expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("10.0.0.1/8", "write 10.0.0.0/8 or 10.0.0.1", id="host bits"),
        pytest.param("fd00::1/8", "write fd00::/8 or fd00::1", id="host bits, IPv6"),
        pytest.param("10.0.0.0/33", "is not a network", id="prefix too long"),
        pytest.param("10.0.0.0/255.0.0.0", "is not a network", id="netmask"),
        pytest.param("10.0.0", "is not a network", id="short"),
        pytest.param("010.0.0.1", "is not a network", id="octal"),
        pytest.param("fe80::1%eth0", "is not a network", id="zone"),
        pytest.param("10.0.0.1 10.0.0.2", "is not a network", id="no comma"),
        pytest.param("public", "private or loopback", id="unknown word"),
        pytest.param("localhost", "is not a network", id="name"),
    ],
)
def test_parse_networks_refuses(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_networks(text)


@given(st.one_of(st.text(), st.text("0123456789abcdef.:/, %"), st.lists(ADDRESSES).map(str)))
def test_parse_networks_on_junk(text: str) -> None:
    try:
        parse_networks(text)
    except ValueError as exc:
        assert "is not a network" in str(exc) or "inside a network" in str(exc)  # noqa: PT017 -- both ends are fine


@pytest.mark.parametrize(
    ("text", "url", "host", "port"),
    [
        pytest.param("https://example.com", "https://example.com/", "example.com", 443, id="bare"),
        pytest.param(
            "HTTP://Example.COM/A?b=C", "http://example.com/A?b=C", "example.com", 80, id="capitals"
        ),
        pytest.param("https://example.com?a=1", "https://example.com/?a=1", "example.com", 443, id="query"),
        pytest.param("https://example.com:443/", "https://example.com/", "example.com", 443, id="usual port"),
        pytest.param("http://example.com:443/", "http://example.com:443/", "example.com", 443, id="port"),
        pytest.param("http://e.com:65535/", "http://e.com:65535/", "e.com", 65535, id="last port"),
        pytest.param(
            "https://example.com./x", "https://example.com/x", "example.com", 443, id="trailing dot"
        ),
        pytest.param("http://localhost:8080/x", "http://localhost:8080/x", "localhost", 8080, id="one label"),
        pytest.param(
            "http://my_app:80/", "http://my_app/", "my_app", 80, id="underscore, as in compose files"
        ),
        pytest.param("http://1.2.3.4/", "http://1.2.3.4/", "1.2.3.4", 80, id="IPv4"),
        pytest.param("http://1.2.3.4./", "http://1.2.3.4/", "1.2.3.4", 80, id="IPv4 with a dot"),
        pytest.param("http://[::1]:8000/", "http://[::1]:8000/", "::1", 8000, id="IPv6"),
        pytest.param("http://[0:0::A]", "http://[::a]/", "::a", 80, id="IPv6, long and in capitals"),
        pytest.param(
            "http://[::ffff:1.2.3.4]/", "http://[::ffff:102:304]/", "::ffff:102:304", 80, id="mapped"
        ),
        pytest.param("https://Bücher.de/", "https://xn--bcher-kva.de/", "xn--bcher-kva.de", 443, id="IDN"),
        pytest.param(
            "https://xn--bcher-kva.de/", "https://xn--bcher-kva.de/", "xn--bcher-kva.de", 443, id="A"
        ),
        pytest.param(
            "https://пример.рф./", "https://xn--e1afmkfd.xn--p1ai/", "xn--e1afmkfd.xn--p1ai", 443, id="ru"
        ),
        pytest.param(
            "https://e.com/ж?ж=%20", "https://e.com/%D0%B6?%D0%B6=%20", "e.com", 443, id="path not ASCII"
        ),
        pytest.param(
            "https://e.com/a@b:c/[d]", "https://e.com/a@b:c/[d]", "e.com", 443, id="marks in the path"
        ),
        pytest.param(
            "http://0x7f.example/", "http://0x7f.example/", "0x7f.example", 80, id="only the end counts"
        ),
    ],
)
def test_parse_url(text: str, url: str, host: str, port: int) -> None:
    location = parse_url(text)
    assert (location.url, location.host, location.port) == (url, host, port)
    assert location.url.startswith(location.scheme + "://")
    try:
        assert location.address == ip_address(host)
    except ValueError:
        assert location.address is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("example.com/hook", id="no scheme"),
        pytest.param("ftp://example.com/", id="ftp"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("gopher://example.com/", id="gopher"),
        pytest.param("javascript:alert(1)", id="javascript"),
        pytest.param("httpſ://example.com/", id="long s in the scheme"),
        pytest.param("http:example.com", id="no slashes"),
        pytest.param("http:/example.com", id="one slash"),
        pytest.param("http://", id="nothing after"),
        pytest.param("http:///path", id="no host"),
        pytest.param("http://?a", id="no host, a query"),
        pytest.param("http://:80/", id="no host, a port"),
        pytest.param("http://./", id="a dot for a host"),
        pytest.param("http://a..b/", id="an empty label"),
        pytest.param("http://example.com../", id="two trailing dots"),
        pytest.param("http://.example.com/", id="a leading dot"),
        pytest.param("http://user@example.com/", id="user"),
        pytest.param("http://example.com:80@127.0.0.1/", id="user that looks like a host"),
        pytest.param("http://[fe80::1%25eth0]/", id="zone"),
        pytest.param("http://[fe80::1%eth0]/", id="zone, plain"),
        pytest.param("http://ex%61mple.com/", id="percent-encoded host"),
        pytest.param("http://example.com/#part", id="fragment"),
        pytest.param("http://127.0.0.1#@example.com/", id="fragment that hides the host"),
        pytest.param("http://example.com\\@127.0.0.1/", id="backslash"),
        pytest.param(" http://example.com/", id="leading space"),
        pytest.param("http://example.com/a b", id="space in the path"),
        pytest.param("http://example.com/\r\nHost: x", id="header injection"),
        pytest.param("http://example\t.com/", id="tab, which urlsplit drops"),
        pytest.param("http://example.com/\x00", id="NUL"),
        pytest.param("http://exa\u00admple.com/", id="soft hyphen"),
        pytest.param("http://exa\u200bmple.com/", id="zero-width space"),
        pytest.param("http://example.com/\u2028", id="line separator"),
        pytest.param("http://example.com/\ud800", id="half a surrogate pair"),
        pytest.param("http://example.com:/", id="empty port"),
        pytest.param("http://example.com:0/", id="port 0"),
        pytest.param("http://example.com:65536/", id="port too high"),
        pytest.param("http://example.com:٨٠/", id="port in other digits"),
        pytest.param("http://example.com:-1/", id="negative port"),
        pytest.param("http://example.com:80:80/", id="two ports"),
        pytest.param("http://::1/", id="IPv6 without brackets"),
        pytest.param("http://[::1/", id="bracket not closed"),
        pytest.param("http://[1.2.3.4]/", id="IPv4 in brackets"),
        pytest.param("http://[v1.x]/", id="IPvFuture"),
        pytest.param("http://[]/", id="nothing in brackets"),
        pytest.param("http://[::1]x/", id="text after the bracket"),
        pytest.param("http://2130706433/", id="decimal IPv4"),
        pytest.param("http://0177.0.0.1/", id="octal IPv4"),
        pytest.param("http://0x7f.1/", id="hexadecimal IPv4"),
        pytest.param("http://0X7F000001/", id="hexadecimal IPv4 in one"),
        pytest.param("http://127.1/", id="short IPv4"),
        pytest.param("http://127.0.0.1.1/", id="five parts"),
        pytest.param("http://127.0.0.0x1/", id="hexadecimal at the end"),
        pytest.param("http://256.0.0.1/", id="number too high"),
        pytest.param("http://0x/", id="hexadecimal without digits"),
        pytest.param("http://１２７.０.０.１/", id="full-width digits"),
        pytest.param("http://127。0。0。1/", id="ideographic dots"),
        pytest.param("http://127．0．0．1/", id="full-width dots"),
        pytest.param("http://①②⑦.0.0.1/", id="circled digits"),
        pytest.param("http://example。com/", id="ideographic dot in a name"),
        pytest.param("http://ｅxample.com/", id="full-width letter"),
        pytest.param("http://straße.de/", id="letter of two meanings"),
        pytest.param("http://\u212aelvin.com/", id="Kelvin sign"),
        pytest.param("http://bu\u0308cher.de/", id="decomposed letter"),
        pytest.param("http://♥…♥.de/", id="ellipsis"),
        pytest.param("http://-ü-" + "ü" * 60 + ".de/", id="label too long for punycode"),
        pytest.param("http://\u0627a.de/", id="mixed directions"),
        pytest.param("http://exa!mple.com/", id="mark in the host"),
        pytest.param("http://" + "a" * 64 + ".com/", id="label too long"),
        pytest.param("http://" + "a." * 127 + "com/", id="name too long"),
        pytest.param("http://example.com/" + "a" * MAX_URL_LENGTH, id="too long"),
        pytest.param("http://example.com/" + "ж" * 1_000, id="too long once encoded"),
    ],
)
def test_parse_url_refuses(text: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_url(text)
    assert (caught.value.code, caught.value.field) == ("invalid", "url")
    assert caught.value.detail.startswith("The URL ")


HOSTS = st.one_of(
    st.text("0123456789abcdefxX.", min_size=1, max_size=20),
    st.from_regex(r"(0[xX])?[0-9a-f]{1,4}(\.(0[xX]?)?[0-9a-f]{1,3}){0,3}\.?", fullmatch=True),
)


@given(HOSTS)
@example("017700000001")
@example("127.0.0x")
def test_libc_reads_no_other_address_into_an_accepted_host(host: str) -> None:
    try:
        location = parse_url(f"http://{host}/")
    except Problem:
        return
    try:
        read = IPv4Address(socket.inet_aton(location.host))
    except OSError:
        assert not isinstance(location.address, IPv4Address)
    else:
        assert location.address == read


@given(
    st.one_of(
        st.text(),
        st.text().map("http://".__add__),
        st.text("abü。./:@[]%?1x-").map("https://".__add__),
        st.from_regex(r"https?://[a-zä-ü0-9.-]{1,80}(:[0-9]{1,5})?(/\S*)?", fullmatch=True),
    )
)
@example("http://xn--a.ü/")
@example("http://xn--99999999ü/")
def test_what_is_accepted_is_stable(text: str) -> None:
    try:
        location = parse_url(text)
    except Problem:
        return
    assert parse_url(location.url) == location
    assert location.url.isascii()
    assert "@" not in location.host
    assert 0 < location.port < 65_536


def target_of(host: str) -> Location:
    return parse_url(f"https://{host}/hook")


@pytest.mark.parametrize(
    ("addresses", "allowed", "words"),
    [
        pytest.param([], "", ["does not resolve", "shop.example"], id="none"),
        pytest.param(
            ["10.0.0.5"],
            "",
            ["shop.example is 10.0.0.5", "10.0.0.0/8 (private", "RINGBACK_ALLOW_WEBHOOKS_TO=10.0.0.5 opens"],
            id="private",
        ),
        pytest.param(["1.1.1.1", "::1"], "", ["::1/128 (loopback"], id="one of two"),
        pytest.param(
            ["10.0.0.5", "127.0.0.1"], "10.0.0.0/8", ["127.0.0.0/8 (loopback"], id="one of two open"
        ),
    ],
)
def test_check_addresses_refuses(addresses: list[str], allowed: str, words: list[str]) -> None:
    with pytest.raises(Problem) as caught:
        check_addresses(
            target_of("shop.example"), [ip_address(address) for address in addresses], parse_networks(allowed)
        )
    assert (caught.value.code, caught.value.field) == ("webhook_address_refused", "url")
    for word in words:
        assert word in caught.value.detail


@pytest.mark.parametrize(
    ("addresses", "allowed"),
    [
        pytest.param(["1.1.1.1", "2606:4700::1111"], "", id="public"),
        pytest.param(["10.0.0.5", "1.1.1.1"], "10.0.0.0/8", id="opened"),
    ],
)
def test_check_addresses(addresses: list[str], allowed: str) -> None:
    networks: tuple[Network, ...] = parse_networks(allowed)
    check_addresses(target_of("shop.example"), [ip_address(address) for address in addresses], networks)
