/// The state machine of one connection on the server.
struct ServerConnectionLifecycle {
    enum State: Equatable {
        /// Accepts calls. When the server drains it goes to `announced`, or without an open call to `finishing`.
        case serving
        /// GOAWAY without a last stream id is sent, followed by a PING: calls that cross it are refused one by one,
        /// and the client knows that they were not processed. Goes to `draining` when the PING is acknowledged,
        /// and to `finishing` with the last call.
        case announced
        /// GOAWAY with the last stream id is sent. Goes to `finishing` with the last call.
        case draining
        /// Our direction is closed, and nothing more is read: the HTTP/2 state machine accepts no frame after the last
        /// call, not even the PING's acknowledgement. The client closes when it has read everything; goes to `closed`
        /// if it does not.
        case finishing
        case closed
    }

    enum Action: Equatable {
        case ping(UInt64)
        /// `nil` means the greatest stream id: it announces the shutdown before the last stream id is known.
        case goAway(lastStream: Int32?)
        /// GOAWAY with an error: the client sends too much.
        case calm
        /// Closes our direction: a close of both could discard what the client has not read yet.
        case finish
        case close
    }

    /// The payloads of the two kinds of PING.
    static let drainPing: UInt64 = 0x6D61_7274_6C65_7401
    static let keepAlivePing: UInt64 = 0x6D61_7274_6C65_7402

    private(set) var state = State.serving
    private(set) var open = 0
    private var lastStream: Int32 = 0
    private var keepAlive = KeepAlive()

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

    mutating func pingAcknowledged(_ data: UInt64) -> [Action] {
        guard data == Self.drainPing, state == .announced else { return [] }
        state = .draining
        return [.goAway(lastStream: lastStream)]
    }

    /// Any bytes have arrived.
    mutating func bytesArrived() { keepAlive.bytesArrived() }

    /// One keepalive interval is over.
    mutating func intervalOver() -> [Action] {
        guard state != .closed else { return [] }
        switch keepAlive.intervalOver() {
        case .nothing: return []
        case .ping: return [.ping(Self.keepAlivePing)]
        case .close: return stop()
        }
    }

    /// No token was accepted in time, or the connection makes space for another one.
    ///
    /// A connection that drains continues.
    mutating func dismiss() -> [Action] {
        guard state == .serving else { return [] }
        return [.goAway(lastStream: lastStream)] + stop()
    }

    /// The client has sent what is never accepted.
    mutating func refuse() -> [Action] {
        guard state != .closed else { return [] }
        return [.calm] + stop()
    }

    /// The drain time is over, or the server stops immediately.
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
            // Calls that cross this are above the last stream id: the client knows that they were not processed.
            return [.goAway(lastStream: lastStream), .finish]
        case .draining:
            state = .finishing
            return [.finish]
        }
    }
}
