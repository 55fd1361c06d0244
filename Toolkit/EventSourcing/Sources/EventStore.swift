import MartletCore
public import MartletSQL

/// The streams of one service: append with an expected version, load, and the projections.
///
/// Everything happens in the caller's transaction: events, projections, outgoing events and journal entries commit
/// together.
///
/// A store keeps the states that were used last, of at most 2 MiB of events, and compares them with their streams in each
/// transaction: a service makes one store, and stores of several processes do not affect each other. Stored events do not
/// change while a store exists.
public struct EventStore: Sendable {
    public static var migrations: [Migration] { EventStoreTables.migrations + EventStoreAuditViews.migrations }
    /// How long the rows of its tables stay: a part of the blueprint's `retentions`.
    public static let retentions = [
        TableRetention("es_events", .permanent(bound: "what happened to each stream")),
        TableRetention("es_snapshots", .permanent(bound: "one for each stream")),
    ]
    /// Events of one append.
    public static let appendLimit = 1_000
    /// One event's body or one snapshot, in bytes of JSON.
    public static let bodyBytesMax = 1_048_576
    /// Events that are read at a time.
    static let pageLimit = 500

    let projections: [Projection]
    let upcasters: UpcasterChain
    let states = StateCache()

    public init(projections: [Projection], upcasters: [Upcaster]) {
        self.projections = projections
        self.upcasters = UpcasterChain(upcasters)
    }

    /// The version of the stream's last event; 0 when the stream does not exist.
    public func version(of stream: String, in tx: borrowing SQLTransaction) throws -> Int {
        try tx.run("SELECT COALESCE(MAX(version), 0) FROM es_events WHERE stream = \(stream)").first?.int(0) ?? 0
    }

    /// Appends `events` after version `expected`, and updates the projections.
    ///
    /// - Parameters:
    ///   - events: In order; at most ``appendLimit``.
    ///   - stream: The name of the stream.
    ///   - expected: 0 for a new stream.
    ///   - tx: The transaction that also updates the projections.
    /// - Returns: The version of the last event.
    /// - Throws: ``VersionConflict``; `Fault` when there are more than ``appendLimit`` events or a body is too long.
    @discardableResult
    public func append(
        _ events: [NewEvent],
        to stream: String,
        expected: Int,
        in tx: borrowing SQLTransaction
    ) throws -> Int {
        let actual = try version(of: stream, in: tx)
        guard actual == expected else { throw VersionConflict(stream: stream, expected: expected, actual: actual) }
        let date = try tx.date
        let stored = events.enumerated().map { index, event in
            StoredEvent(event, from: nil, stream: stream, version: expected + 1 + index, at: date)
        }
        try insert(stored, in: tx)
        return expected + events.count
    }

    /// Inserts the next events of a stream, of which this transaction knows the version, and updates the projections.
    ///
    /// - Throws: As ``append(_:to:expected:in:)``.
    func insert(_ events: [StoredEvent], in tx: borrowing SQLTransaction) throws {
        guard events.count <= Self.appendLimit else {
            throw Fault(.invalidArgument, .requestTooLarge, "more than \(Self.appendLimit) events in one append")
        }
        for event in events {
            guard event.body.utf8.count <= Self.bodyBytesMax else {
                throw Fault(.invalidArgument, .requestTooLarge, "an event is longer than \(Self.bodyBytesMax) bytes")
            }
            do {
                try tx.run(
                    """
                    INSERT INTO es_events (stream, version, type, schema, body, at)
                    VALUES (\(event.stream), \(event.version), \(event.type), \(event.schema), \(event.body),
                        \(event.at.microseconds))
                    """
                )
            } catch let error as SQLError where error.kind == .constraint {
                // No value is NULL: it is the key.
                throw VersionConflict(stream: event.stream, expected: event.version - 1, actual: event.version)
            }
            try project(event, in: tx)
        }
    }

    /// The events of a stream from version `first` on, upcasted; empty when there are none.
    public func load(
        _ stream: String,
        from first: Int = 1,
        in tx: borrowing SQLTransaction
    ) throws -> [StoredEvent] {
        var events: [StoredEvent] = []
        var next = first
        while true {
            let rows = try tx.run(
                """
                SELECT stream, version, type, schema, body, at FROM es_events
                WHERE stream = \(stream) AND version >= \(next) ORDER BY version LIMIT \(Self.pageLimit)
                """
            )
            for row in rows { events.append(try upcasters.upcast(StoredEvent(row: row))) }
            guard rows.count == Self.pageLimit, let last = events.last else { return events }
            next = last.version + 1
        }
    }

    /// The events after a cached state.
    ///
    /// - Returns: `nil` when this transaction does not see the event with which the state ends, as on an older snapshot, or
    ///   sees another one, as after a failover to a database that lacked the last commits.
    func events<S: EventSourced>(after cached: Loaded<S>, in tx: borrowing SQLTransaction) throws -> [StoredEvent]? {
        // The first row proves the state, so that one statement is enough; its body is not read.
        let rows = try tx.run(
            """
            SELECT stream, version, type, schema, CASE WHEN version = \(cached.version) THEN '' ELSE body END, at
            FROM es_events WHERE stream = \(cached.id) AND version >= \(cached.version)
            ORDER BY version LIMIT \(Self.pageLimit)
            """
        )
        guard let proof = rows.first, try proof.int(1) == cached.version, try proof.int64(5) == cached.at?.microseconds
        else { return nil }
        let events = try rows.dropFirst().map { try upcasters.upcast(StoredEvent(row: $0)) }
        guard rows.count == Self.pageLimit, let last = events.last else { return events }
        return events + (try load(cached.id, from: last.version + 1, in: tx))
    }

    /// Rebuilds every projection from all events, stream by stream; the result equals the live table.
    ///
    /// For tests, and for a new projection while nothing is appended: it is one transaction.
    public func replayAll(in tx: borrowing SQLTransaction) throws {
        for projection in projections { try projection.clear(tx) }
        var (stream, version) = ("", 0)
        while true {
            let rows = try tx.run(
                """
                SELECT stream, version, type, schema, body, at FROM es_events
                WHERE (stream, version) > (\(stream), \(version)) ORDER BY stream, version LIMIT \(Self.pageLimit)
                """
            )
            for row in rows {
                let event = try StoredEvent(row: row)
                try project(event, in: tx)
                (stream, version) = (event.stream, event.version)
            }
            guard rows.count == Self.pageLimit else { return }
        }
    }

    private func project(_ event: StoredEvent, in tx: borrowing SQLTransaction) throws {
        guard !projections.isEmpty else { return }
        let event = try upcasters.upcast(event)
        for projection in projections { try projection.apply(event, tx) }
    }
}

extension StoredEvent {
    init(row: SQLRow) throws {
        try self.init(
            stream: row.text(0),
            version: row.int(1),
            type: row.text(2),
            schema: row.int(3),
            body: row.text(4),
            at: Timestamp(microseconds: row.int64(5))
        )
    }
}
