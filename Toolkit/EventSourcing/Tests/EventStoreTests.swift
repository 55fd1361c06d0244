import MartletCore
import MartletEventSourcing
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

/// A box that is filled and emptied: a minimal event-sourced state.
struct Box: Snapshotting, Equatable {
    enum Event: StreamEvent, Equatable {
        case filled(count: Int)
        case emptied

        static let schema = 2

        var type: String {
            switch self {
            case .filled: "filled"
            case .emptied: "emptied"
            }
        }
    }

    static let snapshotSchema = 1
    static let snapshotEvery = 10

    let id: String
    var count = 0
    var changes = 0

    init(id: String) { self.id = id }

    mutating func apply(_ event: Event) {
        changes += 1
        switch event {
        case .filled(let more): count += more
        case .emptied: count = 0
        }
    }

    func fill(_ more: Int) throws -> [Event] {
        guard count + more <= 100 else { throw Full() }
        return [.filled(count: more)]
    }
}

struct Full: Error, Equatable {}

@Suite("Event store")
struct EventStoreTests {
    let time = ManualTime()
    let database: SQLiteDatabase
    let store: EventStore

    init() async throws {
        database = try SQLiteDatabase.inMemory(time: time)
        store = Self.anotherStore()
        try await database.migrate(
            EventStore.migrations + [
                Migration(
                    "totals",
                    1,
                    ["CREATE TABLE totals (stream TEXT PRIMARY KEY, events BIGINT NOT NULL, last TEXT NOT NULL)"]
                )
            ]
        )
    }

    /// As of another process: it has read nothing yet.
    private static func anotherStore() -> EventStore {
        let totals = Projection("totals") { (event: StoredEvent, tx: borrowing SQLTransaction) in
            try tx.run(
                """
                INSERT INTO totals (stream, events, last) VALUES (\(event.stream), 1, \(event.type))
                ON CONFLICT (stream) DO UPDATE SET events = totals.events + 1, last = excluded.last
                """
            )
        } clear: { (tx: borrowing SQLTransaction) in
            try tx.run("DELETE FROM totals")
        }
        return EventStore(
            projections: [totals],
            upcasters: [
                // Schema 1 had the bare number as its body, and another name.
                Upcaster("put", schema: 1) { old in
                    NewEvent(type: "filled", schema: 2, body: "{\"filled\":{\"count\":\(old.body)}}")
                }
            ]
        )
    }

    private func totals() async throws -> [SQLRow] {
        try await database.read { (tx: borrowing SQLTransaction) in
            try tx.run("SELECT stream, events, last FROM totals ORDER BY stream")
        }
    }

    @Test("update: folds the stream, decides on the state, appends the events")
    func update() async throws {
        let store = store
        let loaded = try await database.transaction { (tx: borrowing SQLTransaction) in
            try store.update(Box.self, "a", in: tx) { try $0.fill(3) }
            try store.update(Box.self, "a", in: tx) { _ in [.emptied, .filled(count: 4)] }
            return try store.state(Box.self, of: "a", in: tx)
        }
        #expect(loaded.state.count == 4)
        #expect(loaded.version == 3)
    }

