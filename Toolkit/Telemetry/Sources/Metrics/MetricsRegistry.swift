import Synchronization

/// The metrics of one service.
///
/// An instrument is created on first use; equal names and labels are the same instrument.
///
/// Names follow Prometheus: lower case, base units, counters end in `_total`. Label values must come from a small set
/// that the program knows (a method, a topic), never from a request.
public final class MetricsRegistry: Sendable {
    /// Series of one registry; all further ones are counted in one series with the label `overflow`.
    static let seriesLimit = 2_000

    /// The registry of the running task's service.
    @TaskLocal public static var current = MetricsRegistry(service: "process")

    enum Instrument: Sendable {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
        case read(@Sendable () -> Double, Kind)
    }

    enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    struct Family: Sendable {
        let kind: Kind
        let help: String
        var series: [String: Instrument] = [:]
        /// Reads series whose values of one label are not known in advance.
        var collected: (@Sendable () -> [String: Instrument])?
    }

    struct State {
        var families: [String: Family] = [:]
        var seriesCount = 0
    }

    public let service: String
    let state = Mutex(State())

    public init(service: String) { self.service = service }

    public func counter(_ name: String, help: String, labels: KeyValuePairs<String, String> = [:]) -> Counter {
        let made = instrument(name, .counter, help: help, labels: Array(labels)) { .counter(Counter()) }
        guard case .counter(let counter) = made else { return Counter() }
        return counter
    }

    public func gauge(_ name: String, help: String, labels: KeyValuePairs<String, String> = [:]) -> Gauge {
        let made = instrument(name, .gauge, help: help, labels: Array(labels)) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = made else { return Gauge() }
        return gauge
    }

    /// - Parameters:
    ///   - name: In base units, as in `martlet_client_call_seconds`.
    ///   - help: One line for the exposition.
    ///   - bounds: Upper ends of the buckets, rising; the first use of a name decides.
    ///   - labels: Names and values of a small, known set.
    public func histogram(
        _ name: String,
        help: String,
        bounds: [Double] = Histogram.seconds,
        labels: KeyValuePairs<String, String> = [:]
    ) -> Histogram {
        let made = instrument(name, .histogram, help: help, labels: Array(labels)) {
            .histogram(Histogram(bounds: bounds))
        }
        guard case .histogram(let histogram) = made else { return Histogram(bounds: bounds) }
        return histogram
    }

    /// A gauge that is read at each scrape.
    ///
    /// A repeat replaces the reader.
    public func read(
        _ name: String,
        help: String,
        labels: KeyValuePairs<String, String> = [:],
        _ value: @escaping @Sendable () -> Double
    ) {
        replace(name, .gauge, help: help, labels: Array(labels), by: .read(value, .gauge))
    }

    /// A counter that is maintained elsewhere and read at each scrape.
    ///
    /// A repeat replaces the reader.
    public func readTotal(
        _ name: String,
        help: String,
        labels: KeyValuePairs<String, String> = [:],
        _ value: @escaping @Sendable () -> Double
    ) {
        replace(name, .counter, help: help, labels: Array(labels), by: .read(value, .counter))
    }

    /// Counters that are maintained elsewhere by name and read at each scrape: one series per name.
    ///
    /// A repeat replaces the reader.
    public func readTotals(
        _ name: String,
        help: String,
        label: String,
        _ values: @escaping @Sendable () -> [String: Int]
    ) {
        let service = service
        state.withLock { state in
            var family = state.families[name] ?? Family(kind: .counter, help: help)
            family.collected = {
                let pairs = values().map { value, count in
                    let number = Double(count)
                    let labels = MetricsText.labels([(key: "service", value: service), (key: label, value: value)])
                    return (labels, Instrument.read({ number }, .counter))
                }
                return Dictionary(pairs) { first, _ in first }
            }
            state.families[name] = family
        }
    }

    /// The instrument of this name and these labels; another kind under a known name gets one that is not exported.
    func instrument(
        _ name: String,
        _ kind: Kind,
        help: String,
        labels: [(key: String, value: String)],
        make: () -> Instrument
    ) -> Instrument {
        state.withLock { state in
            var family = state.families[name] ?? Family(kind: kind, help: help)
            guard family.kind == kind else { return make() }
            var key = MetricsText.labels([("service", service)] + labels)
            if let known = family.series[key] { return known }
            if state.seriesCount >= Self.seriesLimit {
                key = MetricsText.labels([("service", service), ("overflow", "true")])
                if let known = family.series[key] { return known }
            }
            let made = make()
            family.series[key] = made
            state.families[name] = family
            state.seriesCount += 1
            return made
        }
    }

    private func replace(
        _ name: String,
        _ kind: Kind,
        help: String,
        labels: [(key: String, value: String)],
        by made: Instrument
    ) {
        state.withLock { state in
            var family = state.families[name] ?? Family(kind: kind, help: help)
            guard family.kind == kind else { return }
            family.series[MetricsText.labels([("service", service)] + labels)] = made
            state.families[name] = family
        }
    }
}
