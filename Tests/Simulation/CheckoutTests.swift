import BuiltPrograms
import Foundation
import Testing

/// What `checkout-trace` prints, as far as the tests look.
struct CheckoutReport: Decodable {
    struct Order: Decodable {
        let customer: String
        let status: String
        let reason: String
        let captured: Int64
        let refunded: Int64
        let timeline: [String]
    }

    struct Stock: Decodable {
        let sku: String
        let onHand: Int64
        let available: Int64
    }

    struct Day: Decodable {
        let orders: [Order]
        let stock: [Stock]
        let timelines: String
        let events: String
        let published: Int
        let calls: String
        let callsFailed: Int
        let ledgerBalances: Bool
        let providerAgrees: Bool

        func order(of customer: String) throws -> Order { try #require(orders.first { $0.customer == customer }) }
    }

    let trace: String
    let steps: Int
    let foreignJobs: Int
    let day: Day
}

@Suite("Checkouts on the seeded executor", .enabled(if: CheckoutProgram.isBuilt))
struct CheckoutTests {
    @Test("take the same course in two processes for equal seeds", arguments: [1, 2, 77])
    func equalSeeds(seed: UInt64) throws {
        let (first, second) = (try CheckoutProgram.run(seed: seed), try CheckoutProgram.run(seed: seed))
        #expect(first == second)
        #expect(try CheckoutProgram.report(first).steps > 500)
    }

    @Test("take other courses for other seeds")
    func otherSeeds() throws {
        let reports = try (1...4).map { try CheckoutProgram.report(try CheckoutProgram.run(seed: $0)) }
        #expect(Set(reports.map(\.trace)).count == 4)
        #expect(Set(reports.map(\.day.timelines)).count == 4)
        #expect(Set(reports.map(\.day.events)).count == 4)
        #expect(Set(reports.map(\.day.calls)).count == 4)
    }

    @Test("leave no job to another thread")
    func noForeignJobs() throws {
        #expect(try CheckoutProgram.report(try CheckoutProgram.run(seed: 5)).foreignJobs == 0)
    }

    @Test("come out as customers and the books expect, whatever the seed", arguments: 1...12)
    func outcomes(seed: UInt64) throws {
        let day = try CheckoutProgram.report(try CheckoutProgram.run(seed: seed)).day
        let alice = try day.order(of: "alice")
        #expect(alice.status == "completed")
        #expect(alice.captured == 900)
        #expect(alice.timeline.first == "placed")
        #expect(alice.timeline.last == "completed")
        let bob = try day.order(of: "bob")
        #expect(bob.status == "rejected")
        #expect(bob.captured == 0)
        let carol = try day.order(of: "carol")
        #expect(["cancelled", "completed"].contains(carol.status))
        #expect(carol.captured == carol.refunded)
        let dave = try day.order(of: "dave")
        #expect(dave.status == "completed")
        #expect(dave.captured == 1_008)
        // The declined payment, as two callers see it, and the answer to the lamps' that was lost on the way.
        #expect(day.callsFailed >= 3)
        #expect(day.ledgerBalances)
        #expect(day.providerAgrees)
        #expect(day.stock.map(\.sku) == ["clock", "lamp", "mug"])
        #expect(day.stock.map(\.onHand) == [100, 98, 98])
        #expect(day.stock.map(\.available) == [100, 98, 98])
        #expect(day.published > 10)
    }
}

/// The program that runs one seed.
enum CheckoutProgram {
    private static let program = Program(built: "checkout-trace")

    static var isBuilt: Bool { program.isThere }

    /// Runs it to its end in a process of its own.
    static func run(seed: UInt64) throws -> String {
        let ended = try program.run(["--seed", "\(seed)"])
        #expect(ended.status == 0, "\(ended.words)")
        return String(decoding: ended.output, as: UTF8.self)
    }

    static func report(_ output: String) throws -> CheckoutReport {
        try JSONDecoder().decode(CheckoutReport.self, from: Data(output.utf8))
    }
}
