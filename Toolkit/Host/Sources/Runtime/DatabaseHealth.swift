import Logging
import MartletCore
import MartletSQL
import Synchronization

/// Whether a service's database answers, as periodic reads find.
///
/// `/readyz` names a database that is lost: another replica may reach its own, or its disk.
final class DatabaseHealth: Sendable {
    /// Failed reads in a row after which a database counts as lost: one may be a connection that broke.
    static let failuresLimit = 2
    /// Between two reads, and how long one may take.
    static let interval = Duration.seconds(5)

    private let service: String
    private let failures = Mutex(0)

    init(of service: String) { self.service = service }

    /// What is wrong, for callers and operators; `nil` while the database answers.
    var problem: String? {
        failures.withLock { $0 } >= Self.failuresLimit ? "the database of \(service) does not answer" : nil
    }

    /// Observes whether the database answers: apart from measuring, which waits for searches.
    func watch(_ database: any SQLDatabase, time: any TimeSource) async throws {
        while true {
            await probe(database, time: time)
            try await time.sleep(for: Self.interval)
        }
    }

    /// Reads once.
    func probe(_ database: any SQLDatabase, time: any TimeSource) async {
        do {
            try await database.read("health", deadline: time.now + Self.interval) { tx in _ = try tx.run("SELECT 1") }
            ended(nil)
        } catch {
            ended(error)
            Logger.current.debug("the database did not answer, will be asked again", error: error)
        }
    }

    /// A read has ended.
    ///
    /// - Parameter error: `nil` when it was answered. Only an error that means no answer counts.
    func ended(_ error: (any Error)?) {
        failures.withLock { $0 = error.map(Self.isLoss) ?? false ? $0 + 1 : 0 }
    }

    /// Whether the database could not be reached, or did not answer in time; an overload is no loss, such as a read that
    /// waited for other lookups until its deadline.
    private static func isLoss(_ error: any Error) -> Bool {
        if let fault = error as? Fault {
            return fault.code == .deadlineExceeded && (fault.cause as? SQLError)?.isOverload != true
        }
        guard let error = error as? SQLError else { return false }
        switch error.kind {
        case .unavailable: return !error.isOverload
        case .outcomeUnknown, .interrupted: return true
        case .conflict, .constraint, .full, .misuse: return false
        }
    }
}
