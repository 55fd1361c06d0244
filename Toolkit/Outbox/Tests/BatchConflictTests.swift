import MartletCore
import MartletMessaging
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletOutbox

@Suite("A batch of events that conflicts", .timeLimit(.minutes(HangLimit.testMinutes)))
struct BatchConflictTests {
    let fixture: OutboxFixture
    let handler = FaultyHandler()

    init() async throws { fixture = try await OutboxFixture() }

    @Test("loses in all its attempts: its events are handled one by one, each once and in order")
    func split() async throws {
        let busy = BusyDatabase(fixture.target)
        let member = try await fixture.bus.join(topic: "things", group: "g", start: .earliest)
        var consumer = Consumer(
            subscription: handler.subscription(),
            member: member,
            database: busy,
            runtime: fixture.runtime,
            limits: SubscriptionRunner.Limits(),
            keyFailures: KeyFailures(),
            group: nil
        )
        try await fixture.commit((0..<32).map { "k\($0 % 4)" })
        try await fixture.relay().drain()
        try await consumer.step()
        for key in 0..<4 { #expect(try await fixture.effects(of: "k\(key)") == Array(1...8)) }
        #expect(try await fixture.lag() == 0)
        #expect(busy.lost == 1)
    }

    @Test("a single event that conflicts waits, and is not counted as failed")
    func single() {
        let conflict = SQLError(.conflict, code: "40001", message: "")
        #expect(HandlerFailure.isOfBatch(conflict, events: 2))
        #expect(!HandlerFailure.isOfBatch(conflict, events: 1))
        #expect(!HandlerFailure.isOfBatch(SQLError(.unavailable, code: "", message: ""), events: 2))
        #expect(HandlerFailure.isOfBatch(FaultyHandler.Broken(), events: 1))
    }
}

/// A database in which a transaction that handles several events loses to shorter ones, whenever it runs.
private final class BusyDatabase: ForwardingDatabase {
    let database: any SQLDatabase
    private let losses = Mutex(0)

    init(_ database: any SQLDatabase) { self.database = database }

    /// How many transactions have lost in all their attempts.
    var lost: Int { losses.withLock { $0 } }

    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        do {
            return try await database.transaction(name, options: options) { (tx: borrowing SQLTransaction) in
                let result = try body(tx)
                if let events = result as? [InboxDecision], events.count > 1 {
                    throw SQLError(.conflict, code: "40001", message: "")
                }
                return result
            }
        } catch let error as SQLError where error.kind == .conflict {
            losses.withLock { $0 += 1 }
            throw error
        }
    }
}
