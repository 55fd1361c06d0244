import MartletContract
import MartletCore
import MartletSQL
import MartletTestBench
import MartletTestContract
import SwiftProtobuf
import Testing

@Suite("Reminder, a workflow on the test bench")
struct ReminderTests {
    private static let mug = CreateParcelRequest.with {
        $0.parcel.size = .small
        $0.parcel.items = [
            .with {
                $0.name = "mug"
                $0.quantity = 1
            }
        ]
    }

    private static func create(on bench: TestBench) async throws -> String {
        let ann = bench.context(as: "ann", scopes: ["parcels:write"])
        return try await ParcelClient(on: bench).createParcel(mug, context: ann).parcel.parcelID
    }

    private static func reminders(of id: String, on bench: TestBench) async throws -> Int? {
        try await bench.read(ReminderService.name) { tx in
            try tx.run("SELECT reminders FROM sendings WHERE parcel_id = \(id)").first?.int(0)
        }
    }

    @Test("two calls with one key create one parcel", arguments: [TestBench.Mode.inProcess, .seed(1)])
    func repeated(_ mode: TestBench.Mode) async throws {
        try await TestBench.run(ReminderService.self, mode) { bench in
            let parcels = ParcelClient(on: bench)
            var ann = bench.context(as: "ann", scopes: ["parcels:write"])
            ann.idempotencyKey = "first"
            let first = try await parcels.createParcel(Self.mug, context: ann).parcel.parcelID
            let again = try await parcels.createParcel(Self.mug, context: ann).parcel.parcelID
            #expect(again == first)
        }
    }

    @Test("two calls at one moment create two parcels", arguments: [TestBench.Mode.inProcess, .seed(1)])
    func concurrent(_ mode: TestBench.Mode) async throws {
        try await TestBench.run(ReminderService.self, mode) { bench in
            let parcels = ParcelClient(on: bench)
            let ann = bench.context(as: "ann", scopes: ["parcels:write"])
            async let one = parcels.createParcel(Self.mug, context: ann).parcel.parcelID
            async let other = parcels.createParcel(Self.mug, context: ann).parcel.parcelID
            let ids = try await Set([one, other])
            #expect(ids.count == 2)
        }
    }

    @Test("a parcel that is not sent is reminded of after three days", arguments: [TestBench.Mode.inProcess, .seed(1)])
    func reminded(_ mode: TestBench.Mode) async throws {
        try await TestBench.run(ReminderService.self, mode) { bench in
            let id = try await Self.create(on: bench)
            try await bench.advance(by: SendReminder.patience - .seconds(3_600))
            #expect(try await Self.reminders(of: id, on: bench) == 0)
            try await bench.eventually("it is reminded of", within: .seconds(86_400)) {
                try await bench.advance(by: .seconds(3_600))
                return try await Self.reminders(of: id, on: bench) == 1
            }
            #expect(try await bench.published(TestingTopics.parcelMoves).map(\.parcelID) == [id])
        }
    }

    @Test(
        "a parcel that is sent is not reminded of: its run ends with the signal",
        arguments: [TestBench.Mode.inProcess, .seed(1)]
    )
    func sent(_ mode: TestBench.Mode) async throws {
        try await TestBench.run(ReminderService.self, mode) { bench in
            let id = try await Self.create(on: bench)
            let ann = bench.context(as: "ann", scopes: ["parcels:write"])
            _ = try await ParcelClient(on: bench).sendParcel(.with { $0.parcelID = id }, context: ann)
            try await bench.eventually("its run has ended") {
                try await bench.read(ReminderService.name) { tx in
                    try tx.run("SELECT 1 FROM audit_workflow_runs WHERE state = 'open'").isEmpty
                }
            }
            try await bench.advance(by: SendReminder.patience * 2)
            #expect(try await Self.reminders(of: id, on: bench) == 0)
        }
    }
}
