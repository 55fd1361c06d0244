import MartletCore

/// What becomes of the streams of calls that were given up, on one connection of a client.
///
/// A server closes a connection on which it gets too many resets, and all callers' calls with it. So a caller that gives up
/// many calls must not cause many resets: a stream is left to the server, which ends it at the call's deadline by itself,
/// and few others are reset immediately. A value without clock and channel.
struct AbandonedStreams: Sendable {
    enum Fate: Equatable {
        case reset
        /// The stream stays open until the server ends it, at most until the moment; ``expired(at:)`` decides then.
        case wait(until: Moment)
    }

    struct Limits: Sendable {
        /// How long the server gets to end a call after its deadline.
        var linger: Duration
        /// Resets in a window, beyond which cancelled calls wait as well.
        var resetsMax: Int
        /// Streams that wait; with more of them the others are reset, since each is one of the server's open calls.
        var waitingMax: Int
        var window: Duration
    }

    private let limits: Limits
    /// Streams that wait.
    private(set) var waiting = 0
    private var resets = 0
    private var windowEnd: Moment?

    init(limits: Limits) { self.limits = limits }

    /// A call was cancelled, or its deadline has passed, while its stream is open.
    mutating func givenUp(until deadline: Moment?, at now: Moment) -> Fate {
        let endsSoon = deadline.map { $0 - now <= limits.linger } ?? false
        if waiting < limits.waitingMax, endsSoon || !mayReset(at: now) {
            waiting += 1
            return .wait(until: (endsSoon ? deadline ?? now : now) + limits.linger)
        }
        return reset(at: now)
    }

    /// The server has not ended a stream that waited.
    mutating func expired(at now: Moment) -> Fate {
        guard mayReset(at: now) else { return .wait(until: now + limits.linger) }
        waiting -= 1
        return reset(at: now)
    }

    /// A stream that waited has ended.
    mutating func ended() { waiting -= 1 }

    private mutating func reset(at now: Moment) -> Fate {
        _ = mayReset(at: now)
        resets += 1
        return .reset
    }

    private mutating func mayReset(at now: Moment) -> Bool {
        if windowEnd.map({ $0 <= now }) ?? true {
            windowEnd = now + limits.window
            resets = 0
        }
        return resets < limits.resetsMax
    }
}
