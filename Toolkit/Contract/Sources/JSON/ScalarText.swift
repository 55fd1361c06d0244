import MartletCore

/// Checks whether text is a value of a scalar field, in JSON, a path or a query.
enum ScalarText {
    /// The seconds since 1970 of the years 1 to 9999 in UTC, which protobuf can store.
    private static let seconds: ClosedRange<Int64> = -62_135_596_800...253_402_300_799
    static let nulRule = "must not contain the character U+0000"
    static let yearsRule = "must be a time between the years 1 and 9999"

    /// A JSON value that is neither an object nor a list.
    enum Token {
        case string(String)
        case number(String)
        /// `true`, `false` or `null`.
        case keyword(String)
    }

    /// The rule that a value of this kind must satisfy.
    static func expectation(of kind: FieldShape.Kind) -> String {
        switch kind {
        case .bool: "must be true or false"
        case .int32, .int64, .uint32, .uint64: "must be a whole number"
        case .double: "must be a number"
        case .string: "must be a string"
        case .bytes: "must be a string in base64"
        case .timestamp: "must be a time, as in 2026-01-31T23:59:59Z"
        case .enum(let names): "must be one of \(names.joined(separator: ", "))"
        case .message: "must be an object"
        }
    }

    /// The violated rule of a JSON value; `nil` when it is valid.
    static func violation(_ token: Token, kind: FieldShape.Kind, rule: FieldRule) -> String? {
        switch (kind, token) {
        case (.bool, .keyword): return nil
        case (.int32, .number(let text)), (.uint32, .number(let text)), (.int64, .number(let text)),
            (.uint64, .number(let text)):
            guard text.utf8.contains(where: { $0 > UInt8(ascii: "9") || $0 == UInt8(ascii: ".") }) else {
                return integerViolation(text, kind: kind, rule: rule)
            }
            guard let number = WholeNumber(text) else { return expectation(of: kind) }
            if let violated = integerViolation(number.digits, kind: kind, rule: rule) { return violated }
            return number.isExact ? nil : "must be written without a fraction and an exponent"
        // Protobuf's JSON mapping writes 64-bit numbers as strings, since JavaScript's numbers have 53 bits.
        case (.int64, .string(let text)), (.uint64, .string(let text)):
            return integerViolation(text, kind: kind, rule: rule)
        case (.double, .number(let text)):
            guard let value = Double(text), value.isFinite else { return "must be a number that fits in 64 bits" }
            return nil
        case (.string, .string(let text)):
            return text.utf8.contains(0) ? nulRule : nil
        case (.bytes, .string(let text)): return isBase64(text) ? nil : expectation(of: kind)
        case (.timestamp, .string(let text)):
            guard let time = time(text) else { return expectation(of: kind) }
            return seconds.contains(time.seconds) ? nil : yearsRule
        case (.enum(let names), .string(let text)): return names.contains(text) ? nil : expectation(of: kind)
        default: return expectation(of: kind)
        }
    }

    /// The JSON literal of a value from a path or a query.
    ///
    /// - Returns: The literal, or the violated rule.
    static func literal(_ text: String, kind: FieldShape.Kind, rule: FieldRule) -> Result<String, Violation> {
        let token: Token =
            switch kind {
            case .bool: text == "true" || text == "false" ? .keyword(text) : .string(text)
            case .int32, .int64, .uint32, .uint64, .double: isNumber(text) ? .number(text) : .string("")
            default: .string(text)
            }
        if let violated = violation(token, kind: kind, rule: rule) { return .failure(Violation(rule: violated)) }
        switch token {
        case .keyword(let text), .number(let text): return .success(text)
        case .string(let text):
            if case .timestamp = kind, let time = utc(text) { return .success(JSONWriter.quoted(time)) }
            return .success(JSONWriter.quoted(text))
        }
    }

    /// The same time in UTC, as every decoder reads it: SwiftProtobuf refuses an offset of 14 hours, as Kiritimati has.
    ///
    /// - Returns: `nil` for a text that is no valid time.
    static func utc(_ text: String) -> String? {
        guard let time = time(text), seconds.contains(time.seconds) else { return nil }
        return "\(Timestamp(seconds: time.seconds).description.prefix(19))\(time.fraction)Z"
    }

