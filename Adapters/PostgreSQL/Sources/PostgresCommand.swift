import CPostgreSQL

/// One command of a group: a group travels in one round trip, and ends at its first failure.
enum PostgresCommand {
    /// A statement that is prepared on the server, or has no name there and is used once.
    case run(text: String, PostgresParameters)
    /// Prepares a statement under a name.
    case prepare(name: String, text: String, types: [Oid])
    /// Runs a prepared statement.
    case execute(name: String, PostgresParameters)

    /// A statement without values.
    static func control(_ text: String) -> PostgresCommand { .run(text: text, PostgresParameters([])) }

    /// Puts it into the connection's buffer.
    ///
    /// - Returns: False when libpq refuses it: the connection is lost, or there is no memory.
    func send(on handle: OpaquePointer) -> Bool {
        switch self {
        case .run(let text, let values):
            values.withPointers { count, pointers, lengths, formats in
                values.types.withUnsafeBufferPointer { types in
                    PQsendQueryParams(handle, text, count, types.baseAddress, pointers, lengths, formats, 1)
                }
            } == 1
        case .prepare(let name, let text, let types):
            PQsendPrepare(handle, name, text, Int32(types.count), types) == 1
        case .execute(let name, let values):
            values.withPointers { count, pointers, lengths, formats in
                PQsendQueryPrepared(handle, name, count, pointers, lengths, formats, 1)
            } == 1
        }
    }
}
