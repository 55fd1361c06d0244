import MartletContract
import MartletCore
import MartletRPC
import MartletTesting
import ServiceLifecycle
import Testing

@Suite("Call over a socket", .timeLimit(.minutes(HangLimit.testMinutes)))
struct CallSocketTests {
    @Test("a unary call returns the response")
    func echo() async throws {
        let answer = try await RPCFixture.with { try await $0.unary(TextMethods.echo, "hello") }
        #expect(answer == "hello")
    }

    @Test("deadline, trace, idempotency key, metadata and the represented principal reach the handler")
    func context() async throws {
        let facts = try await RPCFixture.with(token: "service") { fixture in
            let context = CallContext(
                deadline: SystemTime().now + HangLimit.wait,
                principal: Principal(service: "parcels", for: .user("kund\u{00E9} 7")),
                idempotencyKey: "run-1/step",
                trace: TraceContext(
                    traceID: "0af7651916cd43dd8448eb211c80319c",
                    spanID: "b7ad6b7169203331",
                    sampled: true
                ),
                metadata: ["x-colour": "green", "x-raw-bin": "AAE"]
            )
            return try await fixture.unary(TextMethods.about, "", context: context)
        }
        #expect(facts == "run-1/step|kund\u{00E9} 7|green|AAE|0af7651916cd43dd8448eb211c80319c|deadline")
    }

    @Test("the server starts a trace when the caller has none")
    func newTrace() async throws {
        let facts = try await RPCFixture.with { try await $0.unary(TextMethods.about, "") }
        let trace = try #require(facts.split(separator: "|", omittingEmptySubsequences: false).dropFirst(4).first)
        #expect(trace.utf8.count == 32)
    }

    @Test("a refusal arrives complete, except for its cause")
    func refusal() async throws {
        let fault = try #require(try await RPCFixture.with { try await $0.fault(TextMethods.refuse) })
        let sent = Texts.refusal
        #expect(fault.code == sent.code)
        #expect(fault.reason == sent.reason)
        #expect(fault.message == sent.message)
        #expect(fault.violations == sent.violations)
        #expect(fault.retryAfter == sent.retryAfter)
        #expect(fault.cause == nil)
    }

    @Test("a violated rule names its field")
    func rules() async throws {
        let fault = try #require(try await RPCFixture.with { try await $0.fault(TextMethods.echo, "unruly") })
        #expect(fault.code == .invalidArgument)
        #expect(fault.violations == [FieldViolation(field: "value", rule: "must not be unruly")])
    }

    @Test("an unserved method is unimplemented")
    func unserved() async throws {
        let fault = try #require(try await RPCFixture.with { try await $0.fault(TextMethods.unserved) })
        #expect(fault.code == .unimplemented)
    }

    @Test(
        "the method's contract decides who may call it",
        arguments: [
            (nil, TextMethods.guarded, FaultCode.unauthenticated), ("forged", TextMethods.echo, .unauthenticated),
            ("user", TextMethods.guarded, nil), ("user", TextMethods.admin, .permissionDenied),
            ("service", TextMethods.admin, .permissionDenied), ("service", TextMethods.between, nil),
            ("user", TextMethods.between, .permissionDenied),
        ] as [(String?, MethodDescriptor, FaultCode?)]
    )
    func access(token: String?, method: MethodDescriptor, code: FaultCode?) async throws {
        let context = CallContext(principal: token == "service" ? Self.service(for: .itself) : .anonymous)
        let fault = try await RPCFixture.with(token: token) { try await $0.fault(method, context: context) }
        #expect(fault?.code == code)
    }

    @Test(
        "a service's call is judged by the party for whom it speaks, and by nothing when it names none",
        arguments: [
            (Principal.Party.itself, nil), (.user("ann"), nil), (.guest, .permissionDenied), (nil, .permissionDenied),
        ] as [(Principal.Party?, FaultCode?)]
    )
    func parties(party: Principal.Party?, code: FaultCode?) async throws {
        let context = CallContext(principal: party.map { Self.service(for: $0) } ?? .anonymous)
        let fault = try await RPCFixture.with(token: "service") {
            try await $0.fault(TextMethods.between, context: context)
        }
        #expect(fault?.code == code)
    }

