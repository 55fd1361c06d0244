import MartletCore
import NIOCore
import NIOHPACK
import Testing

@testable import MartletRPC

@Suite("Message reassembler")
struct MessageReassemblerTests {
    @Test("finds the same messages however the bytes are split", arguments: 1...40)
    func splits(_ seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let messages = (0..<20).map { _ in random.bytes(random.number(below: 50)) }
        var stream: [UInt8] = []
        for message in messages { stream += [0, 0, 0, 0, UInt8(message.count)] + message }
        var reassembler = MessageReassembler(messageBytesMax: 50)
        var found: [[UInt8]] = []
        while !stream.isEmpty {
            let part = stream.prefix(1 + random.number(below: 30))
            stream.removeFirst(part.count)
            reassembler.append(ByteBuffer(bytes: part))
            while let message = try reassembler.next() { found.append(Array(message.readableBytesView)) }
        }
        #expect(found == messages)
        #expect(reassembler.isEmpty)
    }

    @Test("accepts a message at the limit and refuses one byte more by its prefix alone")
    func limit() throws {
        var reassembler = MessageReassembler(messageBytesMax: 3)
        reassembler.append(ByteBuffer(bytes: [0, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 4]))
        let message = try reassembler.next()
        #expect(message.map { Array($0.readableBytesView) } == [1, 2, 3])
        #expect { try reassembler.next() } throws: { Fault(describing: $0).code == .resourceExhausted }
    }

    @Test(
        "refuses compressed messages and unknown flags",
        arguments: [(UInt8(1), FaultCode.unimplemented), (UInt8(7), FaultCode.internal)]
    )
    func flags(_ flag: UInt8, _ code: FaultCode) {
        var reassembler = MessageReassembler(messageBytesMax: 10)
        reassembler.append(ByteBuffer(bytes: [flag, 0, 0, 0, 0]))
        #expect { try reassembler.next() } throws: { Fault(describing: $0).code == code }
    }

    @Test("random input never traps", arguments: 1...50)
    func randomInput(_ seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var reassembler = MessageReassembler(messageBytesMax: 100)
        for _ in 0..<100 {
            reassembler.append(ByteBuffer(bytes: random.bytes(random.number(below: 40))))
            do { while try reassembler.next() != nil {} } catch { return }
        }
    }
}

