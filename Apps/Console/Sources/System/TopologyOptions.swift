package import ArgumentParser

/// Selects a system by its topology.
package struct TopologyOptions: ParsableArguments {
    @Option(
        name: .customLong("topology"),
        help: ArgumentHelp(
            "The system's topology.",
            discussion:
                "Also set by \(Topology.variable). (default: \(Topology.fileName) beside the programs or above them)",
            valueName: "file"
        ),
        completion: .file(extensions: ["json"])
    )
    package var path: String?

    package init() {}

    /// - Throws: ``CommandFailure`` when there is none.
    package func topology() throws(CommandFailure) -> Topology {
        if let path { return try Topology.read(path) }
        return try Topology.installed.get()
    }
}
