import Logging
import MartletContract
import MartletCore
import MartletTelemetry
import Synchronization

/// Puts a service's scope around the calls that it answers, counts them, and says in the log when one broke.
///
/// The edges write the line about each request.
struct CallObservation: Sendable {
    private let telemetry: Telemetry
    private let time: any TimeSource
    private let instruments: Instruments

    init(_ telemetry: Telemetry, time: any TimeSource) {
        self.telemetry = telemetry
        self.time = time
        instruments = Instruments(telemetry.metrics)
    }

    func observe(_ contract: ServedContract) -> ServedContract {
        contract.mapForms { method, form in
            switch form {
            case .unary(let handle):
                .unary { request, context in
                    try await observed(method, context) { try await handle(request, context) }
                }
            case .serverStream(let handle):
                .serverStream { request, context in
                    let stream = try await observed(method, context) { try await handle(request, context) }
                    return ResponseStream { try await telemetry.scope { try await stream.pull() } }
                }
            }
        }
    }

    private func observed<R>(
        _ method: MethodDescriptor,
        _ context: CallContext,
        _ call: () async throws -> R
    ) async throws -> R {
        try await telemetry.scope {
            try await TraceContext.$current.withValue(context.trace) {
                let start = time.now
                do {
                    let result = try await call()
                    finished(method, nil, after: time.now - start)
                    return result
                } catch {
                    finished(method, Fault(describing: error), after: time.now - start)
                    throw error
                }
            }
        }
    }

    private func finished(_ method: MethodDescriptor, _ fault: Fault?, after wait: Duration) {
        let code = fault.map { "\($0.code)" } ?? "ok"
        instruments.called(method.path, code, wait)
        let logger = Logger.current
        var facts: Logger.Metadata = ["method": "\(method.path)", "code": "\(code)", "ms": "\(wait.milliseconds)"]
        guard let fault else { return logger.debug("call answered", metadata: facts) }
        facts["reason"] = "\(fault.reason)"
        if fault.code == .internal || fault.code == .unknown {
            logger.error("call failed", error: fault.cause ?? fault, metadata: facts)
        } else {
            logger.debug("call answered", metadata: facts)
        }
    }

    private final class Instruments: Sendable {
        private struct Known {
            var calls: [String: Counter] = [:]
            var seconds: [String: Histogram] = [:]
        }

        private let metrics: MetricsRegistry
        private let known = Mutex(Known())

        init(_ metrics: MetricsRegistry) { self.metrics = metrics }

        func called(_ method: String, _ code: String, _ wait: Duration) {
            let (counter, histogram) = known.withLock { known in
                let key = "\(method) \(code)"
                let counter =
                    known.calls[key]
                    ?? metrics.counter(
                        "martlet_server_calls_total",
                        help: "Calls answered, by outcome.",
                        labels: ["method": method, "code": code]
                    )
                known.calls[key] = counter
                let histogram =
                    known.seconds[method]
                    ?? metrics.histogram(
                        "martlet_server_call_seconds",
                        help: "Time to answer a call.",
                        labels: ["method": method]
                    )
                known.seconds[method] = histogram
                return (counter, histogram)
            }
            counter.add()
            histogram.record(wait)
        }
    }
}
