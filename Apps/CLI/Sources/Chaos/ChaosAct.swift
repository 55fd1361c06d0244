/// One thing that is done to one daemon, and healed again.
struct ChaosAct: Sendable, Equatable {
    enum Kind: String, Sendable, Equatable, CaseIterable, Encodable {
        /// SIGKILL; the supervisor starts it again.
        case kill
        /// SIGSTOP, and SIGCONT when the time is over.
        case pause
        /// Stopped for the most of each tenth of a second.
        case slow
        /// All its connections are shut; whoever needs one makes a new one.
        case cut
    }

    let kind: Kind
    /// The program, as in `ordersd`.
    let daemon: String
    /// How long it lasts; zero for what happens at once.
    let length: Duration
}
