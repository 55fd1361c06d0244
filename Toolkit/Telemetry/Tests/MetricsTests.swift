import CoreMetrics
import Logging
import MartletCore
import Testing

@testable import MartletTelemetry

@Suite("Metrics")
struct MetricsTests {
    @Test("exposition: sorted by name and labels, one family for all services")
    func exposition() {
        let parcels = MetricsRegistry(service: "parcels")
        let links = MetricsRegistry(service: "links")
        parcels.counter("martlet_calls_total", help: "Calls.", labels: ["method": "A\"b"]).add(2)
        links.counter("martlet_calls_total", help: "Calls.", labels: ["method": "B"]).add()
        parcels.gauge("martlet_backlog", help: "Waiting.").set(1.5)
        #expect(
            MetricsText.exposition(of: [parcels, links]) == """
                # HELP martlet_backlog Waiting.
                # TYPE martlet_backlog gauge
                martlet_backlog{service="parcels"} 1.5
                # HELP martlet_calls_total Calls.
                # TYPE martlet_calls_total counter
                martlet_calls_total{service="links",method="B"} 1
                martlet_calls_total{service="parcels",method="A\\"b"} 2

                """
        )
    }

    @Test("histogram: a value counts in the first bucket whose bound it does not exceed")
    func histogram() {
        let registry = MetricsRegistry(service: "s")
        let histogram = registry.histogram("wait_seconds", help: "Waits.", bounds: [0.1, 1])
        for value in [0.1, 0.5, 1, 7] { histogram.record(value) }
        let text = MetricsText.exposition(of: [registry])
        #expect(text.contains("wait_seconds_bucket{service=\"s\",le=\"0.1\"} 1\n"))
        #expect(text.contains("wait_seconds_bucket{service=\"s\",le=\"1\"} 3\n"))
        #expect(text.contains("wait_seconds_bucket{service=\"s\",le=\"+Inf\"} 4\n"))
        #expect(text.contains("wait_seconds_sum{service=\"s\"} 8.6\n"))
    }

    @Test("series limit: further series are counted in one with the label overflow")
    func limit() {
        let registry = MetricsRegistry(service: "s")
        for number in 0..<(MetricsRegistry.seriesLimit + 10) {
            registry.counter("many_total", help: "Many.", labels: ["n": "\(number)"]).add()
        }
        let text = MetricsText.exposition(of: [registry])
        #expect(text.split(separator: "\n").count == 2 + MetricsRegistry.seriesLimit + 1)
        #expect(text.contains("many_total{service=\"s\",overflow=\"true\"} 10\n"))
    }

    @Test(
        "library metrics: labels are converted to Prometheus names",
        arguments: [
            ("hb.requests", "_total", "hb_requests_total"),
            ("hb.request.duration", "_seconds", "hb_request_duration_seconds"),
            ("camelCase", "", "camel_case"), ("9lives", "", "_9lives"), ("done_total", "_total", "done_total"),
        ]
    )
    func names(label: String, ending: String, expected: String) {
        #expect(MetricsRegistry.name(label, ending: ending) == expected)
    }

    @Test("scope: metrics go to the registry of the task's service")
    func scope() {
        let telemetry = Telemetry(service: "links", level: .error, time: StoppedTime())
        telemetry.scope {
            MetricsRegistry.current.counter("seen_total", help: "Seen.").add()
        }
        #expect(MetricsText.exposition(of: [telemetry.metrics]).contains("seen_total{service=\"links\"} 1"))
    }

    @Test("readTotals: one series per name")
    func collected() {
        let registry = MetricsRegistry(service: "s")
        registry.readTotals("commits_total", help: "Commits.", label: "name") { ["b": 2, "a": 1] }
        #expect(
            MetricsText.exposition(of: [registry]).hasSuffix(
                """
                commits_total{service="s",name="a"} 1
                commits_total{service="s",name="b"} 2

                """
            )
        )
    }

    @Test("process metrics: memory, CPU time, open files")
    func process() {
        #expect(ProcessMetrics.residentBytes() > 1_000_000)
        #expect(ProcessMetrics.cpuSeconds() > 0)
        #expect(ProcessMetrics.openFiles() >= 3)
    }
}
