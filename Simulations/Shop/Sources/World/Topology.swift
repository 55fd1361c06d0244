/// Where the databases of a world live.
public enum Topology: String, Sendable, CaseIterable, Codable {
    /// One process per service, which owns its file, on one computer each.
    case laptop
    /// Several replicas per service on one database server each.
    case cluster
}
