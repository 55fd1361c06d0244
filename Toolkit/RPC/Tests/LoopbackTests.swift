import MartletContract
import MartletCore
import MartletRPC
import ServiceLifecycle
import Testing

@Suite("A call over a real socket", .timeLimit(.minutes(2)))
struct LoopbackTests {
    @Test("brings the answer")
    func echo() async throws {
        let answer = try await Bench.with { try await $0.unary(TextMethods.echo, "hello") }
        #expect(answer == "hello")
    }

    @Test("carries deadline, trace, idempotency key, metadata and the represented principal")
    func context() async throws {
        let facts = try await Bench.with(token: "service") { bench in
            let context = CallContext(
                deadline: SystemTime().now + .seconds(60),
                principal: Principal(kind: .service, id: "orders", scopes: [], onBehalfOf: "kund\u{00E9} 7"),
                idempotencyKey: "run-1/step",
                trace: TraceContext(
                    traceID: "0af7651916cd43dd8448eb211c80319c",
                    spanID: "b7ad6b7169203331",
                    sampled: true
                ),
                metadata: ["x-colour": "green", "x-raw-bin": "AAE"]
            )
            return try await bench.unary(TextMethods.about, "", context)
        }
        #expect(facts == "run-1/step|kund\u{00E9} 7|green|AAE|0af7651916cd43dd8448eb211c80319c|deadline")
    }

    @Test("begins a trace of its own when the caller has none")
    func newTrace() async throws {
        let facts = try await Bench.with { try await $0.unary(TextMethods.about, "") }
        let trace = try #require(facts.split(separator: "|", omittingEmptySubsequences: false).dropFirst(4).first)
        #expect(trace.utf8.count == 32)
    }

    @Test("carries a refusal whole, but for its cause")
    func refusal() async throws {
        let fault = try #require(try await Bench.with { try await $0.fault(TextMethods.refuse) })
        let sent = Texts.refusal
        #expect(fault.code == sent.code)
        #expect(fault.reason == sent.reason)
        #expect(fault.message == sent.message)
        #expect(fault.violations == sent.violations)
        #expect(fault.retryAfter == sent.retryAfter)
        #expect(fault.cause == nil)
    }

    @Test("names the field that breaks the contract's rule")
    func rules() async throws {
        let fault = try #require(try await Bench.with { try await $0.fault(TextMethods.echo, "unruly") })
        #expect(fault.code == .invalidArgument)
        #expect(fault.violations == [FieldViolation(field: "value", rule: "must not be unruly")])
    }

    @Test("is refused for a method that is not served")
    func unserved() async throws {
        let fault = try #require(try await Bench.with { try await $0.fault(TextMethods.unserved) })
        #expect(fault.code == .unimplemented)
    }

    @Test(
        "is let through or refused by the method's scope",
        arguments: [
            (nil, TextMethods.guarded, FaultCode.unauthenticated), ("forged", TextMethods.echo, .unauthenticated),
            ("user", TextMethods.guarded, nil), ("user", TextMethods.admin, .permissionDenied),
            ("service", TextMethods.admin, .permissionDenied), ("service", TextMethods.between, nil),
        ] as [(String?, MethodDescriptor, FaultCode?)]
    )
    func scopes(_ token: String?, _ method: MethodDescriptor, _ code: FaultCode?) async throws {
        let fault = try await Bench.with(token: token) { try await $0.fault(method) }
        #expect(fault?.code == code)
    }

    @Test("ends at its deadline, and so does its handler")
    func deadline() async throws {
        let code = try await Bench.with { bench in
            var code: FaultCode?
            var time = Duration.milliseconds(20)
            // On a busy machine the first deadlines may pass before the handler has begun.
            while !bench.texts.begun.hasFired {
                code = try await bench.fault(TextMethods.slow, "", CallContext(deadline: SystemTime().now + time))?.code
                time = time * 2
            }
            await bench.texts.cancelled.wait()
            return code
        }
        #expect(code == .deadlineExceeded)
    }

    @Test("is not sent when its deadline has passed")
    func lateCall() async throws {
        let fault = try await Bench.with { bench in
            try await bench.fault(TextMethods.echo, "", CallContext(deadline: SystemTime().now))
        }
        #expect(fault?.code == .deadlineExceeded)
    }

