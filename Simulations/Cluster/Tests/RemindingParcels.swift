import MartletContract
import MartletCore
import MartletHost
import MartletOutbox
import MartletSQL
import MartletTestContract
import MartletWorkflows
import SwiftProtobuf

/// Creates parcels, each with a workflow run that waits.
struct RemindingParcels<Reminder: Workflow>: ServiceBlueprint where Reminder: Waiting, Reminder.Input == String {
    static var name: String { ParcelsService.name }
    static var migrations: [Migration] { ParcelStore.migrations }

    private let platform: Platform

    init(on platform: Platform) { self.platform = platform }

    var workflows: [RegisteredWorkflow] { [RegisteredWorkflow(Reminder())] }

    var handlers: [ServedContract] {
        [
            ParcelStore.contract(on: platform) { [platform] request, call in
                let response = try await call.write { (tx: borrowing SQLTransaction) in
                    let parcel = try ParcelStore.create(request.parcel, in: tx)
                    let id = parcel.parcelID
                    try platform.workflows.start(Reminder.self, id: id, input: id, for: call.context, in: tx)
                    return CreateParcelResponse.with { $0.parcel = parcel }
                }
                return response.parcel
            }
        ]
    }
}

/// A workflow without dependencies.
protocol Waiting {
    init()
}

/// Waits for a month, and ends.
struct MonthlyReminder: Workflow, Waiting {
    static let name = "monthly"
    static let version = 1

    func run(_ input: String, _ context: WorkflowContext) async throws -> String {
        try await context.sleep("wait", for: .seconds(30 * 24 * 3_600))
        return input
    }
}

/// Waits for a signal that nothing sends.
struct EndlessReminder: Workflow, Waiting {
    static let name = "endless"
    static let version = 1

    func run(_ input: String, _ context: WorkflowContext) async throws -> String {
        try await context.signal("wait", "never", as: String.self)
    }
}
