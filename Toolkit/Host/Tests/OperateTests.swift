import Foundation
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletWorkflows
import SwiftProtobuf
import Testing

@testable import MartletHost

@Suite("Operator API")
struct OperateTests {
    let fixture: WordFixture
    let client: OperateClient
    let caller = WordFixture.operatorContext

    init() async throws {
        fixture = try await WordFixture()
        client = fixture.operators()
    }

    /// Parks one event, as a consumer does after its last attempt.
    func park(_ id: String, topic: String = "test.words") async throws {
        try await fixture.database.transaction("park") { tx in
            try tx.run(
                "INSERT INTO inbox_parked_keys (group_name, topic, key, redriving) VALUES ('words', \(topic), 'bad', 0)"
            )
            try tx.run(
                """
                INSERT INTO inbox_parked (group_name, topic, key, source, epoch, sequence, id, time, traceparent, tenant,
                    body, error, attempts, parked_at)
                VALUES ('words', \(topic), 'bad', 'tests', 1, 1, \(id), 1, NULL, '', \(Array("bad".utf8)), 'no', 5, 2)
                """
            )
        }
    }

    func startFailingRun() async throws {
        let engine = WorkflowEngine(
            service: "words",
            database: fixture.database,
            runtime: Runtime(time: fixture.time, entropy: fixture.entropy)
        )
        engine.register([RegisteredWorkflow(FailingWorkflow())])
        _ = try await fixture.database.transaction("start") { tx in
            try engine.start(FailingWorkflow.self, id: "run-1", input: "x", for: .user("p"), in: tx)
        }
        try await engine.runUntilIdle()
    }

    @Test("requires the scope")
    func scope() async throws {
        let user = CallContext(principal: Principal(user: "u", scopes: ["parcels:write"]))
        let service = CallContext(principal: Principal(service: "parcels", for: .itself))
        let refusals: [(CallContext, FaultCode)] = [
            (CallContext(), .unauthenticated), (user, .permissionDenied), (service, .permissionDenied),
        ]
        for (context, code) in refusals {
            let fault = try await #require(throws: Fault.self) { try await client.listAudit(.init(), context: context) }
            #expect(fault.code == code)
        }
    }

    @Test("counts events that are committed and not published")
    func unsent() async throws {
        #expect(try await client.countUnsentEvents(.init(), context: caller).events == 0)
        try await WordService.publish("hello", on: fixture.database)
        try await WordService.publish("hello", on: fixture.database)
        #expect(try await client.countUnsentEvents(.init(), context: caller).events == 2)
        try await fixture.database.transaction("sent") { tx in try tx.run("UPDATE outbox SET sent_at = 1") }
        #expect(try await client.countUnsentEvents(.init(), context: caller).events == 0)
    }

    @Test("starts, lists and stops resends; the audit log records each action")
    func resends() async throws {
        let request = StartResendRequest.with {
            $0.topic = "test.words"
            $0.reason = "the log of Monday"
        }
        #expect(try await client.startResend(request, context: caller).number == 1)
        let resends = try await client.listResends(.init(), context: caller).resends
        #expect(resends.map { "\($0.number) \($0.topic) \($0.rate) \($0.state)" } == ["1 test.words 200 running"])
        var stop = StopResendRequest.with {
            $0.number = 2
            $0.reason = "started twice"
        }
        let fault = try await #require(throws: Fault.self) { try await client.stopResend(stop, context: caller) }
        #expect(fault.reason == "operate.unknown_resend")
        stop.number = 1
        _ = try await client.stopResend(stop, context: caller)
        #expect(try await client.listResends(.init(), context: caller).resends.map(\.state) == ["stopped"])
        let records = try await client.listAudit(.init(), context: caller).records
        #expect(records.map { "\($0.act) \($0.target)" } == ["resend.stop 1", "resend.start test.words/*"])
    }

