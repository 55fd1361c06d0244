import MartletCore
import MartletSQL
import MartletTesting
import Testing

@Suite("Scans of a pool")
struct SQLScansTests {
    let time = ManualTime()

    @Test(
        "beyond the limit they wait for each other, and the first of another name goes before further ones of one name"
    )
    func turns() async throws {
        let scans = SQLScans(limit: 1, waitingLimit: 8, time: time)
        let outcomes = Outcomes()
        try await withThrowingTaskGroup(of: Void.self) { group in
            try await scans.run("search", until: nil) {
                for (count, name) in (["search", "search", "sum"] as [StaticString]).enumerated() {
                    group.addTask { try await scans.run(name, until: nil) { outcomes.record("\(name)") } }
                    while scans.waiting == count { await Task.yield() }
                }
                outcomes.record("first")
            }
            try await group.waitForAll()
        }
        #expect(outcomes.list == ["first", "search", "sum", "search"])
        #expect(scans.waiting == 0)
    }

    @Test("when too many wait: refused as an overload, but not the first of another name")
    func full() async throws {
        let scans = SQLScans(limit: 1, waitingLimit: 4, time: time)
        let outcomes = Outcomes()
        try await withThrowingTaskGroup(of: Void.self) { group in
            try await scans.run("search", until: nil) {
                for count in 0..<3 {
                    group.addTask { try await scans.run("search", until: nil) { outcomes.record("search") } }
                    while scans.waiting == count { await Task.yield() }
                }
                let error = await #expect(throws: SQLError.self) { try await scans.run("search", until: nil) {} }
                #expect(error?.code == SQLError.queueFull.code)
                group.addTask { try await scans.run("sum", until: nil) { outcomes.record("sum") } }
                while scans.waiting == 3 { await Task.yield() }
                let last = await #expect(throws: SQLError.self) { try await scans.run("list", until: nil) {} }
                #expect(last?.code == SQLError.queueFull.code)
            }
            try await group.waitForAll()
        }
        #expect(outcomes.list == ["search", "sum", "search", "search"])
    }

    @Test("one whose deadline passes while it waits does not begin, and leaves its place")
    func late() async throws {
        let scans = SQLScans(limit: 1, waitingLimit: 1, time: time)
        let deadline = time.now + .seconds(1)
        let fault = try await scans.run("search", until: nil) {
            async let waiting: Fault? = {
                do {
                    try await scans.run("search", until: deadline) { _ = Issue.record("it began") }
                    return nil
                } catch { return error as? Fault }
            }()
            await time.waitForSleepers()
            time.advance(by: .seconds(1))
            return await waiting
        }
        #expect(fault?.code == .deadlineExceeded)
        #expect((fault?.cause as? SQLError)?.code == SQLError.notBegun.code)
        #expect(scans.waiting == 0)
        #expect(try await scans.run("search", until: nil) { 1 } == 1)
    }

    @Test("one that fails, or whose caller is cancelled while it waits, keeps no place")
    func failed() async throws {
        let scans = SQLScans(limit: 1, waitingLimit: 1, time: time)
        await #expect(throws: SQLError.self) { try await scans.run("search", until: nil) { throw SQLError.queueFull } }
        try await scans.run("search", until: nil) {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: CancellationError.self) { try await scans.run("search", until: nil) {} }
                }
                while scans.waiting == 0 { await Task.yield() }
                group.cancelAll()
            }
        }
        #expect(scans.waiting == 0)
        #expect(try await scans.run("search", until: nil) { 1 } == 1)
    }
}
