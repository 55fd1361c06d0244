import MartletCore
import Synchronization

/// What a double does besides its work: faults that a test ordered, and what a test wants done meanwhile.
final class Script: Sendable {
    enum Trouble: Sendable {
        case lostBeforeActing
        case lostAfterActing
    }

    private let troubles = Mutex<[String: [Trouble]]>([:])
    private let asides = Mutex<[String: @Sendable () async throws -> Void]>([:])

    /// The next calls of `step` come out so; then it works.
    func trouble(_ step: String, _ next: Trouble...) { troubles.withLock { $0[step] = next } }

    /// Runs beside every call of `step`, after it acted and before it answers.
    func during(_ step: String, _ aside: @escaping @Sendable () async throws -> Void) {
        asides.withLock { $0[step] = aside }
    }

    func play<R>(_ step: String, _ act: () throws -> R) async throws -> R {
        let trouble = troubles.withLock { troubles -> Trouble? in
            guard let next = troubles[step], !next.isEmpty else { return nil }
            return troubles[step]?.removeFirst()
        }
        let lost = Fault(.unavailable, .outcomeUnknown, "the answer got lost")
        if trouble == .lostBeforeActing { throw lost }
        let answer = try act()
        try await asides.withLock { $0[step] }?()
        if trouble == .lostAfterActing { throw lost }
        return answer
    }
}
