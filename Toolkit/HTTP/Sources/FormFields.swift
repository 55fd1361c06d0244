import MartletCore

/// The names and values of a form or a query, decoded and in their order.
public struct FormFields: Sendable, Hashable {
    /// One name with its value.
    public struct Field: Sendable, Hashable {
        public let name: String
        public let value: String
    }

    public let fields: [Field]

    /// Reads `a=1&b=%20`, as forms and queries write it: `+` is a space, a name without `=` has an empty value.
    ///
    /// - Throws: `Fault` with `invalidArgument` for a percent-encoding that is not valid, or not of UTF-8.
    public init(_ text: some StringProtocol) throws {
        fields = try text.utf8.split(separator: UInt8(ascii: "&")).map { pair in
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            return Field(
                name: try Self.decoded(Array(parts[0])),
                value: parts.count == 2 ? try Self.decoded(Array(parts[1])) : ""
            )
        }
    }

    /// The first value of a name, compared by its bytes; `nil` when there is none.
    public subscript(_ name: String) -> String? { values(name).first }

    /// All values of a name.
    public func values(_ name: String) -> [String] {
        fields.filter { $0.name.utf8.elementsEqual(name.utf8) }.map(\.value)
    }

    private static func decoded(_ encoded: [UInt8]) throws -> String {
        var bytes: [UInt8] = []
        var rest = encoded[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = digit(rest.popFirst()), let low = digit(rest.popFirst()) else { throw malformed }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw malformed }
        return text
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        switch byte {
        case let byte? where UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte: byte - UInt8(ascii: "0")
        case let byte? where UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte: byte - UInt8(ascii: "a") + 10
        case let byte? where UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte: byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static var malformed: Fault {
        Fault(.invalidArgument, "request.malformed", "must be percent-encoded UTF-8", field: "form")
    }
}
