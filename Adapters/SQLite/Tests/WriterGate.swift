import Dispatch
import MartletSQL
import MartletSQLite
import Synchronization

/// Blocks a database's writer inside one body, so that other bodies queue behind it.
final class WriterGate: Sendable {
    private let entered = Mutex(false)
    private let opened = DispatchSemaphore(value: 0)

    /// For a body: blocks until the gate opens; a rerun of the body passes.
    func pass() {
        let first = entered.withLock { entered in
            defer { entered = true }
            return !entered
        }
        if first { opened.wait() }
    }

    func open() { opened.signal() }

    /// Returns when the writer is blocked at the gate and `count` transactions wait behind it.
    func waitForQueue(of count: Int, on database: SQLiteDatabase) async {
        while !entered.withLock({ $0 }) || database.waiting < count { await Task.yield() }
    }
}
