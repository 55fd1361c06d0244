public import MartletConfig

/// The settings of a service's own, read by flag, variable or file before it is built.
///
/// The name of each begins with the service's name, in every program: the setting `days` of the service `links` is
/// `--links-days` or `MARTLET_LINKS_DAYS`. Faults of all settings are reported at once, and end the program.
///
/// ```swift
/// struct LinksSettings: ServiceSettings {
///     let days: Int
///     let proxy: String?
///
///     init(_ reader: inout ConfigReader) {
///         days = reader.int("days", 30, in: 1...365, help: "How many days a link is kept.")
///         proxy = reader.optional("proxy", help: "The proxy of previews; none if missing.")
///     }
/// }
/// ```
public protocol ServiceSettings: Sendable {
    /// Reads each setting once.
    ///
    /// A setting that contradicts another one is a fault with the key `reader.flag(name)`.
    init(_ reader: inout ConfigReader)
}

extension ServiceSettings {
    /// Reads settings for a test.
    ///
    /// - Parameter arguments: Flags without the service's name, as in `--days` and `7`; presets apply to the others.
    /// - Throws: `ConfigFaults`.
    public static func read(_ arguments: [String] = []) throws -> Self {
        try Config.read(program: "the service", arguments: arguments, environment: [:]) { Self(&$0) }
    }
}

/// The settings of a service that has none.
public struct NoSettings: ServiceSettings {
    public init(_ reader: inout ConfigReader) {}
}
