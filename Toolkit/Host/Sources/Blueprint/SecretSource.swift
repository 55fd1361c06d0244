import Logging
import MartletCore
import MartletSecurity
public import MartletTelemetry
import Synchronization

/// A secret, such as the key of another party's API: the text of a file, read again when the file has changed.
///
/// Neither it nor its value can be logged or printed by mistake: both show `<redacted>`, also inside of an error.
///
/// ```swift
/// func header(of key: SecretSource) -> String { "Bearer \(key.value.exposed)" }
/// ```
public final class SecretSource: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private struct State {
        var value: Redacted<String>
        /// Of the file that was read last; `nil` after a failure.
        var stamp: SecretFile.Stamp?
        var fault: SecretFile.Unreadable?
    }

    /// `nil` for a value that never changes.
    private let path: String?
    private let state: Mutex<State>

    /// Reads the file at `path`.
    ///
    /// - Throws: `SecretFile.Unreadable` when it does not exist, is empty, or others may read it.
    init(path: String) throws(SecretFile.Unreadable) {
        self.path = path
        let stamp = SecretFile.stamp(of: path)
        state = Mutex(State(value: try Self.read(path), stamp: stamp))
    }

    /// A value that never changes, for tests.
    public init(_ value: String) {
        path = nil
        state = Mutex(State(value: Redacted(value), stamp: nil))
    }

    /// The secret as its file has it now, without line ends at its end; the last valid one while the file cannot be read,
    /// which is logged.
    ///
    /// Asks the file system whether the file has changed: fetch it for each use, and keep no copy.
    public var value: Redacted<String> {
        guard let path else { return state.withLock { $0.value } }
        return state.withLock { state in
            // Before the file is read: a change in between is noticed the next time.
            let stamp = SecretFile.stamp(of: path)
            guard stamp != state.stamp else { return state.value }
            do throws(SecretFile.Unreadable) {
                state.value = try Self.read(path)
                (state.stamp, state.fault) = (stamp, nil)
                Logger.current.info("a secret was read again", metadata: ["path": "\(path)"])
            } catch {
                // Read again at the next use: what was wrong, such as its permissions, may change without the stamp.
                state.stamp = nil
                if state.fault != error {
                    Logger.current.error(
                        "a secret cannot be read, the last one stays in use",
                        metadata: ["error": "\(error)"]
                    )
                }
                state.fault = error
            }
            return state.value
        }
    }

    public var description: String { "<redacted>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }

    private static func read(_ path: String) throws(SecretFile.Unreadable) -> Redacted<String> {
        guard var text = try SecretFile.read(path) else {
            throw SecretFile.Unreadable(path: path, message: "there is no such file")
        }
        while text.last?.isNewline == true { text.removeLast() }
        guard !text.isEmpty else { throw SecretFile.Unreadable(path: path, message: "is empty") }
        return Redacted(text)
    }
}
