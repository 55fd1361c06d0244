import MartletCore
package import MartletREST
package import MartletTelemetry

/// Counts REST requests by verb, route and status, and in a gateway by upstream service.
package struct RequestMetrics: Sendable {
    private struct Key: Hashable {
        let verb: ExactText
        let route: ExactText
        let peer: ExactText?
        let status: Int
    }

    private let instruments: ResolvedInstruments<Key, TimedInstruments>

    package init(_ metrics: MetricsRegistry) {
        instruments = ResolvedInstruments { key in
            let (verb, route, status) = (key.verb.text, key.route.text, "\(key.status)")
            guard let peer = key.peer?.text else {
                return TimedInstruments(
                    count: Self.count(metrics, ["method": verb, "route": route, "status": status]),
                    seconds: Self.seconds(metrics, ["method": verb, "route": route])
                )
            }
            return TimedInstruments(
                count: Self.count(metrics, ["method": verb, "route": route, "status": status, "peer": peer]),
                seconds: Self.seconds(metrics, ["method": verb, "route": route, "peer": peer])
            )
        }
    }

    package func count(_ record: RequestRecord) {
        let key = Key(
            verb: ExactText(record.verb),
            route: ExactText(record.route.isEmpty ? "none" : record.route),
            peer: record.peer.map { ExactText($0) },
            status: record.status
        )
        instruments[key].record(record.duration)
    }

    // Resolved: by the table of routes.
    private static func count(_ metrics: MetricsRegistry, _ labels: KeyValuePairs<String, String>) -> Counter {
        metrics.counter("martlet_http_requests_total", help: "REST requests served.", labels: labels)
    }

    // Resolved: by the table of routes.
    private static func seconds(_ metrics: MetricsRegistry, _ labels: KeyValuePairs<String, String>) -> Histogram {
        metrics.histogram("martlet_http_request_seconds", help: "Duration of REST requests.", labels: labels)
    }
}
