import Foundation
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletWorkflows
import SwiftProtobuf
import Testing

@testable import MartletHost

@Suite("An operator")
struct OperateTests {
    let world: WordWorld
    let desk: OperateClient
    let me = WordWorld.operator1

    init() async throws {
        world = try await WordWorld()
        desk = world.operators()
    }

    /// Has one event parked, as a consumer does after its attempts.
    func park(_ id: String) async throws {
        try await world.database.transaction("park") { tx in
            try tx.run(
                "INSERT INTO inbox_parked_keys (group_name, topic, key, redriving) VALUES ('words', 'test.words', 'bad', 0)"
            )
            try tx.run(
                """
                INSERT INTO inbox_parked (group_name, topic, key, source, epoch, sequence, id, time, traceparent, tenant,
                    body, error, attempts, parked_at)
                VALUES ('words', 'test.words', 'bad', 'tests', 1, 1, \(id), 1, NULL, '', \(Array("bad".utf8)), 'no', 5, 2)
                """
            )
        }
    }

    func doomedRun() async throws {
        let engine = WorkflowEngine(
            service: "words",
            database: world.database,
            time: world.time,
            entropy: world.entropy
        )
        engine.register([RegisteredWorkflow(Doomed())])
        _ = try await world.database.transaction("start") { tx in
            try engine.start(Doomed.self, id: "run-1", input: "x", principal: "p", in: tx)
        }
        try await engine.runUntilIdle()
    }

    @Test("must hold the scope")
    func scope() async throws {
        let user = CallContext(principal: Principal(kind: .user, id: "u", scopes: ["orders:write"]))
        let service = CallContext(principal: Principal(kind: .service, id: "orders", scopes: []))
        let refusals: [(CallContext, FaultCode)] = [
            (CallContext(), .unauthenticated), (user, .permissionDenied), (service, .permissionDenied),
        ]
        for (context, code) in refusals {
            let fault = try await #require(throws: Fault.self) { try await desk.listAudit(.init(), context: context) }
            #expect(fault.code == code)
        }
    }

    @Test("sees how many events are committed and not published")
    func unsent() async throws {
        #expect(try await desk.countUnsentEvents(.init(), context: me).events == 0)
        try await WordService.say("hello", on: world.database)
        try await WordService.say("hello", on: world.database)
        #expect(try await desk.countUnsentEvents(.init(), context: me).events == 2)
        try await world.database.transaction("sent") { tx in try tx.run("UPDATE outbox SET sent_at = 1") }
        #expect(try await desk.countUnsentEvents(.init(), context: me).events == 0)
    }

    @Test("says why, or nothing happens")
    func reason() async throws {
        try await park("e1")
        let request = DropParkedMessageRequest.with {
            $0.group = "words"
            $0.topic = "test.words"
            $0.id = "e1"
        }
        let fault = try await #require(throws: Fault.self) { try await desk.dropParkedMessage(request, context: me) }
        #expect(fault.violations.map(\.field) == ["reason"])
        #expect(try await desk.listParkedKeys(.init(), context: me).keys.map(\.count) == [1])
    }

    @Test("mends a parked message, and every act is on record")
    func parked() async throws {
        try await park("e1")
        let place = ("words", "test.words", "e1")
        let shown = try await desk.showParkedMessage(
            .with { ($0.group, $0.topic, $0.id) = place },
            context: me
        )
        #expect(shown.message.body == .init("bad".utf8))
        _ = try await desk.editParkedMessage(
            .with {
                ($0.group, $0.topic, $0.id) = place
                $0.body = .init("good".utf8)
                $0.reason = "typo"
            },
            context: me
        )
        _ = try await desk.redriveParkedKey(
            .with {
                ($0.group, $0.topic, $0.key) = ("words", "test.words", "bad")
                $0.reason = "mended"
            },
            context: me
        )
        #expect(try await desk.listParkedKeys(.init(), context: me).keys.map(\.redriving) == [true])
        _ = try await desk.dropParkedMessage(
            .with {
                ($0.group, $0.topic, $0.id) = place
                $0.reason = "no longer wanted"
            },
            context: me
        )
        #expect(try await desk.listParkedKeys(.init(), context: me).keys.isEmpty)

        let records = try await desk.listAudit(.init(), context: me).records
        #expect(records.map(\.act) == ["parked.drop", "parked.redrive", "parked.edit"])
        #expect(records.map(\.why) == ["no longer wanted", "mended", "typo"])
        #expect(Set(records.map(\.who)) == ["olga"])
        #expect(records.last.map { [$0.before, $0.after] } == ["626164", "676f6f64"])
    }

    @Test("retries a run that needs a human, once")
    func workflows() async throws {
        try await doomedRun()
        let runs = try await desk.listWorkflows(.with { $0.state = "needs_human" }, context: me).runs
        #expect(runs.map(\.id) == ["run-1"])
        let retry = RetryWorkflowRequest.with {
            $0.id = "run-1"
            $0.reason = "deployed the mend"
        }
        _ = try await desk.retryWorkflow(retry, context: me)
        #expect(try await desk.showWorkflow(.with { $0.id = "run-1" }, context: me).run.state == "open")
        let fault = try await #require(throws: Fault.self) { try await desk.retryWorkflow(retry, context: me) }
        #expect(fault.reason == "operate.wrong_state")
        #expect(try await desk.listAudit(.init(), context: me).records.map(\.act) == ["workflow.retry"])
    }

    @Test("is told when there is no such thing")
    func unknown() async throws {
        let fault = try await #require(throws: Fault.self) {
            try await desk.showWorkflow(.with { $0.id = "nobody" }, context: me)
        }
        #expect(fault.reason == "operate.unknown_run")
        let state = try await #require(throws: Fault.self) {
            try await desk.listWorkflows(.with { $0.state = "odd" }, context: me)
        }
        #expect(state.violations.map(\.field) == ["state"])
    }
}
