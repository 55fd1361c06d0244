import Foundation
import MartletSimulation
import OrdersContract
import SwiftProtobuf
import Testing

@testable import ShopSimulation

@Suite("Invariant checker")
struct InvariantCheckerTests {
    @Test("finds no violation in a sound world")
    func sound() throws {
        #expect(try CheckerFixture.sound().violations.map { "\($0.invariant): \($0.what)" } == [])
    }

    @Test("finds each planted defect, and nothing else", arguments: Defect.all)
    func finds(_ defect: Defect) throws {
        var fixture = try CheckerFixture.sound()
        try defect.apply(&fixture)
        var left = fixture.violations
        for expected in defect.expected {
            let found = left.firstIndex { $0.invariant == expected.invariant && $0.what.contains(expected.text) }
            guard let found else {
                Issue.record("no \(expected.invariant.rawValue) with “\(expected.text)” among \(left)")
                continue
            }
            left.remove(at: found)
        }
        #expect(left.map { "\($0.invariant): \($0.what)" } == [])
    }

    @Test("accepts an expired reservation only after an outage longer than reservations last", arguments: [24, 25])
    func expired(hours: Int) throws {
        var fixture = try CheckerFixture.sound()
        try fixture.add("gus", .expired)
        fixture.longestOutage = .seconds(hours * 3_600)
        #expect(fixture.violations.isEmpty == (hours > 24))
    }

    @Test("the hash of a snapshot changes with every stored defect")
    func hash() throws {
        func hash(_ snapshot: StateSnapshot) -> String {
            var hash = Fingerprint()
            snapshot.add(to: &hash)
            return hash.description
        }
        let sound = try CheckerFixture.sound()
        #expect(try hash(sound.snapshot) == hash(CheckerFixture.sound().snapshot))
        var equal: [String] = []
        for defect in Defect.all {
            var fixture = try CheckerFixture.sound()
            try defect.apply(&fixture)
            if hash(fixture.snapshot) == hash(sound.snapshot) { equal.append(defect.testDescription) }
        }
        // Client observations are not part of the snapshot.
        #expect(
            equal == [
                "an acknowledged order is lost", "a cancelled order is promised a larger refund",
                "an order is placed at another price than was shown",
                "one of two cancels is refused", "a cancelled order is returned as well",
                "a cancel is refused without a conflict", "a return is refused without a conflict",
            ]
        )
    }

    @Test("the hash of a snapshot changes with what stored invariants alone check")
    func hashOfStored() throws {
        let changes: [(inout StateSnapshot) -> Void] = [
            { _ in },
            { $0.orders["order-cid"]?.status = "pending" },
            { $0.orders["order-cid"]?.reference = "reference-bob" },
            { $0.runs.append(("orders", "run-1", "open", "")) },
            { $0.runs.append(("orders", "run-1", "needs_human", "why")) },
        ]
        let hashes = try changes.map { change in
            var snapshot = try CheckerFixture.sound().snapshot
            change(&snapshot)
            var hash = Fingerprint()
            snapshot.add(to: &hash)
            return hash.description
        }
        #expect(Set(hashes).count == changes.count)
    }

    /// A check is a source location that creates a violation; each needs a defect that only it detects.
    @Test("has a planted defect for each check")
    func complete() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Sources/Checkers").standardized
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.lastPathComponent.hasPrefix("InvariantChecker") }
        let checks = try files.reduce(into: 0) { count, file in
            let text = try String(contentsOf: file, encoding: .utf8)
            count += text.matches(of: /Violation\(\s*\./).count
        }
        var seen: Set<String> = []
        for defect in Defect.all {
            var fixture = try CheckerFixture.sound()
            try defect.apply(&fixture)
            seen.formUnion(fixture.violations.map(\.check))
        }
        #expect(seen.count == checks, "\(seen.sorted().joined(separator: "\n"))")
    }
}

@Suite("Client observations")
struct ClientObservationsTests {
    private func order(_ id: String) -> OrdersContract.Order { .with { $0.orderID = id } }

    @Test("one key acknowledged with two orders: violation")
    func twoOrders() {
        let observations = ClientObservations()
        for id in ["order-1", "order-1", "order-2"] {
            observations.placed(order(id), customer: "ann", key: "k", goods: [:], shown: 0)
        }
        #expect(observations.violations.map(\.invariant) == [.orderLost])
        #expect(observations.orders.map(\.orderID) == ["order-1", "order-2"])
    }

    @Test("equal keys of two customers are distinct")
    func twoCustomers() {
        let observations = ClientObservations()
        observations.placed(order("order-1"), customer: "ann", key: "k", goods: [:], shown: 0)
        observations.placed(order("order-2"), customer: "bob", key: "k", goods: [:], shown: 0)
        observations.placed(order("order-3"), customer: "customer-K", key: "k", goods: [:], shown: 0)
        observations.placed(order("order-4"), customer: "customer-\u{212A}", key: "k", goods: [:], shown: 0)
        #expect(observations.violations.isEmpty)
    }

    @Test("one return promised two different refunds: violation")
    func twoRefunds() {
        let observations = ClientObservations()
        observations.placed(order("order-1"), customer: "ann", key: "k", goods: [:], shown: 0)
        for refund: Int64 in [500, 500, 501] { observations.returnAccepted("order-1", "r", units: 1, refund: refund) }
        #expect(observations.violations.map(\.invariant) == [.chargedTwice])
    }
}
