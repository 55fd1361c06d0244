import Foundation
import Testing

@Suite("Parked events", .enabled(if: Programs.areBuilt), .serialized, .sharedShop, .timeLimit(.minutes(10)))
struct ParkedEventsTests {
    /// Of the events 1 to 6 these cannot be read.
    static let broken: [Int64] = [1, 3, 5]
    static let key = "operated"

    let stocked: StockedShop
    let seat: OperatorSeat

    init() throws {
        stocked = try SharedShop.shop
        seat = OperatorSeat(folder: stocked.shop.folder)
    }

    @Test("wait in their order while other keys pass, and take effect in it, once, when they are mended")
    func mended() async throws {
        let source = EventSource(shop: stocked.shop, key: Self.key)
        var carts: [Int64: String] = [:]
        for number in Int64(1)...7 { carts[number] = try await filledCart("parked-\(number)") }
        let good = try carts.mapValues { try EventSource.placed(Self.key, cart: $0) }
        var bodies = good.filter { $0.key <= 6 }
        for number in Self.broken { bodies[number] = EventSource.unreadable }

        try await source.publish(bodies)
        try await allParked()
        try await otherKeysPass()
        try look()
        try await mendFirst(try JSONBody.placed(Self.key, cart: carts[1] ?? ""))
        #expect(try await untouched(carts) == [3, 4, 5, 6, 7], "nothing overtakes what failed again")
        try await mendThird(good[3] ?? Data())
        #expect(try await untouched(carts) == [5, 6, 7])
        try await dropFifth()
        #expect(try await untouched(carts) == [5, 7], "what was dropped never takes effect")
        try await forgetInventorys()

        // Told twice, as a relay does that dies after the log has them; the seventh shows that all were looked at.
        for number in Int64(1)...6 { try await fill(carts[number] ?? "") }
        try await source.publish(bodies.merging([7: good[7] ?? Data()]) { $1 })
        try await stocked.until("the seventh event") { try await untouched(carts).contains(7) ? nil : true }
        #expect(try await untouched(carts) == [1, 2, 3, 4, 5, 6])
        try await nothingLeft()
        try audited()
    }

    // MARK: Steps of the story

    private func allParked() async throws {
        let keys = try await stocked.until("six events in two groups") {
            let keys = try seat.json("events", "parked", "list", as: OperatorSeat.ParkedKeys.self).keys
            return keys.map(\.events) == [6, 6] ? keys : nil
        }
        #expect(keys.map(\.service) == ["carts", "inventory"])
        #expect(keys.map(\.group) == ["carts", "inventory"])
        #expect(keys.allSatisfy { $0.topic == EventSource.topic && $0.key == Self.key && !$0.isRedriving })
    }

    private func otherKeysPass() async throws {
        try await fill("me")
        let body = #"{"cart_id":"me","payment_method":"pm_test_ok"}"#
        let placed = try await stocked.send(.order(body, key: "passes"))
        let id = try placed.decoded(PlacedOrder.self).order.order_id
        _ = try await stocked.order(id, at: "ORDER_STATUS_COMPLETED")
        try await stocked.until("the order's cart") { try await isEmpty("me") ? true : nil }
        let groups = try await stocked.until("no lag") {
            let groups = try seat.json("events", "groups", as: OperatorSeat.Groups.self).groups
            return groups.allSatisfy { $0.lag == 0 } ? groups : nil
        }
        #expect(groups.map(\.group) == ["carts", "inventory"])
        #expect(groups.allSatisfy { $0.published == $0.acknowledged && $0.published > 6 })
        #expect(try seat.text("events", "groups").hasPrefix("TOPIC"))
    }

    private func look() throws {
        let events = try parked()
        #expect(events.map(\.sequence) == [1, 2, 3, 4, 5, 6])
        #expect(events.map(\.attempts) == [5, 0, 0, 0, 0, 0])
        #expect(events[0].error.contains("rotobuf") || events[0].error.contains("Decoding"), "\(events[0].error)")
        #expect(events.allSatisfy { $0.body == nil && $0.bodyBytes == nil }, "lists are short")

        let first: OperatorSeat.ParkedEvent = try seat.json(words("show", events[0].id))
        #expect(first.body == nil)
        #expect(first.bodyBytes == EventSource.unreadable.base64EncodedString())
        let second: OperatorSeat.ParkedEvent = try seat.json(words("show", events[1].id))
        #expect(try JSONBody(second.body ?? "").orderId == Self.key)

        let keys = try seat.text("events", "parked", "list", "--group", "carts").split(separator: "\n")
        #expect(keys.count == 2)
        #expect(keys.last?.split(separator: " ").map(String.init).suffix(3) == [Self.key, "6", "parked"])
        #expect(try seat.text(words("list", nil, "--key", Self.key)).split(separator: "\n").count == 7)
        let shown = try seat.text(words("show", events[1].id))
        #expect(shown.contains("sequence   2") && shown.contains(#""kind":"KIND_PLACED""#), "\(shown)")
        #expect(try seat.refusal(words("show", "nobody")) == "Error: nothing named nobody is parked there\n")
    }

