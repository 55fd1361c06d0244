import Console
import MartletCore
import MartletEventLog
import MartletHost
import MartletOutbox
import MartletSQL
import MartletSQLite

/// The databases of a stopped system, opened for a restore.
struct RestoredSystem: Sendable {
    /// Events a second that a service publishes again after the log was restored.
    static let resendRate = 1_000

    private var services: [(name: String, database: SQLiteDatabase)] = []
    private var log: SQLiteDatabase?

    fileprivate struct KeyName: Hashable {
        let topic: ExactText
        let key: ExactText
    }

    /// - Parameters:
    ///   - files: The files of each database, by its service; those that do not exist are left out.
    ///   - time: The clock.
    /// - Throws: ``CommandFailure`` for a file that is the database of another service; `SchemaTooNew` for one of a newer
    ///   version that breaks this one; `SQLError`. None stays open then.
    static func open(
        _ files: [(name: String, files: DatabaseFiles)],
        time: any TimeSource
    ) async throws -> RestoredSystem {
        var system = RestoredSystem()
        let names = files.map { ExactText($0.name) }
        do {
            for (name, files) in files where files.exists {
                let database = try SQLiteDatabase(path: files.path, time: time)
                let isLog = ExactText(name) == ExactText(LogStatus.service)
                if isLog { system.log = database } else { system.services.append((name, database)) }
                try await requireOwner(name, of: database, at: files.path, among: names)
                if isLog {
                    try await EventLogRestore.migrate(database)
                } else {
                    try await database.migrate(modules: Outbox.migrations + RestoreAudit.migrations)
                }
            }
        } catch {
            await system.close()
            throw error
        }
        return system
    }

    private init() {}

    /// Makes the empty log that takes the place of a lost one: the loss is recorded in it.
    static func makeLog(at files: DatabaseFiles, time: any TimeSource) async throws {
        let database = try SQLiteDatabase(path: files.path, time: time)
        do {
            try await EventLogRestore.migrate(database)
        } catch {
            await database.close()
            throw error
        }
        await database.close()
    }

    /// Refuses a file that another service of the system has written: it has steps of that one's schema, and none of its own.
    private static func requireOwner(
        _ name: String,
        of database: SQLiteDatabase,
        at path: String,
        among names: [ExactText]
    ) async throws {
        let modules = try await database.transaction("restore.modules") { tx in try SchemaAudit.modules(in: tx) }
        let isOwn = modules.contains { ExactText($0) == ExactText(name) || $0.hasPrefix(name + ".") }
        guard !isOwn, let other = modules.first(where: { names.contains(ExactText($0)) }) else { return }
        throw CommandFailure("\(path): this is a database of \(other), and not of \(name)")
    }

    func close() async {
        for service in services { await service.database.close() }
        await log?.close()
    }

    /// The log was restored: its groups go back, and every source publishes again what it holds.
    func finishLog(by origin: RestoreOrigin, _ report: inout RestoreReport) async throws {
        if let log {
            try await log.transaction("restore.log") { tx in
                let groups = try EventLogRestore.rewind(in: tx)
                try EventLogRestore.record(by: origin.who, from: origin.file, groups: groups, in: tx)
            }
        }
        for service in services { try await resend(service, since: Timestamp(microseconds: 0), &report) }
        for consumer in services { try await findLost(by: consumer.database, &report) }
    }

    /// A service was restored: its events begin a new epoch, its groups go back, and the sources publish again what it has
    /// not handled and the log does not hold.
    func finishService(
        _ name: String,
        by origin: RestoreOrigin,
        entropy: any Entropy,
        _ report: inout RestoreReport
    ) async throws {
        guard let service = services.first(where: { ExactText($0.name) == ExactText(name) }) else { return }
        try await findForgotten(by: service, &report)
        let highest = try await log?.read("restore.epoch") { tx in try EventLogRestore.highestEpoch(of: name, in: tx) }
        report.epoch = try await service.database.transaction("restore.epoch") { tx in
            let epoch = try Restores.begin(after: highest ?? nil, entropy, in: tx)
            try RestoreAudit.write(by: origin.who, of: name, from: origin.file ?? "", epoch: epoch, in: tx)
            return epoch
        }
        for (source, since) in try await findLost(by: service.database, &report) {
            try await resend(source, since: since, &report)
        }
    }

    /// Has a service publish again what it holds since a time, once it runs.
    private func resend(
        _ service: (name: String, database: SQLiteDatabase),
        since: Timestamp,
        _ report: inout RestoreReport
    ) async throws {
        let selection = Resend.Selection(since: since, topic: "", key: "", rate: Self.resendRate)
        _ = try await service.database.transaction("restore.resend") { tx in try Resends.start(selection, in: tx) }
        report.resends.append(service.name)
    }

