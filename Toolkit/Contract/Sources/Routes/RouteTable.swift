import MartletCore

/// Finds the route for a verb and a path.
///
/// A literal segment takes precedence over a variable. A path that ends with a custom verb of the contract is a path of
/// that verb only: a name that ends so has its colon percent-encoded.
package struct RouteTable<Target: Sendable>: Sendable {
    /// Segments of one path; longer paths match no route.
    package static var segmentsLimit: Int { 32 }

    private struct Leaf: Sendable {
        let template: PathTemplate
        let verb: HTTPRule.Verb
        let target: Target
    }

    private struct Node: Sendable {
        var literals: [ExactText: Int] = [:]
        var any: Int?
        var leaves: [Leaf] = []
    }

    private var nodes: [Node] = [Node()]

    package init() {}

    /// - Throws: `Fault` with `internal` when `rule` has no valid template, or its verb and path are already bound.
    package mutating func add(_ rule: HTTPRule, _ target: Target) throws {
        let template = try PathTemplate(rule.path)
        var node = 0
        for segment in template.segments { node = child(of: node, segment) }
        guard !nodes[node].leaves.contains(where: { $0.verb == rule.verb && $0.template.verb == template.verb }) else {
            throw Fault(.internal, .internal, "two methods are bound to \(rule.verb.rawValue) \(rule.path)")
        }
        nodes[node].leaves.append(Leaf(template: template, verb: rule.verb, target: target))
    }

    /// - Parameters:
    ///   - verb: The method of HTTP, in capitals.
    ///   - path: The raw, percent-encoded path without the query.
    /// - Throws: `Fault` with `invalidArgument` when the encoding of a variable is invalid.
    package func find(_ verb: String, _ path: some StringProtocol) throws -> RouteMatch<Target> {
        guard path.first == "/" else { return .unknownPath }
        let pieces = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
        guard pieces.count <= Self.segmentsLimit, let last = pieces.last else { return .unknownPath }
        var allowed: Set<HTTPRule.Verb> = []
        if let colon = last.lastIndex(of: ":"), colon > last.startIndex {
            let custom = String(last[last.index(after: colon)...])
            let shorter = pieces.dropLast() + [String(last[..<colon])]
            if let leaf = leaf(below: 0, of: Array(shorter), at: 0, custom: custom, verb: verb, allowed: &allowed) {
                return try match(leaf, Array(shorter))
            }
            guard allowed.isEmpty else { return .otherVerbs(allowed.sorted { $0.rawValue < $1.rawValue }) }
        }
        if let leaf = leaf(below: 0, of: pieces, at: 0, custom: "", verb: verb, allowed: &allowed) {
            return try match(leaf, pieces)
        }
        return allowed.isEmpty ? .unknownPath : .otherVerbs(allowed.sorted { $0.rawValue < $1.rawValue })
    }

    private func match(_ leaf: Leaf, _ pieces: [String]) throws -> RouteMatch<Target> {
        let variables = try leaf.template.variables.map { variable in
            let values = pieces[variable.segments].map { PercentCoding.decoded($0) }
            let decoded = values.compactMap { $0 }
            guard decoded.count == values.count else {
                throw JSONCheck.malformed(variable.name, "is not percent-encoded UTF-8")
            }
            return PathVariable(name: variable.name, value: decoded.joined(separator: "/"))
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

    private func leaf(
        below node: Int,
        of pieces: [String],
        at index: Int,
        custom: String,
        verb: String,
        allowed: inout Set<HTTPRule.Verb>
    ) -> Leaf? {
        guard index < pieces.count else {
            let matching = nodes[node].leaves.filter { $0.template.verb == custom }
            allowed.formUnion(matching.map(\.verb))
            return matching.first { $0.verb.rawValue == verb }
        }
        if let next = nodes[node].literals[ExactText(pieces[index])],
            let found = leaf(below: next, of: pieces, at: index + 1, custom: custom, verb: verb, allowed: &allowed)
        {
            return found
        }
        guard let next = nodes[node].any, !pieces[index].isEmpty else { return nil }
        return leaf(below: next, of: pieces, at: index + 1, custom: custom, verb: verb, allowed: &allowed)
    }
}

/// The result of a lookup in a route table.
package enum RouteMatch<Target: Sendable>: Sendable {
    /// The variables are decoded, in the order of the template.
    case found(Target, template: String, variables: [PathVariable])
    /// The path exists for these verbs only.
    case otherVerbs([HTTPRule.Verb])
    case unknownPath
}

/// A field of a request that its path fills.
package struct PathVariable: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}
