"""The table of the suite http1: what a server of HTTP/1.1 gets, and which outcomes are right (RFC 9110, RFC 9112).

Behind each case the suite sends one more request, the sentinel, with which the connection ends. So what a server takes for
the end of the first request shows: a sentinel that is answered after a refusal, or twice, is request smuggling.
"""

from dataclasses import dataclass

# An ordinary answer to any of the requests below: to a path that exists or not, with or without rights.
ORDINARY = frozenset({200, 204, 400, 401, 404, 405, 411, 413, 415, 422, 429})
BAD = frozenset({400})


@dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    # Of the answer to the case itself.
    statuses: frozenset
    # Whether the sentinel is answered: `closed`, `answered`, or `either`.
    then: str
    # Whether a close without an answer is right, too.
    may_be_silent: bool = False

    @property
    def expected(self):
        statuses = " or ".join(map(str, sorted(self.statuses))) if len(self.statuses) < 4 else "one answer below 500"
        silent = ", or none" if self.may_be_silent else ""
        then = {"closed": "a close", "answered": "an answer to the next request", "either": "a close or an answer to the next request"}
        return f"{statuses}{silent}, then {then[self.then]}"


def refused(name, data, *statuses, may_be_silent=False):
    return Case(name, data, frozenset(statuses) or BAD, "closed", may_be_silent)


def answered(name, data, *statuses):
    return Case(name, data, frozenset(statuses or [200]), "answered")


def either(name, data, *statuses):
    return Case(name, data, frozenset(statuses) or ORDINARY, "either", may_be_silent=True)


def get(*headers, target=b"/livez", version=b"HTTP/1.1", host=b"Host: shop", method=b"GET"):
    lines = [method + b" " + target + b" " + version, *([host] if host is not None else []), *headers]
    return b"\r\n".join([*lines, b"", b""])


def post(*headers, body=b"", target=b"/v1/hostile", version=b"HTTP/1.1", host=b"Host: shop"):
    return get(b"Content-Type: application/json", *headers, target=target, version=version, host=host, method=b"POST") + body


def hosts():
    yield refused("no Host", get(host=None))
    yield refused("no Host, with a body", post(b"Content-Length: 2", body=b"{}", host=None))
    yield refused("two Hosts", get(b"Host: other"))
    yield refused("two Hosts of one value", get(b"Host: shop"))
    yield refused("two Hosts, another spelling", get(b"hOST: other"))
    yield refused("Host with a blank before the colon", get(host=b"Host : shop"))
    yield refused("Host on a folded line", get(b"X-A: b", b" Host: shop", host=None))
    yield answered("HTTP/1.0 without Host", get(b"Connection: keep-alive", host=None, version=b"HTTP/1.0"))
    yield answered("Host with a port", get(host=b"Host: shop:8080"))
    yield answered("Host with an IPv6 address", get(host=b"Host: [::1]:8080"))
    yield either("an empty Host", get(host=b"Host:"), 200, 400)
    yield either("Host with a port above 65535", get(host=b"Host: shop:99999"), 200, 400)
    malformed = (
        b"a b",
        b"a\tb",
        b"a,b",
        b"a/b",
        b"a/",
        b"http://shop",
        b"user@shop",
        b"@shop",
        b"shop?x",
        b"shop#x",
        b"shop\\x",
        b'"shop"',
        b"<shop>",
        b"{shop}",
        b"shop:80:90",
        b"shop:port",
        b"shop:-1",
        b"shop:+80",
        b"shop:8 0",
        b"[::1",
        b"::1]",
        b"[::1]x",
        b"[]",
        b"[g::1]",
        b"sh|op",
        b"sh^op",
        b"sh`op",
        b"sh\xc3\xb6p",
        b"sh\xffop",
        b"shop\x01",
        b"shop\x7f",
        b"shop%",
        b"shop%g1",
    )
    for value in malformed:
        yield refused(f"Host {value!r}", get(host=b"Host: " + value))


