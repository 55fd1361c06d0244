import Console
import InventoryContract
import MartletContract
import MartletCore
import OrdersContract
import PaymentsContract
import SharedContract

/// The running shop's state, read through the gateway page by page.
struct ShopView: Sendable {
    var headlines: [OrderHeadline] = []
    var levels: [StockLevel] = []
    var summary = GetSummaryResponse()
    var balance = GetTrialBalanceResponse()
    var provider = ReconcileResponse()
    /// Orders that are not from the file, in full.
    var foreign: [Order] = []

    init() {}

    /// - Parameter known: The merchant's numbers of the file's orders.
    init(_ shop: ShopClient, known: Set<ExactText>) async throws {
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
        for headline in headlines where !known.contains(ExactText(headline.reference)) {
            let response: GetOrderResponse = try await shop.send("GET", "/v1/orders/\(escaped(headline.orderID))")
            foreign.append(response.order)
        }
    }

    /// All currencies with amounts, at least one.
    var currencies: [String] {
        let all = summary.sums.map(\.currency) + balance.sums.map(\.currency) + provider.sums.map(\.currency)
        return all.isEmpty ? [CatalogImport.currency] : Set(all).sorted()
    }

    /// Whether no order or return is in progress, and the number of orders in a terminal state.
    static func quiescence(_ shop: ShopClient) async throws -> (isQuiescent: Bool, terminal: UInt64) {
        let summary: GetSummaryResponse = try await shop.send("GET", "/v1/orders:summary")
        let open = summary.statuses.filter { !$0.status.isTerminal }.reduce(0) { $0 + $1.orders }
        let terminal = summary.statuses.filter { $0.status.isTerminal }.reduce(0) { $0 + $1.orders }
        return (open == 0 && summary.openReturns == 0, terminal)
    }
}
