package import MartletCore

/// A run over a service's outbox that publishes again what was published before.
package struct Resend: Sendable {
    package enum State: String, Sendable {
        /// Publishes batch by batch. Goes to `done` after the last event, or to `stopped`.
        case running
        case done
        /// An operator has stopped it.
        case stopped
    }

    /// Which events it publishes again, and how fast.
    package struct Selection: Sendable {
        /// Events a second.
        package static let ratePreset = 200
        package static let rateLimit = 10_000

        /// Of events that were committed at or after this time.
        package let since: Timestamp
        /// Empty for all.
        package let topic: String
        /// Empty for all.
        package let key: String
        /// Events a second, from 1 to ``rateLimit``.
        package let rate: Int

        package init(since: Timestamp, topic: String, key: String, rate: Int) {
            precondition(1...Self.rateLimit ~= rate)
            self.since = since
            self.topic = topic
            self.key = key
            self.rate = rate
        }
    }

    /// The place of an event in the order of topic, key, epoch and sequence.
    struct Cursor: Sendable {
        let topic: String
        let key: String
        let epoch: Int
        let sequence: Int64
    }

    package let number: Int64
    package let selection: Selection
    package let state: State
    /// How many events it has published again.
    package let events: Int
    package let startedAt: Timestamp
    /// When it last published, ended or was stopped.
    package let changedAt: Timestamp
    let cursor: Cursor
    let dueAt: Timestamp
}