def lengths():
    for value in (
        b"+5",
        b"-5",
        b"-0",
        b"5 5",
        b"5, 6",
        b"0x5",
        b"5a",
        b"a5",
        b"1e1",
        b"5.0",
        b"\xd9\xa5",
        b"5;",
        b'"5"',
        b"5_0",
        b"\x0b5",
        b"5\x0c",
    ):
        yield refused(f"Content-Length {value!r}", post(b"Content-Length: " + value, body=b"12345"))
    yield refused("an empty Content-Length", post(b"Content-Length:", body=b""))
    yield refused("two Content-Lengths", post(b"Content-Length: 5", b"Content-Length: 6", body=b"123456"))
    yield either("two equal Content-Lengths", post(b"Content-Length: 5", b"Content-Length: 5", body=b"12345"))
    yield either("a list of equal Content-Lengths", post(b"Content-Length: 5, 5", body=b"12345"))
    yield either("Content-Length 05", post(b"Content-Length: 05", body=b"12345"))
    yield refused("Content-Length with a blank before the colon", post(b"Content-Length : 5", body=b"12345"))
    yield refused("Content-Length on a folded line", post(b"X-A: b", b" Content-Length: 5", body=b""))
    for power in (31, 32, 53):
        yield refused(f"Content-Length 2^{power}", post(b"Content-Length: %d" % 2**power), 400, 404, 413)
    for value, name in ((2**63, "2^63"), (2**64 + 5, "2^64 + 5"), (10**40, "10^40"), (10**400, "10^400")):
        yield refused(f"Content-Length {name}", post(b"Content-Length: %d" % value), 400, 413)
    yield refused("Content-Length 2^63 to a path that exists", get(b"Content-Length: %d" % 2**63), 200, 400, 413)
    yield answered("Content-Length 0", post(b"Content-Length: 0"), *ORDINARY)
    yield answered("a body on GET", get(b"Content-Length: 5") + b"12345")


def encodings():
    chunk = b"5\r\n12345\r\n0\r\n\r\n"
    yield refused("Transfer-Encoding and Content-Length", post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=chunk))
    yield refused("Content-Length and Transfer-Encoding", post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=chunk))
    for value in (
        b"identity",
        b"xchunked",
        b"chunkedx",
        b"chunked, identity",
        b"gzip",
        b"chunked, gzip",
        b"\x0bchunked",
        b"chunked;q=1",
        b'"chunked"',
        b"chun ked",
    ):
        yield refused(f"Transfer-Encoding {value!r}", post(b"Transfer-Encoding: " + value, body=chunk), *ORDINARY, 501)
    yield either("Transfer-Encoding chunked twice", post(b"Transfer-Encoding: chunked, chunked", body=chunk))
    yield either("two Transfer-Encodings", post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=chunk))
    yield refused(
        "Transfer-Encoding identity after chunked",
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=chunk),
        *ORDINARY,
        501,
    )
    yield refused("Transfer-Encoding with a blank before the colon", post(b"Transfer-Encoding : chunked", body=chunk))
    yield refused("Transfer-Encoding on a folded line", post(b"X-A: b", b" Transfer-Encoding: chunked", body=chunk))
    yield refused("Transfer-Encoding in HTTP/1.0", post(b"Transfer-Encoding: chunked", body=chunk, version=b"HTTP/1.0"), *ORDINARY)
    yield refused(
        "Transfer-Encoding and keep-alive in HTTP/1.0",
        post(b"Connection: keep-alive", b"Transfer-Encoding: chunked", body=chunk, version=b"HTTP/1.0"),
        *ORDINARY,
    )
    yield answered("Transfer-Encoding Chunked", post(b"Transfer-Encoding: Chunked", body=chunk), *ORDINARY)


def chunks():
    """Broken bodies: the answer to the request, or a refusal, and never both."""
    broken = {
        "a negative chunk": b"-5\r\n12345\r\n",
        "a chunk with a sign": b"+5\r\n12345\r\n",
        "a chunk in another notation": b"0x5\r\n12345\r\n",
        "a chunk with a blank before its size": b" 5\r\n12345\r\n",
        "a chunk of 2^64": b"10000000000000000\r\n12345\r\n",
        "a chunk of 2^64 + 5": b"10000000000000005\r\n12345\r\n",
        "a chunk of many digits": b"f" * 300 + b"\r\n",
        "a chunk without a number": b"g\r\n",
        "a chunk without a size": b"\r\n12345\r\n",
        "a chunk that is longer than stated": b"5\r\n123456\r\n",
        "a chunk that is shorter than stated": b"6\r\n12345\r\n",
        "a chunk with NUL in its size": b"5\x00\r\n12345\r\n",
        "a chunk with a bare CR": b"5\r12345\r\n",
    }
    for target in (b"/v1/hostile", b"/livez"):
        for name, body in broken.items():
            data = post(b"Transfer-Encoding: chunked", body=body + b"0\r\n\r\n", target=target)
            yield Case(f"{name}, to {target.decode()}", data, ORDINARY, "closed")
    extended = b"5;" + b"x" * 200_000 + b"\r\n12345\r\n0\r\n\r\n"
    yield either("a chunk with an extension of 200 KB", post(b"Transfer-Encoding: chunked", body=extended))
    trailers = b"0\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(5_000)) + b"\r\n"
    yield either("5,000 trailers", post(b"Transfer-Encoding: chunked", body=trailers))
    yield either("a trailer Content-Length", post(b"Transfer-Encoding: chunked", body=b"0\r\nContent-Length: 50\r\n\r\n"))
    yield either("a trailer Host", post(b"Transfer-Encoding: chunked", body=b"0\r\nHost: other\r\n\r\n"))
    yield either("a chunk with a bare LF", post(b"Transfer-Encoding: chunked", body=b"5\n12345\n0\n\n"))


