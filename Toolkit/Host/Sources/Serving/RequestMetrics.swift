package import MartletREST
package import MartletTelemetry

/// Counts REST requests by verb, route and status, and in a gateway by upstream service.
package struct RequestMetrics: Sendable {
    private let metrics: MetricsRegistry

    package init(_ metrics: MetricsRegistry) { self.metrics = metrics }

    package func count(_ record: RequestRecord) {
        let route = record.route.isEmpty ? "none" : record.route
        if let peer = record.peer {
            count(record, ["method": record.verb, "route": route, "status": "\(record.status)", "peer": peer])
            time(record, ["method": record.verb, "route": route, "peer": peer])
        } else {
            count(record, ["method": record.verb, "route": route, "status": "\(record.status)"])
            time(record, ["method": record.verb, "route": route])
        }
    }

    private func count(_ record: RequestRecord, _ labels: KeyValuePairs<String, String>) {
        metrics.counter("martlet_http_requests_total", help: "REST requests served.", labels: labels).add()
    }

    private func time(_ record: RequestRecord, _ labels: KeyValuePairs<String, String>) {
        metrics.histogram("martlet_http_request_seconds", help: "Duration of REST requests.", labels: labels)
            .record(record.duration)
    }
}
