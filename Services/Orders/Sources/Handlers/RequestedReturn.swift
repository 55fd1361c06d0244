import MartletCore
import OrdersContract

/// A request to return units of an order, checked.
struct RequestedReturn: Sendable {
    /// Not reserved.
    ///
    /// By its contract visible ASCII: it becomes part of the refund's idempotency key, which is sent in a header.
    let id: String
    let items: [ReturnItem]

    /// - Throws: `Fault` that names the field.
    init(_ request: ReturnOrderRequest) throws {
        guard ExactText(request.returnID) != ExactText(Order.cancelReturnID) else {
            throw Fault(.invalidArgument, .invalidRequest, "is a reserved name", field: "return_id")
        }
        id = request.returnID
        items = try request.lines.enumerated().map { index, line in
            guard line.line > 0 || !line.sku.isEmpty else {
                throw Fault(.invalidArgument, .invalidRequest, "is required, or sku", field: "lines[\(index)].line")
            }
            return ReturnItem(
                line: line.line > 0 ? Int(line.line) - 1 : nil,
                code: line.sku.isEmpty ? nil : line.sku,
                quantity: Int(line.quantity)
            )
        }
    }
}
