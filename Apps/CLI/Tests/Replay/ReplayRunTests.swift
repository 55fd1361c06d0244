import ArgumentParser
import Foundation
import MartletCore
import Testing

@testable import CLI

/// A shop of one function: takes every order at once, and refuses those that it is told to.
private struct OneFunctionShop: Sendable {
    /// Reason by the refused request's key.
    let refusals: [String: String]

    var client: ShopClient {
        ShopClient(
            exchange: { [refusals] request in
                let key = request.key ?? ""
                if let reason = refusals[key] {
                    return .init(status: 422, body: Array(#"{"reason":"\#(reason)","detail":"no"}"#.utf8))
                }
                let answer =
                    request.path.contains("/returns/")
                    ? #"{"refund":{"currency":"GBP","minor_units":"100"}}"#
                    : #"{"order":{"order_id":"o-\#(key)","status":"ORDER_STATUS_COMPLETED"}}"#
                return .init(status: 200, body: Array(answer.utf8))
            },
            address: "http://shop.test",
            patience: .zero,
            time: SystemTime(),
            entropy: SystemEntropy()
        )
    }
}

// Serialized: the plans come from one file. Limited: a replay that hangs has failed.
@Suite("A replay's requests", .serialized, .timeLimit(.minutes(1)))
struct ReplayRunTests {
    private let plan: InvoicePlan
    private let tally = ReplayTally()

    init() throws {
        // A return waits for the second order, and another for that return.
        plan = try InvoicesFixture.plan([
            "536365,A,2,1.00,1", "536366,A,3,1.00,2", "C536367,A,-1,1.00,2", "C536368,A,-1,1.00,2",
        ])
    }

    private func run(refusing refusals: [String: String] = [:], concurrency: Int = 4) async throws {
        try await ReplayRun(
            plan: plan,
            shop: OneFunctionShop(refusals: refusals).client,
            concurrency: concurrency,
            tally: tally,
            time: SystemTime()
        ).run()
    }

    @Test("are sent each after those on which it stands", arguments: [1, 4])
    func sent(_ concurrency: Int) async throws {
        try await run(concurrency: concurrency)
        #expect(tally.counts.orders == 2)
        #expect(tally.counts.returns == 2)
    }

    @Test("end, when an order is refused for which a return waits, and the invoice is named", arguments: [1, 4])
    func refused(_ concurrency: Int) async throws {
        let failure = try await #require(throws: CommandFailure.self) {
            try await run(refusing: ["order-536366": "orders.limit"], concurrency: concurrency)
        }
        #expect(failure.description.hasPrefix("invoice 536366 was refused: POST /v1/orders:agreed: 422 orders.limit"))
        #expect(failure.status == ExitStatus.failed)
    }

    @Test("say that an invoice is in the shop with other contents, and what helps")
    func otherContents() async throws {
        let failure = try await #require(throws: CommandFailure.self) {
            try await run(refusing: ["order-536366": "idempotency.key_reused"])
        }
        #expect(failure.description.hasPrefix("invoice 536366 is in this shop with other contents"))
        #expect(failure.description.contains("--data"))
    }

    @Test("end, too, when a return is refused")
    func refusedReturn() async throws {
        let failure = try await #require(throws: CommandFailure.self) {
            try await run(refusing: ["return-C536367-536366": "orders.nothing_left"])
        }
        #expect(failure.description.hasPrefix("invoice C536367 was refused"))
    }
}