def lines():
    yield either("lines that end with LF", get().replace(b"\r\n", b"\n"), 200, 400)
    yield either("an empty line before the request", b"\r\n" + get(), 200, 400)
    yield either("a value on two lines", get(b"X-A: b", b" c"), 200, 400)
    yield refused("a bare CR in a value", get(b"X-A: b\rX-B: c"))
    yield refused("a request that ends with CR CR LF", b"GET /livez HTTP/1.1\r\nHost: shop\r\r\n\r\n")
    yield refused("a blank before the request", b" " + get())
    yield refused("a blank line after the request line", b"GET /livez HTTP/1.1\r\n \r\nHost: shop\r\n\r\n")
    yield refused("a first header that begins with a blank", b"GET /livez HTTP/1.1\r\n Host: shop\r\n\r\n")
    for name, header in (
        ("NUL in a value", b"X-A: b\x00c"),
        ("a control character in a value", b"X-A: b\x01c"),
        ("DEL in a value", b"X-A: b\x7fc"),
        ("NUL in a name", b"X\x00A: b"),
        ("a name with a blank", b"X A: b"),
        ("a name with a tab", b"X-A\t: b"),
        ("an empty name", b": b"),
        ("a line without a colon", b"X-A"),
        ("a name with parentheses", b"X(A): b"),
        ("a name with a bracket", b"X[A: b"),
        ("a name with a quote", b'X"A: b'),
        ("a name beyond ASCII", b"X\xc3\xa9: b"),
        ("a name with a slash", b"X/A: b"),
        ("a name with an at", b"X@A: b"),
    ):
        yield refused(name, get(header))
    yield either("a value beyond ASCII", get(b"X-A: \xc3\xa9\xff"), 200, 400)
    yield answered("a tab in a value", get(b"X-A: b\tc"))
    yield answered("an empty value", get(b"X-A:"))


def request_lines():
    for version in (
        b"HTTP/2.0",
        b"HTTP/3.0",
        b"HTTP/0.9",
        b"HTTP/1",
        b"HTTP/1.",
        b"HTTP/11.1",
        b"HTTP/1.11",
        b"HTTP/1.1x",
        b"HTTP/-1.1",
        b"HTTP/a.b",
        b"http/1.1",
        b"HTTP 1.1",
        b"HTTPS/1.1",
        b"SHTTP/1.1",
        b"ICE/1.0",
        b"RTSP/1.0",
        b"SIP/2.0",
        b"HTTP/1.1\x00",
        b"\xff",
    ):
        yield refused(f"version {version!r}", get(version=version), 400, 505)
    yield either("version HTTP/1.2", get(version=b"HTTP/1.2"), 200, 400, 505)
    yield refused("no version", b"GET /livez\r\nHost: shop\r\n\r\n", 400, 505, may_be_silent=True)
    yield either("two blanks before the target", get(method=b"GET "), 200, 400)
    yield either("two blanks before the version", get(target=b"/livez "), 200, 400)
    yield refused("a tab before the target", b"GET\t/livez HTTP/1.1\r\nHost: shop\r\n\r\n", 400, 501)
    yield refused("a blank after the version", get(version=b"HTTP/1.1 "), 400, 505)
    for target in (b"/li vez", b"/livez\x00", b"/livez\x01", b"/livez\x7f", b"livez", b"?x", b""):
        yield refused(f"target {target!r}", get(target=target), 400, 404)
    for target in (
        b"/livez\xc3\xa9",
        b"/livez#x",
        b"//shop/livez",
        b"/a/../livez",
        b"/./livez",
        b"/%00",
        b"/%2e%2e/livez",
        b"/%",
        b"/%g1",
        b"\\livez",
        b"/" + b"a/" * 2_000,
        b"*",
    ):
        yield either(f"target {target[:20]!r}", get(target=target))
    yield refused("a target of 200 KB", get(target=b"/" + b"a" * 200_000), 400, 414, 431)
    yield either("a target in absolute form", get(target=b"http://shop/livez"))
    yield either("a target in absolute form, of another host", get(target=b"http://other/livez"))
    yield either("a target in absolute form, of another scheme", get(target=b"gopher://shop/livez"))
    yield refused("a target in authority form on GET", get(target=b"shop:443"), 400, 404)
    yield either("OPTIONS *", get(method=b"OPTIONS", target=b"*"))
    for method in (b"get", b"FOO", b"GE", b"GETT", b"G(T", b"G\x00T", b"\xff", b"A" * 100_000):
        yield refused(f"method {method[:10]!r}", get(method=method), 400, 405, 414, 431, 501)
    for method in (b"TRACE", b"PROPFIND", b"PURGE", b"SOURCE", b"M-SEARCH", b"LINK"):
        yield either(f"method {method.decode()}", get(method=method), 400, 404, 405, 501)


