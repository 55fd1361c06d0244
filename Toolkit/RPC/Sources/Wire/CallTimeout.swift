import MartletCore

/// The `grpc-timeout` header: at most eight digits and a unit.
enum CallTimeout {
    /// `nil` for anything that the protocol does not allow.
    static func parse(_ text: String) -> Duration? {
        var digits: Int64 = 0
        var count = 0
        var unit: UInt8?
        for byte in text.utf8 {
            guard unit == nil else { return nil }
            switch byte {
            case 48...57:
                count += 1
                guard count <= 8 else { return nil }
                digits = digits * 10 + Int64(byte - 48)
            default:
                unit = byte
            }
        }
        guard count > 0, let unit else { return nil }
        return switch unit {
        case UInt8(ascii: "n"): .nanoseconds(digits)
        case UInt8(ascii: "u"): .microseconds(digits)
        case UInt8(ascii: "m"): .milliseconds(digits)
        case UInt8(ascii: "S"): .seconds(digits)
        case UInt8(ascii: "M"): .seconds(digits * 60)
        case UInt8(ascii: "H"): .seconds(digits * 3_600)
        default: nil
        }
    }

    /// The finest unit that fits eight digits, rounded down; never below one nanosecond.
    static func format(_ left: Duration) -> String {
        let nanoseconds = max(1, left.nanosecondsClamped)
        let limit: Int64 = 100_000_000
        if nanoseconds < limit { return "\(nanoseconds)n" }
        if nanoseconds / 1_000 < limit { return "\(nanoseconds / 1_000)u" }
        if nanoseconds / 1_000_000 < limit { return "\(nanoseconds / 1_000_000)m" }
        return "\(min(nanoseconds / 1_000_000_000, limit - 1))S"
    }
}
