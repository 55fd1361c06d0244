import HTTPTypes
import HummingbirdCore
import Logging
import MartletContract
import MartletCore
import MartletTestContract
import MartletTesting
import NIOCore
import Testing

@testable import MartletREST

@Suite("Clients that do not end their body", .timeLimit(.minutes(HangLimit.testMinutes)))
struct HeldBodySocketTests {
    let time = ManualTime()
    let budget: ListenerBudget

    init() {
        var limits = ListenerLimits(connectionsMax: 1, healthConnectionsMax: 1, closingConnectionsMax: 1)
        limits.connection = ByteAccount.Limits(bytesMax: 10_000, untrustedBytesMax: 10_000, freeBytes: 0)
        budget = ListenerBudget(limits)
    }

    @Test("get 504 at the timeout of the request, and their bytes are released")
    func timeout() async throws {
        let responder = try RESTResponder(
            contracts: [.parcel(ParcelHandler(time: time), on: NoPlatform())],
            authenticate: { _ in Principal(kind: .user, id: "anna", scopes: ["parcels:write", "parcels:read"]) },
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
        let head =
            "PUT /v1/parcels/p1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        let answer = try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask {
                try await server.run()
                return nil
            }
            defer { group.cancelAll() }
            let port = try await server.boundPort()
            group.addTask { try await RawConnection.exchange([head, String(repeating: " ", count: 50)], with: port) }
            while budget.bytes.held < 50 { await Task.yield() }
            await time.waitForSleepers(1)
            time.advance(by: .seconds(10))
            return try await group.next() ?? nil
        }
        #expect(answer?.hasPrefix("HTTP/1.1 504 ") == true)
        #expect(budget.bytes.held == 0)
    }
}
