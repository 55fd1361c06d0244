package import MartletCore

/// Sequences of one key that a group has not handled, and that later events of the key wait for.
package struct Gap: Sendable {
    package enum State: String, Sendable {
        /// Not received; what is behind is parked.
        case parked
        /// Not received; what is behind is redelivered until its patience ends.
        case waiting
        /// Received, and redelivered because an event failed or is missing.
        ///
        /// Also when the log has lost it meanwhile.
        case returned
    }

    package let name: InboxKeyName
    package let epoch: Int
    package let first: Int64
    package let last: Int64
    package let state: State
    package let since: Timestamp

    func contains(_ number: EventNumber, through end: Int64) -> Bool {
        number.epoch == epoch && first <= number.sequence && number.sequence <= end && end <= last
    }
}
