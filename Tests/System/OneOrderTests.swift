import Foundation
import MartletCore
import MartletTesting
import Testing

@Suite("An order", .enabled(if: Programs.areBuilt), .serialized, .timeLimit(.minutes(10)))
struct OneOrderTests {
    @Test(
        "is completed although a daemon dies on its way",
        arguments: [
            ("ordersd", "outbox.committed:1"), ("ordersd", "workflow.called:2"), ("inventoryd", "sql.committed:3"),
            ("paymentsd", "payments.capture.key_stored:1"), ("testproviderd", "provider.acted:1"),
            ("eventlogd", "eventlog.published:1"),
        ]
    )
    func survives(_ daemon: String, _ point: String) async throws {
        try await with(try RunningShop("--crash", "\(daemon)=\(point)")) { stocked in
            try await place(in: stocked)
            // The order may be completed before the supervisor has noted that the daemon is back.
            for _ in 0..<100 {
                if try stocked.shop.restarts() > 0 { break }
                try await SystemTime().sleep(for: .milliseconds(100))
            }
            #expect(try stocked.shop.restarts() == 1)
        }
    }

    @Test("is completed in a shop of one process")
    func oneProcess() async throws {
        try await with(try RunningShop("--single-process")) { stocked in
            #expect(try stocked.shop.programs == ["shop"])
            try await place(in: stocked)
            let refused = try await stocked.send(.order(PlacedOrder.body(""), key: "nothing"))
            #expect(refused.status == 400)
            #expect(try refused.decoded(ShopAnswer.Problem.self).fields == ["lines"])
            try await judge("/metrics", by: OutsideTool.promtool, "check", "metrics")
            try await judge("/openapi.json", by: OutsideTool.openAPIValidator, "-")

            func judge(_ path: String, by tool: OutsideTool?, _ arguments: String...) async throws {
                // Judges are not on every machine; the endpoint is.
                #expect(tool != nil || !Judges.areDemanded)
                let answer = try await stocked.send(ShopRequest(path: path, bearer: .nobody))
                #expect(answer.status == 200)
                guard let verdict = try tool?.judge(answer.body, arguments) else { return }
                #expect(verdict.isContent, "\(verdict.words)")
            }
        }
    }

    private func place(in stocked: StockedShop) async throws {
        let placed = try await stocked.settled(.order(key: "one"))
        let id = try placed.decoded(PlacedOrder.self).order.order_id
        _ = try await stocked.order(id, at: "ORDER_STATUS_COMPLETED")
    }

    private func with(_ shop: RunningShop, _ body: (StockedShop) async throws -> Void) async throws {
        do {
            try await body(try await StockedShop(shop))
        } catch {
            _ = try shop.end()
            throw error
        }
        #expect(try shop.end() == 0)
    }
}
