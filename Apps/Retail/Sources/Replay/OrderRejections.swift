import OrdersContract

/// Orders that were rejected or cancelled, by origin and reason.
struct OrderRejections: Sendable, Codable, Equatable {
    /// The service that refused, or the customer.
    let by: String
    /// As in `insufficient_stock`.
    let reason: String
    let orders: Int

    var isForLackOfStock: Bool { by == "inventory" && reason == "insufficient_stock" }

    /// Counts terminal orders that are not completed; the most frequent reason first.
    static func count(_ headlines: [OrderHeadline]) -> [OrderRejections] {
        var counts: [[String]: Int] = [:]
        for headline in headlines where headline.status.isTerminal && headline.status != .completed {
            counts[key(headline), default: 0] += 1
        }
        return counts.sorted { ($1.value, $0.key[0], $0.key[1]) < ($0.value, $1.key[0], $1.key[1]) }
            .map { OrderRejections(by: $0.key[0], reason: $0.key[1], orders: $0.value) }
    }

    private static func key(_ headline: OrderHeadline) -> [String] {
        // A customer's reason is free text.
        guard headline.status == .rejected else { return ["customer", "cancelled"] }
        let parts = headline.reason.split(separator: ".", maxSplits: 1).map(String.init)
        return parts.count == 2 ? parts : ["-", headline.reason.isEmpty ? "unknown" : headline.reason]
    }
}
