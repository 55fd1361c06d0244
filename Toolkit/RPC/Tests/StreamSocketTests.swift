import MartletContract
import MartletCore
import MartletRPC
import MartletTesting
import ServiceLifecycle
import SwiftProtobuf
import Testing

@Suite("Server stream", .timeLimit(.minutes(HangLimit.testMinutes)))
struct StreamSocketTests {
    @Test("delivers all messages in order")
    func tenThousand() async throws {
        let numbers = try await RPCFixture.with { fixture in
            let answers: ResponseStream<Text> = try await fixture.connection.serverStream(
                TextMethods.many,
                Text("10000"),
                context: CallContext()
            )
            var numbers: [Int] = []
            for try await answer in answers { numbers.append(Int(answer.value) ?? -1) }
            return numbers
        }
        #expect(numbers == Array(0..<10_000))
    }

    @Test("an empty stream ends, and stays ended")
    func empty() async throws {
        let (first, second) = try await RPCFixture.with { fixture in
            let answers: ResponseStream<Text> = try await fixture.connection.serverStream(
                TextMethods.many,
                Text("0"),
                context: CallContext()
            )
            return (try await answers.pull(), try await answers.pull())
        }
        #expect(first == nil)
        #expect(second == nil)
    }

    @Test("backpressure: the handler is ahead of the reader by no more than windows and queues hold")
    func backpressure() async throws {
        let sent = try await RPCFixture.with { fixture in
            let answers: ResponseStream<Text> = try await fixture.connection.serverStream(
                TextMethods.flood,
                Text(),
                context: CallContext()
            )
            _ = try await answers.pull()
            for _ in 0..<100 { _ = try await fixture.unary(TextMethods.echo, "") }
            return fixture.texts.flood.count
        }
        #expect(sent < 200)
        #expect(sent < Texts.floodMessages)
    }

    @Test("a stream that its reader has released is cancelled on the server")
    func released() async throws {
        try await RPCFixture.with { fixture in
            do {
                let answers: ResponseStream<Text> = try await fixture.connection.serverStream(
                    TextMethods.flood,
                    Text(),
                    context: CallContext()
                )
                _ = try await answers.pull()
            }
            await fixture.texts.streamCancelled.wait()
            #expect(fixture.texts.flood.count < Texts.floodMessages)
        }
    }

    @Test("health watch: sends the status, then its changes until the shutdown")
    func health() async throws {
        try await RPCFixture.with { fixture in
            let check = MethodDescriptor(
                service: "grpc.health.v1.Health",
                name: "Check",
                idempotent: true,
                writes: false,
                users: .anybody,
                callers: [],
                http: []
            )
            let watch = MethodDescriptor(
                service: "grpc.health.v1.Health",
                name: "Watch",
                idempotent: true,
                writes: false,
                users: .anybody,
                callers: [],
                http: []
            )
            // The request's first field is a text, as in `Text`; the response's is a number, unknown to `Text`.
            let unknown = try await fixture.fault(check, "unknown")
            #expect(unknown?.code == .notFound)
            let statuses: ResponseStream<Text> = try await fixture.connection.serverStream(
                watch,
                Text(TextMethods.service),
                context: CallContext()
            )
            let first = try await statuses.pull()
            fixture.server.health.set(TextMethods.service, serving: false)
            let second = try await statuses.pull()
            fixture.server.health.set(TextMethods.service, serving: true)
            let third = try await statuses.pull()
            #expect([first, second, third].map { $0?.unknownFields.data.last } == [1, 2, 1])
            await fixture.group.triggerGracefulShutdown()
            let last = try await statuses.pull()
            #expect(last?.unknownFields.data.last == 2)
            let end = try await statuses.pull()
            #expect(end == nil)
        }
    }
}
