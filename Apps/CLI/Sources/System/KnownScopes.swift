import Console
import MartletContract
import MartletHost

/// The scopes that some contract, or an endpoint beside contracts, requires.
enum KnownScopes {
    /// Those of `scopes` that nothing requires, in order.
    static func unknown(_ scopes: [String], in topology: Topology) -> [String] {
        let known =
            topology.scopes.map(\.name) + topology.endpoints.map(\.users)
            + OperateMethods.all.compactMap(\.access.scope)
        return scopes.filter { !known.contains($0) }
    }
}
