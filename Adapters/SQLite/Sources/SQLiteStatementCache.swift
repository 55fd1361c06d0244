import MartletSQL

/// The prepared statements of one connection, by the texts of their queries; the least recently used one is evicted.
///
/// A table of its own, by ``SQLQuery/textHash``: no text is put together, hashed or compared for a statement of the program.
final class SQLiteStatementCache {
    private let limit: Int
    /// The first statement of each chain.
    private var chains: [SQLiteStatement?]
    private(set) var count = 0
    private var uses = 0

    /// - Parameter limit: Most statements. At least 1.
    init(limit: Int) {
        precondition(limit >= 1)
        self.limit = limit
        var length = 16
        while length < limit { length *= 2 }
        chains = Array(repeating: nil, count: length)
    }

    /// The statement of a query with this text; `nil` when there is none.
    func find(_ query: SQLQuery) -> SQLiteStatement? {
        var next = chains[chain(of: query)]
        while let statement = next {
            if statement.query.hasSameText(as: query) {
                uses += 1
                statement.lastUse = uses
                return statement
            }
            next = statement.next
        }
        return nil
    }

    /// Adds a statement whose query is not in the cache.
    func insert(_ statement: SQLiteStatement) {
        if count >= limit { evict() }
        let chain = chain(of: statement.query)
        uses += 1
        statement.lastUse = uses
        statement.next = chains[chain]
        chains[chain] = statement
        count += 1
    }

    func removeAll() {
        for chain in chains.indices {
            // One at a time: a chain that releases its rest would do so recursively.
            while let statement = chains[chain] {
                chains[chain] = statement.next
                statement.next = nil
            }
        }
        count = 0
    }

    private func evict() {
        var oldest: SQLiteStatement?
        for chain in chains {
            var next = chain
            while let statement = next {
                if oldest.map({ statement.lastUse < $0.lastUse }) ?? true { oldest = statement }
                next = statement.next
            }
        }
        guard let oldest else { return }
        let chain = chain(of: oldest.query)
        if chains[chain] === oldest {
            chains[chain] = oldest.next
        } else {
            var before = chains[chain]
            while let statement = before, statement.next !== oldest { before = statement.next }
            before?.next = oldest.next
        }
        oldest.next = nil
        count -= 1
    }

    /// The length of the table is a power of two.
    private func chain(of query: SQLQuery) -> Int { query.textHash & (chains.count - 1) }
}
