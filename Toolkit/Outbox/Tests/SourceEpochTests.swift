import MartletCore
import MartletTesting
import Testing

@testable import MartletOutbox

@Suite("Source epoch")
struct SourceEpochTests {
    private let now = Timestamp(seconds: 1_700_000_000)

    private func epoch(at now: Timestamp, backup: Int = 1, log: Int? = nil, seed: UInt64 = 1) -> Int {
        SourceEpoch.after(now: now, backup: backup, log: log, SeededEntropy(seed: seed))
    }

    @Test("is greater than now, than the backup's and than the log's, whichever is the highest")
    func above() {
        let present = Int(now.microseconds)
        #expect(epoch(at: now) > present)
        #expect(epoch(at: now, backup: present + 5) > present + 5)
        #expect(epoch(at: now, backup: 7, log: present + 9) > present + 9)
    }

    @Test("under a clock that is behind, it is greater than the backup's and the log's")
    func clockBehind() {
        let behind = Timestamp(seconds: 10)
        #expect(epoch(at: behind, backup: 1 << 50) > 1 << 50)
        #expect(epoch(at: behind, backup: 1 << 50, log: 1 << 51) > 1 << 51)
    }

    @Test("two restores of one backup at one time differ")
    func distinct() {
        #expect(Set((1...8).map { epoch(at: now, seed: $0) }).count == 8)
    }

    @Test("is exact in JSON numbers until the year 2200")
    func exact() {
        #expect(epoch(at: Timestamp(seconds: 7_258_118_400)) < 1 << 53)
    }
}
