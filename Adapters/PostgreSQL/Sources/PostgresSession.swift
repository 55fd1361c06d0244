import CPostgreSQL
import MartletCore
import MartletSQL

/// A session with a server: groups of commands are sent, their results are read, and each wait has a limit.
///
/// Used by one thread at a time. After a failure that ends it, it is only released, which closes its connection.
final class PostgresSession {
    private let handle: OpaquePointer
    private let socket: PostgresSocket
    private let notices = PostgresNotices()
    /// Groups that were sent, and whose results are to be discarded.
    private var unread = 0
    /// Whether a group was answered: a session that was not used yet cannot have been lost while it was idle.
    private(set) var isUsed = false
    private var ended = false

    /// Connects to one host, and checks that the database is one that the toolkit can use.
    ///
    /// - Parameters:
    ///   - end: When it gives up.
    ///   - needsWrites: Whether a standby is refused.
    init(
        _ host: PostgresSettings.Host,
        _ settings: PostgresSettings,
        limits: PostgresLimits,
        until end: Moment,
        time: any TimeSource
    ) throws(PostgresFailure) {
        guard let handle = PostgresOptions(host, settings, limits: limits).start() else { throw .lost("no memory") }
        self.handle = handle
        socket = PostgresSocket(time: time)
        notices.observe(handle)
        var state = PGRES_POLLING_WRITING
        while state != PGRES_POLLING_OK {
            switch state {
            case PGRES_POLLING_READING: try socket.wait(PQsocket(handle), writes: false, until: end)
            case PGRES_POLLING_WRITING: try socket.wait(PQsocket(handle), writes: true, reads: false, until: end)
            default: throw .lost(connectionMessage)
            }
            state = PQconnectPoll(handle)
        }
        guard PQstatus(handle) == CONNECTION_OK, PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1
        else { throw .lost(connectionMessage) }
    }

    deinit { PQfinish(handle) }

    /// Whether the session can be used.
    var isOpen: Bool { !ended }

    /// Whether a transaction is open on the server, failed or not.
    var inTransaction: Bool {
        isOpen && [PQTRANS_INTRANS, PQTRANS_INERROR].contains(PQtransactionStatus(handle))
    }

    /// Whether the server is a standby, which refuses writes.
    var isStandby: Bool { parameter("in_hot_standby") == "on" }

    /// A parameter that the server reports by itself; `nil` when it does not.
    func parameter(_ name: String) -> String? { PQparameterStatus(handle, name).map { String(cString: $0) } }

    /// The server's process, which it names as the origin of notifications.
    var process: Int32 { PQbackendPID(handle) }

    /// Sends the commands as one group, and returns a reply for each.
    ///
    /// - Parameters:
    ///   - commands: A failure skips those after it.
    ///   - end: When the session is given up; `nil`: never.
    /// - Throws: The failure of the first command that failed. After one that ends the session, it is closed.
    func exchange(_ commands: [PostgresCommand], until end: Moment?) throws(PostgresFailure) -> [PostgresReply] {
        do throws(PostgresFailure) {
            try send(commands)
            while unread > 0 {
                if let failure = try receive(until: end).failure { throw failure.endingSession }
                unread -= 1
            }
            let (replies, failure) = try receive(until: end)
            isUsed = true
            if let failure { throw failure }
            return replies
        } catch {
            if error.endsSession { ended = true }
            throw error
        }
    }

    /// Sends a group whose results do not matter; those of the next group are read after them.
    ///
    /// A failure ends the session, and is thrown by its next use.
    func post(_ commands: [PostgresCommand]) {
        do throws(PostgresFailure) {
            try send(commands)
            unread += 1
        } catch {
            ended = true
        }
    }

