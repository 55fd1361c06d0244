import Foundation
import MartletCore
public import MartletMessaging
import Synchronization

extension NATSBus {
    @discardableResult
    public func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        guard !events.isEmpty else { return [] }
        guard events.count <= limits.batch else {
            throw Fault(.resourceExhausted, .requestTooLarge, "a publication is over the limit")
        }
        try await requireDurable()
        let topics = try await topics(of: events)
        let link = link
        let payloadLimit = try link.connection.payloadLimit()
        let prepared = events.map { event in (event: event, headers: NATSEnvelope.headers(of: event)) }
        let refusals = PublishRefusals(
            of: prepared.map { ($0.event, refusal(of: $0.event, $0.headers, topics, payloadLimit: payloadLimit)) }
        )
        let accepted = zip(prepared, refusals.outcomes).filter { $0.1.isAccepted }.map(\.0)
        guard !accepted.isEmpty else { return refusals.outcomes }
        for part in PublishParts.parts(of: accepted.map(\.event)) {
            let accepted = accepted[part]
            let replies = try await link.calls.run(part.count, until: time.now + limits.callTimeout, time) { reply in
                for (index, prepared) in accepted.enumerated() {
                    let topic = prepared.event.topic
                    guard let count = topics[ExactText(topic)] else { continue }
                    let partition = Partitioning.partition(of: prepared.event.key, among: count)
                    try link.connection.publish(
                        prepared.event.body,
                        to: names.subject(topic, partition),
                        reply: reply(index),
                        headers: prepared.headers
                    )
                }
            }
            link.calls.noteServed(replies.contains { $0.status != 503 }, at: time.now)
            for (reply, prepared) in zip(replies, accepted) { try check(reply, of: prepared.event.topic) }
        }
        return refusals.outcomes
    }

    /// How many partitions each of the events' topics has; those that the service may not use or that do not exist are left
    /// out.
    private func topics(of events: [Envelope]) async throws -> [ExactText: Int] {
        var topics: [ExactText: Int] = [:]
        for topic in Set(events.map { ExactText($0.topic) }).sorted() {
            guard TopicRule.isValid(topic.text), policy.denial(ofDeclaring: topic.text, by: service) == nil else {
                continue
            }
            do {
                topics[topic] = try await partitions(of: topic.text)
            } catch let fault as Fault where fault.code == .failedPrecondition {
                // Unknown: its events are refused.
            }
        }
        return topics
    }

    /// Why the event cannot be stored; `nil` when it can.
    private func refusal(
        of event: Envelope,
        _ headers: [(name: String, value: String)],
        _ topics: [ExactText: Int],
        payloadLimit: Int
    ) -> PublishRefusal? {
        if let denial = policy.denial(ofPublishing: event, by: service) {
            return PublishRefusal(denial.reason, denial.message)
        }
        guard TopicRule.isValid(event.topic) else {
            return PublishRefusal(.invalidRequest, "a topic must be \(TopicRule.text)")
        }
        guard topics[ExactText(event.topic)] != nil else {
            let fault = NATSFault.unknownTopic(event.topic)
            return PublishRefusal(fault.reason, fault.message)
        }
        // The first and the last line of the headers, and the separators of each.
        let bytes = headers.reduce(14 + event.body.count) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        guard event.body.count <= limits.body, bytes <= payloadLimit else {
            return PublishRefusal(.requestTooLarge, "a body is over the limit")
        }
        return nil
    }

    /// - Throws: `Fault` when the server has not stored the event.
    private func check(_ reply: NATSReply, of topic: String) throws {
        guard reply.status != 503 else {
            // Perhaps an operator has removed the stream: looked up by the next publication.
            state.withLock { $0.topics[ExactText(topic)] = nil }
            throw NATSFault.noResponders
        }
        // Nearly all answers: decoding the JSON of each costs a tenth of the time of a publication.
        guard !reply.body.starts(with: Self.stored) else { return }
        let answer = try JSONDecoder().decode(PublishAnswer.self, from: Data(reply.body))
        if let error = answer.error { throw error.fault }
    }

    /// The beginning of the answer for a stored event; one with an error begins with that.
    private static let stored = Array(#"{"stream":"#.utf8)

    private struct PublishAnswer: Decodable {
        let error: JetStream.Failure?
    }
}

/// Which events of a batch are sent together.
enum PublishParts {
    /// Cuts the batch before each event whose topic and key the part before it has already.
    ///
    /// The server may refuse an event and store the next one, as when a stream is nearly full or gets a leader: the events
    /// of a key are sent one at a time, each when the one before it is stored.
    static func parts(of events: [Envelope]) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var start = 0
        var keys: Set<[ExactText]> = []
        for (index, event) in events.enumerated() {
            let key = [ExactText(event.topic), ExactText(event.key)]
            if keys.contains(key) {
                parts.append(start..<index)
                start = index
                keys = []
            }
            keys.insert(key)
        }
        return start < events.count ? parts + [start..<events.count] : parts
    }
}
