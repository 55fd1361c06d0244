/// A SKU and the index of its line in the request.
struct RequestedSKU: Sendable, Equatable {
    let line: Int
    let sku: String
}
