import SharedContract

/// One row of the file, parsed and within its limits, not yet classified.
///
/// Texts are in Unicode's form C: two spellings of one look are one invoice, stock code or customer.
struct InvoiceRow: Equatable, Sendable {
    /// The columns of the file, in their sequence.
    enum Column: Int, CaseIterable {
        case invoiceNo, stockCode, description, quantity, invoiceDate, unitPrice, customerID, country

        var name: String {
            switch self {
            case .invoiceNo: "InvoiceNo"
            case .stockCode: "StockCode"
            case .description: "Description"
            case .quantity: "Quantity"
            case .invoiceDate: "InvoiceDate"
            case .unitPrice: "UnitPrice"
            case .customerID: "CustomerID"
            case .country: "Country"
            }
        }
    }

    /// The file's first line.
    static let header = Column.allCases.map(\.name).joined(separator: ",")
    /// The maximum absolute quantity of a row: the shop's limit for a line.
    static let quantityMax = 100_000
    /// The maximum length of an invoice number, stock code or customer number, in bytes.
    static let codeBytesMax = 64
    /// The maximum length of a description, in characters: the shop's limit for names and notes.
    static let descriptionCharactersMax = 300
    /// The maximum length of a country, in bytes.
    static let countryBytesMax = 1024

    /// The row's first line in the file, from 1.
    var line = 1
    var invoice: String
    /// The stock code; case-sensitive.
    var code: String
    /// Trimmed; empty when the row has none.
    var description: String
    var quantity: Int
    var date: InvoiceDate
    var price: Mills
    /// `nil` for a guest.
    var customer: String?
    var country: String

    /// Quantity × price.
    var value: Mills { quantity * price }
}

extension InvoiceRow {
    /// Whether a stock code denotes goods: it starts with five digits or with DCGS; all others are services.
    static func isGoods(_ code: String) -> Bool {
        let start = code.utf8.prefix(5)
        return code.hasPrefix("DCGS")
            || start.count == 5 && start.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    var isGoods: Bool { Self.isGoods(code) }
}

extension InvoiceRow {
    /// Reads a record.
    ///
    /// - Throws: ``InvoiceFault`` with the line and the invalid column.
    init(_ record: CSVRecords.Record, file: String) throws(InvoiceFault) {
        func fault(_ column: Column?, _ rule: String) -> InvoiceFault {
            InvoiceFault(file: file, line: record.line, column: column?.name, rule: rule)
        }
        func anyText(_ column: Column, required: Bool) throws(InvoiceFault) -> String {
            let bytes = Self.trimmed(record[column.rawValue])
            guard !required || !bytes.isEmpty else { throw fault(column, "must not be empty") }
            guard let text = String(validating: bytes, as: UTF8.self) else { throw fault(column, "must be UTF-8") }
            guard !bytes.contains(0) else { throw fault(column, "must not contain the character U+0000") }
            return ComposedText.differing(from: text) ?? text
        }
        func text(_ column: Column, bytesMax: Int, required: Bool) throws(InvoiceFault) -> String {
            let text = try anyText(column, required: required)
            guard text.utf8.count <= bytesMax else { throw fault(column, "must be at most \(bytesMax) bytes") }
            return text
        }
        guard record.count == Column.allCases.count else {
            throw fault(nil, "has \(record.count) fields, must have \(Column.allCases.count)")
        }
        line = record.line
        invoice = try text(.invoiceNo, bytesMax: Self.codeBytesMax, required: true)
        code = try text(.stockCode, bytesMax: Self.codeBytesMax, required: true)
        description = try anyText(.description, required: false)
        guard description.unicodeScalars.count <= Self.descriptionCharactersMax else {
            throw fault(.description, "must be at most \(Self.descriptionCharactersMax) characters")
        }
        guard let quantity = Self.quantity(record[Column.quantity.rawValue]) else {
            throw fault(.quantity, "must be a whole number from -\(Self.quantityMax) to \(Self.quantityMax)")
        }
        self.quantity = quantity
        guard let date = InvoiceDate(reading: record[Column.invoiceDate.rawValue]) else {
            throw fault(.invoiceDate, "must be a date and time in the form \(InvoiceDate.form)")
        }
        self.date = date
        guard let price = Mills(reading: record[Column.unitPrice.rawValue]) else {
            throw fault(.unitPrice, "must be a decimal with up to three decimals, at most \(Mills.priceMax.units)")
        }
        self.price = price
        let customer = try text(.customerID, bytesMax: Self.codeBytesMax, required: false)
        self.customer = customer.isEmpty ? nil : customer
        country = try text(.country, bytesMax: Self.countryBytesMax, required: false)
    }

    private static func quantity(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count <= 12, let number = Int(String(decoding: bytes, as: UTF8.self)) else { return nil }
        return -quantityMax...quantityMax ~= number ? number : nil
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while bytes.last == UInt8(ascii: " ") { bytes.removeLast() }
        while bytes.first == UInt8(ascii: " ") { bytes.removeFirst() }
        return bytes
    }
}
