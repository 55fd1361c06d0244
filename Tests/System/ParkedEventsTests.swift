import Foundation
import MartletTesting
import Testing

@Suite(
    "Parked events",
    .enabled(if: Programs.areBuilt),
    .serialized,
    .sharedShop,
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct ParkedEventsTests {
    /// Of the events 1 to 6 these cannot be decoded.
    static let unreadable: [Int64] = [1, 3, 5]
    static let key = "operated"

    let stocked: StockedShop
    let cli: OperatorCLI

    init() throws {
        stocked = try SharedShop.shop
        cli = OperatorCLI(folder: stocked.shop.folder)
    }

    @Test("other keys are handled meanwhile; repaired events are handled once, in order")
    func repaired() async throws {
        let source = EventSource(shop: stocked.shop, key: Self.key)
        var carts: [Int64: String] = [:]
        for number in Int64(1)...7 { carts[number] = try await filledCart("parked-\(number)") }
        let good = try carts.mapValues { try EventSource.placed(Self.key, cart: $0) }
        var bodies = good.filter { $0.key <= 6 }
        for number in Self.unreadable { bodies[number] = EventSource.unreadable }

        try await source.publish(bodies)
        try await allParked()
        try await otherKeysPass()
        try listed()
        try await repairFirst(try JSONBody.placed(Self.key, cart: carts[1] ?? ""))
        #expect(try await untouched(carts) == [3, 4, 5, 6, 7], "later events wait for one that failed again")
        try await repairThird(good[3] ?? Data())
        #expect(try await untouched(carts) == [5, 6, 7])
        try await dropFifth()
        #expect(try await untouched(carts) == [5, 7], "a dropped event is not handled")
        try await dropAllOfInventory()

        // Published twice, as by a relay that crashed after the publication. The seventh event marks the end.
        for number in Int64(1)...6 { try await fill(carts[number] ?? "") }
        try await source.publish(bodies.merging([7: good[7] ?? Data()]) { $1 })
        try await stocked.until("the seventh event") { try await untouched(carts).contains(7) ? nil : true }
        #expect(try await untouched(carts) == [1, 2, 3, 4, 5, 6])
        try await nothingLeft()
        try audited()
    }

    // MARK: Steps

    private func allParked() async throws {
        let keys = try await stocked.until("six events in two groups") {
            let keys = try cli.json("events", "parked", "list", as: OperatorCLI.ParkedKeys.self).keys
            return keys.map(\.events) == [6, 6] ? keys : nil
        }
        #expect(keys.map(\.service) == ["carts", "inventory"])
        #expect(keys.map(\.group) == ["carts", "inventory"])
        #expect(keys.allSatisfy { $0.topic == EventSource.topic && $0.key == Self.key && !$0.isRedriving })
    }

    private func otherKeysPass() async throws {
        try await fill("me")
        let body = #"{"cart_id":"me","payment_method":"pm_test_ok"}"#
        let placed = try await stocked.retried(.order(body, key: "passes"))
        let id = try placed.decoded(PlacedOrder.self).order.order_id
        _ = try await stocked.order(id, at: "ORDER_STATUS_COMPLETED")
        try await stocked.until("the order's cart") { try await isEmpty("me") ? true : nil }
        let groups = try await stocked.until("no lag") {
            let groups = try cli.json("events", "groups", as: OperatorCLI.Groups.self).groups
            return groups.allSatisfy { $0.lag == 0 } ? groups : nil
        }
        #expect(groups.map(\.group) == ["carts", "inventory"])
        #expect(groups.allSatisfy { $0.published == $0.acknowledged && $0.published > 6 })
        #expect(try cli.text("events", "groups").hasPrefix("TOPIC"))
    }

    private func listed() throws {
        let events = try parked()
        #expect(events.map(\.sequence) == [1, 2, 3, 4, 5, 6])
        #expect(events.map(\.attempts) == [5, 0, 0, 0, 0, 0])
        #expect(events[0].error.contains("rotobuf") || events[0].error.contains("Decoding"), "\(events[0].error)")
        #expect(events.allSatisfy { $0.body == nil && $0.bodyBytes == nil }, "a list has no bodies")

        let first: OperatorCLI.ParkedEvent = try cli.json(command("show", id: events[0].id))
        #expect(first.body == nil)
        #expect(first.bodyBytes == EventSource.unreadable.base64EncodedString())
        let second: OperatorCLI.ParkedEvent = try cli.json(command("show", id: events[1].id))
        #expect(try JSONBody(second.body ?? "").orderId == Self.key)

        let keys = try cli.text("events", "parked", "list", "--group", "carts").split(separator: "\n")
        #expect(keys.count == 2)
        #expect(keys.last?.split(separator: " ").map(String.init).suffix(3) == [Self.key, "6", "parked"])
        #expect(try cli.text(command("list", "--key", Self.key)).split(separator: "\n").count == 7)
        let shown = try cli.text(command("show", id: events[1].id))
        #expect(shown.contains("sequence   2") && shown.contains(#""kind":"KIND_PLACED""#), "\(shown)")
        #expect(try cli.refusal(command("show", id: "unknown")) == "Error: nothing named unknown is parked there\n")
    }

    /// 1 and 2 are handled, 3 fails again.
    private func repairFirst(_ body: String) async throws {
        let id = try parked()[0].id
        let reason = ["--reason", "the first"]
        #expect(throws: RunningShop.Failure.self) {
            try cli.text(command("edit", id: id, "--body", "-") + reason, input: #"{"mugs":7}"#)
        }
        _ = try cli.text(command("edit", id: id, "--body", "-") + reason, input: body)
        _ = try cli.text(command("redrive", "--key", Self.key) + reason)
        let left = try await stocked.until("a second failure of the third") {
            let left = try parked()
            return left.first?.sequence == 3 && left.first?.attempts == 1 ? left : nil
        }
        #expect(left.map(\.sequence) == [3, 4, 5, 6])
    }

    /// 3 and 4 are handled, 5 fails again.
    private func repairThird(_ body: Data) async throws {
        let file = NSTemporaryDirectory() + ProcessInfo.processInfo.globallyUniqueString
        try body.write(to: URL(fileURLWithPath: file))
        let reason = ["--reason", "the third"]
        _ = try cli.text(command("edit", id: try parked()[0].id, "--raw", "--body", file) + reason)
        try FileManager.default.removeItem(atPath: file)
        _ = try cli.text(["events", "parked", "redrive", "--all", "--group", "carts"] + reason)
        let left = try await stocked.until("a second failure of the fifth") {
            let left = try parked()
            return left.first?.sequence == 5 && left.first?.attempts == 1 ? left : nil
        }
        #expect(left.map(\.sequence) == [5, 6])
    }

    /// 6 is handled.
    private func dropFifth() async throws {
        let reason = ["--reason", "the fifth"]
        _ = try cli.text(command("drop", id: try parked()[0].id) + reason)
        #expect(try parked().map(\.sequence) == [6], "the rest waits for its redrive")
        _ = try cli.text(command("redrive", "--key", Self.key) + reason)
        try await stocked.until("no parked event") { try parked().isEmpty ? true : nil }
        #expect(
            try cli.refusal(command("redrive", "--key", Self.key) + reason)
                == "Error: nothing named \(Self.key) is parked there\n"
        )
    }

    /// The other group has its own parked events, which the repairs for the carts do not affect.
    private func dropAllOfInventory() async throws {
        let reason = ["--reason", "not needed by the inventory"]
        let waiting = try parked("inventory")
        #expect(waiting.map(\.sequence) == [1, 2, 3, 4, 5, 6])
        for event in waiting { _ = try cli.text(command("drop", id: event.id, group: "inventory") + reason) }
    }

    private func nothingLeft() async throws {
        try await stocked.until("no lag") {
            let groups = try cli.json("events", "groups", as: OperatorCLI.Groups.self).groups
            return groups.allSatisfy { $0.lag == 0 } ? true : nil
        }
        #expect(try cli.json("events", "parked", "list", as: OperatorCLI.ParkedKeys.self).keys.isEmpty)
        #expect(try cli.text("events", "parked", "list") == "Nothing is parked.\n")
    }

    private func audited() throws {
        let acts = try cli.json("audit", as: OperatorCLI.Audit.self).acts
        let carts = acts.filter { $0.service == "carts" }
        // Newest first.
        #expect(
            carts.map { "\($0.act): \($0.why)" } == [
                "parked.redrive: the fifth", "parked.drop: the fifth", "parked.redrive: the third",
                "parked.edit: the third", "parked.redrive: the first", "parked.edit: the first",
            ]
        )
        #expect(acts.filter { $0.service == "inventory" }.map(\.act) == Array(repeating: "parked.drop", count: 6))
        #expect(acts.allSatisfy { $0.who == "operator" && $0.target.contains("\($0.service)/\(EventSource.topic)/") })
        #expect(carts[5].before == "ffffff" && carts[5].after.count > 6)
        #expect(carts[1].before == "ffffff" && carts[1].after.isEmpty)
        #expect(try cli.text("audit", "--service", "carts").split(separator: "\n").count == 7)
    }

    // MARK: Commands and polls

    private func parked(_ group: String = "carts") throws -> [OperatorCLI.ParkedEvent] {
        try cli.json(command("list", "--key", Self.key, group: group), as: OperatorCLI.ParkedEvents.self).events
    }

    private func command(_ action: String, id: String? = nil, _ more: String..., group: String = "carts") -> [String] {
        ["events", "parked", action] + (id.map { [$0] } ?? []) + ["--group", group, "--topic", EventSource.topic] + more
    }

    /// Carts that were not emptied.
    private func untouched(_ carts: [Int64: String]) async throws -> [Int64] {
        var full: [Int64] = []
        for (number, cart) in carts.sorted(by: { $0.key < $1.key }) where try await !isEmpty(cart) {
            full.append(number)
        }
        return full
    }

    private func filledCart(_ key: String) async throws -> String {
        struct Opened: Decodable { let cart_id: String }
        let opened = try await stocked.retried(
            ShopRequest(method: "POST", path: "/v1/carts", body: "{}", headers: ["Idempotency-Key": key])
        )
        let cart = try opened.decoded(Opened.self).cart_id
        try await fill(cart)
        return cart
    }

    private func fill(_ cart: String) async throws {
        let path = "/v1/carts/\(cart)/lines/MUG"
        let response = try await stocked.retried(ShopRequest(method: "PUT", path: path, body: #"{"quantity":1}"#))
        #expect(response.status == 200, "\(response)")
    }

    private func isEmpty(_ cart: String) async throws -> Bool {
        struct Response: Decodable {
            struct Cart: Decodable {
                struct Line: Decodable { let sku: String }
                let lines: [Line]
            }
            let cart: Cart
        }
        return try await stocked.retried(ShopRequest(path: "/v1/carts/\(cart)")).decoded(Response.self).cart.lines
            .isEmpty
    }
}

/// An order's event as `parked show` prints its body.
private struct JSONBody: Codable {
    let orderId: String
    let kind: String
    let cartId: String

    init(_ text: String) throws { self = try JSONDecoder().decode(JSONBody.self, from: Data(text.utf8)) }

    private init(orderID: String, cart: String) {
        orderId = orderID
        kind = "KIND_PLACED"
        cartId = cart
    }

    static func placed(_ key: String, cart: String) throws -> String {
        String(decoding: try JSONEncoder().encode(JSONBody(orderID: key, cart: cart)), as: UTF8.self)
    }
}
