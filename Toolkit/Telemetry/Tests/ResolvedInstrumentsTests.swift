import Synchronization
import Testing

@testable import MartletTelemetry

@Suite("Resolved instruments")
struct ResolvedInstrumentsTests {
    @Test("each key is looked up in the registry once, and counts in its own series")
    func once() {
        let registry = MetricsRegistry(service: "s")
        let looks = Mutex(0)
        let instruments = ResolvedInstruments<Int, Counter> { code in
            looks.withLock { $0 += 1 }
            return registry.counter("calls_total", help: "Calls.", labels: ["code": "\(code)"])
        }
        for _ in 0..<3 {
            instruments[1].add()
            instruments[2].add(2)
        }
        #expect(looks.withLock { $0 } == 2)
        let text = MetricsText.exposition(of: [registry])
        #expect(text.contains("calls_total{service=\"s\",code=\"1\"} 3\n"))
        #expect(text.contains("calls_total{service=\"s\",code=\"2\"} 6\n"))
    }
}
