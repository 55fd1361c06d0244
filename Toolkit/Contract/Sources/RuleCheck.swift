public import MartletCore
public import SwiftProtobuf

/// Collects the rule violations of one message; generated code calls it for each field.
///
/// A value is `nil` when its field has presence and is absent. Fields without presence are absent when empty (strings,
/// bytes); numbers without presence are always present.
public struct RuleCheck {
    /// The most violations that one error reports.
    public static let violationsLimit = 20

    public private(set) var violations: [FieldViolation] = []
    private let prefix: String

    /// - Parameter path: The field path of the message, as in `lines[3]`; empty for a request itself.
    public init(at path: String) { prefix = path.isEmpty ? "" : path + "." }

    public mutating func text(_ field: String, _ value: String?, rule: FieldRule = FieldRule()) {
        guard let value, !value.isEmpty else { return missing(field, rule) }
        if let violation = Self.violation(value, rule) { add(field, violation) }
    }

    public mutating func texts(_ field: String, _ values: [String], rule: FieldRule = FieldRule()) {
        items(field, values, rule: rule) { Self.violation($0, rule) }
    }

    public mutating func octets(_ field: String, _ value: some Collection<UInt8>, rule: FieldRule = FieldRule()) {
        guard !value.isEmpty else { return missing(field, rule) }
        if let violation = Self.violation(length: value.count, of: "bytes", rule) { add(field, violation) }
    }

    public mutating func octets(_ field: String, _ value: (some Collection<UInt8>)?, rule: FieldRule = FieldRule()) {
        guard let value else { return missing(field, rule) }
        if let violation = Self.violation(length: value.count, of: "bytes", rule) { add(field, violation) }
    }

    public mutating func octetsList(
        _ field: String,
        _ values: [some Collection<UInt8>],
        rule: FieldRule = FieldRule()
    ) {
        items(field, values, rule: rule) { Self.violation(length: $0.count, of: "bytes", rule) }
    }

    public mutating func number<Number: BinaryInteger>(
        _ field: String,
        _ value: Number?,
        rule: FieldRule = FieldRule()
    ) {
        guard let value else { return missing(field, rule) }
        if rule.required, value == 0 { return add(field, "must not be 0") }
        if let violation = Self.violation(value, rule) { add(field, violation) }
    }

    public mutating func numbers<Number: BinaryInteger>(
        _ field: String,
        _ values: [Number],
        rule: FieldRule = FieldRule()
    ) {
        items(field, values, rule: rule) { Self.violation($0, rule) }
    }

    public mutating func fraction(_ field: String, _ value: Double?, rule: FieldRule = FieldRule()) {
        guard let value else { return missing(field, rule) }
        if rule.required, value == 0 { return add(field, "must not be 0") }
        if let violation = Self.violation(value, rule) { add(field, violation) }
    }

    public mutating func fractions(_ field: String, _ values: [Double], rule: FieldRule = FieldRule()) {
        items(field, values, rule: rule) { Self.violation($0, rule) }
    }

    public mutating func flag(_ field: String, _ value: Bool?, rule: FieldRule = FieldRule()) {
        if value == nil || (rule.required && value == false) { missing(field, rule) }
    }

    public mutating func flags(_ field: String, _ values: [Bool], rule: FieldRule = FieldRule()) {
        items(field, values, rule: rule) { _ in nil }
    }

    public mutating func choice<Choice: ContractEnum>(
        _ field: String,
        _ value: Choice?,
        rule: FieldRule = FieldRule()
    ) {
        guard let value else { return missing(field, rule) }
        if rule.required, value.rawValue == 0 { return missing(field, rule) }
        if !Self.isKnown(value) { add(field, "has no value \(value.rawValue)") }
    }

    public mutating func choices<Choice: ContractEnum>(
        _ field: String,
        _ values: [Choice],
        rule: FieldRule = FieldRule()
    ) {
        items(field, values, rule: rule) { Self.isKnown($0) ? nil : "has no value \($0.rawValue)" }
    }

    public mutating func timestamp(
        _ field: String,
        _ value: Google_Protobuf_Timestamp?,
        rule: FieldRule = FieldRule()
    ) {
        guard let value else { return missing(field, rule) }
        if !Self.isValid(value) { add(field, Self.timestampRule) }
    }

