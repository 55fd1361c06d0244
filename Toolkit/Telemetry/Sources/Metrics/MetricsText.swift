import Synchronization

/// The Prometheus text format, version 0.0.4.
public enum MetricsText {
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The metrics of all `registries`, each family once, by name and then by labels.
    public static func exposition(of registries: [MetricsRegistry]) -> String {
        var families: [String: MetricsRegistry.Family] = [:]
        for registry in registries {
            let own = registry.state.withLock { $0.families }
            for (name, var family) in own {
                if let collected = family.collected { family.series.merge(collected()) { first, _ in first } }
                guard let known = families[name] else {
                    families[name] = family
                    continue
                }
                guard known.kind == family.kind else { continue }
                families[name]?.series.merge(family.series) { first, _ in first }
            }
        }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# HELP \(name) \(escaped(family.help, quotes: false))\n# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, instrument) in family.series.sorted(by: { $0.key < $1.key }) {
                write(name, labels, of: instrument, to: &text)
            }
        }
        return text
    }

    private static func write(
        _ name: String,
        _ labels: String,
        of instrument: MetricsRegistry.Instrument,
        to text: inout String
    ) {
        switch instrument {
        case .counter(let counter): text += "\(name){\(labels)} \(counter.value)\n"
        case .gauge(let gauge): text += "\(name){\(labels)} \(number(gauge.value))\n"
        case .read(let value, _): text += "\(name){\(labels)} \(number(value()))\n"
        case .histogram(let histogram):
            let reading = histogram.current
            var total = 0
            for (bound, count) in zip(histogram.bounds, reading.counts) {
                total += count
                text += "\(name)_bucket{\(labels),le=\"\(number(bound))\"} \(total)\n"
            }
            total += reading.counts.last ?? 0
            text += "\(name)_bucket{\(labels),le=\"+Inf\"} \(total)\n"
            text += "\(name)_sum{\(labels)} \(number(reading.sum))\n\(name)_count{\(labels)} \(total)\n"
        }
    }

    static func labels(_ pairs: [(key: String, value: String)]) -> String {
        pairs.map { "\($0.key)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",")
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }
}
