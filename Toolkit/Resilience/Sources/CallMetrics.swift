import MartletContract
import MartletCore
import MartletTelemetry

/// The metrics of the calls to one peer.
final class CallMetrics: Sendable {
    private struct Key: Hashable {
        let method: ExactText
        let outcome: FaultCode?
    }

    private let instruments: ResolvedInstruments<Key, TimedInstruments>
    let retries: Counter

    init(peer: String, registry: MetricsRegistry) {
        instruments = ResolvedInstruments { key in
            let method = key.method.text
            let outcome = key.outcome.map { "\($0)" } ?? "ok"
            return TimedInstruments(
                count: registry.counter(
                    "martlet_client_calls_total",
                    help: "Attempts of calls to other services by outcome.",
                    labels: ["peer": peer, "method": method, "code": outcome]
                ),
                seconds: registry.histogram(
                    "martlet_client_call_seconds",
                    help: "Time of one attempt of a call to another service.",
                    labels: ["peer": peer, "method": method]
                )
            )
        }
        retries = registry.counter(
            "martlet_client_retries_total",
            help: "Calls to other services that were repeated.",
            labels: ["peer": peer]
        )
    }

    func called(_ method: MethodDescriptor, _ outcome: FaultCode?, took duration: Duration) {
        instruments[Key(method: ExactText(method.path), outcome: outcome)].record(duration)
    }
}
