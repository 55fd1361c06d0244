/// Which requests of one connection are on their way, and when it has to end.
struct ConnectionState {
    enum Passage: Equatable {
        case pass
        /// Nobody will look at it.
        case drop
        /// The peer sends more than anybody will look at.
        case close
    }

    /// What its head says of a request.
    struct Head: Equatable {
        /// Whether the peer wants the connection to go on.
        var keepsAlive: Bool
        /// HTTP/1.0: it has to be told that the connection goes on, and knows no chunks.
        var isOld: Bool
        /// It sends the body only once it is asked to.
        var expectsContinue: Bool
        /// Bytes of its body; `nil` when that is not said.
        var length: Int?
    }

    private struct Pending {
        let head: Head
        var isRead = false
        var isAnswered = false
        /// Its body waits for the word that may never be said.
        var waits: Bool
        var closes = false
    }

    private let drainBytesMax: Int
    /// The first is answered next, the last is being read.
    private var pending: [Pending] = []
    private var isEnding = false
    private var drained = 0

    init(drainBytesMax: Int) { self.drainBytesMax = drainBytesMax }

    // MARK: What comes in

    /// - Returns: Whether the peer is to be asked for the body now.
    mutating func head(_ head: Head) -> (passage: Passage, asksForBody: Bool) {
        if let last = pending.last, !last.head.keepsAlive { isEnding = true }
        guard !isEnding else { return (.drop, false) }
        drained = 0
        pending.append(Pending(head: head, waits: head.expectsContinue))
        return (.pass, askForBody())
    }

    mutating func body(_ bytes: Int) -> Passage {
        guard isEnding || pending.first?.isAnswered == true else { return .pass }
        drained += bytes
        guard drained <= drainBytesMax else { return .close }
        return isEnding ? .drop : .pass
    }

    mutating func end() -> Passage {
        guard !isEnding, !pending.isEmpty else { return .drop }
        pending[pending.count - 1].isRead = true
        pending[pending.count - 1].waits = false
        if pending[0].isAnswered { pending.removeFirst() }
        return .pass
    }

    // MARK: What goes out

    /// The head of the next answer.
    ///
    /// - Returns: The request that it belongs to, and whether the connection ends after it.
    mutating func answerBegins() -> (head: Head, closes: Bool)? {
        guard !pending.isEmpty, !pending[0].isAnswered else { return nil }
        let first = pending[0]
        // A body that is not sent, or is too long to be read for nothing, cannot be told from the next request.
        let isUnreadable = !first.isRead && (first.waits || (first.head.length ?? 0) > drainBytesMax)
        pending[0].closes = !first.head.keepsAlive || isUnreadable
        return (first.head, pending[0].closes)
    }

    /// - Returns: Whether nothing more is read from here on, and whether the peer is now to be asked for the next body.
    mutating func answerEnds() -> (endsInput: Bool, asksForBody: Bool) {
        guard !pending.isEmpty else { return (false, false) }
        pending[0].isAnswered = true
        guard !pending[0].closes else {
            isEnding = true
            return (true, false)
        }
        if pending[0].isRead { pending.removeFirst() }
        return (false, askForBody())
    }

    /// Nothing more can be answered.
    mutating func outputEnds() { isEnding = true }

    /// Only the request that is answered next may be asked: the word stands before its answer.
    private mutating func askForBody() -> Bool {
        guard pending.count == 1, pending[0].waits, (pending[0].head.length ?? 0) <= drainBytesMax else { return false }
        pending[0].waits = false
        return true
    }
}
