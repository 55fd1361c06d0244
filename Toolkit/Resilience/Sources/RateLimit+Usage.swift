import MartletCore

extension RateLimit {
    /// What one caller has used of a limit; the initial value has used nothing.
    struct Usage: Sendable, Hashable {
        /// When the last request of each group was accepted, in nanoseconds, oldest first.
        ///
        /// At most ``RateLimit/groupsMax`` and one more; all but the newest have ``RateLimit/groupRequests`` requests.
        private(set) var groups: [Int64] = []
        /// Requests of the newest group.
        private var newest: Int64 = 0
        /// When the bucket is full again, in nanoseconds.
        private var full = Int64.min

        /// Whether nothing is used any more: such a state is that of a caller who was never seen.
        func isUnused(at now: Moment) -> Bool {
            let now = reading(now)
            return full <= now && expired(at: now) == groups.count
        }

        /// Whether the bucket is full; the window may still count what was accepted before.
        func isRegained(at now: Moment) -> Bool { full <= reading(now) }

        /// Counts a request when it is accepted.
        mutating func admit(at now: Moment, _ limit: RateLimit) -> Decision {
            let now = reading(now)
            let expired = expired(at: now)
            if expired > 0 { groups.removeSubrange(..<expired) }
            let isAccepted = remaining(at: now, limit) > 0
            if isAccepted { add(at: now, limit) }
            return decision(at: now, limit, isAccepted: isAccepted)
        }

        /// What would be decided about a request, without counting it.
        func check(at now: Moment, _ limit: RateLimit) -> Decision {
            let now = reading(now)
            return decision(at: now, limit, isAccepted: remaining(at: now, limit) > 0)
        }

        private mutating func add(at now: Int64, _ limit: RateLimit) {
            if let last = groups.indices.last, newest < limit.groupRequests {
                groups[last] = now
                newest += 1
            } else {
                groups.append(now)
                newest = 1
            }
            full = max(full, now) + limit.intervalNanoseconds
        }

        private func decision(at now: Int64, _ limit: RateLimit, isAccepted: Bool) -> Decision {
            Decision(
                limit: limit,
                isAccepted: isAccepted,
                remaining: Int(remaining(at: now, limit)),
                untilNext: .nanoseconds(wait(for: 1, at: now, limit)),
                untilFull: .nanoseconds(wait(for: Int64(limit.burst), at: now, limit))
            )
        }

        /// How many more are accepted at once.
        private func remaining(at now: Int64, _ limit: RateLimit) -> Int64 {
            max(0, min(inBucket(at: now, limit), Int64(limit.windowRequestsMax) - inWindow(at: now, limit)))
        }

        /// How long until so many are accepted at once, when nothing is sent before; at most a window.
        ///
        /// - Parameter count: 1 to the burst.
        private func wait(for count: Int64, at now: Int64, _ limit: RateLimit) -> Int64 {
            var wait: Int64 = 0
            if full > now { wait = max(0, full - now - (Int64(limit.burst) - count) * limit.intervalNanoseconds) }
            let excess = inWindow(at: now, limit) + count - Int64(limit.windowRequestsMax)
            guard excess > 0 else { return wait }
            let size = Int64(limit.groupRequests)
            let last = groups[expired(at: now) + Int((excess + size - 1) / size) - 1]
            return max(wait, last - now + RateLimit.windowNanoseconds)
        }

        private func inBucket(at now: Int64, _ limit: RateLimit) -> Int64 {
            guard full > now else { return Int64(limit.burst) }
            return Int64(limit.burst) - (full - now + limit.intervalNanoseconds - 1) / limit.intervalNanoseconds
        }

        private func inWindow(at now: Int64, _ limit: RateLimit) -> Int64 {
            let complete = groups.count - expired(at: now) - 1
            return complete < 0 ? 0 : Int64(complete) * Int64(limit.groupRequests) + newest
        }

        /// How many of the groups are no longer in the window.
        private func expired(at now: Int64) -> Int {
            groups.firstIndex { now - $0 < RateLimit.windowNanoseconds } ?? groups.count
        }

        /// The clock does not run backwards, but two threads may be late with its readings.
        private func reading(_ now: Moment) -> Int64 { max(now.nanoseconds, groups.last ?? .min) }
    }
}
