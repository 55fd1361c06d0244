import MartletCore
import MartletTelemetry
import Synchronization

/// Clocks that a test advances, and random numbers that differ.
final class SteppedRuntime: TimeSource, Entropy {
    private let nanoseconds = Atomic<Int64>(0)
    private let draws = Atomic<UInt64>(0)

    var now: Moment { Moment(nanoseconds: nanoseconds.load(ordering: .relaxed)) }
    /// One second after 1970 when the test starts.
    var date: Timestamp { Timestamp(microseconds: 1_000_000 + nanoseconds.load(ordering: .relaxed) / 1_000) }
    var drawn: UInt64 { draws.load(ordering: .relaxed) }

    func sleep(until moment: Moment) async throws { throw CancellationError() }
    func next() -> UInt64 { draws.wrappingAdd(1, ordering: .relaxed).newValue &* 0x9E37_79B9_7F4A_7C15 }
    func advance(_ duration: Duration) { nanoseconds.wrappingAdd(duration.nanosecondsClamped, ordering: .relaxed) }
}

/// A tracer whose ended spans a test takes.
struct TracerFixture {
    let runtime = SteppedRuntime()
    let buffer: SpanBuffer
    let dropped = Counter.forTests
    let tracer: ServiceTracer

    init(_ sampling: TraceSampling = .following(share: 1), limit: Int = 100, attributes: [ExactText] = []) {
        buffer = SpanBuffer(limit: limit, batch: 50, dropped: dropped)
        tracer = ServiceTracer(
            service: "parcels",
            runtime: Runtime(time: runtime, entropy: runtime),
            sampling: sampling,
            spans: buffer,
            attributes: attributes
        )
    }
}

extension Counter {
    static var forTests: Counter { MetricsRegistry(service: "s").counter("dropped_total", help: "Dropped.") }
}
