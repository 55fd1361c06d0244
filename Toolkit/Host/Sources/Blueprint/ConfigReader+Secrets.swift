public import MartletConfig
import MartletSecurity

extension ConfigReader {
    /// A secret, whose setting names its file: only the process's user may read it.
    ///
    /// - Parameters:
    ///   - name: The name of the flag without its leading dashes and the service's name.
    ///   - help: One line for the help text.
    public mutating func secret(_ name: String, help: String) -> SecretSource {
        var message = "must not be empty"
        return value(name, isRequired: true, or: SecretSource(""), help: "File: \(help)", expected: { message }) {
            Self.secret(at: $0, &message)
        }
    }

    /// A secret that may be missing; see ``secret(_:help:)``.
    public mutating func optionalSecret(_ name: String, help: String) -> SecretSource? {
        var message = "must not be empty"
        return value(name, isRequired: false, or: nil, help: "File: \(help)", expected: { message }) {
            Self.secret(at: $0, &message).map(Optional.some)
        }
    }

    private static func secret(at path: String, _ message: inout String) -> SecretSource? {
        guard !path.isEmpty else { return nil }
        do {
            return try SecretSource(path: path)
        } catch {
            message = error.message
            return nil
        }
    }
}
