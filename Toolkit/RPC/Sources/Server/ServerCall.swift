import MartletContract
import MartletCore
import NIOCore
import NIOHPACK

/// The state machine of one call on the server: received frames go in, actions come out.
struct ServerCall {
    enum State {
        /// Nothing has arrived. Goes to `receiving`, or to `over` when the headers are refused.
        case waiting
        /// The request message is arriving. Goes to `running` at its end.
        case receiving(ServedMethod, RequestHead)
        /// The handler runs. Goes to `over` when it returns, at the deadline, or when the client disconnects.
        case running
        case over
    }

    enum Step {
        case wait
        /// Enforce the deadline from now on.
        case startDeadline(Duration?)
        case start(ServedMethod, head: RequestHead, message: ByteBuffer)
        case end(End)
    }

    /// The last header block of a call.
    struct End {
        let trailers: HPACKHeaders
        /// The client is still sending: reset the stream after the trailers.
        let resets: Bool
    }

    private let table: MethodTable
    private(set) var state = State.waiting { didSet { intervalEnded = false } }
    private var reassembler: MessageReassembler
    private var headSent = false
    private var requestEnded = false
    /// A keepalive interval has ended since the state last changed.
    private var intervalEnded = false

    init(table: MethodTable, messageBytesMax: Int) {
        self.table = table
        reassembler = MessageReassembler(messageBytesMax: messageBytesMax)
    }

    var isOver: Bool { if case .over = state { true } else { false } }

    mutating func received(_ headers: HPACKHeaders, endStream: Bool) -> Step {
        requestEnded = requestEnded || endStream
        switch state {
        case .waiting: break
        case .receiving:
            // Request trailers have no meaning in gRPC, but they may end the request.
            return endStream ? complete() : .wait
        case .running, .over: return .wait
        }
        do throws(RequestHead.Refusal) {
            let head = try RequestHead(headers)
            let method: ServedMethod
            do throws(Fault) { method = try table.find(head.path) } catch { return refuse(error) }
            state = .receiving(method, head)
            return endStream ? complete() : .startDeadline(head.timeout)
        } catch {
            return refuse(error.fault, httpStatus: error.httpStatus)
        }
    }

    mutating func received(_ data: ByteBuffer, endStream: Bool) -> Step {
        requestEnded = requestEnded || endStream
        guard case .receiving = state else { return .wait }
        reassembler.append(data)
        if endStream { return complete() }
        // Checks the prefix, so that a message above the limit, or a second one, is refused before it has arrived.
        var lookahead = reassembler
        do throws(Fault) {
            if try lookahead.next() != nil, !lookahead.isEmpty { return refuse(.notOneMessage) }
        } catch {
            return refuse(error)
        }
        return .wait
    }

    private mutating func complete() -> Step {
        guard case .receiving(let method, let head) = state else { return .wait }
        do throws(Fault) {
            guard let message = try reassembler.next(), reassembler.isEmpty else {
                return refuse(.notOneMessage)
            }
            state = .running
            return .start(method, head: head, message: message)
        } catch {
            return refuse(error)
        }
    }

    private mutating func refuse(_ fault: Fault, httpStatus: Int = 200) -> Step {
        state = .over
        return .end(
            End(
                trailers: Status.trailers(fault, withHead: true, httpStatus: httpStatus),
                resets: !requestEnded
            )
        )
    }

    /// The handler has a message for the client.
    ///
    /// - Returns: Whether the response's head goes first; `nil` when the call is over.
    mutating func send() -> Bool? {
        guard case .running = state else { return nil }
        defer { headSent = true }
        return !headSent
    }

    /// Ends the call, successfully without a fault; `nil` when it has ended already.
    mutating func end(_ fault: Fault?) -> End? {
        guard !isOver else { return nil }
        state = .over
        return End(trailers: Status.trailers(fault, withHead: !headSent), resets: !requestEnded)
    }

    enum IntervalAction: Equatable {
        case wait
        /// The request is incomplete: end the call.
        case endCall
        /// The client does not read the response: close the stream.
        case closeStream
    }

    /// A keepalive interval is over: a client has a whole one to send its request, and one to read the response's end.
    mutating func intervalOver() -> IntervalAction {
        if case .running = state { return .wait }
        guard intervalEnded else {
            intervalEnded = true
            return .wait
        }
        return isOver ? .closeStream : .endCall
    }

    /// The client has reset the stream or disconnected.
    ///
    /// - Returns: True when a running handler must be cancelled.
    mutating func lost() -> Bool {
        defer { state = .over }
        if case .running = state { return true }
        return false
    }
}

extension Fault {
    fileprivate static var notOneMessage: Fault {
        Fault(.unimplemented, .malformedRequest, "a request is exactly one whole message")
    }
}
