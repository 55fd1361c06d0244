public import CoreMetrics

/// Registers the swift-metrics instruments of libraries under valid Prometheus names.
extension MetricsRegistry: MetricsFactory {
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let made = instrument(
            Self.name(label, ending: "_total"),
            .counter,
            help: Self.help(label),
            labels: Self.labels(dimensions)
        ) { .counter(Counter()) }
        guard case .counter(let counter) = made else { return ForwardedCounter(Counter()) }
        return ForwardedCounter(counter)
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        let made = instrument(
            Self.name(label, ending: ""),
            .gauge,
            help: Self.help(label),
            labels: Self.labels(dimensions)
        ) {
            .gauge(Gauge())
        }
        guard case .gauge(let gauge) = made else { return ForwardedMeter(Gauge()) }
        return ForwardedMeter(gauge)
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else {
            guard let meter = makeMeter(label: label, dimensions: dimensions) as? ForwardedMeter else {
                return ForwardedMeter(Gauge())
            }
            return meter
        }
        return forwardedHistogram(Self.name(label, ending: ""), label, dimensions: dimensions, bounds: Histogram.sizes)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        forwardedHistogram(
            Self.name(label, ending: "_seconds"),
            label,
            dimensions: dimensions,
            bounds: Histogram.seconds
        )
    }

    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    private func forwardedHistogram(
        _ name: String,
        _ label: String,
        dimensions: [(String, String)],
        bounds: [Double]
    ) -> ForwardedHistogram {
        let made = instrument(name, .histogram, help: Self.help(label), labels: Self.labels(dimensions)) {
            .histogram(Histogram(bounds: bounds))
        }
        guard case .histogram(let histogram) = made else { return ForwardedHistogram(Histogram(bounds: bounds)) }
        return ForwardedHistogram(histogram)
    }

    private static func help(_ label: String) -> String { "Counted by a library as \(label)." }

    /// Lower case, underscores, and the suffix for the kind of metric.
    static func name(_ label: String, ending: String) -> String {
        var name = ""
        for scalar in label.unicodeScalars {
            switch scalar {
            case "a"..."z", "0"..."9", "_": name.unicodeScalars.append(scalar)
            case "A"..."Z": name += "_" + String(scalar).lowercased()
            default: name += "_"
            }
        }
        if name.first?.isNumber ?? true { name = "_" + name }
        return name.hasSuffix(ending) ? name : name + ending
    }

    private static func labels(_ dimensions: [(String, String)]) -> [(key: String, value: String)] {
        dimensions.map { (key: name($0.0, ending: ""), value: $0.1) }
    }
}

final class ForwardedCounter: CounterHandler {
    private let counter: Counter

    init(_ counter: Counter) { self.counter = counter }

    func increment(by amount: Int64) { counter.add(Int(max(0, amount))) }
    /// A Prometheus counter never decreases.
    func reset() {}
}

final class ForwardedMeter: MeterHandler, RecorderHandler {
    private let gauge: Gauge

    init(_ gauge: Gauge) { self.gauge = gauge }

    func set(_ value: Int64) { gauge.set(Double(value)) }
    func set(_ value: Double) { gauge.set(value) }
    func record(_ value: Int64) { gauge.set(Double(value)) }
    func record(_ value: Double) { gauge.set(value) }
    func increment(by amount: Double) { gauge.add(amount) }
    func decrement(by amount: Double) { gauge.add(-amount) }
}

final class ForwardedHistogram: RecorderHandler, TimerHandler {
    private let histogram: Histogram

    init(_ histogram: Histogram) { self.histogram = histogram }

    func record(_ value: Int64) { histogram.record(Double(value)) }
    func record(_ value: Double) { histogram.record(value) }
    func recordNanoseconds(_ duration: Int64) { histogram.record(.nanoseconds(duration)) }
    func preferDisplayUnit(_ unit: TimeUnit) {}
}
