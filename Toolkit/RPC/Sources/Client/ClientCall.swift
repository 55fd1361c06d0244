import MartletCore
import NIOCore
import NIOHPACK
import NIOHTTP2

/// The state machine of one call on the client: received frames go in, messages and the outcome come out.
struct ClientCall {
    enum State: Equatable {
        /// Neither sent nor ended. Goes to `sent`, or to `over` when the caller cancels.
        case waiting
        /// The request is sent. Goes to `answered` with the response's head, or to `over`.
        case sent
        /// Messages arrive. Goes to `over` with the trailers.
        case answered
        case over
    }

    private(set) var state = State.waiting
    private var reassembler: MessageReassembler

    init(messageBytesMax: Int) { reassembler = MessageReassembler(messageBytesMax: messageBytesMax) }

    /// - Returns: False when the caller has cancelled before.
    mutating func send() -> Bool {
        guard state == .waiting else { return false }
        state = .sent
        return true
    }

    enum Step {
        case wait
        /// The call has ended, successfully without a fault.
        case end(Fault?)
    }

    mutating func received(_ headers: HPACKHeaders, endStream: Bool) -> Step {
        switch state {
        case .waiting, .over: return .wait
        case .sent where !endStream:
            if headers.first(name: ":status")?.hasPrefix("1") == true { return .wait }
            guard headers.first(name: ":status") == "200" else {
                return end(Status.http(Int(headers.first(name: ":status") ?? "") ?? 0))
            }
            state = .answered
            return .wait
        case .answered where !endStream:
            return end(Fault(.internal, .internal, "the peer sent a second head"))
        case .sent, .answered:
            let fault = Status.read(headers)
            if fault == nil, !reassembler.isEmpty {
                return end(Fault(.internal, .internal, "the peer ended the call in the middle of a message"))
            }
            return end(fault)
        }
    }

    /// Adds received bytes; then call ``next()`` until it returns `nil`.
    mutating func received(_ data: ByteBuffer, endStream: Bool) -> Step {
        guard state == .answered || state == .sent else { return .wait }
        guard state == .answered else {
            return end(Fault(.internal, .internal, "the peer sent a message before its head"))
        }
        reassembler.append(data)
        return .wait
    }

    /// The next message that has arrived.
    mutating func next() throws(Fault) -> ByteBuffer? {
        guard state == .answered else { return nil }
        do {
            return try reassembler.next()
        } catch {
            state = .over
            // The handler has run, so the fault must not look like a refused request.
            throw Fault(.internal, .internal, error.message)
        }
    }

    /// DATA has ended the stream where trailers should have.
    mutating func endedWithoutTrailers() -> Step {
        guard state != .over else { return .wait }
        return end(Fault(.internal, .internal, "the peer ended the call without a status"))
    }

    /// The stream was reset.
    mutating func reset(_ code: HTTP2ErrorCode) -> Step {
        guard state != .over else { return .wait }
        let text = "the peer reset the call"
        switch code {
        case .refusedStream: return end(.notProcessed("the peer refused the call"))
        case .cancel: return end(Fault(.cancelled, .cancelled, text))
        // Not a code that means "not executed": the handler may have run.
        case .enhanceYourCalm: return end(Fault(.unavailable, .overloaded, text))
        default: return end(Fault(.internal, .internal, text))
        }
    }

    /// The peer sent GOAWAY with a last stream id below this call's.
    ///
    /// - Parameter graceful: GOAWAY had no error: with one, the peer may have begun calls above the last stream id.
    mutating func excludedByGoAway(graceful: Bool) -> Step {
        guard state != .over else { return .wait }
        let text = "the peer sent GOAWAY before it processed the call"
        return end(graceful ? .notProcessed(text) : Fault(.unavailable, .unavailable, text))
    }

    /// The connection was lost.
    mutating func disconnected() -> Step {
        switch state {
        case .over: .wait
        case .waiting: end(.notProcessed("the connection was lost before the call was sent"))
        case .sent, .answered: end(Fault(.unavailable, .unavailable, "the connection was lost"))
        }
    }

    /// The caller cancels, or its deadline has passed.
    mutating func giveUp(_ fault: Fault) -> Step {
        guard state != .over else { return .wait }
        return end(fault)
    }

    private mutating func end(_ fault: Fault?) -> Step {
        state = .over
        return .end(fault)
    }
}
