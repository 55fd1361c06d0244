import Console
import InventoryContract
import MartletCore
import OrdersContract
import PaymentsContract
import SharedContract

/// Compares the running shop with figures computed from the invoices alone.
///
/// Every check is one comparison.
struct Reconciliation: Sendable {
    struct Check: Sendable, Codable, Equatable {
        let what: String
        let expected: String
        let found: String
        var holds: Bool { expected == found }
    }

    private(set) var checks: [Check] = []
    /// Remarks without a comparison.
    private(set) var remarks: [String] = []
    /// Why orders of the file were not completed, the most frequent first.
    private(set) var rejections: [OrderRejections] = []

    var holds: Bool { checks.allSatisfy(\.holds) }

    init(_ plan: InvoicePlan, figures: InvoiceFigures, shop: ShopView, isScarce: Bool) {
        compareRows(plan, figures)
        compareOrders(plan, figures: figures, shop: shop, isScarce: isScarce)
        // With scarce stock the completed orders are not known in advance: the expected figures follow from them.
        let completed = isScarce ? CompletedOrders(plan, shop.headlines) : nil
        compareMoney(figures, completed: completed, shop: shop)
        compareStock(figures, completed: completed, shop: shop)
    }

    mutating func check(_ what: String, expected: some CustomStringConvertible, found: some CustomStringConvertible) {
        checks.append(Check(what: what, expected: "\(expected)", found: "\(found)"))
    }

    mutating func remark(_ text: String) { remarks.append(text) }

    private mutating func compareRows(_ plan: InvoicePlan, _ figures: InvoiceFigures) {
        check("rows", expected: figures.rows, found: plan.figures.rows)
        for kind in figures.rowKinds.keys.sorted() {
            check(
                "rows: \(kind)",
                expected: figures.rowKinds[kind, default: 0],
                found: plan.figures.rowKinds[kind, default: 0]
            )
        }
    }

    private mutating func compareOrders(
        _ plan: InvoicePlan,
        figures: InvoiceFigures,
        shop: ShopView,
        isScarce: Bool
    ) {
        let found = Dictionary(shop.headlines.map { (ExactText($0.reference), $0) }) { first, _ in first }
        var missing = 0
        var open = 0
        var rejected: [OrderHeadline] = []
        var wrongTotals = 0
        var wrongCaptures = 0
        for case .order(let order) in plan.actions {
            guard let headline = found[ExactText(order.invoice)] else {
                missing += 1
                continue
            }
            if !headline.status.isTerminal { open += 1 }
            if headline.status != .completed { rejected.append(headline) }
            if headline.status == .completed, headline.captured != headline.total { wrongCaptures += 1 }
            if headline.total != Money(order.total, currency: CatalogImport.currency) { wrongTotals += 1 }
        }
        let planned = plan.actions.count { if case .order = $0 { true } else { false } }
        check("orders in the file", expected: figures.orders, found: planned)
        check("orders that are missing", expected: 0, found: missing)
        check("orders in no terminal state", expected: 0, found: open)
        check("orders with another total", expected: 0, found: wrongTotals)
        check("completed orders whose captured is not their total", expected: 0, found: wrongCaptures)
        rejections = OrderRejections.count(rejected)
        if isScarce {
            check("orders that were rejected or completed", expected: planned, found: planned - missing - open)
            remarks.append("\(rejected.count) of \(planned) orders were not completed, as stock was scarce")
            if rejections.contains(where: \.isForLackOfStock) {
                remarks.append("an order is accepted whole or not at all: one line without stock rejects the order")
            }
        } else {
            check("orders that were not completed", expected: 0, found: rejected.count)
        }
        check("returns that are open", expected: 0, found: shop.summary.openReturns)
        if !shop.foreign.isEmpty {
            remarks.append("\(shop.foreign.count) orders are not from this file; their units are taken into account")
        }
    }

    private mutating func compareMoney(_ figures: InvoiceFigures, completed: CompletedOrders?, shop: ShopView) {
        let foreign = Set(shop.foreign.map { ExactText($0.orderID) })
        let ours = shop.headlines.filter { !foreign.contains(ExactText($0.orderID)) }
        let captured = ours.reduce(0) { $0 + $1.captured.minorUnits }
        let refunded = ours.reduce(0) { $0 + $1.refunded.minorUnits }
        let expected = (
            captured: completed?.capturedPence ?? figures.capturedPence,
            refunded: completed?.refundedPence ?? figures.refundedPence
        )
        let suffix = completed == nil ? "" : " of completed orders"
        check("captured pence\(suffix)", expected: expected.captured, found: captured)
        check("refunded pence\(suffix)", expected: expected.refunded, found: refunded)
        check(
            "captured less refunded\(suffix)",
            expected: expected.captured - expected.refunded,
            found: captured - refunded
        )
        for currency in shop.currencies { compareLedger(shop, in: currency) }
        check("payments that are open", expected: 0, found: shop.balance.openPayments)
    }

