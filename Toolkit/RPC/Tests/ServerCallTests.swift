import MartletContract
import MartletCore
import NIOCore
import NIOHPACK
import Testing

@testable import MartletRPC

@Suite("Server call")
struct ServerCallTests {
    static let headerBytesMax = 1_000

    var call = Self.newCall()
    let hello = ByteBuffer(bytes: [0, 0, 0, 0, 4, 0x0A, 2, 0x68, 0x69])

    private static func newCall() -> ServerCall {
        ServerCall(table: MethodTable([.texts(Texts())]), headerBytesMax: headerBytesMax, messageBytesMax: 100)
    }

    private static func admit(_ method: ServedMethod, _ head: RequestHead) throws(Fault) -> ServerCall.Admission {
        .admitted(.anonymous)
    }

    static func head(_ changes: [String: String] = [:]) -> HPACKHeaders {
        let usual = [
            (":method", "POST"), (":scheme", "http"), (":path", "/martlet.test.Texts/Echo"), (":authority", "a"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        ]
        var headers = HPACKHeaders(usual.map { ($0.0, changes[$0.0] ?? $0.1) })
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) where !usual.contains(where: { $0.0 == name }) {
            headers.add(name: name, value: value)
        }
        return headers
    }

    @Test("starts the deadline, runs the handler at the message's end, sends response headers first, and ends once")
    mutating func lifecycle() {
        let first = call.received(Self.head(["grpc-timeout": "3S"]), endStream: false, admit: Self.admit)
        guard case .startDeadline(.some(.seconds(3))) = first else { return #expect(Bool(false), "\(first)") }
        let part = call.received(hello.getSlice(at: 0, length: 6) ?? ByteBuffer(), endStream: false) { _ in true }
        guard case .wait = part else { return #expect(Bool(false), "\(part)") }
        let whole = call.received(hello.getSlice(at: 6, length: 3) ?? ByteBuffer(), endStream: true) { _ in true }
        guard case .start(let request) = whole else { return #expect(Bool(false), "\(whole)") }
        #expect(request.method.descriptor.name == "Echo")
        #expect(request.message.readableBytes == 4)
        let sends = [call.send(), call.send()]
        #expect(sends == [true, false])
        let end = call.end(nil)
        #expect(end?.trailers == ["grpc-status": "0"])
        #expect(end?.resets == false)
        let again = call.end(.deadlineExceeded)
        #expect(again?.trailers == nil)
        let late = call.send()
        #expect(late == nil)
    }

    @Test(
        "invalid headers are refused with an HTTP status and a code",
        arguments: [
            (["content-type": "application/json"], "415", FaultCode.invalidArgument),
            (["content-type": "application/grpcx"], "415", .invalidArgument),
            ([":method": "GET"], "405", .invalidArgument),
            ([":path": "/martlet.test.Texts/None"], "200", .unimplemented),
            ([":path": ""], "200", .unimplemented),
            (["grpc-encoding": "gzip"], "200", .unimplemented),
            (["grpc-timeout": "soon"], "200", .invalidArgument),
            (["x-long": String(repeating: "a", count: ServerCallTests.headerBytesMax)], "431", .resourceExhausted),
        ]
    )
    mutating func refusals(changes: [String: String], status: String, code: FaultCode) {
        let step = call.received(Self.head(changes), endStream: false, admit: Self.admit)
        guard case .end(let end) = step else { return #expect(Bool(false), "\(step)") }
        #expect(end.trailers.first(name: ":status") == status)
        #expect(Status.read(end.trailers)?.code == code)
        #expect(end.resets)
    }

    @Test(
        "a request that is not exactly one whole message is refused",
        arguments: [[], [0], [0, 0, 0, 0, 4, 1], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] as [[UInt8]]
    )
    mutating func cardinality(_ bytes: [UInt8]) {
        _ = call.received(Self.head(), endStream: false, admit: Self.admit)
        let step = call.received(ByteBuffer(bytes: bytes), endStream: true) { _ in true }
        guard case .end(let end) = step else { return #expect(Bool(false), "\(step)") }
        #expect(Status.read(end.trailers)?.code == .unimplemented)
        #expect(end.resets == false)
    }

    @Test("a message above the limit is refused before its body has arrived")
    mutating func tooLong() {
        _ = call.received(Self.head(), endStream: false, admit: Self.admit)
        let step = call.received(ByteBuffer(bytes: [0, 0, 0, 0, 101]), endStream: false) { _ in true }
        guard case .end(let end) = step else { return #expect(Bool(false), "\(step)") }
        #expect(Status.read(end.trailers)?.code == .resourceExhausted)
        #expect(end.resets)
        let more = call.received(hello, endStream: true) { _ in true }
        guard case .wait = more else { return #expect(Bool(false), "\(more)") }
    }

    @Test("bytes after the message are refused before the stream ends", arguments: [9, 8])
    mutating func trailingBytes(_ split: Int) {
        var bytes = hello
        bytes.writeBytes([0])
        _ = call.received(Self.head(), endStream: false, admit: Self.admit)
        let first = call.received(bytes.getSlice(at: 0, length: split) ?? ByteBuffer(), endStream: false) { _ in true }
        guard case .wait = first else { return #expect(Bool(false), "\(first)") }
        let rest = call.received(bytes.getSlice(at: split, length: 10 - split) ?? ByteBuffer(), endStream: false) { _ in
            true
        }
        guard case .end(let end) = rest else { return #expect(Bool(false), "\(rest)") }
        #expect(Status.read(end.trailers)?.code == .unimplemented)
        #expect(end.resets)
    }

    @Test("a client has one whole interval to send its request and one to read the response; a running handler has all")
    mutating func intervals() {
        var silent = call
        let early = [silent.intervalOver(), silent.intervalOver()]
        #expect(early == [.wait, .endCall])

        _ = call.received(Self.head(), endStream: false, admit: Self.admit)
        var half = call
        let unsent = [half.intervalOver(), half.intervalOver()]
        #expect(unsent == [.wait, .endCall])

        let first = call.intervalOver()
        _ = call.received(hello, endStream: true) { _ in true }
        let running = [first, call.intervalOver(), call.intervalOver(), call.intervalOver()]
        #expect(running == [.wait, .wait, .wait, .wait])

        _ = call.end(nil)
        let unread = [call.intervalOver(), call.intervalOver()]
        #expect(unread == [.wait, .closeStream])
    }

    @Test("a lost call cancels its handler only while the handler runs")
    mutating func loss() {
        let early = call.lost()
        call = Self.newCall()
        _ = call.received(Self.head(), endStream: false, admit: Self.admit)
        _ = call.received(hello, endStream: true) { _ in true }
        let running = call.lost()
        let twice = call.lost()
        #expect([early, running, twice] == [false, true, false])
    }

    @Test("random input never traps", arguments: 1...200)
    mutating func randomInput(_ seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        let names = [
            ":path", ":method", "content-type", "grpc-timeout", "grpc-encoding", "traceparent", "x", "grpc-x", "",
        ]
        for _ in 0..<20 {
            switch random.number(below: 6) {
            case 0: _ = call.received(Self.head(), endStream: random.number(below: 5) == 0, admit: Self.admit)
            case 1:
                var headers = HPACKHeaders()
                for _ in 0..<random.number(below: 6) {
                    let value = String(decoding: random.bytes(random.number(below: 12)), as: UTF8.self)
                    headers.add(name: names[random.number(below: names.count)], value: value)
                }
                _ = call.received(headers, endStream: random.number(below: 5) == 0, admit: Self.admit)
            case 2: _ = call.send()
            case 3 where random.number(below: 5) == 0:
                _ = call.end(random.number(below: 2) == 0 ? nil : .deadlineExceeded)
            case 4 where random.number(below: 5) == 0: _ = call.lost()
            default:
                let bytes = random.number(below: 2) == 0 ? hello : ByteBuffer(bytes: random.bytes(9))
                _ = call.received(bytes, endStream: random.number(below: 3) == 0) { _ in true }
            }
        }
        _ = call.lost()
        #expect(call.isOver)
    }
}