    /// As ``exchange(_:until:)``, for a commit.
    ///
    /// - Throws: Also when the server reports anything beside its result: it may have committed without its standby.
    func commit(_ commands: [PostgresCommand], until end: Moment) throws(PostgresFailure) {
        notices.forget()
        let replies = try exchange(commands, until: end)
        guard notices.isEmpty else {
            ended = true
            throw PostgresFailure(state: "01000", message: "the server reported a warning", endsSession: true)
        }
        guard replies.last?.tag == "COMMIT" else {
            throw PostgresFailure(state: "25P02", message: "the server rolled back", endsSession: false)
        }
    }

    private func send(_ commands: [PostgresCommand]) throws(PostgresFailure) {
        guard isOpen else { throw .lost("the connection is closed") }
        for command in commands {
            guard command.send(on: handle) else { throw .lost(connectionMessage) }
        }
        guard PQpipelineSync(handle) == 1 else { throw .lost(connectionMessage) }
    }

    /// Reads the results of one group.
    private func receive(
        until end: Moment?
    ) throws(PostgresFailure) -> (replies: [PostgresReply], failure: PostgresFailure?) {
        var replies: [PostgresReply] = []
        var failure: PostgresFailure?
        var hasEnded = false
        while true {
            try waitForResult(until: end)
            guard let result = PQgetResult(handle) else {
                // One stands between two results. Two of them: there is nothing to come, and this would not end.
                guard !hasEnded, PQstatus(handle) == CONNECTION_OK else { throw .lost(connectionMessage) }
                hasEnded = true
                continue
            }
            hasEnded = false
            switch PQresultStatus(result) {
            case PGRES_PIPELINE_SYNC:
                PQclear(result)
                return (replies, failure)
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
                replies.append(PostgresReply(result))
            case PGRES_PIPELINE_ABORTED:
                PQclear(result)
            case PGRES_FATAL_ERROR:
                var reported = PostgresFailure(result)
                reported.position = replies.count
                PQclear(result)
                if reported.endsSession { throw reported }
                failure = failure ?? reported
            case PGRES_EMPTY_QUERY:
                PQclear(result)
                failure =
                    failure ?? PostgresFailure(state: "42601", message: "the statement is empty", endsSession: false)
            default:
                // COPY, or what a later version of the protocol has.
                PQclear(result)
                throw PostgresFailure(state: "0A000", message: "the statement is not supported", endsSession: true)
            }
        }
    }

    /// Sends what the connection's buffer holds, and returns when a result can be read without waiting.
    private func waitForResult(until end: Moment?) throws(PostgresFailure) {
        while true {
            let rest = PQflush(handle)
            guard rest >= 0 else { throw .lost(connectionMessage) }
            guard PQisBusy(handle) == 1 || rest == 1 else { return }
            try socket.wait(PQsocket(handle), writes: rest == 1, until: end)
            guard PQconsumeInput(handle) == 1 else { throw .lost(connectionMessage) }
        }
    }

    private var connectionMessage: String {
        String(cString: PQerrorMessage(handle)).split(separator: "\n").first.map { String($0) }
            ?? "the connection is lost"
    }
}

// MARK: - Notifications

extension PostgresSession {
    /// Returns when the server has sent something, `other` can be read, or `end` has come.
    func waitForInput(or other: Int32, until end: Moment?) throws(PostgresFailure) {
        try socket.wait(PQsocket(handle), writes: PQflush(handle) == 1, or: other, until: end)
        guard PQconsumeInput(handle) == 1 else {
            ended = true
            throw .lost(connectionMessage)
        }
    }

    /// The notifications that have arrived, apart from its own.
    func notifications() -> Set<ExactText> {
        var channels: Set<ExactText> = []
        while let notification = PQnotifies(handle) {
            if notification.pointee.be_pid != process {
                channels.insert(ExactText(String(cString: notification.pointee.relname)))
            }
            PQfreemem(notification)
        }
        return channels
    }
}

extension PostgresFailure {
    /// A group whose results did not matter has failed: what the server's state is, is not known.
    fileprivate var endingSession: PostgresFailure {
        PostgresFailure(state: state, message: message, endsSession: true)
    }
}
