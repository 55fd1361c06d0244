/// Which version of its service a process runs.
package enum ReplicaVersion: Int, Sendable, Comparable {
    /// That of this repository.
    case present
    /// Adds steps to the schema that the present one does not know, and with which it works.
    case next
    /// Also has a step that breaks the others.
    case afterNext

    package static func < (left: ReplicaVersion, right: ReplicaVersion) -> Bool { left.rawValue < right.rawValue }
}
