import MartletCore
import MartletSQL

/// What a client knows of a table `rows (id, n, filling)`: the state that was answered, and a change that was not.
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

    /// The state of every transaction that was answered.
    private(set) var answered: Rows = [:]
    /// The state beyond a transaction that was never answered, or that may have happened.
    private(set) var open: Rows?
    private var lastNumber = 0

    static let make = Migration(
        "rows",
        1,
        ["CREATE TABLE rows (id BIGINT PRIMARY KEY, n BIGINT NOT NULL, filling BLOB NOT NULL)"]
    )

    /// Changes of one transaction, so many that they touch several pages.
    mutating func begin(_ entropy: any Entropy) -> [Change] {
        let changes = (0..<1 + entropy.number(below: 6)).map { _ in
            lastNumber += 1
            let id = Int(entropy.number(below: 60))
            guard entropy.number(below: 5) > 0 else { return Change.delete(id: id) }
            return Change.put(id: id, n: lastNumber, bytes: Int(entropy.number(below: 3_000)))
        }
        var rows = answered
        for change in changes {
            switch change {
            case .put(let id, let n, let bytes): rows[id] = Row(n: n, bytes: bytes)
            case .delete(let id): rows[id] = nil
            }
        }
        open = rows
        return changes
    }

    mutating func commit() {
        answered = open ?? answered
        open = nil
    }

    /// The database refused it: it must not be there.
    mutating func refuse() { open = nil }

    /// Whether `rows` is what the client may find; from then on it is what he knows.
    mutating func accepts(_ rows: Rows) -> Bool {
        guard rows == answered || rows == open else { return false }
        answered = rows
        open = nil
        return true
    }
}

extension SQLDatabase {
    func make() async throws { try await migrate([Ledger.make]) }

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

    /// - Throws: ``Spoilt`` when a filling is not that of its row.
    func rows() async throws -> Ledger.Rows {
        try await read { tx in
            var rows: Ledger.Rows = [:]
            for row in try tx.run("SELECT id, n, filling FROM rows") {
                // A spoilt file may have anything anywhere.
                guard case .integer(let id) = row.values[0], case .integer(let n) = row.values[1],
                    case .bytes(let filling) = row.values[2], filling == Self.filling(Int(n), filling.count)
                else { throw Spoilt() }
                rows[Int(id)] = Ledger.Row(n: Int(n), bytes: filling.count)
            }
            return rows
        }
    }

    /// Tells of which row it is.
    private static func filling(_ n: Int, _ bytes: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: n), count: bytes)
    }
}

struct Spoilt: Error {}
