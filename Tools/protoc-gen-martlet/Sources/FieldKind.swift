import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// What a field may be in a contract.
enum FieldKind {
    /// The case of `FieldShape.Kind` with that name.
    case plain(String)
    /// The names of its values that a caller may send.
    case enumeration([String])
    case message(Descriptor)

    init(_ field: FieldDescriptor) throws {
        guard !field.isMap else { throw Refusal("\(field.fullName): no maps; use a repeated message with a key") }
        switch field.type {
        case .bool: self = .plain("bool")
        case .int32, .sint32, .sfixed32: self = .plain("int32")
        case .int64, .sint64, .sfixed64: self = .plain("int64")
        case .uint32, .fixed32: self = .plain("uint32")
        case .uint64, .fixed64: self = .plain("uint64")
        case .double: self = .plain("double")
        case .string: self = .plain("string")
        case .bytes: self = .plain("bytes")
        case .enum: self = .enumeration(field.enumType.names)
        case .message where field.isTimestamp: self = .plain("timestamp")
        case .message where field.messageType.file.package == "google.protobuf":
            throw Refusal("\(field.fullName): of google.protobuf only Timestamp is supported")
        case .message: self = .message(field.messageType)
        case .float: throw Refusal("\(field.fullName): no float; use double")
        case .group: throw Refusal("\(field.fullName): no groups")
        }
    }
}

extension EnumDescriptor {
    /// The names of its values, without a zero that only says "not said".
    fileprivate var names: [String] {
        values.filter { !($0.number == 0 && $0.name.hasSuffix("_UNSPECIFIED")) }.map(\.name)
    }
}

extension FieldDescriptor {
    var isTimestamp: Bool { type == .message && messageType.fullName == "google.protobuf.Timestamp" }

    /// True when its value can break the contract: by a rule of its own, as an enum, or inside a message.
    var checks: Bool { ruleSource != nil || type == .enum || reachesRules }

    private var reachesRules: Bool {
        guard type == .message, !isTimestamp else { return false }
        var seen: Set<String> = []
        return messageType.hasRules(&seen)
    }

    /// `FieldRule(…)`, or `nil` when it has none.
    var ruleSource: String? {
        guard options.hasRule else { return nil }
        let rule = options.rule
        var parts: [String] = []
        if rule.required { parts.append("required: true") }
        if rule.hasMin { parts.append("min: \(rule.min)") }
        if rule.hasMax { parts.append("max: \(rule.max)") }
        if rule.hasMinLength { parts.append("minLength: \(rule.minLength)") }
        if rule.hasMaxLength { parts.append("maxLength: \(rule.maxLength)") }
        if rule.hasMinItems { parts.append("minItems: \(rule.minItems)") }
        if rule.hasMaxItems { parts.append("maxItems: \(rule.maxItems)") }
        return parts.isEmpty ? nil : "FieldRule(\(parts.joined(separator: ", ")))"
    }
}

extension Descriptor {
    fileprivate func hasRules(_ seen: inout Set<String>) -> Bool {
        guard seen.insert(fullName).inserted else { return false }
        for field in fields {
            if field.options.hasRule || field.type == .enum { return true }
            if field.type == .message, !field.isTimestamp, field.messageType.hasRules(&seen) { return true }
        }
        return false
    }
}