    @Test("cancels its handler when its caller is cancelled")
    func cancellation() async throws {
        let code = try await Bench.with { bench in
            try await withThrowingTaskGroup(of: FaultCode?.self) { tasks in
                tasks.addTask { try await bench.fault(TextMethods.hold)?.code }
                await bench.texts.held.wait()
                tasks.addTask { try await bench.fault(TextMethods.slow)?.code }
                _ = try await bench.unary(TextMethods.echo, "")
                tasks.cancelAll()
                let first = try await tasks.next() ?? nil
                bench.texts.release.fire()
                return first
            }
        }
        #expect(code == .cancelled)
    }

    @Test("may be as long as the limit, and no longer, in both directions")
    func sizes() async throws {
        var limits = Bench.limits
        limits.messageBytesMax = 1_100_000
        let (long, tooLong) = try await Bench.with(limits: limits) { bench in
            let long = try await bench.unary(TextMethods.echo, String(repeating: "a", count: 1_048_576))
            let tooLong = try await bench.fault(TextMethods.echo, String(repeating: "a", count: 1_200_000))
            return (long.utf8.count, tooLong)
        }
        #expect(long == 1_048_576)
        #expect(tooLong?.code == .resourceExhausted)
        #expect(tooLong?.reason == .requestTooLarge)

        var clientLimits = Bench.clientLimits
        clientLimits.messageBytesMax = 1_000
        let local = try await Bench.with(clientLimits: clientLimits) { bench in
            try await bench.fault(TextMethods.echo, String(repeating: "a", count: 2_000))
        }
        #expect(local?.code == .resourceExhausted)
        #expect(local?.isNotProcessed == true)
    }

    @Test("is refused here when its headers are longer than a peer takes, and those beside it go on")
    func longHeaders() async throws {
        let (kept, fault) = try await Bench.with { bench in
            try await withThrowingTaskGroup(of: String.self) { tasks in
                tasks.addTask { try await bench.unary(TextMethods.hold, "kept") }
                await bench.texts.held.wait()
                let context = CallContext(metadata: ["x-long": String(repeating: "a", count: 20_000)])
                let fault = try await bench.fault(TextMethods.echo, "", context)
                bench.texts.release.fire()
                return (try await tasks.next(), fault)
            }
        }
        #expect(kept == "kept")
        #expect(fault?.code == .resourceExhausted)
        #expect(fault?.isNotProcessed == true)
    }

    @Test("is refused when too many handlers go on after their calls were given up")
    func heedless() async throws {
        var limits = Bench.limits
        limits.strayHandlersMax = 1
        let refused = try await Bench.with(limits: limits) { bench in
            for number in 1...2 {
                try await withThrowingTaskGroup(of: FaultCode?.self) { tasks in
                    tasks.addTask { try await bench.fault(TextMethods.stubborn)?.code }
                    while bench.texts.stubborn.taken < number { await Task.yield() }
                    tasks.cancelAll()
                    try await tasks.waitForAll()
                }
            }
            let refused = try await bench.fault(TextMethods.echo)
            bench.texts.release.fire()
            while try await bench.fault(TextMethods.echo) != nil {}
            return refused
        }
        #expect(refused?.code == .resourceExhausted)
    }

    @Test("above the limit leaves the connection's window whole")
    func windows() async throws {
        var limits = Bench.limits
        limits.messageBytesMax = 1_100_000
        let (refused, long) = try await Bench.with(limits: limits) { bench in
            var refused = 0
            // Together more than the connection's window.
            for _ in 0..<8 {
                let fault = try await bench.fault(TextMethods.echo, String(repeating: "a", count: 1_200_000))
                if fault?.code == .resourceExhausted { refused += 1 }
            }
            return (refused, try await bench.unary(TextMethods.echo, String(repeating: "a", count: 1_000_000)))
        }
        #expect(refused == 8)
        #expect(long.utf8.count == 1_000_000)
    }

    @Test("whose answer is too long for either side has an unknown outcome: its handler has run")
    func longAnswers() async throws {
        var limits = Bench.limits
        limits.messageBytesMax = Texts.floodBytes / 2
        var clientLimits = Bench.clientLimits
        clientLimits.messageBytesMax = Texts.floodBytes / 2
        let bounds = [(limits, Bench.clientLimits), (Bench.limits, clientLimits)]
        for (limits, clientLimits) in bounds {
            let fault = try await Bench.with(limits: limits, clientLimits: clientLimits) { bench in
                try await bench.fault(TextMethods.long)
            }
            #expect(fault?.outcome == .unknown)
        }
    }

