/// What can go wrong in a simulated world; `F` numbers are those of the catalogue in `Simulations/Chaos/chaos/catalogue.py`.
public enum SimulatedFault: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// A process ends between two steps (F01–F07, F15).
    case crash
    /// A process ends at a named crash point (F01–F08).
    case crashPoint
    /// A computer loses its power: what was not synchronised is gone, or some of it (F23).
    case powerLoss
    /// A process is frozen for longer than its leases, and wakes as a zombie (F09, F10).
    case pause
    /// The wall clock of a machine jumps (F53, F91).
    case clockJump
    /// A process starts with a wall clock that is wrong (F53, F91).
    case clockSkew
    /// Everything is down, or asleep, for hours, in the middle of its work.
    case outage
    /// A request comes once more, or comes for the first time, days after everything was done (F74).
    case lateRequest
    /// A call takes much longer than its fellows (F57).
    case slowCall
    /// A request never arrives (F58).
    case requestLost
    /// The callee acted, and its answer never arrives (F47, F70).
    case answerLost
    /// The connection breaks before the callee acted (F60, F71).
    case resetBefore
    /// The connection breaks after the callee acted, or sent something on a stream (F48, F59).
    case resetAfter
    /// A request arrives twice (F38).
    case requestRepeated
    /// One machine does not hear another, which hears it (F62).
    case partition
    /// Discovery names an instance that is no more (F67).
    case staleRegistry
    /// The database is away for a moment, and nothing was done (F29).
    case databaseAway
    /// The database takes long to hear or to answer (F26).
    case databaseSlow
    /// A transaction meets another, and its body runs again (F32).
    case databaseConflict
    /// The connection breaks at the commit, which may have happened (F28).
    case commitUnknown
    /// No space is left (F20).
    case diskFull
    /// Writing to the disk cannot be made certain (F21).
    case syncFailure
    /// The disk fails a read or a write, or takes a part of it (F22).
    case diskError
    /// An event is delivered again, at once or later, once or often (F38).
    case deliveryRepeated
    /// Events are delivered out of order (F39).
    case deliveryReordered
    /// An event comes that cannot take effect (F41).
    case poisonedMessage
    /// Some replicas of a service run its next version while others run this one, and then this one again (F16).
    case mixedVersions
    /// The payment provider fails once, and repeats the failure for its key (F72).
    case storedFailure

    public static func < (left: SimulatedFault, right: SimulatedFault) -> Bool { left.rawValue < right.rawValue }
}
