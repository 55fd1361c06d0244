/// The instances of services.
///
/// Returns the last known instances while its source is unavailable.
public protocol Registry: Sendable {
    /// The instances of `service`, by id; empty when none is known.
    ///
    /// Cheap enough for every call: not a remote query each time.
    ///
    /// - Throws: `Fault` with `unavailable` when the source was never available.
    func resolve(_ service: String) async throws -> [Instance]

    /// All services that have an instance, by name.
    func services() async throws -> [String]

    /// Suspends until the instances of `service` differ from `known`, and returns the new ones.
    ///
    /// - Throws: `CancellationError`.
    func changes(of service: String, from known: [Instance]) async throws -> [Instance]
}
