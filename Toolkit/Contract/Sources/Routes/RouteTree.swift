import MartletCore

/// The templates of a route table as a tree of their segments; each has the number of its target.
///
/// Not generic, unlike the table: the look-up of a generic type in another module is not specialised, and took 5 µs instead of
/// one (a path of two segments).
struct RouteTree: Sendable {
    static let segmentsLimit = 32

    private struct Leaf: Sendable {
        let template: PathTemplate
        let verb: HTTPRule.Verb
        let target: Int
    }

    private struct Node: Sendable {
        var literals: [ExactText: Int] = [:]
        var any: Int?
        var leaves: [Leaf] = []
    }

    /// What is looked for.
    private struct Request {
        let pieces: [Substring]
        /// The custom verb at the end of the path; empty for none.
        let custom: String
        /// `nil` for a verb that no rule has.
        let verb: HTTPRule.Verb?
    }

    private var nodes: [Node] = [Node()]

    mutating func add(_ rule: HTTPRule, _ target: Int) throws {
        let template = try PathTemplate(rule.path)
        var node = 0
        for segment in template.segments { node = child(of: node, segment) }
        guard !nodes[node].leaves.contains(where: { $0.verb == rule.verb && $0.template.verb == template.verb }) else {
            throw Fault(.internal, .internal, "two methods are bound to \(rule.verb.rawValue) \(rule.path)")
        }
        nodes[node].leaves.append(Leaf(template: template, verb: rule.verb, target: target))
    }

    func find(_ verb: String, _ path: String) throws -> RouteMatch<Int> {
        guard let pieces = Self.pieces(of: path), let last = pieces.last else { return .unknownPath }
        let verb = HTTPRule.Verb(rawValue: verb)
        var allowed: Set<HTTPRule.Verb> = []
        if let colon = last.utf8.lastIndex(of: UInt8(ascii: ":")), colon > last.startIndex {
            let shorter: [Substring] = pieces.dropLast() + [last[..<colon]]
            let custom = String(last[last.utf8.index(after: colon)...])
            let request = Request(pieces: shorter, custom: custom, verb: verb)
            if let leaf = leaf(below: 0, of: request, at: 0, allowed: &allowed) { return try match(leaf, shorter) }
            guard allowed.isEmpty else { return Self.otherVerbs(allowed) }
        }
        let request = Request(pieces: pieces, custom: "", verb: verb)
        if let leaf = leaf(below: 0, of: request, at: 0, allowed: &allowed) { return try match(leaf, pieces) }
        return allowed.isEmpty ? .unknownPath : Self.otherVerbs(allowed)
    }

    private static func otherVerbs(_ verbs: Set<HTTPRule.Verb>) -> RouteMatch<Int> {
        .otherVerbs(verbs.sorted { $0.rawValue < $1.rawValue })
    }

    /// The segments of a path; `nil` for a path that does not begin with a slash, or has too many.
    private static func pieces(of path: String) -> [Substring]? {
        guard path.utf8.first == UInt8(ascii: "/") else { return nil }
        let pieces = path.utf8.dropFirst().split(
            separator: UInt8(ascii: "/"),
            maxSplits: segmentsLimit,
            omittingEmptySubsequences: false
        )
        return pieces.count <= segmentsLimit ? pieces.map { Substring($0) } : nil
    }

    private func match(_ leaf: Leaf, _ pieces: [Substring]) throws -> RouteMatch<Int> {
        let variables = try leaf.template.variables.map { variable in
            let values = try pieces[variable.segments].map { piece in
                guard let value = PercentCoding.decoded(piece) else {
                    throw JSONCheck.malformed(variable.name, "is not percent-encoded UTF-8")
                }
                return value
            }
            return PathVariable(name: variable.name, value: values.joined(separator: "/"))
        }
        return .found(leaf.target, template: leaf.template.text, variables: variables)
    }

    private mutating func child(of node: Int, _ segment: PathTemplate.Segment) -> Int {
        let known =
            switch segment {
            case .literal(let text): nodes[node].literals[ExactText(text)]
            case .any: nodes[node].any
            }
        if let known { return known }
        nodes.append(Node())
        let new = nodes.count - 1
        switch segment {
        case .literal(let text): nodes[node].literals[ExactText(text)] = new
        case .any: nodes[node].any = new
        }
        return new
    }

    /// - Parameter allowed: Gets the verbs of the path when it has not the one that is looked for.
    private func leaf(
        below node: Int,
        of request: Request,
        at index: Int,
        allowed: inout Set<HTTPRule.Verb>
    ) -> Leaf? {
        guard index < request.pieces.count else {
            for leaf in nodes[node].leaves where leaf.template.verb == request.custom {
                if leaf.verb == request.verb { return leaf }
                allowed.insert(leaf.verb)
            }
            return nil
        }
        let piece = request.pieces[index]
        if !nodes[node].literals.isEmpty, let next = nodes[node].literals[ExactText(String(piece))],
            let found = leaf(below: next, of: request, at: index + 1, allowed: &allowed)
        {
            return found
        }
        guard let next = nodes[node].any, !piece.isEmpty else { return nil }
        return leaf(below: next, of: request, at: index + 1, allowed: &allowed)
    }
}
