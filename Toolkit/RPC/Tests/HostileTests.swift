import MartletCore
import MartletRPC
import NIOCore
import NIOPosix
import Testing

@Suite("A server among hostile peers", .timeLimit(.minutes(2)))
struct HostileTests {
    @Test("goes on answering others beside noise", arguments: 1...30)
    func noise(_ seed: Int) async throws {
        let answer = try await Bench.with { bench in
            var chance = Chance(seed: UInt64(seed))
            var bytes = seed % 3 == 0 ? chance.bytes(500) : Wire.hello
            for _ in 0..<20 where seed % 3 != 0 {
                // Frames whose outside is whole and whose inside is noise.
                let payload = chance.bytes(chance.number(below: 40))
                let kind = UInt8(chance.number(below: seed % 3 == 1 ? 10 : 2))
                let flags = UInt8(chance.number(below: 64))
                bytes += Wire.frame(kind, flags, stream: UInt8(chance.number(below: 4)), payload)
            }
            let channel = try await Self.connect(bench)
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
            let channel = try await Self.connect(bench)
            try await channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\nhost: a\r\n\r\n")).get()
            try await channel.closeFuture.get()
        }
    }

    @Test("closes the connection of a peer that breaks the rules of HTTP/2", arguments: Breach.all)
    func breach(_ breach: Breach) async throws {
        var limits = Bench.limits
        limits.callsPerConnectionMax = 10
        limits.controlFramesMax = 100
        limits.floodWindow = .seconds(100)
        let answer = try await Bench.with(limits: limits) { bench in
            let channel = try await Self.connect(bench)
            // The server may have closed before the last byte.
            try? await channel.writeAndFlush(ByteBuffer(bytes: Wire.hello + breach.bytes)).get()
            try await channel.closeFuture.get()
            return try await bench.unary(TextMethods.echo, "still here")
        }
        #expect(answer == "still here")
    }

    @Test("goes on answering a peer whose words cross with many refusals")
    func crossing() async throws {
        let answered = try await Bench.with { bench in
            let channel = try await Self.connect(bench)
            let answered = Signal()
            try await channel.pipeline.addHandler(Ear(for: 201, heard: answered)).get()
            channel.closeFuture.whenComplete { _ in answered.fire() }
            var bytes = Wire.hello
            // No content type: refused and reset at once, while their messages are under way.
            for number in 0..<100 { bytes += Wire.frame(1, 4, stream: UInt8(number * 2 + 1), [0x83, 0x86, 0x84]) }
            for number in 0..<100 { bytes += Wire.frame(0, 1, stream: UInt8(number * 2 + 1), [0, 0, 0, 0, 0]) }
            bytes += Wire.call(201) + Wire.frame(0, 1, stream: 201, [0, 0, 0, 0, 0])
            try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
            await answered.wait()
            let isActive = channel.isActive
            try? await channel.close().get()
            return isActive
        }
        #expect(answered)
    }

    private static func connect(_ bench: Bench) async throws -> any Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(100))
            .connect(to: SocketAddress(ipAddress: "127.0.0.1", port: bench.port)).get()
    }
}
