import InventoryContract
import MartletContract
import MartletCore
import MartletHost
import MartletTesting
import SharedContract
import SwiftProtobuf
import Testing

@testable import Inventory

@Suite("Stock levels")
struct StockTests {
    let fixture: InventoryFixture

    init() async throws { fixture = try await InventoryFixture() }

    @Test("a delivery adds stock once per id")
    func delivery() async throws {
        for _ in 1...2 { try await fixture.receive("d1", ["mug": 5, "pen": 2]) }
        #expect(try await fixture.stock("mug").map(\.received) == [5])
        #expect(try await fixture.publishedKinds("d1") == [.received])
        let fault = await refusal { try await fixture.receive("d1", ["mug": 6, "pen": 2]) }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.reason == "inventory.movement_mismatch")
        let elsewhere = await refusal { try await fixture.receive("d1", ["mug": 5, "pen": 2], warehouse: "east") }
        #expect(elsewhere?.reason == "inventory.movement_mismatch")
        #expect(try await fixture.stock("mug").map(\.onHand) == [5])
    }

    @Test("a delivery adds stock once, however late it is repeated")
    func lateRepeat() async throws {
        try await fixture.receive("d1", ["mug": 10])
        for _ in 1...4 {
            fixture.time.advance(by: .seconds(100 * 24 * 3_600))
            for job in fixture.service.jobs { try await job.run(on: fixture.database) }
        }
        try await fixture.receive("d1", ["mug": 10])
        #expect(try await fixture.stock("mug").map(\.onHand) == [10])
    }

    @Test("returned and purchased units are counted separately")
    func returned() async throws {
        try await fixture.receive("d1", ["mug": 5])
        try await fixture.receive("o1/r1", ["mug": 2], kind: .return)
        let level = try await fixture.stock("mug").first
        #expect(level?.received == 5)
        #expect(level?.returned == 2)
        #expect(level?.onHand == 7)
        #expect(try await fixture.publishedKinds("o1/r1") == [.returned])
    }

    @Test("the longest return id is accepted")
    func longestReturn() async throws {
        let order = "019b0000-0000-7000-8000-000000000000"
        try await fixture.receive("\(order)/\(String(repeating: "r", count: 64))", ["mug": 1], kind: .return)
        #expect(try await fixture.stock("mug").map(\.returned) == [1])
    }

    @Test("the largest delivery with the longest codes is published in several events")
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
        _ = try await fixture.client.receive(request, context: fixture.merchant)
        let events = try await fixture.published()
        #expect(events.count == 10)
        #expect(Set(events.flatMap(\.changes).map(\.sku)).count == 5_000)
    }

    @Test("a correction applies once per id; a repeat returns the same on-hand units")
    func corrected() async throws {
        try await fixture.receive("d1", ["mug": 5])
        #expect(try await fixture.correct("c1", "mug", by: -2) == 3)
        #expect(try await fixture.correct("c2", "mug", by: 4) == 7)
        #expect(try await fixture.correct("c1", "mug", by: -2) == 3)
        #expect(try await fixture.stock("mug").map(\.corrected) == [2])
        #expect(try await fixture.publishedKinds("c1") == [.corrected])
        let fault = await refusal { try await fixture.correct("c1", "mug", by: -1) }
        #expect(fault?.reason == "inventory.movement_mismatch")
        let zero = await refusal { try await fixture.correct("c3", "mug", by: 0) }
        #expect(zero?.violations.map(\.field) == ["change"])
    }

    @Test("a correction cannot remove reserved units")
    func neverNegative() async throws {
        try await fixture.receive("d1", ["mug": 5])
        try await fixture.reserve("r1", ["mug": 4])
        let fault = await refusal { try await fixture.correct("c1", "mug", by: -2) }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "inventory.insufficient_stock")
        #expect(try await fixture.correct("c1", "mug", by: -1) == 4)
        let unknown = await refusal { try await fixture.correct("c2", "nothing", by: -1) }
        #expect(unknown?.reason == "inventory.insufficient_stock")
        #expect(await refusal { try await fixture.stock("nothing") }?.reason == "inventory.unknown_sku")
    }

    @Test("a correction can add units of an unknown SKU")
    func found() async throws {
        #expect(try await fixture.correct("c1", "mug", by: 3) == 3)
        let level = try await fixture.stock("mug").first
        #expect(level?.available == 3)
        #expect(level?.corrected == 3)
    }

    @Test("the list has every location once, in pages")
    func pages() async throws {
        for number in 1...7 {
            try await fixture.receive("d\(number)", [["a", "B", "z", "ä"][number % 4]: 1], warehouse: "w\(number)")
        }
        var seen: [String] = []
        var token = ""
        repeat {
            let page = try await fixture.client.listStock(
                .with {
                    $0.pageSize = 3
                    $0.pageToken = token
                },
                context: fixture.merchant
            )
            seen += page.levels.map { "\($0.sku)/\($0.warehouse)" }
            token = page.page.nextPageToken
            #expect(page.hasPage == !token.isEmpty)
        } while !token.isEmpty
        #expect(seen == ["B/w1", "B/w5", "a/w4", "z/w2", "z/w6", "ä/w3", "ä/w7"])
        let fault = await refusal {
            try await fixture.client.listStock(.with { $0.pageToken = "no token" }, context: fixture.merchant)
        }
        #expect(fault?.violations.map(\.field) == ["page_token"])
    }

    @Test("random operations: levels equal the sum of the published changes", arguments: 0..<20 as Range<UInt64>)
    func balances(seed: UInt64) async throws {
        let chance = SeededEntropy(seed: seed)
        try await fixture.receive("opening", ["mug": 20, "pen": 3])
        for step in 0..<40 {
            let id = "x\(chance.number(below: 8))"
            let count = UInt32(chance.number(below: 6)) + 1
            // Some steps are refused: they must not change the sums below.
            _ = await refusal {
                switch chance.number(below: 7) {
                case 0, 1: try await fixture.reserve(id, ["mug": count, "pen": 1])
                case 2: try await fixture.confirm(id)
                case 3: try await fixture.release(id)
                case 4: try await fixture.receive("d\(step % 5)", ["mug": count])
                case 5: _ = try await fixture.correct("c\(step % 5)", "mug", by: Int32(count) - 4)
                default:
                    fixture.time.advance(by: .seconds(400))
                    try await fixture.expireDue()
                }
            }
        }
        for sku in ["mug", "pen"] {
            let level = try #require(try await fixture.stock(sku).first)
            #expect(level.onHand == level.received - level.sold + level.returned + level.corrected)
            #expect(level.available >= 0)
            let changes = try await fixture.published().flatMap(\.changes).filter { $0.sku == sku }
            #expect(changes.reduce(0) { $0 + $1.available } == level.available)
            #expect(changes.reduce(0) { $0 + $1.onHand } == level.onHand)
        }
    }
}
