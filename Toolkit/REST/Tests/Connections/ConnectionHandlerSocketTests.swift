import Foundation
import FoundationEssentials
import HTTPTypes
import Logging
import MartletContract
import MartletCore
import MartletHTTP
import MartletREST
import MartletTestContract
import MartletTesting
import NIOCore
import Testing

@Suite("HTTP/1 protocol rules", .timeLimit(.minutes(HangLimit.testMinutes)))
struct ConnectionHandlerSocketTests {
    static let limits = ConnectionLimits.hang(drainBytesMax: 100_000)
    static let livez = "GET /livez HTTP/1.1\r\nHost: h\r\n"
    static let put = "PUT /v1/parcels/p1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    static let good = #"{"items":[{"name":"cup","quantity":1}]}"#

    @Test("the connection closes after a request declared as the last, in any spelling")
    func closes() async throws {
        let spellings = [
            "GET /livez HTTP/1.0\r\n\r\n", Self.livez + "Connection: Close\r\n\r\n",
            Self.livez + "Connection: x, close\r\n\r\n",
        ]
        for request in spellings {
            let answer = try await exchange([request])
            #expect(answer.contains(" 200 OK\r\n"), "\(request)")
            #expect(answer.lowercased().contains("\r\nconnection: close\r\n"), "\(request)")
        }
    }

    @Test("HTTP/1.0 keep-alive: the connection stays open, and the response declares it")
    func keepAlive() async throws {
        let answer = try await exchange([
            "GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", Self.livez + "Connection: close\r\n\r\n",
        ])
        #expect(answer.lowercased().contains("\r\nconnection: keep-alive\r\n"))
        #expect(answer.components(separatedBy: " 200 OK\r\n").count == 3)
    }

    @Test("Expect: 100-continue gets 100 Continue")
    func sendsContinue() async throws {
        let answer = try await exchange([
            Self.put + "Expect: 100-continue\r\nConnection: close\r\nContent-Length: \(Self.good.utf8.count)\r\n\r\n",
            Self.good,
        ])
        #expect(answer.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"))
    }

    @Test("Expect: 100-continue with a body that is too long: refused without 100 Continue, and closed")
    func refuses() async throws {
        let answer = try await exchange([Self.put + "Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n"])
        #expect(answer.hasPrefix("HTTP/1.1 413 "))
        #expect(answer.lowercased().contains("\r\nconnection: close\r\n"))
    }

    @Test("lingering close: the response arrives although the peer is still sending")
    func lingeringClose() async throws {
        let request = Self.put + "Content-Length: 200000\r\n\r\n" + String(repeating: " ", count: 80_000)
        let answer = try await exchange([request])
        #expect(answer.hasPrefix("HTTP/1.1 413 "))
        #expect(answer.hasSuffix("}"))
    }

    @Test("HEAD gets no body, so that the next response can be parsed")
    func head() async throws {
        let answer = try await exchange([
            "HEAD /v1/nothing HTTP/1.1\r\nHost: h\r\n\r\n" + Self.livez + "Connection: close\r\n\r\n"
        ])
        let parts = answer.components(separatedBy: "\r\n\r\n")
        #expect(parts[0].hasPrefix("HTTP/1.1 404 "))
        #expect(parts[1].hasPrefix("HTTP/1.1 200 "))
    }

    @Test("pipelined requests get responses in order, and none after the last request")
    func pipelined() async throws {
        let requests = ["one", "two", "three"].map { id in
            "GET /v1/nothing HTTP/1.1\r\nHost: h\r\nX-Request-Id: \(id)\r\n"
                + (id == "two" ? "Connection: close\r\n" : "")
                + "\r\n"
        }
        let answer = try await exchange([requests.joined()])
        let ids = answer.components(separatedBy: "\r\n").filter { $0.lowercased().hasPrefix("x-request-id: ") }
        #expect(ids.map { $0.dropFirst(14) } == ["one", "two"])
    }

    @Test("a real connection stays usable after a body that is too large")
    func drainsBody() async throws {
        let answer = try await exchange(
            [
                Self.put + "Content-Length: 200000\r\n\r\n", String(repeating: " ", count: 200_000),
                Self.put + "Connection: close\r\nContent-Length: \(Self.good.utf8.count)\r\n\r\n", Self.good,
            ],
            limits: ConnectionLimits.hang(drainBytesMax: 200_000)
        )
        #expect(answer.hasPrefix("HTTP/1.1 413 "))
        #expect(answer.components(separatedBy: "HTTP/1.1 200 OK\r\n").count == 2)
    }

    /// Sends `pieces` over a connection and returns everything received until the server closes.
    private func exchange(
        _ pieces: [String],
        limits: ConnectionLimits = ConnectionHandlerSocketTests.limits
    ) async throws -> String {
        var responder = try RESTResponder(
            contracts: [.parcel(ParcelHandler(time: ManualTime()), on: NoPlatform())],
            authenticate: { _, _ in Principal(user: "anna", scopes: ["parcels:write", "parcels:read"]) },
            limits: RESTLimits(bodyBytesMax: 1_000, timeout: HangLimit.wait, timeoutMax: HangLimit.wait),
            runtime: Runtime(time: SystemTime(), seed: 1),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        responder.add("/livez") { _ in ServerResponse(status: .ok, body: ResponseBody("yes".utf8))
        }
        let server = RESTServer(
            host: "127.0.0.1",
            port: 0,
            limits: limits,
            budget: ListenerBudget(ListenerLimits(descriptors: 4_096)),
            time: SystemTime(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            respond: { [responder] request, connection in await responder.answer(request, on: connection) }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            return try await RawConnection.exchange(pieces, with: try await server.boundPort())
        }
    }
}
