import InventoryContract
import OrdersContract
import PaymentsContract
import SharedContract

/// Compares the running shop with what the invoices alone say.
///
/// Every line is one comparison.
struct Reconciliation: Sendable {
    struct Check: Sendable, Codable, Equatable {
        let what: String
        let expected: String
        let found: String
        var holds: Bool { expected == found }
    }

    private(set) var checks: [Check] = []
    /// Said, not compared.
    private(set) var remarks: [String] = []

    var holds: Bool { checks.allSatisfy(\.holds) }

    init(_ plan: InvoicePlan, _ figures: InvoiceFigures, _ shop: ShopView, isScarce: Bool) {
        compareRows(plan, figures)
        compareOrders(plan, figures, shop, isScarce: isScarce)
        compareMoney(figures, shop, isScarce: isScarce)
        compareStock(plan, figures, shop, isScarce: isScarce)
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
        _ figures: InvoiceFigures,
        _ shop: ShopView,
        isScarce: Bool
    ) {
        let found = Dictionary(shop.headlines.map { ($0.reference, $0) }) { first, _ in first }
        var missing = 0
        var open = 0
        var rejected = 0
        var wrongTotals = 0
        for case .order(let order) in plan.actions {
            guard let headline = found[order.invoice] else {
                missing += 1
                continue
            }
            if !headline.status.isTerminal { open += 1 }
            if headline.status != .completed { rejected += 1 }
            if headline.total.minorUnits != order.total { wrongTotals += 1 }
        }
        let planned = plan.actions.count { if case .order = $0 { true } else { false } }
        check("orders in the file", expected: figures.orders, found: planned)
        check("orders that are missing", expected: 0, found: missing)
        check("orders in no terminal state", expected: 0, found: open)
        check("orders with another total", expected: 0, found: wrongTotals)
        if isScarce {
            remarks.append("\(rejected) of \(planned) orders were rejected, as stock was scarce")
        } else {
            check("orders that were not completed", expected: 0, found: rejected)
        }
        check("returns that are open", expected: 0, found: shop.summary.openReturns)
        if !shop.foreign.isEmpty {
            remarks.append("\(shop.foreign.count) orders are not of this file; their units are taken into account")
        }
    }

    private mutating func compareMoney(_ figures: InvoiceFigures, _ shop: ShopView, isScarce: Bool) {
        let foreign = Set(shop.foreign.map(\.orderID))
        let ours = shop.headlines.filter { !foreign.contains($0.orderID) }
        let captured = ours.reduce(0) { $0 + $1.captured.minorUnits }
        let refunded = ours.reduce(0) { $0 + $1.refunded.minorUnits }
        if isScarce {
            let completed = ours.filter { $0.status == .completed }.reduce(0) { $0 + $1.total.minorUnits }
            check("captured pence of completed orders", expected: completed, found: captured)
        } else {
            check("captured pence", expected: figures.capturedPence, found: captured)
            check("refunded pence", expected: figures.refundedPence, found: refunded)
            check(
                "captured less refunded",
                expected: figures.capturedPence - figures.refundedPence,
                found: captured - refunded
            )
        }
        let accounts = Dictionary(shop.balance.accounts.map { ($0.name, $0) }) { first, _ in first }
        check("ledger: debits are credits", expected: shop.balance.debits, found: shop.balance.credits)
        check(
            "ledger: sales",
            expected: shop.summary.captured.minorUnits,
            found: accounts["sales"]?.credits ?? 0
        )
        check(
            "ledger: refunds",
            expected: shop.summary.refunded.minorUnits,
            found: accounts["refunds"]?.debits ?? 0
        )
        check("provider: captured", expected: shop.provider.ourCaptured, found: shop.provider.providerCaptured)
        check("provider: refunded", expected: shop.provider.ourRefunded, found: shop.provider.providerRefunded)
        check(
            "provider: captured is the orders'",
            expected: shop.summary.captured.minorUnits,
            found: shop.provider.providerCaptured
        )
        check("provider: set aside and forgotten", expected: 0, found: shop.provider.providerAuthorised)
        check("payments that are open", expected: 0, found: shop.balance.openPayments)
    }

    private mutating func compareStock(
        _ plan: InvoicePlan,
        _ figures: InvoiceFigures,
        _ shop: ShopView,
        isScarce: Bool
    ) {
        var foreignSold: [String: Int64] = [:]
        var foreignReturned: [String: Int64] = [:]
        for order in shop.foreign where order.status == .completed {
            for line in order.lines where !line.service {
                foreignSold[line.sku, default: 0] += Int64(line.quantity)
                foreignReturned[line.sku, default: 0] += Int64(line.returned)
            }
        }
        let levels = Dictionary(grouping: shop.levels, by: \.sku)
        var wrong: [String] = []
        var sums = InvoiceFigures.Stock()
        var found = InvoiceFigures.Stock()
        for (sku, expected) in figures.skus.sorted(by: { $0.key < $1.key }) {
            let level = Sum(levels[sku] ?? [])
            let sold = level.sold - foreignSold[sku, default: 0]
            let returned = level.returned - foreignReturned[sku, default: 0]
            sums.add(expected)
            found.sold += Int(sold)
            found.returned += Int(returned)
            found.corrected += Int(level.corrected)
            let balances = level.received - level.sold + level.returned + level.corrected == level.onHand
            let free = level.available == level.onHand && level.onHand >= 0
            let exact =
                isScarce
                || (sold == Int64(expected.sold) && returned == Int64(expected.returned)
                    && level.corrected == Int64(expected.corrected) && level.received >= Int64(expected.opening))
            if !balances || !free || !exact { wrong.append(sku) }
        }
        if !isScarce {
            check("units sold", expected: sums.sold, found: found.sold)
            check("units returned", expected: sums.returned, found: found.returned)
            check("units corrected", expected: sums.corrected, found: found.corrected)
        }
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
