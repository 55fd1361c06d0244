import MartletSQLite
import MartletTesting
import SimulatedDisk
import Testing

@Suite("SQLite on a simulated disk: SQL conformance")
struct DiskConformanceTests {
    @Test("conforms in a new file", arguments: SQLConformance.checks)
    func newFile(_ check: SQLConformance.Check) async throws {
        let disk = Disk(entropy: SeededEntropy(seed: 1))
        try await check.run { try disk.open("test.sqlite", time: $0, onStop: { _ in }) }
        #expect(disk.damage(in: "test.sqlite").isEmpty)
        #expect(disk.counts.syncs > 0)
    }
}
