/// Domain errors of the catalogue.
enum CatalogError: Error, Equatable {
    case unknownSKU(String)
    /// `field` of the request is no currency.
    case invalidCurrency(field: String)
    /// The units and nanos of a price have two signs; `field` is that of the nanos.
    case twoSigns(field: String)
    /// `field` is a new SKU that is not in Unicode's normal form C, which is `composed`.
    case notComposed(field: String, composed: String)
}
