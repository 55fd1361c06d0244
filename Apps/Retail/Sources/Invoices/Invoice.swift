/// All rows with one invoice number; its position in the file is that of its first row.
struct Invoice: Sendable {
    /// The class of an invoice, derived from its number and rows.
    enum Class: Sendable {
        case sale, cancellation, adjustment
        /// Stock corrections and notes.
        case other
    }

    let number: String
    let customer: String?
    let date: InvoiceDate
    let country: String
    private(set) var rows: [InvoiceRow]

    init(first row: InvoiceRow) {
        number = row.invoice
        customer = row.customer
        date = row.date
        country = row.country
        rows = [row]
    }

    mutating func append(_ row: InvoiceRow) { rows.append(row) }

    var `class`: Class {
        guard let start = number.utf8.first, UInt8(ascii: "0")...UInt8(ascii: "9") ~= start else {
            return number.hasPrefix("C") ? .cancellation : .adjustment
        }
        return rows.contains { $0.quantity > 0 && $0.price > .zero } ? .sale : .other
    }
}
