import MartletConfig

/// The settings of each service that a process runs, by the type of its blueprint.
struct BlueprintSettings: Sendable {
    private let settings: [ObjectIdentifier: any ServiceSettings]

    /// Reads the settings of each of `blueprints`, under its name.
    init(of blueprints: [any ServiceBlueprint.Type], _ reader: inout ConfigReader) {
        var settings: [ObjectIdentifier: any ServiceSettings] = [:]
        for blueprint in blueprints { settings[ObjectIdentifier(blueprint)] = Self.read(blueprint, &reader) }
        self.settings = settings
    }

    private static func read<Blueprint: ServiceBlueprint>(
        _ blueprint: Blueprint.Type,
        _ reader: inout ConfigReader
    ) -> any ServiceSettings {
        reader.scoped(Blueprint.name) { Blueprint.Settings(&$0) }
    }

    /// What was read; empty for a service that was not listed.
    func of<Blueprint: ServiceBlueprint>(_ blueprint: Blueprint.Type) -> [any ServiceSettings] {
        settings[ObjectIdentifier(blueprint)].map { [$0] } ?? []
    }
}
