import MartletCore
import Synchronization

/// Scripted behaviour of a fake: injected faults, and actions that run during a call.
final class Script: Sendable {
    enum InjectedFault: Sendable {
        case requestLost
        case responseLost
    }

    private let faults = Mutex<[String: [InjectedFault]]>([:])
    private let actions = Mutex<[String: @Sendable () async throws -> Void]>([:])

    /// Injects a fault into each of the next calls of `step`.
    func inject(_ step: String, _ next: InjectedFault...) { faults.withLock { $0[step] = next } }

    /// Runs `action` in every call of `step`, after it acted and before it returns.
    func during(_ step: String, _ action: @escaping @Sendable () async throws -> Void) {
        actions.withLock { $0[step] = action }
    }

    func perform<R>(_ step: String, _ act: () throws -> R) async throws -> R {
        let fault = faults.withLock { faults -> InjectedFault? in
            guard let next = faults[step], !next.isEmpty else { return nil }
            return faults[step]?.removeFirst()
        }
        let lost = Fault(.unavailable, .outcomeUnknown, "the response was lost")
        if fault == .requestLost { throw lost }
        let response = try act()
        try await actions.withLock { $0[step] }?()
        if fault == .responseLost { throw lost }
        return response
    }
}
