import SharedContract

/// One row of the file, parsed and within its limits, not yet classified.
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
    /// The maximum length of a description or country, in bytes.
    static let textBytesMax = 1024

    var invoice: String
    /// The stock code as written; case-sensitive.
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
        func text(_ column: Column, bytesMax: Int, required: Bool) throws(InvoiceFault) -> String {
            let bytes = Self.trimmed(record[column.rawValue])
            guard bytes.count <= bytesMax else { throw fault(column, "must be at most \(bytesMax) bytes") }
            guard !required || !bytes.isEmpty else { throw fault(column, "must not be empty") }
            guard let text = String(validating: bytes, as: UTF8.self) else { throw fault(column, "must be UTF-8") }
            return text
        }
        guard record.count == Column.allCases.count else {
            throw fault(nil, "has \(record.count) fields, must have \(Column.allCases.count)")
        }
        invoice = try text(.invoiceNo, bytesMax: Self.codeBytesMax, required: true)
        code = try text(.stockCode, bytesMax: Self.codeBytesMax, required: true)
        description = try text(.description, bytesMax: Self.textBytesMax, required: false)
        guard let quantity = Self.quantity(record[Column.quantity.rawValue]) else {
            throw fault(.quantity, "must be a whole number from -\(Self.quantityMax) to \(Self.quantityMax)")
        }
        self.quantity = quantity
        guard let date = InvoiceDate(reading: record[Column.invoiceDate.rawValue]) else {
            throw fault(.invoiceDate, "must be a date and time as 2010-12-01 08:26:00")
        }
        self.date = date
        guard let price = Mills(reading: record[Column.unitPrice.rawValue]) else {
            throw fault(.unitPrice, "must be a decimal with up to three decimals, at most \(Mills.priceMax.units)")
        }
        self.price = price
        let customer = try text(.customerID, bytesMax: Self.codeBytesMax, required: false)
        self.customer = customer.isEmpty ? nil : customer
        country = try text(.country, bytesMax: Self.textBytesMax, required: false)
        // Names that look the same are the same name in a file: the shop compares them by their bytes.
        let names: [(Column, String)] = [(.invoiceNo, invoice), (.stockCode, code), (.customerID, customer)]
        for (column, name) in names {
            if let composed = ComposedText.differing(from: name) { throw fault(column, ComposedText.rule(composed)) }
        }
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
