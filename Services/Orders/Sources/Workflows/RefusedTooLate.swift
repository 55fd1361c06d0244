import MartletCore
import MartletWorkflows

/// Runs a step after the point of no return: money was captured, or is owed.
///
/// - Throws: ``RefusedTooLate`` when the step is refused: the run is then parked for an operator, not refused.
///   `StepRefused` when an operator ended the run.
func requireAccepted<R>(_ step: () async throws -> R) async throws -> R {
    do {
        return try await step()
    } catch let refusal as StepRefused where refusal.reason != .workflowEnded {
        throw RefusedTooLate(step: refusal.step, reason: refusal.reason.name)
    }
}

/// A service refused a step after the point of no return.
struct RefusedTooLate: Error, Equatable {
    let step: String
    let reason: String
}
