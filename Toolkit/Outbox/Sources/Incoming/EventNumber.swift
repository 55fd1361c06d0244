import MartletMessaging

/// An event's epoch and number in its key: events of one key and source are ordered by them.
struct EventNumber: Sendable, Hashable, Comparable {
    let epoch: Int
    let sequence: Int64

    init(epoch: Int, sequence: Int64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    init(_ event: Envelope) { self.init(epoch: event.epoch, sequence: event.sequence) }

    static func < (left: EventNumber, right: EventNumber) -> Bool {
        (left.epoch, left.sequence) < (right.epoch, right.sequence)
    }
}
