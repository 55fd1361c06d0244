/// What `martlet import` puts into the shop and `martlet replay` does with it: a pure function of the file.
struct InvoicePlan: Sendable {
    /// By SKU.
    let products: [PlannedProduct]
    /// In file order.
    let actions: [PlannedAction]
    /// What the shop must show at the end, when stock is full.
    let figures: InvoiceFigures

    /// Reads a file and plans it.
    ///
    /// - Parameter limit: Only the first so many distinct invoice numbers of the file, of every kind; `nil` takes all.
    /// - Throws: ``InvoiceFault``.
    init(path: String, first limit: Int?) throws {
        try self.init(invoices: InvoiceFile(path: path).invoices(first: limit), file: path)
    }

    /// - Parameter file: Named in faults.
    /// - Throws: ``InvoiceFault`` when an invoice breaks a limit.
    init(invoices: [Invoice], file: String) throws(InvoiceFault) {
        var book = PlanBook(file: file)
        var catalogue = PlanCatalogue()
        for invoice in invoices {
            try book.take(invoice)
            catalogue.take(invoice)
        }
        actions = book.actions
        figures = book.closed()
        products = catalogue.products(stock: figures.skus)
    }
}
