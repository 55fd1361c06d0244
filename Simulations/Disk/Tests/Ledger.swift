import MartletCore
import MartletSQL

/// A client's view of a table `rows (id, n, filling)`: the acknowledged state, and an unacknowledged change.
struct Ledger: Sendable {
    enum Change: Sendable {
        case put(id: Int, n: Int, bytes: Int)
        case delete(id: Int)
    }

    struct Row: Sendable, Equatable {
        let n: Int
        let bytes: Int
    }

    typealias Rows = [Int: Row]

    /// The state after all acknowledged transactions.
    private(set) var acknowledged: Rows = [:]
    /// The state after a transaction with an unknown outcome.
    private(set) var uncertain: Rows?
    private var lastNumber = 0

    static let migration = Migration(
        "rows",
        1,
        ["CREATE TABLE rows (id BIGINT PRIMARY KEY, n BIGINT NOT NULL, filling BLOB NOT NULL)"]
    )

    /// The changes of one transaction; they touch several pages.
    mutating func begin(_ entropy: any Entropy) -> [Change] {
        let changes = (0..<1 + entropy.number(below: 6)).map { _ in
            lastNumber += 1
            let id = Int(entropy.number(below: 60))
            guard entropy.number(below: 5) > 0 else { return Change.delete(id: id) }
            return Change.put(id: id, n: lastNumber, bytes: Int(entropy.number(below: 3_000)))
        }
        var rows = acknowledged
        for change in changes {
            switch change {
            case .put(let id, let n, let bytes): rows[id] = Row(n: n, bytes: bytes)
            case .delete(let id): rows[id] = nil
            }
        }
        uncertain = rows
        return changes
    }

    mutating func commit() {
        acknowledged = uncertain ?? acknowledged
        uncertain = nil
    }

    /// The database refused the transaction: it must not be stored.
    mutating func refuse() { uncertain = nil }

    /// Whether `rows` is a state that the client may find; it becomes the acknowledged state.
    mutating func accepts(_ rows: Rows) -> Bool {
        guard rows == acknowledged || rows == uncertain else { return false }
        acknowledged = rows
        uncertain = nil
        return true
    }
}

extension SQLDatabase {
    func createTable() async throws { try await migrate([Ledger.migration]) }

    func apply(_ changes: [Ledger.Change]) async throws {
        try await transaction { tx in
            for change in changes {
                switch change {
                case .put(let id, let n, let bytes):
                    try tx.run(
                        """
                        INSERT INTO rows (id, n, filling) VALUES (\(id), \(n), \(Self.filling(n, bytes)))
                        ON CONFLICT (id) DO UPDATE SET n = excluded.n, filling = excluded.filling
                        """
                    )
                case .delete(let id): try tx.run("DELETE FROM rows WHERE id = \(id)")
                }
            }
        }
    }

    /// - Throws: ``CorruptRow`` when a filling does not match its row.
    func rows() async throws -> Ledger.Rows {
        try await read { tx in
            var rows: Ledger.Rows = [:]
            for row in try tx.run("SELECT id, n, filling FROM rows") {
                // A corrupt file may contain any value anywhere.
                guard case .integer(let id) = row.values[0], case .integer(let n) = row.values[1],
                    case .bytes(let filling) = row.values[2], filling == Self.filling(Int(n), filling.count)
                else { throw CorruptRow() }
                rows[Int(id)] = Ledger.Row(n: Int(n), bytes: filling.count)
            }
            return rows
        }
    }

    /// Content that identifies its row.
    private static func filling(_ n: Int, _ bytes: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: n), count: bytes)
    }
}

struct CorruptRow: Error {}
