import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Marks a durable boundary at which a test may kill the process.
///
/// With `MARTLET_CRASH=name:n` in the environment the n-th hit (from 1) kills the process with SIGKILL.
/// Names are literal, dotted and unique, since `martlet crash-points` lists them from the source code.
///
/// - Returns: True when the observer of a test has killed the process here: the caller must do nothing more.
@discardableResult
public func crashPoint(_ name: StaticString) -> Bool {
    if let observer = CrashPoints.observer { return observer.stops("\(name)") }
    if CrashPoints.armed != nil { CrashPoints.hit("\(name)") }
    return false
}

/// The handling of crash points.
public enum CrashPoints {
    /// The environment variable that arms one: `name:n`.
    package static let variable = "MARTLET_CRASH"

    /// Receives every hit of its task and child tasks, instead of the environment's setting.
    ///
    /// A simulation crashes one replica through it, and a test one execution of a workflow.
    @TaskLocal package static var observer: Observer?

    /// A structure, since an optimised build of Swift 6.3 crashes where a task local's value is a bare function.
    package struct Observer: Sendable {
        let stops: @Sendable (_ name: String) -> Bool

        /// For an observer that isolates a crashed process from its environment, so that its code may continue.
        package init(passed: @escaping @Sendable (_ name: String) -> Void) {
            stops = { name in
                passed(name)
                return false
            }
        }

        /// - Parameter stops: Returns true when the code must stop at the crash point, since nothing isolates it.
        package init(stops: @escaping @Sendable (_ name: String) -> Bool) { self.stops = stops }
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
