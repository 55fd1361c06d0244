import MartletCore

/// Whether a client takes what is written to its connection.
struct SendProgress {
    enum State: Equatable {
        /// Everything is sent.
        case sent
        /// The client has taken bytes since the last check.
        case sending
        /// It has taken none since then.
        case paused
        /// It takes too little: close the connection.
        case stalled
    }

    /// A time in which the client must take ``bytesMin``.
    private struct Period {
        var since: Moment
        /// Bytes that were taken before.
        var taken: Int
        /// Bytes that were taken at the last check.
        var latest: Int
    }

    private let timeout: Duration
    private let bytesMin: Int
    /// All bytes that were written to the connection so far.
    private var written = 0
    /// `nil` while no bytes wait.
    private var period: Period?

    /// - Parameters:
    ///   - timeout: While bytes wait, the client takes `bytesMin` in this time, or all of them.
    ///   - bytesMin: From 1.
    init(timeout: Duration, bytesMin: Int) {
        precondition(timeout > .zero && bytesMin >= 1)
        self.timeout = timeout
        self.bytesMin = bytesMin
    }

    /// So many bytes are written to the connection.
    mutating func wrote(_ bytes: Int) { written += bytes }

    /// What was written is flushed.
    ///
    /// - Parameter unsent: The bytes that the system has not taken.
    /// - Returns: Whether bytes wait: check until none do.
    mutating func flushed(unsent: Int, at now: Moment) -> Bool {
        guard unsent > 0 else {
            period = nil
            return false
        }
        if period == nil {
            let taken = written - unsent
            period = Period(since: now, taken: taken, latest: taken)
        }
        return true
    }

    /// What the client has done since the last check.
    ///
    /// - Parameter unsent: The bytes that the system has not taken.
    mutating func check(unsent: Int, at now: Moment) -> State {
        guard flushed(unsent: unsent, at: now), var current = period else { return .sent }
        let taken = written - unsent
        let progresses = taken > current.latest
        current.latest = taken
        if taken - current.taken >= bytesMin {
            current.since = now
            current.taken = taken
        }
        period = current
        if now - current.since >= timeout { return .stalled }
        return progresses ? .sending : .paused
    }
}