def sizes():
    yield refused("a value of 200 KB", get(b"X-A: " + b"b" * 200_000), 400, 431)
    yield refused("a name of 200 KB", get(b"X" * 200_000 + b": b"), 400, 431)
    yield refused("20,000 headers", get(*(b"X-%d: y" % number for number in range(20_000))), 400, 431)
    yield either("1,000 headers", get(*(b"X-%d: y" % number for number in range(1_000))), 200, 400, 431)
    yield either("1,000 headers of one name", get(*(b"X-A: y" for _ in range(1_000))), 200, 400, 431)
    yield either("1,000 empty lines before the request", b"\r\n" * 1_000 + get(), 200, 400)


def protocols():
    """What asks for another protocol: it is ignored, or the connection closes; never two answers."""
    h2c = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
    for name, headers in {
        "h2c": h2c,
        "websocket": (
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            b"Sec-WebSocket-Version: 13",
        ),
        "TLS": (b"Connection: keep-alive, Upgrade", b"Upgrade: TLS/1.2"),
        "an unknown protocol": (b"Connection: Upgrade", b"Upgrade: foo/1"),
        "nothing": (b"Connection: Upgrade",),
        "a protocol without Connection": (b"Upgrade: websocket",),
    }.items():
        yield either(f"upgrade to {name}", get(*headers), 200, 400, 426)
        yield either(f"upgrade to {name}, with a body", post(*headers, b"Content-Length: 2", body=b"{}"))
    yield refused("CONNECT", b"CONNECT shop:443 HTTP/1.1\r\nHost: shop:443\r\n\r\n", 400, 404, 405, 501)
    yield refused("CONNECT to a path", b"CONNECT /livez HTTP/1.1\r\nHost: shop\r\n\r\n", 400, 404, 405, 501)
    yield refused(
        "the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), 400, 505, may_be_silent=True
    )
    yield refused("a greeting of TLS", bytes.fromhex("16030100a5010000a10303") + bytes(158), may_be_silent=True)
    yield refused("a banner of SSH", b"SSH-2.0-OpenSSH_9.2\r\n", may_be_silent=True)
    yield refused("NULs", bytes(1_000), may_be_silent=True)
    yield either("Expect of something else", get(b"Expect: 200-maybe"), 200, 400, 417)


def connections():
    yield answered("HTTP/1.0 with keep-alive", get(b"Connection: keep-alive", version=b"HTTP/1.0"))
    yield Case("HTTP/1.0", get(version=b"HTTP/1.0"), frozenset({200}), "closed")
    yield Case("Connection: close in another spelling", get(b"Connection: x, CLOSE"), frozenset({200}), "closed")
    yield either("Connection: close and keep-alive", get(b"Connection: close, keep-alive"), 200, 400)
    yield answered("HEAD", get(method=b"HEAD"))


def all_cases():
    parts = (hosts, lengths, encodings, chunks, lines, request_lines, sizes, protocols, connections)
    return [case for part in parts for case in part()]
