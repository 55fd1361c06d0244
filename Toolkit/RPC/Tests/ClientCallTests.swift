import MartletCore
import NIOCore
import NIOHPACK
import NIOHTTP2
import Testing

@testable import MartletRPC

@Suite("Client call")
struct ClientCallTests {
    var call = ClientCall(messageBytesMax: 10)
    let head: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
    let message = ByteBuffer(bytes: [0, 0, 0, 0, 1, 7])

    @Test("is sent, receives messages, and ends with the trailers")
    mutating func lifecycle() throws {
        let sent = call.send()
        _ = call.received(head, endStream: false)
        _ = call.received(message, endStream: false)
        let answer = try call.next()
        let none = try call.next()
        let end = call.received(["grpc-status": "0"], endStream: true)
        #expect(sent)
        #expect(answer.map { Array($0.readableBytesView) } == [7])
        #expect(none == nil)
        #expect(Self.code(end) == .some(nil))
        #expect(call.state == .over)
    }

    @Test("is not sent after the caller has cancelled")
    mutating func givenUp() {
        _ = call.giveUp(.deadlineExceeded)
        let sent = call.send()
        #expect(sent == false)
    }

    @Test("ends with a trailers-only response")
    mutating func trailersOnly() {
        _ = call.send()
        let end = call.received([":status": "200", "grpc-status": "7"], endStream: true)
        #expect(Self.code(end) == .permissionDenied)
    }

    @Test("a head without a status, and one that the protocol does not allow, end the call with a fault")
    mutating func invalidHeads() {
        _ = call.send()
        for head: HPACKHeaders in [["Content-Type": "application/grpc"], [":path": "/"], [":status": "2OO"], [:]] {
            for endStream in [false, true] {
                var other = call
                let end = other.received(head, endStream: endStream)
                #expect(Self.code(end) != .some(nil) && other.state == .over)
            }
        }
    }

    @Test("ends with a fault when the peer violates the protocol")
    mutating func broken() throws {
        _ = call.send()
        var early = call
        var twice = call
        var truncated = call
        var unfinished = call
        var proxy = call
        let earlyEnd = early.received(message, endStream: false)
        _ = twice.received(head, endStream: false)
        let twiceEnd = twice.received(head, endStream: false)
        _ = truncated.received(head, endStream: false)
        _ = truncated.received(ByteBuffer(bytes: [0, 0]), endStream: false)
        let truncatedMessage = try truncated.next()
        let truncatedEnd = truncated.received(["grpc-status": "0"], endStream: true)
        _ = unfinished.received(head, endStream: false)
        let unfinishedEnd = unfinished.endedWithoutTrailers()
        let proxyEnd = proxy.received([":status": "502"], endStream: false)
        #expect(truncatedMessage == nil)
        let ends = [earlyEnd, twiceEnd, truncatedEnd, unfinishedEnd]
        #expect(ends.map(Self.code) == Array(repeating: .internal, count: 4))
        #expect(Self.code(proxyEnd) == .unavailable)
    }

    @Test(
        "RST_STREAM: the error code decides the fault and whether the call was processed",
        arguments: [
            (HTTP2ErrorCode.refusedStream, FaultCode.unavailable, true), (.cancel, .cancelled, false),
            (.enhanceYourCalm, .unavailable, false), (.internalError, .internal, false),
        ]
    )
    mutating func reset(code: HTTP2ErrorCode, expected: FaultCode, notProcessed: Bool) {
        _ = call.send()
        guard case .end(.some(let fault)) = call.reset(code) else { return #expect(Bool(false)) }
        #expect(fault.code == expected)
        #expect(fault.isNotProcessed == notProcessed)
        #expect(fault.code.outcome == .unknown)
    }

    @Test("lost connection: the call was not processed only if it was not sent")
    mutating func disconnection() {
        var sent = call
        _ = sent.send()
        guard case .end(.some(let before)) = call.disconnected(), case .end(.some(let after)) = sent.disconnected()
        else { return #expect(Bool(false)) }
        #expect(before.isNotProcessed)
        #expect(after.code == .unavailable)
        #expect(after.isNotProcessed == false)
    }

    /// The code of an end; `.some(nil)` for success, `nil` when the call has not ended.
    private static func code(_ step: ClientCall.Step) -> FaultCode?? {
        guard case .end(let fault) = step else { return nil }
        return .some(fault?.code)
    }
}
