import MartletContract
import MartletCore
import MartletRPC
import ServiceLifecycle
import SwiftProtobuf
import Testing

@Suite("A stream of answers", .timeLimit(.minutes(2)))
struct StreamTests {
    @Test("comes whole and in order")
    func tenThousand() async throws {
        let numbers = try await Bench.with { bench in
            let answers: ResponseStream<Text> = try await bench.connection.serverStream(
                TextMethods.many,
                Text("10000"),
                CallContext()
            )
            var numbers: [Int] = []
            for try await answer in answers { numbers.append(Int(answer.value) ?? -1) }
            return numbers
        }
        #expect(numbers == Array(0..<10_000))
    }

    @Test("may be empty, and stays ended")
    func empty() async throws {
        let (first, second) = try await Bench.with { bench in
            let answers: ResponseStream<Text> = try await bench.connection.serverStream(
                TextMethods.many,
                Text("0"),
                CallContext()
            )
            return (try await answers.pull(), try await answers.pull())
        }
        #expect(first == nil)
        #expect(second == nil)
    }

    @Test("is not ahead of its reader by more than windows and queues hold")
    func backpressure() async throws {
        let taken = try await Bench.with { bench in
            let answers: ResponseStream<Text> = try await bench.connection.serverStream(
                TextMethods.flood,
                Text(),
                CallContext()
            )
            _ = try await answers.pull()
            for _ in 0..<100 { _ = try await bench.unary(TextMethods.echo, "") }
            return bench.texts.flood.taken
        }
        #expect(taken < 200)
        #expect(taken < Texts.floodMessages)
    }

    @Test("that nobody reads any more is let go by the server")
    func forgotten() async throws {
        try await Bench.with { bench in
            do {
                let answers: ResponseStream<Text> = try await bench.connection.serverStream(
                    TextMethods.flood,
                    Text(),
                    CallContext()
                )
                _ = try await answers.pull()
            }
            await bench.texts.streamCancelled.wait()
            #expect(bench.texts.flood.taken < Texts.floodMessages)
        }
    }

    @Test("of health begins with the status and goes on with its changes until the shutdown")
    func health() async throws {
        try await Bench.with { bench in
            let check = MethodDescriptor(
                service: "grpc.health.v1.Health",
                name: "Check",
                idempotent: true,
                writes: false,
                scope: "",
                http: []
            )
            let watch = MethodDescriptor(
                service: "grpc.health.v1.Health",
                name: "Watch",
                idempotent: true,
                writes: false,
                scope: "",
                http: []
            )
            // The request's first field is a text, as in `Text`; the response's is a number, which `Text` keeps unread.
            let unknown = try await bench.fault(check, "nobody")
            #expect(unknown?.code == .notFound)
            let statuses: ResponseStream<Text> = try await bench.connection.serverStream(
                watch,
                Text(TextMethods.service),
                CallContext()
            )
            let first = try await statuses.pull()
            bench.server.health.set(TextMethods.service, serving: false)
            let second = try await statuses.pull()
            bench.server.health.set(TextMethods.service, serving: true)
            let third = try await statuses.pull()
            #expect([first, second, third].map { $0?.unknownFields.data.last } == [1, 2, 1])
            await bench.group.triggerGracefulShutdown()
            let last = try await statuses.pull()
            #expect(last?.unknownFields.data.last == 2)
            let end = try await statuses.pull()
            #expect(end == nil)
        }
    }
}
