import MartletCore
import MartletSQL
import Testing

@Suite("Group commit")
struct GroupCommitTests {
    let start = Moment(nanoseconds: 0)
    let conflict = SQLError(.conflict, code: "5", message: "")
    let constraint = SQLError(.constraint, code: "19", message: "")
    let unavailable = SQLError(.unavailable, code: "14", message: "")
    let full = SQLError(.full, code: "13", message: "")
    let unknown = SQLError(.outcomeUnknown, code: "10", message: "")

    func batch(of bodies: Int, limit: Int = 128) -> GroupCommit {
        var limits = GroupCommit.Limits()
        limits.bodies = limit
        var batch = GroupCommit(limits: limits, at: start)
        for _ in 0..<bodies { _ = batch.admit() }
        return batch
    }

    @Test("the first body needs no savepoint, every other body does")
    func savepoints() {
        var batch = batch(of: 0)
        let savepoints = (0..<3).map { _ in batch.admit() }
        #expect(savepoints == [false, true, true])
        #expect(batch.bodies == 3)
    }

    @Test("admits bodies up to the limit")
    func bodies() {
        #expect(batch(of: 2, limit: 3).mayAdmit(at: start))
        #expect(!batch(of: 3, limit: 3).mayAdmit(at: start))
    }

    @Test("after its duration, admits no further body, but always a first one")
    func duration() {
        let late = start + .milliseconds(5)
        #expect(batch(of: 1).mayAdmit(at: start + .milliseconds(4)))
        #expect(!batch(of: 1).mayAdmit(at: late))
        #expect(batch(of: 0).mayAdmit(at: late))
    }

    @Test("keeps successful bodies and undoes failed ones")
    func ordinary() {
        #expect(batch(of: 2).afterBody(failure: nil, transactionOpen: true) == .keep)
        #expect(batch(of: 2).afterBody(failure: constraint, transactionOpen: true) == .undo)
        #expect(batch(of: 2).afterBody(failure: CancellationError(), transactionOpen: true) == .undo)
    }

    @Test("a failed single body fails immediately, whatever the error")
    func single() {
        for failure: any Error in [constraint, unavailable, full, unknown, CancellationError()] {
            #expect(batch(of: 1).afterBody(failure: failure, transactionOpen: true) == .failAlone)
            #expect(batch(of: 1).afterBody(failure: failure, transactionOpen: false) == .failAlone)
        }
        #expect(batch(of: 1).afterBody(failure: nil, transactionOpen: false) == .failAlone)
    }

    @Test("a body ended the transaction: reruns all bodies individually")
    func endedTransaction() {
        #expect(batch(of: 2).afterBody(failure: constraint, transactionOpen: false) == .rerunIndividually)
        #expect(batch(of: 2).afterBody(failure: nil, transactionOpen: false) == .rerunIndividually)
    }

    @Test("database unavailable or full, or outcome unknown: fails all bodies, reruns none")
    func unavailableDatabase() {
        for open in [true, false] {
            #expect(batch(of: 2).afterBody(failure: unavailable, transactionOpen: open) == .failAll)
            #expect(batch(of: 2).afterBody(failure: full, transactionOpen: open) == .failAll)
            #expect(batch(of: 2).afterBody(failure: unknown, transactionOpen: open) == .failAll)
        }
        for failure in [unavailable, full, unknown] {
            #expect(batch(of: 2).afterCommit(failure: failure) == .failAll)
        }
    }

    @Test("conflict with another transaction: fails the body, and reruns the others of its batch")
    func conflicts() {
        for open in [true, false] {
            #expect(batch(of: 2).afterBody(failure: conflict, transactionOpen: open) == .failAndRerunOthers)
            #expect(batch(of: 1).afterBody(failure: conflict, transactionOpen: open) == .failAlone)
        }
        #expect(batch(of: 2).afterCommit(failure: conflict) == .rerunIndividually)
        #expect(batch(of: 1).afterCommit(failure: conflict) == .failAll)
    }

    @Test("durable commit: succeeds; constraint violated at the commit: reruns individually")
    func commits() {
        #expect(batch(of: 2).afterCommit(failure: nil) == .succeed)
        #expect(batch(of: 2).afterCommit(failure: constraint) == .rerunIndividually)
        #expect(batch(of: 1).afterCommit(failure: constraint) == .failAll)
    }
}
