/// Says where services run.
///
/// It answers from what it knew last when its source is away.
public protocol Registry: Sendable {
    /// The instances of `service`, by id; empty when none is known.
    ///
    /// Cheap enough for every call: it does not ask a distant party each time.
    ///
    /// - Throws: `Fault` with `unavailable` when the source was never reached.
    func resolve(_ service: String) async throws -> [Instance]

    /// All services that have an instance, by name.
    func services() async throws -> [String]

    /// Suspends until the instances of `service` differ from `known`, and answers the new ones.
    ///
    /// - Throws: `CancellationError`.
    func changes(of service: String, from known: [Instance]) async throws -> [Instance]
}
