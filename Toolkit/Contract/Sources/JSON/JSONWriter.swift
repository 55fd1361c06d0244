import MartletCore
public import SwiftProtobuf

/// Writes a message as JSON with the contract's field names; generated code calls it for each field.
///
/// Every field is written, including zero, false and empty values; only absent fields with presence are left out.
/// Numbers are numbers, enums names, times RFC 3339 in UTC, bytes base64.
///
/// What has a generic parameter is inlined into the generated code, where the type is known: with types that are looked up at
/// run time a message took three times as long.
public struct JSONWriter {
    package private(set) var bytes: [UInt8] = []
    /// Nothing precedes the next member or item in its object or list.
    private var first = true

    package init() {}

    public mutating func text(_ name: String, _ value: String?) {
        guard let value else { return }
        member(name)
        string(value)
    }

    public mutating func texts(_ name: String, _ values: [String]) { list(name, values) { $0.string($1) } }

    @inlinable
    public mutating func octets(_ name: String, _ value: (some Collection<UInt8>)?) {
        if let value { base64(name, Array(value)) }
    }

    @inlinable
    public mutating func octetsList(_ name: String, _ values: [some Collection<UInt8>]) {
        base64List(name, values.map { Array($0) })
    }

    @inlinable
    public mutating func number<Number: FixedWidthInteger>(_ name: String, _ value: Number?) {
        if let value { decimal(name, isNegative: value < 0, UInt64(value.magnitude)) }
    }

    @inlinable
    public mutating func numbers<Number: FixedWidthInteger>(_ name: String, _ values: [Number]) {
        decimals(name, values.map { (isNegative: $0 < 0, magnitude: UInt64($0.magnitude)) })
    }

    /// Infinity and NaN are written as `null`.
    public mutating func fraction(_ name: String, _ value: Double?) {
        guard let value else { return }
        member(name)
        fraction(value)
    }

    public mutating func fractions(_ name: String, _ values: [Double]) { list(name, values) { $0.fraction($1) } }

    public mutating func flag(_ name: String, _ value: Bool?) {
        guard let value else { return }
        member(name)
        raw(value ? "true" : "false")
    }

    public mutating func flags(_ name: String, _ values: [Bool]) {
        list(name, values) { $0.raw($1 ? "true" : "false") }
    }

    /// An unspecified value is left out.
    public mutating func choice(_ name: String, _ value: (some ContractEnum)?) {
        guard let value, !value.isUnspecified else { return }
        member(name)
        string(value.contractName)
    }

    public mutating func choices(_ name: String, _ values: [some ContractEnum]) {
        list(name, values.map(\.contractName)) { $0.string($1) }
    }

    public mutating func timestamp(_ name: String, _ value: Google_Protobuf_Timestamp?) {
        guard let value else { return }
        member(name)
        string(Timestamp(value).description)
    }

    public mutating func timestamps(_ name: String, _ values: [Google_Protobuf_Timestamp]) {
        list(name, values) { $0.string(Timestamp($1).description) }
    }

    @inlinable
    public mutating func message(_ name: String, _ value: (some ContractMessage)?) {
        guard let value else { return }
        member(name)
        object(value)
    }

    @inlinable
    public mutating func messages(_ name: String, _ values: [some ContractMessage]) {
        member(name)
        openList()
        for value in values {
            item()
            object(value)
        }
        closeList()
    }

    /// A value without a member name.
    @inlinable
    mutating func object(_ message: some ContractMessage) {
        openObject()
        message.write(to: &self)
        closeObject()
    }

    /// Braces around the members that `body` writes.
    package mutating func object(_ body: (inout JSONWriter) -> Void) {
        openObject()
        body(&self)
        closeObject()
    }

    /// An object with the members that `body` writes.
    package mutating func members(_ name: String, _ body: (inout JSONWriter) -> Void) {
        member(name)
        object(body)
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
        writer.reserve()
        writer.object(self)
        return writer.bytes
    }
}

// What the inlined functions call, without a generic parameter.
extension JSONWriter {
    @usableFromInline
    mutating func base64(_ name: String, _ value: [UInt8]) {
        member(name)
        base64(value)
    }

    @usableFromInline
    mutating func base64List(_ name: String, _ values: [[UInt8]]) { list(name, values) { $0.base64($1) } }

    @usableFromInline
    mutating func decimal(_ name: String, isNegative: Bool, _ magnitude: UInt64) {
        member(name)
        decimal(isNegative, magnitude)
    }

    @usableFromInline
    mutating func decimals(_ name: String, _ values: [(isNegative: Bool, magnitude: UInt64)]) {
        list(name, values) { $0.decimal($1.isNegative, $1.magnitude) }
    }

    /// The name of a member, which is an identifier of a contract; its value follows.
    @usableFromInline
    mutating func member(_ name: String) {
        item()
        bytes.append(UInt8(ascii: "\""))
        raw(name)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    /// The comma before a member or an item that is not the first one.
    @usableFromInline
    mutating func item() {
        if !first { bytes.append(UInt8(ascii: ",")) }
        first = false
    }

    @usableFromInline
    mutating func openObject() { open(UInt8(ascii: "{")) }

    @usableFromInline
    mutating func closeObject() { close(UInt8(ascii: "}")) }

    @usableFromInline
    mutating func openList() { open(UInt8(ascii: "[")) }

    @usableFromInline
    mutating func closeList() { close(UInt8(ascii: "]")) }
}

extension JSONWriter {
    /// What most messages need, so that they do not grow from nothing.
    fileprivate mutating func reserve() { bytes.reserveCapacity(512) }

    private mutating func open(_ bracket: UInt8) {
        bytes.append(bracket)
        first = true
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        first = false
    }

    private mutating func list<Value>(_ name: String, _ values: [Value], item: (inout JSONWriter, Value) -> Void) {
        member(name)
        openList()
        for value in values {
            self.item()
            item(&self, value)
        }
        closeList()
    }

    private mutating func raw(_ text: String) {
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    private mutating func fraction(_ value: Double) { raw(value.isFinite ? "\(value)" : "null") }

    private mutating func decimal(_ isNegative: Bool, _ magnitude: UInt64) {
        if isNegative { bytes.append(UInt8(ascii: "-")) }
        raw(String(magnitude))
    }

    private mutating func base64(_ value: [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        Base64.append(value, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { text in
            let isPlain = text.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
            if isPlain { bytes.append(contentsOf: text) } else { escape(text) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ text: UnsafeBufferPointer<UInt8>) {
        for byte in text {
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
    }
}

/// RFC 4648, section 4.
private enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func append(_ value: [UInt8], to text: inout [UInt8]) {
        for start in stride(from: 0, to: value.count, by: 3) {
            let count = min(3, value.count - start)
            var group: UInt32 = 0
            for position in 0..<3 { group = group << 8 | (position < count ? UInt32(value[start + position]) : 0) }
            for position in 0..<4 {
                let digit = digits[Int(group >> UInt32(18 - 6 * position) & 63)]
                text.append(position <= count ? digit : UInt8(ascii: "="))
            }
        }
    }
}
