import MartletContract
import MartletCore
import MartletTesting
import ServiceLifecycle
import Testing

@testable import MartletRPC

@Suite(
    "Interoperability with grpcio",
    .enabled(if: Program.hasGRPC),
    .serialized,
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct InteropSocketTests {
    @Test("grpcio client, our server: all kinds of calls")
    func server() async throws {
        let result = try await RPCFixture.with { fixture in
            let python = try Program.python(["client", "\(fixture.port)"])
            return await python.line()
        }
        #expect(result == "good")
    }

    @Test("grpcio client, our server drains: the open call succeeds, the next one is unavailable")
    func drain() async throws {
        let result = try await RPCFixture.with { fixture in
            let python = try Program.python(["drained", "\(fixture.port)"])
            await fixture.texts.held.wait()
            await fixture.group.triggerGracefulShutdown()
            // No call is accepted any more: the drain has begun.
            while try await fixture.fault(TextMethods.echo) == nil {}
            fixture.texts.release.fire()
            return await python.line()
        }
        #expect(result == "good")
    }

    @Test("our client, grpcio server: responses, refusals, deadlines, streams, sizes, concurrency")
    func client() async throws {
        let python = try Program.python(["server"])
        let port = try #require(await python.line().flatMap { Int($0) })
        let connection = RPCFixture.connect(to: port, token: "secret")
        defer { python.finish() }

        #expect(try await text(TextMethods.echo, "hello", over: connection) == "hello")

        let sent = Texts.refusal
        let details = StatusDetails.encode(sent, message: sent.message).hexadecimal
        let refused = try #require(await fault(TextMethods.refuse, details, over: connection))
        #expect(refused.code == .failedPrecondition)
        #expect(refused.reason == sent.reason)
        #expect(refused.message == sent.message)
        #expect(refused.violations == sent.violations)
        #expect(refused.retryAfter == sent.retryAfter)

        var time = Duration.milliseconds(40)
        var late: Fault?
        repeat {
            late = await fault(
                TextMethods.slow,
                "",
                over: connection,
                context: CallContext(deadline: SystemTime().now + time)
            )
            time = time * 2
        } while try await text(TextMethods.begun, "", over: connection) == "no"
        #expect(late?.code == .deadlineExceeded)
        #expect(try await text(TextMethods.awaitCancelled, "", over: connection) == "cancelled")

        let unserved = await fault(TextMethods.unserved, "", over: connection)
        #expect(unserved?.code == .unimplemented)
        let long = try await text(TextMethods.echo, String(repeating: "x", count: 1_048_576), over: connection)
        #expect(long.utf8.count == 1_048_576)
        let tooLong = await fault(TextMethods.echo, String(repeating: "x", count: 3_000_000), over: connection)
        #expect(tooLong?.code == .resourceExhausted)

        let answers: ResponseStream<Text> = try await connection.serverStream(
            TextMethods.many,
            Text("10000"),
            context: CallContext()
        )
        var numbers: [Int] = []
        for try await answer in answers { numbers.append(Int(answer.value) ?? -1) }
        #expect(numbers == Array(0..<10_000))

        let sum = try await withThrowingTaskGroup(of: Int.self) { tasks in
            for number in 0..<500 {
                tasks.addTask { Int(try await text(TextMethods.echo, "\(number)", over: connection)) ?? -1 }
            }
            return try await tasks.reduce(0, +)
        }
        #expect(sum == 499 * 250)
        await connection.close()
    }

    @Test("our client, grpcio server: deadline, principal, idempotency key, trace and metadata arrive")
    func context() async throws {
        let python = try Program.python(["server"])
        let port = try #require(await python.line().flatMap { Int($0) })
        let connection = RPCFixture.connect(to: port, limits: RPCFixture.clientLimits, token: "secret")
        defer { python.finish() }
        let context = CallContext(
            deadline: SystemTime().now + HangLimit.wait,
            principal: Principal(service: "parcels", for: .user("c7")),
            idempotencyKey: "k1",
            trace: TraceContext(traceID: "0af7651916cd43dd8448eb211c80319c", spanID: "b7ad6b7169203331", sampled: true),
            metadata: ["x-colour": "green", "x-raw-bin": "AAE"]
        )
        let about = try await text(TextMethods.about, "", over: connection, context: context)
        #expect(
            about
                == "k1|user c7|green|0001|00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01|Bearer secret|deadline"
        )
        await connection.close()
    }

    @Test("our client, grpcio server sends GOAWAY: the open call succeeds, the next one is not processed")
    func goAway() async throws {
        let python = try Program.python(["server"])
        let port = try #require(await python.line().flatMap { Int($0) })
        let connection = RPCFixture.connect(to: port)
        defer { python.finish() }
        let answers: ResponseStream<Text> = try await connection.serverStream(
            TextMethods.many,
            Text("10000"),
            context: CallContext()
        )
        let first = try await answers.pull()
        python.send("stop")
        var count = 1
        while try await answers.pull() != nil { count += 1 }
        #expect(first?.value == "0")
        #expect(count == 10_000)
        #expect(await python.line() == "stopped")
        let next = try #require(await fault(TextMethods.echo, "", over: connection))
        #expect(next.code == .unavailable)
        #expect(next.isNotProcessed)
        await connection.close()
    }

    private func text(
        _ method: MethodDescriptor,
        _ value: String,
        over connection: RPCConnection,
        context: CallContext = CallContext()
    ) async throws -> String {
        let answer: Text = try await connection.unary(method, Text(value), context: context)
        return answer.value
    }

    private func fault(
        _ method: MethodDescriptor,
        _ value: String,
        over connection: RPCConnection,
        context: CallContext = CallContext()
    ) async -> Fault? {
        do {
            _ = try await text(method, value, over: connection, context: context)
            return nil
        } catch {
            return Fault(describing: error)
        }
    }
}
