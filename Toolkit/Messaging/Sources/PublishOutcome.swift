public import MartletCore

/// What a bus did with one event of a publication.
public enum PublishOutcome: Sendable, Hashable {
    /// It is stored durably.
    case accepted
    /// Nothing of it is stored; it is refused again until the cause is gone.
    case refused(PublishRefusal)

    package var isAccepted: Bool { self == .accepted }

    /// `nil` when it is accepted.
    package var refusal: PublishRefusal? {
        guard case .refused(let refusal) = self else { return nil }
        return refusal
    }
}

/// Why a bus refused an event.
public struct PublishRefusal: Sendable, Hashable {
    /// Stable, for code and metrics.
    public let reason: Reason
    /// For operators; has no data of the event.
    public let message: String

    public init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    /// An earlier event of its topic and key was refused.
    public static let behind = PublishRefusal(
        "bus.behind_refused",
        "an earlier event of its key was refused"
    )
}

/// Refuses the events of one publication, and with each the later ones of its topic and key.
package struct PublishRefusals: Sendable {
    private struct EventKey: Hashable {
        let topic: ExactText
        let key: ExactText
    }

    /// One for each event.
    package private(set) var outcomes: [PublishOutcome] = []
    private var refused: Set<EventKey> = []

    /// - Parameter refusal: Why an event is refused for itself; `nil` when it is not.
    package init(of events: [Envelope], _ refusal: (Envelope) -> PublishRefusal?) {
        self.init(of: events.map { ($0, refusal($0)) })
    }

    /// - Parameter events: Each with the reason for which it is refused for itself, if any.
    package init(of events: [(event: Envelope, refusal: PublishRefusal?)]) {
        for (event, refusal) in events {
            let key = EventKey(topic: ExactText(event.topic), key: ExactText(event.key))
            if refused.contains(key) {
                outcomes.append(.refused(.behind))
            } else if let refusal {
                refused.insert(key)
                outcomes.append(.refused(refusal))
            } else {
                outcomes.append(.accepted)
            }
        }
    }

    /// The events that are not refused, in order.
    package func accepted(of events: [Envelope]) -> [Envelope] {
        zip(events, outcomes).filter { $0.1.isAccepted }.map(\.0)
    }
}
