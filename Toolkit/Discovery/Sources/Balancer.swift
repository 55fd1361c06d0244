import MartletCore
import Synchronization

/// Chooses an instance for each call, round-robin.
package final class Balancer: Sendable {
    private let service: String
    private let registry: any Registry
    private let roundRobin = Mutex(RoundRobin())

    package init(for service: String, in registry: any Registry) {
        self.service = service
        self.registry = registry
    }

    /// The next instance that satisfies `isSuitable`.
    ///
    /// - Throws: `Fault` with `unavailable` when there is none.
    package func pick(where isSuitable: (Instance) -> Bool = { _ in true }) async throws -> Instance {
        let instances = try await registry.resolve(service).filter(isSuitable)
        guard let index = roundRobin.withLock({ $0.next(of: instances.count) }) else {
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

/// The service has no running instance: the call was not made.
struct NoInstance: CallNotMade, Equatable {
    let service: String
}

/// Cycles through indices.
struct RoundRobin: Sendable, Equatable {
    private var last = -1

    /// An index below `count`; `nil` when `count` is 0.
    mutating func next(of count: Int) -> Int? {
        guard count > 0 else { return nil }
        last = (last + 1) % count
        return last
    }
}
