import MartletCore
import MartletTesting
import MartletWorkflows
import OrdersContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Orders

@Suite("Recovery after a long outage")
struct OutageTests {
    /// The lost call and the time until its retry, which exceeds the lifetime of all idempotency keys.
    struct Outage: Sendable, CustomTestStringConvertible {
        static let hours = [25, 8 * 24]

        let step: String
        let fault: Script.InjectedFault
        let hours: Int
        /// Whether inventory ran meanwhile and let the reservation expire.
        var isExpired = false

        var testDescription: String { "\(step) \(fault), \(hours) h\(isExpired ? ", expired" : "")" }

        /// A sale stays a sale, and units that were never reserved can still be.
        var isCompleted: Bool {
            switch (step, fault) {
            case ("reserve", .requestLost), ("confirm", .responseLost), ("capture", _): true
            default: !isExpired
            }
        }

        static func of(_ steps: String...) -> [Outage] {
            steps.flatMap { step in
                [.requestLost, .responseLost].flatMap { fault in
                    hours.map { Outage(step: step, fault: fault, hours: $0) }
                }
            }
        }

        static var expired: [Outage] {
            of("reserve", "authorise", "confirm", "capture").map {
                var outage = $0
                outage.isExpired = true
                return outage
            }
        }
    }

    let fixture: OrdersFixture

    init() async throws { fixture = try await OrdersFixture(limits: .delayedRetries) }

    @Test(
        "a checkout resumes and charges once; it is rejected when its reservation has expired",
        arguments: Outage.of("reserve", "authorise", "confirm", "capture") + Outage.expired
    )
    func checkout(outage: Outage) async throws {
        injectFaults(outage)
        let id = try await fixture.place().orderID
        try await resume(after: outage)
        let order = try await fixture.order(id)
        #expect(try await fixture.unfinished().isEmpty)
        #expect(fixture.inventory.heldReservations == 0)
        guard outage.isCompleted else {
            #expect(order.status == .rejected)
            #expect(order.reason == "inventory.reservation_closed")
            #expect(fixture.payments.statuses == (outage.step == "reserve" ? [:] : [id: .voided]))
            #expect(fixture.inventory.stock["mug"] == 10)
            #expect(try await fixture.publishedKinds(id).last == .rejected)
            return
        }
        #expect(order.status == .completed)
        #expect(order.captured.minorUnits == 510)
        #expect(fixture.payments.statuses == [id: .captured])
        #expect(fixture.payments.captured == 510)
        #expect(fixture.inventory.stock["mug"] == 8)
        #expect(try await fixture.publishedKinds(id) == [.placed, .confirmed, .completed])
    }

    @Test(
        "a checkout that was cancelled meanwhile is compensated",
        arguments: Outage.of("reserve", "authorise", "confirm", "void", "release")
    )
    func cancelled(outage: Outage) async throws {
        injectFaults(outage)
        let id = try await fixture.place().orderID
        // Only a cancelled checkout has undo steps.
        if ["void", "release"].contains(outage.step) { try await fixture.cancel(id) }
        try await fixture.runUntilIdle()
        try await fixture.cancel(id)
        try await resume(after: outage)
        #expect(try await fixture.order(id).status == .cancelled)
        #expect(fixture.payments.statuses == [id: .voided])
        #expect(fixture.inventory.stock == ["mug": 10, "pen": 1])
        #expect(fixture.inventory.heldReservations == 0)
        #expect(try await fixture.unfinished().isEmpty)
    }

    @Test("a return resumes, and refunds and restocks once", arguments: Outage.of("refund", "receive"))
    func returnResumes(outage: Outage) async throws {
        let id = try await fixture.completed()
        injectFaults(outage)
        try await fixture.returnUnits(of: id, as: "r1", ["mug": 1])
        try await resume(after: outage)
        #expect(try await fixture.order(id).refunded.minorUnits == 255)
        #expect(fixture.payments.refunded == 255)
        #expect(fixture.inventory.stock["mug"] == 9)
        #expect(try await fixture.unfinished().isEmpty)
    }

    @Test(
        "a late cancel resumes, and refunds and restocks everything once",
        arguments: Outage.of("refund", "receive")
    )
    func lateCancel(outage: Outage) async throws {
        let id = try await fixture.completed()
        injectFaults(outage)
        try await fixture.cancel(id)
        try await resume(after: outage)
        #expect(try await fixture.order(id).refunded.minorUnits == 510)
        #expect(fixture.payments.refunded == 510)
        #expect(fixture.inventory.stock["mug"] == 10)
        #expect(try await fixture.unfinished().isEmpty)
    }

    private func injectFaults(_ outage: Outage) {
        fixture.inventory.script.inject(outage.step, outage.fault, outage.fault)
        fixture.payments.script.inject(outage.step, outage.fault, outage.fault)
    }

    /// Twice, since the first response after an outage may be lost as well.
    private func resume(after outage: Outage) async throws {
        for _ in 1...2 {
            try await fixture.runUntilIdle()
            #expect(try await fixture.unfinished().allSatisfy { $0.state == .open })
            fixture.time.advance(by: .seconds(Int64(outage.hours * 3_600)))
            if outage.isExpired { fixture.inventory.expire() }
        }
        try await fixture.runUntilIdle()
    }
}
