/// How much of a database's capacity to read a read may take.
public enum SQLReadKind: Sendable, Hashable {
    /// Finds rows by their keys, a limited number: it takes any connection.
    case lookup
    /// A search, a list, a sum or an export: its work grows with the tables, or with what a caller asks for.
    ///
    /// All scans together hold at most a part of the connections, never the last one. Further ones wait for each other
    /// until their deadlines; names of scans take turns, so that many of one name do not delay the first of another by
    /// more than one.
    case scan
}
