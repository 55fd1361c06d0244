import MartletContract
import MartletCore
import NIOCore
import NIOHPACK

/// The state machine of one call on the server: received frames go in, actions come out.
struct ServerCall {
    enum State {
        /// Nothing has arrived. Goes to `receiving`, or to `over` when the headers are refused.
        case waiting
        /// The request message is arriving. Goes to `running` when it has arrived and the call is admitted.
        ///
        /// The principal is `nil` while its token is verified. Goes to `over` when that is refused.
        case receiving(ServedMethod, head: RequestHead, principal: Principal?)
        /// The handler runs. Goes to `over` when it returns, at the deadline, or when the client disconnects.
        case running
        case over
    }

    /// What is decided about a call by its headers.
    enum Admission {
        case admitted(Principal)
        /// Its token is verified; ``verified(_:)`` follows.
        case pending
    }

    enum Step {
        case wait
        /// Enforce the deadline from now on.
        case startDeadline(Duration?)
        case start(Start)
        case end(End)
        /// Reset the stream: the request is not HTTP/2.
        case reset
    }

    /// A whole request of a caller that is admitted.
    struct Start {
        let method: ServedMethod
        let head: RequestHead
        let principal: Principal
        let message: ByteBuffer
    }

    /// The last header block of a call.
    struct End {
        let trailers: HPACKHeaders
        /// The client is still sending: reset the stream after the trailers.
        let resets: Bool
    }

    private let table: MethodTable
    private(set) var state = State.waiting { didSet { intervalEnded = false } }
    private let headerBytesMax: Int
    private var reassembler: MessageReassembler
    private var headSent = false
    private var requestEnded = false
    /// The bytes of the message are reserved.
    private var isReserved = false
    /// A keepalive interval has ended since the state last changed.
    private var intervalEnded = false

    init(table: MethodTable, headerBytesMax: Int, messageBytesMax: Int) {
        self.table = table
        self.headerBytesMax = headerBytesMax
        reassembler = MessageReassembler(messageBytesMax: messageBytesMax)
    }

    var isOver: Bool { if case .over = state { true } else { false } }

    var isRunning: Bool { if case .running = state { true } else { false } }

    /// Headers have arrived.
    ///
    /// `admit` decides whether it may call the method now; nothing of the message is accepted before it returns.
    mutating func received(
        _ headers: HPACKHeaders,
        endStream: Bool,
        admit: (ServedMethod, RequestHead) throws(Fault) -> Admission
    ) -> Step {
        requestEnded = requestEnded || endStream
        switch state {
        case .waiting: break
        case .receiving:
            // Request trailers have no meaning in gRPC, but they may end the request.
            return endStream ? complete() : .wait
        case .running, .over: return .wait
        }
        let head: RequestHead
        do throws(RequestHead.Refusal) {
            head = try RequestHead(headers, bytesMax: headerBytesMax)
        } catch {
            guard case .fault(let fault, httpStatus: let httpStatus) = error else {
                state = .over
                return .reset
            }
            return refuse(fault, httpStatus: httpStatus)
        }
        do throws(Fault) {
            let method = try table.find(head.path)
            switch try admit(method, head) {
            case .admitted(let principal):
                state = .receiving(method, head: head, principal: principal)
                return endStream ? complete() : .startDeadline(head.timeout)
            case .pending:
                state = .receiving(method, head: head, principal: nil)
                return .startDeadline(head.timeout)
            }
        } catch {
            return refuse(error)
        }
    }

    /// The token of the call was verified, or refused.
    ///
    /// `admit` is called unless the call is over; it returns the caller's principal, if it may call the method now.
    mutating func verified(_ admit: (ServedMethod, RequestHead) throws(Fault) -> Principal) -> Step {
        guard case .receiving(let method, head: let head, principal: .none) = state else { return .wait }
        do throws(Fault) {
            state = .receiving(method, head: head, principal: try admit(method, head))
        } catch {
            return refuse(error)
        }
        return requestEnded ? complete() : .wait
    }

    /// A part of the message has arrived.
    ///
    /// `reserve` returns whether so many bytes may be kept; it is called once, when the length of the message is known.
    mutating func received(_ data: ByteBuffer, endStream: Bool, reserve: (Int) -> Bool) -> Step {
        requestEnded = requestEnded || endStream
        guard case .receiving = state else { return .wait }
        reassembler.append(data)
        do throws(Fault) {
            // Checks the prefix, so that a message above the limit, or a second one, is refused before it has arrived.
            let bytes = try reassembler.nextBytes()
            if let bytes {
                guard reassembler.readableBytes <= bytes else { return refuse(.notOneMessage) }
                guard isReserved || reserve(bytes) else {
                    return refuse(.overloaded("too many bytes of requests and responses are in flight"))
                }
                isReserved = true
            }
            if endStream { return complete() }
            reassembler.detach(bytes)
            return .wait
        } catch {
            return refuse(error)
        }
    }

    private mutating func complete() -> Step {
        guard case .receiving(let method, head: let head, principal: .some(let principal)) = state else { return .wait }
        do throws(Fault) {
            guard let message = try reassembler.next(), reassembler.isEmpty else {
                return refuse(.notOneMessage)
            }
            state = .running
            reassembler.clear()
            return .start(Start(method: method, head: head, principal: principal, message: message))
        } catch {
            return refuse(error)
        }
    }

    private mutating func refuse(_ fault: Fault, httpStatus: Int = 200) -> Step {
        state = .over
        reassembler.clear()
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
        reassembler.clear()
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

    /// The client has reset the stream or disconnected, or does not read its responses.
    ///
    /// - Returns: True when a running handler must be cancelled.
    mutating func lost() -> Bool {
        defer {
            state = .over
            reassembler.clear()
        }
        if case .running = state { return true }
        return false
    }
}

extension Fault {
    fileprivate static var notOneMessage: Fault {
        Fault(.unimplemented, .malformedRequest, "a request is exactly one whole message")
    }
}
