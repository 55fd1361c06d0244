import MartletContract
import MartletCore
import MartletHost
import MartletOutbox
import MartletSQL
import MartletTestBench
import MartletTestContract
import MartletTesting
import SwiftProtobuf
import Testing

@Suite("Test bench", .timeLimit(.minutes(HangLimit.testMinutes)))
struct TestBenchSocketTests {
    struct Unexpected: Error, Equatable {}

    private static func parcel(_ id: String) -> StoreParcelRequest {
        .with {
            $0.parcelID = id
            $0.shelf = "a"
            $0.items = [
                .with {
                    $0.name = "mug"
                    $0.quantity = 1
                }
            ]
        }
    }

    @Test(
        "one test, in every mode: calls, tables, events, and a service that consumes them",
        arguments: TestBench.Mode.examples
    )
    func everyMode(_ mode: TestBench.Mode) async throws {
        try await TestBench.run([ShelfService.self, CountingService.self], mode) { bench in
            let parcels = ParcelClient(on: bench)
            let ann = bench.context(as: "ann", scopes: ["parcels:write"])
            for number in 1...3 {
                #expect(try await parcels.storeParcel(Self.parcel("p\(number)"), context: ann).by == "ann")
            }
            let rows = try await bench.read(ShelfService.name) { tx in try tx.run("SELECT parcel_id FROM parcels").count
            }
            #expect(rows == 3)
            #expect(try await bench.published(TestingTopics.parcelMoves).map(\.parcelID) == ["p1", "p2", "p3"])
            try await bench.eventually("three events are counted") {
                try await bench.read(CountingService.name) { tx in try tx.run("SELECT 1 FROM counted").count } == 3
            }
        }
    }

    @Test("a recorder has the events of one key in the order of their commits", arguments: TestBench.Mode.examples)
    func recorded(_ mode: TestBench.Mode) async throws {
        try await TestBench.run([ShelfService.self, RecorderService.self], mode) { bench in
            let ann = bench.context(as: "ann", scopes: ["parcels:write"])
            for shelf in ["a", "b", "c"] {
                var parcel = Self.parcel("p1")
                parcel.shelf = shelf
                _ = try await ParcelClient(on: bench).storeParcel(parcel, context: ann)
            }
            try await bench.eventually("three events are recorded") {
                try await bench.read(RecorderService.name) { tx in try tx.run("SELECT 1 FROM moves").count } == 3
            }
            let shelves = try await bench.read(RecorderService.name) { tx in
                try tx.run("SELECT shelf FROM moves WHERE parcel_id = 'p1' ORDER BY number").map { try $0.text(0) }
            }
            #expect(shelves == ["a", "b", "c"])
        }
    }

    @Test("a refusal reaches the test as the service threw it", arguments: TestBench.Mode.examples)
    func refusal(_ mode: TestBench.Mode) async throws {
        try await TestBench.run(ShelfService.self, mode) { bench in
            let parcels = ParcelClient(on: bench)
            let fault = try await #require(throws: Fault.self) {
                _ = try await parcels.getParcel(.with { $0.parcelID = "p9" }, context: bench.context(as: nil))
            }
            #expect(fault.code == FaultCode.notFound)
            #expect(fault.reason == "parcel.unknown")
        }
    }

    @Test("a fake of another service is called like that service", arguments: TestBench.Mode.examples)
    func fake(_ mode: TestBench.Mode) async throws {
        let fakes: [String: @Sendable () -> [ServedContract]] = ["scales": { [FakeScales().contract] }]
        try await TestBench.run(WeighedShelfService.self, mode, fakes: fakes) { bench in
            let parcels = ParcelClient(on: bench)
            let ann = bench.context(as: "ann", scopes: ["parcels:write"])
            #expect(try await parcels.storeParcel(Self.parcel("p1"), context: ann).by == "ann")
            let fault = try await #require(throws: Fault.self) {
                _ = try await parcels.storeParcel(Self.parcel("safe"), context: ann)
            }
            #expect(fault.reason == "parcel.too_heavy")
        }
    }

    @Test("what the test throws, the bench throws", arguments: TestBench.Mode.examples)
    func failure(_ mode: TestBench.Mode) async throws {
        await #expect(throws: Unexpected.self) {
            try await TestBench.run(ShelfService.self, mode) { _ in throw Unexpected() }
        }
    }

    @Test("the database is for reading", arguments: TestBench.Mode.examples)
    func readOnly(_ mode: TestBench.Mode) async throws {
        try await TestBench.run(ShelfService.self, mode) { bench in
            await #expect(throws: Fault.self) {
                try await bench.database.transaction { tx in try tx.run("DELETE FROM parcels") }
            }
        }
    }

    @Test("clocks: virtual ones can be advanced by days, real ones cannot")
    func advance() async throws {
        try await TestBench.run(ShelfService.self, .inProcess) { bench in
            let before = bench.time.date
            try await bench.advance(by: .seconds(30 * 86_400))
            #expect(bench.time.date >= before + .seconds(30 * 86_400))
        }
        try await TestBench.run(ShelfService.self, .loopback) { bench in
            await #expect(throws: Fault.self) { try await bench.advance(by: .seconds(1)) }
        }
    }

    @Test("a parked key fails a run whose test passes")
    func violations() async throws {
        let error = try await #require(throws: TestBench.Violations.self) {
            try await TestBench.run([ShelfService.self, FailingService.self], .inProcess) { bench in
                let ann = bench.context(as: "ann", scopes: ["parcels:write"])
                _ = try await ParcelClient(on: bench).storeParcel(Self.parcel("p1"), context: ann)
            }
        }
        #expect(error.violations.contains { $0.contains("parked") })
    }
}
