import Console
import Foundation

/// Writes synthetic invoices as CSV, with the distributions and irregularities of the real ones; equal seeds give equal
/// bytes.
///
/// Uses constant memory for any number of invoices.
struct SampleWriter: Sendable {
    /// The maximum number of invoices in one file.
    static let invoicesMax = 10_000_000
    private static let pieceBytes = 262_144

    let seed: UInt64
    /// The number of distinct invoice numbers, of every kind; 1 to ``invoicesMax``.
    let invoices: Int

    /// Passes the file to `sink` in pieces, in order.
    func write(_ sink: ([UInt8]) throws -> Void) rethrows {
        var source = SampleInvoices(seed: seed)
        var dice = SeededDice(seed: seed ^ 0x5EED)
        var piece: [UInt8] = Array("\(InvoiceRow.header)\n".utf8)
        var delayed: InvoiceRow?
        for index in 0..<invoices {
            var rows = source.next()
            // Rarely an invoice's last row follows the next invoice's first.
            let previous = delayed
            delayed = rows.count > 2 && index + 1 < invoices && dice.below(3000) == 0 ? rows.popLast() : nil
            if let previous { rows.insert(previous, at: 1) }
            for row in rows { piece += Self.written(row).utf8 }
            if piece.count >= Self.pieceBytes {
                try sink(piece)
                piece.removeAll(keepingCapacity: true)
            }
        }
        try sink(piece)
    }

    /// Writes the file to a handle, which stays open.
    func write(to handle: FileHandle) throws {
        try write { try handle.write(contentsOf: Data($0)) }
    }

    private static func written(_ row: InvoiceRow) -> String {
        let fields = [
            row.invoice, row.code, quoted(row.description), String(row.quantity), row.date.description,
            row.price.description, row.customer ?? "", row.country,
        ]
        return fields.joined(separator: ",") + "\n"
    }

    private static func quoted(_ field: String) -> String {
        guard field.utf8.contains(where: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") }) else { return field }
        return "\"\(field.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
    }
}
