import Testing

@testable import MartletCore

@Suite("Deadlines by the system's clock")
struct SystemDeadlinesProcessTests {
    let deadlines = SystemDeadlines()
    let past = Moment(nanoseconds: 0)
    let future = SystemTime().now + .seconds(3_600)

    @Test("a body that ends in time gives its result or its error, and leaves no entry")
    func inTime() async throws {
        let result = try await deadlines.run(until: future) { deadlines.count }
        await #expect(throws: Fault.self) {
            try await deadlines.run(until: future) { throw Fault.notProcessed("refused") }
        }
        #expect(result == 1)
        #expect(deadlines.count == 0)
    }

    @Test("a body whose deadline passes is cancelled, and its result and its error are discarded")
    func late() async throws {
        async let waits: Void? = deadlines.run(until: past) { try await Sleepless().sleep(until: future) }
        async let ignores = deadlines.run(until: past) {
            try? await Sleepless().sleep(until: future)
            return 1
        }
        let thrown: Void? = try await waits
        let returned = try await ignores
        #expect(thrown == nil)
        #expect(returned == nil)
        #expect(deadlines.count == 0)
    }

    @Test("only the tasks whose deadlines have passed are cancelled, also when an earlier deadline comes later")
    func some() async throws {
        async let stays = deadlines.run(until: future) {
            let isLate = try await deadlines.run(until: future) {
                async let late: Void? = deadlines.run(until: past) { try await Sleepless().sleep(until: future) }
                return try await late == nil
            }
            return (isLate, Task.isCancelled)
        }
        let (isLate, isCancelled) = try #require(try await stays)
        #expect(isLate == true)
        #expect(!isCancelled)
    }

    @Test("a call whose task is cancelled ends with what its body returns")
    func cancelled() async throws {
        let result = try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask {
                try await withDeadline(future, SystemTime()) {
                    try? await Sleepless().sleep(until: future)
                    return 1
                }
            }
            group.cancelAll()
            return try await group.next()
        }
        #expect(result == 1)
    }
}
