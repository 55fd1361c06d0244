/// The state machine of one connection: which requests are in flight, and when it must close.
struct ConnectionState {
    enum InboundAction: Equatable {
        case pass
        /// It is read and ignored.
        case discard
        /// The peer sends more than is drained.
        case close
    }

    /// The properties of a request's head.
    struct Head: Equatable {
        /// Whether the peer keeps the connection open.
        var keepsAlive: Bool
        /// HTTP/1.0: the response must declare a kept connection, and must not be chunked.
        var isHTTP10: Bool
        /// The peer sends the body only after `100 Continue`.
        var expectsContinue: Bool
        /// Bytes of the body; `nil` when it is not declared.
        var length: Int?
    }

    /// What a refusal amounts to.
    enum RefusalAction: Equatable {
        /// A response is written in the request's turn, as if it had arrived.
        case answer
        /// The request that is being read is broken: the reader of its body gets an error.
        case fail
        /// The request has had its response: nothing more is written.
        case end
        /// Nothing more was accepted before.
        case ignore
    }

    /// The response that begins.
    struct Begun: Equatable {
        let head: Head
        /// The connection ends after it.
        let closes: Bool
        /// The request was refused: this is the response, whatever is written.
        let refusal: RequestRefusal?
    }

    private struct Pending {
        let head: Head
        var refusal: RequestRefusal?
        var isRead = false
        var isResponded = false
        /// The peer waits for `100 Continue`, which may never be sent.
        var awaitsContinue: Bool
        var closes = false
    }

    private let drainBytesMax: Int
    /// The first is responded to next, the last is being read.
    private var pending: [Pending] = []
    /// Nothing more is accepted.
    private(set) var isEnding = false
    private var drained = 0

    init(drainBytesMax: Int) { self.drainBytesMax = drainBytesMax }

    /// Whole requests whose responses have not ended.
    var handled: Int { pending.count { $0.isRead && !$0.isResponded } }

    // MARK: Inbound

    /// - Returns: Whether to send `100 Continue` now.
    mutating func head(_ head: Head) -> (action: InboundAction, sendsContinue: Bool) {
        guard !isEnding else { return (.discard, false) }
        drained = 0
        pending.append(Pending(head: head, awaitsContinue: head.expectsContinue))
        return (.pass, shouldSendContinue())
    }

    mutating func body(_ bytes: Int) -> InboundAction {
        guard isEnding || pending.first?.isResponded == true else { return .pass }
        drained += bytes
        guard drained <= drainBytesMax else { return .close }
        return isEnding ? .discard : .pass
    }

    mutating func end() -> InboundAction {
        guard !isEnding, !pending.isEmpty else { return .discard }
        pending[pending.count - 1].isRead = true
        pending[pending.count - 1].awaitsContinue = false
        if !pending[pending.count - 1].head.keepsAlive { isEnding = true }
        if pending[0].isResponded { pending.removeFirst() }
        return .pass
    }

    /// The next request, or the rest of the one that is being read, is refused.
    mutating func refuse(_ refusal: RequestRefusal) -> RefusalAction {
        guard !isEnding else { return .ignore }
        isEnding = true
        guard let last = pending.last, !last.isRead else {
            let head = Head(keepsAlive: false, isHTTP10: false, expectsContinue: false, length: nil)
            pending.append(Pending(head: head, refusal: refusal, isRead: true, awaitsContinue: false))
            return .answer
        }
        guard !last.isResponded else { return .end }
        pending[pending.count - 1].closes = true
        return .fail
    }

    // MARK: Outbound

    /// The head of the next response is written.
    ///
    /// - Returns: `nil` when there is no request for it: it must not be written.
    mutating func responseBegins() -> Begun? {
        guard !pending.isEmpty, !pending[0].isResponded else { return nil }
        let first = pending[0]
        // A body that is not sent, or is too long to drain, cannot be separated from the next request.
        let isUnreadable = !first.isRead && (first.awaitsContinue || (first.head.length ?? 0) > drainBytesMax)
        pending[0].closes = first.closes || !first.head.keepsAlive || isUnreadable
        return Begun(head: first.head, closes: pending[0].closes, refusal: first.refusal)
    }

    /// - Returns: Whether nothing more is read from here on, and whether to send `100 Continue` for the next body.
    mutating func responseEnds() -> (endsInput: Bool, sendsContinue: Bool) {
        guard !pending.isEmpty else { return (false, false) }
        pending[0].isResponded = true
        guard !pending[0].closes else {
            isEnding = true
            return (true, false)
        }
        if pending[0].isRead { pending.removeFirst() }
        return (false, shouldSendContinue())
    }

    /// No more responses can be sent.
    mutating func outputEnds() { isEnding = true }

    /// Only for the request that is responded to next: `100 Continue` precedes its response.
    private mutating func shouldSendContinue() -> Bool {
        guard pending.count == 1, pending[0].awaitsContinue, (pending[0].head.length ?? 0) <= drainBytesMax else {
            return false
        }
        pending[0].awaitsContinue = false
        return true
    }
}
