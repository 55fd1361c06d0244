import MartletCore

/// Checks JSON against the shape of a message and reports each violation with its field path.
///
/// Refuses malformed JSON, unknown fields, duplicate fields, two fields of one oneof, wrong types and numbers out of
/// the type's range. The contract's rules are checked by `ContractMessage.check`, after decoding.
package struct JSONCheck {
    /// Nesting levels of objects and lists.
    package static let depthLimit = 32

    private enum PathElement {
        case name(String)
        case index(Int)
    }

    private enum Abort: Error {
        case malformed(JSONScanner.Malformed)
        case tooDeep
        case tooManyViolations
    }

    private var scanner: JSONScanner
    private var path: [PathElement]
    private var violations: [FieldViolation] = []
    /// The times that are not in UTC, in order: where they are, and what they are in UTC.
    private var times: [(range: Range<Int>, utc: String)] = []

    private init(_ bytes: [UInt8], path: [PathElement]) {
        scanner = JSONScanner(bytes)
        self.path = path
    }

    /// - Parameters:
    ///   - bytes: The JSON text, in UTF-8.
    ///   - shape: The fields of the message.
    ///   - given: Fields that the path fills; the object must not contain them.
    ///   - prefix: The field path of the object in the request; empty for the request itself.
    /// - Returns: The JSON with every time in UTC, which every decoder reads.
    /// - Throws: `Fault`: `request.malformed` with line and column, or `request.invalid`, each with the fields.
    @discardableResult
    package static func check(
        _ bytes: [UInt8],
        against shape: MessageShape,
        given: Set<String> = [],
        prefix: String = ""
    ) throws -> [UInt8] {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw malformed("body", "is not UTF-8") }
        var check = JSONCheck(bytes, path: prefix.isEmpty ? [] : [.name(prefix)])
        do {
            try check.document(shape, given)
        } catch Abort.malformed(let found) {
            let (line, column) = position(of: found.offset, in: bytes)
            throw malformed(
                check.fieldPath.isEmpty ? "body" : check.fieldPath,
                "is not JSON at line \(line), column \(column): expected \(found.expected)"
            )
        } catch Abort.tooDeep {
            throw malformed(check.fieldPath, "is nested deeper than \(depthLimit) levels")
        } catch Abort.tooManyViolations {}
        guard let first = check.violations.first else { return check.inUTC(bytes) }
        var fault = Fault(.invalidArgument, .invalidRequest, "\(first.field) \(first.rule)")
        fault.violations = check.violations
        throw fault
    }

    private func inUTC(_ bytes: [UInt8]) -> [UInt8] {
        guard !times.isEmpty else { return bytes }
        var result: [UInt8] = []
        var end = 0
        for time in times {
            result.append(contentsOf: bytes[end..<time.range.lowerBound])
            result.append(contentsOf: JSONWriter.quoted(time.utc).utf8)
            end = time.range.upperBound
        }
        result.append(contentsOf: bytes[end...])
        return result
    }

    static func malformed(_ field: String, _ rule: String) -> Fault {
        var fault = Fault(.invalidArgument, .malformedRequest, "\(field) \(rule)")
        fault.violations = [FieldViolation(field: field, rule: rule)]
        return fault
    }

    /// Both from 1; a column is a byte.
    private static func position(of offset: Int, in bytes: [UInt8]) -> (line: Int, column: Int) {
        let before = bytes.prefix(offset)
        let line = before.count { $0 == 0x0A } + 1
        let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return (line, before.count - start + 1)
    }
}

extension JSONCheck {
    private var fieldPath: String {
        var text = ""
        for element in path {
            switch element {
            case .name(let name): text += text.isEmpty ? name : ".\(name)"
            case .index(let index): text += "[\(index)]"
            }
        }
        return text
    }

    private mutating func refuse(_ rule: String) throws(Abort) {
        violations.append(FieldViolation(field: fieldPath.isEmpty ? "body" : fieldPath, rule: rule))
        if violations.count >= RuleCheck.violationsLimit { throw .tooManyViolations }
    }

    private mutating func scan<Value>(
        _ body: (inout JSONScanner) throws(JSONScanner.Malformed) -> Value
    ) throws(Abort) -> Value {
        do { return try body(&scanner) } catch { throw .malformed(error) }
    }

