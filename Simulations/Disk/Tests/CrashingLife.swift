import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import SimulatedDisk
import Synchronization

/// One database under power losses and kills at moments of their own choosing.
struct CrashingLife {
    /// What was found to be broken; empty when every promise was kept.
    private(set) var violations: [String] = []
    private(set) var crashes = 0
    private(set) var committed = 0
    let disk: Disk
    private let entropy: SeededEntropy
    private let time = ManualTime()
    private let synchronous: SQLiteSynchronous
    private let failsSyncs: Bool
    private var ledger = Ledger()
    private var lastEpoch = 0

    static let name = "test.sqlite"
    static let crashesLimit = 4

    /// - Parameter failsSyncs: Whether most lives of the process have a failed sync before them too.
    init(seed: UInt64, from image: DiskImage, synchronous: SQLiteSynchronous = .full, failsSyncs: Bool = false) {
        entropy = SeededEntropy(seed: seed)
        disk = Disk(image, entropy: entropy.fork())
        self.synchronous = synchronous
        self.failsSyncs = failsSyncs
    }

    /// Lives until the last crash, or until something is found.
    mutating func live() async {
        while crashes < Self.crashesLimit, violations.isEmpty {
            let survival = Survival.any(entropy)
            // In the opening, in the work, or after it.
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

    /// Works until power is lost, or kills the process itself.
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
        try await see(database)
        for _ in 0..<60 {
            let changes = ledger.begin(entropy)
            try await database.apply(changes)
            ledger.commit()
            committed += 1
        }
        // Whoever gets so far ends without a goodbye, or with one.
        guard entropy.number(below: 2) == 0 else { return await database.close() }
        disk.kill()
    }

    /// Looks whether the first thing that a new process sees is what was promised to the one before.
    private mutating func see(_ database: SQLiteDatabase) async throws {
        try await database.make()
        let epoch = try await database.bootEpoch()
        if epoch <= lastEpoch { report("epoch \(epoch) after \(lastEpoch)") }
        lastEpoch = epoch
        let rows = try await database.rows()
        if !ledger.accepts(rows) { report("rows that nobody was promised") }
    }

    private mutating func check() async {
        let damage = disk.damage(in: Self.name)
        if disk.size(of: Self.name) ?? 0 > 0, !damage.isEmpty { report("damage: \(damage[0])") }
        // On a copy: the next process must find what a crash left, not what an observer has repaired.
        let copy = Disk(disk.image, entropy: entropy.fork())
        var observer = self
        do {
            try await observer.see(copy.open(Self.name, time: time, onStop: { _ in }))
        } catch {
            report("cannot be opened: \(error)")
        }
        violations += observer.violations.dropFirst(violations.count)
    }

    private mutating func report(_ violation: String) { violations.append(violation) }
}
