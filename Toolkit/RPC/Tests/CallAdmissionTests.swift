import MartletContract
import MartletCore
import NIOCore
import NIOHPACK
import Testing

@testable import MartletRPC

@Suite("Admission of a call")
struct CallAdmissionTests {
    var call = ServerCall(table: MethodTable([.texts(Texts())]), headerBytesMax: 1_000, messageBytesMax: 100)
    /// A prefix that announces ten bytes, and the first of them.
    let beginning = ByteBuffer(bytes: [0, 0, 0, 0, 10, 1])

    private static func head(_ more: [(String, String)]) -> HPACKHeaders {
        var headers = ServerCallTests.head()
        for (name, value) in more { headers.add(name: name, value: value) }
        return headers
    }

    private static func accept(_ method: ServedMethod, _ head: RequestHead) throws(Fault) -> ServerCall.Admission {
        .admitted(.anonymous)
    }

    private static func verify(_ method: ServedMethod, _ head: RequestHead) throws(Fault) -> ServerCall.Admission {
        .pending
    }

    private static func refuse(_ method: ServedMethod, _ head: RequestHead) throws(Fault) -> ServerCall.Admission {
        throw Fault(.unauthenticated, .unauthenticated, "no token")
    }

    @Test("a call that is not admitted ends at its headers, and nothing of its message is kept")
    mutating func refused() {
        let step = call.received(Self.head([]), endStream: false, admit: Self.refuse)
        guard case .end(let end) = step else { return #expect(Bool(false), "\(step)") }
        #expect(Status.read(end.trailers)?.code == .unauthenticated)
        #expect(end.resets)
        var asked: [Int] = []
        let late = call.received(beginning, endStream: false) { bytes in
            asked.append(bytes)
            return true
        }
        guard case .wait = late else { return #expect(Bool(false), "\(late)") }
        #expect(asked.isEmpty)
    }

    @Test(
        "a call whose token is verified starts when its message has arrived and the token was accepted",
        arguments: [true, false]
    )
    mutating func verified(isWholeFirst: Bool) {
        let message = ByteBuffer(bytes: [0, 0, 0, 0, 1, 0])
        let first = call.received(Self.head([("grpc-timeout", "3S")]), endStream: false, admit: Self.verify)
        guard case .startDeadline(.some(.seconds(3))) = first else { return #expect(Bool(false), "\(first)") }
        var steps: [ServerCall.Step] = []
        if isWholeFirst { steps.append(call.received(message, endStream: true) { _ in true }) }
        steps.append(call.verified { (_, _) throws(Fault) in .anonymous })
        if !isWholeFirst { steps.append(call.received(message, endStream: true) { _ in true }) }
        guard case .wait = steps[0], case .start(let request) = steps[1] else {
            return #expect(Bool(false), "\(steps)")
        }
        #expect(request.principal == .anonymous)
        #expect(call.isRunning)
    }

    @Test("a call whose token is refused ends, and so does one whose end comes first, which nothing decides any more")
    mutating func refusedLater() {
        let whole = ByteBuffer(bytes: [0, 0, 0, 0, 1, 0])
        _ = call.received(Self.head([]), endStream: false, admit: Self.verify)
        _ = call.received(whole, endStream: true) { _ in true }
        var ended = call
        let step = call.verified { (_, _) throws(Fault) in throw Fault(.unauthenticated, .unauthenticated, "no") }
        guard case .end(let end) = step else { return #expect(Bool(false), "\(step)") }
        #expect(Status.read(end.trailers)?.code == .unauthenticated)
        let fault = ended.end(.deadlineExceeded).flatMap { Status.read($0.trailers) }
        #expect(fault?.code == .deadlineExceeded)
        let late = ended.verified { (_, _) throws(Fault) in
            Issue.record("the call is over")
            return .anonymous
        }
        guard case .wait = late else { return #expect(Bool(false), "\(late)") }
    }

    @Test("the bytes of a message are reserved once, when its length is known")
    mutating func reserved() {
        _ = call.received(Self.head([]), endStream: false, admit: Self.accept)
        var asked: [Int] = []
        for part in [
            ByteBuffer(bytes: [0, 0]), ByteBuffer(bytes: [0, 0, 10]), ByteBuffer(bytes: [1]), ByteBuffer(bytes: [2]),
        ] {
            _ = call.received(part, endStream: false) { bytes in
                asked.append(bytes)
                return true
            }
        }
        #expect(asked == [15])
    }

    @Test("a message for which there is no space ends the call before it has arrived, and nothing has happened")
    mutating func full() {
        _ = call.received(Self.head([]), endStream: false, admit: Self.accept)
        let step = call.received(beginning, endStream: false) { _ in false }
        guard case .end(let end) = step else { return #expect(Bool(false), "\(step)") }
        let fault = Status.read(end.trailers)
        #expect(fault?.code == .resourceExhausted)
        #expect(fault?.reason == .overloaded)
        #expect(fault?.outcome == .notDone)
        #expect(fault?.retryAfter != nil)
        #expect(end.resets)
    }

    @Test("a length that is not only digits is malformed", arguments: ["+5", "-5", " 5", "5 ", "0x5", "", "5,5"])
    mutating func length(_ value: String) {
        let step = call.received(Self.head([("content-length", value)]), endStream: false, admit: Self.accept)
        guard case .reset = step else { return #expect(Bool(false), "\(step)") }
        #expect(call.isOver)
    }

    @Test("a length of digits is accepted")
    mutating func goodLength() {
        let step = call.received(Self.head([("content-length", "15")]), endStream: false, admit: Self.accept)
        guard case .startDeadline = step else { return #expect(Bool(false), "\(step)") }
    }

    @Test(
        "a header that is given twice is refused by its name",
        arguments: [
            ("authorization", "Bearer user", FaultCode.unauthenticated), ("idempotency-key", "k", .invalidArgument),
            ("martlet-speaks-for", "user c7", .invalidArgument), ("grpc-timeout", "3S", .invalidArgument),
        ]
    )
    mutating func twice(name: String, value: String, code: FaultCode) {
        var once = call
        let first = once.received(Self.head([(name, value)]), endStream: false, admit: Self.accept)
        guard case .startDeadline = first else { return #expect(Bool(false), "\(first)") }
        let step = call.received(Self.head([(name, value), (name, value)]), endStream: false, admit: Self.accept)
        guard case .end(let end) = step else { return #expect(Bool(false), "\(step)") }
        let fault = Status.read(end.trailers)
        #expect(fault?.code == code)
        #expect(fault?.message == "\(name) is given more than once")
    }
}