    @Test("a user's call does not become a service's by naming a party")
    func userNamesParty() async throws {
        let context = CallContext(principal: Self.service(for: .itself))
        let fault = try await RPCFixture.with(token: "user") {
            try await $0.fault(TextMethods.between, context: context)
        }
        #expect(fault?.code == .permissionDenied)
    }

    private static func service(for party: Principal.Party) -> Principal { Principal(service: "parcels", for: party) }

    @Test("the deadline ends the call and cancels its handler")
    func deadline() async throws {
        let code = try await RPCFixture.with { fixture in
            var code: FaultCode?
            var time = Duration.milliseconds(20)
            // On a busy machine the first deadlines may pass before the handler has begun.
            while !fixture.texts.begun.hasFired {
                let context = CallContext(deadline: SystemTime().now + time)
                code = try await fixture.fault(TextMethods.slow, "", context: context)?.code
                time = time * 2
            }
            await fixture.texts.cancelled.wait()
            return code
        }
        #expect(code == .deadlineExceeded)
    }

    @Test("a call whose deadline has passed is not sent")
    func lateCall() async throws {
        let fault = try await RPCFixture.with { fixture in
            try await fixture.fault(TextMethods.echo, "", context: CallContext(deadline: SystemTime().now))
        }
        #expect(fault?.code == .deadlineExceeded)
    }

    @Test("cancelling the caller cancels the handler")
    func cancellation() async throws {
        let code = try await RPCFixture.with { fixture in
            try await withThrowingTaskGroup(of: FaultCode?.self) { tasks in
                tasks.addTask { try await fixture.fault(TextMethods.hold)?.code }
                await fixture.texts.held.wait()
                tasks.addTask { try await fixture.fault(TextMethods.slow)?.code }
                _ = try await fixture.unary(TextMethods.echo, "")
                tasks.cancelAll()
                let first = try await tasks.next() ?? nil
                fixture.texts.release.fire()
                return first
            }
        }
        #expect(code == .cancelled)
    }

    @Test("messages pass up to the limit in both directions; longer ones are refused")
    func sizes() async throws {
        var limits = RPCFixture.limits
        limits.messageBytesMax = 1_100_000
        let (long, tooLong) = try await RPCFixture.with(limits: limits) { fixture in
            let long = try await fixture.unary(TextMethods.echo, String(repeating: "a", count: 1_048_576))
            let tooLong = try await fixture.fault(TextMethods.echo, String(repeating: "a", count: 1_200_000))
            return (long.utf8.count, tooLong)
        }
        #expect(long == 1_048_576)
        #expect(tooLong?.code == .resourceExhausted)
        #expect(tooLong?.reason == .requestTooLarge)

        var clientLimits = RPCFixture.clientLimits
        clientLimits.messageBytesMax = 1_000
        let local = try await RPCFixture.with(clientLimits: clientLimits) { fixture in
            try await fixture.fault(TextMethods.echo, String(repeating: "a", count: 2_000))
        }
        #expect(local?.code == .resourceExhausted)
        #expect(local?.isNotProcessed == true)
    }

    @Test("headers above the limit are refused by the client; other calls on the connection continue")
    func longHeaders() async throws {
        let (other, fault) = try await RPCFixture.with { fixture in
            try await withThrowingTaskGroup(of: String.self) { tasks in
                tasks.addTask { try await fixture.unary(TextMethods.hold, "held") }
                await fixture.texts.held.wait()
                let context = CallContext(metadata: ["x-long": String(repeating: "a", count: 20_000)])
                let fault = try await fixture.fault(TextMethods.echo, "", context: context)
                fixture.texts.release.fire()
                return (try await tasks.next(), fault)
            }
        }
        #expect(other == "held")
        #expect(fault?.code == .resourceExhausted)
        #expect(fault?.isNotProcessed == true)
    }

    @Test("calls are refused while too many handlers ignore their cancellation")
    func abandonedHandlers() async throws {
        var limits = RPCFixture.limits
        limits.abandonedHandlersMax = 1
        let refused = try await RPCFixture.with(limits: limits) { fixture in
            for number in 1...2 {
                try await withThrowingTaskGroup(of: FaultCode?.self) { tasks in
                    tasks.addTask { try await fixture.fault(TextMethods.stubborn)?.code }
                    while fixture.texts.stubborn.count < number { await Task.yield() }
                    tasks.cancelAll()
                    try await tasks.waitForAll()
                }
            }
            let refused = try await fixture.fault(TextMethods.echo)
            fixture.texts.release.fire()
            while try await fixture.fault(TextMethods.echo) != nil {}
            return refused
        }
        #expect(refused?.code == .resourceExhausted)
    }

