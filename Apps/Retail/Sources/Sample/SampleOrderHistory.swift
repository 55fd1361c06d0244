import Console

/// The latest orders of customers, which cancellations refer to.
struct SampleOrderHistory: Sendable {
    struct Order: Sendable {
        let customer: SampleCustomer
        let rows: [InvoiceRow]
    }

    /// The maximum number of stored orders.
    static let ordersMax = 600
    /// The maximum number of rows of each.
    static let rowsMax = 48

    private var orders: [Order] = []
    private var oldest = 0

    mutating func add(_ rows: [InvoiceRow], of customer: SampleCustomer) {
        let order = Order(customer: customer, rows: Array(rows.filter { $0.price > .zero }.prefix(Self.rowsMax)))
        if orders.count < Self.ordersMax {
            orders.append(order)
        } else {
            orders[oldest] = order
            oldest = (oldest + 1) % Self.ordersMax
        }
    }

    /// A random stored order; `nil` before the first.
    func one(_ dice: inout SeededDice) -> Order? { orders.isEmpty ? nil : dice.pick(orders) }
}
