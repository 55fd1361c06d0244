import MartletCore
import MartletWorkflows

/// Runs a step that stands behind the point of no return: money was taken, or is owed.
///
/// - Throws: ``RefusedTooLate`` when it is refused all the same. That is no refusal of the run: it is parked, and a person
///   looks. `StepRefused` when that person ended the run.
func unrefusable<R>(_ step: () async throws -> R) async throws -> R {
    do {
        return try await step()
    } catch let refusal as StepRefused where refusal.reason != .workflowEnded {
        throw RefusedTooLate(step: refusal.step, reason: refusal.reason.name)
    }
}

/// A neighbour refused what it had promised, or what nobody may refuse.
struct RefusedTooLate: Error, Equatable {
    let step: String
    let reason: String
}
