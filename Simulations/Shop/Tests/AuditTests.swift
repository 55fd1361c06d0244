import Foundation
import MartletSimulation
import OrdersContract
import SwiftProtobuf
import Testing

@testable import ShopSimulation

@Suite("The audit")
struct AuditTests {
    @Test("finds nothing where nothing is wrong")
    func sound() throws {
        #expect(try Story.sound().violations.map { "\($0.invariant): \($0.what)" } == [])
    }

    @Test("finds each defect, and nothing else", arguments: Defect.all)
    func finds(_ defect: Defect) throws {
        var story = try Story.sound()
        try defect.spoil(&story)
        var left = story.violations
        for expected in defect.expected {
            let found = left.firstIndex { $0.invariant == expected.invariant && $0.what.contains(expected.words) }
            guard let found else {
                Issue.record("no \(expected.invariant.rawValue) with “\(expected.words)” among \(left)")
                continue
            }
            left.remove(at: found)
        }
        #expect(left.map { "\($0.invariant): \($0.what)" } == [])
    }

    @Test("excuses that goods were let go when nothing ran for longer than they are held", arguments: [24, 25])
    func lapsed(hours: Int) throws {
        var story = try Story.sound()
        try story.add("gus", .lapsed)
        story.absence = .seconds(hours * 3_600)
        #expect(story.violations.isEmpty == (hours > 24))
    }

    @Test("tells spoilt books from sound ones by their hash")
    func hash() throws {
        func hash(_ books: Books) -> String {
            var hash = Fingerprint()
            books.add(to: &hash)
            return hash.description
        }
        let sound = try Story.sound()
        #expect(try hash(sound.books) == hash(Story.sound().books))
        var equal: [String] = []
        for defect in Defect.all {
            var story = try Story.sound()
            try defect.spoil(&story)
            if hash(story.books) == hash(sound.books) { equal.append(defect.testDescription) }
        }
        // What a customer was told stands in no book.
        #expect(
            equal == [
                "an order is forgotten", "who cancelled is promised more", "one of two cancels is refused",
                "a cancelled order comes back as well", "a cancel is refused without a rival",
                "a return is refused without a rival",
            ]
        )
    }

    /// A check is a place in the sources that makes a violation; each needs a defect that only it can see.
    @Test("has no check without a planted defect")
    func complete() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Sources/Checks").standardized
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.lastPathComponent.hasPrefix("Audit") }
        let places = try files.reduce(into: 0) { count, file in
            let text = try String(contentsOf: file, encoding: .utf8)
            count += text.matches(of: /Violation\(\s*\./).count
        }
        var seen: Set<String> = []
        for defect in Defect.all {
            var story = try Story.sound()
            try defect.spoil(&story)
            seen.formUnion(story.violations.map(\.check))
        }
        #expect(seen.count == places, "\(seen.sorted().joined(separator: "\n"))")
    }
}

@Suite("The witness")
struct WitnessTests {
    private func order(_ id: String) -> OrdersContract.Order { .with { $0.orderID = id } }

    @Test("sees one key that is answered with two orders")
    func twoOrders() {
        let witness = Witness()
        for id in ["order-1", "order-1", "order-2"] { witness.placed(order(id), customer: "ann", key: "k", goods: [:]) }
        #expect(witness.violations.map(\.invariant) == [.orderLost])
        #expect(witness.orders.map(\.orderID) == ["order-1", "order-2"])
    }

    @Test("takes equal keys of two customers for two")
    func twoCustomers() {
        let witness = Witness()
        witness.placed(order("order-1"), customer: "ann", key: "k", goods: [:])
        witness.placed(order("order-2"), customer: "bob", key: "k", goods: [:])
        #expect(witness.violations.isEmpty)
    }

    @Test("sees a return that is promised twice, and another refund each time")
    func twoRefunds() {
        let witness = Witness()
        witness.placed(order("order-1"), customer: "ann", key: "k", goods: [:])
        for refund: Int64 in [500, 500, 501] { witness.returnAccepted("order-1", "r", units: 1, refund: refund) }
        #expect(witness.violations.map(\.invariant) == [.chargedTwice])
    }
}
