import SwiftProtobuf

/// What protobuf's JSON decoder refuses, in plain words.
package enum JSONDecodingText {
    /// The rule that the document breaks, as in `has a number that does not fit its field`; `nil` for another error.
    package static func rule(_ error: any Error) -> String? {
        guard let error = error as? JSONDecodingError else { return nil }
        return switch error {
        case .malformedNumber, .leadingZero: "has a number that is not written as one"
        case .numberRange: "has a number that does not fit its field"
        case .malformedBool: "has a value that must be true or false"
        case .malformedString, .invalidUTF8: "has a string that is not valid"
        case .malformedTimestamp: "has a time that does not exist, or is not between the years 1 and 9999"
        case .malformedDuration: "has a duration that is not valid"
        case .unrecognizedEnumValue: "has a name that is not a value of its field"
        case .illegalNull: "has null where a value must be"
        case .unknownField(let name): "has \(name), which is not a field"
        case .conflictingOneOf: "has two fields of which only one may be set"
        case .messageDepthLimit: "is nested too deep"
        case .truncated, .trailingGarbage, .missingFieldNames, .unquotedMapKey, .malformedMap: "is not JSON"
        default: "has a value of another type than its field"
        }
    }
}
