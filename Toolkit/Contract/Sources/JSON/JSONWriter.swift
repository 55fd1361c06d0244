import MartletCore
public import SwiftProtobuf

/// Writes a message as JSON with the contract's field names; generated code calls it for each field.
///
/// Every field is written, including zero, false and empty values; only absent fields with presence are left out.
/// Numbers are numbers, enums names, times RFC 3339 in UTC, bytes base64.
public struct JSONWriter {
    package private(set) var bytes: [UInt8] = []
    private var first = true

    package init() {}

    public mutating func text(_ name: String, _ value: String?) {
        if let value { member(name) { $0.string(value) } }
    }

    public mutating func texts(_ name: String, _ values: [String]) { list(name, values) { $0.string($1) } }

    public mutating func octets(_ name: String, _ value: (some Collection<UInt8>)?) {
        if let value { member(name) { $0.string(Base64.text(value)) } }
    }

    public mutating func octetsList(_ name: String, _ values: [some Collection<UInt8>]) {
        list(name, values) { $0.string(Base64.text($1)) }
    }

    public mutating func number<Number: BinaryInteger>(_ name: String, _ value: Number?) {
        if let value { member(name) { $0.raw(String(value)) } }
    }

    public mutating func numbers<Number: BinaryInteger>(_ name: String, _ values: [Number]) {
        list(name, values) { $0.raw(String($1)) }
    }

    /// Infinity and NaN are written as `null`.
    public mutating func fraction(_ name: String, _ value: Double?) {
        if let value { member(name) { $0.raw(value.isFinite ? "\(value)" : "null") } }
    }

    public mutating func fractions(_ name: String, _ values: [Double]) {
        list(name, values) { $0.raw($1.isFinite ? "\($1)" : "null") }
    }

    public mutating func flag(_ name: String, _ value: Bool?) {
        if let value { member(name) { $0.raw(value ? "true" : "false") } }
    }

    public mutating func flags(_ name: String, _ values: [Bool]) {
        list(name, values) { $0.raw($1 ? "true" : "false") }
    }

    /// An unspecified value is left out.
    public mutating func choice(_ name: String, _ value: (some ContractEnum)?) {
        if let value, !value.isUnspecified { member(name) { $0.string(value.contractName) } }
    }

    public mutating func choices(_ name: String, _ values: [some ContractEnum]) {
        list(name, values) { $0.string($1.contractName) }
    }

    public mutating func timestamp(_ name: String, _ value: Google_Protobuf_Timestamp?) {
        if let value { member(name) { $0.string(Timestamp(value).description) } }
    }

    public mutating func timestamps(_ name: String, _ values: [Google_Protobuf_Timestamp]) {
        list(name, values) { $0.string(Timestamp($1).description) }
    }

    public mutating func message(_ name: String, _ value: (some ContractMessage)?) {
        if let value { member(name) { $0.object(value) } }
    }

    public mutating func messages(_ name: String, _ values: [some ContractMessage]) {
        list(name, values) { $0.object($1) }
    }

    /// A value without a member name.
    mutating func object(_ message: some ContractMessage) {
        object { message.write(to: &$0) }
    }

    /// Braces around the members that `body` writes.
    package mutating func object(_ body: (inout JSONWriter) -> Void) {
        bytes.append(UInt8(ascii: "{"))
        first = true
        body(&self)
        bytes.append(UInt8(ascii: "}"))
        first = false
    }

    /// An object with the members that `body` writes.
    package mutating func members(_ name: String, _ body: (inout JSONWriter) -> Void) {
        member(name) { $0.object(body) }
    }

    /// A list of objects, each with the members that `body` writes.
    package mutating func objects<Value>(_ name: String, _ values: [Value], body: (inout JSONWriter, Value) -> Void) {
        list(name, values) { writer, value in writer.object { body(&$0, value) } }
    }

    /// `text` as a JSON string.
    static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension ContractMessage {
    /// The message as one JSON object.
    public var jsonBytes: [UInt8] {
        var writer = JSONWriter()
        writer.object(self)
        return writer.bytes
    }
}

extension JSONWriter {
    private mutating func member(_ name: String, _ value: (inout JSONWriter) -> Void) {
        if !first { bytes.append(UInt8(ascii: ",")) }
        string(name)
        bytes.append(UInt8(ascii: ":"))
        value(&self)
        first = false
    }

    private mutating func list<Value>(_ name: String, _ values: [Value], item: (inout JSONWriter, Value) -> Void) {
        member(name) { writer in
            writer.bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { writer.bytes.append(UInt8(ascii: ",")) }
                item(&writer, value)
            }
            writer.bytes.append(UInt8(ascii: "]"))
        }
    }

    private mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: bytes.append(contentsOf: "\\n".utf8)
            case 0x0D: bytes.append(contentsOf: "\\r".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20: bytes.append(contentsOf: "\\u00\(byte.hexadecimal)".utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// RFC 4648, section 4.
private enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let group = rest.prefix(3)
            rest = rest.dropFirst(3)
            let value = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for position in 0..<4 {
                let digit = digits[Int(value >> UInt32(18 - 6 * position) & 63)]
                text.append(position <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
