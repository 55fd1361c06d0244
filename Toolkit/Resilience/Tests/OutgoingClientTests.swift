import MartletCore
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletResilience

@Suite("Outgoing client")
struct OutgoingClientTests {
    private static let body = Array("x".utf8)

    private func client(
        _ web: FakeOutgoing,
        time: ManualTime = ManualTime(),
        _ change: (inout OutgoingPolicy) -> Void = { _ in }
    ) -> OutgoingClient {
        var policy = OutgoingPolicy()
        policy.retry = RetryRule(attemptsLimit: 3, base: .microseconds(1), cap: .seconds(1))
        change(&policy)
        return OutgoingClient(over: web, policy: policy, runtime: Runtime(time: time, seed: 1))
    }

    /// Answers with these statuses, in order; the last one repeats.
    private func web(_ statuses: [Int], hosts: [String: [String]] = [:]) -> FakeOutgoing {
        let count = Mutex(0)
        return FakeOutgoing(hosts: hosts) { _, _ in
            let index = count.withLock { count in
                defer { count += 1 }
                return count
            }
            return OutgoingResponse(status: statuses[min(index, statuses.count - 1)])
        }
    }

    private func hook(_ url: String, isRepeatable: Bool = true) throws -> OutgoingRequest {
        OutgoingRequest("POST", try #require(OutgoingURL(fromData: url)), body: Self.body, isRepeatable: isRepeatable)
    }

    private func configured(_ url: String, isRepeatable: Bool = true) throws -> OutgoingRequest {
        OutgoingRequest("POST", try #require(OutgoingURL(configured: url)), body: Self.body, isRepeatable: isRepeatable)
    }

    @Test("a URL from data: the request goes to the address that was judged")
    func pinned() async throws {
        let web = web([204], hosts: ["hooks.example": ["192.0.32.8", "2600::1"]])
        #expect(try await client(web).send(hook("https://hooks.example/a"), until: nil).status == 204)
        #expect(web.sent.map(\.address) == ["192.0.32.8"])
        #expect(try await client(web).send(hook("https://[2600::2]/a"), until: nil).status == 204)
        #expect(web.sent.last?.address == "2600::2")
    }

    @Test(
        "a URL from data: nothing is sent to an address that is not public",
        arguments: [
            "127.0.0.1", "10.1.2.3", "169.254.169.254", "172.31.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255", "::1", "::", "::ffff:10.0.0.1", "fe80::1", "fd00::1", "64:ff9b::a00:1", "2002:a00:1::",
            "2001::1", "fe80::1%eth0", "localhost", "",
        ]
    )
    func privateAddress(_ address: String) async throws {
        let web = web([200], hosts: ["hooks.example": ["192.0.32.8", address], "2130706433": ["127.0.0.1"]])
        for url in ["http://hooks.example/", "http://2130706433/"] {
            let fault = try await #require(throws: Fault.self) { try await client(web).send(hook(url), until: nil) }
            #expect(fault.reason == OutgoingClient.forbiddenAddress)
            #expect(fault.outcome == .refused)
        }
        #expect(web.sent.isEmpty)
    }

    @Test("a host of data is judged again for each attempt")
    func judgedAgain() async throws {
        let web = RebindingWeb()
        let client = OutgoingClient(over: web, policy: OutgoingPolicy(), runtime: Runtime(time: ManualTime(), seed: 1))
        #expect(try await client.send(hook("http://hooks.example/"), until: nil).status == 200)
        let fault = try await #require(throws: Fault.self) {
            try await client.send(hook("http://hooks.example/"), until: nil)
        }
        #expect(fault.reason == OutgoingClient.forbiddenAddress)
    }

    @Test("a configured peer is reached as configured, also at a private address")
    func configuredPeer() async throws {
        let web = web([200])
        #expect(try await client(web).send(configured("http://127.0.0.1:9000/x"), until: nil).status == 200)
        #expect(web.sent.map(\.address) == [nil])
    }

    @Test("a redirect is returned, not followed")
    func redirect() async throws {
        let web = FakeOutgoing(hosts: ["hooks.example": ["192.0.32.8"]]) { _, _ in
            OutgoingResponse(status: 302, headers: [OutgoingHeader("Location", "http://10.0.0.1/")])
        }
        let response = try await client(web).send(hook("http://hooks.example/"), until: nil)
        #expect(response.header("location") == "http://10.0.0.1/")
        #expect(web.sent.count == 1)
    }

    @Test("a failed request is repeated only if that is safe")
    func repeats() async throws {
        let failing = web([503, 503, 200])
        let other = web([503])
        #expect(try await client(other).send(configured("http://a/", isRepeatable: false), until: nil).status == 503)
        #expect(other.sent.count == 1)
        let time = ManualTime()
        // The test advances the clock faster than a slow machine runs the client.
        let patient = client(failing, time: time) { $0.timeout = .seconds(1_000_000) }
        let request = try configured("http://a/")
        let spans = RecordedSpans(runtime: Runtime(time: time, seed: 2))
        async let response = spans.within { try await patient.send(request, until: nil) }
        while failing.sent.count < 3, !Task.isCancelled {
            time.advance(by: .milliseconds(10))
            await Task.yield()
        }
        #expect(try await response.status == 200)
        #expect(spans.take().map { $0.text(.attempts) } == ["3"])
    }

    @Test(
        "a recorded request has a span; a configured peer gets its place in the trace, a host from data nothing of it"
    )
    func span() async throws {
        let time = ManualTime()
        let spans = RecordedSpans(runtime: Runtime(time: time, seed: 2))
        let web = web([204, 204, 404], hosts: ["hooks.example": ["192.0.32.8"]])
        let client = client(web, time: time)
        for request in try [
            configured("http://peer/x"), hook("http://hooks.example/secret"), configured("http://peer/y"),
        ] {
            _ = try await spans.within { try await client.send(request, until: nil) }
        }
        let ended = spans.take()
        #expect(ended.map(\.name) == ["POST", "POST", "POST"])
        #expect(ended.allSatisfy { $0.kind == .client && $0.parent == spans.caller.spanBits })
        #expect(ended.map { $0.text(.serverAddress) } == ["peer", nil, "peer"])
        #expect(ended.map { $0.text(.httpResponseStatusCode) } == ["204", "204", "404"])
        #expect(ended.map(\.isFailed) == [false, false, true])
        let sent = web.sent.map { $0.request.headers.filter { $0.name == "traceparent" }.map(\.value) }
        #expect(sent == [[ended[0].trace.traceparent], [], [ended[2].trace.traceparent]])

        _ = try await client.send(configured("http://peer/x"), until: nil)
        #expect(web.sent.last?.request.headers.isEmpty == true)
        #expect(spans.take().isEmpty)
    }

    @Test("an open circuit of a configured peer refuses, and other peers are called")
    func circuit() async throws {
        let web = web([500])
        let client = client(web) { $0.failuresLimit = 2 }
        for _ in 1...2 { #expect(try await client.send(configured("http://a/"), until: nil).status == 500) }
        let fault = try await #require(throws: Fault.self) {
            try await client.send(configured("http://a/"), until: nil)
        }
        #expect(fault.reason == .circuitOpen)
        #expect(web.sent.count == 2)
        #expect(try await client.send(configured("http://b/"), until: nil).status == 500)
    }

    @Test("a request and a response at their limits are accepted, one byte more is refused")
    func limits() async throws {
        let web = FakeOutgoing(hosts: [:]) { request, _ in OutgoingResponse(status: 200, body: request.body + [1]) }
        let client = client(web) { ($0.requestBytesMax, $0.responseBytesMax) = (3, 3) }
        var request = try configured("http://a/")
        request.body = [1, 2]
        #expect(try await client.send(request, until: nil).body.count == 3)
        request.body = [1, 2, 3]
        let long = try await #require(throws: Fault.self) { try await client.send(request, until: nil) }
        #expect(long.reason == OutgoingClient.responseTooLarge)
        #expect(long.outcome == .unknown)
        request.body = [1, 2, 3, 4]
        let refused = try await #require(throws: Fault.self) { try await client.send(request, until: nil) }
        #expect(refused.code == .invalidArgument)
    }

    @Test(
        "a header that could end the request's head, or that the client sets itself, is refused",
        arguments: [
            ("a", "b\r\nc: d"), ("a b", "c"), ("", "c"), ("Host", "other"), ("Content-Length", "0"), ("a", "é"),
        ]
    )
    func headers(_ name: String, _ value: String) async throws {
        let web = web([200])
        var request = try configured("http://a/")
        request.headers = [OutgoingHeader(name, value)]
        let fault = try await #require(throws: Fault.self) { try await client(web).send(request, until: nil) }
        #expect(fault.code == .invalidArgument)
        #expect(web.sent.isEmpty)
    }

    @Test("a deadline that has passed: nothing is sent")
    func deadline() async throws {
        let (web, time) = (web([200]), ManualTime())
        let client = OutgoingClient(over: web, policy: OutgoingPolicy(), runtime: Runtime(time: time, seed: 1))
        let fault = try await #require(throws: Fault.self) {
            try await client.send(configured("http://a/"), until: time.now)
        }
        #expect(fault.code == .deadlineExceeded)
        #expect(web.sent.isEmpty)
    }
}

