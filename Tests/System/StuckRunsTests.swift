import Foundation
import MartletSQL
import MartletTesting
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite(
    "Stuck runs",
    .enabled(if: Programs.areBuilt),
    .serialized,
    .sharedShop,
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct StuckRunsTests {
    let stocked: StockedShop
    let cli: OperatorCLI

    init() throws {
        stocked = try SharedShop.shop
        cli = OperatorCLI(folder: stocked.shop.folder)
    }

    @Test("an operator completes one run by a retry and undoes the other by compensation")
    func finishedByOperator() async throws {
        let provider = try stocked.shop.process(of: "testproviderd")
        // It neither responds nor exits: the outcome of each call is unknown.
        kill(provider, SIGSTOP)
        defer { kill(provider, SIGCONT) }
        let paid = try await placed("paid")
        let called = try await placed("called-off")
        try await requested([paid, called])
        try await hoursPass()
        let stuck = try await stocked.until("two runs that need a human") {
            // `ordersd` does not respond until it is restarted.
            let found: OperatorCLI.Runs? = try? cli.json(needsHuman + ["--service", "orders"])
            return found?.runs.count == 2 ? found?.runs : nil
        }
        kill(provider, SIGCONT)
        #expect(Set(stuck.map(\.id)) == ["checkout/\(paid)", "checkout/\(called)"])
        #expect(stuck.allSatisfy { $0.service == "orders" && $0.workflow == "checkout" && !$0.error.isEmpty })
        try listed(stuck[0].id)

        _ = try cli.text("workflows", "retry", "checkout/\(paid)", "--reason", "the provider is back")
        _ = try await stocked.order(paid, at: "ORDER_STATUS_COMPLETED")
        _ = try cli.text("workflows", "compensate", "checkout/\(called)", "--reason", "the customer called")
        _ = try await stocked.order(called, at: "ORDER_STATUS_REJECTED")
        try await ended(paid, called)
        try audited(paid, called)
    }

    @Test("retry and compensation of a completed or unknown run are refused")
    func refused() async throws {
        let id = try await placed("done")
        _ = try await stocked.order(id, at: "ORDER_STATUS_COMPLETED")
        try await stocked.until("the end of its run") { try journal(id).run.state == "completed" ? true : nil }
        let acts = try cli.json("audit", as: OperatorCLI.Audit.self).acts.count
        let reason = ["--reason", "to be sure"]
        for action in ["retry", "compensate"] {
            #expect(
                try cli.refusal(["workflows", action, "checkout/\(id)"] + reason)
                    == "Error: orders: the run is completed\n"
            )
            #expect(
                try cli.refusal(["workflows", action, "checkout/unknown"] + reason)
                    == "Error: there is no run named checkout/unknown\n"
            )
        }
        #expect(
            try cli.refusal("workflows", "show", "checkout/unknown")
                == "Error: there is no run named checkout/unknown\n"
        )
        #expect(try cli.json("audit", as: OperatorCLI.Audit.self).acts.count == acts, "a refusal is not audited")
    }

    // MARK: Steps

    private func placed(_ key: String) async throws -> String {
        let response = try await stocked.retried(.order(key: key))
        return try response.decoded(PlacedOrder.self).order.order_id
    }

    /// Both payments are requested.
    private func requested(_ orders: [String]) async throws {
        try await stocked.until("payments in flight") { () -> Bool? in
            for order in orders where try await payment(order)?.status != "PAYMENT_STATUS_AUTHORISING" { return nil }
            return true
        }
        for order in orders {
            let journal = try journal(order)
            #expect(journal.run.state == "open")
            #expect(journal.steps.last?.state == "open", "\(journal.steps)")
        }
    }

    /// As after an outage of hours: each run has one attempt left.
    private func hoursPass() async throws {
        try await stocked.shop.kill("ordersd", andChange: "orders") { tx in
            try tx.run("UPDATE workflow_runs SET attempts = 29, unknowns = 29 WHERE state = 'open'")
        }
    }

    private func listed(_ id: String) throws {
        let lines = try cli.text(needsHuman).split(separator: "\n")
        #expect(lines.count == 3 && lines[0].hasPrefix("RUN"))
        #expect(lines.dropFirst().allSatisfy { $0.contains("needs_human") && $0.contains("30 attempts") })
        let shown = try cli.text("workflows", "show", id)
        #expect(shown.contains("checkout v1 of orders: needs_human"), "\(shown)")
        #expect(shown.contains("error: step authorise: 30 attempts, 30 of unknown outcome"), "\(shown)")
    }

    private func ended(_ paid: String, _ called: String) async throws {
        try await stocked.until("the ends of both runs") {
            try [paid, called].allSatisfy { try journal($0).run.state == "completed" } ? true : nil
        }
        let undone = try journal(called)
        #expect(undone.run.wasForced)
        #expect(undone.steps.filter { $0.kind == "undo" }.map(\.state).contains("done"))
        #expect(undone.steps.allSatisfy { $0.state != "open" })
        #expect(try await payment(paid)?.status == "PAYMENT_STATUS_CAPTURED")
        #expect(try await payment(paid)?.captured.minor_units == 200)
        #expect(try await payment(called)?.status == "PAYMENT_STATUS_VOIDED")
        #expect(try cli.json(needsHuman, as: OperatorCLI.Runs.self).runs.isEmpty)
        #expect(try cli.text(needsHuman) == "No runs.\n")

        struct Stock: Decodable {
            struct Level: Decodable {
                let on_hand: Int
                let available: Int
            }
            let levels: [Level]
        }
        let response = try await stocked.retried(ShopRequest(path: "/v1/stock/MUG", bearer: .merchant))
        let levels = try response.decoded(Stock.self).levels
        #expect(levels.map(\.on_hand) == [999] && levels.map(\.available) == [999])
    }

    private func audited(_ paid: String, _ called: String) throws {
        let acts = try cli.json("audit", "--service", "orders", as: OperatorCLI.Audit.self).acts
        #expect(acts.map(\.act) == ["workflow.compensate", "workflow.retry"])
        #expect(acts.map(\.target) == ["checkout/\(called)", "checkout/\(paid)"])
        #expect(acts.map(\.why) == ["the customer called", "the provider is back"])
        #expect(acts.allSatisfy { $0.who == "operator" && $0.before.hasPrefix("state=needs_human") })
        #expect(acts.map(\.after).allSatisfy { $0.hasPrefix("state=open") })
        let lines = try cli.text("audit").split(separator: "\n")
        #expect(lines.count == 3 && lines[0].hasPrefix("AT"))
        #expect(lines[1].hasSuffix("the customer called"))
    }

    // MARK: Requests

    private var needsHuman: [String] { ["workflows", "list", "--state", "needs_human"] }

    private struct Payment: Decodable {
        struct Money: Decodable { let minor_units: Int }
        let status: String
        let captured: Money
    }

    private func payment(_ order: String) async throws -> Payment? {
        let response = try await stocked.retried(ShopRequest(path: "/v1/payments/\(order)", bearer: .merchant))
        return response.status == 404 ? nil : try response.decoded(Payment.self)
    }

    private func journal(_ order: String) throws -> OperatorCLI.RunJournal {
        try cli.json("workflows", "show", "checkout/\(order)")
    }
}
