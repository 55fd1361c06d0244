public import MartletCore
import Synchronization

/// Chooses an instance for each call, in turn.
public final class Balancer: Sendable {
    private let service: String
    private let registry: any Registry
    private let turn = Mutex(RoundRobin())

    public init(for service: String, in registry: any Registry) {
        self.service = service
        self.registry = registry
    }

    /// The next instance that `suits`.
    ///
    /// - Throws: `Fault` with `unavailable` when there is none.
    public func pick(where suits: (Instance) -> Bool = { _ in true }) async throws -> Instance {
        let instances = try await registry.resolve(service).filter(suits)
        guard let index = turn.withLock({ $0.next(of: instances.count) }) else {
            throw Fault(
                .unavailable,
                .unavailable,
                "\(service) has no running instance",
                retryAfter: .seconds(1),
                cause: NoInstance(service: service)
            )
        }
        return instances[index]
    }
}

/// Nobody serves this: the call was not made.
public struct NoInstance: CallNotMade, Equatable {
    public let service: String
}

/// Whose turn it is.
struct RoundRobin: Sendable, Equatable {
    private var last = -1

    /// An index below `count`; `nil` when `count` is 0.
    mutating func next(of count: Int) -> Int? {
        guard count > 0 else { return nil }
        last = (last + 1) % count
        return last
    }
}