    /// Compares orders, ledger and provider in one currency.
    private mutating func compareLedger(_ shop: ShopView, in currency: String) {
        let orders = shop.summary.sums.first { ExactText($0.currency) == ExactText(currency) } ?? .init()
        let ledger = shop.balance.sums.first { ExactText($0.currency) == ExactText(currency) } ?? .init()
        let provider = shop.provider.sums.first { ExactText($0.currency) == ExactText(currency) } ?? .init()
        func account(_ name: String) -> GetTrialBalanceResponse.Account? {
            shop.balance.accounts.first { $0.name == name && ExactText($0.currency) == ExactText(currency) }
        }
        let suffix = shop.currencies.count > 1 ? " (\(currency))" : ""
        check("ledger: debits are credits\(suffix)", expected: ledger.debits, found: ledger.credits)
        check("ledger: sales\(suffix)", expected: orders.captured.minorUnits, found: account("sales")?.credits ?? 0)
        check("ledger: refunds\(suffix)", expected: orders.refunded.minorUnits, found: account("refunds")?.debits ?? 0)
        check("provider: captured\(suffix)", expected: provider.ourCaptured, found: provider.providerCaptured)
        check("provider: refunded\(suffix)", expected: provider.ourRefunded, found: provider.providerRefunded)
        check(
            "provider: captured is the orders'\(suffix)",
            expected: orders.captured.minorUnits,
            found: provider.providerCaptured
        )
        check("provider: authorised and not finished\(suffix)", expected: 0, found: provider.providerAuthorised)
    }

    private mutating func compareStock(_ figures: InvoiceFigures, completed: CompletedOrders?, shop: ShopView) {
        var foreignSold: [ExactText: Int64] = [:]
        var foreignReturned: [ExactText: Int64] = [:]
        for order in shop.foreign where order.status == .completed {
            for line in order.lines where !line.service {
                foreignSold[ExactText(line.sku), default: 0] += Int64(line.quantity)
                foreignReturned[ExactText(line.sku), default: 0] += Int64(line.returned)
            }
        }
        let levels = Dictionary(grouping: shop.levels) { ExactText($0.sku) }
        var wrong: [String] = []
        var sums = InvoiceFigures.Stock()
        var found = InvoiceFigures.Stock()
        for (sku, full) in figures.skus.sorted(by: { $0.key < $1.key }) {
            let expected = completed.map { $0.skus[sku] ?? InvoiceFigures.Stock() } ?? full
            let code = ExactText(sku)
            let level = Sum(levels[code] ?? [])
            let sold = level.sold - foreignSold[code, default: 0]
            let returned = level.returned - foreignReturned[code, default: 0]
            sums.add(expected)
            found.sold += Int(sold)
            found.returned += Int(returned)
            found.corrected += Int(level.corrected)
            let balances = level.received - level.sold + level.returned + level.corrected == level.onHand
            let free = level.available == level.onHand && level.onHand >= 0
            let moved = sold == Int64(expected.sold) && returned == Int64(expected.returned)
            // With scarce stock a correction may exceed the stock, and less was received.
            let filled =
                completed != nil
                || (level.corrected == Int64(expected.corrected) && level.received >= Int64(expected.opening))
            if !balances || !free || !moved || !filled { wrong.append(sku) }
        }
        check("units sold", expected: sums.sold, found: found.sold)
        check("units returned", expected: sums.returned, found: found.returned)
        if completed == nil { check("units corrected", expected: sums.corrected, found: found.corrected) }
        check(
            "SKUs whose stock does not add up",
            expected: "none",
            found: wrong.isEmpty ? "none" : wrong.prefix(10).joined(separator: " ")
        )
    }

    private struct Sum {
        var received: Int64 = 0
        var sold: Int64 = 0
        var returned: Int64 = 0
        var corrected: Int64 = 0
        var onHand: Int64 = 0
        var available: Int64 = 0

        init(_ levels: [StockLevel]) {
            for level in levels {
                received += level.received
                sold += level.sold
                returned += level.returned
                corrected += level.corrected
                onHand += level.onHand
                available += level.available
            }
        }
    }
}

extension InvoiceFigures.Stock {
    fileprivate mutating func add(_ other: InvoiceFigures.Stock) {
        opening += other.opening
        sold += other.sold
        returned += other.returned
        corrected += other.corrected
        onHand += other.onHand
    }
}
