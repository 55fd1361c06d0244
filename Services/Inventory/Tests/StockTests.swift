import InventoryContract
import MartletContract
import MartletCore
import MartletTesting
import SharedContract
import SwiftProtobuf
import Testing

@testable import Inventory

@Suite("Stock, with its real tables")
struct StockTests {
    let world: InventoryWorld

    init() async throws { world = try await InventoryWorld() }

    @Test("grows by a delivery once")
    func delivery() async throws {
        for _ in 1...2 { try await world.receive("d1", ["mug": 5, "pen": 2]) }
        #expect(try await world.stock("mug").map(\.received) == [5])
        #expect(try await world.told("d1") == [.received])
        let fault = await refusal { try await world.receive("d1", ["mug": 6, "pen": 2]) }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.reason == "inventory.movement_mismatch")
        let elsewhere = await refusal { try await world.receive("d1", ["mug": 5, "pen": 2], warehouse: "east") }
        #expect(elsewhere?.reason == "inventory.movement_mismatch")
        #expect(try await world.stock("mug").map(\.onHand) == [5])
    }

    @Test("tells a return from a purchase")
    func returned() async throws {
        try await world.receive("d1", ["mug": 5])
        try await world.receive("o1/r1", ["mug": 2], kind: .return)
        let level = try await world.stock("mug").first
        #expect(level?.received == 5)
        #expect(level?.returned == 2)
        #expect(level?.onHand == 7)
        #expect(try await world.told("o1/r1") == [.returned])
    }

    @Test("takes the id of a return of any order and any return's longest name")
    func longestReturn() async throws {
        let order = "019b0000-0000-7000-8000-000000000000"
        try await world.receive("\(order)/\(String(repeating: "r", count: 64))", ["mug": 1], kind: .return)
        #expect(try await world.stock("mug").map(\.returned) == [1])
    }

    @Test("takes the largest delivery, with the longest codes, told in several events")
    func largestDelivery() async throws {
        let request = ReceiveRequest.with {
            $0.deliveryID = "d1"
            $0.kind = .purchase
            $0.warehouse = String(repeating: "東", count: 40)
            $0.lines = (1...5_000).map { (number: Int) in
                let digits = String(number)
                return DeliveredLine.with {
                    $0.sku = String(repeating: "茶", count: 64 - digits.count) + digits
                    $0.quantity = 1
                }
            }
        }
        _ = try await world.client.receive(request, context: world.merchant)
        let told = try await world.published()
        #expect(told.count == 10)
        #expect(Set(told.flatMap(\.changes).map(\.sku)).count == 5_000)
    }

    @Test("is corrected once by id, and answers what was on hand then")
    func corrected() async throws {
        try await world.receive("d1", ["mug": 5])
        #expect(try await world.correct("c1", "mug", by: -2) == 3)
        #expect(try await world.correct("c2", "mug", by: 4) == 7)
        #expect(try await world.correct("c1", "mug", by: -2) == 3)
        #expect(try await world.stock("mug").map(\.corrected) == [2])
        #expect(try await world.told("c1") == [.corrected])
        let fault = await refusal { try await world.correct("c1", "mug", by: -1) }
        #expect(fault?.reason == "inventory.movement_mismatch")
        let zero = await refusal { try await world.correct("c3", "mug", by: 0) }
        #expect(zero?.violations.map(\.field) == ["change"])
    }

    @Test("never goes below what is promised")
    func neverNegative() async throws {
        try await world.receive("d1", ["mug": 5])
        try await world.reserve("r1", ["mug": 4])
        let fault = await refusal { try await world.correct("c1", "mug", by: -2) }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "inventory.insufficient_stock")
        #expect(try await world.correct("c1", "mug", by: -1) == 4)
        #expect(
            await refusal { try await world.correct("c2", "nothing", by: -1) }?.reason == "inventory.insufficient_stock"
        )
        #expect(await refusal { try await world.stock("nothing") }?.reason == "inventory.unknown_sku")
    }

    @Test("can be corrected up where none was seen")
    func found() async throws {
        #expect(try await world.correct("c1", "mug", by: 3) == 3)
        let level = try await world.stock("mug").first
        #expect(level?.available == 3)
        #expect(level?.corrected == 3)
    }

    @Test("lists every place once, page by page")
    func pages() async throws {
        for number in 1...7 {
            try await world.receive("d\(number)", [["a", "B", "z", "ä"][number % 4]: 1], warehouse: "w\(number)")
        }
        var seen: [String] = []
        var token = ""
        repeat {
            let page = try await world.client.listStock(
                .with {
                    $0.pageSize = 3
                    $0.pageToken = token
                },
                context: world.merchant
            )
            seen += page.levels.map { "\($0.sku)/\($0.warehouse)" }
            token = page.page.nextPageToken
        } while !token.isEmpty
        #expect(seen == ["B/w1", "B/w5", "a/w4", "z/w2", "z/w6", "ä/w3", "ä/w7"])
        let fault = await refusal {
            try await world.client.listStock(.with { $0.pageToken = "no token" }, context: world.merchant)
        }
        #expect(fault?.violations.map(\.field) == ["page_token"])
    }

    @Test("is what came less what went, and what is told adds up to it", arguments: 0..<20 as Range<UInt64>)
    func books(seed: UInt64) async throws {
        let chance = SeededEntropy(seed: seed)
        try await world.receive("opening", ["mug": 20, "pen": 3])
        for step in 0..<40 {
            let id = "x\(chance.number(below: 8))"
            let count = UInt32(chance.number(below: 6)) + 1
            // Refusals are part of the game: they must leave no trace in the sums below.
            _ = await refusal {
                switch chance.number(below: 7) {
                case 0, 1: try await world.reserve(id, ["mug": count, "pen": 1])
                case 2: try await world.confirm(id)
                case 3: try await world.release(id)
                case 4: try await world.receive("d\(step % 5)", ["mug": count])
                case 5: _ = try await world.correct("c\(step % 5)", "mug", by: Int32(count) - 4)
                default:
                    world.time.advance(by: .seconds(400))
                    try await world.expireDue()
                }
            }
        }
        for sku in ["mug", "pen"] {
            let level = try #require(try await world.stock(sku).first)
            #expect(level.onHand == level.received - level.sold + level.returned + level.corrected)
            #expect(level.available >= 0)
            let changes = try await world.published().flatMap(\.changes).filter { $0.sku == sku }
            #expect(changes.reduce(0) { $0 + $1.available } == level.available)
            #expect(changes.reduce(0) { $0 + $1.onHand } == level.onHand)
        }
    }
}
