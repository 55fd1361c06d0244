import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import SimulatedDisk
import Synchronization
import Testing

@Suite("SQLite on a simulated disk with faults", .timeLimit(.minutes(HangLimit.testMinutes)))
struct DiskFaultTests {
    let time = ManualTime()

    func open(_ disk: Disk, _ onStop: @escaping @Sendable (SQLError) -> Void = { _ in }) throws -> SQLiteDatabase {
        try disk.open("test.sqlite", time: time, onStop: onStop)
    }

    @Test("stops its process after a failed fsync; no later write of it reaches the disk")
    func failedSync() async throws {
        var found: Set<Bool> = []
        for seed in 0..<60 as Range<UInt64> {
            let disk = Disk(entropy: SeededEntropy(seed: seed))
            let stopped = Mutex<[String]>([])
            let database = try open(disk) { error in stopped.withLock { $0.append(error.code) } }
            try await database.createTable()
            try await database.apply([.put(id: 1, n: 1, bytes: 10)])
            disk.fail(.syncError)
            let error = await #expect(throws: SQLError.self) {
                try await database.apply([.put(id: 2, n: 2, bytes: 3_000)])
            }
            #expect(error?.kind == .outcomeUnknown)
            #expect(stopped.withLock { $0 } == ["1034"])
            let later = await #expect(throws: SQLError.self) { try await database.rows() }
            #expect(later?.kind == .unavailable)
            let image = disk.image
            await database.close()
            #expect(disk.image.bytes == image.bytes)
            #expect(disk.counts.faults == [.syncError: 1])
            #expect(disk.counts.kills == 1)
            disk.losePower(.nothing)
            let next = try open(disk)
            let rows = try await next.rows()
            #expect(rows[1] == Ledger.Row(n: 1, bytes: 10))
            found.insert(rows[2] != nil)
        }
        // Both outcomes occur: the content of the disk is unknown then.
        #expect(found == [true, false])
    }

    @Test("makes what it recovers after a failed fsync durable before it returns it")
    func foundAfterFailedSync() async throws {
        var found = 0
        for seed in 0..<60 as Range<UInt64> {
            let disk = Disk(entropy: SeededEntropy(seed: seed))
            let database = try open(disk)
            try await database.createTable()
            disk.fail(.syncError)
            await #expect(throws: SQLError.self) { try await database.apply([.put(id: 2, n: 2, bytes: 3_000)]) }
            let seen = try await open(disk).rows()
            disk.losePower(.nothing)
            let left = try await open(disk).rows()
            #expect(left == seen, "seed \(seed)")
            if seen[2] != nil { found += 1 }
        }
        #expect(found > 0)
    }

    @Test("stops its process when a checkpoint's fsync fails; acknowledged commits stay durable")
    func failedCheckpoint() async throws {
        for seed in 0..<60 as Range<UInt64> {
            let disk = Disk(entropy: SeededEntropy(seed: seed))
            let stopped = Mutex(0)
            var limits = SQLiteLimits()
            limits.checkpointPages = 4
            let database = try disk.open("test.sqlite", time: time, limits: limits) { _ in stopped.withLock { $0 += 1 }
            }
            try await database.createTable()
            var ledger = Ledger()
            let entropy = SeededEntropy(seed: seed)
            // Syncs of commits (log) and of checkpoints (log and file) alternate.
            disk.fail(.syncError, after: Int(seed % 12))
            while stopped.withLock({ $0 }) == 0 {
                let changes = ledger.begin(entropy)
                do {
                    try await database.apply(changes)
                    ledger.commit()
                } catch let error as SQLError {
                    #expect(error.kind == .outcomeUnknown)
                }
            }
            disk.losePower(.any(entropy))
            let next = try open(disk)
            #expect(ledger.accepts(try await next.rows()))
            #expect(disk.damage(in: "test.sqlite") == [])
        }
    }

    @Test("acknowledged commits stay durable when a sync fails while the database is opened or closed")
    func failedSyncAtTheEdges() async throws {
        var failures = 0
        while true {
            let disk = Disk(entropy: SeededEntropy(seed: UInt64(failures)))
            let first = try open(disk)
            try await first.createTable()
            try await first.apply([.put(id: 1, n: 1, bytes: 9_000)])
            disk.fail(.syncError, after: failures)
            await first.close()
            let second = try? open(disk)
            await second?.close()
            guard disk.counts.faults == [.syncError: 1] else { break }
            failures += 1
            disk.losePower(.nothing)
            #expect(try await open(disk).rows() == [1: Ledger.Row(n: 1, bytes: 9_000)])
            #expect(disk.damage(in: "test.sqlite") == [])
        }
        #expect(failures > 3)
    }

    @Test("full disk: refuses the transaction, keeps the others, and works again when there is space")
    func full() async throws {
        for spare in stride(from: 0, to: 60_000, by: 2_500) {
            let disk = Disk(entropy: SeededEntropy(seed: 1))
            let database = try open(disk)
            try await database.createTable()
            var ledger = Ledger()
            let entropy = SeededEntropy(seed: UInt64(spare))
            disk.faults.bytesMax = disk.image.bytes + spare
            while disk.counts.full == 0 {
                let changes = ledger.begin(entropy)
                do {
                    try await database.apply(changes)
                    ledger.commit()
                } catch let error as SQLError {
                    #expect(error.kind == .full)
                    ledger.refuse()
                }
            }
            #expect(ledger.accepts(try await database.rows()))
            disk.faults.bytesMax = nil
            try await database.apply(ledger.begin(entropy))
            ledger.commit()
            disk.losePower(.any(entropy))
            #expect(ledger.accepts(try await open(disk).rows()))
            #expect(disk.damage(in: "test.sqlite") == [])
        }
    }

    @Test(
        "fails and rolls back a transaction whose write fails; the next one succeeds",
        arguments: [DiskFault.writeError, .shortWrite]
    )
    func failedWrite(_ fault: DiskFault) async throws {
        for seed in 0..<40 as Range<UInt64> {
            let disk = Disk(entropy: SeededEntropy(seed: seed))
            let database = try open(disk)
            try await database.createTable()
            let entropy = SeededEntropy(seed: seed)
            var ledger = Ledger()
            for _ in 0..<5 {
                try await database.apply(ledger.begin(entropy))
                ledger.commit()
            }
            disk.fail(fault, after: Int(seed % 3))
            while disk.counts.faults.isEmpty {
                let changes = ledger.begin(entropy)
                do {
                    try await database.apply(changes)
                    ledger.commit()
                } catch let error as SQLError {
                    #expect(error.kind == .outcomeUnknown || error.kind == .unavailable)
                }
            }
            #expect(ledger.accepts(try await database.rows()))
            try await database.apply(ledger.begin(entropy))
            ledger.commit()
            disk.losePower(.any(entropy))
            #expect(ledger.accepts(try await open(disk).rows()))
            #expect(disk.counts.faults == [fault: 1])
        }
    }

    @Test("fails a transaction whose read fails; the next one succeeds")
    func failedRead() async throws {
        let disk = Disk(entropy: SeededEntropy(seed: 1))
        let first = try open(disk)
        try await first.createTable()
        try await first.apply([.put(id: 1, n: 1, bytes: 100_000)])
        await first.close()
        let database = try open(disk)
        disk.fail(.readError)
        let error = await #expect(throws: SQLError.self) { try await database.rows() }
        #expect(error?.kind == .unavailable)
        #expect(try await database.rows() == [1: Ledger.Row(n: 1, bytes: 100_000)])
    }

    @Test("injects random faults at the given rate")
    func chances() async throws {
        let disk = Disk(entropy: SeededEntropy(seed: 1))
        let database = try open(disk)
        try await database.createTable()
        disk.faults.chances = [.writeError: 0.02]
        var failures = 0
        for number in 0..<500 {
            do {
                try await database.apply([.put(id: number % 9, n: number, bytes: 100)])
            } catch is SQLError {
                failures += 1
            }
        }
        #expect(failures > 5)
        #expect(failures < 200)
        #expect(disk.counts.faults[.writeError] ?? 0 >= failures)
    }
}
