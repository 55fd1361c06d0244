/// The kind of a row, by the rules at the head of `Scripts/expected-figures`: every row has exactly one.
enum InvoiceRowKind: String, CaseIterable, Sendable {
    case goodsSale = "goods_sale"
    case serviceSale = "service_sale"
    case freeGoods = "free_goods"
    case freeService = "free_service"
    case stockLoss = "stock_loss"
    case stockFound = "stock_found"
    case serviceNote = "service_note"
    case cancelledGoods = "cancelled_goods"
    case cancelledService = "cancelled_service"
    case misplaced
    case adjustment
    case empty

    /// How the plan uses a row of this kind.
    enum Use: Sendable {
        case orderLine, correction, cancellation, countedOnly
    }

    var use: Use {
        switch self {
        case .goodsSale, .serviceSale, .freeGoods, .freeService: .orderLine
        case .stockLoss, .stockFound: .correction
        case .cancelledGoods, .cancelledService: .cancellation
        case .serviceNote, .misplaced, .adjustment, .empty: .countedOnly
        }
    }

    /// Classifies one row of an invoice.
    init(_ row: InvoiceRow, in class: Invoice.Class) {
        let isGoods = row.isGoods
        self =
            switch `class` {
            case .adjustment: .adjustment
            case _ where row.price < .zero: .adjustment
            case _ where row.quantity == 0: .empty
            case .cancellation where row.quantity > 0: .misplaced
            case .cancellation: isGoods ? .cancelledGoods : .cancelledService
            case .sale, .other:
                if row.quantity < 0 {
                    isGoods ? .stockLoss : .serviceNote
                } else if row.price > .zero {
                    isGoods ? .goodsSale : .serviceSale
                } else if `class` == .sale {
                    isGoods ? .freeGoods : .freeService
                } else {
                    isGoods ? .stockFound : .serviceNote
                }
            }
    }
}
