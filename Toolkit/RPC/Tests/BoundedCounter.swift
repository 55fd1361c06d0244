import Synchronization

/// Counts from 0 up to a limit.
final class BoundedCounter: Sendable {
    private let value = Mutex(0)
    private let limit: Int

    init(_ limit: Int) { self.limit = limit }

    /// How many numbers were returned.
    var count: Int { value.withLock { $0 } }

    func next() -> Int? {
        value.withLock { value in
            guard value < limit else { return nil }
            defer { value += 1 }
            return value
        }
    }
}
