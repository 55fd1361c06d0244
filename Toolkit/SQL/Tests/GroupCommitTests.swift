import MartletCore
import MartletSQL
import Testing

@Suite("A group commit")
struct GroupCommitTests {
    let start = Moment(nanoseconds: 0)
    let conflict = SQLError(.conflict, code: "5", message: "")
    let constraint = SQLError(.constraint, code: "19", message: "")
    let unavailable = SQLError(.unavailable, code: "13", message: "")
    let unknown = SQLError(.outcomeUnknown, code: "10", message: "")

    func batch(of bodies: Int, limit: Int = 128, attempt: Int = 1) -> GroupCommit {
        var limits = GroupCommit.Limits()
        limits.bodies = limit
        limits.attempts = 3
        var batch = GroupCommit(limits: limits, attempt: attempt, at: start)
        for _ in 0..<bodies { _ = batch.admit() }
        return batch
    }

    @Test("needs no savepoint for its first body, and one for each other")
    func savepoints() {
        var batch = batch(of: 0)
        let savepoints = (0..<3).map { _ in batch.admit() }
        #expect(savepoints == [false, true, true])
        #expect(batch.bodies == 3)
    }

    @Test("admits bodies up to its limit and not one more")
    func bodies() {
        #expect(batch(of: 2, limit: 3).mayAdmit(at: start))
        #expect(!batch(of: 3, limit: 3).mayAdmit(at: start))
    }

    @Test("admits nobody after its time, but always a first one")
    func duration() {
        let late = start + .milliseconds(5)
        #expect(batch(of: 1).mayAdmit(at: start + .milliseconds(4)))
        #expect(!batch(of: 1).mayAdmit(at: late))
        #expect(batch(of: 0).mayAdmit(at: late))
    }

    @Test("keeps what succeeded and undoes what failed")
    func ordinary() {
        #expect(batch(of: 2).afterBody(failure: nil, transactionOpen: true) == .keep)
        #expect(batch(of: 2).afterBody(failure: constraint, transactionOpen: true) == .undo)
        #expect(batch(of: 2).afterBody(failure: CancellationError(), transactionOpen: true) == .undo)
    }

    @Test("answers a lone body that failed at once, whatever it failed of")
    func lone() {
        for failure: any Error in [constraint, unavailable, unknown, CancellationError()] {
            #expect(batch(of: 1).afterBody(failure: failure, transactionOpen: true) == .answerAlone)
            #expect(batch(of: 1).afterBody(failure: failure, transactionOpen: false) == .answerAlone)
        }
        #expect(batch(of: 1).afterBody(failure: nil, transactionOpen: false) == .answerAlone)
    }

    @Test("runs everybody alone when one body ended the transaction of all")
    func spoilt() {
        #expect(batch(of: 2).afterBody(failure: constraint, transactionOpen: false) == .runAlone)
        #expect(batch(of: 2).afterBody(failure: nil, transactionOpen: false) == .runAlone)
    }

    @Test("runs nothing again when the disk is full or broken")
    func trouble() {
        for open in [true, false] {
            #expect(batch(of: 2).afterBody(failure: unavailable, transactionOpen: open) == .giveUp)
            #expect(batch(of: 2).afterBody(failure: unknown, transactionOpen: open) == .giveUp)
        }
        for failure in [unavailable, unknown] {
            #expect(batch(of: 2).afterCommit(failure: failure) == .giveUp)
        }
    }

    @Test("runs again what another transaction was in the way of, up to its limit")
    func conflicts() {
        for bodies in 1...2 {
            let second = batch(of: bodies, attempt: 2)
            #expect(second.mayRepeat(after: conflict))
            #expect(!second.mayRepeat(after: unavailable))
            #expect(second.afterBody(failure: conflict, transactionOpen: true) == .runAlone)
            #expect(second.afterCommit(failure: conflict) == .runAlone)
        }
        #expect(batch(of: 1, attempt: 3).afterBody(failure: conflict, transactionOpen: true) == .answerAlone)
        #expect(batch(of: 1, attempt: 3).afterCommit(failure: conflict) == .giveUp)
        #expect(!batch(of: 1, attempt: 3).mayRepeat(after: conflict))
    }

    @Test("answers after a good commit, and looks for the guilty one after a commit that the data forbid")
    func commits() {
        #expect(batch(of: 2).afterCommit(failure: nil) == .answer)
        #expect(batch(of: 2).afterCommit(failure: constraint) == .runAlone)
        #expect(batch(of: 1).afterCommit(failure: constraint) == .giveUp)
    }
}
