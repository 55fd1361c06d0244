import MartletCore
import OrdersContract
import SharedContract

extension Placement {
    /// The lines and prices that a merchant agreed with a customer.
    init(_ request: PlaceAgreedOrderRequest) throws(OrderError) {
        guard let currency = request.lines.first?.unitPrice.currency else { throw .emptyOrder }
        var lines: [PricedLine] = []
        for (index, line) in request.lines.enumerated() {
            let (own, field) = (line.unitPrice.currency, "lines[\(index)].unit_price.currency")
            guard Currency.exists(own) else { throw .invalidCurrency(field: field) }
            guard line.unitPrice.hasOneSign else {
                throw .twoSigns(field: "lines[\(index)].unit_price.nanos")
            }
            guard ExactText(own) == ExactText(currency) else {
                throw .mixedCurrencies(field: field, currency: currency, other: own)
            }
            lines.append(
                try PricedLine(
                    code: ExactText(line.sku),
                    name: line.name,
                    quantity: Int(line.quantity),
                    price: line.unitPrice,
                    // A discount is no unit, although it may have the SKU of the goods that it concerns.
                    isGoods: !line.service && line.unitPrice.amount >= .zero
                )
            )
        }
        try self.init(
            customerID: ExactText(request.customerID),
            reference: request.reference,
            cart: nil,
            currency: currency,
            lines: lines
        )
    }
}
