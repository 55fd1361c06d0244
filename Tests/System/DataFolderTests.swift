import BuiltPrograms
import Foundation
import MartletTesting
import Testing

/// A folder as programs of an earlier commit left it after a power cut, see `Tests/DataFolder/write`.
@Suite(
    "Data folder of an earlier version",
    .enabled(if: Programs.areBuilt),
    .serialized,
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct DataFolderTests {
    /// The age of the folder's contents when this version starts on it.
    enum Age: String, CaseIterable {
        /// Idempotency keys and reservations are valid.
        case oneHour
        /// All idempotency keys and reservations have expired.
        case oneMonth
        /// As old as the archive, with its write-ahead logs as the power cut left them.
        case asWritten

        var options: [String] {
            switch self {
            case .oneHour: ["--age", "3600"]
            case .oneMonth: ["--age", "2592000"]
            case .asWritten: []
            }
        }
    }

    @Test("starts, completes its open work and reconciles", arguments: Age.allCases)
    func continues(_ age: Age) async throws {
        let files = try TemporaryFolder()
        try unpack(into: files, age)
        let expected = try JSONDecoder().decode(
            Expected.self,
            from: Data(contentsOf: URL(fileURLWithPath: files.file("expected.json")))
        )
        let shop = try RunningShop(on: files.file("data"))
        do {
            let old = OldFolder(stocked: try await StockedShop(shop), expected: expected)
            try await old.becomesIdle()
            try await old.ordersAreFinished(allCompleted: age == .oneHour)
            if age == .oneHour { try await old.repeatsAreRecognised() }
            try await old.parkedKeysAreRedriven()
            try await old.cartsCanBeOrdered()
            try old.reconciles(with: files.file("invoices.csv"))
        } catch {
            _ = try shop.end()
            throw error
        }
        #expect(try shop.end() == 0)
    }

    private func unpack(into files: TemporaryFolder, _ age: Age) throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../DataFolder/unpack").standardizedFileURL
        let outcome = try Program(at: script.path).run([files.path] + age.options)
        try #require(outcome.status == 0, "\(outcome.text)")
    }
}

/// The archive's `expected.json`.
private struct Expected: Decodable {
    struct Order: Decodable {
        let key: String
        let customer: String
        let body: String
        /// The body of the response, as the client got it.
        let response: String
        let order_id: String
        let sku: String
        let quantity: Int
        /// It was open when the power was cut.
        let unfinished: Bool
        let status: String?
        let captured: Amount?
        let refunded: Amount?
    }

    struct Cart: Decodable {
        let cart_id: String
        let customer: String?
        let sku: String?
        let quantity: Int?
        /// A parked event will empty it.
        let parked: Bool
    }

    struct ParkedKey: Decodable {
        let service: String
        let group: String
        let topic: String
        let key: String
        let events: Int
    }

    let orders: [Order]
    let carts: [Cart]
    let parked: [ParkedKey]
}

private struct Amount: Decodable, Equatable {
    let currency: String
    let minor_units: Int
}

/// An order in a response.
private struct OrderView: Decodable {
    struct Order: Decodable {
        let order_id: String
        let status: String
        let captured: Amount
        let refunded: Amount
    }
    let order: Order
}

extension Expected.Order {
    /// The order when it was placed.
    fileprivate var placed: OrderView.Order {
        get throws { try JSONDecoder().decode(OrderView.self, from: Data(response.utf8)).order }
    }
}

/// This version's shop on the folder.
private struct OldFolder {
    private struct CartView: Decodable {
        struct Cart: Decodable {
            struct Line: Decodable {
                let sku: String
                let quantity: Int
            }
            let lines: [Line]
        }
        let cart: Cart
    }

    let stocked: StockedShop
    let expected: Expected
    private var cli: OperatorCLI { OperatorCLI(folder: stocked.shop.folder) }

    init(stocked: StockedShop, expected: Expected) {
        self.stocked = stocked
        self.expected = expected
    }

    /// No run is open, none needs a human, every event has reached its groups.
    func becomesIdle() async throws {
        try await stocked.until("no open run") {
            try cli.json("workflows", "list", "--state", "open", as: OperatorCLI.Runs.self).runs.isEmpty ? true : nil
        }
        #expect(try cli.json("workflows", "list", "--state", "needs_human", as: OperatorCLI.Runs.self).runs.isEmpty)
        try await stocked.until("no lag") {
            let groups = try cli.json("events", "groups", as: OperatorCLI.Groups.self).groups
            return groups.allSatisfy { $0.lag == 0 } ? true : nil
        }
    }

