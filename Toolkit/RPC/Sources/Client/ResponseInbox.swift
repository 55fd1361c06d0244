import MartletCore
import NIOCore
import Synchronization

/// The received messages of a stream that wait for their reader.
///
/// The event loop appends, one task reads.
final class ResponseInbox: Sendable {
    /// The queue, as a value.
    struct Queue {
        enum TakeResult {
            case message(ByteBuffer, resumesReading: Bool)
            case end(Fault?)
            /// The queue is empty: wait, and let the connection continue reading.
            case nothing(resumesReading: Bool)
        }

        private var messages: [ByteBuffer] = []
        private var head = 0
        private var ended: Fault??
        private var paused = false
        let messagesAhead: Int

        init(messagesAhead: Int) { self.messagesAhead = messagesAhead }

        var count: Int { messages.count - head }

        mutating func append(_ message: ByteBuffer) { messages.append(message) }

        mutating func end(_ fault: Fault?) { if ended == nil { ended = .some(fault) } }

        /// True when the connection must stop reading until it is resumed.
        mutating func shouldPause() -> Bool {
            paused = count >= messagesAhead
            return paused
        }

        mutating func take() -> TakeResult {
            guard head < messages.count else {
                if let ended { return .end(ended) }
                defer { paused = false }
                return .nothing(resumesReading: paused)
            }
            let message = messages[head]
            head += 1
            if head == messages.count {
                messages.removeAll(keepingCapacity: true)
                head = 0
            }
            let resumes = paused && count <= messagesAhead / 2
            if resumes { paused = false }
            return .message(message, resumesReading: resumes)
        }
    }

    private struct State {
        var queue: Queue
        var reader: UnsafeContinuation<ByteBuffer?, any Error>?
    }

    private let state: Mutex<State>

    init(messagesAhead: Int) { state = Mutex(State(queue: Queue(messagesAhead: messagesAhead))) }

    func append(_ message: ByteBuffer) {
        let reader = state.withLock { state in
            if let reader = state.reader {
                state.reader = nil
                return Optional(reader)
            }
            state.queue.append(message)
            return nil
        }
        reader?.resume(returning: message)
    }

    func end(_ fault: Fault?) {
        let reader = state.withLock { state in
            state.queue.end(fault)
            defer { state.reader = nil }
            return state.reader
        }
        if let fault { reader?.resume(throwing: fault) } else { reader?.resume(returning: nil) }
    }

    func shouldPause() -> Bool { state.withLock { $0.queue.shouldPause() } }

    /// The next message, `nil` at the end.
    ///
    /// - Parameter resumeReading: Called when the connection should continue reading.
    func next(_ resumeReading: () -> Void) async throws -> ByteBuffer? {
        let result = state.withLock { $0.queue.take() }
        switch result {
        case .message(let message, let resumes):
            if resumes { resumeReading() }
            return message
        case .end(let fault):
            if let fault { throw fault }
            return nil
        case .nothing(let resumes):
            if resumes { resumeReading() }
        }
        return try await withUnsafeThrowingContinuation { continuation in
            let result = state.withLock { state in
                let result = state.queue.take()
                guard case .nothing = result else { return result }
                if state.reader != nil { return .end(Fault(.internal, .internal, "a stream has one reader")) }
                state.reader = continuation
                return result
            }
            switch result {
            case .message(let message, let resumes):
                if resumes { resumeReading() }
                continuation.resume(returning: message)
            case .end(let fault):
                if let fault { continuation.resume(throwing: fault) } else { continuation.resume(returning: nil) }
            case .nothing: break
            }
        }
    }
}
