import MartletContract
import MartletCore
import MartletMessaging
import MartletSQL
import MartletTelemetry
import MartletTesting
import MartletWorkflows
import Testing

@testable import MartletHost

@Suite("Service runtime", .timeLimit(.minutes(HangLimit.testMinutes)))
struct RuntimeTests {
    @Test("publishes and consumes its own events, and measures its tables")
    func loops() async throws {
        let fixture = try await WordFixture()
        try await WordService.publish("hello", on: fixture.database)
        let flushedBefore = try await fixture.runtime.isFlushed()
        #expect(!flushedBefore)
        let loops = fixture.runtime.loops.filter { ["outbox relay", "subscriptions"].contains($0.name) }
        #expect(loops.count == 2)
        let isCounted = await withTaskGroup(of: Void.self) { group in
            for loop in loops {
                // A cancelled loop throws `CancellationError`.
                group.addTask { try? await loop.run() }
            }
            let isCounted = await fixture.counts("hello")
            group.cancelAll()
            return isCounted
        }
        #expect(isCounted, "waited until the service has counted its own event")
        let flushedAfter = try await fixture.runtime.isFlushed()
        #expect(flushedAfter)
        try await ServiceMetrics(
            database: fixture.database,
            time: fixture.time,
            metrics: fixture.runtime.telemetry.metrics
        ).measure()
        let text = MetricsText.exposition(of: [fixture.runtime.telemetry.metrics])
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
        let kinds = [
            "parked_keys", "keys_with_gaps", "late_events", "lost_events", "refused_keys", "running_resends",
            "workflow_runs",
        ]
        for kind in kinds {
            #expect(text.contains(#"martlet_waiting_for_operator{service="words",kind="\#(kind)"} 0"#))
        }
        #expect(text.contains(#"martlet_sql_transactions_total{service="words",name="publish"} 1"#))
    }

    @Test("has the loops of its blueprint and of the toolkit")
    func names() async throws {
        let names = try await WordFixture().runtime.loops.map(\.name)
        #expect(
            names == [
                "schema lease", "outbox relay", "metrics", "database health", "workflows", "subscriptions", "resends",
                "clock watch", "job purge",
            ]
        )
    }
}

@Suite("Service metrics")
struct ServiceMetricsTests {
    @Test("gauges return to 0 for a workflow whose last run is purged")
    func purged() async throws {
        let fixture = try await WordFixture()
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
        let registry = MetricsRegistry(service: "words")
        let metrics = ServiceMetrics(
            database: fixture.database,
            time: fixture.time,
            metrics: registry
        )
        try await metrics.measure()
        let gauge = #"martlet_workflow_runs{service="words",workflow="doomed",version="1",state="needs_human"}"#
        #expect(MetricsText.exposition(of: [registry]).contains("\(gauge) 1"))
        let work = #"martlet_waiting_for_operator{service="words",kind="workflow_runs"} 1"#
        #expect(MetricsText.exposition(of: [registry]).contains(work))

        _ = try await fixture.database.transaction("end") { (tx: borrowing SQLTransaction) in
            try tx.run("UPDATE workflow_runs SET state = 'failed'")
        }
        fixture.time.advance(by: WorkflowEngine.finishedRetention + .seconds(1))
        try await engine.purge()
        try await metrics.measure()
        #expect(MetricsText.exposition(of: [registry]).contains("\(gauge) 0"))
    }
}

extension ServiceMetricsTests {
    @Test("admission: the open runs, their limit, and the requests that waited or were refused")
    func admission() async throws {
        let fixture = try await WordFixture()
        let registry = MetricsRegistry(service: "words")
        var limits = WorkflowLimits()
        limits.waitingLimit = 0
        let engine = WorkflowEngine(
            service: "words",
            database: fixture.database,
            runtime: Runtime(time: fixture.time, entropy: fixture.entropy),
            limits: limits
        )
        ServiceMetrics.readAdmission(to: engine, registry)
        // The engine's loop does not run, and no run may wait.
        await #expect(throws: WorkflowsFull.self) { try await engine.admit(CallContext()) {} }
        let wait = ServiceMetrics.waitObserver(of: registry)
        #expect(!MetricsText.exposition(of: [registry]).contains("martlet_workflow_admission_wait_seconds"))
        wait(.milliseconds(300))
        let text = MetricsText.exposition(of: [registry])
        for line in [
            #"martlet_workflow_open_runs{service="words"} 0"#,
            #"martlet_workflow_open_runs_limit{service="words"} 64"#,
            #"martlet_workflow_admission_waiting{service="words"} 0"#,
            #"martlet_workflow_admission_refused_total{service="words"} 1"#,
            #"martlet_workflow_admission_wait_seconds_count{service="words"} 1"#,
        ] {
            #expect(text.contains(line))
        }
    }
}

@Suite("Clock watch")
struct ClockWatchTests {
    @Test(
        "a jump in either direction suspends expiry for a while",
        arguments: [Duration.seconds(3_600), .seconds(-10)]
    )
    func jump(by offset: Duration) {
        let time = ManualTime()
        let watch = ClockWatch(time: time, metrics: MetricsRegistry(service: "s"))
        time.advance(by: .seconds(100))
        #expect(!watch.pausesExpiry)
        time.jumpDate(by: offset)
        #expect(watch.pausesExpiry)
        time.advance(by: ClockWatch.suspension - .seconds(1))
        #expect(watch.pausesExpiry)
        time.advance(by: .seconds(1))
        #expect(!watch.pausesExpiry)
    }

    @Test("ignores small corrections of the clock")
    func slew() {
        let time = ManualTime()
        let watch = ClockWatch(time: time, metrics: MetricsRegistry(service: "s"))
        for _ in 1...100 {
            time.jumpDate(by: .milliseconds(500))
            #expect(!watch.pausesExpiry)
        }
    }
}

@Suite("Local channel")
struct LocalChannelTests {
    @Test("a call to a service that is not running was not processed")
    func notRunning() async throws {
        let client = OperateClient(over: LocalChannel(to: LocalServices(), time: ManualTime()))
        let fault = try await #require(throws: Fault.self) {
            try await client.listAudit(.init(), context: WordFixture.operatorContext)
        }
        #expect(fault.code == .unavailable)
        #expect(fault.isNotProcessed)
    }

    @Test("a call whose handler ran was processed, even if the handler's own call was not")
    func handlersOwnCall() async throws {
        let method = MethodDescriptor(
            service: "test.Words",
            name: "Ask",
            idempotent: false,
            writes: true,
            users: .anybody,
            callers: [],
            http: []
        )
        var contract = ServedContract(name: "test.Words", openAPI: "", on: NoPlatform())
        contract.on(method) { (_: ListAuditRequest, _) -> ListAuditResponse in throw Fault.notProcessed("unavailable") }
        let services = LocalServices()
        services.add([contract])
        let channel = LocalChannel(to: services, time: ManualTime())
        let fault = try await #require(throws: Fault.self) {
            let _: ListAuditResponse = try await channel.unary(method, ListAuditRequest(), context: CallContext())
        }
        #expect(!fault.isNotProcessed)
    }

    @Test("respects the deadline")
    func deadline() async throws {
        let fixture = try await WordFixture()
        var context = WordFixture.operatorContext
        context.deadline = fixture.time.now
        let late = context
        let client = fixture.operators()
        let fault = try await #require(throws: Fault.self) { try await client.listAudit(.init(), context: late) }
        #expect(fault.code == .deadlineExceeded)
    }
}
