import MartletCore
import MartletEventLog
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSQLite

/// A service with an outbox, its relay, an event log and a consumer, each purged as in a daemon.
struct PurgeLoad: Sendable {
    /// The rows of the tables that grow with events.
    struct Sample: Sendable {
        let outbox: Int
        let log: Int
        /// Published and not handled.
        let behind: Int
    }

    private static let service = "purge"
    private static let keys = 1_000
    /// Between two transactions of the publisher.
    private static let tick = Duration.milliseconds(10)
    private static let ticksPerSecond = 100
    private static let sampleInterval = Duration.seconds(10)

    private static let topic = Topic<String>(
        "purge.things",
        type: EventType("purge.Thing", contentType: "text/plain"),
        key: { $0 },
        encode: { Array($0.utf8) + Array(repeating: 0x20, count: 200) },
        decode: { String(decoding: $0, as: UTF8.self) }
    )

    private let runtime = Runtime.system
    private let source: SQLiteDatabase
    private let target: SQLiteDatabase
    private let stored: SQLiteDatabase
    private let log: EventLog
    private let rate: Int
    private let retention: Duration
    private let interval: Duration

    init(folder: String, rate: Int, retention: Duration, interval: Duration) async throws {
        let time = runtime.time
        source = try SQLiteDatabase(path: "\(folder)/source.sqlite", time: time)
        target = try SQLiteDatabase(path: "\(folder)/target.sqlite", time: time)
        stored = try SQLiteDatabase(path: "\(folder)/eventlog.sqlite", time: time)
        try await source.migrate(Outbox.migrations)
        try await target.migrate(Outbox.migrations)
        var limits = EventLogLimits()
        limits.retention = retention
        limits.purgeInterval = interval
        log = try await EventLog.open(stored, runtime: runtime, policy: .sole(Self.service), limits: limits)
        self.rate = rate
        self.retention = retention
        self.interval = interval
    }

    /// Runs under load, and prints a line for each sample.
    func run(for duration: Duration) async throws -> [Sample] {
        let relay = OutboxRelay(
            source: Self.service,
            instance: "1",
            database: source,
            bus: log.bus(of: Self.service),
            runtime: runtime,
            topics: [TopicPlan(Self.topic.name)]
        )
        let consumer = SubscriptionRunner(
            [.on(Self.topic, group: "purge") { (_: String, _: borrowing SQLTransaction) in }],
            database: target,
            bus: log.bus(of: Self.service),
            runtime: runtime
        )
        return try await withThrowingTaskGroup(of: Void.self, returning: [Sample].self) { group in
            group.addTask { try await log.run() }
            group.addTask { try await relay.run() }
            group.addTask { try await consumer.run() }
            group.addTask { try await publish() }
            group.addTask { try await purge() }
            defer { group.cancelAll() }
            return try await samples(for: duration)
        }
    }

    private func publish() async throws {
        let start = runtime.time.now
        var ticks = 0
        while true {
            let events = rate * (ticks + 1) / Self.ticksPerSecond - rate * ticks / Self.ticksPerSecond
            let first = rate * ticks / Self.ticksPerSecond
            try await source.transaction("purge.publish") { tx in
                for number in first..<first + events { try tx.publish("k\(number % Self.keys)", on: Self.topic) }
            }
            ticks += 1
            try await runtime.time.sleep(until: start + Self.tick * ticks)
        }
    }

    /// As the host's job.
    private func purge() async throws {
        let sent = SentRetention(of: [], otherwise: retention)
        while true {
            try await runtime.time.sleep(for: interval)
            var removed = Outbox.purgeBatch
            while removed >= Outbox.purgeBatch {
                removed = try await source.transaction("outbox.purge") { tx in
                    try Outbox.purge(sent, in: tx)
                }
            }
        }
    }

    private func samples(for duration: Duration) async throws -> [Sample] {
        let (start, end) = (runtime.time.now, runtime.time.now + duration)
        var samples: [Sample] = []
        while runtime.time.now < end {
            try await runtime.time.sleep(until: min(runtime.time.now + Self.sampleInterval, end))
            let lag = try await log.status().flatMap(\.groups).reduce(0) { $0 + $1.lag }
            let sample = try await Sample(
                outbox: Self.rows(of: "SELECT COUNT(*) FROM audit_outbox", in: source),
                log: Self.rows(of: "SELECT COUNT(*) FROM audit_log_events", in: stored),
                behind: Int(lag)
            )
            samples.append(sample)
            let seconds = (runtime.time.now - start).milliseconds / 1_000
            let rows = "outbox \(sample.outbox) rows, log \(sample.log) rows"
            ProvePurge.write("\(seconds) s: \(rows), \(sample.behind) behind")
        }
        return samples
    }

    private static func rows(of query: String, in database: SQLiteDatabase) async throws -> Int {
        try await database.read("purge.rows") { tx in
            try tx.run(SQLQuery(unchecked: query, values: [])).first?.int(0) ?? 0
        }
    }
}
