import MartletCore
import MartletTesting
import Testing

@testable import MartletResilience

@Suite("A bulkhead")
struct BulkheadTests {
    @Test("gives places in the order of asking, and refuses beyond the queue")
    func order() {
        var machine = Bulkhead.Machine(runningLimit: 1, waitingLimit: 2)
        let entries = (1...4).map { _ in machine.enter() }
        #expect(entries == [.run, .wait(1), .wait(2), .refuse])
        let first = machine.leave()
        #expect(first == 1)
        #expect(machine.running == 1)
        machine.start(1)
        let second = machine.leave()
        #expect(second == 2)
        machine.start(2)
        let none = machine.leave()
        #expect(none == nil)
        #expect(machine.running == 0)
    }

    @Test("passes on the place of one who gave up in the instant in which it was given")
    func givenUp() {
        var machine = Bulkhead.Machine(runningLimit: 1, waitingLimit: 2)
        for _ in 1...3 { _ = machine.enter() }
        _ = machine.leave()
        let next = machine.giveUp(1)
        #expect(next == 2)
        machine.start(2)
        let none = machine.leave()
        #expect(none == nil)
        #expect(machine.running == 0)
    }

    @Test("forgets one who gave up while waiting")
    func forgotten() {
        var machine = Bulkhead.Machine(runningLimit: 1, waitingLimit: 1)
        for _ in 1...2 { _ = machine.enter() }
        let next = machine.giveUp(1)
        #expect(next == nil)
        let entry = machine.enter()
        #expect(entry == .wait(2))
    }

    @Test("runs every call once, never more than the limit at a time")
    func contention() async throws {
        let bulkhead = Bulkhead(runningLimit: 3, waitingLimit: 100, time: ManualTime())
        let most = await withTaskGroup(of: Int.self) { group in
            for _ in 1...100 {
                group.addTask {
                    // A refusal would show as 99.
                    (try? await bulkhead.run(until: nil) {
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

    @Test("gives on the place of a call that fails, and of one that is cancelled")
    func failure() async throws {
        struct Broken: Error {}
        let bulkhead = Bulkhead(runningLimit: 1, waitingLimit: 0, time: ManualTime())
        for _ in 1...3 {
            await #expect(throws: Broken.self) { try await bulkhead.run(until: nil) { throw Broken() } }
            await #expect(throws: CancellationError.self) {
                try await bulkhead.run(until: nil) { throw CancellationError() }
            }
            #expect(bulkhead.running == 0)
        }
        #expect(try await bulkhead.run(until: nil) { 1 } == 1)
    }

    @Test("lets a caller go when its deadline passes in the queue")
    func deadline() async throws {
        let time = ManualTime()
        let bulkhead = Bulkhead(runningLimit: 1, waitingLimit: 1, time: time)
        let code = try await bulkhead.run(until: nil) {
            async let waiter: FaultCode? = {
                do {
                    return try await bulkhead.run(until: time.now + .seconds(1)) { nil }
                } catch { return Fault(describing: error).code }
            }()
            await time.waitForSleepers()
            time.advance(by: .seconds(1))
            return await waiter
        }
        #expect(code == .deadlineExceeded)
        #expect(bulkhead.running == 0)
        #expect(try await bulkhead.run(until: nil) { 1 } == 1)
    }
}