    @Test("the cancelled calls of one caller of a service refuse no other caller's")
    func abandonedByAnother() async throws {
        var limits = RPCFixture.limits
        limits.abandonedHandlersMax = 1
        @Sendable func context(_ caller: ExactText) -> CallContext {
            CallContext(principal: Principal(service: "parcels", for: .user(caller)))
        }
        let (own, other) = try await RPCFixture.with(limits: limits, token: "service") { fixture in
            for number in 1...2 {
                try await withThrowingTaskGroup(of: FaultCode?.self) { tasks in
                    tasks.addTask { try await fixture.fault(TextMethods.stubborn, context: context("ann"))?.code }
                    while fixture.texts.stubborn.count < number { await Task.yield() }
                    tasks.cancelAll()
                    try await tasks.waitForAll()
                }
            }
            // The second cancel may still be in flight.
            var own = try await fixture.fault(TextMethods.echo, context: context("ann"))
            while own == nil { own = try await fixture.fault(TextMethods.echo, context: context("ann")) }
            return (own, try await fixture.fault(TextMethods.echo, context: context("bob")))
        }
        #expect(own?.code == .resourceExhausted)
        #expect(other == nil)
    }

    @Test("calls whose deadlines pass do not use up the resets that a server allows for all calls of a connection")
    func manyDeadlines() async throws {
        var limits = RPCFixture.limits
        limits.controlFramesMax = 20
        var clientLimits = RPCFixture.clientLimits
        clientLimits.linger = HangLimit.wait
        let answer = try await RPCFixture.with(limits: limits, clientLimits: clientLimits) { fixture in
            try await withThrowingTaskGroup(of: String?.self) { tasks in
                tasks.addTask { try await fixture.unary(TextMethods.hold, "held") }
                await fixture.texts.held.wait()
                for _ in 0..<100 {
                    tasks.addTask {
                        let context = CallContext(deadline: SystemTime().now + .milliseconds(200))
                        return try await fixture.fault(TextMethods.slow, context: context)?.code == .deadlineExceeded
                            ? nil : "not exceeded"
                    }
                }
                var answers: [String] = []
                for _ in 0..<100 { if let answer = try await tasks.next() ?? nil { answers.append(answer) } }
                fixture.texts.release.fire()
                if let answer = try await tasks.next() ?? nil { answers.append(answer) }
                return answers
            }
        }
        #expect(answer == ["held"])
    }

    @Test("messages above the limit do not use up the connection's window")
    func windows() async throws {
        var limits = RPCFixture.limits
        limits.messageBytesMax = 1_100_000
        let (refused, long) = try await RPCFixture.with(limits: limits) { fixture in
            var refused = 0
            // Together more than the connection's window.
            for _ in 0..<8 {
                let fault = try await fixture.fault(TextMethods.echo, String(repeating: "a", count: 1_200_000))
                if fault?.code == .resourceExhausted { refused += 1 }
            }
            return (refused, try await fixture.unary(TextMethods.echo, String(repeating: "a", count: 1_000_000)))
        }
        #expect(refused == 8)
        #expect(long.utf8.count == 1_000_000)
    }

    @Test("a response too long for either side has an unknown outcome: the handler has run")
    func longResponses() async throws {
        var limits = RPCFixture.limits
        limits.messageBytesMax = Texts.floodBytes / 2
        var clientLimits = RPCFixture.clientLimits
        clientLimits.messageBytesMax = Texts.floodBytes / 2
        let bounds = [(limits, RPCFixture.clientLimits), (RPCFixture.limits, clientLimits)]
        for (limits, clientLimits) in bounds {
            let fault = try await RPCFixture.with(limits: limits, clientLimits: clientLimits) { fixture in
                try await fixture.fault(TextMethods.long)
            }
            #expect(fault?.outcome == .unknown)
        }
    }

