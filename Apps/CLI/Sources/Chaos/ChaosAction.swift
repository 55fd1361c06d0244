/// One fault injected into one daemon, followed by its recovery.
struct ChaosAction: Sendable, Equatable {
    enum Kind: String, Sendable, Equatable, CaseIterable, Encodable {
        /// SIGKILL; the supervisor restarts the daemon.
        case kill
        /// SIGSTOP, then SIGCONT after `length`.
        case pause
        /// Stopped for most of each tenth of a second.
        case slow
        /// All its connections are shut down; clients reconnect.
        case cut
    }

    let kind: Kind
    /// The program.
    let daemon: String
    /// How long the fault lasts; zero for an instantaneous one.
    let length: Duration
}
