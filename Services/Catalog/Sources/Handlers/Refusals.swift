import MartletCore
import SharedContract

extension CatalogError: FaultConvertible {
    var fault: Fault {
        switch self {
        case .unknownSKU(let sku): Fault(.notFound, "catalog.unknown_sku", "there is no product \(sku)", field: "sku")
        case .invalidCurrency(let field):
            Fault(.invalidArgument, .invalidRequest, Currency.rule, field: field)
        case .twoSigns(let field): Fault(.invalidArgument, .invalidRequest, UnitPrice.signsRule, field: field)
        case .notComposed(let field, let composed):
            Fault(.invalidArgument, .invalidRequest, ComposedText.rule(composed), field: field)
        }
    }
}
