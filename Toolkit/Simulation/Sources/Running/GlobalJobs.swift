import Glibc
import Synchronization

/// Counts what escapes a simulation: jobs that are given to the process's global executor.
///
/// A task without a preference, a detached one, a main-actor hop: any of them runs on another thread, at a time that no seed
/// decides. The runtime's hook for global jobs sees them all.
public enum GlobalJobs {
    // A job is one pointer, which C's convention passes where Swift's does.
    private typealias Original = @convention(c) (OpaquePointer) -> Void
    private typealias Hook = @convention(c) (OpaquePointer, Original) -> Void

    private static let seen = Atomic<Int>(0)

    /// Jobs since ``watch()``.
    public static var count: Int { seen.load(ordering: .relaxed) }

    private static let hook: Hook = { job, original in
        seen.add(1, ordering: .relaxed)
        original(job)
    }

    /// Begins to count, for the rest of the process; the jobs run all the same.
    ///
    /// - Returns: False when this runtime has no such hook.
    public static func watch() -> Bool {
        guard let place = dlsym(nil, "swift_task_enqueueGlobal_hook") else { return false }
        place.assumingMemoryBound(to: Hook?.self).pointee = hook
        return true
    }
}
