/// A return: its units and its refund.
struct OrderReturn: Codable, Sendable, Equatable {
    struct Line: Codable, Sendable, Equatable {
        /// Index into the placement's lines.
        var line: Int
        var quantity: Int
    }

    /// Stored under these keys.
    private enum CodingKeys: String, CodingKey {
        case id
        case items = "wishes"
        case lines
        case refundMinorUnits
    }

    var id: String
    /// As requested; empty when the whole order is returned.
    var items: [ReturnItem]
    /// By line.
    var lines: [Line]
    var refundMinorUnits: Int64
}
