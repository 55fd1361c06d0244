public import MartletCore

/// The decisions of one group commit, without connection, clock or thread: transactions that wait together share a commit.
///
/// The first body of a batch needs no savepoint: when it fails, nothing of anybody else is undone with it.
public struct GroupCommit: Sendable {
    /// How much one batch may hold back.
    public struct Limits: Sendable {
        /// Bodies in one commit.
        ///
        /// At least 1.
        public var bodies = 128
        /// After this, a batch admits no further body.
        public var duration: Duration = .milliseconds(5)
        /// A body that takes longer is logged by its name: it delays everybody.
        public var slowBody: Duration = .milliseconds(50)
        /// How often a body runs while another transaction is in its way.
        ///
        /// At least 1.
        public var attempts = 3

        public init() {}
    }

    public enum AfterBody: Sendable, Equatable {
        /// The body's work stays for the commit.
        case keep
        /// The body's work is undone, that of its neighbours stays; its error waits for the commit like all answers.
        case undo
        /// The body was the only one: roll back and answer it at once.
        case answerAlone
        /// Somebody's work was lost with the body's, or another transaction was in the way: roll back and run every body
        /// again in a commit of its own.
        case runAlone
        /// The database is in trouble: roll back, run nothing again, and answer everybody with this body's error.
        case giveUp
    }

    public enum AfterCommit: Sendable, Equatable {
        /// The commit is durable: everybody gets the answer of his own body.
        case answer
        /// Some body broke a rule that is judged at the commit, or another transaction was in the way: run every body again
        /// in a commit of its own.
        case runAlone
        /// Answer everybody with the error of the commit; nothing runs again.
        case giveUp
    }

    private let limits: Limits
    private let attempt: Int
    private let end: Moment
    /// Bodies that were admitted so far.
    public private(set) var bodies = 0

    /// - Parameter attempt: 1 for bodies that run for the first time.
    public init(limits: Limits, attempt: Int, at now: Moment) {
        precondition(limits.bodies >= 1 && limits.attempts >= 1 && attempt >= 1)
        self.limits = limits
        self.attempt = attempt
        end = now + limits.duration
    }

    /// Whether another body may join.
    public func mayAdmit(at now: Moment) -> Bool { bodies == 0 || bodies < limits.bodies && now < end }

    /// Admits a body; true when it needs a savepoint.
    public mutating func admit() -> Bool {
        bodies += 1
        return bodies > 1
    }

    /// Whether the batch may run once more: another transaction was in the way, so that nothing was committed.
    public func mayRepeat(after failure: (any Error)?) -> Bool {
        attempt < limits.attempts && (failure as? SQLError)?.kind == .conflict
    }

    /// - Parameters:
    ///   - failure: What the body, or the end of its savepoint, threw.
    ///   - transactionOpen: False when a statement ended the transaction of the batch.
    public func afterBody(failure: (any Error)?, transactionOpen: Bool) -> AfterBody {
        let alone = bodies == 1
        if mayRepeat(after: failure) { return .runAlone }
        switch (failure as? SQLError)?.kind {
        case .unavailable, .outcomeUnknown: return alone ? .answerAlone : .giveUp
        case .conflict, .constraint, .misuse, nil: break
        }
        guard transactionOpen else { return alone ? .answerAlone : .runAlone }
        if failure == nil { return .keep }
        return alone ? .answerAlone : .undo
    }

    public func afterCommit(failure: SQLError?) -> AfterCommit {
        guard let failure else { return .answer }
        switch failure.kind {
        case .constraint, .misuse: return bodies > 1 ? .runAlone : .giveUp
        case .conflict: return mayRepeat(after: failure) ? .runAlone : .giveUp
        case .unavailable, .outcomeUnknown: return .giveUp
        }
    }
}
