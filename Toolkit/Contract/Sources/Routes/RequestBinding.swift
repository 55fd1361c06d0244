import MartletCore

/// Builds a request from path, query and body by its HTTP rule: one JSON object with the contract's field names, with
/// every value checked against the shape.
package enum RequestBinding {
    /// The most parameters in one query.
    package static let parametersLimit = 100

    /// - Parameters:
    ///   - shape: The fields of the request.
    ///   - rule: Which field the body fills: `*` for all that the path does not, empty for none.
    ///   - variables: The fields that the path fills.
    ///   - query: The raw, percent-encoded query without the question mark. A nested field is written with dots, as in
    ///     `page.size`; a repeated field repeats its name.
    ///   - body: JSON; an empty body means an object without members.
    /// - Throws: `Fault` with `invalidArgument` and the fields by name.
    package static func json(
        of shape: MessageShape,
        by rule: HTTPRule,
        variables: [PathVariable],
        query: some StringProtocol,
        body: [UInt8]
    ) throws -> [UInt8] {
        var tree = ParameterTree()
        for variable in variables { tree.add(variable.name, variable.value, path: [variable.name], in: shape) }
        let given = Set(variables.map(\.name))
        let closed = rule.body == "*" ? nil : given.union([rule.body])
        try tree.add(query: query, in: shape, closed: closed)
        if !tree.violations.isEmpty {
            var fault = Fault(
                .invalidArgument,
                .invalidRequest,
                tree.violations.first.map { "\($0.field) \($0.rule)" } ?? ""
            )
            fault.violations = tree.violations
            throw fault
        }
        switch rule.body {
        case "":
            guard body.isEmpty else { throw JSONCheck.malformed("body", "must be empty") }
            return Array("{\(tree.members)}".utf8)
        case "*":
            guard !body.isEmpty else { return joined(tree.members, body) }
            return joined(tree.members, try JSONCheck.check(body, against: shape, given: given))
        default:
            guard let field = shape.fields.first(where: { $0.name == rule.body }), case .message(let inner) = field.kind
            else { throw Fault(.internal, .internal, "the body of \(rule.path) is not a message field") }
            let checked = try body.isEmpty ? body : JSONCheck.check(body, against: inner(), prefix: field.name)
            let members = tree.members + (tree.members.isEmpty ? "" : ",") + "\"\(field.name)\":"
            return Array("{\(members)".utf8) + (checked.isEmpty ? Array("{}".utf8) : checked) + Array("}".utf8)
        }
    }

    /// Prepends the members to those of `body`, which is already checked to be an object.
    private static func joined(_ members: String, _ body: [UInt8]) -> [UInt8] {
        guard let brace = body.firstIndex(of: UInt8(ascii: "{")) else { return Array("{\(members)}".utf8) }
        let rest = body[(brace + 1)...]
        let blanks: [UInt8] = [0x20, 0x0A, 0x0D, 0x09]
        let isEmpty = rest.first { !blanks.contains($0) } == UInt8(ascii: "}")
        return Array("{\(members)\(members.isEmpty || isEmpty ? "" : ",")".utf8) + rest
    }
}

/// The values from a path and a query, by field name, before they are written as JSON.
struct ParameterTree {
    private enum Node {
        /// JSON literals.
        case values([String], repeated: Bool)
        case object([(name: String, node: Node)])
    }

    private var root: [(name: String, node: Node)] = []
    private(set) var violations: [FieldViolation] = []

    /// As members of a JSON object, without braces.
    var members: String { Self.members(root) }

    /// - Parameter closed: Fields that the query must not fill; `nil` when it must not fill any.
    mutating func add(query: some StringProtocol, in shape: MessageShape, closed: Set<String>?) throws {
        let pairs = query.split(separator: "&")
        guard pairs.count <= RequestBinding.parametersLimit else {
            throw JSONCheck.malformed("query", "must have at most \(RequestBinding.parametersLimit) parameters")
        }
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentCoding.decoded(parts[0], plusIsBlank: true),
                let value = PercentCoding.decoded(parts.count > 1 ? parts[1] : "", plusIsBlank: true)
            else { throw JSONCheck.malformed("query", "is not percent-encoded UTF-8") }
            let path = name.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
            guard let closed, !closed.contains(path[0]), path.count <= 4 else {
                refuse(name, "is not a parameter of this request")
                continue
            }
            add(name, value, path: path, in: shape)
        }
    }

    mutating func add(_ name: String, _ value: String, path: [String], in shape: MessageShape) {
        var shape = shape
        for step in path.dropLast() {
            guard case .message(let inner)? = shape.fields.first(where: { $0.name == step && !$0.repeated })?.kind
            else {
                return refuse(name, "is not a parameter of this request")
            }
            shape = inner()
        }
        guard let field = shape.fields.first(where: { $0.name == path.last }) else {
            return refuse(name, "is not a parameter of this request")
        }
        if case .message = field.kind {
            return refuse(name, "is not a parameter of this request: name a field inside it")
        }
        switch ScalarText.literal(value, kind: field.kind, rule: field.rule) {
        case .failure(let violation): refuse(name, violation.rule)
        case .success(let literal):
            if !Self.insert(literal, repeated: field.repeated, at: path[...], into: &root) {
                refuse(name, "is given twice")
            }
        }
    }

    private mutating func refuse(_ field: String, _ rule: String) {
        guard violations.count < RuleCheck.violationsLimit else { return }
        violations.append(FieldViolation(field: String(field.unicodeScalars.prefix(64)), rule: rule))
    }

    private static func insert(
        _ literal: String,
        repeated: Bool,
        at path: ArraySlice<String>,
        into members: inout [(name: String, node: Node)]
    ) -> Bool {
        guard let name = path.first else { return false }
        let index = members.firstIndex { $0.name == name }
        if path.count == 1 {
            guard let index else {
                members.append((name, .values([literal], repeated: repeated)))
                return true
            }
            guard case .values(let old, true) = members[index].node else { return false }
            members[index].node = .values(old + [literal], repeated: true)
            return true
        }
        var inner: [(name: String, node: Node)] = []
        if let index, case .object(let old) = members[index].node { inner = old }
        guard insert(literal, repeated: repeated, at: path.dropFirst(), into: &inner) else { return false }
        if let index { members[index].node = .object(inner) } else { members.append((name, .object(inner))) }
        return true
    }

    private static func members(_ members: [(name: String, node: Node)]) -> String {
        members.map { name, node in
            switch node {
            case .values(let literals, true): "\"\(name)\":[\(literals.joined(separator: ","))]"
            case .values(let literals, false): "\"\(name)\":\(literals.first ?? "null")"
            case .object(let inner): "\"\(name)\":{\(Self.members(inner))}"
            }
        }.joined(separator: ",")
    }
}
