import MartletCore
import Synchronization

/// An answer of the server to a request.
struct NATSReply: Sendable {
    /// 503 when no server serves the subject; `nil` for an answer with a body.
    let status: Int?
    let body: [UInt8]
}

/// Requests that were sent together, and wait for one answer each.
final class NATSCall: Sendable {
    private struct State {
        var replies: [NATSReply?]
        var missing: Int
        var isBroken = false
    }

    private let state: Mutex<State>
    private let done = Signal()

    init(count: Int) { state = Mutex(State(replies: Array(repeating: nil, count: count), missing: count)) }

    func answer(_ index: Int, _ reply: NATSReply) {
        let isDone = state.withLock { state in
            guard state.replies.indices.contains(index), state.replies[index] == nil else { return false }
            state.replies[index] = reply
            state.missing -= 1
            return state.missing == 0
        }
        if isDone { done.raise() }
    }

    /// Ends the wait: the connection that would bring the answers is gone.
    func end() {
        state.withLock { $0.isBroken = true }
        done.raise()
    }

    /// Suspends until all answers are there.
    ///
    /// - Throws: `Fault` with `unavailable` when the connection breaks first; `CancellationError`.
    func replies() async throws -> [NATSReply] {
        try await done.wait()
        let state = state.withLock { $0 }
        guard state.missing == 0 else { throw NATSFault.unanswered }
        return state.replies.compactMap(\.self)
    }
}

/// The open requests of a connection, by the subject that their answers come to.
final class NATSCalls: Sendable {
    private struct State {
        var last: Int64 = 0
        /// The first and the last call that was not served; `nil` after one that was.
        var unserved: (first: Moment, last: Moment)?
        var open: [Int64: NATSCall] = [:]
    }

    private let state = Mutex(State())
    /// Where answers come to: this, and the numbers of the call and of the request.
    let inbox: String

    init(inbox: String) { self.inbox = inbox }

    /// Runs `send` and returns one answer for each of its requests.
    ///
    /// - Parameters:
    ///   - count: How many requests `send` sends; at least 1.
    ///   - send: Gets the subject for the answer of each.
    /// - Throws: `Fault` with `unavailable` or `deadlineExceeded` when the outcome is unknown; `CancellationError`.
    func run(
        _ count: Int,
        until deadline: Moment,
        _ time: any TimeSource,
        send: (_ reply: (Int) -> String) throws -> Void
    ) async throws -> [NATSReply] {
        let call = NATSCall(count: count)
        let number = state.withLock { state in
            state.last += 1
            state.open[state.last] = call
            return state.last
        }
        defer { state.withLock { $0.open[number] = nil } }
        do {
            try send { "\(inbox).\(number).\($0)" }
            return try await withDeadline(deadline, time) { try await call.replies() }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            noteServed(false, at: time.now)
            throw error
        }
    }

    /// Notes whether a server could do what it was asked for: one without a quorum answers that it cannot.
    func noteServed(_ isServed: Bool, at now: Moment) {
        state.withLock { $0.unserved = isServed ? nil : ($0.unserved?.first ?? now, now) }
    }

    /// Whether calls failed for so long, and none was served between them.
    func isUnserved(for duration: Duration) -> Bool {
        state.withLock { $0.unserved.map { $0.first + duration <= $0.last } ?? false }
    }

    /// Takes a message that came to the inbox; one that no caller waits for any more is dropped.
    func take(_ message: borrowing NATSMessage) {
        let subject = message.subject
        let numbers = subject.utf8.dropFirst(inbox.utf8.count + 1).split(separator: UInt8(ascii: "."))
        guard numbers.count == 2, let number = SubjectNumber.number(numbers[0]),
            let index = SubjectNumber.number(numbers[1]), let call = state.withLock({ $0.open[number] })
        else { return }
        call.answer(Int(index), NATSReply(status: message.status, body: message.body))
    }

    /// Ends all open calls: their answers will not come.
    func endAll() {
        let open = state.withLock { $0.open.values }
        for call in open { call.end() }
    }
}
