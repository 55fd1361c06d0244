import InventoryContract
import MartletContract
import OrdersContract
import PaymentsContract
import SharedContract

/// What the running shop says of itself: read through the gateway, page by page.
struct ShopView: Sendable {
    var headlines: [OrderHeadline] = []
    var levels: [StockLevel] = []
    var summary = GetSummaryResponse()
    var balance = GetTrialBalanceResponse()
    var provider = ReconcileResponse()
    /// Orders that the file does not know, in full.
    var foreign: [Order] = []

    init() {}

    /// - Parameter known: The merchant's numbers of the file's orders.
    init(_ shop: ShopClient, known: Set<String>) async throws {
        summary = try await shop.send("GET", "/v1/orders:summary")
        balance = try await shop.send("GET", "/v1/ledger:trial-balance")
        provider = try await shop.send("GET", "/v1/ledger:reconciliation")
        var token = ""
        repeat {
            let page: ListOrdersResponse = try await shop.send("GET", "/v1/orders?page_size=200&page_token=\(token)")
            headlines += page.orders
            token = page.page.nextPageToken
        } while !token.isEmpty
        repeat {
            let page: ListStockResponse = try await shop.send("GET", "/v1/stock?page_size=1000&page_token=\(token)")
            levels += page.levels
            token = page.page.nextPageToken
        } while !token.isEmpty
        for headline in headlines where !known.contains(headline.reference) {
            let answer: GetOrderResponse = try await shop.send("GET", "/v1/orders/\(escaped(headline.orderID))")
            foreign.append(answer.order)
        }
    }

    /// All in which money was spoken of, at least one.
    var currencies: [String] {
        let all = summary.sums.map(\.currency) + balance.sums.map(\.currency) + provider.sums.map(\.currency)
        return all.isEmpty ? [CatalogImport.currency] : Set(all).sorted()
    }

    /// True when nothing is on its way any more.
    static func isQuiet(_ shop: ShopClient) async throws -> (quiet: Bool, terminal: UInt64) {
        let summary: GetSummaryResponse = try await shop.send("GET", "/v1/orders:summary")
        let open = summary.statuses.filter { !$0.status.isTerminal }.reduce(0) { $0 + $1.orders }
        let terminal = summary.statuses.filter { $0.status.isTerminal }.reduce(0) { $0 + $1.orders }
        return (open == 0 && summary.openReturns == 0, terminal)
    }
}
