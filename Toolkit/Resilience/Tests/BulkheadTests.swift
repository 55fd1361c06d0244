import MartletCore
import MartletTesting
import Testing

@testable import MartletResilience

@Suite("Bulkhead")
struct BulkheadTests {
    @Test("contention: runs every call once, never more than the limit concurrently")
    func contention() async throws {
        let bulkhead = Bulkhead(runningLimit: 3, waitingLimit: 200, time: ManualTime())
        let most = await withTaskGroup(of: Int.self) { group in
            for _ in 1...100 {
                group.addTask {
                    // A refusal would show as 99.
                    (try? await bulkhead.run(as: "a", until: nil) {
                        await Task.yield()
                        return bulkhead.running
                    }) ?? 99
                }
            }
            return await group.reduce(0, max)
        }
        #expect(most <= 3)
        #expect(bulkhead.running == 0)
    }

    @Test("releases the slot of a failed and of a cancelled call")
    func failure() async throws {
        struct Broken: Error {}
        let bulkhead = Bulkhead(runningLimit: 1, waitingLimit: 0, time: ManualTime())
        for _ in 1...3 {
            await #expect(throws: Broken.self) { try await bulkhead.run(as: "a", until: nil) { throw Broken() } }
            await #expect(throws: CancellationError.self) {
                try await bulkhead.run(as: "a", until: nil) { throw CancellationError() }
            }
            #expect(bulkhead.running == 0)
        }
        #expect(try await bulkhead.run(as: "a", until: nil) { 1 } == 1)
    }

    @Test("a call whose deadline passes in the queue fails and frees its position")
    func deadline() async throws {
        let time = ManualTime()
        let bulkhead = Bulkhead(runningLimit: 1, waitingLimit: 1, time: time)
        let code = try await bulkhead.run(as: "a", until: nil) {
            async let waiter: FaultCode? = {
                do {
                    return try await bulkhead.run(as: "a", until: time.now + .seconds(1)) { nil }
                } catch { return Fault(describing: error).code }
            }()
            await time.waitForSleepers()
            time.advance(by: .seconds(1))
            return await waiter
        }
        #expect(code == .deadlineExceeded)
        #expect(bulkhead.running == 0)
        #expect(try await bulkhead.run(as: "a", until: nil) { 1 } == 1)
    }

    @Test("a call that must wait and has too little time fails immediately, and was not made")
    func tooLate() async throws {
        let time = ManualTime()
        let bulkhead = Bulkhead(runningLimit: 1, waitingLimit: 1, time: time)
        let fault = try await bulkhead.run(as: "a", until: nil) {
            do {
                return try await bulkhead.run(as: "b", until: time.now) { Fault?.none }
            } catch { return Fault(describing: error) }
        }
        #expect(fault?.code == .deadlineExceeded)
        #expect(fault?.isNotProcessed == true)
        #expect(bulkhead.running == 0)
    }
}
