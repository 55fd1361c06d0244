package import MartletCore

/// The decisions of one group commit, without connection, clock or thread: concurrent transactions share a commit.
///
/// It is for an engine that runs one write at a time: all bodies of a batch have the isolation and the locks of the first.
/// A body that conflicts with a transaction of another connection fails, and ``SQLRepeats`` submits it again after a
/// pause, which must not be one of the writer. The first body of a batch needs no savepoint: when it fails, no other body's work is undone with it.
public struct GroupCommit: Sendable {
    /// The limits of one batch.
    public struct Limits: Sendable {
        /// Maximum bodies of one commit.
        ///
        /// At least 1.
        public var bodies = 128
        /// After this, a batch admits no further body.
        public var duration: Duration = .milliseconds(5)
        /// A body that takes longer is logged by its name: it delays all others.
        public var slowBody: Duration = .milliseconds(50)

        public init() {}
    }

    package enum AfterBody: Sendable, Equatable {
        /// Keep the body's work for the commit.
        case keep
        /// Undo the body's work and keep the other bodies'; its error is returned after the commit, like all results.
        case undo
        /// The body is the only one: roll back and fail it immediately.
        case failAlone
        /// Other bodies' work was lost with this body's: roll back and rerun each body in a commit of its own.
        case rerunIndividually
        /// The body took too long, or conflicted with another transaction: roll back, fail it with its error, and rerun
        /// each other body in a commit of its own.
        case failAndRerunOthers
        /// The database is unavailable: roll back, rerun nothing, and fail all bodies with this body's error.
        case failAll
    }

    package enum AfterCommit: Sendable, Equatable {
        /// The commit is durable: return each body's own result.
        case succeed
        /// One of several bodies violated a constraint that is checked at the commit, or conflicted with another
        /// transaction: rerun each body in a commit of its own.
        case rerunIndividually
        /// Fail all bodies with the error of the commit; rerun nothing.
        case failAll
    }

    private let limits: Limits
    private let end: Moment
    /// The number of admitted bodies.
    package private(set) var bodies = 0

    /// - Parameters:
    ///   - limits: The limits of the batch.
    ///   - now: When the batch begins.
    package init(limits: Limits, at now: Moment) {
        precondition(limits.bodies >= 1)
        self.limits = limits
        end = now + limits.duration
    }

    /// Whether another body may join.
    package func mayAdmit(at now: Moment) -> Bool { bodies == 0 || bodies < limits.bodies && now < end }

    /// Admits a body; true when it needs a savepoint.
    package mutating func admit() -> Bool {
        bodies += 1
        return bodies > 1
    }

    /// - Parameters:
    ///   - failure: What the body, or the end of its savepoint, threw.
    ///   - transactionOpen: False when a statement ended the transaction of the batch.
    package func afterBody(failure: (any Error)?, transactionOpen: Bool) -> AfterBody {
        let isSingle = bodies == 1
        switch (failure as? SQLError)?.kind {
        case .unavailable, .full, .outcomeUnknown: return isSingle ? .failAlone : .failAll
        case .interrupted, .conflict: return isSingle ? .failAlone : .failAndRerunOthers
        case .constraint, .misuse, nil: break
        }
        guard transactionOpen else { return isSingle ? .failAlone : .rerunIndividually }
        if failure == nil { return .keep }
        return isSingle ? .failAlone : .undo
    }

    package func afterCommit(failure: SQLError?) -> AfterCommit {
        guard let failure else { return .succeed }
        switch failure.kind {
        case .constraint, .misuse, .conflict: return bodies > 1 ? .rerunIndividually : .failAll
        case .unavailable, .full, .outcomeUnknown, .interrupted: return .failAll
        }
    }
}
