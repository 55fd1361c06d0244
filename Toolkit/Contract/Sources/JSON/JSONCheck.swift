import MartletCore

/// Compares JSON with the shape of a message, so that whatever is wrong is answered with its field's path.
///
/// Refused: what is not JSON, unknown fields, fields given twice, two fields of one oneof, wrong types, numbers that
/// the field cannot hold. Rules of the contract are for `ContractMessage.check`, after decoding.
public struct JSONCheck {
    /// Objects and lists inside each other.
    public static let depthLimit = 32

    private enum Step {
        case name(String)
        case index(Int)
    }

    private enum Stop: Error {
        case malformed(JSONScanner.Malformed)
        case tooDeep
        case enough
    }

    private var scanner: JSONScanner
    private var path: [Step]
    private var violations: [FieldViolation] = []

    private init(_ bytes: [UInt8], path: [Step]) {
        scanner = JSONScanner(bytes)
        self.path = path
    }

    /// - Parameters:
    ///   - given: Fields that something else fills; they may not stand in the object.
    ///   - prefix: Where the object stands in the request; empty for the request itself.
    /// - Throws: `Fault`: `request.malformed` with line and column, or `request.invalid`, each with fields.
    public static func check(
        _ bytes: [UInt8],
        against shape: MessageShape,
        given: Set<String> = [],
        prefix: String = ""
    ) throws {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw malformed("body", "is not UTF-8") }
        var check = JSONCheck(bytes, path: prefix.isEmpty ? [] : [.name(prefix)])
        do {
            try check.document(shape, given)
        } catch Stop.malformed(let found) {
            let (line, column) = position(of: found.offset, in: bytes)
            throw malformed(
                check.place.isEmpty ? "body" : check.place,
                "is not JSON at line \(line), column \(column): expected \(found.expected)"
            )
        } catch Stop.tooDeep {
            throw malformed(check.place, "is nested deeper than \(depthLimit) levels")
        } catch Stop.enough {}
        guard let first = check.violations.first else { return }
        var fault = Fault(.invalidArgument, .invalidRequest, "\(first.field) \(first.rule)")
        fault.violations = check.violations
        throw fault
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
    private var place: String {
        var text = ""
        for step in path {
            switch step {
            case .name(let name): text += text.isEmpty ? name : ".\(name)"
            case .index(let index): text += "[\(index)]"
            }
        }
        return text
    }

    private mutating func refuse(_ rule: String) throws(Stop) {
        violations.append(FieldViolation(field: place.isEmpty ? "body" : place, rule: rule))
        if violations.count >= RuleCheck.violationsLimit { throw .enough }
    }

    private mutating func scan<Value>(
        _ body: (inout JSONScanner) throws(JSONScanner.Malformed) -> Value
    ) throws(Stop) -> Value {
        do { return try body(&scanner) } catch { throw .malformed(error) }
    }

    private mutating func document(_ shape: MessageShape, _ given: Set<String>) throws(Stop) {
        let start = try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.start() }
        if start == .object {
            try object(shape, given, depth: 1)
        } else {
            try refuse("must be an object")
            try skip(depth: 1)
        }
        try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.end() }
    }

    private mutating func object(_ shape: MessageShape, _ given: Set<String>, depth: Int) throws(Stop) {
        var seen: Set<String> = []
        var oneofs: [String: String] = [:]
        try members(depth: depth) { (check, name) throws(Stop) in
            guard let field = shape.fields.first(where: { $0.name == name }) else {
                try check.refuse("is no field of \(shape.name)")
                return try check.skip(depth: depth + 1)
            }
            if !seen.insert(name).inserted { try check.refuse("is given twice") }
            if given.contains(name) { try check.refuse("is given by the path") }
            if try check.takesNull() { return }
            if let oneof = field.oneof, let other = oneofs.updateValue(name, forKey: oneof), other != name {
                try check.refuse("is given beside \(other)")
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
        _ body: (inout JSONCheck, String) throws(Stop) -> Void
    ) throws(Stop) {
        guard depth <= Self.depthLimit else { throw .tooDeep }
        try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.expect("{") }
        if scanner.take("}") { return }
        repeat {
            let name = try scan { (scanner) throws(JSONScanner.Malformed) in
                guard try scanner.start() == .string else { throw scanner.malformed("a name in quotes") }
                let name = try scanner.string()
                try scanner.expect(":")
                return name
            }
            path.append(.name(name.unicodeScalars.count > 64 ? String(name.unicodeScalars.prefix(64)) : name))
            try body(&self, name)
            path.removeLast()
        } while scanner.take(",")
        try scan { (scanner) throws(JSONScanner.Malformed) in
            guard scanner.take("}") else { throw scanner.malformed("',' or '}'") }
        }
    }

    private mutating func items(depth: Int, _ body: (inout JSONCheck) throws(Stop) -> Void) throws(Stop) {
        guard depth <= Self.depthLimit else { throw .tooDeep }
        try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.expect("[") }
        if scanner.take("]") { return }
        var index = 0
        repeat {
            path.append(.index(index))
            try body(&self)
            path.removeLast()
            index += 1
        } while scanner.take(",")
        try scan { (scanner) throws(JSONScanner.Malformed) in
            guard scanner.take("]") else { throw scanner.malformed("',' or ']'") }
        }
    }

    private mutating func list(of field: FieldShape, depth: Int) throws(Stop) {
        guard try scan({ (scanner) throws(JSONScanner.Malformed) in try scanner.start() }) == .list else {
            try refuse("must be a list")
            return try skip(depth: depth)
        }
        try items(depth: depth) { (check) throws(Stop) in
            if try check.takesNull() {
                try check.refuse("must not be null")
            } else {
                try check.value(of: field, depth: depth + 1)
            }
        }
    }

    private mutating func takesNull() throws(Stop) -> Bool {
        try scan { (scanner) throws(JSONScanner.Malformed) in
            let before = scanner
            guard try scanner.start() == .word else { return false }
            if try scanner.word() == "null" { return true }
            scanner = before
            return false
        }
    }

    private mutating func value(of field: FieldShape, depth: Int) throws(Stop) {
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
        case .string: token = .string(try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.string() })
        case .number: token = .number(try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.number() })
        case .word: token = .word(try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.word() })
        case .object, .list:
            try refuse(ScalarText.expectation(of: field.kind))
            return try skip(depth: depth)
        }
        if let broken = ScalarText.broken(token, field.kind, field.rule) { try refuse(broken) }
    }

    private mutating func skip(depth: Int) throws(Stop) {
        let start = try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.start() }
        switch start {
        case .object: try members(depth: depth) { (check, _) throws(Stop) in try check.skip(depth: depth + 1) }
        case .list: try items(depth: depth) { (check) throws(Stop) in try check.skip(depth: depth + 1) }
        case .string: _ = try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.string() }
        case .number: _ = try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.number() }
        case .word: _ = try scan { (scanner) throws(JSONScanner.Malformed) in try scanner.word() }
        }
    }
}
