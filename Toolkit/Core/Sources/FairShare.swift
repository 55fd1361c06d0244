/// How much of a limited resource one caller may use, so that it never uses what others need.
///
/// A caller may use `part` of the limit while anything is left, and more than that while `reserve` stays free for
/// callers that use less. To a service, all callers without a token are one. A value without a lock: what owns the
/// resource counts who uses it.
package struct FairShare: Sendable, Hashable {
    /// What all callers may use together.
    package let limit: Int
    /// What each caller may use up to the limit: an eighth of it, at least 1.
    package var part: Int { max(1, limit / 8) }
    /// What a caller that uses its part leaves free: a quarter of the limit, rounded down.
    package var reserve: Int { limit / 4 }

    package init(of limit: Int) { self.limit = limit }

    /// What all callers may use together, once this one uses `own` of it.
    package func limit(using own: Int) -> Int { own <= part ? limit : limit - reserve }

    /// Whether a caller may use one more.
    ///
    /// - Parameters:
    ///   - own: What it uses now.
    ///   - all: What all callers use now, with this one.
    package func admits(own: Int, all: Int) -> Bool { all < limit(using: own + 1) }
}

/// How many of a resource each caller uses.
package struct CallerCounts: Sendable {
    private var counts: [ExactText: Int] = [:]
    package private(set) var total = 0

    package init() {}

    package subscript(caller: ExactText) -> Int { counts[caller] ?? 0 }

    package mutating func add(_ caller: ExactText) {
        counts[caller, default: 0] += 1
        total += 1
    }

    package mutating func remove(_ caller: ExactText) {
        guard let count = counts[caller] else { preconditionFailure("a caller releases what it does not use") }
        counts[caller] = count == 1 ? nil : count - 1
        total -= 1
    }
}
