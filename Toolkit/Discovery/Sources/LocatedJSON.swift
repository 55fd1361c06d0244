import MartletCore

/// JSON with the line of each value, for error messages.
struct LocatedJSON {
    enum Value {
        case object([(key: String, value: LocatedJSON)])
        case array([LocatedJSON])
        case string(String)
        /// A number, true, false or null, as written.
        case literal(String)
    }

    let value: Value
    /// From 1.
    let line: Int

    struct Fault: Error, Equatable {
        let line: Int
        let message: String
    }

    static let depthLimit = 16

    static func parse(_ bytes: [UInt8]) throws(Fault) -> LocatedJSON {
        var parser = Parser(bytes: bytes)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.peek == nil else { throw parser.fault("unexpected text after the end") }
        return value
    }

    private struct Parser {
        let bytes: [UInt8]
        var position = 0
        var line = 1

        init(bytes: [UInt8]) { self.bytes = bytes }

        var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

        func fault(_ message: String) -> Fault { Fault(line: line, message: message) }

        mutating func skipSpace() {
            while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
                if byte == 0x0A { line += 1 }
                position += 1
            }
        }

        mutating func expect(_ byte: Character) throws(Fault) {
            skipSpace()
            guard peek == byte.asciiValue else { throw fault("\(byte) is expected") }
            position += 1
        }

        mutating func isNext(_ byte: Character) -> Bool {
            skipSpace()
            return peek == byte.asciiValue
        }

        mutating func value(depth: Int) throws(Fault) -> LocatedJSON {
            guard depth < LocatedJSON.depthLimit else { throw fault("nested too deeply") }
            skipSpace()
            let start = line
            switch peek {
            case UInt8(ascii: "{"): return LocatedJSON(value: try object(depth), line: start)
            case UInt8(ascii: "["): return LocatedJSON(value: try array(depth), line: start)
            case UInt8(ascii: "\""): return LocatedJSON(value: .string(try string()), line: start)
            default: return LocatedJSON(value: .literal(try literal()), line: start)
            }
        }

        mutating func object(_ depth: Int) throws(Fault) -> Value {
            try expect("{")
            var members: [(key: String, value: LocatedJSON)] = []
            if !isNext("}") {
                repeat {
                    skipSpace()
                    let key = try string()
                    guard !members.contains(where: { ExactText($0.key) == ExactText(key) }) else {
                        throw fault("\"\(key)\" is given twice")
                    }
                    try expect(":")
                    members.append((key, try value(depth: depth + 1)))
                } while try skipComma()
            }
            try expect("}")
            return .object(members)
        }

        mutating func array(_ depth: Int) throws(Fault) -> Value {
            try expect("[")
            var items: [LocatedJSON] = []
            if !isNext("]") {
                repeat { items.append(try value(depth: depth + 1)) } while try skipComma()
            }
            try expect("]")
            return .array(items)
        }

        /// False when there is no comma, and so no further element.
        mutating func skipComma() throws(Fault) -> Bool {
            guard isNext(",") else { return false }
            try expect(",")
            return true
        }

        /// A string without escapes, which names and addresses do not need.
        mutating func string() throws(Fault) -> String {
            try expect("\"")
            let start = position
            while let byte = peek, byte != UInt8(ascii: "\"") {
                guard byte >= 0x20, byte != UInt8(ascii: "\\") else { throw fault("escapes are not supported") }
                position += 1
            }
            let text = String(decoding: bytes[start..<position], as: UTF8.self)
            try expect("\"")
            return text
        }

        mutating func literal() throws(Fault) -> String {
            let start = position
            while let byte = peek, byte > 0x20, !Array(",]}{[:\"".utf8).contains(byte) { position += 1 }
            guard start < position else { throw fault("a value is expected") }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }
    }
}