    /// 1 and 2 take effect, 3 fails again.
    private func mendFirst(_ body: String) async throws {
        let id = try parked()[0].id
        let why = ["--reason", "the first"]
        #expect(throws: RunningShop.Broken.self) {
            try seat.text(words("edit", id, "--body", "-") + why, input: #"{"mugs":7}"#)
        }
        _ = try seat.text(words("edit", id, "--body", "-") + why, input: body)
        _ = try seat.text(words("redrive", nil, "--key", Self.key) + why)
        let left = try await stocked.until("a second failure of the third") {
            let left = try parked()
            return left.first?.sequence == 3 && left.first?.attempts == 1 ? left : nil
        }
        #expect(left.map(\.sequence) == [3, 4, 5, 6])
    }

    /// 3 and 4 take effect, 5 fails again.
    private func mendThird(_ body: Data) async throws {
        let file = NSTemporaryDirectory() + ProcessInfo.processInfo.globallyUniqueString
        try body.write(to: URL(fileURLWithPath: file))
        let why = ["--reason", "the third"]
        _ = try seat.text(words("edit", try parked()[0].id, "--raw", "--body", file) + why)
        try FileManager.default.removeItem(atPath: file)
        _ = try seat.text(["events", "parked", "redrive", "--all", "--group", "carts"] + why)
        let left = try await stocked.until("a second failure of the fifth") {
            let left = try parked()
            return left.first?.sequence == 5 && left.first?.attempts == 1 ? left : nil
        }
        #expect(left.map(\.sequence) == [5, 6])
    }

    /// 6 takes effect.
    private func dropFifth() async throws {
        let why = ["--reason", "the fifth"]
        _ = try seat.text(words("drop", try parked()[0].id) + why)
        #expect(try parked().map(\.sequence) == [6], "it waits for its redrive")
        _ = try seat.text(words("redrive", nil, "--key", Self.key) + why)
        try await stocked.until("the end of what is parked") { try parked().isEmpty ? true : nil }
        #expect(
            try seat.refusal(words("redrive", nil, "--key", Self.key) + why)
                == "Error: nothing named \(Self.key) is parked there\n"
        )
    }

    /// The other group has its own: nothing of the carts' mending was meant for it.
    private func forgetInventorys() async throws {
        let why = ["--reason", "not for the shelves"]
        let waiting = try parked("inventory")
        #expect(waiting.map(\.sequence) == [1, 2, 3, 4, 5, 6])
        for event in waiting { _ = try seat.text(words("drop", event.id, group: "inventory") + why) }
    }

    private func nothingLeft() async throws {
        try await stocked.until("no lag") {
            let groups = try seat.json("events", "groups", as: OperatorSeat.Groups.self).groups
            return groups.allSatisfy { $0.lag == 0 } ? true : nil
        }
        #expect(try seat.json("events", "parked", "list", as: OperatorSeat.ParkedKeys.self).keys.isEmpty)
        #expect(try seat.text("events", "parked", "list") == "Nothing is parked.\n")
    }

    private func audited() throws {
        let acts = try seat.json("audit", as: OperatorSeat.Audit.self).acts
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
        #expect(try seat.text("audit", "--service", "carts").split(separator: "\n").count == 7)
    }

    // MARK: Words and looks

    private func parked(_ group: String = "carts") throws -> [OperatorSeat.ParkedEvent] {
        try seat.json(words("list", nil, "--key", Self.key, group: group), as: OperatorSeat.ParkedEvents.self).events
    }

    private func words(_ act: String, _ id: String?, _ more: String..., group: String = "carts") -> [String] {
        ["events", "parked", act] + (id.map { [$0] } ?? []) + ["--group", group, "--topic", EventSource.topic] + more
    }

    /// Carts that still hold what was put in.
    private func untouched(_ carts: [Int64: String]) async throws -> [Int64] {
        var full: [Int64] = []
        for (number, cart) in carts.sorted(by: { $0.key < $1.key }) where try await !isEmpty(cart) {
            full.append(number)
        }
        return full
    }

    private func filledCart(_ key: String) async throws -> String {
        struct Opened: Decodable { let cart_id: String }
        let opened = try await stocked.send(
            ShopRequest(method: "POST", path: "/v1/carts", body: "{}", headers: ["Idempotency-Key": key])
        )
        let cart = try opened.decoded(Opened.self).cart_id
        try await fill(cart)
        return cart
    }

    private func fill(_ cart: String) async throws {
        let path = "/v1/carts/\(cart)/lines/MUG"
        let answer = try await stocked.send(ShopRequest(method: "PUT", path: path, body: #"{"quantity":1}"#))
        #expect(answer.status == 200, "\(answer)")
    }

    private func isEmpty(_ cart: String) async throws -> Bool {
        struct Answer: Decodable {
            struct Cart: Decodable {
                struct Line: Decodable { let sku: String }
                let lines: [Line]
            }
            let cart: Cart
        }
        return try await stocked.send(ShopRequest(path: "/v1/carts/\(cart)")).decoded(Answer.self).cart.lines.isEmpty
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
