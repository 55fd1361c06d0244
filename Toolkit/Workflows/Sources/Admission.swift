import MartletCore

/// The requests that are to start runs: those that are admitted, and those that wait for room.
///
/// Waiting callers take turns. One caller never has the whole queue: from an eighth of it on it leaves a quarter free.
struct Admission: Sendable {
    /// A request that waits.
    struct Waiter: Sendable {
        let number: Int
        let caller: ExactText
        /// Raised when it is decided.
        let signal = Signal()
    }

    enum Entry: Sendable {
        case admitted
        case refused
        case waits(Waiter)
    }

    /// Admitted requests that have not ended.
    private(set) var admitted = 0
    /// Requests that were refused so far.
    private(set) var refused = 0
    private let places: FairShare
    private var queue = FairQueue<Waiter>()
    /// The numbers of waiting requests that were admitted and do not know it yet.
    private var granted: Set<Int> = []
    private var lastNumber = 0

    init(queueLimit: Int) { places = FairShare(of: queueLimit) }

    /// Requests that wait.
    var waiting: Int { queue.counts.total }

    /// - Parameters:
    ///   - caller: Whose request it is.
    ///   - hasRoom: Whether one more may be admitted; requests that wait are first.
    ///   - mayWait: False when waiting does not help.
    mutating func enter(_ caller: ExactText, hasRoom: Bool, mayWait: Bool) -> Entry {
        if hasRoom, waiting == 0 {
            admitted += 1
            return .admitted
        }
        guard mayWait, places.admits(own: queue.counts[caller], all: waiting) else {
            refused += 1
            return .refused
        }
        lastNumber += 1
        let waiter = Waiter(number: lastNumber, caller: caller)
        queue.append(waiter, of: caller)
        return .waits(waiter)
    }

    /// Admits the request whose turn it is; `nil` when none waits.
    mutating func admitNext() -> Waiter? {
        guard let next = queue.next(where: { _ in true })?.element else { return nil }
        admitted += 1
        granted.insert(next.number)
        return next
    }

    /// Takes all requests out of the queue: they are refused.
    mutating func refuseWaiting() -> [Waiter] { queue.removeAll() }

    /// A request has stopped waiting.
    ///
    /// - Returns: Whether it is admitted.
    mutating func decide(_ waiter: Waiter) -> Bool {
        if granted.remove(waiter.number) != nil { return true }
        remove(waiter)
        refused += 1
        return false
    }

    /// A waiting request is not wanted any more.
    mutating func abandon(_ waiter: Waiter) {
        if granted.remove(waiter.number) != nil { return end() }
        remove(waiter)
    }

    /// An admitted request has ended: its run counts from now on, if it has started one.
    mutating func end() { admitted -= 1 }

    private mutating func remove(_ waiter: Waiter) {
        _ = queue.remove(of: waiter.caller) { $0.number == waiter.number }
    }
}
