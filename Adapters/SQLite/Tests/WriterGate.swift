import Dispatch
import MartletSQL
import MartletSQLite
import Synchronization

/// Holds a database's writer inside one body, so that others gather behind it.
final class WriterGate: Sendable {
    private let entered = Mutex(false)
    private let opened = DispatchSemaphore(value: 0)

    /// For a body: stays until the gate opens; a repeat of the body passes.
    func pass() {
        let first = entered.withLock { entered in
            defer { entered = true }
            return !entered
        }
        if first { opened.wait() }
    }

    func open() { opened.signal() }

    /// Returns when the writer stands in the gate and `count` transactions wait behind it.
    func gather(_ count: Int, before database: SQLiteDatabase) async {
        while !entered.withLock({ $0 }) || database.waiting < count { await Task.yield() }
    }
}
