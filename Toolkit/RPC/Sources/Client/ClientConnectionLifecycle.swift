import MartletCore

/// The state machine of a client's connection and its links, which replace one another.
struct ClientConnectionLifecycle<Link: Sendable, Waiter> {
    enum State {
        /// No link. Goes to `connecting` with the next call.
        case idle
        /// Calls wait. Goes to `ready`, or to `backingOff` when it fails.
        case connecting([Waiter])
        /// Goes to `idle` or `backingOff` when the link is lost or receives GOAWAY.
        case ready(number: UInt64, Link)
        /// Calls are refused until the moment; the next one after it connects.
        case backingOff(until: Moment)
        case closed
    }

    enum Begin {
        case open(Link)
        case wait
        /// The waiter is queued: connect under this number.
        case connect(number: UInt64)
        /// As `connect`, and the old link accepts no more calls.
        case replace(Link, number: UInt64)
        case refuse(Fault)
    }

    /// HTTP/2 has 2^30 stream numbers for a client; a link is replaced long before.
    static var callsPerLinkMax: Int { 1 << 29 }

    let waitersMax: Int
    let callsPerLinkMax: Int
    private(set) var state = State.idle
    private(set) var failures = 0
    private var lastNumber: UInt64 = 0
    private var calls = 0

    init(waitersMax: Int, callsPerLinkMax: Int = Self.callsPerLinkMax) {
        self.waitersMax = waitersMax
        self.callsPerLinkMax = callsPerLinkMax
    }

    mutating func begin(_ waiter: @autoclosure () -> Waiter, now: Moment) -> Begin {
        switch state {
        case .ready(_, let link):
            guard calls < callsPerLinkMax else { return .replace(link, number: connect(waiter())) }
            calls += 1
            return .open(link)
        case .connecting(var waiters):
            guard waiters.count < waitersMax else {
                return .refuse(
                    Fault(
                        .resourceExhausted,
                        .overloaded,
                        "too many calls wait for a connection",
                        cause: NotProcessed()
                    )
                )
            }
            // Releases the state's array, so that appending does not copy it.
            state = .idle
            waiters.append(waiter())
            state = .connecting(waiters)
            return .wait
        case .backingOff(let until) where now < until:
            return .refuse(.notProcessed("the peer cannot be reached", retryAfter: until - now))
        case .idle, .backingOff: return .connect(number: connect(waiter()))
        case .closed: return .refuse(.notProcessed("the connection was closed"))
        }
    }

    private mutating func connect(_ waiter: Waiter) -> UInt64 {
        lastNumber += 1
        calls = 0
        state = .connecting([waiter])
        return lastNumber
    }

    /// - Returns: The calls to send now; `nil` when the link is no longer needed: close it.
    mutating func connected(_ number: UInt64, _ link: Link) -> [Waiter]? {
        guard case .connecting(let waiters) = state, number == lastNumber else { return nil }
        calls = waiters.count
        state = .ready(number: number, link)
        return waiters
    }

    /// - Returns: The calls that must fail.
    mutating func connectFailed(_ number: UInt64, until: Moment) -> [Waiter] {
        guard case .connecting(let waiters) = state, number == lastNumber else { return [] }
        failures += 1
        state = .backingOff(until: until)
        return waiters
    }

    /// The link works: the peer's SETTINGS have arrived.
    mutating func confirmed(_ number: UInt64) {
        if number == lastNumber { failures = 0 }
    }

    /// The link is lost, or accepts no more calls.
    ///
    /// Counts as a failure unless the link was confirmed before.
    mutating func lost(_ number: UInt64, confirmed: Bool, until: Moment) {
        guard case .ready(number, _) = state else { return }
        if confirmed {
            state = .idle
        } else {
            failures += 1
            state = .backingOff(until: until)
        }
    }

    /// - Returns: The calls that must fail.
    mutating func close() -> [Waiter] {
        defer { state = .closed }
        if case .connecting(let waiters) = state { return waiters }
        return []
    }
}