    @Test("update: a refusal or an empty decision appends nothing")
    func refusal() async throws {
        let store = store
        await #expect(throws: Full()) {
            try await database.transaction { (tx: borrowing SQLTransaction) in
                try store.update(Box.self, "a", in: tx) { try $0.fill(101) }
            }
        }
        let version = try await database.transaction { (tx: borrowing SQLTransaction) in
            try store.update(Box.self, "a", in: tx) { _ in [] }
            return try store.version(of: "a", in: tx)
        }
        #expect(version == 0)
    }

    @Test("another version than the stream's is a conflict that may be retried")
    func conflict() async throws {
        let store = store
        try await database.transaction { (tx: borrowing SQLTransaction) in
            try store.update(Box.self, "a", in: tx) { try $0.fill(1) }
        }
        let event = NewEvent(type: "emptied", schema: 2, body: "{\"emptied\":{}}")
        for wrong in [0, 2] {
            await #expect(throws: VersionConflict(stream: "a", expected: wrong, actual: 1)) {
                try await database.transaction { (tx: borrowing SQLTransaction) in
                    try store.append([event], to: "a", expected: wrong, in: tx)
                }
            }
            await #expect(throws: VersionConflict(stream: "a", expected: wrong, actual: 1)) {
                try await database.transaction { (tx: borrowing SQLTransaction) in
                    try store.update(Box.self, "a", expected: wrong, in: tx) { _ in [.emptied] }
                }
            }
        }
        #expect(VersionConflict(stream: "a", expected: 0, actual: 1).fault.code.outcome == .notDone)
        #expect(try await totals().map { try $0.int(1) } == [1])
    }

    @Test("append limit: accepts as many events, rejects one more")
    func limit() async throws {
        let store = store
        let event = NewEvent(type: "filled", schema: 2, body: "{\"filled\":{\"count\":1}}")
        let version = try await database.transaction { (tx: borrowing SQLTransaction) in
            try store.append(Array(repeating: event, count: EventStore.appendLimit), to: "a", expected: 0, in: tx)
        }
        #expect(version == EventStore.appendLimit)
        let loaded = try await database.read { (tx: borrowing SQLTransaction) in
            try store.state(Box.self, of: "a", in: tx)
        }
        #expect(loaded.state.count == EventStore.appendLimit)
        await #expect(throws: Fault.self) {
            try await database.transaction { (tx: borrowing SQLTransaction) in
                try store.append(
                    Array(repeating: event, count: EventStore.appendLimit + 1),
                    to: "b",
                    expected: 0,
                    in: tx
                )
            }
        }
    }

    @Test("upcasting: old schemas are converted when read, stored events stay unchanged")
    func upcasting() async throws {
        let store = store
        let (loaded, events, stored) = try await database.transaction { (tx: borrowing SQLTransaction) in
            try store.append([NewEvent(type: "put", schema: 1, body: "7")], to: "a", expected: 0, in: tx)
            try store.update(Box.self, "a", in: tx) { try $0.fill(1) }
            return (
                try store.state(Box.self, of: "a", in: tx), try store.load("a", in: tx),
                try tx.run("SELECT type, body FROM es_events WHERE stream = 'a' AND version = 1")
            )
        }
        #expect(loaded.state.count == 8)
        #expect(events.map(\.type) == ["filled", "filled"])
        #expect(stored.map(\.values) == [[.text("put"), .text("7")]])
    }

    @Test("a stream with an event of a newer schema cannot be loaded")
    func tooNew() async throws {
        let store = store
        await #expect(throws: UnreadableEvent.self) {
            try await database.transaction { (tx: borrowing SQLTransaction) in
                try store.append([NewEvent(type: "filled", schema: 3, body: "{}")], to: "a", expected: 0, in: tx)
                _ = try store.state(Box.self, of: "a", in: tx)
            }
        }
    }

    @Test("an event with an unreadable body is an error that names its stream and version")
    func unreadable() throws {
        let readable = StoredEvent(
            stream: "a",
            version: 2,
            type: "filled",
            schema: 2,
            body: #"{"filled":{"count":3}}"#,
            at: Timestamp(seconds: 1)
        )
        #expect(try Box.Event(readable) == .filled(count: 3))
        let damaged = StoredEvent(
            stream: "a",
            version: 2,
            type: "filled",
            schema: 2,
            body: #"{"drained":{}}"#,
            at: Timestamp(seconds: 1)
        )
        let error = #expect(throws: UnreadableEvent.self) { try Box.Event(damaged) }
        #expect(error?.stream == "a")
        #expect(error?.version == 2)
    }

    @Test("replayAll rebuilds the projections to their live content")
    func rebuild() async throws {
        let store = store
        for number in 0..<7 {
            try await database.transaction { (tx: borrowing SQLTransaction) in
                try store.update(Box.self, "box-\(number % 3)", in: tx) { try $0.fill(number) }
            }
        }
        let live = try await totals()
        try await database.transaction { (tx: borrowing SQLTransaction) in
            try tx.run("UPDATE totals SET events = 99 WHERE stream = 'box-1'")
            try store.replayAll(in: tx)
        }
        #expect(try await totals() == live)
        #expect(try live.map { try $0.int(1) } == [3, 2, 2])
    }

    @Test("a state loaded from a snapshot equals the fold of all events")
    func snapshots() async throws {
        let store = store
        for _ in 0..<23 {
            try await database.transaction { (tx: borrowing SQLTransaction) in
                try store.update(Box.self, "a", in: tx) { try $0.fill(1) }
            }
        }
        let other = Self.anotherStore()
        let (saved, loaded) = try await database.read { (tx: borrowing SQLTransaction) in
            (
                try tx.run("SELECT version FROM es_snapshots WHERE stream = 'a'"),
                try other.state(Box.self, of: "a", in: tx)
            )
        }
        #expect(try saved.map { try $0.int(0) } == [20])
        #expect(loaded.state.changes == 23)
        #expect(loaded.version == 23)
    }

    @Test(
        "ignores a snapshot that is corrupt, of another schema, or beyond the stream's end",
        arguments: [
            "UPDATE es_snapshots SET state = '{\"id\":'", "UPDATE es_snapshots SET schema = 2, state = '{}'",
            "UPDATE es_snapshots SET version = 999",
        ]
    )
    func badSnapshot(damage: String) async throws {
        let store = store
        for _ in 0..<12 {
            try await database.transaction { (tx: borrowing SQLTransaction) in
                try store.update(Box.self, "a", in: tx) { try $0.fill(1) }
            }
        }
        let other = Self.anotherStore()
        let loaded = try await database.transaction { (tx: borrowing SQLTransaction) in
            try tx.run(SQLQuery(unchecked: damage))
            return try other.state(Box.self, of: "a", in: tx)
        }
        #expect(loaded.state.changes == 12)
        #expect(loaded.version == 12)
    }
}
