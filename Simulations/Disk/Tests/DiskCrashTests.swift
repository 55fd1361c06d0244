import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import SimulatedDisk
import Testing

@Suite("SQLite on a simulated disk that loses power", .timeLimit(.minutes(2)))
struct DiskCrashTests {
    static let seeds: UInt64 = 300

    /// A disk with a database that has been closed, or an empty one.
    func image(_ seed: UInt64) async throws -> DiskImage {
        guard seed % 2 == 0 else { return DiskImage() }
        let disk = Disk(entropy: SeededEntropy(seed: seed))
        let database = try disk.open(CrashingLife.name, time: ManualTime(), onStop: { _ in })
        try await database.make()
        await database.close()
        return disk.image
    }

    @Test("has every commit that was answered, and nothing half, whatever survives of the rest")
    func durable() async throws {
        var (counts, committed) = (DiskCounts(), 0)
        for seed in 0..<Self.seeds {
            var life = CrashingLife(seed: seed, from: try await image(seed))
            await life.live()
            #expect(life.violations == [], "seed \(seed)")
            counts += life.disk.counts
            committed += life.committed
        }
        // It was really hurt.
        #expect(committed > 1_000)
        #expect(counts.kills > 20)
        #expect(counts.powerLosses > 500)
        #expect(counts.lostSectors > 500)
        #expect(counts.keptSectors > 500)
        #expect(counts.tornSectors > 50)
        #expect(counts.lostNames > 10)
    }

    @Test("loses commits when SQLite is told not to sync: the disk can hurt")
    func control() async throws {
        var hurt = 0
        for seed in 0..<100 as Range<UInt64> {
            var life = CrashingLife(seed: seed, from: try await image(seed), synchronous: .off)
            await life.live()
            if !life.violations.isEmpty { hurt += 1 }
        }
        #expect(hurt > 50)
    }

    @Test("can be opened after a power loss at any change of its first opening", arguments: Survival.allCases)
    func firstOpening(_ survival: Survival) async throws {
        var changes = 0
        while true {
            let disk = Disk(entropy: SeededEntropy(seed: UInt64(changes)))
            disk.losePower(after: changes, survival)
            let first = try? disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
            let hurt = disk.counts.powerLosses == 1
            #expect(hurt == (first == nil))
            guard hurt else { break }
            let second = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
            #expect(try await second.bootEpoch() >= 1)
            #expect(disk.damage(in: "test.sqlite") == [])
            changes += 1
        }
        #expect(changes > 10)
    }

    @Test("does the same under the same seed")
    func repeatable() async throws {
        for seed in 0..<20 as Range<UInt64> {
            var (one, two) = (
                CrashingLife(seed: seed, from: DiskImage()), CrashingLife(seed: seed, from: DiskImage())
            )
            await one.live()
            await two.live()
            #expect(one.disk.counts == two.disk.counts)
            #expect(one.committed == two.committed)
        }
    }

    @Test("leaves nothing to a process that was killed, and all that it wrote to the next")
    func killed() async throws {
        let disk = Disk(entropy: SeededEntropy(seed: 1))
        let dead = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
        try await dead.make()
        try await dead.apply([.put(id: 1, n: 1, bytes: 10)])
        disk.kill()
        let error = await #expect(throws: SQLError.self) { try await dead.apply([.put(id: 2, n: 2, bytes: 10)]) }
        #expect(error?.kind == .outcomeUnknown || error?.kind == .unavailable)
        let next = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
        await dead.close()
        try await next.apply([.put(id: 3, n: 3, bytes: 10)])
        #expect(try await next.rows().keys.sorted() == [1, 3])
        #expect(try await next.bootEpoch() == 2)
        #expect(disk.counts.kills == 1)
        #expect(disk.damage(in: "test.sqlite") == [])
    }

    @Test("ends a process at a crash point: before the commit nothing is there, after it all is")
    func crashPoints() async throws {
        for (point, kept) in [("sql.committing", false), ("sql.committed", true)] {
            let disk = Disk(entropy: SeededEntropy(seed: 1))
            let database = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
            try await database.make()
            await CrashPoints.$observer.withValue(.init { if $0 == point { disk.losePower(.nothing) } }) {
                // Whatever it answers, a process that has ended answers nobody.
                _ = try? await database.apply([.put(id: 1, n: 1, bytes: 10)])
            }
            let next = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
            #expect(try await next.rows().isEmpty != kept)
            #expect(disk.counts.powerLosses == 1)
        }
    }

    @Test("tells who asked for the power loss, from within the call that it struck")
    func told() async throws {
        let disk = Disk(entropy: SeededEntropy(seed: 1))
        let database = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
        try await database.make()
        await confirmation { told in
            disk.losePower(after: 0, .nothing, told: { told() })
            _ = try? await database.apply([.put(id: 1, n: 1, bytes: 10)])
        }
        let next = try disk.open("test.sqlite", time: ManualTime(), onStop: { _ in })
        #expect(try await next.rows().isEmpty)
    }

    @Test("begins many times from one image, and each goes its own way")
    func copies() async throws {
        let image = try await image(0)
        let disks = (0..<3).map { Disk(image, entropy: SeededEntropy(seed: $0)) }
        for (number, disk) in disks.enumerated() {
            let database = try disk.open(CrashingLife.name, time: ManualTime(), onStop: { _ in })
            try await database.apply([.put(id: number, n: 1, bytes: 5_000)])
            await database.close()
        }
        for (number, disk) in disks.enumerated() {
            let database = try disk.open(CrashingLife.name, time: ManualTime(), onStop: { _ in })
            #expect(try await database.rows().keys.sorted() == [number])
        }
    }
}