    public mutating func timestamps(
        _ field: String,
        _ values: [Google_Protobuf_Timestamp],
        rule: FieldRule = FieldRule()
    ) {
        items(field, values, rule: rule) { Self.isValid($0) ? nil : Self.timestampRule }
    }

    public mutating func message(_ field: String, _ value: (some ContractMessage)?, rule: FieldRule = FieldRule()) {
        guard let value else { return missing(field, rule) }
        guard violations.count < Self.violationsLimit else { return }
        value.check(&violations, at: prefix + field)
    }

    public mutating func messages(_ field: String, _ values: [some ContractMessage], rule: FieldRule = FieldRule()) {
        guard count(field, values.count, rule: rule) else { return }
        for (index, value) in values.enumerated() where violations.count < Self.violationsLimit {
            value.check(&violations, at: "\(prefix)\(field)[\(index)]")
        }
    }
}

extension RuleCheck {
    private static let timestampRule = ScalarText.yearsRule

    private mutating func add(_ field: String, _ rule: String) {
        guard violations.count < Self.violationsLimit else { return }
        violations.append(FieldViolation(field: prefix + field, rule: rule))
    }

    private mutating func missing(_ field: String, _ rule: FieldRule) {
        if rule.required { add(field, "is required") }
    }

    private mutating func items<Value>(
        _ field: String,
        _ values: [Value],
        rule: FieldRule,
        violation: (Value) -> String?
    ) {
        guard count(field, values.count, rule: rule) else { return }
        for (index, value) in values.enumerated() {
            if let violation = violation(value) { add("\(field)[\(index)]", violation) }
        }
    }

    /// Checks the number of items; returns false when there are too many to check each.
    private mutating func count(_ field: String, _ count: Int, rule: FieldRule) -> Bool {
        let least = rule.minItems ?? (rule.required ? 1 : 0)
        if count < least {
            add(field, count == 0 ? "is required" : "must have at least \(least) items")
        } else if let most = rule.maxItems, count > most {
            add(field, "must have at most \(most) items")
            return false
        }
        return true
    }

    private static func violation(_ value: String, _ rule: FieldRule) -> String? {
        if value.utf8.contains(0) { return ScalarText.nulRule }
        if rule.visibleASCII, !value.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) {
            return "must be visible ASCII without spaces"
        }
        guard rule.minLength != nil || rule.maxLength != nil else { return nil }
        // A character has at least one byte, so a short string need not be counted.
        if let most = rule.maxLength, rule.minLength == nil, value.utf8.count <= most { return nil }
        return violation(length: value.unicodeScalars.count, of: "characters", rule)
    }

    private static func violation(length: Int, of unit: String, _ rule: FieldRule) -> String? {
        if let least = rule.minLength, length < least { return "must have at least \(least) \(unit)" }
        if let most = rule.maxLength, length > most { return "must have at most \(most) \(unit)" }
        return nil
    }

    private static func violation<Number: BinaryInteger>(_ value: Number, _ rule: FieldRule) -> String? {
        if let least = rule.min, value < least { return range(rule) }
        if let most = rule.max, value > most { return range(rule) }
        return nil
    }

    private static func violation(_ value: Double, _ rule: FieldRule) -> String? {
        guard value.isFinite else { return "must be a finite number" }
        if let least = rule.min, value < Double(least) { return range(rule) }
        if let most = rule.max, value > Double(most) { return range(rule) }
        return nil
    }

    private static func range(_ rule: FieldRule) -> String {
        switch (rule.min, rule.max) {
        case (let least?, let most?): "must be \(least) to \(most)"
        case (let least?, nil): "must be at least \(least)"
        case (nil, let most?): "must be at most \(most)"
        case (nil, nil): "must be a number"
        }
    }

    private static func isKnown<Choice: ContractEnum>(_ value: Choice) -> Bool {
        Choice.allCases.contains { $0.rawValue == value.rawValue }
    }

    private static func isValid(_ value: Google_Protobuf_Timestamp) -> Bool {
        -62_135_596_800...253_402_300_799 ~= value.seconds && 0...999_999_999 ~= value.nanos
    }
}