    /// Events that the log holds and the publisher has forgotten.
    private func findForgotten(
        by service: (name: String, database: SQLiteDatabase),
        _ report: inout RestoreReport
    ) async throws {
        var known: [KeyName: PublishedKey] = [:]
        var epoch = 1
        for key in try await keys(of: service.database) {
            known[KeyName(topic: ExactText(key.topic), key: ExactText(key.key))] = key
            epoch = key.epoch
        }
        // Of each key by epoch: there may have been restores since the backup.
        var ranges: [KeyName: [Int: ClosedRange<Int64>]] = [:]
        try await forEachEvent(of: service.name) { event in
            let name = KeyName(topic: ExactText(event.topic), key: ExactText(event.key))
            guard event.epoch >= epoch, event.epoch > epoch || event.sequence > known[name]?.last ?? 0 else { return }
            let range = ranges[name]?[event.epoch] ?? event.sequence...event.sequence
            ranges[name, default: [:]][event.epoch] =
                min(range.lowerBound, event.sequence)...max(range.upperBound, event.sequence)
        }
        for (name, epochs) in ranges.sorted(by: { ($0.key.topic, $0.key.key) < ($1.key.topic, $1.key.key) }) {
            for (epoch, range) in epochs.sorted(by: { $0.key < $1.key }) {
                report.addForgotten(
                    RestoreReport.Range(
                        source: service.name,
                        topic: name.topic.text,
                        key: name.key.text,
                        epoch: epoch,
                        first: range.lowerBound,
                        last: range.upperBound,
                        group: nil
                    )
                )
            }
        }
    }

    /// Events that a consumer has not handled and that neither the log nor their source holds.
    ///
    /// - Returns: The sources that hold such events which the log does not hold, each with the time of the oldest one.
    @discardableResult
    private func findLost(
        by consumer: SQLiteDatabase,
        _ report: inout RestoreReport
    ) async throws -> [(source: (name: String, database: SQLiteDatabase), since: Timestamp)] {
        var resends: [(source: (name: String, database: SQLiteDatabase), since: Timestamp)] = []
        for source in services {
            let missing = try await missing(of: source, by: consumer)
            guard !missing.isEmpty else { continue }
            let keys = Dictionary(missing.map { ($0.key.name, $0.key) }, uniquingKeysWith: { first, _ in first })
            var stored: [KeyName: RangeSet<Int64>] = [:]
            try await forEachEvent(of: source.name) { event in
                let name = KeyName(topic: ExactText(event.topic), key: ExactText(event.key))
                guard keys[name]?.epoch == event.epoch else { return }
                stored[name, default: RangeSet()].insert(contentsOf: event.sequence..<event.sequence + 1)
            }
            var oldest: Timestamp?
            for (key, group, range) in missing {
                var lost = RangeSet(range.lowerBound..<range.upperBound + 1)
                lost.subtract(stored[key.name] ?? RangeSet())
                var held = lost
                lost.remove(contentsOf: (key.firstHeld ?? .max)..<Int64.max)
                held.subtract(lost)
                for part in held.ranges {
                    let time = try await source.database.read("restore.held") { tx in
                        try key.oldestTime(of: part, in: tx)
                    }
                    if let time { oldest = min(oldest ?? time, time) }
                }
                for part in lost.ranges {
                    report.addLost(RestoreReport.Range(part, of: key, source: source.name, group: group))
                }
            }
            if let oldest { resends.append((source, oldest)) }
        }
        return resends
    }

    /// What the groups of a consumer have not handled of a source, by topic and key.
    private func missing(
        of source: (name: String, database: SQLiteDatabase),
        by consumer: SQLiteDatabase
    ) async throws -> [(key: PublishedKey, group: String, range: ClosedRange<Int64>)] {
        var missing: [(key: PublishedKey, group: String, range: ClosedRange<Int64>)] = []
        for key in try await keys(of: source.database) {
            let found = try await consumer.read("restore.missing") { tx in try key.missing(of: source.name, in: tx) }
            missing += found.map { (key: key, group: $0.group, range: $0.range) }
        }
        return missing
    }

    private func keys(of database: SQLiteDatabase) async throws -> [PublishedKey] {
        var keys: [PublishedKey] = []
        while true {
            let last = keys.last
            let page = try await database.read("restore.keys") { tx in try PublishedKey.list(after: last, in: tx) }
            guard !page.isEmpty else { return keys }
            keys += page
        }
    }

    private func forEachEvent(of source: String, _ body: (EventLogRestore.Event) -> Void) async throws {
        guard let log else { return }
        var last: EventLogRestore.Event?
        while true {
            let after = last
            let page = try await log.read("restore.events") { tx in
                try EventLogRestore.events(of: source, after: after, in: tx)
            }
            guard !page.isEmpty else { return }
            for event in page { body(event) }
            last = page.last
        }
    }
}

extension PublishedKey {
    fileprivate var name: RestoredSystem.KeyName {
        RestoredSystem.KeyName(topic: ExactText(topic), key: ExactText(key))
    }
}

extension RestoreReport.Range {
    fileprivate init(_ numbers: Range<Int64>, of key: PublishedKey, source: String, group: String) {
        self.init(
            source: source,
            topic: key.topic,
            key: key.key,
            epoch: key.epoch,
            first: numbers.lowerBound,
            last: numbers.upperBound - 1,
            group: group
        )
    }
}
