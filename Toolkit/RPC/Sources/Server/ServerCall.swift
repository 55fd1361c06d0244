import MartletContract
import MartletCore
import NIOCore
import NIOHPACK

/// The life of one call on the server, as a value: what arrives goes in, what to do comes out.
struct ServerCall {
    enum State {
        /// Nothing has arrived. Goes to `receiving`, or to `over` when the headers are refused.
        case waiting
        /// The one request message arrives. Goes to `running` at its end.
        case receiving(ServedMethod, RequestHead)
        /// The handler runs. Goes to `over` by its end, the deadline, or the loss of the client.
        case running
        case over
    }

    enum Step {
        case wait
        /// Watch the deadline from now on.
        case expect(Duration?)
        case start(ServedMethod, RequestHead, ByteBuffer)
        case end(End)
    }

    /// The last header block of a call.
    struct End {
        let trailers: HPACKHeaders
        /// The client still sends: reset the stream behind the trailers.
        let resets: Bool
    }

    private let table: MethodTable
    private(set) var state = State.waiting { didSet { waited = false } }
    private var reassembler: MessageReassembler
    private var headSent = false
    private var requestEnded = false
    /// The client has been waited for in this state since an interval began.
    private var waited = false

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
            // Trailers of a request carry nothing that gRPC knows, but they may end it.
            return endStream ? complete() : .wait
        case .running, .over: return .wait
        }
        do throws(RequestHead.Refusal) {
            let head = try RequestHead(headers)
            let method: ServedMethod
            do throws(Fault) { method = try table.find(head.path) } catch { return refuse(error) }
            state = .receiving(method, head)
            return endStream ? complete() : .expect(head.timeout)
        } catch {
            return refuse(error.fault, httpStatus: error.httpStatus)
        }
    }

    mutating func received(_ data: ByteBuffer, endStream: Bool) -> Step {
        requestEnded = requestEnded || endStream
        guard case .receiving = state else { return .wait }
        reassembler.append(data)
        if endStream { return complete() }
        // Looks at the prefix, so that a message above the limit, or a second one, is refused before it has arrived.
        var look = reassembler
        do throws(Fault) {
            if try look.next() != nil, !look.isEmpty { return refuse(.notOneMessage) }
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
            return .start(method, head, message)
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
    /// - Returns: Whether the response's head goes first; `nil` when nobody waits for it any more.
    mutating func send() -> Bool? {
        guard case .running = state else { return nil }
        defer { headSent = true }
        return !headSent
    }

    /// The call ends, well when there is no fault; `nil` when it had ended before.
    mutating func end(_ fault: Fault?) -> End? {
        guard !isOver else { return nil }
        state = .over
        return End(trailers: Status.trailers(fault, withHead: !headSent), resets: !requestEnded)
    }

    enum Patience: Equatable {
        case wait
        /// The request has not come.
        case giveUp
        /// Nobody takes the answer.
        case drop
    }

    /// A long interval is over: a client has one to send its request, and one to take the end of its answer.
    mutating func intervalOver() -> Patience {
        if case .running = state { return .wait }
        guard waited else {
            waited = true
            return .wait
        }
        return isOver ? .drop : .giveUp
    }

    /// The client has reset the stream, or its connection is gone.
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
