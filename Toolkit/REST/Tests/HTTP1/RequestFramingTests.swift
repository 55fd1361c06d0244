import Testing

@testable import MartletREST

@Suite("Framing of a request")
struct RequestFramingTests {
    private static func framing(_ head: String) throws(RequestRefusal) -> RequestFraming {
        try RequestFraming(Array("\(head)\r\n\r\n".utf8))
    }

    /// The part of a refused head that broke a rule.
    private static func refused(_ head: String) -> String? {
        do throws(RequestRefusal) { _ = try framing(head) } catch {
            switch error {
            case .malformed(let part, _): return part
            case .bodyTooLong: return "too long"
            case .unsupportedMethod: return "method"
            case .headTooLong, .tooManyFields, .tooSlow: return "\(error)"
            }
        }
        return nil
    }

    @Test(
        "the length of the body",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: h", .none), ("GET / HTTP/1.0", .none),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0", .none),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12", .length(12)),
            ("POST / HTTP/1.1\r\nHost: h\r\ncontent-length:\t007 ", .length(7)),
            ("POST / HTTP/1.0\r\nContent-Length: 9223372036854775807", .length(.max)),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked", .chunks),
        ] as [(String, RequestFraming.Body)]
    )
    func body(_ head: String, _ body: RequestFraming.Body) throws { #expect(try Self.framing(head).body == body) }

    @Test(
        "a length or an encoding with two readings is refused",
        arguments: [
            ("Content-Length: 1\r\nContent-Length: 2", "Content-Length"),
            ("Content-Length: 1\r\nContent-Length: 1", "Content-Length"), ("Content-Length: 1, 1", "Content-Length"),
            ("Content-Length: +1", "Content-Length"), ("Content-Length: -1", "Content-Length"),
            ("Content-Length: 0x1", "Content-Length"), ("Content-Length: 1 1", "Content-Length"),
            ("Content-Length: 1.0", "Content-Length"), ("Content-Length:", "Content-Length"),
            ("Content-Length: \u{661}", "Content-Length"), ("Content-Length: 9223372036854775808", "too long"),
            ("Content-Length: 18446744073709551616", "too long"),
            ("Content-Length: 1\r\nTransfer-Encoding: chunked", "Content-Length"),
            ("Transfer-Encoding: chunked\r\nContent-Length: 1", "Content-Length"),
            ("Transfer-Encoding: xchunked", "Transfer-Encoding"), ("Transfer-Encoding: identity", "Transfer-Encoding"),
            ("Transfer-Encoding:", "Transfer-Encoding"), ("Transfer-Encoding: chunked, chunked", "Transfer-Encoding"),
            ("Transfer-Encoding: gzip, chunked", "Transfer-Encoding"),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding"),
            ("Transfer-Encoding: chunked;a=b", "Transfer-Encoding"),
            ("Transfer-Encoding: chun\u{212A}ed", "Transfer-Encoding"),
        ]
    )
    func framing(_ fields: String, _ part: String) {
        #expect(Self.refused("POST / HTTP/1.1\r\nHost: h\r\n\(fields)") == part)
    }

    @Test("chunks do not exist in HTTP/1.0")
    func oldChunks() {
        #expect(Self.refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked") == "Transfer-Encoding")
        #expect(
            Self.refused("POST / HTTP/1.0\r\nContent-Length: 1\r\nTransfer-Encoding: chunked") == "Transfer-Encoding"
        )
    }

    @Test(
        "a field without a name, or with a space in front of the colon, is refused",
        arguments: ["X : y", "X\t: y", ": y", "X", "X y: z", "\u{e9}: y", "X(: y", "Host : h"]
    )
    func field(_ field: String) { #expect(Self.refused("GET / HTTP/1.1\r\nHost: h\r\n\(field)") == "head") }

    @Test("HTTP/1.1 needs Host once; HTTP/1.0 at most once")
    func host() {
        #expect(Self.refused("GET / HTTP/1.1") == "Host")
        #expect(Self.refused("GET / HTTP/1.1\r\nX-Host: h") == "Host")
        #expect(Self.refused("GET / HTTP/1.1\r\nHost: h\r\nhost: h") == "Host")
        #expect(Self.refused("GET / HTTP/1.1\r\nHost:") == "Host")
        #expect(Self.refused("GET / HTTP/1.1\r\nHOST: h") == nil)
        #expect(Self.refused("GET / HTTP/1.0") == nil)
        #expect(Self.refused("GET / HTTP/1.0\r\nHost: h\r\nHost: h") == "Host")
        #expect(Self.refused("GET / HTTP/1.0\r\nHost: h h") == "Host")
    }

    @Test(
        "a request line is refused",
        arguments: [
            "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET\t/ HTTP/1.1", "GET / a HTTP/1.1",
            "GET / HTTP/1.2", "GET / HTTP/2.0", "GET / HTTP/0.9", "GET / HTTP/1", "GET / HTTP/1.10", "GET / http/1.1",
            "OPTIONS / RTSP/1.0", "GET / ICE/1.0", "GET / SIP/2.0", "GET / HTTP/01.1", "PRI * HTTP/2.0",
            "GE(T / HTTP/1.1",
            "GET a HTTP/1.1", "GET * HTTP/1.1", "OPTIONS ** HTTP/1.1", "GET /#a HTTP/1.1", "GET /\u{e9} HTTP/1.1",
            "GET ftp://h/ HTTP/1.1", "GET http:// HTTP/1.1", "GET http:///a HTTP/1.1", "GET http://u@h/ HTTP/1.1",
            "GET http:/a HTTP/1.1", "GET h:80 HTTP/1.1", "",
        ]
    )
    func line(_ line: String) { #expect(Self.refused("\(line)\r\nHost: h") == "request line") }

    @Test(
        "a request line is accepted",
        arguments: [
            "GET / HTTP/1.1", "GET /a?b=c&d=\"{|}\" HTTP/1.1", "GET //a HTTP/1.1", "OPTIONS * HTTP/1.1",
            "GET http://h HTTP/1.1", "GET HTTPS://h:1/a?b HTTP/1.1", "GET http://[::1]?a HTTP/1.1",
            "M-SEARCH / HTTP/1.1",
        ]
    )
    func accepted(_ line: String) { #expect(Self.refused("\(line)\r\nHost: h") == nil) }

    @Test("CONNECT is refused")
    func connect() { #expect(Self.refused("CONNECT h:443 HTTP/1.1\r\nHost: h:443") == "method") }
}
