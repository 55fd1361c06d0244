import Foundation
import Glibc
import MartletSQL
import Testing

@Suite("Stuck runs", .enabled(if: Programs.areBuilt), .serialized, .sharedShop, .timeLimit(.minutes(10)))
struct StuckRunsTests {
    let stocked: StockedShop
    let seat: OperatorSeat

    init() throws {
        stocked = try SharedShop.shop
        seat = OperatorSeat(folder: stocked.shop.folder)
    }

    @Test("come to their end by an operator's hand: one goes on, the other is undone")
    func mended() async throws {
        let provider = try stocked.shop.process(of: "testproviderd")
        // It neither answers nor ends: nobody knows whether it has acted.
        kill(provider, SIGSTOP)
        defer { kill(provider, SIGCONT) }
        let paid = try await placed("paid")
        let called = try await placed("called-off")
        try await atTheProvider([paid, called])
        try await hoursPass()
        let stuck = try await stocked.until("two runs that need a human") {
            // The provider would not answer an operator either.
            // Orders do not either, until they are started again.
            let found: OperatorSeat.Runs? = try? seat.json(needsHuman + ["--service", "orders"])
            return found?.runs.count == 2 ? found?.runs : nil
        }
        kill(provider, SIGCONT)
        #expect(Set(stuck.map(\.id)) == ["checkout/\(paid)", "checkout/\(called)"])
        #expect(stuck.allSatisfy { $0.service == "orders" && $0.workflow == "checkout" && !$0.error.isEmpty })
        try looked(stuck[0].id)

        _ = try seat.text("workflows", "retry", "checkout/\(paid)", "--reason", "the provider is back")
        _ = try await stocked.order(paid, at: "ORDER_STATUS_COMPLETED")
        _ = try seat.text("workflows", "compensate", "checkout/\(called)", "--reason", "the customer called")
        _ = try await stocked.order(called, at: "ORDER_STATUS_REJECTED")
        try await ended(paid, called)
        try audited(paid, called)
    }

    @Test("are told from runs that nobody can help any more")
    func refused() async throws {
        let id = try await placed("done")
        _ = try await stocked.order(id, at: "ORDER_STATUS_COMPLETED")
        try await stocked.until("its run's end") { try journal(id).run.state == "completed" ? true : nil }
        let acts = try seat.json("audit", as: OperatorSeat.Audit.self).acts.count
        let why = ["--reason", "to be sure"]
        for act in ["retry", "compensate"] {
            #expect(
                try seat.refusal(["workflows", act, "checkout/\(id)"] + why) == "Error: orders: the run is completed\n"
            )
            #expect(
                try seat.refusal(["workflows", act, "checkout/nobody"] + why)
                    == "Error: there is no run named checkout/nobody\n"
            )
        }
        #expect(
            try seat.refusal("workflows", "show", "checkout/nobody") == "Error: there is no run named checkout/nobody\n"
        )
        #expect(try seat.json("audit", as: OperatorSeat.Audit.self).acts.count == acts, "what is refused is no act")
    }

    // MARK: Steps of the story

    private func placed(_ key: String) async throws -> String {
        let answer = try await stocked.settled(.order(key: key))
        return try answer.decoded(PlacedOrder.self).order.order_id
    }

    /// Both payments are asked for.
    private func atTheProvider(_ orders: [String]) async throws {
        try await stocked.until("payments on their way") { () -> Bool? in
            for order in orders where try await payment(order)?.status != "PAYMENT_STATUS_AUTHORISING" { return nil }
            return true
        }
        for order in orders {
            let journal = try journal(order)
            #expect(journal.run.state == "open")
            #expect(journal.steps.last?.state == "open", "\(journal.steps)")
        }
    }

    /// An outage that outlasts all attempts, but for the last of each run: they have waited longer each time.
    private func hoursPass() async throws {
        try await stocked.shop.kill("ordersd", andChange: "orders") { tx in
            try tx.run("UPDATE workflow_runs SET attempts = 29, unknowns = 29 WHERE state = 'open'")
        }
    }

    private func looked(_ id: String) throws {
        let lines = try seat.text(needsHuman).split(separator: "\n")
        #expect(lines.count == 3 && lines[0].hasPrefix("RUN"))
        #expect(lines.dropFirst().allSatisfy { $0.contains("needs_human") && $0.contains("30 attempts") })
        let shown = try seat.text("workflows", "show", id)
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
        #expect(try seat.json(needsHuman, as: OperatorSeat.Runs.self).runs.isEmpty)
        #expect(try seat.text(needsHuman) == "No runs.\n")

        struct Stock: Decodable {
            struct Level: Decodable {
                let on_hand: Int
                let available: Int
            }
            let levels: [Level]
        }
        let answer = try await stocked.send(ShopRequest(path: "/v1/stock/MUG", bearer: .merchant))
        let levels = try answer.decoded(Stock.self).levels
        #expect(levels.map(\.on_hand) == [999] && levels.map(\.available) == [999])
    }

    private func audited(_ paid: String, _ called: String) throws {
        let acts = try seat.json("audit", "--service", "orders", as: OperatorSeat.Audit.self).acts
        #expect(acts.map(\.act) == ["workflow.compensate", "workflow.retry"])
        #expect(acts.map(\.target) == ["checkout/\(called)", "checkout/\(paid)"])
        #expect(acts.map(\.why) == ["the customer called", "the provider is back"])
        #expect(acts.allSatisfy { $0.who == "operator" && $0.before.hasPrefix("state=needs_human") })
        #expect(acts.map(\.after).allSatisfy { $0.hasPrefix("state=open") })
        let lines = try seat.text("audit").split(separator: "\n")
        #expect(lines.count == 3 && lines[0].hasPrefix("AT"))
        #expect(lines[1].hasSuffix("the customer called"))
    }

    // MARK: Looks

    private var needsHuman: [String] { ["workflows", "list", "--state", "needs_human"] }

    private struct Payment: Decodable {
        struct Money: Decodable { let minor_units: Int }
        let status: String
        let captured: Money
    }

    private func payment(_ order: String) async throws -> Payment? {
        let answer = try await stocked.send(ShopRequest(path: "/v1/payments/\(order)", bearer: .merchant))
        return answer.status == 404 ? nil : try answer.decoded(Payment.self)
    }

    private func journal(_ order: String) throws -> OperatorSeat.RunJournal {
        try seat.json("workflows", "show", "checkout/\(order)")
    }
}
