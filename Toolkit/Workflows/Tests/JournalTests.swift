import MartletCore
import Testing

@testable import MartletWorkflows

@Suite("A journal")
struct JournalTests {
    private func entry(_ seq: Int, _ step: String, _ state: JournalEntry.State = .done) -> JournalEntry {
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

    @Test("answers what is done, tells what is open, and then what is new")
    func visits() throws {
        var journal = Journal([entry(0, "one"), entry(1, "two", .open)], stepsLimit: 10)
        let one = try journal.visit("one", .remote, "h")
        let two = try journal.visit("two", .remote, "h")
        let three = try journal.visit("three", .remote, "h")
        #expect(one == .answered(entry(0, "one")))
        #expect(two == .open(entry(1, "two", .open)))
        #expect(three == .new(seq: 2))
    }

    @Test("hands over what is unwritten once, in its latest form")
    func unwritten() throws {
        var journal = Journal([], stepsLimit: 10)
        _ = try journal.visit("one", .remote, "h")
        journal.record(entry(0, "one", .open), isWritten: false)
        let intent = journal.unwritten
        journal.wrote(intent)
        let nothing = journal.unwritten
        journal.record(entry(0, "one", .done), isWritten: false)
        let done = journal.unwritten
        #expect(intent == [entry(0, "one", .open)])
        #expect(nothing == [])
        #expect(done == [entry(0, "one", .done)])
    }

    @Test("takes as many steps as its limit, and refuses one more")
    func limit() throws {
        var journal = Journal([entry(0, "one")], stepsLimit: 2)
        _ = try journal.visit("one", .remote, "h")
        _ = try journal.visit("two", .remote, "h")
        journal.record(entry(1, "two"), isWritten: true)
        #expect(throws: JournalMismatch("more than 2 steps")) { try journal.visit("three", .remote, "h") }
    }

    @Test("shows the step that the function did not come to")
    func leftover() throws {
        var journal = Journal([entry(0, "one"), entry(1, "two")], stepsLimit: 10)
        _ = try journal.visit("one", .remote, "h")
        #expect(journal.leftover?.step == "two")
    }
}

@Suite("Attempts")
struct AttemptsTests {
    @Test("pause twice as long after each failure, up to the longest pause")
    func pauses() {
        var limits = WorkflowLimits()
        limits.pauseMin = .seconds(1)
        limits.pauseMax = .seconds(5)
        var attempts = Attempts()
        let pauses = (0..<5).map { _ in attempts.failed(.notDone, retryAfter: nil, limits, fraction: 0) }
        #expect(pauses == [500, 1_000, 2_000, 2_500, 2_500].map { .pause(.milliseconds($0)) })
    }

    @Test("honour what the callee asked for")
    func retryAfter() {
        var attempts = Attempts()
        let next = attempts.failed(.notDone, retryAfter: .seconds(7), WorkflowLimits(), fraction: 0)
        #expect(next == .pause(.seconds(7)))
    }

    @Test("end at the limit of all, and earlier at the limit of unknown ones")
    func limits() {
        var limits = WorkflowLimits()
        limits.attemptsLimit = 4
        limits.unknownLimit = 2
        limits.pauseMin = .zero
        var known = Attempts()
        let busy = (0..<4).map { _ in known.failed(.notDone, retryAfter: nil, limits, fraction: 0) }
        var unknown = Attempts()
        let lost = (0..<2).map { _ in unknown.failed(.unknown, retryAfter: nil, limits, fraction: 0) }
        #expect(busy == [.pause(.zero), .pause(.zero), .pause(.zero), .park])
        #expect(lost == [.pause(.zero), .park])
    }
}
