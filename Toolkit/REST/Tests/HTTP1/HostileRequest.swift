import Testing

/// Bytes that violate HTTP/1.1, or ask for more than a listener does, and the status of the one response to them.
struct HostileRequest: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let status: Int

    var testDescription: String { name }

    init(_ name: String, _ text: String, status: Int = 400) {
        self.name = name
        self.text = text
        self.status = status
    }

    /// A request with a body, to a path that reads it.
    private static func put(_ fields: String, _ body: String) -> String {
        "PUT /v1/parcels/p1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\(fields)\r\n\r\n\(body)"
    }

    /// A request with chunks, to a path that does not read them.
    private static func chunked(_ body: String) -> String {
        "PUT /v1/nothing HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\(body)"
    }

    static let all: [HostileRequest] = [
        HostileRequest("no Host", "GET /livez HTTP/1.1\r\n\r\n"),
        HostileRequest("two Hosts", "GET /livez HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"),
        HostileRequest("an empty Host", "GET /livez HTTP/1.1\r\nHost: \r\n\r\n"),
        HostileRequest("a Host with a blank", "GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n"),
        HostileRequest("a Host with a user", "GET /livez HTTP/1.1\r\nHost: a@b\r\n\r\n"),
        HostileRequest("a port that is too high", "GET /livez HTTP/1.1\r\nHost: a:65536\r\n\r\n"),
        HostileRequest("HTTP/2.0", "GET /livez HTTP/2.0\r\nHost: h\r\n\r\n"),
        HostileRequest("HTTP/1.2", "GET /livez HTTP/1.2\r\nHost: h\r\n\r\n"),
        HostileRequest("RTSP", "OPTIONS /livez RTSP/1.0\r\nHost: h\r\n\r\n"),
        HostileRequest("ICE", "SOURCE /livez ICE/1.0\r\nHost: h\r\n\r\n"),
        HostileRequest("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        HostileRequest("the first bytes of TLS", "\u{16}\u{3}\u{1}\u{2}\0"),
        HostileRequest("no version", "GET /livez\r\n\r\n"),
        HostileRequest("two spaces", "GET  /livez HTTP/1.1\r\nHost: h\r\n\r\n"),
        HostileRequest("an unknown method", "FOO /livez HTTP/1.1\r\nHost: h\r\n\r\n"),
        HostileRequest("CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\nmore", status: 501),
        HostileRequest("lines that end with LF", "GET /livez HTTP/1.1\nHost: h\n\n"),
        HostileRequest("a bare CR", "GET /livez HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"),
        HostileRequest("a folded field", "GET /livez HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"),
        HostileRequest("a space before the colon", "GET /livez HTTP/1.1\r\nHost: h\r\nX : a\r\n\r\n"),
        HostileRequest("a NUL", "GET /livez HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"),
        HostileRequest("a field without a name", "GET /livez HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n"),
        HostileRequest(
            "a long field",
            "GET / HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "a", count: 65_536))\r\n\r\n",
            status: 431
        ),
        HostileRequest(
            "many fields",
            "GET / HTTP/1.1\r\nHost: h\r\n\(String(repeating: "X: a\r\n", count: 100))\r\n",
            status: 431
        ),
        HostileRequest("two lengths", put("Content-Length: 2\r\nContent-Length: 3", "{}")),
        HostileRequest("equal lengths", put("Content-Length: 2\r\nContent-Length: 2", "{}")),
        HostileRequest("a length with a sign", put("Content-Length: +2", "{}")),
        HostileRequest("a length of 2^63", put("Content-Length: 9223372036854775808", ""), status: 413),
        HostileRequest("a length of 2^64", put("Content-Length: 18446744073709551616", ""), status: 413),
        HostileRequest("a length and chunks", put("Content-Length: 2\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
        HostileRequest("xchunked", put("Transfer-Encoding: xchunked", "0\r\n\r\n")),
        HostileRequest("gzip, chunked", put("Transfer-Encoding: gzip, chunked", "0\r\n\r\n")),
        HostileRequest(
            "chunks in HTTP/1.0",
            "PUT /v1/parcels/p1 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        HostileRequest("a chunk without a size", put("Transfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n")),
        HostileRequest("a chunk without an end", put("Transfer-Encoding: chunked", "2\r\n{}0\r\n\r\n")),
        HostileRequest(
            "long chunk extensions",
            put("Transfer-Encoding: chunked", "2;\(String(repeating: "a", count: 8_192))\r\n{}\r\n0\r\n\r\n")
        ),
        HostileRequest("a broken chunk that is not read", chunked("zz\r\n"), status: 404),
        HostileRequest("a broken chunk after one that is not read", chunked("2\r\n{}\r\nzz\r\n"), status: 404),
    ]
}
