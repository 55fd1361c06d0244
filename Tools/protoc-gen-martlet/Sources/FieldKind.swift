import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The field types that a contract may use.
enum FieldKind {
    /// A scalar or a timestamp: the name of the case of `FieldShape.Kind`.
    case plain(String)
    /// The names of the values that a caller may send.
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
        case .float: throw Refusal("\(field.fullName): float is not supported; use double")
        case .group: throw Refusal("\(field.fullName): groups are not supported")
        }
    }

    var isNumber: Bool {
        if case .plain(let kind) = self {
            ["int32", "int64", "uint32", "uint64", "double"].contains(kind)
        } else {
            false
        }
    }

    var isString: Bool {
        if case .plain("string") = self { true } else { false }
    }

    /// True for what has a length.
    var isText: Bool {
        if case .plain(let kind) = self { ["string", "bytes"].contains(kind) } else { false }
    }
}

extension EnumDescriptor {
    /// The names of the values, without a zero value `…_UNSPECIFIED`.
    fileprivate var names: [String] {
        values.filter { !($0.number == 0 && $0.name.hasSuffix("_UNSPECIFIED")) }.map(\.name)
    }
}

extension FieldDescriptor {
    var isTimestamp: Bool { type == .message && messageType.fullName == "google.protobuf.Timestamp" }

    /// True when the value can violate the contract: by its own rule, as an enum, or inside a message.
    var checks: Bool { ruleSource != nil || type == .enum || reachesRules }

    private var reachesRules: Bool {
        guard type == .message, !isTimestamp else { return false }
        var seen: Set<String> = []
        return messageType.hasRules(&seen)
    }

    /// `FieldRule(…)`, or `nil` for a field without a rule.
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
        if rule.visibleAscii { parts.append("visibleASCII: true") }
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
