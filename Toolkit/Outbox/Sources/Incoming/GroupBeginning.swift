import MartletCore
import MartletMessaging

/// When a group began to handle a topic, and where.
struct GroupBeginning: Sendable, Hashable {
    let start: GroupStart
    /// `nil` for a group that began before this was stored, and for deliveries without a bus.
    let began: Timestamp?
    /// Whether the bus had every event of the topic when the group began.
    var isWhole = false

    /// Of deliveries without a bus: each key begins with number 1.
    ///
    /// With a latest start, a key of unknown age begins with any number.
    static func withoutBus(_ start: GroupStart) -> GroupBeginning {
        GroupBeginning(start: start, began: nil, isWhole: true)
    }

    /// Whether the group does not handle what was committed at `time`.
    func isBefore(_ time: Timestamp) -> Bool {
        guard start == .latest, let began else { return false }
        return time < began
    }

    /// Whether the first event of a key may have another number than 1.
    ///
    /// True of a key that is older than the group, which may not receive the key's first events.
    ///
    /// - Parameter keySince: When the key had its first event; `nil` when that is not known: the key counts as older.
    func acceptsBase(keySince: Timestamp?) -> Bool {
        // It receives every event of the key, and handles each, but what is from before a latest start.
        if isWhole, start != .latest { return false }
        guard let keySince else { return true }
        // A group of before beginnings were stored is older than a key of which the first event is known.
        return began.map { keySince < $0 } ?? false
    }
}
