import MartletContract
import MartletCore
import MartletTelemetry
import Synchronization

/// The metrics of the calls to one peer.
final class CallMetrics: Sendable {
    private struct Key: Hashable {
        let method: String
        let outcome: String
    }

    private struct Instruments {
        var calls: [Key: Counter] = [:]
        var seconds: [String: Histogram] = [:]
    }

    private let peer: String
    private let registry: MetricsRegistry
    private let instruments = Mutex(Instruments())
    let retries: Counter

    init(peer: String, registry: MetricsRegistry) {
        self.peer = peer
        self.registry = registry
        retries = registry.counter(
            "martlet_client_retries_total",
            help: "Calls to other services that were repeated.",
            labels: ["peer": peer]
        )
    }

    func called(_ method: MethodDescriptor, _ outcome: FaultCode?, took duration: Duration) {
        let name = method.path
        let outcome = outcome.map { "\($0)" } ?? "ok"
        let (counter, histogram) = instruments.withLock { instruments in
            let key = Key(method: name, outcome: outcome)
            let counter =
                instruments.calls[key]
                ?? registry.counter(
                    "martlet_client_calls_total",
                    help: "Attempts of calls to other services by outcome.",
                    labels: ["peer": peer, "method": name, "code": outcome]
                )
            instruments.calls[key] = counter
            let histogram =
                instruments.seconds[name]
                ?? registry.histogram(
                    "martlet_client_call_seconds",
                    help: "Time of one attempt of a call to another service.",
                    labels: ["peer": peer, "method": name]
                )
            instruments.seconds[name] = histogram
            return (counter, histogram)
        }
        counter.add()
        histogram.record(duration)
    }
}
