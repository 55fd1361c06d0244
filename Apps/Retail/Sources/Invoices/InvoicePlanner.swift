/// Converts invoices to actions one by one, and computes the figures.
struct InvoicePlanner {
    private struct OpenOrder {
        let invoice: String
        let action: Int
        var lastReturn: Int?
        /// The value of all units returned so far.
        var returned = Mills.zero
        var refunded: Int64 = 0
    }

    private let file: String
    private(set) var actions: [PlannedAction] = []
    private var figures = InvoiceFigures()
    private var orders: [OpenOrder] = []
    private var matcher = CancellationMatcher()

    /// - Parameter file: Named in faults.
    init(file: String) { self.file = file }

    /// The figures, with stock on hand.
    func finalFigures() -> InvoiceFigures {
        var figures = figures
        for (sku, stock) in figures.skus {
            figures.skus[sku]?.onHand = stock.opening - stock.sold + stock.returned + stock.corrected
        }
        return figures
    }

    /// - Throws: ``InvoiceFault`` when a sale has more than ``PlannedOrder/linesMax`` lines.
    mutating func add(_ invoice: Invoice) throws(InvoiceFault) {
        let `class` = invoice.class
        figures.invoices += 1
        if `class` == .cancellation { figures.cancellations += 1 }
        var lines: [InvoiceRow] = []
        var corrections: [PlannedCorrection] = []
        var cancelled: [InvoiceRow] = []
        for (index, row) in invoice.rows.enumerated() {
            let kind = InvoiceRowKind(row, in: `class`)
            count(row, kind)
            switch kind.use {
            case .orderLine: lines.append(row)
            case .cancellation: cancelled.append(row)
            case .correction:
                corrections.append(
                    PlannedCorrection(
                        invoice: row.invoice,
                        row: index + 1,
                        sku: row.code,
                        delta: row.quantity,
                        date: row.date,
                        reason: row.description
                    )
                )
            case .countedOnly: break
            }
        }
        guard lines.count <= PlannedOrder.linesMax else {
            throw InvoiceFault(
                file: file,
                line: nil,
                column: nil,
                rule: "invoice \(invoice.number) has \(lines.count) lines, may have \(PlannedOrder.linesMax)"
            )
        }
        if !lines.isEmpty { addOrder(lines, of: invoice) }
        for correction in corrections { addCorrection(correction) }
        if !cancelled.isEmpty { addCancellation(cancelled, of: invoice) }
    }

    private mutating func count(_ row: InvoiceRow, _ kind: InvoiceRowKind) {
        figures.rows += 1
        figures.rowKinds[kind.rawValue, default: 0] += 1
        figures.rowMills[kind.rawValue, default: 0] += row.value.rawValue
        if row.isGoods, figures.skus[row.code] == nil { figures.skus[row.code] = InvoiceFigures.Stock() }
    }

    private mutating func addOrder(_ rows: [InvoiceRow], of invoice: Invoice) {
        let lines = rows.map { row in
            PlannedOrder.Line(
                code: row.code,
                description: row.description,
                quantity: row.quantity,
                price: row.price,
                isGoods: row.isGoods
            )
        }
        for (index, line) in lines.enumerated() {
            if line.isGoods {
                figures.skus[line.code]?.sold += line.quantity
                figures.skus[line.code]?.opening += line.quantity
            }
            guard let customer = invoice.customer else { continue }
            matcher.add(
                order: orders.count,
                line: index,
                customer: customer,
                code: line.code,
                quantity: line.quantity,
                price: line.price
            )
        }
        let order = PlannedOrder(
            invoice: invoice.number,
            customer: invoice.customer,
            date: invoice.date,
            country: invoice.country,
            lines: lines
        )
        figures.orders += 1
        figures.orderLines += lines.count
        figures.capturedPence += order.total
        if order.customer == nil { figures.guestOrders += 1 }
        if !lines.contains(where: \.isGoods) { figures.serviceOnlyOrders += 1 }
        orders.append(OpenOrder(invoice: invoice.number, action: actions.count))
        actions.append(.order(order))
    }

    private mutating func addCorrection(_ correction: PlannedCorrection) {
        figures.corrections += 1
        figures.skus[correction.sku]?.corrected += correction.delta
        if correction.delta < 0 { figures.skus[correction.sku]?.opening -= correction.delta }
        actions.append(.correction(correction))
    }

    private mutating func addCancellation(_ rows: [InvoiceRow], of invoice: Invoice) {
        var returned: [Int: [Int: PlannedReturn.Line]] = [:]
        var credited: [PlannedCredit.Line] = []
        for row in rows {
            var left = -row.quantity
            if let customer = invoice.customer {
                let pieces = matcher.match(
                    customer: customer,
                    code: row.code,
                    units: left,
                    price: row.price,
                    isGoods: row.isGoods
                )
                for piece in pieces {
                    left -= piece.units
                    let before = returned[piece.order]?[piece.line]?.quantity ?? 0
                    returned[piece.order, default: [:]][piece.line] = PlannedReturn.Line(
                        line: piece.line,
                        code: row.code,
                        quantity: before + piece.units,
                        price: piece.price,
                        isGoods: row.isGoods
                    )
                }
            }
            if left > 0 { credited.append(PlannedCredit.Line(code: row.code, quantity: left, price: row.price)) }
        }
        for (order, lines) in returned.sorted(by: { $0.key < $1.key }) {
            addReturn(lines.values.sorted { $0.line < $1.line }, order: order, invoice: invoice)
        }
        guard !credited.isEmpty else { return }
        let credit = PlannedCredit(
            invoice: invoice.number,
            customer: invoice.customer,
            date: invoice.date,
            lines: credited
        )
        figures.creditNotes += 1
        figures.creditNoteLines += credited.count
        figures.creditNoteMills += credit.value.rawValue
        actions.append(.credit(credit))
    }

    private mutating func addReturn(_ lines: [PlannedReturn.Line], order index: Int, invoice: Invoice) {
        var order = orders[index]
        for line in lines {
            order.returned += line.quantity * line.price
            figures.returnedUnits += line.quantity
            if line.isGoods { figures.skus[line.code]?.returned += line.quantity }
        }
        let refund = order.returned.pence - order.refunded
        order.refunded += refund
        let after = [order.action] + (order.lastReturn.map { [$0] } ?? [])
        order.lastReturn = actions.count
        figures.returns += 1
        figures.returnLines += lines.count
        figures.refundedPence += refund
        actions.append(
            .orderReturn(
                PlannedReturn(
                    invoice: invoice.number,
                    order: order.invoice,
                    after: after,
                    date: invoice.date,
                    lines: lines,
                    refund: refund
                )
            )
        )
        orders[index] = order
    }
}
