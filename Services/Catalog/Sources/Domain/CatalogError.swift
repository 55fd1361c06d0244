/// Domain errors of the catalogue.
enum CatalogError: Error, Equatable {
    case unknownSKU(String)
    /// `field` of the request is not a currency code.
    case invalidCurrency(field: String)
}
