/// The expected state of a running shop after all of a plan's actions, with full stock.
///
/// Its JSON equals that of `Scripts/expected-figures --json`, which computes the same figures from the file alone.
struct InvoiceFigures: Equatable, Sendable, Codable {
    /// One stock code of goods, in units: opening − sold + returned + corrected = on hand.
    struct Stock: Equatable, Sendable, Codable {
        var opening = 0
        var sold = 0
        var returned = 0
        var corrected = 0
        var onHand = 0

        enum CodingKeys: String, CodingKey {
            case opening, sold, returned, corrected
            case onHand = "on_hand"
        }
    }

    var invoices = 0
    var rows = 0
    /// Rows by ``InvoiceRowKind``, with an entry for every kind.
    var rowKinds = Dictionary(uniqueKeysWithValues: InvoiceRowKind.allCases.map { ($0.rawValue, 0) })
    /// Σ quantity × price by kind, in mills.
    var rowMills = Dictionary(uniqueKeysWithValues: InvoiceRowKind.allCases.map { ($0.rawValue, Int64(0)) })
    var orders = 0
    var guestOrders = 0
    var orderLines = 0
    /// Orders that take no stock.
    var serviceOnlyOrders = 0
    /// Σ order totals.
    var capturedPence: Int64 = 0
    /// Invoices that start with C.
    var cancellations = 0
    var returns = 0
    var returnLines = 0
    /// Units of goods and of services.
    var returnedUnits = 0
    var refundedPence: Int64 = 0
    var creditNotes = 0
    var creditNoteLines = 0
    var creditNoteMills: Int64 = 0
    var corrections = 0
    /// By stock code of goods; sort the keys before they reach any output.
    var skus: [String: Stock] = [:]

    enum CodingKeys: String, CodingKey {
        case invoices, rows, orders, cancellations, returns, corrections, skus
        case rowKinds = "row_kinds"
        case rowMills = "row_mills"
        case guestOrders = "guest_orders"
        case orderLines = "order_lines"
        case serviceOnlyOrders = "service_only_orders"
        case capturedPence = "captured_pence"
        case returnLines = "return_lines"
        case returnedUnits = "returned_units"
        case refundedPence = "refunded_pence"
        case creditNotes = "credit_notes"
        case creditNoteLines = "credit_note_lines"
        case creditNoteMills = "credit_note_mills"
    }
}
