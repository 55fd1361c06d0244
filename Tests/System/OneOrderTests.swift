import Foundation
import MartletCore
import MartletTesting
import Testing

@Suite("One order", .enabled(if: Programs.areBuilt), .serialized, .timeLimit(.minutes(HangLimit.testMinutes)))
struct OneOrderTests {
    @Test(
        "a daemon crashes meanwhile: the order is completed",
        arguments: [
            ("ordersd", "outbox.committed:1"), ("ordersd", "workflow.called:2"), ("inventoryd", "sql.committed:3"),
            ("paymentsd", "payments.capture.key_stored:1"), ("testproviderd", "provider.acted:1"),
            ("eventlogd", "eventlog.published:1"),
        ]
    )
    func survives(_ daemon: String, _ point: String) async throws {
        try await withStocked(try RunningShop("--crash", "\(daemon)=\(point)")) { stocked in
            try await place(in: stocked)
            // The order may be completed before the supervisor has recorded the restart.
            try await stocked.until("a restart of \(daemon)") { try stocked.shop.restarts() > 0 ? true : nil }
            #expect(try stocked.shop.restarts() == 1)
        }
    }

    @Test("all services in one process: the order is completed")
    func oneProcess() async throws {
        try await withStocked(try RunningShop("--single-process")) { stocked in
            #expect(try stocked.shop.programs == ["shop"])
            try await place(in: stocked)
            let refused = try await stocked.retried(.order(PlacedOrder.body(""), key: "nothing"))
            #expect(refused.status == 400)
            #expect(try refused.decoded(ShopResponse.Problem.self).fields == ["lines"])
            let shop = stocked.shop
            try await validate(
                "/metrics",
                of: shop.healthAddress(of: "shop"),
                ExternalTool.promtool,
                arguments: ["check", "metrics"]
            )
            try await validate(
                "/openapi.json",
                of: shop.address(of: "shop"),
                ExternalTool.openAPIValidator,
                arguments: ["-"]
            )

            func validate(
                _ path: String,
                of address: String,
                _ tool: ExternalTool?,
                arguments: [String]
            ) async throws {
                // Not every machine has the validators.
                #expect(tool != nil || !Validators.areRequired)
                let response = try await stocked.send(ShopRequest(path: path, bearer: .anonymous), to: address)
                #expect(response.status == 200)
                guard let result = try tool?.validate(response.body, arguments) else { return }
                #expect(result.isValid, "\(result.output)")
            }
        }
    }

    private func place(in stocked: StockedShop) async throws {
        let placed = try await stocked.retried(.order(key: "one"))
        let id = try placed.decoded(PlacedOrder.self).order.order_id
        _ = try await stocked.order(id, at: "ORDER_STATUS_COMPLETED")
    }

    private func withStocked(_ shop: RunningShop, _ body: (StockedShop) async throws -> Void) async throws {
        do {
            try await body(try await StockedShop(shop))
        } catch {
            _ = try shop.end()
            throw error
        }
        #expect(try shop.end() == 0)
    }
}
