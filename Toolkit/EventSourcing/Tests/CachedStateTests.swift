import MartletCore
import MartletEventSourcing
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

/// A list of texts whose events can be written, and not read.
struct Note: EventSourced, Equatable {
    struct Event: StreamEvent, Equatable {
        static let schema = 1
        let text: String
        var type: String { "noted" }

        init(_ text: String) { self.text = text }

        init(from decoder: any Decoder) throws {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "never"))
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(text)
        }
    }

    var texts: [String] = []

    init(id: String) {}

    mutating func apply(_ event: Event) { texts.append(event.text) }
}

@Suite("States that a store keeps")
struct CachedStateTests {
    private struct Undone: Error {}

    /// All events have one time, unless a test advances it: a version must not be known by its time alone.
    private let time = ManualTime()
    private let database: SQLiteDatabase
    private let store = EventStore(projections: [], upcasters: [])

    init() async throws {
        database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(EventStore.migrations)
    }

    /// As of another process.
    private static func anotherStore() -> EventStore { EventStore(projections: [], upcasters: []) }

    private func fill(_ more: Int, by other: EventStore? = nil) async throws {
        let store = other ?? store
        try await database.transaction { (tx: borrowing SQLTransaction) in
            try store.update(Box.self, "a", in: tx) { try $0.fill(more) }
        }
    }

    private func box(of other: EventStore? = nil) async throws -> Loaded<Box> {
        let store = other ?? store
        return try await database.read { (tx: borrowing SQLTransaction) in try store.state(Box.self, of: "a", in: tx) }
    }

    private func run(_ statements: SQLQuery...) async throws {
        try await database.transaction { (tx: borrowing SQLTransaction) in
            for statement in statements { try tx.run(statement) }
        }
    }

    private func versions() async throws -> [Int] {
        try await database.read { (tx: borrowing SQLTransaction) in
            try tx.run("SELECT version FROM audit_stream_events WHERE stream = 'a' ORDER BY version").map {
                try $0.int(0)
            }
        }
    }

    // MARK: What is not read again

