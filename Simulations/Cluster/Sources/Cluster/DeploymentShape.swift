/// How the databases of a world are deployed.
package enum DeploymentShape: String, Sendable, CaseIterable, Codable {
    /// One process per service, each with its own file and computer.
    case laptop
    /// Several replicas per service on one database server each.
    case cluster
}
