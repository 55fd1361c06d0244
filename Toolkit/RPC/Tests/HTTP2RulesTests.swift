import MartletCore
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletRPC

@Suite("HTTP/2 rules")
struct HTTP2RulesTests {
    let connection: EmbeddedConnection

    init() throws { connection = try EmbeddedConnection() }

    @Test("content-length with a sign resets the stream")
    func contentLength() throws {
        let frames = try connection.send(
            Wire.handshake + Wire.wholeCall(1, "Echo", with: [("content-length", "+5")])
                + Wire.wholeCall(3, "Echo", with: [("content-length", "5")])
        )
        let reset = frames.filter { $0.stream == 1 }
        #expect(reset.map(\.kind) == [3])
        #expect(reset.first?.payload == [0, 0, 0, 1])
        #expect(frames.filter { $0.stream == 3 }.map(\.kind) == [1, 0, 1])
    }

    @Test("several empty DATA frames are no attack")
    func emptyData() throws {
        let empty = Wire.frame(0, flags: 0, stream: 1, payload: [])
        let frames = try connection.send(
            Wire.handshake + Wire.call(1) + empty + empty + empty
                + Wire.frame(0, flags: 1, stream: 1, payload: [0, 0, 0, 0, 0])
        )
        #expect(frames.filter { $0.stream == 1 }.map(\.kind) == [1, 0, 1])
        #expect(connection.channel.isActive)
    }

    @Test("headers over the limit end the call, not the connection, also before the client has seen our SETTINGS")
    func longHeaders() throws {
        // Without an acknowledgement of our SETTINGS.
        let preface = Array(Wire.handshake.dropLast(9))
        let long =
            Wire.frame(1, flags: 0, stream: 1, payload: Wire.head)
            + Wire.frame(9, flags: 4, stream: 1, payload: Wire.longHeader(20_000))
        let frames = try connection.send(preface + long + Wire.wholeCall(3, "Echo"))
        let fault = try EmbeddedConnection.fault(of: 1, in: frames)
        #expect(fault?.code == .resourceExhausted)
        #expect(fault?.reason == .requestTooLarge)
        #expect(frames.filter { $0.stream == 3 }.map(\.kind) == [1, 0, 1])
        #expect(connection.channel.isActive)
    }

    @Test("the client's acknowledgement of our SETTINGS, early or late, is accepted; a second one is not")
    func acknowledgement() throws {
        let acknowledgement = Wire.frame(4, flags: 1, stream: 0, payload: [])
        let frames = try connection.send(
            Array(Wire.handshake.dropLast(9)) + Wire.wholeCall(1, "Echo") + acknowledgement + Wire.wholeCall(3, "Echo")
        )
        #expect(frames.filter { $0.stream == 1 }.map(\.kind) == [1, 0, 1])
        #expect(frames.filter { $0.stream == 3 }.map(\.kind) == [1, 0, 1])
        // The connection may be closed before its frames are read.
        _ = try? connection.send(acknowledgement)
        #expect(!connection.channel.isActive)
    }

    @Test("unknown frames are ignored, also when they never end at the end of a read")
    func unknownFrames() throws {
        let unknown = Wire.frame(0x20, flags: 0, stream: 0, payload: Array(repeating: 7, count: 16_000))
        var bytes = Wire.handshake + unknown.dropLast(3)
        for _ in 0..<20 {
            let frames = try connection.send(bytes)
            #expect(!frames.contains { $0.kind == 7 })
            bytes = Array(unknown.suffix(3)) + unknown.dropLast(3)
        }
        let frames = try connection.send(Array(unknown.suffix(3)) + Wire.wholeCall(1, "Echo"))
        #expect(frames.filter { $0.stream == 1 }.map(\.kind) == [1, 0, 1])
    }
}
