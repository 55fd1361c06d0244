import Testing

@testable import MartletNATS

@Suite("Names on NATS")
struct NATSNamesTests {
    private let names = NATSNames(prefix: "martlet")

    @Test("a topic is a stream with a subject for each partition")
    func topics() {
        #expect(names.stream("links.v1.created") == "martlet-links~v1~created")
        #expect(names.subject("links.v1.created", 7) == "martlet.events.links~v1~created.7")
        #expect(NATSNames.partition(ofSubject: names.subject("links.v1.created", 7)) == 7)
    }

    @Test(
        "a group's name returns from its consumers', whatever its bytes are",
        arguments: ["g", "a.b", "a-1", "K", "\u{212A}", "a b/~="]
    )
    func groups(_ group: String) throws {
        let found = try #require(NATSNames.group(ofConsumer: names.consumer(group, 12)))
        #expect(Array(found.group.utf8) == Array(group.utf8))
        #expect(found.partition == 12)
    }

    @Test("names of others are none of ours", arguments: ["", "g", "-1", "g-", "g-x", "=4-1", "=xx-1", "a*-1"])
    func foreign(_ name: String) { #expect(NATSNames.group(ofConsumer: name) == nil) }

    @Test("an acknowledgement's subject has the attempt and the sequence, with and without a domain")
    func acknowledgements() {
        let short = NATSAck("$JS.ACK.martlet-t.g-0.2.17.3.1700000000.5")
        #expect([short?.attempt, short.map { Int($0.sequence) }] == [2, 17])
        let long = NATSAck("$JS.ACK.hub.hash.martlet-t.g-0.2.17.3.1700000000.5.token")
        #expect(long == short)
        for subject in ["", "$JS.ACK.a.b", "$JS.ACK.martlet-t.g-0.x.17.3.1700000000.5", "_INBOX.a.b.c.d.e.f.g.h"] {
            #expect(NATSAck(subject) == nil)
        }
    }

    @Test("a redelivery states its delay in nanoseconds, and none for none")
    func delays() {
        #expect(
            String(decoding: NATSAck.again(after: .milliseconds(20)), as: UTF8.self) == "-NAK {\"delay\": 20000000}"
        )
        #expect(String(decoding: NATSAck.again(after: .zero), as: UTF8.self) == "-NAK")
    }
}
