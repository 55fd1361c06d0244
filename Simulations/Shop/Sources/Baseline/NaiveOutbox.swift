import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletTesting
import Synchronization

/// A naive dual write without an outbox: it commits, and then publishes from memory.
///
/// The rows of the real outbox stay, as the invariant checker's record of what was committed; the transaction that
/// writes them marks them as sent, so that no relay reads them.
struct NaiveOutbox: ForwardingDatabase {
    /// Attempts of one publication.
    private static let attempts = 3

    private let source: String
    let database: any SQLDatabase
    private let bus: any MessageBus

    /// The events that one transaction will publish.
    private final class PendingEvents: Sendable {
        private let state = Mutex<[Envelope]>([])

        var events: [Envelope] {
            get { state.withLock { $0 } }
            set { state.withLock { $0 = newValue } }
        }
    }

    /// Runs after the outbox has written its rows.
    private final class Capture: SQLDeferredWork {
        private let source: String
        private let pending: PendingEvents

        init(_ source: String, _ pending: PendingEvents) { (self.source, self.pending) = (source, pending) }

        func flush(in tx: borrowing SQLTransaction) throws {
            let rows = try tx.run(
                """
                SELECT topic, key, epoch, sequence, time, traceparent, body, type, content_type, key_since FROM outbox
                WHERE sent_at IS NULL ORDER BY time, topic, key, epoch, sequence
                """
            )
            guard !rows.isEmpty else { return }
            try tx.run("UPDATE outbox SET sent_at = \(tx.date.microseconds) WHERE sent_at IS NULL")
            pending.events = try rows.map { try Envelope(outboxRow: $0, of: source) }
        }
    }

    init(of source: String, over database: any SQLDatabase, _ bus: any MessageBus) {
        self.source = source
        self.database = database
        self.bus = bus
    }

    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let (pending, source) = (PendingEvents(), source)
        let result = try await database.transaction(name, options: options) { (tx: borrowing SQLTransaction) in
            // A body may run twice: the rows of the first run were rolled back.
            pending.events = []
            let result = try body(tx)
            _ = tx.deferred { Capture(source, pending) }
            return result
        }
        await publish(pending.events)
        return result
    }

    /// Drops events that cannot be published: the transaction is committed, and its caller waits for the result.
    private func publish(_ events: [Envelope]) async {
        guard !events.isEmpty else { return }
        for _ in 0..<Self.attempts {
            do {
                try await bus.declare(BusDeclaration(topics: events.map { TopicPlan($0.topic) }))
                try await bus.publish(events)
                return
            } catch { continue }
        }
    }
}
