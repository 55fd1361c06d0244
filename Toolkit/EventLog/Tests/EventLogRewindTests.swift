import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import Synchronization
import Testing

@testable import MartletEventLog

@Suite("A group that goes back", .timeLimit(.minutes(HangLimit.testMinutes)))
struct EventLogRewindTests {
    @Test("waits for acknowledgements that are being written, which would undo it")
    func flushing() async throws {
        let time = ManualTime()
        let database = HeldDatabase(try SQLiteDatabase.inMemory(time: time))
        var limits = EventLogLimits()
        (limits.acceptsUndeclared, limits.partitions) = (true, 1)
        let log = try await EventLog.open(
            database,
            runtime: Runtime(time: time, seed: 1),
            policy: .sole("test"),
            limits: limits
        )
        try await log.publish([event(at: time.date)])
        let member = try await log.join(topic: "things", group: "g", start: .earliest)
        try await member.acknowledge(try await member.receive(limit: 1).map(\.id))

        async let flush: Void = log.flush()
        try await database.waitForHeld()
        async let again = log.join(topic: "things", group: "g", start: .again)
        await time.waitForSleepers()
        #expect(try await floor(in: database) == 0)
        #expect(database.rewinds == 0)
        database.release()
        try await flush
        #expect(try await floor(in: database) == 1)
        time.advance(by: limits.flushInterval)
        _ = try await again
        #expect(try await floor(in: database) == 0)
        #expect(database.rewinds == 1)
    }

    private func event(at date: Timestamp) -> Envelope {
        Envelope(
            id: "k/1",
            source: "test",
            epoch: 1,
            topic: "things",
            key: "k",
            sequence: 1,
            time: date,
            traceparent: nil,
            body: [1]
        )
    }

    private func floor(in database: any SQLDatabase) async throws -> Int? {
        try await database.read { tx in try tx.run("SELECT floor FROM log_positions").first?.int(0) }
    }
}

/// A database that holds the next write of acknowledgements back until it is released, and counts groups that go back.
private final class HeldDatabase: ForwardingDatabase {
    private struct State {
        var isReleased = false
        var rewinds = 0
    }

    let database: any SQLDatabase
    private let state = Mutex(State())
    private let held = Signal()
    private let released = Signal()

    init(_ database: any SQLDatabase) { self.database = database }

    /// Groups whose way back is stored.
    var rewinds: Int { state.withLock { $0.rewinds } }

    func waitForHeld() async throws { try await held.wait() }

    func release() {
        state.withLock { $0.isReleased = true }
        released.raise()
    }

    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let kind = ExactText("\(name)")
        if kind == "log.acknowledge", state.withLock({ !$0.isReleased }) {
            held.raise()
            try await released.wait()
        }
        let result = try await database.transaction(name, options: options, body)
        if kind == "log.rewind" { state.withLock { $0.rewinds += 1 } }
        return result
    }
}
