import MartletCore
import MartletTesting
import MartletWorkflows
import OrdersContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Orders

@Suite("After days in which nothing ran")
struct AbsenceTests {
    /// What got lost, and how long nobody asked again: longer than keys are kept at a provider, or anywhere.
    struct Absence: Sendable, CustomTestStringConvertible {
        static let hours = [25, 8 * 24]

        let step: String
        let trouble: Script.Trouble
        let hours: Int
        /// Whether inventory was there meanwhile, and took its promises back.
        var isExpired = false

        var testDescription: String { "\(step) \(trouble), \(hours) h\(isExpired ? ", expired" : "")" }

        /// Sold units stay sold, and what was never promised can still be.
        var isCompleted: Bool {
            switch (step, trouble) {
            case ("reserve", .lostBeforeActing), ("confirm", .lostAfterActing), ("capture", _): true
            default: !isExpired
            }
        }

        static func of(_ steps: String...) -> [Absence] {
            steps.flatMap { step in
                [.lostBeforeActing, .lostAfterActing].flatMap { trouble in
                    hours.map { Absence(step: step, trouble: trouble, hours: $0) }
                }
            }
        }

        static var expired: [Absence] {
            of("reserve", "authorise", "confirm", "capture").map {
                var absence = $0
                absence.isExpired = true
                return absence
            }
        }
    }

    let world: OrdersWorld

    init() async throws { world = try await OrdersWorld(limits: .unhurried) }

    @Test(
        "a checkout goes on where it was, and charges once; or not at all, when its goods are no longer promised",
        arguments: Absence.of("reserve", "authorise", "confirm", "capture") + Absence.expired
    )
    func checkout(absence: Absence) async throws {
        lose(absence)
        let id = try await world.place().orderID
        try await goOn(after: absence)
        let order = try await world.order(id)
        #expect(try await world.unfinished().isEmpty)
        #expect(world.stock.promised == 0)
        guard absence.isCompleted else {
            #expect(order.status == .rejected)
            #expect(order.reason == "inventory.reservation_closed")
            #expect(world.desk.standings == (absence.step == "reserve" ? [:] : [id: .voided]))
            #expect(world.stock.stock["mug"] == 10)
            #expect(try await world.told(id).last == .rejected)
            return
        }
        #expect(order.status == .completed)
        #expect(order.captured.minorUnits == 510)
        #expect(world.desk.standings == [id: .captured])
        #expect(world.desk.captured == 510)
        #expect(world.stock.stock["mug"] == 8)
        #expect(try await world.told(id) == [.placed, .confirmed, .completed])
    }

    @Test(
        "a checkout that was cancelled meanwhile undoes everything",
        arguments: Absence.of("reserve", "authorise", "confirm", "void", "release")
    )
    func cancelled(absence: Absence) async throws {
        lose(absence)
        let id = try await world.place().orderID
        // Before an undo there is a cause for it.
        if ["void", "release"].contains(absence.step) { try await world.cancel(id) }
        try await world.settle()
        try await world.cancel(id)
        try await goOn(after: absence)
        #expect(try await world.order(id).status == .cancelled)
        #expect(world.desk.standings == [id: .voided])
        #expect(world.stock.stock == ["mug": 10, "pen": 1])
        #expect(world.stock.promised == 0)
        #expect(try await world.unfinished().isEmpty)
    }

    @Test("a return goes on where it was, and refunds and restocks once", arguments: Absence.of("refund", "receive"))
    func takeBack(absence: Absence) async throws {
        let id = try await world.completed()
        lose(absence)
        try await world.giveBack(id, "r1", ["mug": 1])
        try await goOn(after: absence)
        #expect(try await world.order(id).refunded.minorUnits == 255)
        #expect(world.desk.refunded == 255)
        #expect(world.stock.stock["mug"] == 9)
        #expect(try await world.unfinished().isEmpty)
    }

    @Test(
        "a late cancel goes on where it was, and gives everything back once",
        arguments: Absence.of("refund", "receive")
    )
    func lateCancel(absence: Absence) async throws {
        let id = try await world.completed()
        lose(absence)
        try await world.cancel(id)
        try await goOn(after: absence)
        #expect(try await world.order(id).refunded.minorUnits == 510)
        #expect(world.desk.refunded == 510)
        #expect(world.stock.stock["mug"] == 10)
        #expect(try await world.unfinished().isEmpty)
    }

    private func lose(_ absence: Absence) {
        world.stock.script.trouble(absence.step, absence.trouble, absence.trouble)
        world.desk.script.trouble(absence.step, absence.trouble, absence.trouble)
    }

    /// Twice, since the first answer after an absence may get lost like any other.
    private func goOn(after absence: Absence) async throws {
        for _ in 1...2 {
            try await world.settle()
            #expect(try await world.unfinished().allSatisfy { $0.state == .open })
            world.time.advance(by: .seconds(Int64(absence.hours * 3_600)))
            if absence.isExpired { world.stock.expire() }
        }
        try await world.settle()
    }
}
