import MartletCore
public import MartletSQL

extension EventStore {
    /// The state of a stream: the fold of its events.
    ///
    /// Version 0 when it does not exist.
    ///
    /// - Throws: ``UnreadableEvent``.
    public func state<S: EventSourced>(
        _ type: S.Type,
        of stream: String,
        in tx: borrowing SQLTransaction
    ) throws -> Loaded<S> {
        try current(of: stream, in: tx) { _ in Loaded(id: stream) }
    }

    /// As ``state(_:of:in:)``, starting from the newest snapshot that this program can read, if any.
    public func state<S: Snapshotting>(
        _ type: S.Type,
        of stream: String,
        in tx: borrowing SQLTransaction
    ) throws -> Loaded<S> {
        try current(of: stream, in: tx) { tx in try snapshot(type, of: stream, in: tx) ?? Loaded(id: stream) }
    }

    /// Loads the state, lets `decide` choose events, and appends them.
    ///
    /// - Parameters:
    ///   - type: The type of the state.
    ///   - stream: The name of the stream.
    ///   - expected: If given, the version that the stream must have, for optimistic concurrency.
    ///   - tx: The transaction that reads the state and appends the events.
    ///   - decide: Returns the events; empty for no change. Throwing refuses the command.
    /// - Throws: ``VersionConflict``, ``UnreadableEvent``, otherwise what `decide` throws.
    @discardableResult
    public func update<S: EventSourced>(
        _ type: S.Type,
        _ stream: String,
        expected: Int? = nil,
        in tx: borrowing SQLTransaction,
        decide: (S) throws -> [S.Event]
    ) throws -> Loaded<S> {
        let before = try state(type, of: stream, in: tx)
        let loaded = try append(decide, to: before, expected: expected, in: tx)
        if loaded.version > before.version { cache(loaded, in: tx) }
        return loaded
    }

    /// As ``update(_:_:expected:in:decide:)``, saving a snapshot every ``Snapshotting/snapshotEvery`` events.
    @discardableResult
    public func update<S: Snapshotting>(
        _ type: S.Type,
        _ stream: String,
        expected: Int? = nil,
        in tx: borrowing SQLTransaction,
        decide: (S) throws -> [S.Event]
    ) throws -> Loaded<S> {
        let before = try state(type, of: stream, in: tx)
        var loaded = try append(decide, to: before, expected: expected, in: tx)
        if before.version / S.snapshotEvery < loaded.version / S.snapshotEvery,
            let bytes = try saveSnapshot(loaded, in: tx)
        {
            loaded.bytes = bytes
        }
        if loaded.version > before.version { cache(loaded, in: tx) }
        return loaded
    }

    private func append<S: EventSourced>(
        _ decide: (S) throws -> [S.Event],
        to before: Loaded<S>,
        expected: Int?,
        in tx: borrowing SQLTransaction
    ) throws -> Loaded<S> {
        if let expected, expected != before.version {
            throw VersionConflict(stream: before.id, expected: expected, actual: before.version)
        }
        let events = try decide(before.state)
        guard !events.isEmpty else { return before }
        let date = try tx.date
        let stored = try events.enumerated().map { index, event in
            StoredEvent(
                NewEvent(type: event.type, schema: S.Event.schema, body: try StoredJSON.text(event)),
                from: event,
                stream: before.id,
                version: before.version + 1 + index,
                at: date
            )
        }
        try insert(stored, in: tx)
        var loaded = before
        for (event, stored) in zip(events, stored) { loaded.apply(event, stored: stored) }
        return loaded
    }

    /// The cached state and what was appended since; without one, that of `start` and all events after it.
    private func current<S: EventSourced>(
        of stream: String,
        in tx: borrowing SQLTransaction,
        from start: (borrowing SQLTransaction) throws -> Loaded<S>
    ) throws -> Loaded<S> {
        if let cached = states.state(S.self, of: stream), let events = try events(after: cached, in: tx) {
            return events.isEmpty ? cached : try fold(events, onto: cached, in: tx)
        }
        let known = try start(tx)
        return try fold(load(stream, from: known.version + 1, in: tx), onto: known, in: tx)
    }

    private func fold<S: EventSourced>(
        _ events: [StoredEvent],
        onto start: Loaded<S>,
        in tx: borrowing SQLTransaction
    ) throws -> Loaded<S> {
        var loaded = start
        for stored in events { loaded.apply(try S.Event(stored), stored: stored) }
        cache(loaded, in: tx)
        return loaded
    }

    /// Caches a state that this transaction has read or made, once that is committed: also what it has read may be of a
    /// transaction that shares its commit.
    private func cache<S: EventSourced>(_ loaded: Loaded<S>, in tx: borrowing SQLTransaction) {
        guard loaded.version > 0 else { return }
        tx.afterCommit { [states] in states.put(loaded) }
    }

    // MARK: Snapshots, which may be lost at any time

    private func snapshot<S: Snapshotting>(
        _ type: S.Type,
        of stream: String,
        in tx: borrowing SQLTransaction
    ) throws -> Loaded<S>? {
        let rows = try tx.run(
            """
            SELECT version, state, at FROM es_snapshots WHERE stream = \(stream) AND schema = \(S.snapshotSchema)
                AND version <= (SELECT MAX(version) FROM es_events WHERE stream = \(stream))
            """
        )
        // An unreadable snapshot is ignored.
        guard let row = rows.first, let state = try? StoredJSON.value(type, from: row.text(1)) else { return nil }
        // A snapshot has the time of the event with which it ends: one transaction writes both.
        return try Loaded(
            id: stream,
            state: state,
            version: row.int(0),
            at: Timestamp(microseconds: row.int64(2)),
            bytes: row.text(1).utf8.count
        )
    }

    /// - Returns: Its bytes; `nil` when it is too long to be saved.
    private func saveSnapshot<S: Snapshotting>(_ loaded: Loaded<S>, in tx: borrowing SQLTransaction) throws -> Int? {
        let text = try StoredJSON.text(loaded.state)
        guard text.utf8.count <= Self.bodyBytesMax else { return nil }
        try tx.run(
            """
            INSERT INTO es_snapshots (stream, version, schema, state, at)
            VALUES (\(loaded.id), \(loaded.version), \(S.snapshotSchema), \(text), \(tx.date.microseconds))
            ON CONFLICT (stream) DO UPDATE SET version = excluded.version, schema = excluded.schema,
                state = excluded.state, at = excluded.at
            """
        )
        return text.utf8.count
    }
}
