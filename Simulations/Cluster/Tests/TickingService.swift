import MartletConfig
import MartletCore
import MartletHost
import MartletSQL

/// What a test decides about one replica of a ticking service.
struct TickingSettings: ServiceSettings {
    /// Called when a run has begun, before it writes.
    let began: @Sendable () -> Void

    init(_ reader: inout ConfigReader) { began = {} }

    init(began: @escaping @Sendable () -> Void) { self.began = began }
}

/// The table of ticks: one row for each run of a job that was committed.
enum Ticks {
    static let interval = Duration.seconds(10)
    /// How long a run takes before it writes.
    static let work = Duration.seconds(1)

    static let migrations = [
        Migration(
            "ticks",
            1,
            ["CREATE TABLE ticks (number BIGINT PRIMARY KEY, run TEXT NOT NULL, at BIGINT NOT NULL)"]
        )
    ]

    static func add(_ run: String, in tx: borrowing SQLTransaction) throws {
        let count = try tx.run("SELECT COUNT(*) FROM ticks").first?.int(0) ?? 0
        try tx.run("INSERT INTO ticks (number, run, at) VALUES (\(count + 1), \(run), \(tx.date.microseconds))")
    }

    /// What is wrong with the ticks, in words: a period with two of them, or too few of them.
    static func violations(atLeast count: Int, in tx: borrowing SQLTransaction) throws -> [String] {
        let ticks = try tx.run("SELECT run, at FROM ticks ORDER BY number").map { row in
            (run: ExactText(try row.text(0)), at: Timestamp(microseconds: try row.int64(1)))
        }
        var violations: [String] = []
        if ticks.count < count { violations.append("\(ticks.count) ticks, at least \(count) were due") }
        if Set(ticks.map(\.run)).count < ticks.count { violations.append("a run ticked twice") }
        for (one, next) in zip(ticks, ticks.dropFirst()) where next.at - one.at < interval {
            violations.append("two ticks within \(next.at - one.at)")
        }
        return violations
    }
}

/// Ticks every ten seconds, on one replica at a time.
struct TickingService: ServiceBlueprint {
    typealias Settings = TickingSettings

    static let name = "ticking"
    static let migrations = Ticks.migrations

    private let platform: Platform

    init(on platform: Platform) { self.platform = platform }

    var jobs: [Job] {
        let (time, began) = (platform.runtime.time, platform.settings(of: Self.self).began)
        return [
            Job("tick", every: Ticks.interval) { run in
                began()
                try await time.sleep(for: Ticks.work)
                try await run.finalTransaction("tick") { tx in try Ticks.add(run.id, in: tx) }
            }
        ]
    }
}

/// A defect: it writes past its run, so that nothing compares the lease.
struct UnfencedTicking: ServiceBlueprint {
    typealias Settings = TickingSettings

    static let name = TickingService.name
    static let migrations = Ticks.migrations

    private let platform: Platform

    init(on platform: Platform) { self.platform = platform }

    var jobs: [Job] {
        let (platform, began) = (platform, platform.settings(of: Self.self).began)
        return [
            Job("tick", every: Ticks.interval) { run in
                began()
                try await platform.runtime.time.sleep(for: Ticks.work)
                try await platform.database.transaction("tick") { tx in try Ticks.add(run.id, in: tx) }
            }
        ]
    }
}

/// A defect: each replica ticks.
struct SharedTicking: ServiceBlueprint {
    typealias Settings = TickingSettings

    static let name = TickingService.name
    static let migrations = Ticks.migrations

    private let service: TickingService

    init(on platform: Platform) { service = TickingService(on: platform) }

    var jobs: [Job] { service.jobs.map { $0.onEveryReplica() } }
}
