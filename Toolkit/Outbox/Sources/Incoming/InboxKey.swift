import MartletCore

/// What a group has stored about one key of one source: decides on its events, as a value without a database.
///
/// The rules are those of `Simulations/Model` and of decision 0023; `Inbox` stores what they change.
struct InboxKey: Sendable, Hashable {
    /// The numbers from `base` to `last` of one epoch were handled, skipped or parked.
    struct Position: Sendable, Hashable {
        let epoch: Int
        /// The first number that the group accepted.
        let base: Int64
        let last: Int64
    }

    /// The lowest and the highest number of one epoch that were received and redelivered.
    struct Waiting: Sendable, Hashable {
        let epoch: Int
        let lowest: Int64
        let highest: Int64
    }

    /// What is stored about a single number.
    enum Record: Sendable, Hashable {
        /// Its event is parked.
        case parked
        /// An operator gave it up.
        case skipped
        /// Its event was late: it waits for an operator, or was redriven or dropped by one.
        case late
    }

    /// By epoch.
    var positions: [Position] = []
    /// By epoch; ends with the position that reaches the highest number.
    var waiting: [Waiting] = []
    /// Whether the key is parked, by an event of any source.
    var isParked = false
    /// The first parked event of this source.
    var firstParked: EventNumber?

    /// The epoch in which the key's events are handled; 0 when none was.
    var epoch: Int { positions.last?.epoch ?? 0 }

    func position(in epoch: Int) -> Position? { positions.first { $0.epoch == epoch } }

    /// The last number of an epoch; 0 when none was handled.
    func last(in epoch: Int) -> Int64 { position(in: epoch)?.last ?? 0 }

    /// True when the number was handled, skipped or parked as the next of its key.
    func covers(_ number: EventNumber) -> Bool {
        guard let position = position(in: number.epoch) else { return false }
        return position.base <= number.sequence && number.sequence <= position.last
    }

    /// The first epoch of which something was redelivered that no event of the given epoch may pass.
    func blocking(_ epoch: Int) -> Waiting? {
        waiting.first { self.epoch <= $0.epoch && $0.epoch < epoch && last(in: $0.epoch) < $0.highest }
    }

    /// Whether the event becomes the first of its epoch although its number is not 1, when it is handled.
    func begins(with number: EventNumber) -> Bool {
        position(in: number.epoch) == nil && number.sequence != 1 && !isParked
    }

    /// Whether nothing is missing before this number.
    ///
    /// - Parameter acceptsBase: Whether the first event of the key may have another number than 1.
    func isNext(_ number: EventNumber, acceptsBase: Bool) -> Bool {
        guard blocking(number.epoch) == nil else { return false }
        if let position = position(in: number.epoch) { return number.sequence == position.last + 1 }
        guard number.sequence != 1 else { return true }
        return acceptsBase && !waiting.contains { $0.epoch == number.epoch && $0.lowest < number.sequence }
    }

    /// The first range of numbers that are missing before this one; `nil` when it is the next.
    func missing(before number: EventNumber) -> (first: EventNumber, last: Int64)? {
        if let waiting = blocking(number.epoch) {
            let first = EventNumber(epoch: waiting.epoch, sequence: last(in: waiting.epoch) + 1)
            return (first, waiting.highest)
        }
        let first = EventNumber(epoch: number.epoch, sequence: last(in: number.epoch) + 1)
        return first < number ? (first, number.sequence - 1) : nil
    }

    /// - Parameters:
    ///   - time: When the event was committed.
    ///   - since: When its key had its first event; `nil` when that is not known.
    ///   - record: What is stored about its number.
    ///   - group: When the group began.
    func decision(
        on number: EventNumber,
        at time: Timestamp,
        since: Timestamp?,
        record: Record?,
        group: GroupBeginning
    ) -> InboxDecision {
        switch record {
        case .parked, .late: return .duplicate
        case .skipped: return .late
        case nil: break
        }
        if covers(number) { return .duplicate }
        if group.isBefore(time) { return .before }
        guard number.sequence > last(in: number.epoch), number.epoch >= epoch else { return .late }
        let isNext = isNext(number, acceptsBase: group.acceptsBase(keySince: since))
        guard isParked else { return isNext ? .handle : .gap }
        // It closes a gap when everything that is parked comes after it.
        let isFirst = firstParked.map { number < $0 } ?? false
        return isNext && isFirst ? .handle : .enqueue
    }
}