    struct Violation: Error { let rule: String }
}

extension ScalarText {
    private static func isNumber(_ text: String) -> Bool {
        var scanner = JSONScanner(Array(text.utf8))
        guard (try? scanner.number()) != nil else { return false }  // The position does not matter.
        return scanner.offset == text.utf8.count
    }

    private static func integerViolation(_ text: String, kind: FieldShape.Kind, rule: FieldRule) -> String? {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        let leadingZero = digits.count > 1 && digits.first == UInt8(ascii: "0")
        guard !digits.isEmpty, !leadingZero, digits.allSatisfy(isDigit) else { return expectation(of: kind) }
        let fits =
            switch kind {
            case .int32: Int32(text) != nil
            // The decoder takes no sign of an unsigned number, not even of zero.
            case .uint32: digits.count == text.utf8.count && UInt32(text) != nil
            case .uint64: digits.count == text.utf8.count && UInt64(text) != nil
            default: Int64(text) != nil
            }
        return fits ? nil : range(of: kind, rule)
    }

    /// The contract's bounds, or else the type's.
    private static func range(of kind: FieldShape.Kind, _ rule: FieldRule) -> String {
        let (least, most) =
            switch kind {
            case .int32: (String(Int32.min), String(Int32.max))
            case .uint32: ("0", String(UInt32.max))
            case .uint64: ("0", String(UInt64.max))
            default: (String(Int64.min), String(Int64.max))
            }
        return "must be \(rule.min.map { "\($0)" } ?? least) to \(rule.max.map { "\($0)" } ?? most)"
    }

    /// Accepts the standard and the URL-safe alphabet, with or without padding.
    private static func isBase64(_ text: String) -> Bool {
        let digits = text.utf8.drop { _ in false }
        let body = digits.prefix { $0 != UInt8(ascii: "=") }
        let padding = digits.count - body.count
        guard padding <= 2, digits.suffix(padding).allSatisfy({ $0 == UInt8(ascii: "=") }), body.count % 4 != 1,
            padding == 0 || digits.count % 4 == 0
        else { return false }
        return body.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    /// RFC 3339 with `T` and `Z` or an offset of less than a day.
    ///
    /// - Returns: Seconds since 1970 in UTC, and the fraction with its point; empty for none.
    private static func time(_ text: String) -> (seconds: Int64, fraction: String)? {
        let bytes = Array(text.utf8)
        guard 20...35 ~= bytes.count, bytes[10] == UInt8(ascii: "T"),
            let local = Timestamp(String(decoding: bytes[..<19], as: UTF8.self) + "Z")
        else { return nil }
        var rest = bytes[19...]
        var fraction = ""
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix(while: isDigit)
            guard 1...9 ~= digits.count else { return nil }
            fraction = "." + String(decoding: digits, as: UTF8.self)
            rest = rest.dropFirst(digits.count + 1)
        }
        guard let offset = offset(Array(rest)) else { return nil }
        return (local.milliseconds / 1_000 - offset, fraction)
    }

    /// How many seconds `Z` or `+hh:mm` is ahead of UTC.
    private static func offset(_ bytes: [UInt8]) -> Int64? {
        if bytes == [UInt8(ascii: "Z")] { return 0 }
        guard bytes.count == 6, bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"),
            bytes[3] == UInt8(ascii: ":"), [1, 2, 4, 5].allSatisfy({ isDigit(bytes[$0]) })
        else { return nil }
        let (hours, minutes) = (number(bytes[1..<3]), number(bytes[4..<6]))
        guard hours < 24, minutes < 60 else { return nil }
        let offset = Int64(hours * 3_600 + minutes * 60)
        return bytes[0] == UInt8(ascii: "-") ? -offset : offset
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    /// The value of at most four digits, which are already checked.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int {
        digits.reduce(0) { $0 * 10 + Int($1) - 48 }
    }
}
