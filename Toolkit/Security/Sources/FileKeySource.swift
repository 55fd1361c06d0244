import Logging
public import MartletCore
import Synchronization

/// The public keys in a file (RFC 7517), read again when the file has changed while ``watch()`` runs.
///
/// A key that is missing in a readable file is withdrawn. A file that is missing, or not a valid set of keys, leaves the last
/// valid set in use, with an error in the log and in ``fault``: also one without any key, which is more likely a mistake.
public final class FileKeySource: KeySource {
    /// How often the file is checked: a key is withdrawn within this time.
    public static let interval = Duration.milliseconds(250)

    private struct State {
        var current: KeySnapshot
        var fault: KeySet.Invalid?
    }

    private let path: String
    private let time: any TimeSource
    private let state: Mutex<State>
    /// Of the file that was read last; held while it is read, so that ``current`` does not wait for the disk.
    private let stamp: Mutex<SecretFile.Stamp?>

    /// Reads the file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - time: The clock of the interval.
    /// - Throws: ``KeySet/Invalid`` when there is no valid set of keys yet.
    public init(path: String, time: any TimeSource) throws(KeySet.Invalid) {
        self.path = path
        self.time = time
        // Before the file is read: a change in between is noticed the next time.
        stamp = Mutex(SecretFile.stamp(of: path))
        state = Mutex(State(current: KeySnapshot(keys: try KeySet.load(path), version: 1)))
    }

    public var current: KeySnapshot { state.withLock { $0.current } }

    public var fault: String? { state.withLock { $0.fault?.description } }

    public func watch() async throws {
        while true {
            refresh()
            try await time.sleep(for: Self.interval)
        }
    }

    /// Reads the file if it has changed, or could not be read before.
    func refresh() {
        let found: Result<[TokenKey], KeySet.Invalid>? = stamp.withLock { stamp in
            let now = SecretFile.stamp(of: path)
            guard now == nil || now != stamp else { return nil }
            do throws(KeySet.Invalid) {
                let keys = try KeySet.load(path)
                stamp = now
                return .success(keys)
            } catch {
                // Read again at the next check: the process may have lacked a resource, such as a file descriptor.
                stamp = nil
                return .failure(error)
            }
        }
        switch found {
        case nil: break
        case .success(let keys): accept(keys)
        case .failure(let fault): reject(fault)
        }
    }

    private func accept(_ keys: [TokenKey]) {
        let isChanged = state.withLock { state in
            defer { state.fault = nil }
            let before = Set(state.current.keys.map(\.identity))
            guard before != Set(keys.map(\.identity)) || state.fault != nil else { return false }
            state.current = KeySnapshot(keys: keys, version: state.current.version + 1)
            return true
        }
        guard isChanged else { return }
        let ids = keys.map(\.id).joined(separator: " ")
        Logger.current.notice("the public keys were read", metadata: ["path": "\(path)", "keys": "\(ids)"])
    }

    private func reject(_ fault: KeySet.Invalid) {
        let isNew = state.withLock { state in
            defer { state.fault = fault }
            return state.fault != fault
        }
        guard isNew else { return }
        Logger.current.error(
            "the public keys cannot be read, the last valid ones stay in use",
            metadata: ["fault": "\(fault)"]
        )
    }
}
