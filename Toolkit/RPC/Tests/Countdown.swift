import Synchronization

/// Numbers from 0 to a limit, one by one.
final class Countdown: Sendable {
    private let next = Mutex(0)
    private let limit: Int

    init(_ limit: Int) { self.limit = limit }

    /// How many have been taken.
    var taken: Int { next.withLock { $0 } }

    func tick() -> Int? {
        next.withLock { next in
            guard next < limit else { return nil }
            defer { next += 1 }
            return next
        }
    }
}
