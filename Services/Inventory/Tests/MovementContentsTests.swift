import InventoryContract
import MartletContract
import MartletCore
import MartletSQL
import SharedContract
import SwiftProtobuf
import Testing

@testable import Inventory

@Suite("Contents of deliveries and corrections")
struct MovementContentsTests {
    let fixture: InventoryFixture

    init() async throws { fixture = try await InventoryFixture() }

    private func contents(_ warehouse: String, _ lines: [(String, Int)], form: Int) -> String {
        let lines = lines.map { (sku: SKU($0.0), units: $0.1) }
        return MovementContents(kind: .received, warehouse: ExactText(warehouse), lines: lines).text(form)
    }

    @Test("contents of ordinary names are written as before")
    func ordinary() {
        let lines = [("mug", 5), ("pen-2/ä", 1)]
        #expect(contents("main", lines, form: MovementContents.Form.escaped) == "received main mug=5,pen-2/ä=1")
        #expect(contents("main", lines, form: MovementContents.Form.plain) == "received main mug=5,pen-2/ä=1")
    }

    @Test("different contents never have one text")
    func unambiguous() {
        let all: [(String, [(String, Int)])] = [
            ("main", [("a", 1), ("b", 2)]), ("main", [("a=1,b", 2)]), ("w x", [("c", 5)]), ("w", [("x c", 5)]),
            ("w", [("x%20c", 5)]), ("main", [("K", 1)]), ("main", [("\u{212A}", 1)]), ("main", [("a%3d1", 2)]),
        ]
        let texts = all.map { ExactText(contents($0.0, $0.1, form: MovementContents.Form.escaped)) }
        #expect(Set(texts).count == all.count)
    }

    @Test("another delivery or correction under a known id is refused, whatever its names contain")
    func refused() async throws {
        try await fixture.receive("d1", ["a": 1, "b": 2])
        let delivery = await refusal { try await fixture.receive("d1", ["a=1,b": 2]) }
        #expect(delivery?.reason == "inventory.movement_mismatch")
        #expect(await refusal { try await fixture.stock("a=1,b") }?.reason == "inventory.unknown_sku")
        func correct(_ sku: String, in warehouse: String) async throws {
            let request = CorrectRequest.with {
                $0.correctionID = "c1"
                $0.sku = sku
                $0.warehouse = warehouse
                $0.change = 5
            }
            _ = try await fixture.client.correct(request, context: fixture.merchant)
        }
        try await correct("c", in: "w x")
        let correction = await refusal { try await correct("x c", in: "w") }
        #expect(correction?.reason == "inventory.movement_mismatch")
        try await correct("c", in: "w x")
    }

    @Test("a delivery from before is repeated, also with names that are escaped now")
    func stored() async throws {
        try await fixture.receive("d1", ["red mug": 3])
        try await fixture.database.transaction { tx in
            try tx.run("UPDATE movements SET contents = 'received main red mug=3', form = 1 WHERE id = 'd1'")
        }
        try await fixture.receive("d1", ["red mug": 3])
        #expect(try await fixture.stock("red mug").map(\.received) == [3])
        let other = await refusal { try await fixture.receive("d1", ["red mug": 4]) }
        #expect(other?.reason == "inventory.movement_mismatch")
    }

    @Test("SKUs and warehouses that look alike have stock of their own")
    func lookAlikes() async throws {
        let (composed, decomposed) = ("CAF\u{C9}", "CAFE\u{301}")
        try await fixture.receive("d1", [composed: 2, decomposed: 3])
        try await fixture.receive("d2", [composed: 1], warehouse: "\u{212A}")
        try await fixture.receive("d3", [composed: 1], warehouse: "K")
        #expect(try await fixture.stock(composed).map(\.onHand) == [1, 2, 1])
        #expect(try await fixture.stock(decomposed).map(\.onHand) == [3])
        _ = try await fixture.reserve("o1", [(composed, 4), (decomposed, 3)])
        try await fixture.confirm("o1")
        #expect(try await fixture.stock(composed).map(\.sold) == [1, 2, 1])
        #expect(try await fixture.stock(decomposed).map(\.sold) == [3])
        let short = await refusal { try await fixture.reserve("o2", [(composed, 1), (decomposed, 1)]) }
        #expect(short?.violations.map(\.field) == ["lines[0].sku", "lines[1].sku"])
    }
}
