import MartletCore
import MartletMessaging

/// When a group began to handle a topic, and where.
struct GroupBeginning: Sendable, Hashable {
    let start: GroupStart
    /// `nil` for a group that began before this was stored, and for deliveries without a bus.
    let began: Timestamp?
    /// Whether the bus had every event of the topic when the group began.
    var isWhole = false

    /// Whether the group does not handle what was committed at `time`.
    func isBefore(_ time: Timestamp) -> Bool {
        guard start == .latest, let began else { return false }
        return time < began
    }

    /// Whether the first event of a key may have another number than 1.
    ///
    /// - Parameter time: When the key had an event at the latest; it is older than the group if that was before the
    ///   beginning. A group whose beginning is unknown accepts any number if it started with the latest event.
    func acceptsBase(at time: Timestamp) -> Bool {
        guard start != .latest, let began else { return start == .latest }
        return !isWhole && time < began
    }
}
