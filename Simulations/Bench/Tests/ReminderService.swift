import MartletContract
import MartletCore
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletTestContract
import MartletWorkflows
import SwiftProtobuf

/// Creates parcels and sends them; a workflow run reminds of each that is not sent.
struct ReminderService: ServiceBlueprint {
    static let name = "testing"
    static let migrations = [
        Migration(
            "sendings",
            1,
            ["CREATE TABLE sendings (parcel_id TEXT PRIMARY KEY, is_sent BIGINT NOT NULL, reminders BIGINT NOT NULL)"]
        )
    ]

    private let platform: Platform

    init(on platform: Platform) { self.platform = platform }

    var workflows: [RegisteredWorkflow] { [RegisteredWorkflow(SendReminder())] }

    var handlers: [ServedContract] {
        var served = ServedContract(
            name: "martlet.testing.v1.ParcelService",
            openAPI: "",
            topics: [ServedTopic(TestingTopics.parcelMoves.name)],
            on: platform
        )
        served.on(ParcelMethods.createParcel) { [platform] (_: CreateParcelRequest, call) in
            let id = "\(platform.runtime.identifier())"
            return try await call.write { tx in
                try tx.run("INSERT INTO sendings (parcel_id, is_sent, reminders) VALUES (\(id), 0, 0)")
                let run = SendReminder.runID(of: id)
                try platform.workflows.start(SendReminder.self, id: run, input: id, for: call.context, in: tx)
                return CreateParcelResponse.with { $0.parcel.parcelID = id }
            }
        }
        served.on(ParcelMethods.sendParcel) { [platform] (request: SendParcelRequest, call) in
            let id = request.parcelID
            return try await call.write { tx in
                try tx.run("UPDATE sendings SET is_sent = 1 WHERE parcel_id = \(id)")
                let run = SendReminder.runID(of: id)
                try platform.workflows.signal(run: run, name: SendReminder.sent, payload: id, in: tx)
                return SendParcelResponse.with { $0.parcelID = id }
            }
        }
        return [served]
    }
}

/// Reminds of a parcel that is not sent, twice at most, and ends when it is sent.
struct SendReminder: Workflow {
    static let name = "send-reminder"
    static let version = 1
    static let patience = Duration.seconds(3 * 24 * 3_600)
    static let remindersMax = 2
    /// The signal's name.
    static let sent = "sent"

    /// One run per parcel.
    static func runID(of parcelID: String) -> String { "send-reminder/\(parcelID)" }

    func run(_ parcelID: String, _ context: WorkflowContext) async throws -> String {
        for number in 1...Self.remindersMax {
            let sent = try await context.signal("wait-\(number)", Self.sent, timeout: Self.patience)
            if sent != nil { return "sent" }
            try await context.local("remind-\(number)", input: parcelID) { tx in
                try tx.run("UPDATE sendings SET reminders = \(number) WHERE parcel_id = \(parcelID)")
                try tx.publish(.with { $0.parcelID = parcelID }, on: TestingTopics.parcelMoves)
            }
        }
        return "not sent"
    }
}
