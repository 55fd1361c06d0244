import MartletCore
public import MartletMessaging
public import MartletSQL
import MartletTelemetry

extension SQLTransaction {
    /// Publishes `event` if and only if this transaction commits.
    ///
    /// Events of equal topic and key are handled in the order of the commits, and in one transaction in the order of
    /// the calls.
    ///
    /// - Throws: `Fault`: `invalidArgument` beyond the limits of ``Outbox``. At the transaction's end, ``OutboxFull``:
    ///   nothing is committed then.
    public borrowing func append(_ event: OutgoingEvent) throws {
        try deferred { OutboxBuffer() }.add(event)
    }

    /// Publishes `body` on `topic` if and only if this transaction commits; see ``append(_:)``.
    ///
    /// ```swift
    /// func add(_ code: String, _ url: String, to database: any SQLDatabase) async throws {
    ///     try await database.transaction("add") { tx in
    ///         try tx.run("INSERT INTO links (code, url) VALUES (\(code), \(url))")
    ///         let event = LinkCreated.with {
    ///             $0.code = code
    ///             $0.url = url
    ///         }
    ///         try tx.publish(event, on: LinksTopics.created)
    ///     }
    /// }
    /// ```
    ///
    /// - Throws: As ``append(_:)``; what the topic's encoding throws.
    public borrowing func publish<Body>(_ body: Body, on topic: Topic<Body>) throws {
        try append(try OutgoingEvent(body, on: topic))
    }
}

/// The events of one transaction until its body ends.
final class OutboxBuffer: SQLDeferredWork {
    private struct EventStream: Hashable, Comparable {
        let topic: ExactText
        let key: ExactText

        static func < (left: EventStream, right: EventStream) -> Bool {
            (left.topic, left.key) < (right.topic, right.key)
        }
    }

    private struct BufferedEvent {
        let type: EventType?
        let body: [UInt8]
        let traceparent: String?
    }

    private var events: [EventStream: [BufferedEvent]] = [:]
    private var count = 0
    /// Of the events whose traces are recorded: each lasts until the commit, and there is none without it.
    private var spans: [ServiceSpan] = []
    private var flushed = false

    func add(_ event: OutgoingEvent) throws {
        precondition(!flushed, "an event was appended after the transaction's events were written")
        guard TopicName.isValid(event.topic) else {
            throw Fault(.invalidArgument, .invalidRequest, "an event's topic must be \(TopicName.rule)")
        }
        guard 1...Outbox.keyLimit ~= event.key.utf8.count else {
            throw Fault(.invalidArgument, .invalidRequest, "an event's key must have 1 to \(Outbox.keyLimit) bytes")
        }
        guard event.body.count <= Outbox.bodyLimit, count < Outbox.appendLimit else {
            throw Fault(.invalidArgument, .requestTooLarge, "an event's body or the number of events is over the limit")
        }
        count += 1
        let traceparent = (beginSpan(of: event) ?? TraceContext.innermost)?.traceparent
        let stream = EventStream(topic: ExactText(event.topic), key: ExactText(event.key))
        let buffered = BufferedEvent(type: event.type, body: event.body, traceparent: traceparent)
        events[stream, default: []].append(buffered)
    }

    func flush(in tx: borrowing SQLTransaction) throws {
        flushed = true
        guard let source = try tx.run("SELECT epoch, is_full FROM outbox_source").first else {
            throw SQLError(.misuse, code: "", message: "outbox_source has no row")
        }
        guard try !source.bool(1) else { throw OutboxFull() }
        // In key order, so that two transactions that touch the same keys cannot deadlock.
        for (stream, events) in events.sorted(by: { $0.key < $1.key }) {
            try write(events, of: stream, epoch: source.int(0), in: tx)
        }
        let spans = spans
        if !spans.isEmpty {
            tx.afterCommit {
                for span in spans { span.end(nil) }
            }
        }
        tx.notify(Outbox.committed)
        tx.afterCommit { crashPoint("outbox.committed") }
    }

    /// The place of the event in its trace; `nil` when that is not recorded.
    private func beginSpan(of event: OutgoingEvent) -> TraceContext? {
        guard let scope = ServiceTracer.nested(.producer, name: "append \(event.topic)") else { return nil }
        guard let span = scope.span else { return scope.trace }
        span.set(.messagingSystem, "martlet")
        span.set(.messagingOperationType, "create")
        span.set(.messagingOperationName, "append")
        span.set(.messagingDestinationName, event.topic)
        spans.append(span)
        return scope.trace
    }

    private func write(
        _ events: [BufferedEvent],
        of stream: EventStream,
        epoch: Int,
        in tx: borrowing SQLTransaction
    ) throws {
        // A key's times never decrease, even when the clock does: relays send in the order of time. Its first time is that
        // of number 1, also in a new epoch.
        let allocated = try tx.run(
            """
            INSERT INTO outbox_keys (topic, key, next_sequence, last_time, first_time)
            VALUES (\(stream.topic), \(stream.key), \(1 + events.count), \(tx.date.microseconds),
                \(tx.date.microseconds))
            ON CONFLICT (topic, key) DO UPDATE SET
                next_sequence = outbox_keys.next_sequence + \(events.count),
                last_time = CASE WHEN excluded.last_time > outbox_keys.last_time
                    THEN excluded.last_time ELSE outbox_keys.last_time END,
                first_time = CASE WHEN outbox_keys.next_sequence > 1 THEN outbox_keys.first_time
                    WHEN excluded.last_time > outbox_keys.last_time THEN excluded.last_time
                    ELSE outbox_keys.last_time END
            RETURNING next_sequence, last_time, first_time
            """
        )
        guard let allocated = allocated.first else {
            throw SQLError(.misuse, code: "", message: "outbox_keys returned no row")
        }
        let partition = Partitioning.partition(of: "\(stream.topic)/\(stream.key)", among: Outbox.partitions)
        let (first, since) = try (allocated.int(0) - events.count, allocated.intIfPresent(2))
        for (index, event) in events.enumerated() {
            try tx.run(
                """
                INSERT INTO outbox (topic, key, epoch, sequence, partition, time, key_since, traceparent, type,
                    content_type, body)
                VALUES (\(stream.topic), \(stream.key), \(epoch), \(first + index), \(partition),
                    \(allocated.int64(1)), \(since), \(event.traceparent), \(event.type?.name),
                    \(event.type?.contentType), \(event.body))
                """
            )
        }
    }
}
