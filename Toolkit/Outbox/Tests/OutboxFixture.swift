import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import Synchronization

@testable import MartletOutbox

/// A source and a target database with their tables, a bus between them, and manual time.
struct OutboxFixture {
    let time = ManualTime()
    let entropy = SeededEntropy(seed: 7)
    let bus: InMemoryBus
    let source: SQLiteDatabase
    let target: SQLiteDatabase

    init() async throws {
        bus = InMemoryBus(time: time)
        source = try await Self.database(time)
        target = try await Self.database(time)
    }

    var runtime: Runtime { Runtime(time: time, entropy: entropy) }

    static func database(_ time: ManualTime) async throws -> SQLiteDatabase {
        let database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(Outbox.migrations)
        try await database.transaction { tx in
            try tx.run("CREATE TABLE effects (number INTEGER PRIMARY KEY, key TEXT NOT NULL, sequence BIGINT NOT NULL)")
        }
        return database
    }

    func relay(
        from source: (any SQLDatabase)? = nil,
        to bus: (any MessageBus)? = nil,
        _ change: (inout OutboxRelay.Limits) -> Void = { _ in }
    ) -> OutboxRelay {
        var limits = OutboxRelay.Limits()
        change(&limits)
        return OutboxRelay(
            source: "test",
            instance: "test-1",
            database: source ?? self.source,
            bus: bus ?? self.bus,
            runtime: runtime,
            limits: limits
        )
    }

    /// Commits events of the given keys, one transaction each.
    func commit(_ keys: [String]) async throws {
        for key in keys { try await source.transaction { tx in try tx.append(.thing(key)) } }
    }

    /// The sequence numbers of the key's events that took effect in the target, in order.
    func effects(of key: String) async throws -> [Int] {
        try await target.read { tx in
            try tx.run("SELECT sequence FROM effects WHERE key = \(key) ORDER BY number").map { try $0.int(0) }
        }
    }

    /// Advances time to each sleeper's deadline until the task is cancelled.
    func passTime() async {
        while !Task.isCancelled {
            await time.waitForSleepers()
            time.advanceToNextSleeper()
        }
    }

    func lag() async throws -> Int64 {
        try await bus.status().flatMap(\.groups).reduce(0) { $0 + $1.lag }
    }
}

extension OutgoingEvent {
    static func thing(_ key: String) -> OutgoingEvent {
        OutgoingEvent(topic: "things", key: key, body: Array(key.utf8))
    }
}

extension Topic<String> {
    static let things = Topic(
        "things",
        type: EventType("test.Thing", contentType: "text/plain"),
        key: { $0 },
        encode: { Array($0.utf8) },
        decode: { String(decoding: $0, as: UTF8.self) }
    )
}

extension Envelope {
    static func numbered(
        _ sequence: Int64,
        of key: String,
        epoch: Int = 1,
        since: Timestamp? = nil,
        type: EventType? = nil
    ) -> Envelope {
        Envelope(
            id: "test/\(epoch)/things/\(key)/\(sequence)",
            source: "test",
            epoch: epoch,
            topic: "things",
            key: key,
            sequence: sequence,
            time: Timestamp(seconds: 1),
            keySince: since,
            traceparent: nil,
            type: type,
            body: Array(key.utf8)
        )
    }
}

/// A handler that records the events it handles and fails on selected ones.
final class FaultyHandler: Sendable {
    struct Broken: Error {}

    private let failures = Mutex<[String: any Error]>([:])

    func fail(_ key: String, at sequence: Int64, throwing error: any Error = Broken()) {
        failures.withLock { $0["\(key)/\(sequence)"] = error }
    }

    func recover() { failures.withLock { $0 = [:] } }

    func subscription(start: GroupStart = .earliest) -> Subscription {
        .onEnvelope(.things, group: "g", start: start) { (_: String, event: Envelope, tx: borrowing SQLTransaction) in
            try tx.run("INSERT INTO effects (key, sequence) VALUES (\(event.key), \(event.sequence))")
            if let error = self.failures.withLock({ $0["\(event.key)/\(event.sequence)"] }) { throw error }
        }
    }
}
