import MartletCore
import NIOCore
import NIOHPACK
import Testing

@testable import MartletRPC

@Suite("A message reassembler")
struct MessageReassemblerTests {
    @Test("finds the same messages however the bytes are split", arguments: 1...40)
    func splits(_ seed: Int) throws {
        var chance = Chance(seed: UInt64(seed))
        let messages = (0..<20).map { _ in chance.bytes(chance.number(below: 50)) }
        var stream: [UInt8] = []
        for message in messages { stream += [0, 0, 0, 0, UInt8(message.count)] + message }
        var reassembler = MessageReassembler(messageBytesMax: 50)
        var found: [[UInt8]] = []
        while !stream.isEmpty {
            let part = stream.prefix(1 + chance.number(below: 30))
            stream.removeFirst(part.count)
            reassembler.append(ByteBuffer(bytes: part))
            while let message = try reassembler.next() { found.append(Array(message.readableBytesView)) }
        }
        #expect(found == messages)
        #expect(reassembler.isEmpty)
    }

    @Test("takes a message of the limit and refuses one byte more by its prefix alone")
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

    @Test("never traps on noise, and never holds more than the limit above what arrived", arguments: 1...50)
    func noise(_ seed: Int) {
        var chance = Chance(seed: UInt64(seed))
        var reassembler = MessageReassembler(messageBytesMax: 100)
        for _ in 0..<100 {
            reassembler.append(ByteBuffer(bytes: chance.bytes(chance.number(below: 40))))
            do { while try reassembler.next() != nil {} } catch { return }
        }
    }
}

@Suite("The text of a header")
struct HeaderTextTests {
    @Test(
        "gives a timeout in every unit",
        arguments: [
            ("1H", Duration.seconds(3_600)), ("2M", .seconds(120)), ("3S", .seconds(3)), ("4m", .milliseconds(4)),
            ("5u", .microseconds(5)), ("99999999n", .nanoseconds(99_999_999)), ("0S", .zero),
        ]
    )
    func timeout(_ text: String, _ duration: Duration) { #expect(CallTimeout.parse(text) == duration) }

    @Test("is no timeout", arguments: ["", "S", "1", "123456789S", "1s", "-1S", "1SS", "1 S", "1S1", "\u{0661}S"])
    func noTimeout(_ text: String) { #expect(CallTimeout.parse(text) == nil) }

    @Test(
        "of a timeout that we write reads as no more than it was, and loses less than a millionth",
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
        "keeps every text through percent-encoding",
        arguments: ["", "plain text", "100 %", "ni\u{00E9}t\n\u{1F426}", "%41"]
    )
    func percent(_ text: String) {
        let coded = PercentText.encode(text)
        #expect(coded.utf8.allSatisfy { 0x20...0x7E ~= $0 })
        #expect(PercentText.decode(coded) == text)
    }

    @Test("is taken as it is where percent-encoding is broken", arguments: ["%", "%4", "%zz", "a%G0"])
    func brokenPercent(_ text: String) { #expect(PercentText.decode(text) == text) }

    @Test("keeps bytes through base64, with and without padding", arguments: 0...40)
    func base64(_ count: Int) {
        var chance = Chance(seed: UInt64(count))
        let bytes = chance.bytes(count)
        let text = Base64.encode(bytes)
        #expect(Base64.decode(text) == bytes)
        #expect(Base64.decode(text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)) == bytes)
    }

    @Test("is no base64", arguments: ["A", "AA=A", "AAAA=", "A-A_", "AA==="])
    func noBase64(_ text: String) { #expect(Base64.decode(text) == nil) }
}

@Suite("Status details")
struct StatusDetailsTests {
    @Test("carry reason, violations and pause")
    func roundTrip() {
        var sent = Fault(.invalidArgument, "texts.bad", "bad", field: "a.b[3]", retryAfter: .milliseconds(2_250))
        sent.violations.append(FieldViolation(field: "c", rule: "ni\u{00E9}t"))
        var read = Fault(.invalidArgument, .internal, "bad")
        StatusDetails.read(StatusDetails.encode(sent, message: sent.message), into: &read)
        #expect(read.reason == sent.reason)
        #expect(read.violations == sent.violations)
        #expect(read.retryAfter == sent.retryAfter)
    }

    @Test("leave out violations rather than grow beyond what a header list holds")
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

    @Test("fit with a long message into the least header list that peers accept")
    func headerList() {
        var sent = Fault(.unimplemented, Reason(name: String(repeating: "r", count: 9_000)), "")
        sent.message = String(repeating: "\u{00E9}", count: 5_000)
        sent.violations = (0..<5_000).map { FieldViolation(field: "lines[\($0)].quantity", rule: "must be at least 1") }
        let bytes = Status.trailers(sent, withHead: true).reduce(0) {
            $0 + $1.name.utf8.count + $1.value.utf8.count + 32
        }
        #expect(bytes <= 8_192)
    }

    @Test("never trap, torn or turned around", arguments: 1...200)
    func noise(_ seed: Int) {
        var chance = Chance(seed: UInt64(seed))
        let sent = Fault(.invalidArgument, "texts.bad", "bad", field: "value", retryAfter: .seconds(1))
        var bytes = StatusDetails.encode(sent, message: sent.message)
        for _ in 0..<(1 + chance.number(below: 8)) {
            bytes[chance.number(below: bytes.count)] = UInt8(truncatingIfNeeded: chance.next())
        }
        bytes.removeLast(chance.number(below: bytes.count / 2))
        var read = Fault(.invalidArgument, .internal, "bad")
        StatusDetails.read(bytes, into: &read)
        #expect(read.code == .invalidArgument)
    }

    @Test("of a peer that sends none leave the code's own reason")
    func bare() {
        let fault = Status.read(["grpc-status": "5", "grpc-message": "no%20such"])
        #expect(fault?.code == .notFound)
        #expect(fault?.reason == .notFound)
        #expect(fault?.message == "no such")
    }

    @Test("are read from what the server writes, also for a status nobody knows")
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