@Suite("Header values")
struct HeaderTextTests {
    @Test(
        "grpc-timeout: every unit is parsed",
        arguments: [
            ("1H", Duration.seconds(3_600)), ("2M", .seconds(120)), ("3S", .seconds(3)), ("4m", .milliseconds(4)),
            ("5u", .microseconds(5)), ("99999999n", .nanoseconds(99_999_999)), ("0S", .zero),
        ]
    )
    func timeout(_ text: String, _ duration: Duration) { #expect(CallTimeout.parse(text) == duration) }

    @Test(
        "grpc-timeout: malformed text is rejected",
        arguments: ["", "S", "1", "123456789S", "1s", "-1S", "1SS", "1 S", "1S1", "\u{0661}S"]
    )
    func noTimeout(_ text: String) { #expect(CallTimeout.parse(text) == nil) }

    @Test(
        "grpc-timeout: formatting never lengthens a timeout, and loses less than a millionth",
        arguments: [1, 999, 99_999_999, 100_000_000, 5_000_000_000, 86_400_000_000_000, Int64.max]
    )
    func written(_ nanoseconds: Int64) throws {
        let text = CallTimeout.format(.nanoseconds(nanoseconds))
        #expect(text.utf8.count <= 9)
        let read = try #require(CallTimeout.parse(text))
        #expect(read <= .nanoseconds(nanoseconds))
        if nanoseconds < 1_000_000_000_000_000 {
            #expect(Duration.nanoseconds(nanoseconds) - read <= .nanoseconds(nanoseconds / 1_000_000))
        }
    }

    @Test(
        "percent-encoding: every text survives a round trip",
        arguments: ["", "plain text", "100 %", "ni\u{00E9}t\n\u{1F426}", "%41"]
    )
    func percent(_ text: String) {
        let coded = PercentText.encode(text)
        #expect(coded.utf8.allSatisfy { 0x20...0x7E ~= $0 })
        #expect(PercentText.decode(coded) == text)
    }

    @Test("percent-encoding: malformed escapes stay unchanged", arguments: ["%", "%4", "%zz", "a%G0"])
    func brokenPercent(_ text: String) { #expect(PercentText.decode(text) == text) }

    @Test("base64: bytes survive a round trip, with and without padding", arguments: 0...40)
    func base64(_ count: Int) {
        var random = SeededRandom(seed: UInt64(count))
        let bytes = random.bytes(count)
        let text = Base64.encode(bytes)
        #expect(Base64.decode(text) == bytes)
        #expect(Base64.decode(text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)) == bytes)
    }

    @Test("base64: malformed text is rejected", arguments: ["A", "AA=A", "AAAA=", "A-A_", "AA==="])
    func noBase64(_ text: String) { #expect(Base64.decode(text) == nil) }
}

@Suite("Status details")
struct StatusDetailsTests {
    @Test("carry reason, violations and retry delay")
    func roundTrip() {
        var sent = Fault(.invalidArgument, "texts.bad", "bad", field: "a.b[3]", retryAfter: .milliseconds(2_250))
        sent.violations.append(FieldViolation(field: "c", rule: "ni\u{00E9}t"))
        var read = Fault(.invalidArgument, .internal, "bad")
        StatusDetails.read(StatusDetails.encode(sent, message: sent.message), into: &read)
        #expect(read.reason == sent.reason)
        #expect(read.violations == sent.violations)
        #expect(read.retryAfter == sent.retryAfter)
    }

    @Test("omit violations rather than exceed the header list limit")
    func size() {
        var sent = Fault(.invalidArgument, .invalidRequest, "bad")
        sent.violations = (0..<5_000).map { FieldViolation(field: "lines[\($0)].quantity", rule: "must be at least 1") }
        let bytes = StatusDetails.encode(sent, message: sent.message)
        var read = Fault(.invalidArgument, .internal, "bad")
        StatusDetails.read(bytes, into: &read)
        #expect(bytes.count <= StatusDetails.bytesMax)
        #expect(read.violations.count > 50)
        #expect(read.violations == Array(sent.violations.prefix(read.violations.count)))
    }

    @Test("fit with a long message into the smallest header list limit of common peers")
    func headerList() {
        var sent = Fault(.unimplemented, Reason(name: String(repeating: "r", count: 9_000)), "")
        sent.message = String(repeating: "\u{00E9}", count: 5_000)
        sent.violations = (0..<5_000).map { FieldViolation(field: "lines[\($0)].quantity", rule: "must be at least 1") }
        let bytes = Status.trailers(sent, withHead: true).reduce(0) {
            $0 + $1.name.utf8.count + $1.value.utf8.count + 32
        }
        #expect(bytes <= 8_192)
    }

    @Test("corrupted or truncated bytes never trap", arguments: 1...200)
    func randomInput(_ seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        let sent = Fault(.invalidArgument, "texts.bad", "bad", field: "value", retryAfter: .seconds(1))
        var bytes = StatusDetails.encode(sent, message: sent.message)
        for _ in 0..<(1 + random.number(below: 8)) {
            bytes[random.number(below: bytes.count)] = UInt8(truncatingIfNeeded: random.next())
        }
        bytes.removeLast(random.number(below: bytes.count / 2))
        var read = Fault(.invalidArgument, .internal, "bad")
        StatusDetails.read(bytes, into: &read)
        #expect(read.code == .invalidArgument)
    }

    @Test("a status without details has the reason of its code")
    func bare() {
        let fault = Status.read(["grpc-status": "5", "grpc-message": "no%20such"])
        #expect(fault?.code == .notFound)
        #expect(fault?.reason == .notFound)
        #expect(fault?.message == "no such")
    }

    @Test("trailers are read back, and an unknown status gets a code")
    func trailers() {
        let sent = Fault(.aborted, .conflict, String(repeating: "\u{00E9}", count: 5_000))
        let read = Status.read(Status.trailers(sent, withHead: false))
        #expect(read?.code == .aborted)
        #expect(read?.message.utf8.count == Status.messageBytesMax)
        #expect(Status.read(Status.trailers(nil, withHead: true))?.code == nil)
        #expect(Status.read(["grpc-status": "99"])?.code == .unknown)
        #expect(Status.read(["grpc-status": "x"])?.code == .internal)
        #expect(Status.read([":status": "503"])?.code == .unavailable)
    }
}
