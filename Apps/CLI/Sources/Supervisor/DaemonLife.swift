/// How one daemon has fared under its supervisor.
struct DaemonLife: Sendable, Equatable {
    enum State: String, Sendable, Codable {
        /// Its process runs and is not ready yet. Goes to `ready`, or to `resting` when it dies.
        case starting
        /// It has said that it is ready. Goes to `resting` when it dies.
        case ready
        /// It died and will be started again after a pause. Goes to `starting`.
        case resting
        /// It was asked to end. Goes to `stopped`.
        case draining
        /// It has ended and stays so.
        case stopped
    }

    var state = State.starting
    /// Which start this is, from 1.
    var run = 1
    /// How often it was started again.
    var restarts = 0
    /// Deaths since it was last well for a while; the pauses grow with them.
    var deathsInRow = 0
    /// True once any of its runs was ready.
    var wasReady = false
    /// How its last run ended; `nil` when none has.
    var lastEnd: ProcessEnd?
}

/// How a process ended.
enum ProcessEnd: Sendable, Equatable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)
    /// The program could not be started.
    case notStarted(String)

    var description: String {
        switch self {
        case .exited(let status): "exited with status \(status)"
        case .signalled(let signal): "was killed by signal \(signal)"
        case .notStarted(let reason): "could not be started: \(reason)"
        }
    }
}
