import MartletCore
import Testing

@testable import MartletWorkflows

/// Two names that `String` takes for one: the letter K, and the Kelvin sign.
@Suite("Runs and steps that look alike")
struct LookAlikeRunTests {
    private static func run(_ id: String) -> ClaimedRun {
        ClaimedRun(
            id: id,
            workflow: "w",
            version: 1,
            input: "",
            party: .itself,
            trace: nil,
            owner: "o",
            fencingToken: 1,
            attempts: Attempts(),
            isForced: false,
            journal: [],
            date: Timestamp(seconds: 0)
        )
    }

    @Test("both runs execute, and each ends on its own")
    func runs() {
        var state = EngineState(.slots(3))
        let (now, runs) = (Moment(nanoseconds: 0), ["K", "\u{212A}"].map(Self.run))
        state.claimed(runs, of: 3, leaving: nil, at: now)
        #expect(state.held.count == 2)
        #expect(state.freeSlots == 1)
        _ = state.ended(runs[0], at: now, dueAt: nil)
        #expect(state.held.map { Array($0.utf8) } == [Array("\u{212A}".utf8)])
    }

    @Test("both steps are steps of one run, and a replay distinguishes them")
    func steps() throws {
        var journal = Journal([], stepsLimit: 10)
        for (seq, step) in ["K", "\u{212A}"].enumerated() {
            let visit = try journal.visit(step, .local, inputHash: "")
            #expect(visit == .new(seq: seq))
            journal.record(Self.entry(seq, step), isWritten: true)
        }
        var replay = Journal(journal.entries, stepsLimit: 10)
        #expect(throws: JournalMismatch.self) { try replay.visit("\u{212A}", .local, inputHash: "") }
        let first = try replay.visit("K", .local, inputHash: "")
        #expect(first == .finished(Self.entry(0, "K")))
    }

    private static func entry(_ seq: Int, _ step: String) -> JournalEntry {
        JournalEntry(
            seq: seq,
            step: step,
            kind: .local,
            inputHash: "",
            state: .done,
            result: nil,
            generation: 0,
            at: Timestamp(seconds: 0)
        )
    }
}
