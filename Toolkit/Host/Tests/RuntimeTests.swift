import MartletContract
import MartletCore
import MartletMessaging
import MartletSQL
import MartletTelemetry
import MartletTesting
import MartletWorkflows
import Testing

@testable import MartletHost

@Suite("A service without sockets")
struct RuntimeTests {
    @Test("takes part in its own events, and says what its tables hold")
    func loops() async throws {
        let world = try await WordWorld()
        try await WordService.say("hello", on: world.database)
        let flushedBefore = try await world.runtime.isFlushed()
        #expect(!flushedBefore)
        let loops = world.runtime.loops.filter { ["outbox relay", "subscriptions"].contains($0.name) }
        #expect(loops.count == 2)
        let heard = await withTaskGroup(of: Void.self) { group in
            for loop in loops {
                // A cancelled loop ends with that word.
                group.addTask { try? await loop.run() }
            }
            let heard = await world.hears("hello", stepsLimit: 100_000)
            group.cancelAll()
            return heard
        }
        #expect(heard)
        let flushedAfter = try await world.runtime.isFlushed()
        #expect(flushedAfter)
        try await ServiceMetrics(
            database: world.database,
            time: world.time,
            metrics: world.runtime.telemetry.metrics
        ).measure()
        let text = MetricsText.exposition(of: [world.runtime.telemetry.metrics])
        #expect(text.contains(#"martlet_messages_published_total{service="words",topic="test.words"} 1"#))
        #expect(text.contains(#"martlet_messages_publish_failures_total{service="words"} 0"#))
        #expect(text.contains(#"martlet_outbox_unsent{service="words"} 0"#))
        #expect(text.contains(#"martlet_outbox_oldest_unsent_seconds{service="words"} 0"#))
        #expect(
            text.contains(
                #"martlet_inbox_events_total{service="words",topic="test.words",group="words",outcome="taken"} 1"#
            )
        )
        #expect(text.contains(#"martlet_parked_keys{service="words"} 0"#))
        #expect(text.contains(#"martlet_sql_transactions_total{service="words",name="say"} 1"#))
    }

    @Test("has every loop that its blueprint asks for, and the house's own")
    func names() async throws {
        let names = try await WordWorld().runtime.loops.map(\.name)
        #expect(
            names == ["outbox relay", "metrics", "workflows", "subscriptions", "clock watch", "job purge"]
        )
    }
}

@Suite("The gauges of a service")
struct ServiceMetricsTests {
    @Test("go back to 0 for a workflow whose last run has ended and is purged")
    func purged() async throws {
        let world = try await WordWorld()
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
        let registry = MetricsRegistry(service: "words")
        let metrics = ServiceMetrics(database: world.database, time: world.time, metrics: registry)
        try await metrics.measure()
        let gauge = #"martlet_workflow_runs{service="words",workflow="doomed",version="1",state="needs_human"}"#
        #expect(MetricsText.exposition(of: [registry]).contains("\(gauge) 1"))

        _ = try await world.database.transaction("end") { (tx: borrowing SQLTransaction) in
            try tx.run("UPDATE workflow_runs SET state = 'failed'")
        }
        world.time.advance(by: WorkflowEngine.finishedRetention + .seconds(1))
        try await engine.purge()
        try await metrics.measure()
        #expect(MetricsText.exposition(of: [registry]).contains("\(gauge) 0"))
    }
}

@Suite("The watch over the clocks")
struct ClockWatchTests {
    @Test(
        "sees a jump either way, and lets expiry rest for a while",
        arguments: [Duration.seconds(3_600), .seconds(-10)]
    )
    func jump(by offset: Duration) {
        let time = ManualTime()
        let watch = ClockWatch(time: time, metrics: MetricsRegistry(service: "s"))
        time.advance(by: .seconds(100))
        #expect(!watch.pausesExpiry)
        time.jumpDate(by: offset)
        #expect(watch.pausesExpiry)
        time.advance(by: ClockWatch.rest - .seconds(1))
        #expect(watch.pausesExpiry)
        time.advance(by: .seconds(1))
        #expect(!watch.pausesExpiry)
    }

    @Test("does not mind what a clock is corrected by every day")
    func slew() {
        let time = ManualTime()
        let watch = ClockWatch(time: time, metrics: MetricsRegistry(service: "s"))
        for _ in 1...100 {
            time.jumpDate(by: .milliseconds(500))
            #expect(!watch.pausesExpiry)
        }
    }
}

@Suite("A call within the process")
struct LocalChannelTests {
    @Test("to a service that is not there was not made")
    func nobody() async throws {
        let desk = OperateClient(over: LocalChannel(to: LocalServices(), time: ManualTime()))
        let fault = try await #require(throws: Fault.self) {
            try await desk.listAudit(.init(), context: WordWorld.operator1)
        }
        #expect(fault.code == .unavailable)
        #expect(fault.isNotProcessed)
    }

    @Test("was made when its handler was reached, although that one's own call was not")
    func handlersOwnCall() async throws {
        let method = MethodDescriptor(
            service: "test.Words",
            name: "Ask",
            idempotent: false,
            writes: true,
            scope: "",
            http: []
        )
        var contract = ServedContract(name: "test.Words", openAPI: "")
        contract.on(method) { (_: ListAuditRequest, _) -> ListAuditResponse in throw Fault.notProcessed("away") }
        let services = LocalServices()
        services.add([contract])
        let channel = LocalChannel(to: services, time: ManualTime())
        let fault = try await #require(throws: Fault.self) {
            let _: ListAuditResponse = try await channel.unary(method, ListAuditRequest(), CallContext())
        }
        #expect(!fault.isNotProcessed)
    }

    @Test("keeps its deadline")
    func deadline() async throws {
        let world = try await WordWorld()
        var context = WordWorld.operator1
        context.deadline = world.time.now
        let late = context
        let desk = world.operators()
        let fault = try await #require(throws: Fault.self) { try await desk.listAudit(.init(), context: late) }
        #expect(fault.code == .deadlineExceeded)
    }
}
