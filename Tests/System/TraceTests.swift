import Foundation
import MartletTesting
import Testing

@Suite(
    "Traces",
    .enabled(if: Programs.areBuilt && (TraceSink.python != nil || Validators.areRequired)),
    .serialized,
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct TraceTests {
    @Test("one order is one connected picture over all services and across the outbox, without orphans and secrets")
    func connected() async throws {
        let sink = try TraceSink(try #require(TraceSink.python))
        defer { sink.end() }
        let programs = Programs.topology.processes.map(\.program)
        let settings = programs.flatMap { ["--set", "\($0).traces-endpoint=\(sink.address)"] }
        let shop = try RunningShop(settings, on: nil)
        let stocked: StockedShop
        let id: String
        do {
            stocked = try await StockedShop(shop)
            let placed = try await stocked.retried(.order(key: "the-key-of-the-order"))
            id = try placed.decoded(PlacedOrder.self).order.order_id
            _ = try await stocked.order(id, at: "ORDER_STATUS_COMPLETED")
        } catch {
            _ = try shop.end()
            throw error
        }
        // What has ended is exported at the orderly end.
        #expect(try shop.end() == 0)
        let path = TraceSink.judgement(of: "checkout/\(id)", without: [id, "the-key-of-the-order", "MUG"])
        let response = try await stocked.send(ShopRequest(path: path, bearer: .anonymous), to: sink.address)
        let judgement = try response.decoded(TraceSink.Judgement.self)

        #expect(judgement.orphans == [])
        #expect(judgement.problems == [])
        #expect(judgement.leaks == [])
        let picture = judgement.picture
        let services = ["gateway", "orders", "catalog", "inventory", "payments", "provider", "carts", "eventlog"]
        #expect(picture.services.isSuperset(of: services), "\(picture)")
        #expect(picture.kinds == ["client", "consumer", "internal", "producer", "server"])
        #expect(picture.names.isSuperset(of: ["append", "process", "publish", "run", "step", "transaction"]))
        #expect(picture.roots == ["POST /v1/orders"])
        // Stock and prices came before, and are pictures of their own.
        #expect(picture.spans < judgement.spans)
    }

    @Test("a shop without a collector works, and the decision of an unknown caller has no effect")
    func without() async throws {
        let sink = try TraceSink(try #require(TraceSink.python))
        let settings = ["gatewayd", "ordersd"].flatMap { ["--set", "\($0).traces-endpoint=\(sink.address)"] }
        let shop = try RunningShop(settings + ["--set", "gatewayd.traces-share=0"], on: nil)
        let stocked: StockedShop
        do {
            stocked = try await StockedShop(shop)
            let trace = ["traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]
            let placed = try await stocked.retried(.order(key: "one", trace))
            _ = try await stocked.order(
                try placed.decoded(PlacedOrder.self).order.order_id,
                at: "ORDER_STATUS_COMPLETED"
            )
        } catch {
            sink.end()
            _ = try shop.end()
            throw error
        }
        let path = TraceSink.judgement(of: "", without: [])
        let response = try await stocked.send(ShopRequest(path: path, bearer: .anonymous), to: sink.address)
        #expect(try response.decoded(TraceSink.Judgement.self).spans == 0)
        // The collector is away when the shop ends.
        sink.end()
        #expect(try shop.end() == 0)
    }
}
