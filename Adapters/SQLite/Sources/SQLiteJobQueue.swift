import Dispatch
import MartletSQL
import Synchronization

/// Bodies that wait for a thread.
///
/// Bounded; first in, first out.
final class SQLiteJobQueue: Sendable {
    private struct State {
        var jobs: [SQLJob?] = []
        var head = 0
        var asleep = 0
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

    private enum Admission { case taken(wake: Bool), full, closed }

    private let limit: Int
    private let state = Mutex(State())
    private let bell = DispatchSemaphore(value: 0)

    init(limit: Int) { self.limit = limit }

    /// Takes `job`, or fails it when the queue is full or closed.
    func push(_ job: SQLJob) {
        let admission: Admission = state.withLock { state in
            guard !state.closed else { return .closed }
            guard state.count < limit else { return .full }
            state.jobs.append(job)
            guard state.asleep > 0 else { return .taken(wake: false) }
            state.asleep -= 1
            return .taken(wake: true)
        }
        switch admission {
        case .taken(let wake): if wake { bell.signal() }
        case .full: job.fail(SQLError(.unavailable, code: "full", message: "too many transactions wait"))
        case .closed: job.fail(SQLError(.unavailable, code: "closed", message: "the database is closed"))
        }
    }

    var count: Int { state.withLock { $0.count } }

    /// The next body, if one waits.
    func next() -> SQLJob? { state.withLock { $0.next() } }

    /// Blocks the thread until a body is there; `nil` when the queue is closed and empty.
    func wait() -> SQLJob? {
        while true {
            let (job, closed) = state.withLock { state in
                let job = state.next()
                if job == nil, !state.closed { state.asleep += 1 }
                return (job, state.closed)
            }
            if let job { return job }
            if closed { return nil }
            bell.wait()
        }
    }

    /// Refuses further bodies and lets the threads go when they have done the rest.
    func close() {
        let asleep = state.withLock { state in
            state.closed = true
            defer { state.asleep = 0 }
            return state.asleep
        }
        for _ in 0..<asleep { bell.signal() }
    }
}
