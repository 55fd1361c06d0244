import HTTPTypes
import Logging
import MartletContract
import MartletCore
import MartletHTTP
import MartletTestContract
import MartletTesting
import NIOCore
import Testing

@testable import MartletREST

@Suite("Clients that do not end their body", .timeLimit(.minutes(HangLimit.testMinutes)))
struct HeldBodySocketTests {
    /// A body has 100 bytes, of which 50 arrive.
    static let head = RESTBudgetSocketTests.put + "Content-Length: 100\r\n\r\n"
    static let half = String(repeating: " ", count: 50)

    let time = ManualTime()
    let budget: ListenerBudget

    init() {
        var limits = ListenerLimits(connectionsMax: 8, healthConnectionsMax: 1, closingConnectionsMax: 1)
        // A whole request of 39 bytes and its response of 24 have space, but not beside a half.
        limits.bytesMax = 80
        limits.untrustedBytesMax = 80
        limits.connection = ByteAccount.Limits(bytesMax: 10_000, untrustedBytesMax: 10_000, freeBytes: 0)
        budget = ListenerBudget(limits)
    }

    /// Runs `body` with the port of a server, while a client has sent half of its body; returns what the client gets.
    private func held(_ body: (Int) async throws -> Void) async throws -> String? {
        let responder = try RESTResponder(
            contracts: [.parcel(ParcelHandler(time: time), on: NoPlatform())],
            authenticate: { _, _ in Principal(user: "anna", scopes: ["parcels:write", "parcels:read"]) },
            limits: RESTLimits(bodyBytesMax: 1_000, timeout: .seconds(10), timeoutMax: .seconds(60)),
            runtime: Runtime(time: time, seed: 1),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let server = RESTServer(
            host: "127.0.0.1",
            port: 0,
            limits: ConnectionLimits.hang(drainBytesMax: 1_000),
            budget: budget,
            time: time,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            respond: { request, connection in await responder.answer(request, on: connection) }
        )
        return try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask {
                try await server.run()
                return nil
            }
            defer { group.cancelAll() }
            let port = try await server.boundPort()
            group.addTask { try await RawConnection.exchange([Self.head, Self.half], with: port) }
            while budget.bytes.held < 50 { await Task.yield() }
            try await body(port)
            return try await group.next() ?? nil
        }
    }

    @Test("get 504 at the timeout of the request, and their bytes are released")
    func timeout() async throws {
        let answer = try await held { _ in
            await time.waitForSleepers(1)
            time.advance(by: .seconds(10))
        }
        #expect(answer?.hasPrefix("HTTP/1.1 504 ") == true)
        #expect(budget.bytes.held == 0)
    }

    @Test("are closed when another request needs their bytes")
    func givesWay() async throws {
        let answer = try await held { port in
            let good = RESTBudgetSocketTests.good
            let whole =
                RESTBudgetSocketTests.put + "Connection: close\r\nContent-Length: \(good.utf8.count)\r\n\r\n" + good
            let refused = try await RawConnection.exchange([whole], with: port)
            #expect(refused.hasPrefix("HTTP/1.1 503 "))
            time.advance(by: budget.limits.stallTime)
            let accepted = try await RawConnection.exchange([whole], with: port)
            #expect(accepted.hasPrefix("HTTP/1.1 200 "))
        }
        #expect(answer == "")
    }
}
