import MartletCore

/// A program's configuration: flags and environment, read once.
public enum Config {
    /// What every variable of ours begins with.
    public static let prefix = "MARTLET_"

    /// Variables that are no settings: who reads them refuses what is wrong with them.
    static let variablesOfOthers = [CrashPoints.variable]

    /// Reads all settings by `body`, then refuses whatever nobody asked for.
    ///
    /// - Parameters:
    ///   - arguments: Without the program's name.
    ///   - switches: Flags that may stand without a value and then mean `true`.
    /// - Throws: ``ConfigFaults`` with every fault; ``HelpRequested`` for `--help`; what `body` throws.
    public static func read<Settings>(
        program: String,
        arguments: [String],
        environment: [String: String],
        switches: Set<String> = [],
        _ body: (inout ConfigReader) throws -> Settings
    ) throws -> Settings {
        var reader = ConfigReader(
            program: program,
            arguments: arguments,
            environment: environment,
            switches: switches.union(["help"])
        )
        let settings = try body(&reader)
        try reader.finish()
        return settings
    }

    /// `http-port` → `MARTLET_HTTP_PORT`.
    public static func variable(_ name: String) -> String {
        prefix + name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }
}
