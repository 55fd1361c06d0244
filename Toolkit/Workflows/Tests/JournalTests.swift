import MartletCore
import Testing

@testable import MartletWorkflows

@Suite("Journal")
struct JournalTests {
    private func entry(_ seq: Int, _ step: String, state: JournalEntry.State = .done) -> JournalEntry {
        JournalEntry(
            seq: seq,
            step: step,
            kind: .remote,
            inputHash: "h",
            state: state,
            result: "1",
            generation: 0,
            at: Timestamp(seconds: 0)
        )
    }

    @Test("visits: finished, then open, then new steps")
    func visits() throws {
        var journal = Journal([entry(0, "one"), entry(1, "two", state: .open)], stepsLimit: 10)
        let one = try journal.visit("one", .remote, inputHash: "h")
        let two = try journal.visit("two", .remote, inputHash: "h")
        let three = try journal.visit("three", .remote, inputHash: "h")
        #expect(one == .finished(entry(0, "one")))
        #expect(two == .open(entry(1, "two", state: .open)))
        #expect(three == .new(seq: 2))
    }

    @Test("unwritten entries: each once, in its latest form")
    func unwritten() throws {
        var journal = Journal([], stepsLimit: 10)
        _ = try journal.visit("one", .remote, inputHash: "h")
        journal.record(entry(0, "one", state: .open), isWritten: false)
        let intent = journal.unwritten
        journal.wrote(intent)
        let nothing = journal.unwritten
        journal.record(entry(0, "one", state: .done), isWritten: false)
        let done = journal.unwritten
        #expect(intent == [entry(0, "one", state: .open)])
        #expect(nothing == [])
        #expect(done == [entry(0, "one", state: .done)])
    }

    @Test("step limit: accepts as many steps, refuses one more")
    func limit() throws {
        var journal = Journal([entry(0, "one")], stepsLimit: 2)
        _ = try journal.visit("one", .remote, inputHash: "h")
        _ = try journal.visit("two", .remote, inputHash: "h")
        journal.record(entry(1, "two"), isWritten: true)
        #expect(throws: JournalMismatch("more than 2 steps")) { try journal.visit("three", .remote, inputHash: "h") }
    }

    @Test("leftover: the first step that the function did not reach")
    func leftover() throws {
        var journal = Journal([entry(0, "one"), entry(1, "two")], stepsLimit: 10)
        _ = try journal.visit("one", .remote, inputHash: "h")
        #expect(journal.leftover?.step == "two")
    }
}

@Suite("Attempts")
struct AttemptsTests {
    @Test("the delay doubles after each failure, up to its maximum")
    func delays() {
        var limits = WorkflowLimits()
        limits.retryDelayMin = .seconds(1)
        limits.retryDelayMax = .seconds(5)
        var attempts = Attempts()
        let delays = (0..<5).map { _ in attempts.failed(.notDone, retryAfter: nil, limits, fraction: 0) }
        #expect(delays == [500, 1_000, 2_000, 2_500, 2_500].map { .delay(.milliseconds($0)) })
    }

    @Test("retryAfter is the minimum delay")
    func retryAfter() {
        var attempts = Attempts()
        let next = attempts.failed(.notDone, retryAfter: .seconds(7), WorkflowLimits(), fraction: 0)
        #expect(next == .delay(.seconds(7)))
    }

    @Test("park at the limit of attempts, or earlier at the limit of unknown outcomes")
    func limits() {
        var limits = WorkflowLimits()
        limits.attemptsLimit = 4
        limits.unknownLimit = 2
        limits.retryDelayMin = .zero
        var known = Attempts()
        let busy = (0..<4).map { _ in known.failed(.notDone, retryAfter: nil, limits, fraction: 0) }
        var unknown = Attempts()
        let lost = (0..<2).map { _ in unknown.failed(.unknown, retryAfter: nil, limits, fraction: 0) }
        #expect(busy == [.delay(.zero), .delay(.zero), .delay(.zero), .park])
        #expect(lost == [.delay(.zero), .park])
    }
}
