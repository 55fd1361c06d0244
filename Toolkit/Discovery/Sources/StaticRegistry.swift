public import MartletCore

/// A registry that never changes.
public struct StaticRegistry: Registry {
    private let instances: [String: [Instance]]
    private let time: any TimeSource

    public init(_ services: [String: [Instance]], time: any TimeSource) {
        instances = services.mapValues { $0.sorted() }.filter { !$0.value.isEmpty }
        self.time = time
    }

    public func snapshot(_ service: String) -> [Instance] { instances[service] ?? [] }

    public func services() -> [String] { instances.keys.sorted() }

    public func changes(of service: String, from known: [Instance]) async throws -> [Instance] {
        let now = instances[service] ?? []
        // Nothing ever changes: a watcher that knows the instances waits until it is cancelled.
        while known == now { try await time.sleep(for: .seconds(3_600)) }
        return now
    }
}
