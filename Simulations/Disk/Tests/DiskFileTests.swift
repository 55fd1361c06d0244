import MartletCore
import MartletTesting
import Testing

@testable import SimulatedDisk

@Suite("Simulated file")
struct DiskFileTests {
    let entropy = SeededEntropy(seed: 7)

    /// Writes `count` bytes of `value`.
    func write(_ file: inout DiskFile, _ value: UInt8, at offset: Int, count: Int, number: Int) {
        [UInt8](repeating: value, count: count).withUnsafeBytes { file.write($0, at: offset, number: number) }
    }

    func afterPowerLoss(_ survival: Survival, _ file: DiskFile) -> [UInt8] {
        var (file, survivors) = (file, Survivors(survival, of: file.unsynced, entropy: entropy))
        file.losePower(&survivors)
        return file.written
    }

    @Test("power loss: reverts to the synced content when nothing survives, and stays when everything does")
    func layers() {
        for _ in 0..<300 {
            var file = DiskFile()
            var synced: [UInt8] = []
            for number in 0..<Int(entropy.number(below: 12)) {
                switch entropy.number(below: 6) {
                case 0:
                    file.sync()
                    synced = file.written
                case 1: file.truncate(to: Int(entropy.number(below: 12_000)), number: number)
                default:
                    let value = UInt8(truncatingIfNeeded: number + 1)
                    let (offset, count) = (Int(entropy.number(below: 9_000)), 1 + Int(entropy.number(below: 6_000)))
                    write(&file, value, at: offset, count: count, number: number)
                }
            }
            #expect(afterPowerLoss(.nothing, file) == synced)
            #expect(afterPowerLoss(.everything, file) == file.written)
        }
    }

    @Test("power loss with a surviving prefix: at most one write is torn")
    func prefix() {
        var file = DiskFile()
        for number in 0..<4 { write(&file, UInt8(number + 1), at: number * 4_096, count: 4_096, number: number) }
        var lengths: Set<Int> = []
        for _ in 0..<200 {
            let left = afterPowerLoss(.prefix, file)
            #expect(left.indices.allSatisfy { left[$0] == UInt8($0 / 4_096 + 1) })
            lengths.insert(left.count)
        }
        #expect(lengths.contains { $0 % 512 != 0 })
        #expect(lengths.contains { $0 % 512 == 0 && $0 % 4_096 != 0 })
        #expect(lengths.contains(4 * 4_096))
    }

    @Test("power loss with a surviving subset: a later write may survive without an earlier one")
    func subset() {
        var file = DiskFile([UInt8](repeating: 9, count: 8_192))
        write(&file, 1, at: 0, count: 4_096, number: 1)
        write(&file, 2, at: 4_096, count: 4_096, number: 2)
        var found: Set<[UInt8]> = []
        for _ in 0..<200 {
            let left = afterPowerLoss(.subset, file)
            found.insert([left[0], left[4_096]])
        }
        #expect(found == [[9, 9], [1, 9], [9, 2], [1, 2]])
    }

    @Test("failed sync: lost writes are still read until power is lost, and a later sync does not write them")
    func failedSync() {
        var lost = 0
        for _ in 0..<100 {
            var file = DiskFile([UInt8](repeating: 9, count: 8_192))
            write(&file, 1, at: 0, count: 4_096, number: 1)
            var survivors = Survivors(.subset, of: file.unsynced, entropy: entropy)
            file.failSync(&survivors)
            #expect(file.written[0] == 1)
            write(&file, 2, at: 4_096, count: 4_096, number: 2)
            file.sync()
            let left = afterPowerLoss(.nothing, file)
            #expect(left[4_096] == 2)
            if left[0] == 9 { lost += 1 }
            // Only a new write to that page makes the system write it again.
            write(&file, 3, at: 8, count: 8, number: 3)
            file.sync()
            #expect(afterPowerLoss(.nothing, file) == file.written)
        }
        #expect(lost > 10)
        #expect(lost < 100)
    }
}
