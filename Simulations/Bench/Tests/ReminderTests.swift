import MartletContract
import MartletCore
import MartletSQL
import MartletTestBench
import MartletTestContract
import SwiftProtobuf
import Testing

@Suite("Reminder, a workflow on the test bench")
struct ReminderTests {
    private static func create(on bench: TestBench) async throws -> String {
        let request = CreateParcelRequest.with {
            $0.parcel.size = .small
            $0.parcel.items = [
                .with {
                    $0.name = "mug"
                    $0.quantity = 1
                }
            ]
        }
        let ann = bench.context(as: "ann", scopes: ["parcels:write"])
        return try await ParcelClient(on: bench).createParcel(request, context: ann).parcel.parcelID
    }

    private static func reminders(of id: String, on bench: TestBench) async throws -> Int? {
        try await bench.read(ReminderService.name) { (tx: borrowing SQLTransaction) in
            try tx.run("SELECT reminders FROM sendings WHERE parcel_id = \(id)").first?.int(0)
        }
    }

    @Test("a parcel that is not sent is reminded of after three days", arguments: [TestBench.Mode.inProcess, .seed(1)])
    func reminded(_ mode: TestBench.Mode) async throws {
        try await TestBench.run(ReminderService.self, mode) { bench in
            let id = try await Self.create(on: bench)
            try await bench.advance(by: SendReminder.patience - .seconds(3_600))
            #expect(try await Self.reminders(of: id, on: bench) == 0)
            try await bench.eventually("it is reminded of") {
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
                try await bench.read(ReminderService.name) { (tx: borrowing SQLTransaction) in
                    try tx.run("SELECT 1 FROM audit_workflow_runs WHERE state = 'open'").isEmpty
                }
            }
            try await bench.advance(by: SendReminder.patience * 2)
            #expect(try await Self.reminders(of: id, on: bench) == 0)
        }
    }
}
