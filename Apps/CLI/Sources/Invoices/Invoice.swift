/// All rows with one invoice number; it stands where its first row stands.
struct Invoice: Sendable {
    /// What the number and the rows make of an invoice; ``InvoiceRules`` says how.
    enum Class: Sendable {
        case sale, cancellation, adjustment
        /// Neither sells nor cancels: stock corrections and notes.
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
