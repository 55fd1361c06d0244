/// The instances of services, kept up to date in the background.
///
/// Keeps the last known instances while its source is unavailable.
public protocol Registry: Sendable {
    /// The instances of `service` as they are known now, by id; empty when none is known.
    ///
    /// Called for every call of the service: it reads memory only, and neither suspends nor asks the source. Between two
    /// changes it returns the same array, so that a caller may compare it with the one before.
    ///
    /// - Throws: `Fault` with `unavailable` when the source was never available.
    func snapshot(_ service: String) throws -> [Instance]

    /// All services that have an instance now, by name. As ``snapshot(_:)``, it reads memory only.
    func services() throws -> [String]

    /// Suspends until the instances of `service` differ from `known`, and returns the new ones.
    ///
    /// ``snapshot(_:)`` returns them from then on.
    ///
    /// - Throws: `CancellationError`.
    func changes(of service: String, from known: [Instance]) async throws -> [Instance]
}
