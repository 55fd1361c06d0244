import MartletContract
import MartletCore
import MartletSQL
import MartletWorkflows
import SwiftProtobuf

extension OperateHandler {
    func listWorkflows(_ request: ListWorkflowsRequest, _ call: Call) async throws -> ListWorkflowsResponse {
        let state = try request.state.isEmpty ? nil : Self.state(request.state)
        let cursor = WorkflowCursor(
            createdAt: Timestamp(microseconds: request.afterCreatedAt),
            id: request.afterID
        )
        let runs = try await workflows.list(
            state: state,
            after: request.afterID.isEmpty ? nil : cursor,
            limit: request.limit == 0 ? 50 : Int(request.limit)
        )
        return .with { $0.runs = runs.map(WorkflowRecord.init) }
    }

    func showWorkflow(_ request: ShowWorkflowRequest, _ call: Call) async throws -> ShowWorkflowResponse {
        guard let (run, journal, signals) = try await workflows.show(request.id) else {
            throw Fault.unknownRun(request.id)
        }
        return .with {
            $0.run = WorkflowRecord(run)
            $0.steps = journal.map(WorkflowStepRecord.init)
            $0.signals = signals.map(WorkflowSignalRecord.init)
        }
    }

    func retryWorkflow(_ request: RetryWorkflowRequest, _ call: Call) async throws -> RetryWorkflowResponse {
        let action = action("workflow.retry", on: request.id, because: request.reason, by: call)
        try await change(request.id, action: action, call: call) { [workflows] (tx: borrowing SQLTransaction) in
            try workflows.retry(request.id, in: tx)
        }
        return RetryWorkflowResponse()
    }

    func compensateWorkflow(
        _ request: CompensateWorkflowRequest,
        _ call: Call
    ) async throws -> CompensateWorkflowResponse {
        let action = action("workflow.compensate", on: request.id, because: request.reason, by: call)
        try await change(request.id, action: action, call: call) { [workflows] (tx: borrowing SQLTransaction) in
            try workflows.compensate(request.id, in: tx)
        }
        return CompensateWorkflowResponse()
    }

    private func change(
        _ id: String,
        action: OperateAudit.Action,
        call: Call,
        body: @escaping @Sendable (borrowing SQLTransaction) throws -> Bool
    ) async throws {
        try await call.database.transaction("operate.workflow", deadline: call.deadline) { tx in
            guard let before = try WorkflowOperations.find(id, in: tx) else { throw Fault.unknownRun(id) }
            guard try body(tx) else { throw Fault.wrongState(before.state) }
            let after = try WorkflowOperations.find(id, in: tx)
            try OperateAudit.write(action, before: Self.summary(before), after: after.map(Self.summary) ?? "", in: tx)
        }
    }

    private static func summary(_ run: WorkflowRun) -> String {
        "state=\(run.state.rawValue) attempts=\(run.attempts) forced=\(run.isForced) error=\(run.error ?? "")"
    }

    private static func state(_ name: String) throws -> WorkflowState {
        guard let state = WorkflowState(rawValue: name) else {
            let names = WorkflowState.allCases.map(\.rawValue).joined(separator: ", ")
            throw Fault(.invalidArgument, .invalidRequest, "must be one of \(names)", field: "state")
        }
        return state
    }
}