    @Test("hundreds of concurrent calls share one connection")
    func concurrentCalls() async throws {
        var limits = RPCFixture.limits
        limits.callsPerConnectionMax = 10  // Further ones wait in the client.
        let sum = try await RPCFixture.with(limits: limits) { fixture in
            try await withThrowingTaskGroup(of: Int.self) { tasks in
                for number in 0..<500 {
                    tasks.addTask { Int(try await fixture.unary(TextMethods.echo, "\(number)")) ?? -1 }
                }
                return try await tasks.reduce(0, +)
            }
        }
        #expect(sum == 499 * 250)
    }

    @Test("without a listener a call fails as not processed, with a retry delay")
    func noListener() async throws {
        let port = try await RPCFixture.with { $0.port }
        let connection = RPCFixture.connect(to: port)
        await #expect {
            let _: Text = try await connection.unary(TextMethods.echo, Text(), context: CallContext())
        } throws: { error in
            let fault = Fault(describing: error)
            return fault.code == .unavailable && fault.isNotProcessed && fault.retryAfter != nil
        }
        await connection.close()
    }

    @Test("a restarted server is reached on a new connection")
    func reconnect() async throws {
        var limits = RPCFixture.clientLimits
        limits.backoffMin = .zero
        limits.backoffMax = .zero
        let (port, connection) = try await RPCFixture.with { [limits] fixture in
            let connection = RPCFixture.connect(to: fixture.port, limits: limits)
            let _: Text = try await connection.unary(TextMethods.echo, Text("a"), context: CallContext())
            return (fixture.port, connection)
        }
        let answer = try await RPCFixture.with(port: port) { _ in
            let answer: Text = try await connection.unary(TextMethods.echo, Text("b"), context: CallContext())
            return answer.value
        }
        #expect(answer == "b")
        await connection.close()
    }

    @Test("a call is refused after close")
    func closed() async throws {
        let fault = try await RPCFixture.with { fixture in
            await fixture.connection.close()
            return try await fixture.fault(TextMethods.echo)
        }
        #expect(fault?.code == .unavailable)
        #expect(fault?.isNotProcessed == true)
    }

    @Test("retire: an open call finishes; the next one is refused")
    func retired() async throws {
        let (answer, next) = try await RPCFixture.with { fixture in
            try await withThrowingTaskGroup(of: String.self) { tasks in
                tasks.addTask { try await fixture.unary(TextMethods.hold, "held") }
                await fixture.texts.held.wait()
                fixture.connection.retire()
                let next = try await fixture.fault(TextMethods.echo)
                fixture.texts.release.fire()
                return (try await tasks.next(), next)
            }
        }
        #expect(answer == "held")
        #expect(next?.code == .unavailable)
        #expect(next?.isNotProcessed == true)
    }

    @Test("retire: an open stream continues although its connection is released")
    func retiredStream() async throws {
        let count = try await RPCFixture.with { fixture in
            let stream: ResponseStream<Text>
            do {
                let connection = RPCFixture.connect(to: fixture.port)
                stream = try await connection.serverStream(TextMethods.many, Text("20000"), context: CallContext())
                _ = try await stream.pull()
                connection.retire()
            }
            var count = 1
            while try await stream.pull() != nil { count += 1 }
            return count
        }
        #expect(count == 20_000)
    }

    @Test("drain: an open call finishes; the next one is not processed")
    func drain() async throws {
        let (answer, next) = try await RPCFixture.with { fixture in
            try await withThrowingTaskGroup(of: String.self) { tasks in
                tasks.addTask { try await fixture.unary(TextMethods.hold, "held") }
                await fixture.texts.held.wait()
                await fixture.group.triggerGracefulShutdown()
                let watch: ResponseStream<Text> = try await fixture.connection.serverStream(
                    TextMethods.many,
                    Text("0"),
                    context: CallContext()
                )
                // Succeeds or fails; either way the connection is still open while the first call is.
                _ = try? await watch.pull()
                fixture.texts.release.fire()
                let answer = try await tasks.next()
                while try await fixture.fault(TextMethods.echo) == nil {}
                return (answer, try await fixture.fault(TextMethods.echo))
            }
        }
        #expect(answer == "held")
        #expect(next?.code == .unavailable)
        #expect(next?.isNotProcessed == true)
    }
}
