import MartletCore

extension CatalogError: FaultConvertible {
    var fault: Fault {
        switch self {
        case .unknownSKU(let sku): Fault(.notFound, "catalog.unknown_sku", "there is no product \(sku)", field: "sku")
        case .invalidCurrency(let field):
            Fault(.invalidArgument, .invalidRequest, "must be three capital letters, as in GBP", field: field)
        }
    }
}
