import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import SwiftProtobuf
import Testing

@testable import MartletHost

@Suite("Operator API: missing and late events")
struct OperateGapTests {
    let fixture: WordFixture
    let client: OperateClient
    let caller = WordFixture.operatorContext

    init() async throws {
        fixture = try await WordFixture()
        client = fixture.operators()
    }

    private func event(_ sequence: Int64, epoch: Int = 1) -> Envelope {
        Envelope(
            id: "tests/\(epoch)/test.words/good/\(sequence)",
            source: "tests",
            epoch: epoch,
            topic: WordService.topic.name,
            key: "good",
            sequence: sequence,
            time: Timestamp(seconds: 1),
            traceparent: nil,
            body: Array("good".utf8)
        )
    }

    private func deliver(_ event: Envelope) async throws {
        for subscription in fixture.runtime.subscriptions {
            try await subscription.deliver(event, on: fixture.database)
        }
    }

    /// A key of which the sequence 2 is missing, as behind a gap whose patience has ended.
    private func park() async throws {
        try await deliver(event(1))
        let parked = event(3)
        try await fixture.database.transaction("park") { tx in
            try tx.run(
                "INSERT INTO inbox_parked_keys (group_name, topic, key, redriving) VALUES ('words', 'test.words', 'good', 0)"
            )
            try tx.run(
                """
                INSERT INTO inbox_parked (group_name, topic, key, source, epoch, sequence, id, time, traceparent, tenant,
                    body, error, attempts, parked_at)
                VALUES ('words', 'test.words', 'good', 'tests', 1, 3, \(parked.id), 1000000, NULL, '', \(parked.body),
                    'gap', 0, 2)
                """
            )
        }
    }

    private func fill(_ change: (inout FillGapRequest) -> Void) async throws {
        var request = FillGapRequest.with {
            ($0.group, $0.topic, $0.key, $0.source) = ("words", "test.words", "good", "tests")
            $0.epoch = 1
            $0.sequence = 2
            $0.reason = "from the backup"
        }
        change(&request)
        _ = try await client.fillGap(request, context: caller)
    }

    private func states() async throws -> [String] {
        try await client.listGaps(.init(), context: caller).gaps.map {
            "\($0.group) \($0.topic) \($0.key) \($0.source) \($0.epoch)/\($0.firstSequence)-\($0.lastSequence) \($0.state)"
        }
    }

    @Test("a gap is listed, and filled with JSON; the audit log records its body")
    func fill() async throws {
        try await park()
        #expect(try await states() == ["words test.words good tests 1/2-2 parked"])
        try await fill { $0.bodyJson = "\"good\"" }
        #expect(try await states() == [])
        #expect(try await client.listParkedKeys(.init(), context: caller).keys.map(\.redriving) == [true])
        let record = try #require(try await client.listAudit(.init(), context: caller).records.first)
        #expect(
            [record.act, record.target, record.why] == ["gap.fill", "words/test.words/good/tests/1", "from the backup"]
        )
        #expect(record.after == "2: 676f6f64")
        let repeated = try await #require(throws: Fault.self) { try await fill { $0.body = .init("good".utf8) } }
        #expect(repeated.reason == "operate.not_missing")
    }

    @Test("a gap of a group without a subscription, and a body that is no JSON of the topic, are refused")
    func refused() async throws {
        try await park()
        let unknown = try await #require(throws: Fault.self) { try await fill { $0.group = "others" } }
        #expect(unknown.reason == "operate.unknown_group")
        let invalid = try await #require(throws: Fault.self) { try await fill { $0.bodyJson = "good" } }
        #expect(invalid.reason == "operate.invalid_body")
        #expect(try await client.listAudit(.init(), context: caller).records.isEmpty)
    }

    @Test("a gap is skipped once, with its sequences in the audit log")
    func skip() async throws {
        try await park()
        var request = SkipGapRequest.with {
            ($0.group, $0.topic, $0.key, $0.source) = ("words", "test.words", "good", "tests")
            ($0.epoch, $0.firstSequence, $0.lastSequence) = (1, 2, 1)
            $0.reason = "lost"
        }
        let backwards = try await #require(throws: Fault.self) { try await client.skipGap(request, context: caller) }
        #expect(backwards.violations.map(\.field) == ["last_sequence"])
        request.lastSequence = 2
        _ = try await client.skipGap(request, context: caller)
        let fault = try await #require(throws: Fault.self) { try await client.skipGap(request, context: caller) }
        #expect(fault.reason == "operate.not_missing")
        let records = try await client.listAudit(.init(), context: caller).records
        #expect(records.map { [$0.act, $0.after] } == [["gap.skip", "skipped 1/2-2"]])
    }

    @Test("a late event is listed and shown, redriven by name, and cannot be dismissed meanwhile")
    func late() async throws {
        for event in [event(1), event(1, epoch: 2), event(2)] { try await deliver(event) }
        let listed = try await client.listLateMessages(.init(), context: caller).messages
        #expect(listed.map { "\($0.id) \($0.state)" } == ["tests/1/test.words/good/2 late"])
        let after = ListLateMessagesRequest.with {
            $0.afterReceivedAt = listed[0].receivedAt
            ($0.afterGroup, $0.afterTopic, $0.afterID) = (listed[0].group, listed[0].topic, listed[0].id)
        }
        #expect(try await client.listLateMessages(after, context: caller).messages.isEmpty)

        let name = ("words", "test.words", listed[0].id)
        let shown = try await client.showLateMessage(
            .with { ($0.group, $0.topic, $0.id) = name },
            context: caller
        )
        #expect(shown.message.bodyJson == "\"good\"")
        let redrive = RedriveLateMessageRequest.with {
            ($0.group, $0.topic, $0.id) = name
            $0.reason = "checked"
        }
        _ = try await client.redriveLateMessage(redrive, context: caller)
        let dismiss = DismissLateMessageRequest.with {
            ($0.group, $0.topic, $0.id) = name
            $0.reason = "checked"
        }
        let fault = try await #require(throws: Fault.self) {
            try await client.dismissLateMessage(dismiss, context: caller)
        }
        #expect(fault.reason == "operate.not_late")
        #expect(try await client.listAudit(.init(), context: caller).records.map(\.act) == ["late.redrive"])
    }

    @Test("a dismissed event is gone from the list, and its body is in the audit log")
    func dismissed() async throws {
        for event in [event(1), event(1, epoch: 2), event(2)] { try await deliver(event) }
        let dismiss = DismissLateMessageRequest.with {
            ($0.group, $0.topic, $0.id) = ("words", "test.words", "tests/1/test.words/good/2")
            $0.reason = "entered again"
        }
        _ = try await client.dismissLateMessage(dismiss, context: caller)
        #expect(try await client.listLateMessages(.init(), context: caller).messages.isEmpty)
        let records = try await client.listAudit(.init(), context: caller).records
        #expect(records.map { [$0.act, $0.before, $0.after] } == [["late.dismiss", "676f6f64", "dropped"]])
    }
}
