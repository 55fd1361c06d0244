public import MartletCore
public import SwiftProtobuf

/// Collects what the fields of one message break of their rules; generated code drives it, field by field.
///
/// A value is `nil` when its field knows that it is absent. Fields without presence are absent when empty (strings,
/// bytes); their numbers are always there.
public struct RuleCheck {
    /// One message names at most this many broken rules; a caller mends those first.
    public static let violationsLimit = 20

    public private(set) var violations: [FieldViolation] = []
    private let prefix: String

    /// - Parameter path: Where the message stands, as in `lines[3]`; empty for a request itself.
    public init(at path: String) { prefix = path.isEmpty ? "" : path + "." }

    public mutating func text(_ field: String, _ value: String?, _ rule: FieldRule = FieldRule()) {
        guard let value, !value.isEmpty else { return missing(field, rule) }
        if let broken = Self.broken(value, rule) { add(field, broken) }
    }

    public mutating func texts(_ field: String, _ values: [String], _ rule: FieldRule = FieldRule()) {
        items(field, values, rule) { Self.broken($0, rule) }
    }

    public mutating func octets(_ field: String, _ value: some Collection<UInt8>, _ rule: FieldRule = FieldRule()) {
        guard !value.isEmpty else { return missing(field, rule) }
        if let broken = Self.broken(length: value.count, of: "bytes", rule) { add(field, broken) }
    }

    public mutating func octets(_ field: String, _ value: (some Collection<UInt8>)?, _ rule: FieldRule = FieldRule()) {
        guard let value else { return missing(field, rule) }
        if let broken = Self.broken(length: value.count, of: "bytes", rule) { add(field, broken) }
    }

    public mutating func octetsList(
        _ field: String,
        _ values: [some Collection<UInt8>],
        _ rule: FieldRule = FieldRule()
    ) {
        items(field, values, rule) { Self.broken(length: $0.count, of: "bytes", rule) }
    }

    public mutating func number<Number: BinaryInteger>(
        _ field: String,
        _ value: Number?,
        _ rule: FieldRule = FieldRule()
    ) {
        guard let value else { return missing(field, rule) }
        if rule.required, value == 0 { return add(field, "must not be 0") }
        if let broken = Self.broken(value, rule) { add(field, broken) }
    }

    public mutating func numbers<Number: BinaryInteger>(
        _ field: String,
        _ values: [Number],
        _ rule: FieldRule = FieldRule()
    ) {
        items(field, values, rule) { Self.broken($0, rule) }
    }

    public mutating func fraction(_ field: String, _ value: Double?, _ rule: FieldRule = FieldRule()) {
        guard let value else { return missing(field, rule) }
        if rule.required, value == 0 { return add(field, "must not be 0") }
        if let broken = Self.broken(value, rule) { add(field, broken) }
    }

    public mutating func fractions(_ field: String, _ values: [Double], _ rule: FieldRule = FieldRule()) {
        items(field, values, rule) { Self.broken($0, rule) }
    }

    public mutating func flag(_ field: String, _ value: Bool?, _ rule: FieldRule = FieldRule()) {
        if value == nil || (rule.required && value == false) { missing(field, rule) }
    }

    public mutating func flags(_ field: String, _ values: [Bool], _ rule: FieldRule = FieldRule()) {
        items(field, values, rule) { _ in nil }
    }

    public mutating func choice<Choice: ContractEnum>(
        _ field: String,
        _ value: Choice?,
        _ rule: FieldRule = FieldRule()
    ) {
        guard let value else { return missing(field, rule) }
        if rule.required, value.rawValue == 0 { return missing(field, rule) }
        if !Self.isKnown(value) { add(field, "has no value \(value.rawValue)") }
    }

    public mutating func choices<Choice: ContractEnum>(
        _ field: String,
        _ values: [Choice],
        _ rule: FieldRule = FieldRule()
    ) {
        items(field, values, rule) { Self.isKnown($0) ? nil : "has no value \($0.rawValue)" }
    }

    public mutating func timestamp(
        _ field: String,
        _ value: Google_Protobuf_Timestamp?,
        _ rule: FieldRule = FieldRule()
    ) {
        guard let value else { return missing(field, rule) }
        if !Self.isValid(value) { add(field, Self.timestampRule) }
    }

    public mutating func timestamps(
        _ field: String,
        _ values: [Google_Protobuf_Timestamp],
        _ rule: FieldRule = FieldRule()
    ) {
        items(field, values, rule) { Self.isValid($0) ? nil : Self.timestampRule }
    }

    public mutating func message(_ field: String, _ value: (some ContractMessage)?, _ rule: FieldRule = FieldRule()) {
        guard let value else { return missing(field, rule) }
        guard violations.count < Self.violationsLimit else { return }
        value.check(&violations, at: prefix + field)
    }

    public mutating func messages(_ field: String, _ values: [some ContractMessage], _ rule: FieldRule = FieldRule()) {
        guard count(field, values.count, rule) else { return }
        for (index, value) in values.enumerated() where violations.count < Self.violationsLimit {
            value.check(&violations, at: "\(prefix)\(field)[\(index)]")
        }
    }
}

extension RuleCheck {
    private static let timestampRule = "must be a time between the years 1 and 9999"

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
        _ rule: FieldRule,
        _ broken: (Value) -> String?
    ) {
        guard count(field, values.count, rule) else { return }
        for (index, value) in values.enumerated() {
            if let broken = broken(value) { add("\(field)[\(index)]", broken) }
        }
    }

    /// Answers whether the items are worth a look: not when there are too many.
    private mutating func count(_ field: String, _ count: Int, _ rule: FieldRule) -> Bool {
        let least = rule.minItems ?? (rule.required ? 1 : 0)
        if count < least {
            add(field, count == 0 ? "is required" : "must have at least \(least) items")
        } else if let most = rule.maxItems, count > most {
            add(field, "must have at most \(most) items")
            return false
        }
        return true
    }

    private static func broken(_ value: String, _ rule: FieldRule) -> String? {
        guard rule.minLength != nil || rule.maxLength != nil else { return nil }
        // A character has at least one byte, so a short string needs no count.
        if let most = rule.maxLength, rule.minLength == nil, value.utf8.count <= most { return nil }
        return broken(length: value.unicodeScalars.count, of: "characters", rule)
    }

    private static func broken(length: Int, of unit: String, _ rule: FieldRule) -> String? {
        if let least = rule.minLength, length < least { return "must have at least \(least) \(unit)" }
        if let most = rule.maxLength, length > most { return "must have at most \(most) \(unit)" }
        return nil
    }

    private static func broken<Number: BinaryInteger>(_ value: Number, _ rule: FieldRule) -> String? {
        if let least = rule.min, value < least { return range(rule) }
        if let most = rule.max, value > most { return range(rule) }
        return nil
    }

    private static func broken(_ value: Double, _ rule: FieldRule) -> String? {
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
