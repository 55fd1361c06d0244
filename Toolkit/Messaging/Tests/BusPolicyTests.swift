import MartletCore
import MartletMessaging
import Testing

@Suite("Policy of a bus")
struct BusPolicyTests {
    /// `readers` subscribes to `writers`; `others` speaks to no other service.
    private let policy = BusPolicy(
        topics: [
            BusPolicy.Topic("books", publisher: "writers", partitions: 3),
            BusPolicy.Topic("notes", publisher: "readers"),
            BusPolicy.Topic("signs", publisher: "others"),
        ],
        edges: [("readers", "writers")]
    )
    private static let services = ["writers", "readers", "others", "newcomers"]
    private static let topics = ["books", "notes", "signs", "plans"]

    private func event(on topic: String, from source: String) -> Envelope {
        Envelope(
            id: "1",
            source: source,
            epoch: 1,
            topic: topic,
            key: "k",
            sequence: 1,
            time: Timestamp(seconds: 1),
            traceparent: nil,
            body: []
        )
    }

    @Test("the owner of a topic publishes on it and declares it, and no other service", arguments: services, topics)
    func owners(service: String, topic: String) {
        let isOwner = [["writers", "books"], ["readers", "notes"], ["others", "signs"]].contains([service, topic])
        let denials = [
            policy.denial(ofPublishing: event(on: topic, from: service), by: ExactText(service)),
            policy.denial(ofDeclaring: topic, by: ExactText(service)),
        ]
        #expect(denials.map { $0 == nil } == [isOwner, isOwner])
        guard !isOwner else { return }
        let reason: Reason = topic == "plans" ? "bus.topic_without_owner" : "bus.not_owner"
        #expect(denials.map { $0?.reason } == [reason, reason])
        #expect(denials.allSatisfy { $0?.message.contains(topic) == true && $0?.message.contains(service) == true })
    }

    @Test("an owner does not publish events of another source")
    func sources() {
        let forged = policy.denial(ofPublishing: event(on: "books", from: "readers"), by: "writers")
        #expect(forged?.reason == "bus.foreign_source")
        #expect(forged?.fault.code == .permissionDenied)
    }

    @Test("a service reads its own topics, and those of the services that it speaks to", arguments: services, topics)
    func edges(service: String, topic: String) {
        let reads = [["writers", "books"], ["readers", "books"], ["readers", "notes"], ["others", "signs"]]
        let denial = policy.denial(ofReading: topic, by: ExactText(service))
        #expect((denial == nil) == reads.contains([service, topic]))
        guard let denial else { return }
        #expect(denial.reason == (topic == "plans" ? "bus.topic_without_owner" : "bus.no_edge"))
        #expect(denial.message.contains(topic) && denial.message.contains(service))
    }

    @Test("a group with the name of a service is that service's; any other name is free")
    func groups() {
        #expect(policy.denial(ofBeginning: "readers", by: "readers") == nil)
        #expect(policy.denial(ofBeginning: "counts", by: "readers") == nil)
        for name in ["writers", "others"] {
            #expect(policy.denial(ofBeginning: name, by: "readers")?.reason == "bus.foreign_group")
        }
    }

    @Test("names that look alike are different ones")
    func lookAlikes() {
        // The letter K, and the Kelvin sign.
        let policy = BusPolicy(topics: [BusPolicy.Topic("K", publisher: "K")], edges: [("a", "K")])
        #expect(policy.denial(ofDeclaring: "K", by: "K") == nil)
        #expect(policy.denial(ofDeclaring: "K", by: "\u{212A}")?.reason == "bus.not_owner")
        #expect(policy.denial(ofDeclaring: "\u{212A}", by: "K")?.reason == "bus.topic_without_owner")
        #expect(policy.denial(ofReading: "K", by: "a") == nil)
    }

    @Test("a topic has the partitions of its contract")
    func partitions() {
        #expect([policy.partitions(of: "books"), policy.partitions(of: "notes")] == [3, nil])
    }

    @Test("a sole service owns and reads everything, and others nothing")
    func sole() {
        let policy = BusPolicy.sole("test")
        #expect(policy.denial(ofPublishing: event(on: "x", from: "test"), by: "test") == nil)
        #expect(policy.denial(ofReading: "x", by: "test") == nil)
        #expect(policy.denial(ofReading: "x", by: "other")?.reason == "bus.no_edge")
        #expect(policy.denial(ofPublishing: event(on: "x", from: "other"), by: "other")?.reason == "bus.not_owner")
    }
}
