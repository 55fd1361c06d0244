import MartletCore
import Synchronization

/// Lets one marked attempt at a time run in a process, in the order in which they came.
///
/// When the process ends, the handler that ran is then the only one that may have ended it.
final class AttemptQueue: Sendable {
    private let entered = Mutex<[Signal]>([])

    /// Suspends until all attempts before have left.
    ///
    /// - Returns: For ``leave(_:)``, which must follow.
    /// - Throws: `CancellationError`; then nothing must follow.
    func enter() async throws -> Signal {
        let signal = Signal()
        let isFirst = entered.withLock { entered in
            entered.append(signal)
            return entered.count == 1
        }
        guard !isFirst else { return signal }
        do {
            try await signal.wait()
        } catch {
            leave(signal)
            throw error
        }
        return signal
    }

    func leave(_ signal: Signal) {
        let next = entered.withLock { entered -> Signal? in
            let wasFirst = entered.first === signal
            entered.removeAll { $0 === signal }
            return wasFirst ? entered.first : nil
        }
        next?.raise()
    }
}
