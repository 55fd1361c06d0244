import Synchronization

/// A registry within one process, for tests and simulations.
public final class InMemoryRegistry: Registry {
    private struct State {
        var services: [String: [Instance]] = [:]
        var watchers: [Int: AsyncStream<Void>.Continuation] = [:]
        var lastWatcher = 0
    }

    private let state = Mutex(State())

    public init(_ services: [String: [Instance]] = [:]) {
        for (service, instances) in services { set(service, instances) }
    }

    /// Replaces the instances of `service`; an empty list removes it.
    public func set(_ service: String, _ instances: [Instance]) {
        let watchers = state.withLock { state in
            state.services[service] = instances.isEmpty ? nil : instances.sorted()
            return state.watchers.sorted { $0.key < $1.key }.map(\.value)
        }
        for watcher in watchers { watcher.yield() }
    }

    public func snapshot(_ service: String) -> [Instance] { state.withLock { $0.services[service] ?? [] } }

    public func services() -> [String] { state.withLock { $0.services.keys.sorted() } }

    public func changes(of service: String, from known: [Instance]) async throws -> [Instance] {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.lastWatcher += 1
            state.watchers[state.lastWatcher] = continuation
            return state.lastWatcher
        }
        defer { state.withLock { $0.watchers[id] = nil } }
        var changes = stream.makeAsyncIterator()
        while true {
            let now = snapshot(service)
            if now != known { return now }
            guard await changes.next() != nil else { throw CancellationError() }
        }
    }
}
