import MartletCore
import MartletMessaging
import Synchronization

/// The defect of a program: its handler of some events ends the process, until another program is deployed.
final class EndingHandlers: Sendable {
    private struct Site: Hashable {
        let group: ExactText
        let key: ExactText
    }

    private struct Defect {
        let sequence: Int64
        /// How often the handler still ends its process.
        var left: Int
    }

    private let defects = Mutex<[Site: Defect]>([:])

    /// The handler of `group` ends its process when it handles the event `sequence` of `key`.
    ///
    /// - Parameter times: How often; `nil`: until ``repair(_:in:)``.
    func plant(_ sequence: Int64, of key: String, in group: String, times: Int?) {
        let site = Site(group: ExactText(group), key: ExactText(key))
        defects.withLock { $0[site] = Defect(sequence: sequence, left: times ?? .max) }
    }

    /// Deploys a program whose handler of `group` can handle the events of `key`.
    func repair(_ key: String, in group: String) {
        let site = Site(group: ExactText(group), key: ExactText(key))
        _ = defects.withLock { $0.removeValue(forKey: site) }
    }

    /// Whether the handler of `group` still ends its process when it handles an event of `key`.
    func isDefective(for key: String, in group: String) -> Bool {
        let site = Site(group: ExactText(group), key: ExactText(key))
        return defects.withLock { ($0[site]?.left ?? 0) > 0 }
    }

    /// Whether the handler of `group` ends its process when it handles the event now.
    func endsProcess(_ event: Envelope, in group: String) -> Bool {
        // Keys of other sources have other names.
        let site = Site(group: ExactText(group), key: ExactText(event.key))
        return defects.withLock { defects in
            guard var defect = defects[site], defect.sequence == event.sequence, defect.left > 0 else { return false }
            defect.left -= 1
            defects[site] = defect
            return true
        }
    }
}