    @Test("stands beside hundreds of others on one connection")
    func crowd() async throws {
        var limits = Bench.limits
        limits.callsPerConnectionMax = 10  // Further ones wait in the client.
        let sum = try await Bench.with(limits: limits) { bench in
            try await withThrowingTaskGroup(of: Int.self) { tasks in
                for number in 0..<500 {
                    tasks.addTask { Int(try await bench.unary(TextMethods.echo, "\(number)")) ?? -1 }
                }
                return try await tasks.reduce(0, +)
            }
        }
        #expect(sum == 499 * 250)
    }

    @Test("never left when nobody listens, and says so")
    func nobody() async throws {
        let port = try await Bench.with { $0.port }
        let connection = Bench.connect(port)
        await #expect {
            let _: Text = try await connection.unary(TextMethods.echo, Text(), CallContext())
        } throws: { error in
            let fault = Fault(describing: error)
            return fault.code == .unavailable && fault.isNotProcessed && fault.retryAfter != nil
        }
        await connection.close()
    }

    @Test("finds a server that has come back, on a new connection")
    func comeBack() async throws {
        var limits = Bench.clientLimits
        limits.pauseMin = .zero
        limits.pauseMax = .zero
        let (port, connection) = try await Bench.with { [limits] bench in
            let connection = Bench.connect(bench.port, limits)
            let _: Text = try await connection.unary(TextMethods.echo, Text("a"), CallContext())
            return (bench.port, connection)
        }
        let answer = try await Bench.with(port: port) { _ in
            let answer: Text = try await connection.unary(TextMethods.echo, Text("b"), CallContext())
            return answer.value
        }
        #expect(answer == "b")
        await connection.close()
    }

    @Test("is refused after its connection was closed")
    func closed() async throws {
        let fault = try await Bench.with { bench in
            await bench.connection.close()
            return try await bench.fault(TextMethods.echo)
        }
        #expect(fault?.code == .unavailable)
        #expect(fault?.isNotProcessed == true)
    }

    @Test("finishes although its connection is retired; the next one is refused")
    func retired() async throws {
        let (answer, next) = try await Bench.with { bench in
            try await withThrowingTaskGroup(of: String.self) { tasks in
                tasks.addTask { try await bench.unary(TextMethods.hold, "kept") }
                await bench.texts.held.wait()
                bench.connection.retire()
                let next = try await bench.fault(TextMethods.echo)
                bench.texts.release.fire()
                return (try await tasks.next(), next)
            }
        }
        #expect(answer == "kept")
        #expect(next?.code == .unavailable)
        #expect(next?.isNotProcessed == true)
    }

    @Test("that streams goes on although its connection is retired and forgotten")
    func retiredStream() async throws {
        let count = try await Bench.with { bench in
            let stream: ResponseStream<Text>
            do {
                let connection = Bench.connect(bench.port)
                stream = try await connection.serverStream(TextMethods.many, Text("20000"), CallContext())
                _ = try await stream.pull()
                connection.retire()
            }
            var count = 1
            while try await stream.pull() != nil { count += 1 }
            return count
        }
        #expect(count == 20_000)
    }

    @Test("finishes while its server drains; the next one is not taken")
    func drain() async throws {
        let (answer, next) = try await Bench.with { bench in
            try await withThrowingTaskGroup(of: String.self) { tasks in
                tasks.addTask { try await bench.unary(TextMethods.hold, "kept") }
                await bench.texts.held.wait()
                await bench.group.triggerGracefulShutdown()
                let watch: ResponseStream<Text> = try await bench.connection.serverStream(
                    TextMethods.many,
                    Text("0"),
                    CallContext()
                )
                // Answers or fails; either way the connection is still open while the first call is.
                _ = try? await watch.pull()
                bench.texts.release.fire()
                let answer = try await tasks.next()
                while try await bench.fault(TextMethods.echo) == nil {}
                return (answer, try await bench.fault(TextMethods.echo))
            }
        }
        #expect(answer == "kept")
        #expect(next?.code == .unavailable)
        #expect(next?.isNotProcessed == true)
    }
}
