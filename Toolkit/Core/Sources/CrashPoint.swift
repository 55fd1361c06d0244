import Glibc
import Synchronization

/// Marks a durable boundary at which a test may kill the process.
///
/// With `MARTLET_CRASH=name:n` in the environment the n-th hit (from 1) kills the process with SIGKILL.
/// Names are literal, dotted and unique, since `martlet crash-points` lists them from the source code.
public func crashPoint(_ name: StaticString) {
    if let observer = CrashPoints.observer {
        observer.passed("\(name)")
    } else if CrashPoints.armed != nil {
        CrashPoints.hit("\(name)")
    }
}

/// The handling of crash points.
public enum CrashPoints {
    /// The environment variable that arms one: `name:n`.
    public static let variable = "MARTLET_CRASH"

    /// Receives every hit instead of the environment's setting; a simulation crashes one replica through it.
    @TaskLocal public static var observer: Observer?

    /// A structure, since an optimised build of Swift 6.3 crashes where a task local's value is a bare function.
    public struct Observer: Sendable {
        let passed: @Sendable (_ name: String) -> Void

        public init(passed: @escaping @Sendable (_ name: String) -> Void) { self.passed = passed }
    }

    // A daemon rejects an invalid setting at its start, before any crash point is reached.
    static let armed: CrashSetting? = getenv(variable).flatMap { try? CrashSetting(String(cString: $0)) }
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
