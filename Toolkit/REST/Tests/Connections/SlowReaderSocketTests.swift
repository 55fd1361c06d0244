import HTTPTypes
import Logging
import MartletCore
import MartletHTTP
import MartletTesting
import NIOCore
import Testing

@testable import MartletREST

@Suite("Clients that read slowly", .timeLimit(.minutes(HangLimit.testMinutes)))
struct SlowReaderSocketTests {
    /// More than the buffers of both systems take.
    static let bytes = 8 << 20
    static let get = "GET / HTTP/1.1\r\nHost: h\r\n"

    let time = ManualTime()
    let budget: ListenerBudget

    init() { budget = ListenerBudget(Self.limits(connectionsMax: 1)) }

    private static func limits(connectionsMax: Int) -> ListenerLimits {
        var limits = ListenerLimits(
            connectionsMax: connectionsMax,
            healthConnectionsMax: 16,
            closingConnectionsMax: 64
        )
        limits.connection = ByteAccount.Limits(bytesMax: 16 << 20, untrustedBytesMax: 16 << 20, freeBytes: 0)
        return limits
    }

    /// Runs `body` with the port of a server whose responses are long, but for `/short` and without space.
    private func serving<R: Sendable>(
        within other: ListenerBudget? = nil,
        linger: Duration = HangLimit.wait,
        sendTimeout: Duration = HangLimit.wait,
        _ body: (Int) async throws -> R
    ) async throws -> R {
        var limits = ConnectionLimits(idle: HangLimit.wait, drainBytesMax: 1_000, linger: linger)
        limits.sendTimeout = sendTimeout
        let server = RESTServer(
            host: "127.0.0.1",
            port: 0,
            limits: limits,
            budget: other ?? budget,
            time: time,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            respond: { request, connection in
                if request.path == "/short" { return Self.text(connection.isReserved ? "reserved" : "ordinary") }
                guard connection.setResponse(Self.bytes) else { return Self.text("no space") }
                return Self.text(String(repeating: "x", count: Self.bytes))
            }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            return try await body(try await server.boundPort())
        }
    }

    private static func text(_ text: String) -> ServerResponse {
        ServerResponse(status: .ok, body: ResponseBody(text.utf8))
    }

    /// Waits until the response is written.
    private func written() async {
        while budget.bytes.held == 0 { await Task.yield() }
    }

    @Test("one that takes nothing is cut off after the timeout, and its bytes are released")
    func stalled() async throws {
        let received = try await serving(sendTimeout: .milliseconds(60)) { port in
            try await RawConnection.reluctant(Self.get + "\r\n", with: port) {
                await written()
                while budget.connections > 0 {
                    time.advance(by: .milliseconds(10))
                    await Task.yield()
                }
                while budget.bytes.held > 0 { await Task.yield() }
            }
        }
        #expect(received < Self.bytes)
    }

    @Test("one that takes its time gets everything, when the connection closes after it and when the client has closed")
    func complete() async throws {
        for (header, halfCloses) in [("Connection: close\r\n", false), ("", true), ("Connection: close\r\n", true)] {
            let received = try await serving(linger: .milliseconds(1)) { port in
                try await RawConnection.reluctant(Self.get + header + "\r\n", halfCloses: halfCloses, with: port) {
                    await written()
                }
            }
            #expect(received > Self.bytes, "\(header) \(halfCloses)")
            while budget.connections > 0 { await Task.yield() }
            #expect(budget.bytes.held == 0)
        }
    }

    @Test("a connection whose client takes bytes is not closed for another one")
    func sending() async throws {
        let received = try await serving { port in
            try await RawConnection.reluctant(Self.get + "Connection: close\r\n\r\n", with: port) {
                await written()
                let second = try await short(port)
                #expect(second.hasSuffix("\r\n\r\nreserved"))
            }
        }
        #expect(received > Self.bytes)
    }

    @Test("a connection whose client has stopped taking bytes is closed for another one")
    func paused() async throws {
        let received = try await serving(sendTimeout: .milliseconds(60)) { port in
            try await RawConnection.reluctant(Self.get + "\r\n", with: port) {
                await written()
                while try await !short(port).hasSuffix("\r\n\r\nordinary") {}
                // What the systems still moved may count as taken: then the connection closes after its timeout.
                while budget.connections > 0 {
                    time.advance(by: .milliseconds(10))
                    await Task.yield()
                }
            }
        }
        #expect(received < Self.bytes)
    }

    @Test("one that takes nothing closes when another one needs its bytes")
    func givesWay() async throws {
        var limits = Self.limits(connectionsMax: 4)
        // One response has space, two have not.
        limits.untrustedBytesMax = Self.bytes / 2 * 3
        let budget = ListenerBudget(limits)
        let get = Self.get + "Connection: close\r\n\r\n"
        let received = try await serving(within: budget, linger: .milliseconds(1), sendTimeout: .seconds(86_400)) {
            port in
            try await RawConnection.reluctant(get, with: port) {
                while budget.bytes.held == 0 { await Task.yield() }
                var second = ""
                // Until the client is seen to have stopped.
                for _ in 0..<20 where second.utf8.count <= Self.bytes {
                    time.advance(by: budget.limits.stallTime)
                    second = try await RawConnection.exchange([get], with: port)
                }
                #expect(second.utf8.count > Self.bytes)
            }
        }
        #expect(received < Self.bytes)
        while budget.connections > 0 { await Task.yield() }
        #expect(budget.bytes.held == 0)
    }

    @Test("one that takes nothing gets one response at a time, whatever it sends, and all when it takes them")
    func pipelined() async throws {
        let requests = 4
        let first = String(repeating: Self.get + "\r\n", count: requests - 1)
        let pipelined = first + Self.get + "Connection: close\r\n\r\n"
        let received = try await serving { port in
            try await RawConnection.reluctant(pipelined, with: port) {
                await written()
                for _ in 0..<1_000 {
                    await Task.yield()
                    #expect(budget.bytes.held <= Self.bytes)
                }
            }
        }
        #expect(received > requests * Self.bytes)
    }

    private func short(_ port: Int) async throws -> String {
        try await RawConnection.exchange(["GET /short HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"], with: port)
    }
}
