import Foundation
import Synchronization

/// Keeps a continuation until a thread of its own resumes it: what a simulation must notice.
public final class ForeignLatch: Sendable {
    private let waiter = Mutex<CheckedContinuation<Void, Never>?>(nil)

    public init() {}

    public var isKept: Bool { waiter.withLock { $0 != nil } }

    public func keep(_ continuation: CheckedContinuation<Void, Never>) { waiter.withLock { $0 = continuation } }

    /// Returns when the thread has done it; without a kept continuation it does nothing.
    public func resumeElsewhere() {
        let done = DispatchSemaphore(value: 0)
        Thread {
            self.waiter.withLock { $0 }?.resume()
            done.signal()
        }.start()
        done.wait()
    }
}
