import MartletContract
import MartletCore
import MartletRPC
import Testing

@Suite("A call over a real socket")
struct LoopbackTests {
    @Test("brings the answer")
    func echo() async throws {
        let answer: Text = try await withServer { bench in
            try await bench.connection.unary(TextMethods.echo, Text("hello"), CallContext())
        }
        #expect(answer.value == "hello")
    }
}
