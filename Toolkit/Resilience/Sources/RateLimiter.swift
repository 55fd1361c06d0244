package import MartletCore
import Synchronization

/// Limits the requests of each of many callers, with a bounded memory.
///
/// It keeps a caller for a minute after its last accepted request; then its state is that of a caller who was never
/// seen, and its place is given to the next. Only while all places are taken, by more callers a minute than there are
/// places, is the place of one given away whose bucket is full: such a caller may have its burst again within the
/// minute. New callers, however many, never make the limiter forget one that is using its limit. While no place is
/// given away, new callers share ``StateMachine/sharesCount`` states by their hash, so that none is refused for the
/// number of others.
///
/// Safe to share between tasks; a decision costs one lock.
package final class RateLimiter: Sendable {
    private let time: any TimeSource
    private let stateMachine: Mutex<StateMachine>

    /// - Parameters:
    ///   - limit: That of each caller.
    ///   - callersMax: From 1: how many callers have a place of their own at a time.
    ///   - time: The monotonic clock.
    package init(_ limit: RateLimit, callersMax: Int, time: any TimeSource) {
        self.time = time
        stateMachine = Mutex(StateMachine(limit, callersMax: callersMax))
    }

    /// Counts a request of a caller, if it is accepted.
    package func admit(_ caller: CallerKey) -> RateLimit.Decision {
        let now = time.now
        return stateMachine.withLock { $0.admit(caller, at: now) }
    }

    /// What would be decided about a request of a caller, without counting it.
    package func check(_ caller: CallerKey) -> RateLimit.Decision {
        let now = time.now
        return stateMachine.withLock { $0.check(caller, at: now) }
    }
}

extension RateLimiter {
    /// The callers and what they have used, without clock or lock.
    struct StateMachine: Sendable {
        /// States for callers without a place of their own.
        static let sharesCount = 1_024
        /// Places that are examined for each new caller, so that those of earlier ones are given up.
        static let examinedCount = 4
        /// Places that are examined for a new caller at most, while all are taken.
        static let examinedMax = 64

        private struct Place {
            let caller: CallerKey
            var usage = RateLimit.Usage()
        }

        private let limit: RateLimit
        private let callersMax: Int
        private var places: [Place] = []
        private var indexes: [CallerKey: Int] = [:]
        /// The place that is examined next.
        private var next = 0
        private var shares = [RateLimit.Usage](repeating: RateLimit.Usage(), count: sharesCount)

        init(_ limit: RateLimit, callersMax: Int) {
            precondition(callersMax >= 1)
            self.limit = limit
            self.callersMax = callersMax
        }

        /// Callers that have a place.
        var callers: Int { places.count }

        mutating func admit(_ caller: CallerKey, at now: Moment) -> RateLimit.Decision {
            if let index = indexes[caller] ?? newPlace(for: caller, at: now) {
                return places[index].usage.admit(at: now, limit)
            }
            return shares[Self.share(of: caller)].admit(at: now, limit)
        }

        func check(_ caller: CallerKey, at now: Moment) -> RateLimit.Decision {
            if let index = indexes[caller] { return places[index].usage.check(at: now, limit) }
            guard places.count == callersMax else { return RateLimit.Usage().check(at: now, limit) }
            return shares[Self.share(of: caller)].check(at: now, limit)
        }

        /// - Returns: `nil` when none of the places that were examined can be given away.
        private mutating func newPlace(for caller: CallerKey, at now: Moment) -> Int? {
            for examined in 0..<Self.examinedMax {
                guard examined < Self.examinedCount || places.count == callersMax, !places.isEmpty else { break }
                giveUpNext(at: now)
            }
            guard places.count < callersMax else { return nil }
            indexes[caller] = places.count
            places.append(Place(caller: caller))
            return places.count - 1
        }

        /// Examines one place, and gives it up when it is unused, or while all are taken when its bucket is full.
        private mutating func giveUpNext(at now: Moment) {
            if next >= places.count { next = 0 }
            let usage = places[next].usage
            let isFree = places.count == callersMax ? usage.isRegained(at: now) : usage.isUnused(at: now)
            guard isFree else {
                next += 1
                return
            }
            indexes[places[next].caller] = nil
            let last = places.removeLast()
            guard next < places.count else { return }
            places[next] = last
            indexes[last.caller] = next
        }

        private static func share(of caller: CallerKey) -> Int { Int(caller.low % UInt64(sharesCount)) }
    }
}
