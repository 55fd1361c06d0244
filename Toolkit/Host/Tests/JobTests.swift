import MartletHost
import MartletSQL
import MartletSQLite
import MartletTesting
import Synchronization
import Testing

@Suite("Job")
struct JobTests {
    private struct Failure: Error {}

    /// How many transactions one run begins whose n-th batch has `handled(n)` rows.
    private func transactions(
        batchesOf batch: Int,
        _ handled: @escaping @Sendable (Int) throws -> Int
    ) async throws -> Int {
        let begun = Mutex(0)
        let job = Job("test", every: .seconds(1), batchesOf: batch) { (_: borrowing SQLTransaction) in
            try handled(
                begun.withLock { begun in
                    begun += 1
                    return begun
                }
            )
        }
        try await job.run(on: try SQLiteDatabase.inMemory(time: ManualTime()))
        return begun.withLock { $0 }
    }

    @Test("in batches: a run ends with the first batch that is not full", arguments: [0, 1, 4])
    func partial(last: Int) async throws {
        let begun = try await transactions(batchesOf: 5) { number in number < 3 ? 5 : last }
        #expect(begun == 3)
    }

    @Test("in batches: a run continues while full batches come")
    func many() async throws {
        let begun = try await transactions(batchesOf: 5) { number in number < 250 ? 5 : 0 }
        #expect(begun == 250)
    }

    @Test("in batches: an error ends the run")
    func failure() async throws {
        await #expect(throws: Failure.self) {
            _ = try await transactions(batchesOf: 5) { _ in throw Failure() }
        }
    }
}
