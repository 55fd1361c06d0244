import MartletCore
import MartletMessaging

/// The errors of the adapter, as callers of a bus get them.
enum NATSFault {
    /// The library refused the settings.
    static func library(_ text: String) -> Fault { Fault(.invalidArgument, .invalidRequest, "NATS: \(text)") }

    /// Nothing was sent.
    static func unsent(_ text: String) -> Fault { Fault(.unavailable, .unavailable, "NATS: \(text)") }

    /// The server may have done it.
    static let unanswered = Fault(.unavailable, .unavailable, "NATS: the connection broke before the answer")

    /// No server serves the subject: the stream has no leader now, or JetStream is off.
    static let noResponders = Fault(.unavailable, .unavailable, "NATS: no server answers for this subject now")

    static let notRunning = Fault(
        .failedPrecondition,
        "nats.not_running",
        "a group is joined on a bus of NATS only while its run() runs: it keeps memberships alive"
    )

    static let leftGroup = Fault(.unavailable, .unavailable, "this member has left its group")

    static func unknownTopic(_ name: String) -> Fault {
        Fault(.failedPrecondition, "nats.unknown_topic", "no service has declared the topic \(name)")
    }

    static let invalidTopic = Fault(
        .invalidArgument,
        .invalidRequest,
        "a topic must be \(TopicRule.text)",
        field: "topic"
    )
}

/// The rule for names of topics, as ours and as NATS has it.
enum TopicRule {
    static let text = "\(TopicName.rule), and at most \(NATSNames.topicLimit) bytes on NATS"

    static func isValid(_ name: String) -> Bool { TopicName.isValid(name) && name.utf8.count <= NATSNames.topicLimit }
}
