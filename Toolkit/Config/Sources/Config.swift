import MartletCore

/// A program's configuration: flags, environment and a file, read once.
public enum Config {
    /// The prefix of all our variables.
    package static let prefix = "MARTLET_"

    /// The setting that names the file of settings.
    static let fileSetting = "settings"

    /// Variables that are not settings; their readers validate them.
    static let ignoredVariables = [CrashPoints.variable]

    /// Reads all settings by `body`, then rejects flags, variables and lines of the file that it has not read.
    ///
    /// The flag `--settings` names the file, which has one `http-port = 8081` a line. A flag wins over a variable, and a
    /// variable over the file. What is rejected is reported with the known name that is nearest to it.
    ///
    /// - Parameters:
    ///   - program: The program's name in the help text.
    ///   - arguments: Without the program's name.
    ///   - environment: The process's environment; only names that begin with `MARTLET_` are settings, but for those by
    ///     which Kubernetes names services.
    ///   - switches: Flags whose value may be omitted and is then `true`.
    ///   - body: Reads each setting once, and builds the settings from them.
    /// - Throws: ``ConfigFaults`` with every fault; ``HelpRequested`` for `--help`, and for `--help=markdown`, which gives the
    ///   settings as a table; errors of `body`.
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
    static func variable(_ name: String) -> String {
        prefix + name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }
}
