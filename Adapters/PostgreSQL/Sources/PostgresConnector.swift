import MartletCore
import MartletSQL
import Synchronization

/// Opens the sessions of one database, on the first host that accepts writes.
///
/// Shared by the connections of a pool: while no host can be reached, they fail at once instead of waiting each for itself.
final class PostgresConnector: Sendable {
    private let settings: PostgresSettings
    private let limits: PostgresLimits
    private let time: any TimeSource
    private let unreachable = Mutex<(error: SQLError, until: Moment)?>(nil)
    private let opened = Mutex(0)

    init(_ settings: PostgresSettings, _ limits: PostgresLimits, time: any TimeSource) {
        self.settings = settings
        self.limits = limits
        self.time = time
    }

    /// Sessions that are open now.
    var open: Int { opened.withLock { $0 } }

    /// A session was closed.
    func closed() { opened.withLock { $0 -= 1 } }

    /// - Parameter deadline: When the caller stops waiting; `nil`: never.
    /// - Throws: `SQLError` with `interrupted` at the deadline; with `unavailable`: no host can be reached, none accepts writes, or the database is not one
    ///   that the toolkit can use.
    func connect(until deadline: Moment?) throws -> PostgresSession {
        if let known = unreachable.withLock({ $0 }), time.now < known.until { throw known.error }
        var failures: [String] = []
        for host in settings.hosts {
            let limit = time.now + limits.connectDuration
            let end = deadline.map { min($0, limit) } ?? limit
            do {
                let session = try PostgresSession(host, settings, limits: limits, until: end, time: time)
                try check(session, until: end)
                unreachable.withLock { $0 = nil }
                opened.withLock { $0 += 1 }
                return session
            } catch let failure as PostgresFailure {
                failures.append("\(host.name):\(host.port): \(failure.message)")
            } catch let error as SQLError {
                failures.append("\(host.name):\(host.port): \(error.message)")
            }
            // The next caller may have more time.
            if let deadline, time.now >= deadline { break }
        }
        let message = failures.joined(separator: "; ")
        if let deadline, time.now >= deadline { throw SQLError(.interrupted, code: "late", message: message) }
        let error = SQLError(.unavailable, code: "08001", message: message)
        unreachable.withLock { $0 = (error, time.now + limits.unreachablePause) }
        throw error
    }

    /// Refuses a standby, and a database in which texts would have another order, or commits could be lost.
    private func check(_ session: PostgresSession, until end: Moment) throws {
        guard !session.isStandby else { throw Self.unusable("the server is a standby") }
        guard session.parameter("server_encoding") == "UTF8" else {
            throw Self.unusable("the database's encoding is not UTF8")
        }
        let version = session.parameter("server_version") ?? ""
        guard let major = Int(version.prefix { $0.isNumber }), major >= 15 else {
            throw Self.unusable("version \(version) of the server is older than 15")
        }
        let query = """
            SELECT datcollate, datlocprovider::text, current_setting('fsync'), current_setting('synchronous_commit')
            FROM pg_database WHERE datname = current_database()
            """
        guard let row = try session.exchange([.control(query)], until: end).first?.rows().first else {
            throw Self.unusable("the database is not listed")
        }
        // Texts are ordered by their bytes, as the toolkit and the other engine order them.
        guard try row.text(1) == "c", ["C", "POSIX"].contains(try row.text(0)) else {
            throw Self.unusable("the database's collation is not C")
        }
        let isSafe = try row.text(2) == "on" && row.text(3) != "off"
        guard isSafe || settings.permitsLoss else {
            throw Self.unusable("the server may lose commits: fsync or synchronous_commit is off")
        }
    }

    private static func unusable(_ message: String) -> SQLError {
        SQLError(.unavailable, code: "unusable", message: message)
    }
}