    /// Finished orders are unchanged; open ones are finished.
    func ordersAreFinished(allCompleted: Bool) async throws {
        for order in expected.orders {
            let found = try await view(order)
            if order.unfinished {
                let isCompleted = found.status == "ORDER_STATUS_COMPLETED"
                let currency = try order.placed.captured.currency
                #expect(
                    isCompleted || !allCompleted && found.status == "ORDER_STATUS_REJECTED",
                    "\(order.key): \(found)"
                )
                let captured = Amount(currency: currency, minor_units: isCompleted ? order.quantity * 250 : 0)
                #expect(found.captured == captured, "\(order.key): \(found)")
                #expect(found.refunded == Amount(currency: currency, minor_units: 0), "\(order.key): \(found)")
            } else {
                #expect(found.status == order.status, "\(order.key)")
                #expect(found.captured == order.captured, "\(order.key)")
                #expect(found.refunded == order.refunded, "\(order.key)")
            }
        }
    }

    /// A repeated request with its key returns the original response; another request with the key is refused.
    func repeatsAreRecognised() async throws {
        for order in expected.orders {
            let bearer = try bearer(order.customer)
            let response = try await stocked.retried(.order(order.body, key: order.key, as: bearer))
            let id = try response.decoded(PlacedOrder.self).order.order_id
            #expect(id == order.order_id, "\(order.key): \(response)")
            let same = try Self.sorted(response.body) == Self.sorted(Data(order.response.utf8))
            #expect(same, "\(order.key): \(response), not \(order.response)")
        }
        let order = try #require(expected.orders.first)
        let other = try await stocked.retried(
            .order(PlacedOrder.oneMug, key: order.key, as: try bearer(order.customer))
        )
        #expect(other.status == 422, "\(other)")
        #expect(try other.decoded(ShopResponse.Problem.self).type == "/problems/idempotency.key_reused")
    }

    /// The same JSON with sorted keys, for a comparison that distinguishes composed from decomposed characters.
    private static func sorted(_ json: Data) throws -> Data {
        try JSONSerialization.data(withJSONObject: JSONSerialization.jsonObject(with: json), options: .sortedKeys)
    }

    /// The unreadable event of each key is dropped; the later ones are handled.
    func parkedKeysAreRedriven() async throws {
        let keys = try cli.json("events", "parked", "list", as: OperatorCLI.ParkedKeys.self).keys
        #expect(
            keys.map { [$0.service, $0.group, $0.topic, $0.key, "\($0.events)"] }
                == expected.parked.map { [$0.service, $0.group, $0.topic, $0.key, "\($0.events)"] }
        )
        for cart in expected.carts where cart.parked {
            #expect(try await lines(of: cart.cart_id, as: .customer).count == 1)
        }
        for key in expected.parked {
            let options = ["--group", key.group, "--topic", key.topic]
            let events: OperatorCLI.ParkedEvents = try cli.json(
                ["events", "parked", "list", "--key", key.key] + options
            )
            let first = try #require(events.events.first)
            _ = try cli.text(["events", "parked", "drop", first.id, "--reason", "unreadable"] + options)
            _ = try cli.text(["events", "parked", "redrive", "--key", key.key, "--reason", "the rest"] + options)
        }
        try await stocked.until("no parked key") {
            try cli.json("events", "parked", "list", as: OperatorCLI.ParkedKeys.self).keys.isEmpty ? true : nil
        }
        for cart in expected.carts where cart.parked {
            #expect(try await lines(of: cart.cart_id, as: .customer).isEmpty, "\(cart.cart_id)")
        }
    }

    /// Carts have their lines, and can be ordered.
    func cartsCanBeOrdered() async throws {
        for cart in expected.carts where !cart.parked {
            let bearer = try bearer(cart.customer ?? "")
            let found = try await lines(of: cart.cart_id, as: bearer)
            #expect(found.map { Array($0.sku.utf8) } == [Array((cart.sku ?? "").utf8)])
            #expect(found.map(\.quantity) == [cart.quantity])
            let body = #"{"cart_id":"me","payment_method":"pm_test_ok"}"#
            let placed = try await stocked.retried(
                .order(body, key: "cart-of-\(Array((cart.customer ?? "").utf8).count)", as: bearer)
            )
            let id = try placed.decoded(PlacedOrder.self).order.order_id
            try await stocked.until("the order of a cart") {
                let path = "/v1/orders/\(id)"
                let view = try await stocked.retried(ShopRequest(path: path, bearer: bearer)).decoded(OrderView.self)
                return view.order.status == "ORDER_STATUS_COMPLETED" ? true : nil
            }
        }
    }

    /// All invoices that the earlier version replayed reconcile to the last penny and unit.
    func reconciles(with invoices: String) throws {
        let outcome = try Programs.martlet.run([
            "replay", invoices, "--url", stocked.shop.url, "--data", stocked.shop.folder, "--json",
        ])
        let report = try JSONDecoder().decode(ReplayOutcome.self, from: outcome.output)
        #expect(report.differences.map(\.description) == [])
        #expect(report.holds && outcome.status == 0, "\(outcome.text)")
        #expect(report.newOrders == 0)
    }

    private func view(_ order: Expected.Order) async throws -> OrderView.Order {
        let request = ShopRequest(path: "/v1/orders/\(order.order_id)", bearer: try bearer(order.customer))
        return try await stocked.retried(request).decoded(OrderView.self).order
    }

    private func lines(of cart: String, as bearer: ShopRequest.Bearer) async throws -> [CartView.Cart.Line] {
        try await stocked.retried(ShopRequest(path: "/v1/carts/\(cart)", bearer: bearer)).decoded(CartView.self).cart
            .lines
    }

    private func bearer(_ customer: String) throws -> ShopRequest.Bearer {
        .header("Bearer " + (try cli.text("token", "--customer", customer)).trimmingCharacters(in: .newlines))
    }
}
