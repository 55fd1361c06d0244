import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import SimulatedDisk
import Synchronization

/// One database under power losses and kills at random moments.
struct CrashRun {
    /// Broken guarantees; empty when the database is correct.
    private(set) var violations: [String] = []
    private(set) var crashes = 0
    private(set) var committed = 0
    let disk: Disk
    private let entropy: SeededEntropy
    private let time = ManualTime()
    private let synchronous: SQLiteSynchronous
    private let failsSyncs: Bool
    private var ledger = Ledger()
    private var lastBoot = 0

    static let name = "test.sqlite"
    static let crashesLimit = 4

    /// - Parameter failsSyncs: Whether most process runs have a failed sync too.
    init(seed: UInt64, from image: DiskImage, synchronous: SQLiteSynchronous = .full, failsSyncs: Bool = false) {
        entropy = SeededEntropy(seed: seed)
        disk = Disk(image, entropy: entropy.fork())
        self.synchronous = synchronous
        self.failsSyncs = failsSyncs
    }

    /// Runs until the last crash, or until a violation is found.
    mutating func run() async {
        while crashes < Self.crashesLimit, violations.isEmpty {
            let survival = Survival.any(entropy)
            // While opening, while working, or after that.
            let spans: [UInt64] = [12, 400, 4_000]
            let span = spans[Int(entropy.number(below: 3))]
            disk.losePower(after: Int(entropy.number(below: span)), survival)
            if failsSyncs, entropy.number(below: 3) > 0 { disk.fail(.syncError, after: Int(entropy.number(below: 30))) }
            let before = disk.counts
            do {
                try await work()
            } catch {
                let (now, sync) = (disk.counts, DiskFault.syncError)
                guard now.powerLosses > before.powerLosses || now.faults[sync] != before.faults[sync] else {
                    return report("\(error)")
                }
            }
            crashes += 1
            await check()
        }
    }

    /// Commits transactions until power is lost, or ends the process itself.
    private mutating func work() async throws {
        var limits = SQLiteLimits()
        limits.checkpointPages = 5 + Int(entropy.number(below: 60))
        let database = try disk.open(
            Self.name,
            time: time,
            limits: limits,
            synchronous: synchronous,
            onStop: { _ in }
        )
        try await verify(database)
        for _ in 0..<60 {
            let changes = ledger.begin(entropy)
            try await database.apply(changes)
            ledger.commit()
            committed += 1
        }
        // A process that gets this far is closed or killed.
        guard entropy.number(below: 2) == 0 else { return await database.close() }
        disk.kill()
    }

    /// Checks that a new process finds what was acknowledged to the one before.
    private mutating func verify(_ database: SQLiteDatabase) async throws {
        try await database.createTable()
        let boot = try await database.bootNumber()
        if boot <= lastBoot { report("boot number \(boot) after \(lastBoot)") }
        lastBoot = boot
        let rows = try await database.rows()
        if !ledger.accepts(rows) { report("rows that were not acknowledged") }
    }

    private mutating func check() async {
        let damage = disk.damage(in: Self.name)
        if disk.size(of: Self.name) ?? 0 > 0, !damage.isEmpty { report("damage: \(damage[0])") }
        // On a copy: the next process must find what a crash left, not what this check has repaired.
        let copy = Disk(disk.image, entropy: entropy.fork())
        var observer = self
        do {
            try await observer.verify(copy.open(Self.name, time: time, onStop: { _ in }))
        } catch {
            report("cannot be opened: \(error)")
        }
        violations += observer.violations.dropFirst(violations.count)
    }

    private mutating func report(_ violation: String) { violations.append(violation) }
}
