/// The state of one daemon under its supervisor.
package struct DaemonLifecycle: Sendable, Equatable {
    package enum State: String, Sendable, Codable {
        /// The process runs and is not ready yet. Goes to `ready`, or to `resting` when it exits.
        case starting
        /// The process has reported ready. Goes to `resting` when it exits.
        case ready
        /// The process exited and is restarted after a delay. Goes to `starting`.
        case resting
        /// The process was requested to shut down. Goes to `stopped`.
        case draining
        /// The process has exited and is not restarted.
        case stopped
    }

    package var state = State.starting
    /// The number of the current process run, from 1.
    package var run = 1
    /// The number of restarts.
    package var restarts = 0
    /// Exits since the daemon was last healthy; the restart delay grows with them.
    package var consecutiveExits = 0
    /// True once any run was ready.
    package var wasReady = false
    /// How the last run ended; `nil` before the first exit.
    package var lastEnd: ProcessEnd?

    package init() {}
}

/// How a process ended.
package enum ProcessEnd: Sendable, Equatable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)
    /// The program could not be started.
    case notStarted(String)

    package var description: String {
        switch self {
        case .exited(let status): "exited with status \(status)"
        case .signalled(let signal): "was killed by signal \(signal)"
        case .notStarted(let reason): "could not be started: \(reason)"
        }
    }
}
