import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import SimulatedDisk
import Testing

@Suite("SQLite on a simulated disk that loses power", .timeLimit(.minutes(HangLimit.testMinutes)))
struct DiskCrashTests {
    static let seeds: UInt64 = 300

    /// A disk with a closed database, or an empty one.
    func image(_ seed: UInt64) async throws -> DiskImage {
        guard seed % 2 == 0 else { return DiskImage() }
        let disk = Disk(entropy: SeededEntropy(seed: seed))
        let database = try disk.open(CrashRun.name, time: ManualTime(), onStop: { _ in })
        try await database.createTable()
        await database.close()
        return disk.image
    }

    @Test("stores every acknowledged commit and no partial one, whichever unsynced writes survive")
    func durable() async throws {
        var (counts, committed) = (DiskCounts(), 0)
        for seed in 0..<Self.seeds {
            var run = CrashRun(seed: seed, from: try await image(seed))
            await run.run()
            #expect(run.violations == [], "seed \(seed)")
            counts += run.disk.counts
            committed += run.committed
        }
        // The faults were really injected.
        #expect(committed > 1_000)
        #expect(counts.kills > 20)
        #expect(counts.powerLosses > 500)
        #expect(counts.lostSectors > 500)
        #expect(counts.survivingSectors > 500)
        #expect(counts.tornSectors > 50)
        #expect(counts.lostNames > 10)
    }

    @Test("loses commits with synchronous=OFF: the faults are effective")
    func control() async throws {
        var violated = 0
        for seed in 0..<100 as Range<UInt64> {
            var run = CrashRun(seed: seed, from: try await image(seed), synchronous: .off)
            await run.run()
            if !run.violations.isEmpty { violated += 1 }
        }
        #expect(violated > 50)
    }

    @Test("can be opened after a power loss at any change of its first opening", arguments: Survival.allCases)
    func firstOpening(_ survival: Survival) async throws {
        var changes = 0
        while true {
            let disk = Disk(entropy: SeededEntropy(seed: UInt64(changes)))
            disk.losePower(after: changes, survival)
            let first = try? disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
            let lostPower = disk.counts.powerLosses == 1
            #expect(lostPower == (first == nil))
            guard lostPower else { break }
            let second = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
            #expect(try await second.bootNumber() >= 1)
            #expect(disk.damage(in: "test.sqlite") == [])
            changes += 1
        }
        #expect(changes > 10)
    }

    @Test("equal seeds give equal runs")
    func repeatable() async throws {
        for seed in 0..<20 as Range<UInt64> {
            var (one, two) = (
                CrashRun(seed: seed, from: DiskImage()), CrashRun(seed: seed, from: DiskImage())
            )
            await one.run()
            await two.run()
            #expect(one.disk.counts == two.disk.counts)
            #expect(one.committed == two.committed)
        }
    }

    @Test("fails every call of a killed process, and shows its writes to the next")
    func killed() async throws {
        let disk = Disk(entropy: SeededEntropy(seed: 1))
        let dead = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
        try await dead.createTable()
        try await dead.apply([.put(id: 1, n: 1, bytes: 10)])
        disk.kill()
        let error = await #expect(throws: SQLError.self) { try await dead.apply([.put(id: 2, n: 2, bytes: 10)]) }
        #expect(error?.kind == .outcomeUnknown || error?.kind == .unavailable)
        let next = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
        await dead.close()
        try await next.apply([.put(id: 3, n: 3, bytes: 10)])
        #expect(try await next.rows().keys.sorted() == [1, 3])
        #expect(try await next.bootNumber() == 2)
        #expect(disk.counts.kills == 1)
        #expect(disk.damage(in: "test.sqlite") == [])
    }

    @Test("other files in place of all: the open database fails, and the next one has their content")
    func replaced() async throws {
        let disk = Disk(entropy: SeededEntropy(seed: 1))
        let old = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
        try await old.createTable()
        try await old.apply([.put(id: 1, n: 1, bytes: 10)])
        let backup = disk.image
        try await old.apply([.put(id: 2, n: 2, bytes: 5_000)])
        disk.replace(with: backup)
        await #expect(throws: SQLError.self) { try await old.apply([.put(id: 3, n: 3, bytes: 10)]) }
        await old.close()
        let next = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
        #expect(try await next.rows().keys.sorted() == [1])
        await next.close()
        disk.losePower(.nothing)
        let last = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
        #expect(try await last.rows().keys.sorted() == [1])
        #expect(disk.damage(in: "test.sqlite") == [])
    }

    @Test("crash point before the commit: nothing is stored; after the commit: everything is")
    func crashPoints() async throws {
        for (point, isStored) in [("sql.committing", false), ("sql.committed", true)] {
            let disk = Disk(entropy: SeededEntropy(seed: 1))
            let database = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
            try await database.createTable()
            let observer = CrashPoints.Observer(passed: { if $0 == point { disk.losePower(.nothing) } })
            await CrashPoints.$observer.withValue(observer) {
                // The result is irrelevant: the process has ended.
                _ = try? await database.apply([.put(id: 1, n: 1, bytes: 10)])
            }
            let next = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
            #expect(try await next.rows().isEmpty != isStored)
            #expect(disk.counts.powerLosses == 1)
        }
    }

    @Test("calls the callback of a planned power loss, from within the call that lost power")
    func powerLossCallback() async throws {
        let disk = Disk(entropy: SeededEntropy(seed: 1))
        let database = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
        try await database.createTable()
        await confirmation { confirm in
            disk.losePower(after: 0, .nothing, onLoss: { confirm() })
            _ = try? await database.apply([.put(id: 1, n: 1, bytes: 10)])
        }
        let next = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
        #expect(try await next.rows().isEmpty)
    }

    @Test("disks from one image are independent")
    func copies() async throws {
        let image = try await image(0)
        let disks = (0..<3).map { Disk(image, entropy: SeededEntropy(seed: $0)) }
        for (number, disk) in disks.enumerated() {
            let database = try disk.open(CrashRun.name, time: ManualTime(), onStop: { _ in })
            try await database.apply([.put(id: number, n: 1, bytes: 5_000)])
            await database.close()
        }
        for (number, disk) in disks.enumerated() {
            let database = try disk.open(CrashRun.name, time: ManualTime(), onStop: { _ in })
            #expect(try await database.rows().keys.sorted() == [number])
        }
    }
}
