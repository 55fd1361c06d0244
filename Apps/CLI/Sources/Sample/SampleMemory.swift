/// The last orders of customers, of which cancellations take something back.
struct SampleMemory: Sendable {
    struct Order: Sendable {
        let customer: SampleCustomer
        let rows: [InvoiceRow]
    }

    /// How many orders are remembered.
    static let ordersMax = 600
    /// How many rows of each.
    static let rowsMax = 48

    private var orders: [Order] = []
    private var oldest = 0

    mutating func remember(_ rows: [InvoiceRow], of customer: SampleCustomer) {
        let order = Order(customer: customer, rows: Array(rows.filter { $0.price > .zero }.prefix(Self.rowsMax)))
        if orders.count < Self.ordersMax {
            orders.append(order)
        } else {
            orders[oldest] = order
            oldest = (oldest + 1) % Self.ordersMax
        }
    }

    /// Any remembered order; `nil` before the first.
    func one(_ dice: inout SampleDice) -> Order? { orders.isEmpty ? nil : dice.pick(orders) }
}
