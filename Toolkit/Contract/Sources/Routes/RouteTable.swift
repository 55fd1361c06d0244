/// Finds the route for a verb and a path.
///
/// A literal segment takes precedence over a variable. A path that ends with a custom verb of the contract is a path of
/// that verb only: a name that ends so has its colon percent-encoded.
package struct RouteTable<Target: Sendable>: Sendable {
    /// Segments of one path; longer paths match no route.
    package static var segmentsLimit: Int { RouteTree.segmentsLimit }

    private var tree = RouteTree()
    private var targets: [Target] = []

    package init() {}

    /// - Throws: `Fault` with `internal` when `rule` has no valid template, or its verb and path are already bound.
    package mutating func add(_ rule: HTTPRule, _ target: Target) throws {
        try tree.add(rule, targets.count)
        targets.append(target)
    }

    /// - Parameters:
    ///   - verb: The method of HTTP, in capitals.
    ///   - path: The raw, percent-encoded path without the query.
    /// - Throws: `Fault` with `invalidArgument` when the encoding of a variable is invalid.
    package func find(_ verb: String, _ path: String) throws -> RouteMatch<Target> {
        switch try tree.find(verb, path) {
        case .found(let number, let template, let variables):
            .found(targets[number], template: template, variables: variables)
        case .otherVerbs(let verbs): .otherVerbs(verbs)
        case .unknownPath: .unknownPath
        }
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
