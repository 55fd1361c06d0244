import Logging
import MartletCore
import MartletTelemetry
import Synchronization

/// Sends the spans of a process to a collector, in batches.
///
/// Nothing waits for it: while the collector is away, spans wait in the buffer up to its limit, and the rest is dropped
/// and counted.
final class SpanExporter: Sendable {
    struct Limits: Sendable {
        /// Spans of one request.
        var batch = 512
        /// Spans that wait.
        var waiting = 4_096
        /// How long a span waits for a batch to be full.
        var interval = Duration.seconds(1)
        /// Of one request.
        var timeout = Duration.seconds(10)
        /// Of one batch; then it is dropped.
        var attempts = 5
        var retryDelayMin = Duration.seconds(1)
        var retryDelayMax = Duration.seconds(30)
        /// At an orderly end.
        var flush = Duration.seconds(2)
        /// Of a collector's answer.
        var responseBytesMax = 64 << 10
    }

    struct Answer: Sendable {
        let status: Int
        /// In seconds, as the header has it.
        let retryAfter: String?
        let body: [UInt8]
    }

    /// Sends the body of a request, within a time.
    typealias Send = @Sendable ([UInt8], Duration) async throws -> Answer

    private enum Outcome {
        case done(refused: Int)
        case refused(status: Int)
        case retry(after: Duration?, cause: String)
    }

    private let buffer: SpanBuffer
    private let instance: String
    private let limits: Limits
    private let runtime: Runtime
    private let metrics: SpanMetrics
    private let send: Send
    /// What is being sent.
    private let current = Mutex<[EndedSpan]>([])

    init(
        of buffer: SpanBuffer,
        instance: String,
        limits: Limits,
        runtime: Runtime,
        metrics: SpanMetrics,
        send: @escaping Send
    ) {
        self.buffer = buffer
        self.instance = instance
        self.limits = limits
        self.runtime = runtime
        self.metrics = metrics
        self.send = send
    }

    /// Exports until its task is cancelled.
    func run() async throws {
        while true {
            try await buffer.isReady.wait(until: runtime.time.now + limits.interval, runtime.time)
            while next() { try await export() }
        }
    }

    /// Exports what is left, at most for `limits.flush`; the rest is dropped and counted.
    func flush() async {
        let deadline = runtime.time.now + limits.flush
        while next() {
            let left = min(limits.timeout, deadline - runtime.time.now)
            guard left > .zero, case .done(let refused) = await attempt(within: left) else {
                repeat { drop(metrics.unsent) } while next()
                return
            }
            finish(refused: refused)
        }
    }

    /// Takes a batch, unless there is one.
    ///
    /// - Returns: False when there is nothing to send.
    private func next() -> Bool {
        current.withLock { current in
            if current.isEmpty { current = buffer.take() }
            return !current.isEmpty
        }
    }

    /// Sends the current batch, again after failures that may end.
    private func export() async throws {
        let backoff = Backoff(initial: limits.retryDelayMin, maximum: limits.retryDelayMax)
        for attempt in 1... {
            switch await self.attempt(within: limits.timeout) {
            case .done(let refused): return finish(refused: refused)
            case .refused(let status):
                warn("the collector refused spans, they are dropped", ["http.status": "\(status)"])
                return drop(metrics.refused)
            case .retry(let pause, let cause):
                try Task.checkCancellation()
                guard attempt < limits.attempts else {
                    warn("spans cannot be exported, they are dropped", ["error": "\(cause)", "attempts": "\(attempt)"])
                    return drop(metrics.unsent)
                }
                let delay = backoff.delay(after: attempt, runtime.entropy)
                try await runtime.time.sleep(for: min(max(pause ?? .zero, delay), limits.retryDelayMax))
            }
        }
    }

    private func attempt(within timeout: Duration) async -> Outcome {
        let body = TracesRequest(current.withLock { $0 }, instance: instance).bytes
        do {
            let answer = try await send(body, timeout)
            switch answer.status {
            case 200..<300: return .done(refused: TracesResponse(answer.body).rejected)
            case 429, 502, 503, 504:
                let pause = answer.retryAfter.flatMap { Int64($0) }.map { Duration.seconds(max(0, min($0, 3_600))) }
                return .retry(after: pause, cause: "status \(answer.status)")
            default: return .refused(status: answer.status)
            }
        } catch {
            return .retry(after: nil, cause: "\(error)")
        }
    }

    private func finish(refused: Int) {
        let count = taken()
        metrics.exported.add(max(0, count - refused))
        metrics.refused.add(min(count, refused))
    }

    private func drop(_ counter: Counter) { counter.add(taken()) }

    /// Ends the current batch; returns its size.
    private func taken() -> Int {
        current.withLock { current in
            defer { current = [] }
            return current.count
        }
    }

    private func warn(_ message: Logger.Message, _ metadata: Logger.Metadata) {
        Logger.current.warning(message, metadata: metadata)
    }
}

/// The counters of a process's spans.
struct SpanMetrics: Sendable {
    let exported: Counter
    /// No space while the collector was slow or away.
    let overflowed: Counter
    /// By the collector.
    let refused: Counter
    /// After all attempts, or at the end of the process.
    let unsent: Counter

    init(in registry: MetricsRegistry) {
        exported = registry.counter("martlet_spans_exported_total", help: "Spans that the collector has accepted.")
        func dropped(_ reason: String) -> Counter {
            registry.counter(
                "martlet_spans_dropped_total",
                help: "Spans that the collector has not got, by reason.",
                labels: ["reason": reason]
            )
        }
        overflowed = dropped("overflow")
        refused = dropped("refused")
        unsent = dropped("unsent")
    }
}