/// A web whose name leads to a public address first, and to a private one then.
private final class RebindingWeb: OutgoingTransport {
    private let asked = Mutex(0)

    func addresses(of host: String) async throws -> [String] {
        asked.withLock { asked in
            asked += 1
            return asked == 1 ? ["192.0.32.8"] : ["10.0.0.1"]
        }
    }

    func send(
        _ request: OutgoingRequest,
        to address: String?,
        timeout: Duration,
        responseBytesMax: Int
    ) async throws -> OutgoingResponse {
        OutgoingResponse(status: 200)
    }
}

@Suite("Outgoing URL")
struct OutgoingURLTests {
    @Test(
        "is written again from its parts",
        arguments: [
            ("HTTPS://Hooks.Example/A?b=%20", "https://hooks.example:443/A?b=%20"), ("http://a", "http://a:80/"),
            ("http://a:8080?x", "http://a:8080/?x"), ("http://[2600::1]:1/", "http://[2600::1]:1/"),
        ]
    )
    func parts(_ text: String, _ expected: String) {
        #expect(OutgoingURL(fromData: text)?.description == expected)
    }

    @Test(
        "of another form is refused",
        arguments: [
            "", "a", "ftp://a/", "http://", "http:///x", "http://u@a/", "http://a b/", "http://a:/", "http://a:0/",
            "http://a:65536/", "http://a:1:2/", "http://a/#f", "http://a\\b/", "http://é/", "http://[1.2.3.4]/",
            "http://[::1/", "http://a_b/",
        ]
    )
    func refused(_ text: String) {
        #expect(OutgoingURL(fromData: text) == nil)
        #expect(OutgoingURL(configured: text) == nil)
    }

    @Test("of the longest length is accepted, and one byte more is refused")
    func length() {
        let text = "http://a/" + String(repeating: "x", count: OutgoingURL.bytesMax - 9)
        #expect(OutgoingURL(fromData: text) != nil)
        #expect(OutgoingURL(fromData: text + "x") == nil)
    }

    @Test("the list of special networks can be read")
    func networks() { #expect(PublicAddresses.isComplete) }
}
