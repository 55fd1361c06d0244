package import MartletCore
import Synchronization

/// The spans of a process that have ended and are not exported yet: bounded, and never waited for.
package final class SpanBuffer: Sendable {
    private let waiting = Mutex<[EndedSpan]>([])
    private let limit: Int
    private let batch: Int
    private let dropped: Counter
    /// Raised when a batch is full.
    package let isReady = Signal()

    /// - Parameters:
    ///   - limit: How many spans wait; further ones are dropped. At least `batch`.
    ///   - batch: How many spans are exported at once. At least 1.
    ///   - dropped: Counts the dropped spans.
    package init(limit: Int, batch: Int, dropped: Counter) {
        precondition(batch >= 1 && limit >= batch)
        self.limit = limit
        self.batch = batch
        self.dropped = dropped
    }

    func add(_ span: EndedSpan) {
        let count = waiting.withLock { waiting in
            guard waiting.count < limit else { return 0 }
            waiting.append(span)
            return waiting.count
        }
        if count == 0 { dropped.add() }
        if count == batch { isReady.raise() }
    }

    /// Removes the oldest spans, at most one batch.
    package func take() -> [EndedSpan] {
        waiting.withLock { waiting in
            let taken = Array(waiting.prefix(batch))
            waiting.removeFirst(taken.count)
            return taken
        }
    }
}
