import MartletCore
import NIOCore
import NIOPosix
import Testing

@Suite("A server among hostile peers", .timeLimit(.minutes(2)))
struct HostileTests {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    @Test("closes what is not HTTP/2 and goes on answering others", arguments: 1...30)
    func noise(_ seed: Int) async throws {
        let answer = try await Bench.with { bench in
            var chance = Chance(seed: UInt64(seed))
            var bytes = seed % 3 == 0 ? chance.bytes(500) : Self.preface + [0, 0, 0, 4, 0, 0, 0, 0, 0]
            for _ in 0..<20 where seed % 3 != 0 {
                // Frames whose outside is whole and whose inside is noise.
                let payload = chance.bytes(chance.number(below: 40))
                let kind = UInt8(chance.number(below: seed % 3 == 1 ? 10 : 2))
                let stream = UInt8(chance.number(below: 4))
                bytes += [0, 0, UInt8(payload.count), kind, UInt8(chance.number(below: 64)), 0, 0, 0, stream] + payload
            }
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: bench.port).get()
            try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
            let answer = try await bench.unary(TextMethods.echo, "still here")
            try? await channel.close().get()
            return answer
        }
        #expect(answer == "still here")
    }

    @Test("does not wait for a peer that speaks HTTP/1.1")
    func plainHTTP() async throws {
        try await Bench.with { bench in
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: bench.port).get()
            try await channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\nhost: a\r\n\r\n")).get()
            try await channel.closeFuture.get()
        }
    }
}
