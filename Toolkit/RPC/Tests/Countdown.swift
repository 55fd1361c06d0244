import Synchronization

/// Numbers from 0 to a limit, one by one.
final class Countdown: Sendable {
    private let next: Mutex<Int>
    private let limit: Int

    init(_ limit: Int) {
        self.limit = limit
        next = Mutex(0)
    }

    func tick() -> Int? {
        next.withLock { next in
            guard next < limit else { return nil }
            defer { next += 1 }
            return next
        }
    }
}
