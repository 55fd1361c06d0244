import MartletCore

/// What the subject for the acknowledgement of a delivery states, and what is sent to it.
struct NATSAck: Sendable, Hashable {
    static let done = Array("+ACK".utf8)
    /// Wait for longer.
    static let working = Array("+WPI".utf8)

    /// Deliver it again, not before `delay` has passed.
    static func again(after delay: Duration) -> [UInt8] {
        Array((delay > .zero ? "-NAK {\"delay\": \(delay.nanosecondsClamped)}" : "-NAK").utf8)
    }

    /// 1 for the first delivery.
    let attempt: Int
    /// Of the message in its stream.
    let sequence: Int64

    /// - Parameter subject: `$JS.ACK.<stream>.<consumer>.<attempt>.<sequence>.…`, or the same with a domain and an account
    ///   before the stream, and a token at the end.
    init?(_ subject: String) {
        let tokens = subject.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard tokens.count == 9 || tokens.count >= 11, tokens[1].elementsEqual("ACK".utf8) else { return nil }
        let first = tokens.count == 9 ? 4 : 6
        guard let attempt = SubjectNumber.number(tokens[first]), let sequence = SubjectNumber.number(tokens[first + 1])
        else {
            return nil
        }
        self.attempt = Int(attempt)
        self.sequence = sequence
    }
}

/// Reads numbers in subjects.
///
/// By bytes: two for each delivery, and `Int(_:)` of a part of a text costs ten times as much.
enum SubjectNumber {
    /// - Returns: `nil` for anything but 1 to 18 digits.
    static func number(_ digits: some Collection<UInt8>) -> Int64? {
        guard 1...18 ~= digits.count else { return nil }
        var number: Int64 = 0
        for digit in digits {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit else { return nil }
            number = number * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        return number
    }
}
