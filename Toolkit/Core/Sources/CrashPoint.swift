import Glibc
import Synchronization

/// Marks a durable boundary: the place where a test may kill the process.
///
/// With `MARTLET_CRASH=name:n` in the environment the n-th hit (from 1) kills the process at once, as `kill -9` does.
/// Names are literal, dotted and unique, since `martlet crash-points` lists them from the source code.
public func crashPoint(_ name: StaticString) {
    if let observer = CrashPoints.observer {
        observer("\(name)")
    } else if CrashPoints.armed != nil {
        CrashPoints.hit("\(name)")
    }
}

/// What happens at a crash point.
public enum CrashPoints {
    /// Sees every hit instead of the environment's setting; how a simulation crashes one replica.
    @TaskLocal public static var observer: (@Sendable (_ name: String) -> Void)?

    struct Armed: Sendable {
        let name: String
        let hit: Int

        /// Reads `name:n`; `n` is 1 when it is missing.
        init?(_ setting: String) {
            let parts = setting.split(separator: ":", omittingEmptySubsequences: false)
            guard let name = parts.first, !name.isEmpty, parts.count <= 2 else { return nil }
            guard let hit = parts.count == 2 ? Int(parts[1]) : 1, hit >= 1 else { return nil }
            self.name = String(name)
            self.hit = hit
        }
    }

    static let armed: Armed? = getenv("MARTLET_CRASH").flatMap { Armed(String(cString: $0)) }
    private static let hits = Mutex(0)

    static func hit(_ name: String) {
        guard let armed, armed.name == name else { return }
        let count = hits.withLock { hits in
            hits += 1
            return hits
        }
        if count == armed.hit { kill(getpid(), SIGKILL) }
    }
}
