import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import SimulatedDisk
import Testing

@Suite("SQLite on a simulated disk with faults during recovery", .timeLimit(.minutes(HangLimit.testMinutes)))
struct DiskRecoveryTests {
    let time = ManualTime()

    func open(_ disk: Disk) throws -> SQLiteDatabase { try disk.open("test.sqlite", time: time, onStop: { _ in }) }

    /// A disk whose last commit had a failed fsync, and is not or only partly on the disk.
    func disk(_ seed: UInt64, _ ledger: inout Ledger) async throws -> Disk {
        let disk = Disk(entropy: SeededEntropy(seed: seed))
        let first = try open(disk)
        try await first.createTable()
        let entropy = SeededEntropy(seed: seed)
        for _ in 0..<6 {
            try await first.apply(ledger.begin(entropy))
            ledger.commit()
        }
        // So that the log contains nothing but that commit.
        await first.close()
        let second = try open(disk)
        disk.fail(.syncError)
        let changes = ledger.begin(entropy)
        await #expect(throws: SQLError.self) { try await second.apply(changes) }
        return disk
    }

    @Test("is intact after a power loss at any change of an opening after a failed fsync", arguments: Survival.allCases)
    func openingAfterFailedSync(_ survival: Survival) async throws {
        for seed in 0..<10 as Range<UInt64> {
            var changes = 0
            while true {
                var ledger = Ledger()
                let disk = try await disk(seed, &ledger)
                disk.losePower(after: changes, survival)
                let second = try? open(disk)
                let lostPower = disk.counts.powerLosses == 1
                #expect(lostPower == (second == nil))
                let third = lostPower ? try? open(disk) : second
                let rows = try? await third?.rows()
                #expect(rows.map { ledger.accepts($0) } == true, "seed \(seed), change \(changes)")
                #expect(disk.damage(in: "test.sqlite") == [], "seed \(seed), change \(changes)")
                guard lostPower else { break }
                changes += 1
            }
            #expect(changes > 5)
        }
    }

    @Test(
        "is intact after any failed call of that opening",
        arguments: [DiskFault.writeError, .shortWrite, .readError]
    )
    func openingWithFaults(_ fault: DiskFault) async throws {
        for seed in 0..<10 as Range<UInt64> {
            var calls = 0
            while true {
                var ledger = Ledger()
                let disk = try await disk(seed, &ledger)
                disk.fail(fault, after: calls)
                let second = try? open(disk)
                guard disk.counts.faults[fault] == 1 else { break }
                if second == nil { disk.losePower(.any(SeededEntropy(seed: seed))) }
                let rows = try? await (second ?? open(disk)).rows()
                #expect(rows.map { ledger.accepts($0) } == true, "seed \(seed), call \(calls)")
                #expect(disk.damage(in: "test.sqlite") == [], "seed \(seed), call \(calls)")
                calls += 1
            }
            #expect(calls > 5)
        }
    }

    @Test("checkpoints nothing from a log that could not be made durable, even when it closes the file")
    func uncertainLog() async throws {
        var ledger = Ledger()
        let disk = try await disk(1, &ledger)
        let (before, log) = (disk.counts, disk.size(of: "test.sqlite-wal"))
        disk.fail(.writeError)
        #expect(throws: SQLError.self) { try open(disk) }
        #expect(disk.counts.bytesWritten == before.bytesWritten)
        #expect(disk.size(of: "test.sqlite-wal") == log)
        #expect(log ?? 0 > 0)
        #expect(ledger.accepts(try await open(disk).rows()))
    }

    @Test("stores every commit that was acknowledged or read, whatever fails")
    func durable() async throws {
        var (counts, committed) = (DiskCounts(), 0)
        for seed in 0..<DiskCrashTests.seeds {
            var run = CrashRun(seed: seed, from: DiskImage(), failsSyncs: true)
            await run.run()
            #expect(run.violations == [], "seed \(seed)")
            counts += run.disk.counts
            committed += run.committed
        }
        #expect(committed > 1_000)
        #expect(counts.powerLosses > 200)
        #expect(counts.faults[.syncError] ?? 0 > 200)
    }
}
