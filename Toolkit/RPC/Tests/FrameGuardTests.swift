import MartletCore
import NIOCore
import Testing

@testable import MartletRPC

@Suite("Frame guard")
struct FrameGuardTests {
    static let limits = FrameGuard.Limits(
        controlBytesMax: 100,
        controlFramesMax: 3,
        window: .seconds(10),
        acknowledgesEarly: true
    )
    static let acknowledgement = Wire.frame(4, flags: 1, stream: 0, payload: [])
    static let preface = Array(Wire.handshake.prefix(24))
    static let settings = Wire.frame(4, flags: 0, stream: 0, payload: [])

    var frames = FrameGuard(.client, limits: Self.limits)
    let start = Moment(nanoseconds: 0)

    private static func bytes(_ received: FrameGuard.Received) -> [UInt8] {
        received.parts.flatMap { Array($0.readableBytesView) }
    }

    private mutating func send(_ bytes: [UInt8], after seconds: Int = 0) -> FrameGuard.Received {
        frames.receive(ByteBuffer(bytes: bytes), at: start + .seconds(seconds))
    }

    @Test(
        "forwards the preface and whole frames one by one, however reads cut them",
        arguments: [1, 2, 5, 9, 23, 24, 500]
    )
    func whole(_ size: Int) {
        let call = Wire.call(1)
        let data = Wire.frame(0, flags: 1, stream: 1, payload: Array(0..<200))
        let bytes = Self.preface + Self.settings + Self.acknowledgement + call + data
        var frames = FrameGuard(.server, limits: Self.limits)
        var parts: [[UInt8]] = []
        for first in stride(from: 0, to: bytes.count, by: size) {
            let read = ByteBuffer(bytes: bytes[first..<min(first + size, bytes.count)])
            parts += frames.receive(read, at: start).parts.map { Array($0.readableBytesView) }
            #expect(frames.pendingBytes < 9 + 200)
        }
        // The acknowledgement follows the client's SETTINGS immediately, and its own is dropped.
        #expect(parts == [Self.preface, Self.settings, Self.acknowledgement, call, data])
        #expect(frames.pendingBytes == 0)
    }

    @Test("without an early acknowledgement the peer's own is forwarded")
    mutating func late() {
        var limits = Self.limits
        limits.acknowledgesEarly = false
        frames = FrameGuard(.client, limits: limits)
        let received = send(Self.settings + Self.acknowledgement)
        #expect(Self.bytes(received) == Self.settings + Self.acknowledgement)
    }

    @Test("keeps nothing of an unknown frame, and forwards nothing")
    mutating func unknown() {
        let frame = Wire.frame(0x20, flags: 0, stream: 0, payload: Array(repeating: 7, count: 16_384))
        var kept = 0
        for first in stride(from: 0, to: frame.count, by: 1_000) {
            let received = send(Array(frame[first..<min(first + 1_000, frame.count)]))
            #expect(received.parts.isEmpty && received.refusal == nil)
            kept = max(kept, frames.pendingBytes)
        }
        #expect(kept < FrameHead.bytes)
        let next = send(Wire.call(1))
        #expect(Self.bytes(next) == Wire.call(1))
    }

    @Test("a read that ends in the middle of a frame leaves less than that frame, again and again")
    mutating func incompleteFrames() {
        frames = FrameGuard(
            .client,
            limits: FrameGuard.Limits(
                controlBytesMax: 100,
                controlFramesMax: 10_000,
                window: .seconds(10),
                acknowledgesEarly: false
            )
        )
        let frame = Wire.frame(7, flags: 0, stream: 0, payload: Array(repeating: 0, count: 100))
        var forwarded = send(Array(frame.dropLast())).parts.count
        for _ in 0..<1_000 {
            forwarded += send([0] + frame.dropLast()).parts.count
            #expect(frames.pendingBytes == frame.count - 1)
        }
        #expect(forwarded == 1_000)
    }

    @Test(
        "control frames, unknown, GOAWAY and empty ones included, are counted in a window",
        arguments: [0, 2, 4, 6, 7, 0x0A, 0x0C, 0x20] as [UInt8]
    )
    mutating func counted(_ kind: UInt8) {
        let frame = Wire.frame(kind, flags: 0, stream: kind == 0 ? 1 : 0, payload: [])
        let refusals = (0..<4).map { _ in send(frame).refusal }
        #expect(refusals == [nil, nil, nil, .tooManyControlFrames])
        let late = send(Wire.call(1))
        #expect(late.parts.isEmpty && late.refusal == nil)

        frames = FrameGuard(.client, limits: Self.limits)
        let spread = (0..<8).map { send(frame, after: $0 * 4).refusal }
        #expect(spread.allSatisfy { $0 == nil })
    }

    @Test("frames of calls are not counted", arguments: [1, 3, 8] as [UInt8])
    mutating func uncounted(_ kind: UInt8) {
        let frame = Wire.frame(kind, flags: 4, stream: 1, payload: [0, 0, 0, 1])
        for _ in 0..<10 {
            let received = send(frame)
            #expect(Self.bytes(received) == frame)
        }
    }

    @Test("a long control frame is refused by its head", arguments: [2, 4, 6, 7, 0x0A, 0x0C] as [UInt8])
    mutating func long(_ kind: UInt8) {
        let passes = send(Wire.frame(kind, flags: 0, stream: 0, payload: Array(repeating: 0, count: 100)))
        let refused = send(
            Array(Wire.frame(kind, flags: 0, stream: 0, payload: Array(repeating: 0, count: 101)).prefix(9))
        )
        #expect(passes.refusal == nil)
        #expect(refused.refusal == .controlFrameTooLong)
        #expect(frames.pendingBytes == 0)
    }

    @Test("of a frame above the limit only the head is forwarded, at which the parser fails")
    mutating func tooLarge() {
        let head: [UInt8] = [0, 0x40, 1, 0, 0, 0, 0, 0, 1]
        let received = send(head + [1, 2, 3])
        let more = send([4, 5, 6])
        #expect(Self.bytes(received) == head)
        #expect(more.parts.isEmpty)
        #expect(frames.pendingBytes == 0)
    }

    @Test("another frame within a block of headers reaches the parser, which fails")
    mutating func block() {
        let open = Wire.frame(1, flags: 0, stream: 1, payload: Wire.head)
        let rest = Wire.frame(9, flags: 4, stream: 1, payload: [0x83])
        let whole = send(open + rest + Self.settings)
        #expect(Self.bytes(whole) == open + rest + Self.settings)
        let broken = send(open + Wire.frame(0x20, flags: 0, stream: 1, payload: [1, 2]))
        #expect(Self.bytes(broken) == open + Wire.frame(0x20, flags: 0, stream: 1, payload: [1, 2]).prefix(9))
    }

    @Test("after its end everything is dropped")
    mutating func ended() {
        _ = send(Array(Wire.call(1).dropLast()))
        frames.end()
        let late = send(Wire.call(3))
        #expect(late.parts.isEmpty)
        #expect(frames.pendingBytes == 0)
    }
}
