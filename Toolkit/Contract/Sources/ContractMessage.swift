public import MartletCore
public import SwiftProtobuf

/// A message of a contract: it can describe its own fields, for validation with names.
public protocol ContractMessage: SwiftProtobuf.Message, Sendable {
    static var shape: MessageShape { get }
    /// Adds what this message breaks of its contract's rules, in field order; `path` is the prefix of the fields'
    /// names.
    func check(_ violations: inout [FieldViolation], at path: String)
    /// Writes its fields as members of a JSON object, by number.
    func write(to json: inout JSONWriter)
}

/// An enum of a contract: it knows its values' names.
public protocol ContractEnum: SwiftProtobuf.Enum, CaseIterable, Sendable {
    /// As the contract writes it, in capitals; the number in decimal for a value that is newer than this code.
    var contractName: String { get }
}

extension ContractEnum {
    /// True for a zero that only says "not said".
    public var isUnspecified: Bool { rawValue == 0 && contractName.hasSuffix("_UNSPECIFIED") }
}

extension ContractMessage {
    /// - Throws: `Fault` with `invalidArgument` and every broken rule by its field's name.
    public func checkRules() throws {
        var violations: [FieldViolation] = []
        check(&violations, at: "")
        guard let first = violations.first else { return }
        var fault = Fault(.invalidArgument, .invalidRequest, "\(first.field) \(first.rule)")
        fault.violations = violations
        throw fault
    }
}

/// The fields of a message as the contract declares them: what JSON, paths and queries are checked against.
public struct MessageShape: Sendable {
    /// The full name in the contract.
    public let name: String
    /// In the order of their numbers.
    public let fields: [FieldShape]

    public init(_ name: String, _ fields: [FieldShape]) {
        self.name = name
        self.fields = fields
    }
}

/// One field of a message and the rules that its value must keep.
public struct FieldShape: Sendable {
    public enum Kind: Sendable {
        case bool, int32, int64, uint32, uint64, double, string, bytes
        /// RFC 3339 in JSON.
        case timestamp
        /// The names of its values, without the zero value when that is `_UNSPECIFIED`.
        case `enum`([String])
        /// A function, since messages may nest themselves.
        case message(@Sendable () -> MessageShape)
    }

    /// As the contract writes it, in snake case; REST uses the same name.
    public let name: String
    public let kind: Kind
    public let repeated: Bool
    /// The group of fields of which one may be given; `nil` for a field of its own.
    public let oneof: String?
    public let rule: FieldRule

    public init(
        _ name: String,
        _ kind: Kind,
        repeated: Bool = false,
        oneof: String? = nil,
        rule: FieldRule = FieldRule()
    ) {
        self.name = name
        self.kind = kind
        self.repeated = repeated
        self.oneof = oneof
        self.rule = rule
    }
}

/// What `(martlet.options.v1.rule)` says of a field.
///
/// Lengths are in characters (strings), bytes or items (repeated).
public struct FieldRule: Sendable, Hashable {
    public var required: Bool
    public var min: Int64?
    public var max: Int64?
    public var minLength: Int?
    public var maxLength: Int?
    /// For repeated fields.
    public var minItems: Int?
    public var maxItems: Int?

    public init(
        required: Bool = false,
        min: Int64? = nil,
        max: Int64? = nil,
        minLength: Int? = nil,
        maxLength: Int? = nil,
        minItems: Int? = nil,
        maxItems: Int? = nil
    ) {
        self.required = required
        self.min = min
        self.max = max
        self.minLength = minLength
        self.maxLength = maxLength
        self.minItems = minItems
        self.maxItems = maxItems
    }
}
