import Dispatch
import Synchronization

/// A bounded FIFO queue of bodies that wait for a thread of an adapter.
package final class SQLJobQueue: Sendable {
    private struct State {
        var jobs: [SQLJob?] = []
        var head = 0
        var sleeping = 0
        var closed = false

        var count: Int { jobs.count - head }

        mutating func next() -> SQLJob? {
            guard head < jobs.count else { return nil }
            let job = jobs[head]
            jobs[head] = nil
            head += 1
            if head == jobs.count {
                jobs.removeAll(keepingCapacity: true)
                head = 0
            } else if head >= 1_024, head * 2 > jobs.count {
                jobs.removeFirst(head)
                head = 0
            }
            return job
        }
    }

    private enum Admission { case accepted(wake: Bool), full, closed }

    private let limit: Int
    private let state = Mutex(State())
    private let wakeUp = DispatchSemaphore(value: 0)

    /// - Parameter limit: Bodies that wait; further ones are refused.
    package init(limit: Int) { self.limit = limit }

    /// Appends `job`, or fails it when the queue is full or closed.
    package func push(_ job: SQLJob) {
        let admission: Admission = state.withLock { state in
            guard !state.closed else { return .closed }
            guard state.count < limit else { return .full }
            state.jobs.append(job)
            guard state.sleeping > 0 else { return .accepted(wake: false) }
            state.sleeping -= 1
            return .accepted(wake: true)
        }
        switch admission {
        case .accepted(let wake): if wake { wakeUp.signal() }
        case .full: job.fail(SQLError.queueFull)
        case .closed: job.fail(SQLError(.unavailable, code: "closed", message: "the database is closed"))
        }
    }

    /// Bodies that wait.
    package var count: Int { state.withLock { $0.count } }

    /// The next body, if one waits.
    package func next() -> SQLJob? { state.withLock { $0.next() } }

    /// Blocks the thread until a body is available; `nil` when the queue is closed and empty.
    package func wait() -> SQLJob? {
        while true {
            let (job, closed) = state.withLock { state in
                let job = state.next()
                if job == nil, !state.closed { state.sleeping += 1 }
                return (job, state.closed)
            }
            if let job { return job }
            if closed { return nil }
            wakeUp.wait()
        }
    }

    /// Refuses further bodies; the threads end once the queue is empty.
    package func close() {
        let sleeping = state.withLock { state in
            state.closed = true
            defer { state.sleeping = 0 }
            return state.sleeping
        }
        for _ in 0..<sleeping { wakeUp.signal() }
    }
}
