import Console
import MartletContract
import MartletHost

/// The scopes that some contract requires.
enum KnownScopes {
    /// Those of `scopes` that no contract requires, in order.
    static func unknown(_ scopes: [String], in topology: Topology) -> [String] {
        let known = topology.scopes.map(\.name) + OperateMethods.all.compactMap(\.access.scope)
        return scopes.filter { !known.contains($0) }
    }
}
