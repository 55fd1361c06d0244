import MartletCore
import MartletEventLogClient
public import MartletHost
public import MartletMessaging
public import MartletSQL
import MartletSQLite

// The adapters of all daemons are chosen here, and nowhere else.
extension DaemonContext {
    /// The database of a service: a file of SQLite in the data folder.
    ///
    /// - Throws: `SQLError` when it cannot be opened.
    public func database(of service: String) throws -> any SQLDatabase {
        try SQLiteDatabase(
            path: "\(settings.data)/\(service).sqlite",
            time: time,
            entropy: runtime.entropy
        )
    }

    /// The broker: the event log `eventlogd`.
    public func bus() -> any MessageBus {
        RemoteEventLog(over: channel(to: "eventlog"), service: service, time: time)
    }
}
