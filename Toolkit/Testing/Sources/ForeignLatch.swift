import Foundation
import Synchronization

/// Stores a continuation until a thread of its own resumes it, which a simulation must detect.
package final class ForeignLatch: Sendable {
    private let waiter = Mutex<CheckedContinuation<Void, Never>?>(nil)

    package init() {}

    package var holdsContinuation: Bool { waiter.withLock { $0 != nil } }

    package func store(_ continuation: CheckedContinuation<Void, Never>) { waiter.withLock { $0 = continuation } }

    /// Returns after the resumption; does nothing without a stored continuation.
    package func resumeElsewhere() {
        let done = DispatchSemaphore(value: 0)
        Thread {
            self.waiter.withLock { $0 }?.resume()
            done.signal()
        }.start()
        done.wait()
    }
}