    @Test("rejects a change without a reason")
    func reason() async throws {
        try await park("e1")
        let request = DropParkedMessageRequest.with {
            $0.group = "words"
            $0.topic = "test.words"
            $0.id = "e1"
        }
        let fault = try await #require(throws: Fault.self) {
            try await client.dropParkedMessage(request, context: caller)
        }
        #expect(fault.violations.map(\.field) == ["reason"])
        #expect(try await client.listParkedKeys(.init(), context: caller).keys.map(\.count) == [1])
    }

    @Test("edits, redrives and drops a parked message; the audit log records each action")
    func parked() async throws {
        try await park("e1")
        let message = ("words", "test.words", "e1")
        let shown = try await client.showParkedMessage(
            .with { ($0.group, $0.topic, $0.id) = message },
            context: caller
        )
        #expect(shown.message.body == .init("bad".utf8))
        _ = try await client.editParkedMessage(
            .with {
                ($0.group, $0.topic, $0.id) = message
                $0.body = .init("good".utf8)
                $0.reason = "typo"
            },
            context: caller
        )
        _ = try await client.redriveParkedKey(
            .with {
                ($0.group, $0.topic, $0.key) = ("words", "test.words", "bad")
                $0.reason = "fixed"
            },
            context: caller
        )
        #expect(try await client.listParkedKeys(.init(), context: caller).keys.map(\.redriving) == [true])
        _ = try await client.dropParkedMessage(
            .with {
                ($0.group, $0.topic, $0.id) = message
                $0.reason = "no longer wanted"
            },
            context: caller
        )
        #expect(try await client.listParkedKeys(.init(), context: caller).keys.isEmpty)

        let records = try await client.listAudit(.init(), context: caller).records
        #expect(records.map(\.act) == ["parked.drop", "parked.redrive", "parked.edit"])
        #expect(records.map(\.why) == ["no longer wanted", "fixed", "typo"])
        #expect(Set(records.map(\.who)) == ["olga"])
        #expect(records.last.map { [$0.before, $0.after] } == ["626164", "676f6f64"])
    }

    @Test("shows and edits a body as JSON of the topic's type")
    func json() async throws {
        try await park("e1")
        let message = ("words", "test.words", "e1")
        let edit = EditParkedMessageRequest.with {
            ($0.group, $0.topic, $0.id) = message
            $0.bodyJson = "\"good\""
            $0.reason = "typo"
        }
        _ = try await client.editParkedMessage(edit, context: caller)
        let shown = try await client.showParkedMessage(
            .with { ($0.group, $0.topic, $0.id) = message },
            context: caller
        )
        #expect(shown.message.body == .init("good".utf8))
        #expect(shown.message.bodyJson == "\"good\"")
        let records = try await client.listAudit(.init(), context: caller).records
        #expect(records.last.map { [$0.before, $0.after] } == ["626164", "676f6f64"])

        var wrong = edit
        wrong.bodyJson = "good"
        let invalid = try await #require(throws: Fault.self) {
            try await client.editParkedMessage(wrong, context: caller)
        }
        #expect(invalid.reason == "operate.invalid_body")
        #expect(invalid.message.hasPrefix("is not the topic's message: NotQuoted"))
        wrong.id = "e2"
        let missing = try await #require(throws: Fault.self) {
            try await client.editParkedMessage(wrong, context: caller)
        }
        #expect(missing.reason == "operate.not_parked")
    }

    @Test("an edit with a body as bytes and as JSON is refused, and changes nothing")
    func twoBodies() async throws {
        try await park("e1")
        let message = ("words", "test.words", "e1")
        let edit = EditParkedMessageRequest.with {
            ($0.group, $0.topic, $0.id) = message
            $0.body = .init("good".utf8)
            $0.bodyJson = "\"good\""
            $0.reason = "typo"
        }
        let fault = try await #require(throws: Fault.self) {
            try await client.editParkedMessage(edit, context: caller)
        }
        #expect(fault.code == .invalidArgument)
        #expect(fault.reason == "operate.invalid_body")
        #expect(fault.violations.map(\.field) == ["body_json"])
        let shown = try await client.showParkedMessage(
            .with { ($0.group, $0.topic, $0.id) = message },
            context: caller
        )
        #expect(shown.message.body == .init("bad".utf8))
    }

    @Test("a topic without a subscription has no JSON form; its bytes can be edited")
    func unknownTopic() async throws {
        try await park("e1", topic: "test.other")
        var edit = EditParkedMessageRequest.with {
            ($0.group, $0.topic, $0.id) = ("words", "test.other", "e1")
            $0.bodyJson = "{}"
            $0.reason = "typo"
        }
        let fault = try await #require(throws: Fault.self) {
            try await client.editParkedMessage(edit, context: caller)
        }
        #expect(fault.reason == "operate.unknown_topic")
        edit.bodyJson = ""
        edit.body = .init("good".utf8)
        _ = try await client.editParkedMessage(edit, context: caller)
        let shown = try await client.showParkedMessage(
            .with { ($0.group, $0.topic, $0.id) = ("words", "test.other", "e1") },
            context: caller
        )
        #expect(shown.message.body == .init("good".utf8))
        #expect(shown.message.bodyJson.isEmpty)
    }

    @Test("retries a run that needs a human, once")
    func workflows() async throws {
        try await startFailingRun()
        let runs = try await client.listWorkflows(.with { $0.state = "needs_human" }, context: caller).runs
        #expect(runs.map(\.id) == ["run-1"])
        let retry = RetryWorkflowRequest.with {
            $0.id = "run-1"
            $0.reason = "deployed the fix"
        }
        _ = try await client.retryWorkflow(retry, context: caller)
        #expect(try await client.showWorkflow(.with { $0.id = "run-1" }, context: caller).run.state == "open")
        let fault = try await #require(throws: Fault.self) { try await client.retryWorkflow(retry, context: caller) }
        #expect(fault.reason == "operate.wrong_state")
        #expect(try await client.listAudit(.init(), context: caller).records.map(\.act) == ["workflow.retry"])
    }

    @Test("reports an unknown run and an unknown state")
    func unknown() async throws {
        let fault = try await #require(throws: Fault.self) {
            try await client.showWorkflow(.with { $0.id = "unknown" }, context: caller)
        }
        #expect(fault.reason == "operate.unknown_run")
        let state = try await #require(throws: Fault.self) {
            try await client.listWorkflows(.with { $0.state = "odd" }, context: caller)
        }
        #expect(state.violations.map(\.field) == ["state"])
    }
}
