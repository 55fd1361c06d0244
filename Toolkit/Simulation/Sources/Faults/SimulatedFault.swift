/// A fault of a simulated world; `F` numbers are those of `Simulations/Chaos/chaos/catalogue.py`.
public enum SimulatedFault: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// A process ends between two steps (F01–F07, F15).
    case crash
    /// A process ends at a named crash point (F01–F08).
    case crashPoint
    /// A computer loses power: some or all unsynced writes are lost (F23).
    case powerLoss
    /// A process is paused for longer than its leases, and resumes as a zombie (F09, F10).
    case pause
    /// The wall clock of a machine jumps (F53, F91).
    case clockJump
    /// A process starts with a wall clock that is wrong (F53, F91).
    case clockSkew
    /// All computers are off, or suspended, for hours or days in the middle of their work.
    case outage
    /// A request is repeated, or sent for the first time, days after all work has ended (F74).
    case lateRequest
    /// A call takes much longer than the others (F57).
    case slowCall
    /// A request never arrives (F58).
    case requestLost
    /// The callee acted, and its response never arrives (F47, F70).
    case answerLost
    /// The connection breaks before the callee acted (F60, F71).
    case resetBefore
    /// The connection breaks after the callee acted, or sent something on a stream (F48, F59).
    case resetAfter
    /// A request arrives twice (F38).
    case requestRepeated
    /// A one-way partition: one machine receives nothing from another (F62).
    case partition
    /// Discovery returns an instance that has stopped (F67).
    case staleRegistry
    /// The database is unavailable for a moment, and did nothing (F29).
    case databaseAway
    /// The database is slow to receive or to respond (F26).
    case databaseSlow
    /// A transaction conflicts with another, and its body runs again; where this is frequent, one that handles several
    /// events loses in all its attempts (F32).
    case databaseConflict
    /// The connection breaks at the commit, which may have happened (F28).
    case commitUnknown
    /// No space is left (F20).
    case diskFull
    /// A sync to the disk fails (F21).
    case syncFailure
    /// The disk fails a read or a write, or writes only a part (F22).
    case diskError
    /// A broker refuses one event of a publication, and stores the others.
    case publicationRefused
    /// An event is delivered again, immediately or later, once or often (F38).
    case deliveryRepeated
    /// Events are delivered out of order (F39).
    case deliveryReordered
    /// An event arrives that no handler can process (F41).
    case poisonedMessage
    /// The handler of an event ends its process, always or once.
    case handlerEndsProcess
    /// The event log is lost, or goes back to a backup; its sources publish again what they hold.
    case logRestored
    /// The database of a consumer goes back to a backup; its groups go back to the oldest event of the event log.
    case consumerRestored
    /// A consumer does not run for a while: for longer than events are stored, if the event log's limits are short.
    case groupAway
    /// Some replicas of a service are upgraded to its next version beside this one, and then rolled back (F16).
    case mixedVersions
    /// A caller sends many calls with deadlines that are much shorter than the calls take.
    case earlyDeadlines
    /// A system outside fails once, and repeats the failure for that idempotency key (F72).
    case storedFailure
    /// A system outside does something else than it was asked for, and reports it.
    case otherEffect
    /// A version of a service is rolled out, and stays, whose schema breaks the other versions (F16).
    case versionBreaks

    public static func < (left: SimulatedFault, right: SimulatedFault) -> Bool { left.rawValue < right.rawValue }
}
