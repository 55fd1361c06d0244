public import MartletCore

/// Instances that are written down once and never change.
public struct StaticRegistry: Registry {
    private let known: [String: [Instance]]
    private let time: any TimeSource

    public init(_ services: [String: [Instance]], time: any TimeSource) {
        known = services.mapValues { $0.sorted() }.filter { !$0.value.isEmpty }
        self.time = time
    }

    public func resolve(_ service: String) async throws -> [Instance] { known[service] ?? [] }

    public func services() async throws -> [String] { known.keys.sorted() }

    public func changes(of service: String, from known: [Instance]) async throws -> [Instance] {
        let now = self.known[service] ?? []
        // Nothing ever changes, so who knows the instances waits for the end of the world or of the task.
        while known == now { try await time.sleep(for: .seconds(3_600)) }
        return now
    }
}
