import Console
import MartletCore
import MartletEventLog
import MartletOutbox
import MartletSQL
import MartletSQLite

/// The databases of a stopped system, opened for a restore.
struct RestoredSystem: Sendable {
    /// Events a second that a service publishes again after the log was restored.
    static let resendRate = 1_000

    private let services: [(name: String, database: SQLiteDatabase)]
    private let log: SQLiteDatabase?

    private struct KeyName: Hashable {
        let topic: ExactText
        let key: ExactText
    }

    /// - Parameters:
    ///   - files: The files of each database, by its service; those that do not exist are left out.
    ///   - time: The clock.
    static func open(
        _ files: [(name: String, files: DatabaseFiles)],
        time: any TimeSource
    ) async throws -> RestoredSystem {
        var services: [(name: String, database: SQLiteDatabase)] = []
        var log: SQLiteDatabase?
        for (name, files) in files where files.exists {
            let database = try SQLiteDatabase(path: files.path, time: time)
            if ExactText(name) == ExactText(LogStatus.service) {
                try await EventLogRestore.migrate(database)
                log = database
            } else {
                try await database.migrate(modules: Outbox.migrations)
                services.append((name, database))
            }
        }
        return RestoredSystem(services: services, log: log)
    }

    private init(services: [(name: String, database: SQLiteDatabase)], log: SQLiteDatabase?) {
        self.services = services
        self.log = log
    }

    func close() async {
        for service in services { await service.database.close() }
        await log?.close()
    }

    /// The log was restored: its groups go back, and every source publishes again what it holds.
    func finishLog(_ report: inout RestoreReport) async throws {
        if let log { _ = try await log.transaction("restore.log") { tx in try EventLogRestore.rewind(in: tx) } }
        for service in services {
            let selection = Resend.Selection(
                since: Timestamp(microseconds: 0),
                topic: "",
                key: "",
                rate: Self.resendRate
            )
            _ = try await service.database.transaction("restore.resend") { tx in try Resends.start(selection, in: tx) }
            report.resends.append(service.name)
        }
        for consumer in services { try await findLost(by: consumer.database, &report) }
    }

    /// A service was restored: its events begin a new epoch, and its groups go back.
    func finishService(_ name: String, entropy: any Entropy, _ report: inout RestoreReport) async throws {
        guard let service = services.first(where: { ExactText($0.name) == ExactText(name) }) else { return }
        try await findForgotten(by: service, &report)
        let highest = try await log?.read("restore.epoch") { tx in try EventLogRestore.highestEpoch(of: name, in: tx) }
        report.epoch = try await service.database.transaction("restore.epoch") { tx in
            try Restores.begin(after: highest ?? nil, entropy, in: tx)
        }
        try await findLost(by: service.database, &report)
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
    private func findLost(by consumer: SQLiteDatabase, _ report: inout RestoreReport) async throws {
        for source in services {
            var missing: [KeyName: [(group: String, epoch: Int, range: ClosedRange<Int64>)]] = [:]
            for key in try await keys(of: source.database) {
                let found = try await consumer.read("restore.missing") { tx in try key.missing(of: source.name, in: tx)
                }
                guard !found.isEmpty else { continue }
                missing[KeyName(topic: ExactText(key.topic), key: ExactText(key.key))] = found.map {
                    ($0.group, key.epoch, $0.range)
                }
            }
            guard !missing.isEmpty else { continue }
            var stored: [KeyName: [Int: RangeSet<Int64>]] = [:]
            try await forEachEvent(of: source.name) { event in
                let name = KeyName(topic: ExactText(event.topic), key: ExactText(event.key))
                guard missing[name] != nil else { return }
                stored[name, default: [:]][event.epoch, default: RangeSet()]
                    .insert(contentsOf: event.sequence..<event.sequence + 1)
            }
            for (name, ranges) in missing.sorted(by: { ($0.key.topic, $0.key.key) < ($1.key.topic, $1.key.key) }) {
                for lost in ranges {
                    var rest = RangeSet(lost.range.lowerBound..<lost.range.upperBound + 1)
                    rest.subtract(stored[name]?[lost.epoch] ?? RangeSet())
                    for part in rest.ranges {
                        report.addLost(
                            RestoreReport.Range(
                                source: source.name,
                                topic: name.topic.text,
                                key: name.key.text,
                                epoch: lost.epoch,
                                first: part.lowerBound,
                                last: part.upperBound - 1,
                                group: lost.group
                            )
                        )
                    }
                }
            }
        }
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
