/// The life of one connection on the server, as a value.
struct ServerConnectionLife {
    enum State: Equatable {
        /// Takes calls. When the server drains it goes to `announced`, without an open call to `finishing`.
        case serving
        /// GOAWAY without a last stream is out, with a PING behind it: calls that cross it are refused one by one,
        /// and the client knows that they were not processed. Goes to `draining` when it has answered the PING,
        /// and to `finishing` with the last call.
        case announced
        /// GOAWAY with the last stream is out. Goes to `finishing` with the last call.
        case draining
        /// Everything has been said, and nothing more is heard: HTTP/2's machine takes no frame after the last call,
        /// not even the answer to the PING. The client closes when it has read it all; goes to `closed` if it does not.
        case finishing
        case closed
    }

    enum Action: Equatable {
        case ping(UInt64)
        /// `nil` stands for the greatest number: the peer learns that the end is near, not where it is.
        case goAway(lastStream: Int32?)
        /// Closes our direction: a close of both could destroy what the client has not read yet.
        case finish
        case close
    }

    /// What tells the two kinds of PING apart.
    static let drainPing: UInt64 = 0x6D61_7274_6C65_7401
    static let keepAlivePing: UInt64 = 0x6D61_7274_6C65_7402

    private(set) var state = State.serving
    private(set) var open = 0
    private var lastStream: Int32 = 0
    private var pulse = Pulse()

    mutating func opened(_ stream: Int32) {
        open += 1
        lastStream = max(lastStream, stream)
    }

    mutating func streamClosed() -> [Action] {
        open -= 1
        return finishWhenEmpty()
    }

    /// Begins to drain; a repeat does nothing.
    mutating func drain() -> [Action] {
        guard state == .serving else { return [] }
        state = .announced
        if open == 0 { return finishWhenEmpty() }
        return [.goAway(lastStream: nil), .ping(Self.drainPing)]
    }

    mutating func ponged(_ data: UInt64) -> [Action] {
        guard data == Self.drainPing, state == .announced else { return [] }
        state = .draining
        return [.goAway(lastStream: lastStream)]
    }

    /// Any bytes have arrived.
    mutating func bytesArrived() { pulse.bytesArrived() }

    /// One keep-alive interval is over.
    mutating func intervalOver() -> [Action] {
        guard state != .closed else { return [] }
        switch pulse.intervalOver() {
        case .nothing: return []
        case .ask: return [.ping(Self.keepAlivePing)]
        case .giveUp: return stop()
        }
    }

    /// The time for draining is over, or the server stops at once.
    mutating func stop() -> [Action] {
        guard state != .closed else { return [] }
        state = .closed
        return [.close]
    }

    private mutating func finishWhenEmpty() -> [Action] {
        guard open == 0 else { return [] }
        switch state {
        case .serving, .finishing, .closed: return []
        case .announced:
            state = .finishing
            // What crosses this is above the last stream: the client knows that it was not processed.
            return [.goAway(lastStream: lastStream), .finish]
        case .draining:
            state = .finishing
            return [.finish]
        }
    }
}
