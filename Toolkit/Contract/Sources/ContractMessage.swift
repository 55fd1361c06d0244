public import MartletCore
public import SwiftProtobuf

/// A message of a contract that describes its own fields, for validation with field names.
public protocol ContractMessage: SwiftProtobuf.Message, Sendable {
    static var shape: MessageShape { get }
    /// Adds the violations of the contract's rules, in field order; `path` is the prefix of the field names.
    func check(_ violations: inout [FieldViolation], at path: String)
    /// Writes the fields as members of a JSON object, by field number.
    func write(to json: inout JSONWriter)
}

/// An enum of a contract, with the names of its values.
public protocol ContractEnum: SwiftProtobuf.Enum, CaseIterable, Sendable {
    /// The name in the contract, in capitals; the decimal number for a value that is newer than this code.
    var contractName: String { get }
}

extension ContractEnum {
    /// True for the zero value `…_UNSPECIFIED`.
    package var isUnspecified: Bool { rawValue == 0 && contractName.hasSuffix("_UNSPECIFIED") }
}

extension ContractMessage {
    /// - Throws: `Fault` with `invalidArgument` and every violation by field name.
    public func checkRules() throws {
        var violations: [FieldViolation] = []
        check(&violations, at: "")
        guard let first = violations.first else { return }
        var fault = Fault(.invalidArgument, .invalidRequest, "\(first.field) \(first.rule)")
        fault.violations = violations
        throw fault
    }
}

/// The fields of a message as the contract declares them; JSON, paths and queries are checked against it.
public struct MessageShape: Sendable {
    /// The full name in the contract.
    package let name: String
    /// In the order of their numbers.
    package let fields: [FieldShape]

    public init(_ name: String, _ fields: [FieldShape]) {
        self.name = name
        self.fields = fields
    }

    /// The place of a field in ``fields``; `nil` for an unknown one.
    ///
    /// By the indices: a search through the fields copies each of them.
    func index(of name: ExactText) -> Int? { fields.indices.first { ExactText(fields[$0].name) == name } }
}

/// One field of a message and the validation rule of its value.
public struct FieldShape: Sendable {
    public enum Kind: Sendable {
        case bool, int32, int64, uint32, uint64, double, string, bytes
        /// RFC 3339 in JSON.
        case timestamp
        /// The names of the values, without a zero value `…_UNSPECIFIED`.
        case `enum`([String])
        /// A function, since a message type may contain itself.
        case message(@Sendable () -> MessageShape)
    }

    /// The name in the contract, in snake case; REST uses the same name.
    package let name: String
    package let kind: Kind
    package let repeated: Bool
    /// The name of the `oneof` that contains the field; `nil` for none.
    package let oneof: String?
    let rule: FieldRule

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

/// The validation rule of a field, from the option `(martlet.options.v1.rule)`.
///
/// Lengths are in characters (strings), bytes or items (repeated).
public struct FieldRule: Sendable, Hashable {
    var required: Bool
    var min: Int64?
    var max: Int64?
    var minLength: Int?
    var maxLength: Int?
    /// For repeated fields.
    var minItems: Int?
    var maxItems: Int?
    /// For strings: only the characters `!` to `~`.
    var visibleASCII: Bool

    public init(
        required: Bool = false,
        min: Int64? = nil,
        max: Int64? = nil,
        minLength: Int? = nil,
        maxLength: Int? = nil,
        minItems: Int? = nil,
        maxItems: Int? = nil,
        visibleASCII: Bool = false
    ) {
        self.required = required
        self.min = min
        self.max = max
        self.minLength = minLength
        self.maxLength = maxLength
        self.minItems = minItems
        self.maxItems = maxItems
        self.visibleASCII = visibleASCII
    }
}
