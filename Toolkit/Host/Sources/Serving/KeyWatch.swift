import MartletSecurity
import MartletTelemetry
import ServiceLifecycle

/// Keeps the public keys of a process current while it serves.
struct KeyWatch: Service, CustomStringConvertible {
    let verifier: TokenVerifier

    var description: String { "public keys" }

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await verifier.watch() }
            // Keys that never change need no watch.
            try await gracefulShutdown()
        } catch is CancellationError {}
    }

    /// Exports whether keys cannot be read.
    static func export(_ verifier: TokenVerifier, to metrics: MetricsRegistry) {
        metrics.read(
            "martlet_keys_unreadable",
            help: "Issuers whose public keys cannot be read: their last valid ones stay in use."
        ) { Double(verifier.faults.count) }
    }
}