    private mutating func document(_ shape: MessageShape, _ given: Set<String>) throws(Abort) {
        let start = try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.start() }
        if start == .object {
            try object(shape, given, depth: 1)
        } else {
            try refuse("must be an object")
            try skip(depth: 1)
        }
        try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.end() }
    }

    private mutating func object(_ shape: MessageShape, _ given: Set<String>, depth: Int) throws(Abort) {
        var seen = Array(repeating: false, count: shape.fields.count)
        var oneofs: [ExactText: String] = [:]
        try members(depth: depth) { (check, name) throws(Abort) in
            guard let index = shape.index(of: ExactText(name)) else {
                try check.refuse("is not a field of \(shape.name)")
                return try check.skip(depth: depth + 1)
            }
            let field = shape.fields[index]
            if seen[index] { try check.refuse("is given twice") }
            seen[index] = true
            if !given.isEmpty, given.contains(name) { try check.refuse("is given by the path") }
            if try check.consumesNull() { return }
            if let oneof = field.oneof, let other = oneofs.updateValue(name, forKey: ExactText(oneof)), other != name {
                try check.refuse("is set together with \(other)")
            }
            if field.repeated {
                try check.list(of: field, depth: depth + 1)
            } else {
                try check.value(of: field, depth: depth + 1)
            }
        }
    }

    /// Reads an object member by member; `body` reads the value, with the path at its name.
    private mutating func members(
        depth: Int,
        _ body: (inout JSONCheck, String) throws(Abort) -> Void
    ) throws(Abort) {
        guard depth <= Self.depthLimit else { throw .tooDeep }
        try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.expect("{") }
        if scanner.consume("}") { return }
        repeat {
            let name = try scan { (scanner) throws(JSONScanner.Malformed) in
                guard try scanner.start() == .string else { throw scanner.malformed("a name in quotes") }
                let name = try scanner.string()
                try scanner.expect(":")
                return name
            }
            path.append(.name(name.utf8.count > 64 ? String(name.unicodeScalars.prefix(64)) : name))
            try body(&self, name)
            path.removeLast()
        } while scanner.consume(",")
        try scan { (scanner) throws(JSONScanner.Malformed) in
            guard scanner.consume("}") else { throw scanner.malformed("',' or '}'") }
        }
    }

    private mutating func items(depth: Int, _ body: (inout JSONCheck) throws(Abort) -> Void) throws(Abort) {
        guard depth <= Self.depthLimit else { throw .tooDeep }
        try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.expect("[") }
        if scanner.consume("]") { return }
        var index = 0
        repeat {
            path.append(.index(index))
            try body(&self)
            path.removeLast()
            index += 1
        } while scanner.consume(",")
        try scan { (scanner) throws(JSONScanner.Malformed) in
            guard scanner.consume("]") else { throw scanner.malformed("',' or ']'") }
        }
    }

    private mutating func list(of field: FieldShape, depth: Int) throws(Abort) {
        guard try scan({ (scanner) throws(JSONScanner.Malformed) in try scanner.start() }) == .list else {
            try refuse("must be a list")
            return try skip(depth: depth)
        }
        try items(depth: depth) { (check) throws(Abort) in
            if try check.consumesNull() {
                try check.refuse("must not be null")
            } else {
                try check.value(of: field, depth: depth + 1)
            }
        }
    }

    private mutating func consumesNull() throws(Abort) -> Bool {
        try scan { (scanner) throws(JSONScanner.Malformed) in
            guard try scanner.start() == .keyword else { return false }
            let before = scanner
            if try scanner.keyword() == "null" { return true }
            scanner = before
            return false
        }
    }

    private mutating func value(of field: FieldShape, depth: Int) throws(Abort) {
        let start = try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.start() }
        if case .message(let shape) = field.kind {
            guard start == .object else {
                try refuse("must be an object")
                return try skip(depth: depth)
            }
            return try object(shape(), [], depth: depth)
        }
        let token: ScalarText.Token
        switch start {
        case .string:
            let first = scanner.offset
            let text = try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.string() }
            token = .string(text)
            if case .timestamp = field.kind, let utc = ScalarText.utc(text), utc != text {
                times.append((first..<scanner.offset, utc))
            }
        case .number: token = .number(try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.number() })
        case .keyword: token = .keyword(try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.keyword() })
        case .object, .list:
            try refuse(ScalarText.expectation(of: field.kind))
            return try skip(depth: depth)
        }
        if let violation = ScalarText.violation(token, kind: field.kind, rule: field.rule) { try refuse(violation) }
    }

    private mutating func skip(depth: Int) throws(Abort) {
        let start = try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.start() }
        switch start {
        case .object: try members(depth: depth) { (check, _) throws(Abort) in try check.skip(depth: depth + 1) }
        case .list: try items(depth: depth) { (check) throws(Abort) in try check.skip(depth: depth + 1) }
        case .string: _ = try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.string() }
        case .number: _ = try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.number() }
        case .keyword: _ = try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.keyword() }
        }
    }
}
