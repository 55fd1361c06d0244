import MartletCore
import MartletRPC
import MartletTesting
import NIOCore
import NIOPosix
import Testing

@Suite("Server with hostile clients", .timeLimit(.minutes(HangLimit.testMinutes)))
struct HostileClientSocketTests {
    @Test("random bytes do not disturb other connections", arguments: 1...30)
    func randomBytes(_ seed: Int) async throws {
        let answer = try await RPCFixture.with { fixture in
            var random = SeededRandom(seed: UInt64(seed))
            var bytes = seed % 3 == 0 ? random.bytes(500) : Wire.handshake
            for _ in 0..<20 where seed % 3 != 0 {
                // Frames with valid headers and random payloads.
                let payload = random.bytes(random.number(below: 40))
                let kind = UInt8(random.number(below: seed % 3 == 1 ? 10 : 2))
                let flags = UInt8(random.number(below: 64))
                bytes += Wire.frame(kind, flags: flags, stream: UInt8(random.number(below: 4)), payload: payload)
            }
            let channel = try await Self.connect(fixture)
            try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
            let answer = try await fixture.unary(TextMethods.echo, "still here")
            try? await channel.close().get()
            return answer
        }
        #expect(answer == "still here")
    }

    @Test("closes the connection of an HTTP/1.1 client")
    func plainHTTP() async throws {
        try await RPCFixture.with { fixture in
            let channel = try await Self.connect(fixture)
            try await channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\nhost: a\r\n\r\n")).get()
            try await channel.closeFuture.get()
        }
    }

    @Test("closes the connection of a client that violates HTTP/2", arguments: ProtocolViolation.all)
    func violation(_ violation: ProtocolViolation) async throws {
        var limits = RPCFixture.limits
        limits.callsPerConnectionMax = 10
        limits.controlFramesMax = 100
        limits.floodWindow = HangLimit.wait
        let answer = try await RPCFixture.with(limits: limits) { fixture in
            let channel = try await Self.connect(fixture)
            // The server may have closed before the last byte.
            try? await channel.writeAndFlush(ByteBuffer(bytes: Wire.handshake + violation.bytes)).get()
            try await channel.closeFuture.get()
            return try await fixture.unary(TextMethods.echo, "still here")
        }
        #expect(answer == "still here")
    }

    @Test("frames that cross many refusals are not a protocol violation")
    func crossing() async throws {
        let answered = try await RPCFixture.with { fixture in
            let channel = try await Self.connect(fixture)
            let answered = OneShotSignal()
            try await channel.pipeline.addHandler(StreamEndObserver(for: 201, ended: answered)).get()
            channel.closeFuture.whenComplete { _ in answered.fire() }
            var bytes = Wire.handshake
            // No content type: refused and reset immediately, while their messages are in flight.
            for number in 0..<100 {
                bytes += Wire.frame(1, flags: 4, stream: UInt8(number * 2 + 1), payload: [0x83, 0x86, 0x84])
            }
            for number in 0..<100 {
                bytes += Wire.frame(0, flags: 1, stream: UInt8(number * 2 + 1), payload: [0, 0, 0, 0, 0])
            }
            bytes += Wire.call(201) + Wire.frame(0, flags: 1, stream: 201, payload: [0, 0, 0, 0, 0])
            try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
            await answered.wait()
            let isActive = channel.isActive
            try? await channel.close().get()
            return isActive
        }
        #expect(answered)
    }

    private static func connect(_ fixture: RPCFixture) async throws -> any Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.nanoseconds(HangLimit.wait.nanosecondsClamped))
            .connect(to: SocketAddress(ipAddress: "127.0.0.1", port: fixture.port)).get()
    }
}
