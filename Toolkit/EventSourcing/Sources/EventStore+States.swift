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
        try replay(Loaded(id: stream, state: S(id: stream), version: 0), in: tx)
    }

    /// As ``state(_:of:in:)``, starting from the newest snapshot that this program can read, if any.
    public func state<S: Snapshotting>(
        _ type: S.Type,
        of stream: String,
        in tx: borrowing SQLTransaction
    ) throws -> Loaded<S> {
        let known = try snapshot(type, of: stream, in: tx)
        return try replay(known ?? Loaded(id: stream, state: S(id: stream), version: 0), in: tx)
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
        try append(decide, to: try state(type, of: stream, in: tx), expected: expected, in: tx).loaded
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
        let (before, loaded) = try append(
            decide,
            to: try state(type, of: stream, in: tx),
            expected: expected,
            in: tx
        )
        if before / S.snapshotEvery < loaded.version / S.snapshotEvery { try saveSnapshot(loaded, in: tx) }
        return loaded
    }

    private func append<S: EventSourced>(
        _ decide: (S) throws -> [S.Event],
        to loaded: Loaded<S>,
        expected: Int?,
        in tx: borrowing SQLTransaction
    ) throws -> (before: Int, loaded: Loaded<S>) {
        if let expected, expected != loaded.version {
            throw VersionConflict(stream: loaded.id, expected: expected, actual: loaded.version)
        }
        let before = loaded.version
        let events = try decide(loaded.state)
        guard !events.isEmpty else { return (before, loaded) }
        let stored = try events.map { event in
            NewEvent(type: event.type, schema: S.Event.schema, body: try StoredJSON.text(event))
        }
        var loaded = loaded
        loaded.version = try append(stored, to: loaded.id, expected: before, in: tx)
        for event in events { loaded.state.apply(event) }
        return (before, loaded)
    }

    private func replay<S: EventSourced>(_ start: Loaded<S>, in tx: borrowing SQLTransaction) throws -> Loaded<S> {
        var loaded = start
        for stored in try load(start.id, from: start.version + 1, in: tx) {
            loaded.state.apply(try S.Event(stored))
            loaded.version = stored.version
        }
        return loaded
    }

    // MARK: Snapshots, which may be lost at any time

    private func snapshot<S: Snapshotting>(
        _ type: S.Type,
        of stream: String,
        in tx: borrowing SQLTransaction
    ) throws -> Loaded<S>? {
        let rows = try tx.run(
            """
            SELECT version, state FROM es_snapshots WHERE stream = \(stream) AND schema = \(S.snapshotSchema)
                AND version <= (SELECT MAX(version) FROM es_events WHERE stream = \(stream))
            """
        )
        // An unreadable snapshot is ignored.
        guard let row = rows.first, let state = try? StoredJSON.value(type, from: row.text(1)) else { return nil }
        return try Loaded(id: stream, state: state, version: row.int(0))
    }

    private func saveSnapshot<S: Snapshotting>(_ loaded: Loaded<S>, in tx: borrowing SQLTransaction) throws {
        let text = try StoredJSON.text(loaded.state)
        guard text.utf8.count <= Self.bodyBytesMax else { return }
        try tx.run(
            """
            INSERT INTO es_snapshots (stream, version, schema, state, at)
            VALUES (\(loaded.id), \(loaded.version), \(S.snapshotSchema), \(text), \(tx.date.microseconds))
            ON CONFLICT (stream) DO UPDATE SET version = excluded.version, schema = excluded.schema,
                state = excluded.state, at = excluded.at
            """
        )
    }
}
