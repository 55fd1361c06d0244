import ArgumentParser
import Console
import Foundation
import MartletCore
import MartletTesting
import Testing

@testable import Retail

/// A fake shop that completes every order immediately, except for configured refusals.
private struct FakeShopServer: Sendable {
    /// The reason, by the refused request's key.
    let refusals: [String: String]

    var client: ShopClient {
        ShopClient(
            exchange: { [refusals] request in
                let key = request.key ?? ""
                if let reason = refusals[key] {
                    return .init(status: 422, body: Array(#"{"reason":"\#(reason)","detail":"no"}"#.utf8))
                }
                let body =
                    request.path.contains("/returns/")
                    ? #"{"refund":{"currency":"GBP","minor_units":"100"}}"#
                    : #"{"order":{"order_id":"o-\#(key)","status":"ORDER_STATUS_COMPLETED"}}"#
                return .init(status: 200, body: Array(body.utf8))
            },
            address: "http://shop.test",
            retryTimeout: .zero,
            runtime: Runtime(time: ManualTime(), entropy: SystemEntropy())
        )
    }
}

// Serialized: the plans come from one file.
@Suite("Replay requests", .serialized, .timeLimit(.minutes(HangLimit.testMinutes)))
struct ReplayRunTests {
    private let plan: InvoicePlan
    private let tally = ReplayTally()

    init() throws {
        // One return depends on the second order, another on that return.
        plan = try InvoicesFixture.plan([
            "536365,A,2,1.00,1", "536366,A,3,1.00,2", "C536367,A,-1,1.00,2", "C536368,A,-1,1.00,2",
        ])
    }

    private func run(refusing refusals: [String: String] = [:], concurrency: Int = 4) async throws {
        try await ReplayRun(
            plan: plan,
            shop: FakeShopServer(refusals: refusals).client,
            concurrency: concurrency,
            tally: tally,
            time: ManualTime()
        ).run()
    }

    @Test("are each sent after those they depend on", arguments: [1, 4])
    func sent(_ concurrency: Int) async throws {
        try await run(concurrency: concurrency)
        #expect(tally.counts.orders == 2)
        #expect(tally.counts.returns == 2)
    }

    @Test("stop when an order is refused that a return waits for; the error names the invoice", arguments: [1, 4])
    func refused(_ concurrency: Int) async throws {
        let failure = try await #require(throws: CommandFailure.self) {
            try await run(refusing: ["order-536366": "orders.limit"], concurrency: concurrency)
        }
        #expect(failure.description.hasPrefix("invoice 536366 was refused: POST /v1/orders:agreed: 422 orders.limit"))
        #expect(failure.status == CommandStatus.failed)
    }

    @Test("a reused idempotency key: the error names the invoice and suggests another data folder")
    func otherContents() async throws {
        let failure = try await #require(throws: CommandFailure.self) {
            try await run(refusing: ["order-536366": "idempotency.key_reused"])
        }
        #expect(failure.description.hasPrefix("invoice 536366 is in this shop with other contents"))
        #expect(failure.description.contains("--data"))
    }

    @Test("stop when a return is refused")
    func refusedReturn() async throws {
        let failure = try await #require(throws: CommandFailure.self) {
            try await run(refusing: ["return-C536367-536366": "orders.nothing_left"])
        }
        #expect(failure.description.hasPrefix("invoice C536367 was refused"))
    }
}
