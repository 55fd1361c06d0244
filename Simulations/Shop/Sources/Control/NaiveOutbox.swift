import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletTesting
import Synchronization

/// What people write before they know of outboxes: it commits, and then tells the bus what it remembers.
///
/// The rows of the real outbox stay, as the observer's record of what was committed; they are marked as sent in the
/// transaction that writes them, so that nothing ever reads them again.
struct NaiveOutbox: ForwardingDatabase {
    /// Of one publication: it does try again.
    private static let attempts = 3

    private let source: String
    let database: any SQLDatabase
    private let bus: any MessageBus

    /// What one transaction is going to publish.
    private final class Memory: Sendable {
        private let state = Mutex<[Envelope]>([])

        var events: [Envelope] {
            get { state.withLock { $0 } }
            set { state.withLock { $0 = newValue } }
        }
    }

    /// Comes after the outbox has written its rows.
    private final class Capture: SQLDeferredWork {
        private let source: String
        private let memory: Memory

        init(_ source: String, _ memory: Memory) { (self.source, self.memory) = (source, memory) }

        func flush(in tx: borrowing SQLTransaction) throws {
            let rows = try tx.run(
                """
                SELECT topic, key, epoch, sequence, time, traceparent, body FROM outbox
                WHERE sent_at IS NULL ORDER BY time, topic, key, epoch, sequence
                """
            )
            guard !rows.isEmpty else { return }
            try tx.run("UPDATE outbox SET sent_at = \(tx.date.microseconds) WHERE sent_at IS NULL")
            memory.events = rows.map { Envelope(outboxRow: $0, of: source) }
        }
    }

    init(of source: String, over database: any SQLDatabase, _ bus: any MessageBus) {
        self.source = source
        self.database = database
        self.bus = bus
    }

    func transaction<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let (memory, source) = (Memory(), source)
        let result = try await database.transaction(name, deadline: deadline) { (tx: borrowing SQLTransaction) in
            // A body may run twice: what the first run wrote is gone.
            memory.events = []
            let result = try body(tx)
            _ = tx.deferred { Capture(source, memory) }
            return result
        }
        await publish(memory.events)
        return result
    }

    /// What cannot be published is forgotten: the caller's work is committed, and its answer is waited for.
    private func publish(_ events: [Envelope]) async {
        guard !events.isEmpty else { return }
        for _ in 0..<Self.attempts {
            do { return try await bus.publish(events) } catch { continue }
        }
    }
}