    @Test("a step does not read the events before it again")
    func steps() async throws {
        let store = store
        for text in ["1", "2", "3"] {
            try await database.transaction { (tx: borrowing SQLTransaction) in
                try store.update(Note.self, "a", in: tx) { _ in [Note.Event(text)] }
            }
        }
        let note = try await database.read { (tx: borrowing SQLTransaction) in
            try store.state(Note.self, of: "a", in: tx)
        }
        #expect(note.state.texts == ["1", "2", "3"])
        #expect(note.version == 3)
        let other = Self.anotherStore()
        await #expect(throws: UnreadableEvent.self) {
            try await database.read { (tx: borrowing SQLTransaction) in
                try other.state(Note.self, of: "a", in: tx).version
            }
        }
    }

    @Test("what was read is not read again, in a read or in a transaction")
    func reads() async throws {
        try await fill(3, by: Self.anotherStore())
        _ = try await box()
        try await run("UPDATE es_events SET body = ''")
        #expect(try await box().state.count == 3)
        try await fill(4)
        #expect(try await box().state.count == 7)
    }

    @Test("a state from a snapshot is kept, too")
    func snapshot() async throws {
        for _ in 0..<20 { try await fill(1, by: Self.anotherStore()) }
        #expect(try await box().state.changes == 20)
        try await run("UPDATE es_events SET body = ''", "DELETE FROM es_snapshots")
        #expect(try await box().state.changes == 20)
    }

    @Test("a projection gets an event that was appended without decoding it; a rebuild decodes it")
    func projected() async throws {
        let texts = Projection("texts") { (event: StoredEvent, tx: borrowing SQLTransaction) in
            try tx.run("INSERT INTO texts (text) VALUES (\(try Note.Event(event).text))")
        } clear: { (tx: borrowing SQLTransaction) in
            try tx.run("DELETE FROM texts")
        }
        let store = EventStore(projections: [texts], upcasters: [])
        try await database.migrate([Migration("texts", 1, ["CREATE TABLE texts (text TEXT NOT NULL)"])])
        let stored = try await database.transaction { (tx: borrowing SQLTransaction) in
            try store.update(Note.self, "a", in: tx) { _ in [Note.Event("1"), Note.Event("2")] }
            return try tx.run("SELECT text FROM texts ORDER BY text").map { try $0.text(0) }
        }
        #expect(stored == ["1", "2"])
        await #expect(throws: UnreadableEvent.self) {
            try await database.transaction { (tx: borrowing SQLTransaction) in try store.replayAll(in: tx) }
        }
    }

    @Test("a projection gets an upcasted event as it was converted, not as it was appended")
    func converted() async throws {
        let count = Projection("counts") { (event: StoredEvent, tx: borrowing SQLTransaction) in
            guard case .filled(let count) = try Box.Event(event) else { return }
            try tx.run("INSERT INTO counts (count) VALUES (\(count))")
        } clear: { (tx: borrowing SQLTransaction) in
            try tx.run("DELETE FROM counts")
        }
        let toBox = Upcaster("noted", schema: 1) { old in
            NewEvent(type: "filled", schema: 2, body: "{\"filled\":{\"count\":\(old.body.count)}}")
        }
        let store = EventStore(projections: [count], upcasters: [toBox])
        try await database.migrate([Migration("counts", 1, ["CREATE TABLE counts (count BIGINT NOT NULL)"])])
        let counts = try await database.transaction { (tx: borrowing SQLTransaction) in
            try store.update(Note.self, "a", in: tx) { _ in [Note.Event("four")] }
            return try tx.run("SELECT count FROM counts").map { try $0.int(0) }
        }
        #expect(counts == ["\"four\"".count])
    }

    // MARK: What must not be believed

    @Test("a change that is rolled back is not seen, whatever is appended in its place")
    func rolledBack() async throws {
        let (store, other) = (store, Self.anotherStore())
        try await fill(1)
        await #expect(throws: Undone.self) {
            try await database.transaction { (tx: borrowing SQLTransaction) in
                try store.update(Box.self, "a", in: tx) { try $0.fill(50) }
                _ = try store.state(Box.self, of: "a", in: tx)
                throw Undone()
            }
        }
        #expect(try await box(of: other).state.count == 1)
        try await fill(2, by: other)
        #expect(try await box().state.count == 3)
        try await fill(3)
        #expect(try await box(of: Self.anotherStore()).state.count == 6)
        #expect(try await versions() == [1, 2, 3])
    }

    @Test(
        "what other replicas have appended is seen, also more than is read at a time",
        arguments: [1, 499, 500, 1_000]
    )
    func replicas(events: Int) async throws {
        let other = Self.anotherStore()
        try await fill(1)
        try await database.transaction { (tx: borrowing SQLTransaction) in
            try other.update(Box.self, "a", in: tx) { _ in Array(repeating: .emptied, count: events) }
        }
        #expect(try await box().version == 1 + events)
        try await fill(7)
        #expect(try await box(of: other).state.count == 7)
        #expect(try await box(of: other).state.changes == 2 + events)
        #expect(try await box(of: other).version == 2 + events)
    }

    @Test("a version that the transaction does not see is not used: its snapshot is older")
    func older() async throws {
        // A database as the other one was before its last event.
        let before = try SQLiteDatabase.inMemory(time: time)
        try await before.migrate(EventStore.migrations)
        let store = store
        for database in [database, before] {
            try await database.transaction { (tx: borrowing SQLTransaction) in
                try Self.anotherStore().update(Box.self, "a", in: tx) { try $0.fill(1) }
            }
        }
        try await fill(2)
        #expect(try await box().state.count == 3)
        let older = try await before.read { (tx: borrowing SQLTransaction) in try store.state(Box.self, of: "a", in: tx)
        }
        #expect(older.state.count == 1)
        #expect(older.version == 1)
        #expect(try await box().state.count == 3)
    }

    @Test("another event of the same version is seen: the last commits were lost in a failover")
    func failover() async throws {
        try await fill(1)
        try await fill(50)
        time.advance(by: .milliseconds(1))
        try await run("DELETE FROM es_events WHERE version = 2")
        try await fill(2, by: Self.anotherStore())
        #expect(try await box().state.count == 3)
        try await fill(3)
        #expect(try await box(of: Self.anotherStore()).state.count == 6)
    }

    @Test("a stream with an event of a newer schema is unreadable, also when its state is kept")
    func tooNew() async throws {
        try await fill(1)
        let store = store
        try await database.transaction { (tx: borrowing SQLTransaction) in
            try store.append([NewEvent(type: "filled", schema: 3, body: "{}")], to: "a", expected: 1, in: tx)
        }
        await #expect(throws: UnreadableEvent.self) { try await fill(1) }
    }

    @Test("a version that is appended between load and append is a conflict, and nothing is stored")
    func conflict() async throws {
        let (store, other) = (store, Self.anotherStore())
        try await fill(1)
        await #expect(throws: VersionConflict(stream: "a", expected: 1, actual: 2)) {
            try await database.transaction { (tx: borrowing SQLTransaction) in
                try store.update(Box.self, "a", in: tx) { box in
                    try other.update(Box.self, "a", in: tx) { _ in [.emptied] }
                    return try box.fill(1)
                }
            }
        }
        #expect(try await versions() == [1])
        #expect(try await box().state.count == 1)
    }
}
